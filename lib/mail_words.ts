/**
 * What all mails have in common.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import { type Block, htmlOf, textOf } from "./mail_blocks.ts";
import type { Version } from "./plan_types.ts";
import { printable, PROGRAM, sizeWords } from "./text.ts";
import type { Both, Side } from "./types.ts";

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
 * import { zonedTime } from "./mail_words.ts";
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
