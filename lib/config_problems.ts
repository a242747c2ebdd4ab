/**
 * Tells what is wrong with a config, each problem with its line and column.
 * What it takes to know those is slow to load: only where something is wrong.
 *
 * @module
 */
import { type InferIssue, safeParse } from "valibot";
import * as yaml from "yaml";
import {
  CONFIG_KEYS,
  configSchema,
  faultsOf,
  type SaidConfig,
} from "./config_schema.ts";
import { ConfigError, type ConfigProblem } from "./errors.ts";
import { WHOLE } from "./paths.ts";
import { brief, printable } from "./text.ts";

/**
 * Reads and checks the text of a config.
 *
 * @param text The YAML text, without a byte order mark; not empty.
 * @param file The path that problems name.
 * @returns What it says, if nothing is wrong with it after all.
 * @throws {ConfigError} With everything that is wrong, in the text's order.
 */
export function parseSlowly(text: string, file: string): SaidConfig {
  const source = parseYaml(text, file);
  const said = source.doc.toJS();
  const { output, issues, success } = safeParse(configSchema, said);
  const problems = (issues ?? []).flatMap((it) => shapeProblems(source, it));
  const isTold = (key: string) =>
    problems.some((it) => `${key}.`.startsWith(`${it.key}.`));
  const faults = faultsOf(said, file, isTold).map(({ key, message }) =>
    source.tell(find(source, key.split(".")).at, key, message)
  );
  if (success && faults.length === 0) return output;
  return refuse([...problems, ...faults]);
}

/**
 * The line of a key.
 *
 * @param text The YAML text of a config that is in order.
 * @param key The key, with dots between its parts.
 * @param entry Of its list, the one whose line is wanted; null: the key's.
 * @returns Counted from 1; null where the key is not there.
 *
 * @example
 * ```ts
 * import { lineOfKey } from "./config_problems.ts";
 * lineOfKey("left_root: /l\nsoft_delete:\n  enabled: true", "soft_delete.enabled"); // 3
 * ```
 */
export function lineOfKey(
  text: string,
  key: string,
  entry: number | null = null,
): number | null {
  const source = parseYaml(text, "");
  const path = [...key.split("."), ...entry === null ? [] : [entry]];
  const { node, keyAt, at } = find(source, path);
  if (node === undefined) return null;
  return source.tell(entry === null ? keyAt : at, key, "").line;
}

/** A parsed file, and how to tell what is wrong in it. */
interface Source {
  readonly doc: yaml.Document.Parsed;
  readonly tell: (at: number, key: string, message: string) => ConfigProblem;
}

const QUOTES = "a value that begins like this must be put in quotes";
const PERCENT =
  `${QUOTES}; variables such as %USERPROFILE% are not filled in: write the path itself`;
const NOT_YAML = "not readable as YAML; expected: key: value, well indented";

/** Own words for what YAML refuses: the parser's quote the file. */
const YAML_WORDS: Partial<Record<yaml.ErrorCode, string>> = {
  BAD_DQ_ESCAPE:
    "in double quotes a backslash has a meaning of its own; use single quotes, or for a path such as C:\\pdrive_local none",
  BAD_INDENT: "indented wrongly, or a bracket is not closed",
  BAD_SCALAR_START: QUOTES,
  BLOCK_AS_IMPLICIT_KEY: "a second colon; use quotes, or mend the indentation",
  DUPLICATE_KEY: "the same key again; remove one of the two",
  MISSING_CHAR: "a quote or bracket is not closed, or a colon or space missing",
  MULTIPLE_DOCS: "a second document begins here; a config is one document",
  TAB_AS_INDENT: "a tab at the beginning of a line; indent with spaces",
  TAG_RESOLVE_FAILED: QUOTES,
};

/** Errors of YAML hide what comes after them, so these are told alone. */
function parseYaml(text: string, file: string): Source {
  const lineCounter = new yaml.LineCounter();
  const options = { lineCounter, prettyErrors: false, stringKeys: true };
  const doc = yaml.parseDocument(text, options);
  const tell = (at: number, key: string, message: string): ConfigProblem => {
    const { line, col: column } = lineCounter.linePos(at);
    const told = key === "" ? message : `${key}: ${message}`;
    const name = printable(file);
    return { file: name, line, column, key: key || null, message: told };
  };
  const problems = [...doc.errors, ...doc.warnings].map(({ code, pos: [at] }) =>
    tell(
      at,
      keyInLine(text, at),
      wordsInLine(text, at) ?? YAML_WORDS[code] ?? NOT_YAML,
    )
  );
  // *.tmp, &b and !c are commands to YAML: what was meant as a value, a
  // password for instance, would be taken for something else without a word.
  yaml.visit(doc, {
    Node: (_, node) => {
      if (!yaml.isAlias(node) && !node.anchor && !node.tag) return;
      const at = node.range?.[0] ?? 0;
      problems.push(tell(at, keyInLine(text, at), QUOTES));
    },
  });
  // One mistake often breaks several rules of YAML: the first one tells most.
  const byLine = new Map(problems.toReversed().map((it) => [it.line, it]));
  if (byLine.size > 0) return refuse([...byLine.values()]);
  return { doc, tell };
}

/** What YAML takes for something else where a path was meant. */
function wordsInLine(text: string, at: number): string | null {
  if (text[at] === "%") return PERCENT;
  const [line = ""] = text.slice(text.lastIndexOf("\n", at - 1) + 1)
    .split("\n");
  const drive = /^\s*\w+:\s+([A-Za-z]:)\s*(?:#.*)?$/u.exec(line)?.[1];
  return drive === undefined ? null : `found "${drive}"; allowed: ${WHOLE}`;
}

/** The key that a line begins with, if it is one; anything else may be secret. */
function keyInLine(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1);
  const word = /^[\s-]*(\w+)/u.exec(line)?.[1] ?? "";
  return CONFIG_KEYS.some((key) => key.split(".").includes(word)) ? word : "";
}

type Pair = yaml.Pair<yaml.Scalar.Parsed, yaml.ParsedNode | null>;

/** What stands at a path, if anything, and where its key and its value are. */
function find(source: Source, path: readonly unknown[]) {
  let node: yaml.ParsedNode | null | undefined = source.doc.contents;
  let keyAt = node?.range[0] ?? 0;
  let at = keyAt;
  for (const step of path) {
    if (yaml.isMap<Pair["key"], Pair["value"]>(node)) {
      const pair: Pair | undefined = node.items
        .find(({ key }) => key.value === step);
      if (pair === undefined) return { node: undefined, keyAt, at: keyAt };
      node = pair.value;
      keyAt = pair.key.range[0];
      // Nothing, as in `left_root:`, has no place of its own.
      at = node && node.range[0] < node.range[1] ? node.range[0] : keyAt;
    } else if (typeof step === "string") {
      return { node: undefined, keyAt, at: keyAt };
    } else if (yaml.isSeq<yaml.ParsedNode>(node)) {
      node = node.items[Number(step)];
      at = node?.range[0] ?? at;
    }
  }
  return { node, keyAt, at };
}

type Issue = InferIssue<typeof configSchema>;

/** What the schema has against a value, or against the lack of one. */
function shapeProblems(source: Source, issue: Issue) {
  const path = (issue.path ?? []).map(({ key }) => key);
  const words = path.filter((step) => typeof step === "string");
  // Of the keys of a section that do not exist it names the first alone.
  if (issue.type === "strict_object") {
    const { input } = issue.path!.at(-1)!;
    return strangeKeys(
      source,
      words.slice(0, -1),
      Object.keys(input as object),
    );
  }
  const { node, at } = find(source, path);
  const message = node === undefined
    ? `missing; needed: ${issue.message}`
    : `found ${found(node, issue)}; allowed: ${issue.message}`;
  return [source.tell(at, words.join("."), message)];
}

function strangeKeys(source: Source, words: string[], keys: string[]) {
  const section = words.join(".");
  const known = keysOf(section);
  return keys.filter((key) => !known.includes(key)).map((key) => {
    const { keyAt } = find(source, [...words, key]);
    // password:secret, without a space, is a key as well.
    const shown = brief(key.replace(/(pass(?:wor[dt])?).*/isu, "$1…"));
    const message = `unknown key; ${hintFor(section, key)}`;
    return source.tell(keyAt, [...words, shown].join("."), message);
  });
}

/** A value as it may be shown. */
function found(node: yaml.ParsedNode | null, issue: Issue) {
  if (yaml.isMap(node)) return "a section";
  if (yaml.isSeq(node)) return node.items.length ? "a list" : "an empty list";
  if (!yaml.isScalar(node) || node.value === null) return "nothing";
  const { value, source } = node;
  const isText = typeof value === "string";
  // A text in place of a section may be anything: email: password=secret.
  const isHidden = issue.type === "custom" ||
    /^password|_url$/.test(String(issue.path?.[1]?.key));
  const shown = isText ? `"${brief(source)}"` : brief(source);
  const kind = isText ? "text" : typeof value;
  const what = isHidden ? `a ${kind}, not shown` : shown;
  return issue.type === "string" ? `${what}, put it in quotes` : what;
}

function refuse(problems: readonly ConfigProblem[]): never {
  const sorted = problems.toSorted((a, b) =>
    a.line! - b.line! || a.column! - b.column!
  );
  throw new ConfigError(sorted);
}

/**
 * The keys that are allowed in a section.
 *
 * @param section Its name; "" for the top.
 */
function keysOf(section: string): readonly string[] {
  const start = section === "" ? "" : `${section}.`;
  return CONFIG_KEYS.filter((known) => known.startsWith(start))
    .map((known) => known.slice(start.length))
    .filter((known) => !known.includes("."));
}

/**
 * What may have been meant by a key that does not exist.
 *
 * @param section The section it stands in; "" at the top.
 * @param key The key as written.
 * @returns A question, or the keys that are allowed there.
 */
function hintFor(section: string, key: string): string {
  const here = keysOf(section);
  const plain = key.toLowerCase().replaceAll("-", "_");
  const near = here.map((known) => ({ known, edits: edits(plain, known) }))
    .filter((it) => it.edits <= Math.max(1, it.known.length / 3))
    .toSorted((a, b) => a.edits - b.edits)[0];
  return near ? `did you mean ${near.known}?` : `allowed: ${here.join(", ")}`;
}

/** How many letters to add, drop or change to get from one to the other. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (const [n, letter] of [...from].entries()) {
    const next = [n + 1];
    for (const [m, other] of [...to].entries()) {
      const swap = row[m]! + Number(letter !== other);
      next.push(Math.min(swap, row[m + 1]! + 1, next[m]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
