/**
 * The mail about a run's conflicts: for each the path, both versions, what was
 * done, where each version is now, and what a person has to do.
 *
 * @module
 */
import type { Block, Fact } from "./mail_blocks.ts";
import {
  countOf,
  isWindows,
  type MailFacts,
  mailOf,
  type MailRun,
  type MailText,
  placeOf,
  TOLD,
  versionFact,
  zonedTime,
} from "./mail_words.ts";
import { words } from "./metadata.ts";
import { nameOf } from "./paths.ts";
import type { Conflict } from "./plan_types.ts";
import {
  causeWords,
  conflictWords,
  fileSide,
  openWords,
  PROGRAM,
  shellQuoted,
} from "./text.ts";
import type { ToldConflict } from "./told_conflict.ts";
import { otherSide, type Side, SIDES } from "./types.ts";

/** What there is to tell. */
export interface ConflictNews {
  /** Settled, or about to be when a run was cut off. */
  readonly settled: readonly ToldConflict[];
  /** For a person to settle. */
  readonly open: readonly Conflict[];
}

/**
 * The mail about conflicts.
 *
 * @param news At least one conflict.
 * @param run The run that tells them.
 * @param facts Where everything is.
 */
export function conflictMail(
  news: ConflictNews,
  run: MailRun,
  facts: MailFacts,
): MailText {
  const { open, settled } = news;
  const count = open.length + settled.length;
  const [first] = [...open, ...settled.map(({ conflict }) => conflict)];
  const what = count === 1 ? nameOf(first!.path) : "in several files";
  const toDo = open.length === 0
    ? ""
    : open.length === count
    ? ", for you to settle"
    : `, ${open.length} for you to settle`;
  const shownOpen = open.slice(0, TOLD);
  // The history has nothing of a run that was cut off: that goes first.
  const all = settled.toSorted((a, b) =>
    Number(b.cutOff !== null) - Number(a.cutOff !== null)
  );
  const shown = all.slice(0, TOLD - shownOpen.length);
  return mailOf(
    `office-sync: ${countOf(count, "conflict")}: ${what}${toDo}`,
    [
      { kind: "text", text: opening(news) },
      ...shownOpen.flatMap((conflict) => openBlocks(conflict, facts)),
      ...moreOpen(open.length - shownOpen.length),
      ...shown.flatMap((told) => settledBlocks(told, facts)),
      ...moreSettled(all.slice(shown.length), run),
    ],
    run,
    facts,
  );
}

/** What waited so long that it is told together. */
export interface Backlog extends ConflictNews {
  /** Of settled conflicts, the newest first, not all may be here. */
  readonly settledCount: number;
  /** Mails of which only the text is known. */
  readonly others: readonly OldMail[];
  /** When the oldest of all was written, in ms since 1970. */
  readonly sinceMs: number;
}

/** A mail that was written long ago. */
export interface OldMail {
  /** In ms since 1970. */
  readonly createdAtMs: number;
  readonly subject: string;
  /** "" where there are too many. */
  readonly text: string;
}

/**
 * One mail in place of many that could not be sent: short, so that what kept
 * one of them from being sent hardly keeps this one.
 *
 * @param backlog What they say, as far as it is still true.
 * @param run The run that tells it.
 * @param facts Where everything is.
 */
export function backlogMail(
  backlog: Backlog,
  run: MailRun,
  facts: MailFacts,
): MailText {
  const { open, settled, settledCount, others, sinceMs } = backlog;
  const conflicts = open.length + settledCount;
  const what = [
    ...conflicts > 0 ? [countOf(conflicts, "conflict")] : [],
    ...others.length > 0 ? [countOf(others.length, "older mail")] : [],
  ].join(" and ");
  const toDo = open.length > 0 ? `, ${open.length} for you to settle` : "";
  return mailOf(
    `office-sync: what could not be mailed before: ${what}${toDo}`,
    [
      {
        kind: "text",
        text: "The mail server could not be reached, or did not take the " +
          `mails; the oldest is of ${zonedTime(sinceMs)}. This is what they ` +
          "would have told, as far as it is still true.",
      },
      ...openSection(open),
      ...settledSection(settled, settledCount),
      ...otherSection(others),
    ],
    run,
    facts,
  );
}

function openSection(open: readonly Conflict[]): Block[] {
  if (open.length === 0) return [];
  return [
    { kind: "heading", text: "For you to settle" },
    {
      kind: "text",
      text: "Left and Right both changed these files. Until a person settles " +
        "it, they are not synced, and nothing happens to them.",
    },
    ...open.slice(0, TOLD).map((it): Block => ({
      kind: "text",
      text: openWords(it),
    })),
    ...open.length > TOLD
      ? [{ kind: "text", text: `And ${open.length - TOLD} more.` } as const]
      : [],
    { kind: "text", text: "To see all, and how to settle them:" },
    { kind: "commands", commands: [`${PROGRAM} conflicts`] },
  ];
}

function settledSection(
  settled: readonly ToldConflict[],
  count: number,
): Block[] {
  if (settled.length === 0) return [];
  const rest = count - Math.min(TOLD, settled.length);
  return [
    { kind: "heading", text: "Settled as the config says" },
    ...settled.slice(0, TOLD).map((told): Block => ({
      kind: "text",
      text: told.cutOff === null
        ? conflictWords(told.conflict, "not kept", told.keptAt)
        : `${conflictWords(told.conflict, "not kept", null)} (The run ` +
          `${told.cutOff} was cut off while it did this: please look.)`,
    })),
    ...rest <= 0 ? [] : [
      { kind: "text", text: `And ${rest} more. To see past runs:` } as const,
      { kind: "commands", commands: [`${PROGRAM} history`] } as const,
    ],
  ];
}

function otherSection(others: readonly OldMail[]): Block[] {
  const rest = others.length - TOLD;
  return [
    ...others.slice(0, TOLD).flatMap((it): Block[] => [
      { kind: "heading", text: it.subject },
      { kind: "text", text: `Written ${zonedTime(it.createdAtMs)}.` },
      ...linesOf(it.text),
    ]),
    ...rest > 0
      ? [
        {
          kind: "text",
          text: `And ${countOf(rest, "older mail")} more.`,
        } as const,
      ]
      : [],
  ];
}

/** A text that was laid out once, without what underlines its headings. */
function linesOf(text: string): Block[] {
  return text.split("\nAbout this mail\n")[0]!.split("\n").map((line) =>
    line.trim()
  )
    .filter((line) => /[^-]/.test(line))
    .map((line) => ({ kind: "text", text: line }));
}

function opening({ open, settled }: ConflictNews): string {
  const conflicts = [...open, ...settled.map(({ conflict }) => conflict)];
  const causes = new Set(
    conflicts.map((conflict) =>
      fileSide(conflict) !== null
        ? "have a file and a folder of the same name"
        : conflict.kind === "new_new"
        ? "both got a new file of the same name"
        : conflict.kind === "metadata_conflict"
        ? "both changed names or properties since they last agreed"
        : "both changed the same files since they last agreed"
    ),
  );
  const sentences = [
    `${[...causes].map((it) => `Left and Right ${it}`).join("; ")}.`,
  ];
  if (open.length > 0) {
    const they = open.length === 1
      ? "One conflict"
      : `${open.length} conflicts`;
    sentences.push(
      `${they} can only be settled by a person: until then these files are ` +
        "not synced, and nothing happens to them.",
    );
  }
  if (settled.length > 0) {
    const they = settled.length === 1
      ? "One conflict was"
      : `${settled.length} conflicts were`;
    sentences.push(
      `${they} settled as the config says; please look whether that suits you.`,
    );
  }
  return sentences.join(" ");
}

function moreOpen(count: number): Block[] {
  if (count <= 0) return [];
  return [
    {
      kind: "text",
      text: `And ${countOf(count, "more open conflict")}; to see all:`,
    },
    { kind: "commands", commands: [`${PROGRAM} conflicts`] },
  ];
}

/** What a run did stays in the history; one that was cut off has its log. */
function moreSettled(rest: readonly ToldConflict[], run: MailRun): Block[] {
  if (rest.length === 0) return [];
  const told = rest.filter(({ cutOff }) => cutOff === null);
  const count = countOf(rest.length, "more conflict");
  const text = `And ${count} that ${
    rest.length === 1 ? "was" : "were"
  } settled`;
  const cutOff = rest.length - told.length;
  return [
    {
      kind: "text",
      text: cutOff === 0
        ? `${text}; to see all:`
        : `${text}; of ${cutOff} of them, from a run that was cut off, the log ` +
          "has what was done.",
    },
    ...told.length === 0 ? [] : [
      {
        kind: "commands",
        commands: [`${PROGRAM} history ${run.id}`],
      } as const,
    ],
  ];
}

/** Nothing was touched: a person chooses. */
function openBlocks(conflict: Conflict, facts: MailFacts): Block[] {
  const { versions, path } = conflict;
  const isKnown = SIDES.some((side) => versions[side] !== null);
  return [
    { kind: "heading", text: path },
    {
      kind: "facts",
      facts: [
        ...SIDES.map((side) => sideFact(conflict, side)),
        ["Rule", ruleWords(conflict)],
        ["Done", "Nothing was touched. (NOOP)"],
        ...SIDES.flatMap((side): Fact[] => {
          const at = versions[side]?.path ?? (isKnown ? path : null);
          if (at === null) return [];
          return [[`${words(side)}'s is`, placeOf(facts, side, at)]];
        }),
      ],
    },
    { kind: "text", text: "To settle it, choose one of these commands:" },
    ...resolving(conflict, facts),
  ];
}

function resolving(conflict: Conflict, facts: MailFacts): Block[] {
  const { path, kind } = conflict;
  const hasNames = kind === "metadata_conflict";
  const file = fileSide(conflict);
  const word = shellQuoted(path, isWindows(facts));
  if (word === null) {
    return [{
      kind: "text",
      text:
        "The name can't be typed into a command. Instead rename or delete " +
        "the file on one side; the next run goes by that.",
    }];
  }
  const what = hasNames ? "name and properties" : "version";
  // A folder nobody has looked into is not given up for a file.
  const explained = file !== null
    ? `${
      otherSide(file)
    } takes the folder; both keeps both: the folder under ` +
      "the name, the file beside it as a clash copy."
    : hasNames
    ? `left takes Left's ${what}, right takes Right's.`
    : `left takes Left's ${what}, right takes Right's, both keeps both: one ` +
      "under the name, the other beside it as a clash copy.";
  const takes = file !== null
    ? [otherSide(file), "both"]
    : hasNames
    ? SIDES
    : [...SIDES, "both"];
  // What begins like an option is none behind the two dashes.
  const guard = path.startsWith("-") ? "-- " : "";
  return [
    {
      kind: "commands",
      commands: takes.map((take) =>
        `${PROGRAM} conflicts resolve ${guard}${word} ${take}`
      ),
    },
    { kind: "text", text: explained },
  ];
}

/** What a run did, and where everything is now. */
function settledBlocks(told: ToldConflict, facts: MailFacts): Block[] {
  const { conflict, actions, detail, cutOff } = told;
  const done = cutOff === null
    ? doneWords(told)
    : `The run ${cutOff} was cut off while it settled this. It meant: ` +
      doneWords(told);
  return [
    { kind: "heading", text: conflict.path },
    {
      kind: "facts",
      facts: [
        ...SIDES.map((side) => sideFact(conflict, side)),
        ["Rule", ruleWords(conflict)],
        ["Done", `${done} (${actions.join(", ")})`],
        ...detail === null ? [] : [["Note", detail] as const],
        ...placeFacts(told, facts),
      ],
    },
    ...toDo(told, facts),
  ];
}

function sideFact({ kind, path, versions }: Conflict, side: Side): Fact {
  const version = versions[side];
  if (version === null) {
    const isName = versions[otherSide(side)] === null;
    return [words(side), isName ? "a folder with a new name" : "a folder"];
  }
  const isNamed = kind === "metadata_conflict" && version.path !== path;
  const name = isNamed ? `${nameOf(version.path)}, ` : "";
  return [words(side), name + versionFact(version)];
}

function ruleWords(conflict: Conflict): string {
  const { rule, policy } = conflict;
  return `${rule} (${causeWords(conflict)}), policy ${policy}`;
}

function doneWords({ conflict, clashPath, renamed }: ToldConflict): string {
  const { kind, versions } = conflict;
  const winner = conflict.winner!;
  const loser = otherSide(winner);
  if (kind === "metadata_conflict") {
    const name = renamed === null
      ? ""
      : ` ${nameOf(renamed.from)} is called ${nameOf(renamed.to)} now.`;
    return `${words(winner)}'s name and properties were taken on both sides; ` +
      `the content was the same.${name}`;
  }
  if (versions[winner] === null) {
    return `${words(winner)} has a folder of this name, and keeps it. ` +
      `${words(loser)}'s file was kept beside it, on both sides.`;
  }
  const newer = conflict.isNewer ? ", the newer," : "";
  const file = `${words(winner)}'s version${newer} is the file on both sides ` +
    "now.";
  return clashPath === null
    ? `${file} It replaced ${words(loser)}'s.`
    : `${file} ${words(loser)}'s was kept beside it as a clash copy, on both ` +
      "sides.";
}

/** Where each version is now. */
function placeFacts(told: ToldConflict, facts: MailFacts): Fact[] {
  const { conflict, clashPath, keptAt, cutOff } = told;
  const { kind, path, policy, versions } = conflict;
  const winner = conflict.winner!;
  const loser = otherSide(winner);
  const onBoth = (label: string, at: string): Fact[] => [
    [label, placeOf(facts, "left", at)],
    ["and", placeOf(facts, "right", at)],
  ];
  const isFolder = versions[winner] === null;
  const main = kind === "metadata_conflict" || isFolder
    ? "Now at"
    : `${words(winner)}'s is now`;
  const other = `${words(loser)}'s is now`;
  const now = onBoth(main, path);
  if (clashPath !== null) return [...now, ...onBoth(other, clashPath)];
  if (kind === "metadata_conflict" || policy !== "overwrite") return now;
  if (keptAt !== null) return [...now, [other, placeOf(facts, loser, keptAt)]];
  return [...now, [
    other,
    cutOff === null
      ? "gone: soft delete is off, or the file is too large for it"
      : `in ${placeOf(facts, loser, ".office-sync/deleted")}, if soft delete ` +
        "takes it",
  ]];
}

function toDo(told: ToldConflict, facts: MailFacts): Block[] {
  const { conflict, clashPath, keptAt, cutOff } = told;
  const look: Block[] = cutOff === null ? [] : [{
    kind: "text",
    text: "Please look whether both versions are where they should be.",
  }];
  if (conflict.kind === "metadata_conflict") {
    const text = "There is nothing to do, unless you want the other name: " +
      "rename it on one side, and the other side follows.";
    return [...look, { kind: "text", text }];
  }
  if (clashPath !== null) {
    const text = conflict.versions[conflict.winner!] === null
      ? `To settle it, look into ${nameOf(clashPath)}, and rename, move or ` +
        "delete it on one side; the other side follows."
      : "To settle it, open both files, bring together what is needed in one " +
        "of them, and delete the other on one side; the other side follows.";
    return [...look, { kind: "text", text }];
  }
  if (keptAt === null) return look;
  const word = shellQuoted(conflict.path, isWindows(facts));
  if (word === null) return look;
  const guard = conflict.path.startsWith("-") ? "-- " : "";
  return [
    ...look,
    {
      kind: "text",
      text: "If the other version is wanted, bring it back in place of the " +
        "file:",
    },
    {
      kind: "commands",
      commands: [`${PROGRAM} restore --force ${guard}${word}`],
    },
  ];
}
