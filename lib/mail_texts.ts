/**
 * The mail about a run's conflicts: for each the path, both versions, what was
 * done, where each version is now, and what a person has to do.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import type {
  KnownTrouble,
  Trouble,
  TroubleNews,
} from "./email_notifications.ts";
import { words } from "./metadata.ts";
import { nameOf } from "./paths.ts";
import type { Action, Conflict, Version } from "./plan_types.ts";
import type { Outcome } from "./run_types.ts";
import {
  causeWords,
  conflictWords,
  escapeHtml,
  fileSide,
  openWords,
  printable,
  PROGRAM,
  shellQuoted,
  sizeWords,
} from "./text.ts";
import {
  type ActionName,
  type Both,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";

// A mail as a list of blocks, and the two forms it is sent in: plain text and
// HTML that follows the reader's own colours. Nothing is loaded from anywhere.

/** A piece of a mail. Texts are given as they are; both forms escape them. */
export type Block =
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "facts"; readonly facts: readonly Fact[] }
  /** Lines to be typed or copied. */
  | { readonly kind: "commands"; readonly commands: readonly string[] };

/** What it is, and its value. */
export type Fact = readonly [label: string, value: string];

/**
 * A mail without HTML.
 *
 * @param blocks The mail.
 * @returns Lines of text.
 *
 * @example
 * ```ts
 * import { textOf } from "./mail_texts.ts";
 * textOf([{ kind: "facts", facts: [["Left", "/srv/a.txt"]] }]);
 * // "  Left: /srv/a.txt\n"
 * ```
 */
export function textOf(blocks: readonly Block[]): string {
  return `${blocks.map(blockText).join("\n\n")}\n`;
}

function blockText(block: Block): string {
  switch (block.kind) {
    case "heading": {
      const text = printable(block.text);
      return `${text}\n${"-".repeat(Math.min(72, [...text].length))}`;
    }
    case "text":
      return printable(block.text);
    case "facts": {
      const width = Math.max(...block.facts.map(([label]) => label.length));
      return block.facts.map(([label, value]) =>
        `  ${`${label}:`.padEnd(width + 1)} ${printable(value)}`
      ).join("\n");
    }
    case "commands":
      return block.commands.map((line) => `    ${printable(line)}`).join("\n");
  }
}

/**
 * A mail as an HTML page.
 *
 * @param title For programs that show one.
 * @param blocks The mail.
 */
export function htmlOf(title: string, blocks: readonly Block[]): string {
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    // No colour of its own but grey lines: bright and dark both are readable.
    '<meta name="color-scheme" content="light dark">',
    '<meta name="supported-color-schemes" content="light dark">',
    `<title>${escapeHtml(title)}</title></head>`,
    `<body style="${BODY}">`,
    ...blocks.map(blockHtml),
    "</body></html>",
    "",
  ].join("\n");
}

const BODY = "font-family:'Segoe UI',Helvetica,Arial,sans-serif;" +
  "font-size:15px;line-height:1.45;max-width:46em";
const HEADING = "font-size:17px;margin:1.6em 0 .4em;padding-top:.8em;" +
  "border-top:1px solid #888";
const CODE = "font-family:Consolas,Menlo,monospace;font-size:13px;" +
  "border-left:3px solid #888;padding:.2em .8em;white-space:pre-wrap;" +
  "word-break:break-word";
const LABEL = "text-align:left;vertical-align:top;font-weight:normal;" +
  "white-space:nowrap;padding:1px 14px 1px 0";
const VALUE = "vertical-align:top;padding:1px 0;word-break:break-word";

function blockHtml(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `<h2 style="${HEADING}">${escapeHtml(block.text)}</h2>`;
    case "text":
      return `<p>${escapeHtml(block.text)}</p>`;
    case "facts":
      return [
        '<table role="presentation" style="border-collapse:collapse">',
        ...block.facts.map(([label, value]) =>
          `<tr><th style="${LABEL}">${escapeHtml(label)}</th>` +
          `<td style="${VALUE}">${escapeHtml(value)}</td></tr>`
        ),
        "</table>",
      ].join("\n");
    case "commands":
      return `<pre style="${CODE}">${
        block.commands.map(escapeHtml).join("\n")
      }</pre>`;
  }
}

// What all mails have in common.

/** A mail that is ready to be sent. */
export interface MailText {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** What a reader needs to find everything. All paths are absolute. */
export interface MailFacts {
  readonly roots: Both<string>;
  readonly configFile: string;
  readonly logFile: string;
}

/** What a run is called in a mail. */
export interface MailRun {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
}

/** Longer subjects are cut off by most programs anyway. */
const SUBJECT_LENGTH = 120;

/** Items that a mail tells at most; the log and the history have them all. */
export const TOLD = 100;

/**
 * A mail in both forms, with what a reader needs to find everything.
 *
 * @param subject Its subject.
 * @param blocks What it says.
 * @param run The run that it is about.
 * @param facts Where everything is.
 */
export function mailOf(
  subject: string,
  blocks: readonly Block[],
  run: MailRun,
  facts: MailFacts,
): MailText {
  const all: Block[] = [...blocks, ...closing(blocks, run, facts)];
  const line = [...printable(subject)];
  const cut = line.length > SUBJECT_LENGTH
    ? `${line.slice(0, SUBJECT_LENGTH - 1).join("")}…`
    : line.join("");
  return { subject: cut, text: textOf(all), html: htmlOf(cut, all) };
}

/** A binary and a portable folder know their config. */
const HOW = PROGRAM === "office-sync"
  ? ""
  : "Add --config and the path of the config. Where Deno is not installed, " +
    'write "npx -y deno@2.9.5 task" in place of "deno task".';

function closing(
  blocks: readonly Block[],
  run: MailRun,
  facts: MailFacts,
): Block[] {
  const { roots, configFile, logFile } = facts;
  const hasCommands = blocks.some((block) =>
    block.kind === "commands" || block.kind === "facts" &&
      block.facts.some(([, value]) => value.includes(`"${PROGRAM} `))
  );
  return [
    { kind: "heading", text: "About this mail" },
    {
      kind: "facts",
      facts: [
        ["Left", roots.left],
        ["Right", roots.right],
        ["Run", `${run.id}, started ${zonedTime(run.startedAtMs)}`],
        ["Config", configFile],
        ["Log", logFile],
      ],
    },
    ...hasCommands
      ? [
        {
          kind: "text",
          text: `Type the commands on the computer that syncs, in the folder ` +
            `of office-sync. ${HOW}`.trim(),
        } as const,
      ]
      : [],
  ];
}

/**
 * A local time and how far that is from UTC.
 *
 * @param timeMs In ms since 1970.
 *
 * @example
 * ```ts
 * import { zonedTime } from "./mail_texts.ts";
 * zonedTime(0); // in Berlin: "1970-01-01 01:00:00 UTC+01:00"
 * ```
 */
export function zonedTime(timeMs: number): string {
  const date = new Date(timeMs);
  const zone = Intl.DateTimeFormat("en", { timeZoneName: "longOffset" })
    .formatToParts(date).find(({ type }) => type === "timeZoneName");
  const offset = (zone?.value ?? "").replace("GMT", "");
  return `${date.toLocaleString("sv-SE")} UTC${offset}`;
}

/**
 * Time and size of a version.
 *
 * @param version The version.
 */
export function versionFact({ mtimeMs, sizeBytes }: Version): string {
  return `${zonedTime(mtimeMs)}, ${sizeWords(sizeBytes)}`;
}

/**
 * Where something is, as the system that has it writes paths.
 *
 * @param facts Where the roots are.
 * @param side Which of them.
 * @param path Relative to the root.
 */
export function placeOf(facts: MailFacts, side: Side, path: string): string {
  const root = facts.roots[side];
  return pathsOf(root).join(root, path);
}

/**
 * Whether the sync runs on Windows.
 *
 * @param facts Where everything is.
 */
export function isWindows(facts: MailFacts): boolean {
  return pathsOf(facts.configFile) === win32;
}

/** A path's own rules: no other system has one that begins so. */
function pathsOf(path: string): typeof posix {
  return path.startsWith("/") ? posix : win32;
}

/**
 * A number and its noun.
 *
 * @param count How many.
 * @param noun For one of them.
 */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

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

// The mail about what went wrong, and about what is in order again.

/**
 * The mail about guards and failures.
 *
 * @param news What there is to tell, at least one trouble.
 * @param run The run that tells it.
 * @param facts Where everything is.
 */
export function troubleMail(
  news: TroubleNews,
  run: MailRun,
  facts: MailFacts,
): MailText {
  return mailOf(
    subjectOf(news),
    [
      { kind: "text", text: openingTroubleMail(news) },
      ...section("New", news.fresh, LISTS_ALL),
      ...section("Reported before, not over", news.lasting, LISTS_ALL),
      ...section("Over", news.over, []),
    ],
    run,
    facts,
  );
}

/** What is tried again with each run is listed by the next one. */
const LISTS_ALL: readonly Block[] = [
  { kind: "text", text: "To run again and see all that still fails:" },
  { kind: "commands", commands: [`${PROGRAM} --verbose`] },
];

function subjectOf({ fresh, lasting, over }: TroubleNews): string {
  const there = [...fresh, ...lasting];
  const stop = there.find(({ isStop }) => isStop);
  const still = fresh.length === 0 ? "still " : "";
  if (stop) return `office-sync ${still}does not sync: ${stop.title}`;
  const failed = there.filter(({ isEvent }) => !isEvent);
  if (failed.length > 0) {
    const files = countOf(failed.length, "action");
    return `office-sync: ${files} ${still}failed`;
  }
  const [event] = there;
  if (event) {
    const again = over.some(({ isStop }) => isStop) ? " syncs again" : "";
    return `office-sync${again}: ${event.title}`;
  }
  return over.some(({ isStop }) => isStop)
    ? "office-sync syncs again: all clear"
    : "office-sync: all clear, nothing fails any more";
}

function openingTroubleMail({ fresh, lasting }: TroubleNews): string {
  const there = [...fresh, ...lasting];
  if (there.length === 0) {
    return "What went wrong before is over. There is nothing to do.";
  }
  if (there.some(({ isStop }) => isStop)) {
    return "The run was stopped. Until the cause is removed, nothing is " +
      "synced: what changes on one side does not reach the other.";
  }
  return there.every(({ isEvent }) => isEvent)
    ? "The run went to its end, but you should know what happened."
    : "The run went to its end, but some of it could not be done. It is " +
      "tried again with each run. Everything else is synced.";
}

function section(
  title: string,
  troubles: readonly (Trouble | KnownTrouble)[],
  forAll: readonly Block[],
): Block[] {
  if (troubles.length === 0) return [];
  const told = troubles.slice(0, TOLD);
  const rest = troubles.length - told.length;
  return [
    { kind: "heading", text: title },
    ...told.map((trouble): Block => ({
      kind: "facts",
      facts: factsOf(trouble),
    })),
    ...rest > 0
      ? [{ kind: "text", text: `And ${rest} more.` } as const, ...forAll]
      : [],
  ];
}

function factsOf(trouble: Trouble | KnownTrouble): Fact[] {
  const { title, reason, hint } = trouble;
  const isOver = "isOver" in trouble && trouble.isOver;
  return [
    ["What", title],
    ["Why", reason],
    ...hint === "" || isOver ? [] : [["To do", hint] as const],
    ..."sinceMs" in trouble
      ? [["Since", zonedTime(trouble.sinceMs)] as const]
      : [],
  ];
}

// Conflicts as a mail needs them: plain data that can wait in the state DB.

/** A conflict, and what became of it. */
export interface ToldConflict {
  readonly conflict: Conflict;
  /** Names of the actions that it took, in order. */
  readonly actions: readonly ActionName[];
  /** The name of its clash copy; null where there is none. */
  readonly clashPath: string | null;
  /** Where a replaced version is, below its side's root; null: nowhere. */
  readonly keptAt: string | null;
  /** Of a name that was given to one side. */
  readonly renamed: { readonly from: string; readonly to: string } | null;
  /** What else there is to say. */
  readonly detail: string | null;
  /** The run that was cut off while it settled it; null for the usual case. */
  readonly cutOff: string | null;
}

/**
 * What tells one conflict of a run from another: a path can have one of its
 * content and one of its name.
 *
 * @param conflict The conflict.
 */
export function conflictKey({ kind, path }: Conflict): string {
  return `${kind === "metadata_conflict" ? "name" : "content"} ${path}`;
}

/**
 * What tells two pairs of versions apart.
 *
 * @param conflict An open conflict.
 */
export function versionsKey({ kind, versions }: Conflict): string {
  return JSON.stringify([kind, versions.left, versions.right]);
}

/**
 * The conflicts that a run settled: those of which everything was done.
 *
 * @param outcomes Of the run.
 */
export function settledIn(outcomes: readonly Outcome[]): ToldConflict[] {
  const settled = new Map<string, ToldConflict>();
  const left = new Set<string>();
  for (const { action, kind, newPath, detail } of outcomes) {
    if (!isSettling(action)) continue;
    const key = conflictKey(action.conflict);
    if (kind !== "done") left.add(key);
    settled.set(key, merge(settled.get(key), action, newPath, detail));
  }
  for (const key of left) settled.delete(key);
  return [...settled.values()];
}

/**
 * The conflicts that a plan settles, for the case that the run is cut off
 * before it can tell what became of them.
 *
 * @param actions Of the plan.
 * @param run Id of the run.
 */
export function settledBy(
  actions: readonly Action[],
  run: string,
): ToldConflict[] {
  const settled = new Map<string, ToldConflict>();
  for (const action of actions) {
    if (!isSettling(action)) continue;
    const key = conflictKey(action.conflict);
    const told = merge(settled.get(key), action, action.newPath, null);
    settled.set(key, { ...told, cutOff: run });
  }
  return [...settled.values()];
}

function isSettling(
  action: Action,
): action is Action & { readonly conflict: Conflict } {
  return action.conflict !== null && action.conflict.winner !== null;
}

/** A conflict may take two actions, the clash copy and the copy across. */
function merge(
  before: ToldConflict | undefined,
  action: Action & { readonly conflict: Conflict },
  newPath: string | null,
  detail: string | null,
): ToldConflict {
  const { work, path, conflict } = action;
  const isRename = work.kind === "rename" || work.kind === "rename-directory";
  const isKept = work.kind === "copy" && work.fate === "soft-delete";
  return {
    conflict,
    actions: [...before?.actions ?? [], action.name],
    clashPath: work.kind === "clash"
      ? work.clashPath
      : before?.clashPath ?? null,
    keptAt: isKept ? newPath : before?.keptAt ?? null,
    renamed: isRename && newPath !== null
      ? { from: path, to: newPath }
      : before?.renamed ?? null,
    detail: detail ?? before?.detail ?? null,
    cutOff: null,
  };
}
