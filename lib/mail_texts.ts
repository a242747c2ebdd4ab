/**
 * What mails say, as text and as HTML: the one about a run's conflicts, the
 * one about what went wrong, and the one in place of many that had to wait.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import {
  causeWords,
  conflictWords,
  fileSide,
  noFileWords,
  replacesLoser,
} from "./conflict.ts";
import { escapeHtml } from "./html.ts";
import { words } from "./metadata.ts";
import { nameOf } from "./paths.ts";
import type { Conflict, ConflictDone } from "./plan_types.ts";
import type { Unsynced } from "./report_text.ts";
import type { Alert } from "./run_types.ts";
import {
  countOf,
  printable,
  PROGRAM,
  shellQuoted,
  sizeWords,
  zonedTime,
} from "./text.ts";
import { type Both, otherSide, type Side, SIDES } from "./types.ts";

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
  /**
   * Whose computer its commands are for, such as "PC x, as y"; null: the system
   * does not tell. Asked only when a mail is worded. Left out: it is not said.
   */
  readonly place?: () => string | null;
}

/** What a run is called in a mail. */
export interface MailRun {
  readonly id: string;
  /** In ms since 1970. */
  readonly startedAtMs: number;
}

/** Conflicts of a run: open ones, and such that were done, or cut off. */
export interface ConflictNews {
  readonly kind: "conflicts";
  /** At least one. */
  readonly conflicts: readonly Conflict[];
  readonly run: MailRun;
  /** Of many runs, which waited so long that it is told together. */
  readonly waited?: {
    /** When the oldest was to be told, in ms since 1970. */
    readonly sinceMs: number;
    /** How many more were done, of which nothing else is remembered. */
    readonly more: number;
  };
}

/** An alert that was mailed already. */
export interface KnownAlert extends Alert {
  /** In ms since 1970. Left out: nobody knows. */
  readonly sinceMs?: number;
  /** In ms since 1970. */
  readonly mailedAtMs: number;
  /** It is over, and nobody was told yet. */
  readonly isOver: boolean;
}

/** Alerts that are new, known for a while and still there, and over. */
export type Alerts = Readonly<
  Record<"fresh" | "lasting" | "over", readonly (Alert | KnownAlert)[]>
>;

/** Alerts, as a mail tells them. */
export interface AlertNews extends Alerts {
  readonly kind: "alerts";
  readonly run: MailRun;
}

/** What every run left unsynced for long; nothing: all of it is synced now. */
export interface UnsyncedNews {
  readonly kind: "unsynced";
  readonly run: MailRun;
  readonly left: readonly (Unsynced & {
    /** In ms since 1970. */
    readonly sinceMs: number;
  })[];
}

/** What a mail tells, so that it can be told anew when less of it is true. */
export type MailNews = ConflictNews | AlertNews | UnsyncedNews;

/** The mail that tells it. */
export function mailOf(news: MailNews, facts: MailFacts): MailText {
  const [subject, blocks] = news.kind === "alerts"
    ? alertMail(news)
    : news.kind === "unsynced"
    ? unsyncedMail(news, facts)
    : news.waited === undefined
    ? conflictMail(news, facts)
    : backlogMail(news.conflicts, news.waited, facts);
  const all = [...blocks, ...closing(blocks, news.run, facts)];
  const line = [...printable(`office-sync${subject}`)];
  const cut = line.length > SUBJECT_LENGTH
    ? `${line.slice(0, SUBJECT_LENGTH - 1).join("")}…`
    : line.join("");
  return { subject: cut, text: textOf(all), html: htmlOf(cut, all) };
}

/** Longer subjects are cut off by most programs anyway. */
const SUBJECT_LENGTH = 120;

/** Items that a mail tells at most; the log and the history have them all. */
const TOLD = 100;

/** What follows the program's name in the subject, and what is said. */
type Content = readonly [subject: string, blocks: readonly Block[]];

/** A binary and a portable folder know their config. */
const HOW = PROGRAM === "office-sync"
  ? ""
  : " Add --config and the path of the config. Where Deno is not installed, " +
    'write "npx -y deno@2.9.5 task" in place of "deno task".';

function closing(
  blocks: readonly Block[],
  run: MailRun,
  { roots, configFile, logFile }: MailFacts,
): Block[] {
  const hasCommands = blocks.some((block) =>
    block.kind === "commands" || block.kind === "facts" &&
      block.facts.some(([, value]) => value.includes(`"${PROGRAM} `))
  );
  return [
    heading("About this mail"),
    facts(
      ["Left", roots.left],
      ["Right", roots.right],
      ["Run", `${run.id}, started ${zonedTime(run.startedAtMs)}`],
      ["Config", configFile],
      ["Log", logFile],
    ),
    ...hasCommands
      ? [text(
        "Type the commands on the computer that syncs, in the folder of " +
          `office-sync.${HOW}`,
      )]
      : [],
  ];
}

function conflictMail(
  { conflicts, run }: ConflictNews,
  facts: MailFacts,
): Content {
  const open = conflicts.filter((it) => !isDone(it));
  // The history has nothing of a run that was cut off: that goes first.
  const done = conflicts.filter(isDone).toSorted((a, b) =>
    Number(b.done.cutOff !== null) - Number(a.done.cutOff !== null)
  );
  const count = conflicts.length;
  const what = count === 1 ? nameOf(conflicts[0]!.path) : "in several files";
  const toDo = open.length === 0
    ? ""
    : open.length === count
    ? ", for you to resolve"
    : `, ${open.length} for you to resolve`;
  const shownOpen = open.slice(0, TOLD);
  const shownDone = done.slice(0, TOLD - shownOpen.length);
  const restOpen = open.length - shownOpen.length;
  return [`: ${countOf(count, "conflict")}: ${what}${toDo}`, [
    text(conflictOpening(open, done)),
    ...shownOpen.flatMap((it) => openBlocks(it, facts)),
    ...restOpen === 0 ? [] : [
      text(`And ${countOf(restOpen, "more open conflict")}; to see all:`),
      commands(`${PROGRAM} conflicts`),
    ],
    ...shownDone.flatMap((it) => doneBlocks(it, facts)),
    ...moreDone(done.slice(shownDone.length), run),
  ]];
}

/** A conflict that a run did something about. */
export type DoneConflict = Conflict & {
  readonly winner: Side;
  readonly done: ConflictDone;
};

/** Whether a run did something about it; else it is open. */
export function isDone(conflict: Conflict): conflict is DoneConflict {
  return conflict.done !== undefined && conflict.winner !== null;
}

function conflictOpening(
  open: readonly Conflict[],
  done: readonly Conflict[],
): string {
  const causes = new Set(
    [...open, ...done].map((conflict) =>
      fileSide(conflict) !== null
        ? "have a file and a folder of the same name"
        : conflict.kind === "new_new"
        ? "both got a new file of the same name"
        : conflict.kind === "metadata_conflict"
        ? "both changed names or properties since they last agreed"
        : "both changed the same files since they last agreed"
    ),
  );
  const theyAre = open.length === 1
    ? "One conflict"
    : `${open.length} conflicts`;
  const theyWere = done.length === 1
    ? "One conflict was"
    : `${done.length} conflicts were`;
  return [
    `${[...causes].map((it) => `Left and Right ${it}`).join("; ")}.`,
    ...open.length === 0 ? [] : [
      `${theyAre} can only be resolved by a person: until then these files ` +
      "are not synced, and nothing happens to them.",
    ],
    ...done.length === 0 ? [] : [
      `${theyWere} resolved as the config says; please look whether that ` +
      "suits you.",
    ],
  ].join(" ");
}

/** What a run did stays in the history; one that was cut off has its log. */
function moreDone(rest: readonly DoneConflict[], run: MailRun): Block[] {
  if (rest.length === 0) return [];
  const cutOff = rest.filter(({ done }) => done.cutOff !== null).length;
  const were = rest.length === 1 ? "was" : "were";
  const and = `And ${countOf(rest.length, "more conflict")} that ${were} ` +
    "resolved";
  return [
    text(
      cutOff === 0
        ? `${and}; to see all:`
        : `${and}; of ${cutOff} of them, from a run that was cut off, the ` +
          "log has what was done.",
    ),
    ...cutOff === rest.length ? [] : [commands(`${PROGRAM} history ${run.id}`)],
  ];
}

/** Nothing was touched: a person chooses. */
function openBlocks(conflict: Conflict, where: MailFacts): Block[] {
  const { versions, path } = conflict;
  const isKnown = SIDES.some((side) => versions[side] !== null);
  return [
    heading(path),
    facts(
      ...conflictFacts(conflict),
      ["Done", "Nothing was touched. (NOOP)"],
      ...SIDES.flatMap((side): Fact[] => {
        const at = versions[side]?.path ?? (isKnown ? path : null);
        if (at === null) return [];
        return [[`${words(side)}'s is`, placeOf(where, side, at)]];
      }),
    ),
    text(
      "To resolve it, choose one of these commands, or open the panel " +
        `(${PROGRAM} panel), which shows both versions and has buttons, on ` +
        `${where.place?.() ?? "the PC and with the account that syncs"}:`,
    ),
    ...resolving(conflict, where),
  ];
}

function resolving(conflict: Conflict, where: MailFacts): Block[] {
  const word = typed(conflict.path, where);
  if (word === null) {
    return [text(
      "The name can't be typed into a command. Instead rename or delete the " +
        "file on one side; the next run goes by that.",
    )];
  }
  const file = fileSide(conflict);
  const resolve = (takes: readonly string[], explained: string) => [
    commands(
      ...takes.map((take) => `${PROGRAM} conflicts resolve ${word} ${take}`),
    ),
    text(explained),
  ];
  if (file !== null) {
    // A folder nobody has looked into is not given up for a file.
    const folder = otherSide(file);
    return resolve(
      [folder, "both"],
      `${folder} takes the folder; both keeps both: the folder under the ` +
        "name, the file beside it as a clash copy.",
    );
  }
  if (conflict.kind === "metadata_conflict") {
    return resolve(
      SIDES,
      "left takes Left's name and properties, right takes Right's.",
    );
  }
  return resolve(
    [...SIDES, "both"],
    "left takes Left's version, right takes Right's, both keeps both: one " +
      "under the name, the other beside it as a clash copy.",
  );
}

/** What a run did, and where everything is now. */
function doneBlocks(conflict: DoneConflict, where: MailFacts): Block[] {
  const { actions, detail, cutOff } = conflict.done;
  const meant = cutOff === null
    ? ""
    : `The run ${cutOff} was cut off while it resolved this. It meant: `;
  return [
    heading(conflict.path),
    facts(
      ...conflictFacts(conflict),
      ["Done", `${meant}${doneWords(conflict)} (${actions.join(", ")})`],
      ...detail === null ? [] : [["Note", detail] as const],
      ...placeFacts(conflict, where),
    ),
    ...cutOff === null
      ? []
      : [text("Please look whether both versions are where they should be.")],
    ...toDo(conflict, where),
  ];
}

/** Both versions, and the rule. */
function conflictFacts(conflict: Conflict): Fact[] {
  const { kind, path, versions, rule, policy } = conflict;
  return [
    ...SIDES.map((side): Fact => {
      const version = versions[side];
      if (version === null) return [words(side), noFileWords(conflict)];
      const isNamed = kind === "metadata_conflict" && version.path !== path;
      const name = isNamed ? `${nameOf(version.path)}, ` : "";
      const { mtimeMs, sizeBytes } = version;
      return [
        words(side),
        `${name}${zonedTime(mtimeMs)}, ${sizeWords(sizeBytes)}`,
      ];
    }),
    ["Rule", `${rule} (${causeWords(conflict)}), policy ${policy}`],
  ];
}

function doneWords(conflict: DoneConflict): string {
  const { kind, versions, winner, isNewer, policy } = conflict;
  const { clashPath, renamed } = conflict.done;
  const loser = otherSide(winner);
  if (kind === "metadata_conflict") {
    const name = renamed === null
      ? ""
      : ` ${nameOf(renamed.from)} is called ${nameOf(renamed.to)} now.`;
    const always = policy === winner
      ? `, as ${words(winner)} always wins here`
      : "";
    return `${words(winner)}'s name and properties were taken on both sides` +
      `${always}; the content was the same.${name}`;
  }
  if (versions[winner] === null) {
    return `${words(winner)} has a folder of this name, and keeps it. ` +
      `${words(loser)}'s file was kept beside it, on both sides.`;
  }
  const newer = isNewer ? ", the newer," : "";
  const always = policy === winner ? `${words(winner)} always wins here. ` : "";
  const file = `${always}${words(winner)}'s version${newer} is the file on ` +
    "both sides now.";
  return clashPath === null
    ? `${file} It replaced ${words(loser)}'s.`
    : `${file} ${words(loser)}'s was kept beside it as a clash copy, on both ` +
      "sides.";
}

/** Where each version is now. */
function placeFacts(conflict: DoneConflict, where: MailFacts): Fact[] {
  const { kind, path, policy, versions, winner } = conflict;
  const { clashPath, softDeletedPath, cutOff } = conflict.done;
  const loser = otherSide(winner);
  const onBoth = (label: string, at: string): Fact[] => [
    [label, placeOf(where, "left", at)],
    ["and", placeOf(where, "right", at)],
  ];
  const isName = kind === "metadata_conflict";
  const main = isName || versions[winner] === null
    ? "Now at"
    : `${words(winner)}'s is now`;
  const other = `${words(loser)}'s is now`;
  const now = onBoth(main, path);
  if (clashPath !== null) return [...now, ...onBoth(other, clashPath)];
  if (isName || !replacesLoser(policy)) return now;
  const place = softDeletedPath !== null
    ? placeOf(where, loser, softDeletedPath)
    : cutOff === null
    ? "gone: soft delete is off, or the file is too large for it"
    : `in ${placeOf(where, loser, ".office-sync/deleted")}, if soft delete ` +
      "takes it";
  return [...now, [other, place]];
}

function toDo(conflict: DoneConflict, where: MailFacts): Block[] {
  const { kind, path, versions, winner } = conflict;
  const { clashPath, softDeletedPath } = conflict.done;
  if (kind === "metadata_conflict") {
    return [text(
      "There is nothing to do, unless you want the other name: rename it on " +
        "one side, and the other side follows.",
    )];
  }
  if (clashPath !== null) {
    return [text(
      versions[winner] === null
        ? `To resolve it, look into ${
          nameOf(clashPath)
        }, and rename, move or ` +
          "delete it on one side; the other side follows."
        : "To resolve it, open both files, bring together what is needed in " +
          "one of them, and delete the other on one side; the other side " +
          "follows.",
    )];
  }
  const word = softDeletedPath === null ? null : typed(path, where);
  return word === null ? [] : [
    text(
      "If the other version is wanted, bring it back in place of the file:",
    ),
    commands(`${PROGRAM} restore --force ${word}`),
  ];
}

function backlogMail(
  conflicts: readonly Conflict[],
  { sinceMs, more }: NonNullable<ConflictNews["waited"]>,
  facts: MailFacts,
): Content {
  const open = conflicts.filter((it) => !isDone(it));
  const done = conflicts.filter(isDone);
  const what = countOf(conflicts.length + more, "conflict");
  const toDo = open.length > 0 ? `, ${open.length} for you to resolve` : "";
  return [`: what could not be mailed before: ${what}${toDo}`, [
    text(
      "The mail server could not be reached, or did not take the mails; the " +
        `oldest is of ${zonedTime(sinceMs)}. This is what they would have ` +
        "told, as far as it is still true.",
    ),
    ...open.length === 0 ? [] : [
      heading("For you to resolve"),
      text(
        "Left and Right both changed these files. Until a person resolves it, " +
          "they are not synced, and nothing happens to them.",
      ),
      ...open.slice(0, TOLD).map((it) => text(conflictWords(it, facts.roots))),
      ...andMore(open.length - TOLD, ""),
      text("To see all, and how to resolve them:"),
      commands(`${PROGRAM} conflicts`),
    ],
    ...done.length === 0 ? [] : [
      heading("Resolved as the config says"),
      ...done.slice(0, TOLD).map((it) => {
        const cutOff = it.done.cutOff === null
          ? ""
          : ` (The run ${it.done.cutOff} was cut off while it did this: ` +
            "please look.)";
        return text(conflictWords(it, facts.roots) + cutOff);
      }),
      ...andMore(
        Math.max(0, done.length - TOLD) + more,
        " To see past runs:",
        `${PROGRAM} history`,
      ),
    ],
  ]];
}

/** What there is no room for, and the command that shows all. */
function andMore(count: number, hint: string, command?: string): Block[] {
  if (count <= 0) return [];
  return [
    text(`And ${count} more.${hint}`),
    ...command === undefined ? [] : [commands(command)],
  ];
}

function alertMail({ fresh, lasting, over }: AlertNews): Content {
  return [alertSubject(fresh, lasting, over), [
    text(alertOpening([...fresh, ...lasting])),
    ...alertSection("New", fresh),
    ...alertSection("Reported before, not over", lasting),
    ...alertSection("Over", over),
  ]];
}

function alertSubject(
  fresh: readonly Alert[],
  lasting: readonly Alert[],
  over: readonly Alert[],
): string {
  const there = [...fresh, ...lasting];
  const stop = there.find(({ isStop }) => isStop);
  const still = fresh.length === 0 ? "still " : "";
  if (stop) return ` ${still}does not sync: ${stop.title}`;
  const failed = there.filter(({ isEvent }) => !isEvent).length;
  if (failed > 0) return `: ${countOf(failed, "action")} ${still}failed`;
  const syncsAgain = over.some(({ isStop }) => isStop) ? " syncs again" : "";
  if (there[0]) return `${syncsAgain}: ${there[0].title}`;
  return syncsAgain === ""
    ? ": all clear, nothing fails any more"
    : " syncs again: all clear";
}

function alertOpening(there: readonly Alert[]): string {
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

function alertSection(
  title: string,
  alerts: readonly (Alert | KnownAlert)[],
): Block[] {
  if (alerts.length === 0) return [];
  const isOver = title === "Over";
  const rest = alerts.length - TOLD;
  return [
    heading(title),
    ...alerts.slice(0, TOLD).map((alert) =>
      facts(
        ["What", alert.title],
        ["Why", alert.reason],
        ...alert.hint === "" || isOver ? [] : [["To do", alert.hint] as const],
        ..."sinceMs" in alert && alert.sinceMs !== undefined
          ? [["Since", zonedTime(alert.sinceMs)] as const]
          : [],
      )
    ),
    ...andMore(rest, ""),
    // What is tried again with each run is listed by the next one.
    ...rest <= 0 || isOver ? [] : [
      text("To run again and see all that still fails:"),
      commands(`${PROGRAM} --verbose`),
    ],
  ];
}

function unsyncedMail({ left }: UnsyncedNews, where: MailFacts): Content {
  if (left.length === 0) {
    return [": what was not synced for long is synced again", [
      text(
        "All that was told to be left unsynced is synced now, or gone. There " +
          "is nothing to do.",
      ),
    ]];
  }
  const told = left.toSorted((a, b) => a.sinceMs - b.sinceMs);
  const [first] = told;
  const what = left.length === 1
    ? nameOf(first!.path)
    : `${left.length} paths, ${nameOf(first!.path)} first`;
  return [`: not synced for long: ${what}`, [
    text(
      "Every run since the time below left this unsynced: what changes on one " +
        "side does not reach the other. Everything else is synced.",
    ),
    ...told.slice(0, TOLD).flatMap((it) => [
      heading(it.path),
      facts(
        ["What", it.what],
        ["Why", it.why],
        ["Since", zonedTime(it.sinceMs)],
        ...it.hint === "" ? [] : [["To do", it.hint] as const],
      ),
      ...it.conflict === null ? [] : [
        text("To resolve it, choose one of these commands:"),
        ...resolving(it.conflict, where),
      ],
    ]),
    ...andMore(
      told.length - TOLD,
      " To run again and see all:",
      `${PROGRAM} --verbose`,
    ),
  ]];
}

/**
 * A path as it is typed into a command; null where it can't be.
 *
 * What begins like an option is none behind two dashes.
 */
function typed(path: string, { configFile }: MailFacts): string | null {
  const word = shellQuoted(path, pathsOf(configFile) === win32);
  return word !== null && path.startsWith("-") ? `-- ${word}` : word;
}

/** Where something is, as the system that has it writes paths. */
function placeOf({ roots }: MailFacts, side: Side, path: string): string {
  return pathsOf(roots[side]).join(roots[side], path);
}

/** A path's own rules: no other system has one that begins so. */
function pathsOf(path: string): typeof posix {
  return path.startsWith("/") ? posix : win32;
}

// A mail as a list of blocks, and the two forms it is sent in: plain text and
// HTML that follows the reader's own colours. Nothing is loaded from anywhere.

/** A piece of a mail. Texts are given as they are; both forms escape them. */
type Block =
  | { readonly kind: "heading" | "text"; readonly text: string }
  | { readonly kind: "facts"; readonly facts: readonly Fact[] }
  /** Lines to be typed or copied. */
  | { readonly kind: "commands"; readonly commands: readonly string[] };

/** What it is, and its value. */
type Fact = readonly [label: string, value: string];

function heading(text: string): Block {
  return { kind: "heading", text };
}

function text(text: string): Block {
  return { kind: "text", text };
}

function facts(...facts: readonly Fact[]): Block {
  return { kind: "facts", facts };
}

function commands(...commands: readonly string[]): Block {
  return { kind: "commands", commands };
}

function textOf(blocks: readonly Block[]): string {
  const texts = blocks.map((block) => {
    switch (block.kind) {
      case "heading": {
        const line = printable(block.text);
        return `${line}\n${"-".repeat(Math.min(72, [...line].length))}`;
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
        return block.commands.map((line) => `    ${printable(line)}`)
          .join("\n");
    }
  });
  return `${texts.join("\n\n")}\n`;
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

/** @param title For programs that show one. */
function htmlOf(title: string, blocks: readonly Block[]): string {
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
    case "commands": {
      const lines = block.commands.map(escapeHtml).join("\n");
      return `<pre style="${CODE}">${lines}</pre>`;
    }
  }
}
