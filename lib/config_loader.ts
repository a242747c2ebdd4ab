/**
 * Reads the config file: YAML in, a checked and resolved `Config` out. What
 * is wrong with a file is told all at once, each problem with its line and
 * column. Passwords, and what may be one by mistake, are never told.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import * as v from "valibot";
import { type InferOutput, safeParse } from "valibot";
import * as yaml from "yaml";
import { type Config, CONFIG_KEYS, configSchema } from "./config_schema.ts";
import { ConfigError, type ConfigProblem, EXIT, SyncError } from "./errors.ts";
import { isWindowsPath, WHOLE, whyNoPath, withoutPrefix } from "./paths.ts";
import { printable } from "./text.ts";

// Which keys a config knows, and which of them may have been meant.

/**
 * The keys that are allowed in a section.
 *
 * @param section Its name; "" for the top.
 */
export function keysOf(section: string): readonly string[] {
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
 *
 * @example A slip of the finger
 * ```ts
 * import { hintFor } from "./config_loader.ts";
 * hintFor("soft_delete", "enable"); // "did you mean enabled?"
 * ```
 */
export function hintFor(section: string, key: string): string {
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

// Where what a config names is.

/** What a config file says, in the file's own terms. */
export type SaidConfig = InferOutput<typeof configSchema>;

/**
 * A config as the program reads it.
 *
 * @param said What the file says, checked.
 * @param file The file: relative paths start at its folder.
 * @returns It with absolute paths.
 */
export function resolved(said: SaidConfig, file: string): Config {
  const folder = absolute(`${file}/..`);
  const place = (path: string) => absolute(path, folder);
  const own = ownFiles(file);
  const stateDb = place(said.state_db ?? own.state_db);
  const oldStateDb = place(OLD_STATE_DB);
  return {
    file: absolute(file),
    roots: { left: place(said.left_root), right: place(said.right_root) },
    softDelete: said.soft_delete,
    policies: said.conflict_policy,
    email: said.email,
    ignore: said.ignore,
    stateDb,
    oldStateDb: said.state_db !== undefined || oldStateDb === stateDb
      ? null
      : oldStateDb,
    logging: {
      ...said.logging,
      file: place(said.logging.file ?? own["logging.file"]),
    },
    safety: said.safety,
    networkRoots: said.sandbox.networkRoots,
    compare: said.compare,
  };
}

/** The default while it was the same for all configs of a folder. */
const OLD_STATE_DB = "office-sync.db";

/**
 * What a run writes for itself, where the config names no other place: each
 * config of a folder has files of its own.
 *
 * @param file The config file.
 * @returns By key of the config, relative to the config's folder.
 *
 * @example
 * ```ts
 * import { ownFiles } from "./config_loader.ts";
 * ownFiles("/srv/office.yaml").state_db; // "office.db"
 * ```
 */
export function ownFiles(
  file: string,
): { readonly "state_db": string; readonly "logging.file": string } {
  const name = file.split(isWindowsPath(file) ? /[\\/]/u : "/").at(-1)!;
  // What is called like a state DB must not become one.
  const stem = name.replace(/(?<=.)\.(?!db$)[^.]+$/iu, "");
  return { "state_db": `${stem}.db`, "logging.file": `logs/${stem}.log` };
}

/**
 * A path in full. Windows paths are kept on any system: a config may be meant
 * for another.
 *
 * @param path As it was written.
 * @param from Where a relative one starts.
 */
export function absolute(path: string, from = "."): string {
  const isHere = Deno.build.os === "windows";
  const { resolve } = isHere || [path, from].some(isWindowsPath)
    ? win32
    : posix;
  const full = withoutPrefix(
    isWindowsPath(path) ? win32.normalize(path) : resolve(from, path),
  );
  // C:\ is nothing without the separator at its end; C:\x\ and shares are.
  const surplus = /(?<!^[A-Za-z]:)\\$/u;
  return isWindowsPath(full) ? full.replace(surplus, "") : full;
}

/**
 * Whether a path is a root or lies in it.
 *
 * @param path In full.
 * @param root In full.
 */
export function isInside(path: string, root: string): boolean {
  if (isWindowsPath(path) !== isWindowsPath(root)) return false;
  const { isAbsolute, relative } = isWindowsPath(root) ? win32 : posix;
  const way = relative(root, path);
  return !isAbsolute(way) && !/^\.\.(?:[\\/]|$)/u.test(way);
}

/**
 * How the disk spells a path: without links, `subst` drives and short names,
 * and in the disk's own letters. Of what is not there yet, the folders above
 * it are looked at.
 *
 * @param path In full.
 * @returns The path itself where the disk does not tell.
 */
export function onDisk(path: string): string {
  // A server may be slow to say nothing that would matter.
  if (path.startsWith("\\\\")) return path;
  try {
    return Deno.realPathSync(path);
  } catch {
    const { basename, dirname, join } = isWindowsPath(path) ? win32 : posix;
    const folder = dirname(path);
    return folder === path ? path : join(onDisk(folder), basename(path));
  }
}

/**
 * Requires that what a run writes lies in no root, whatever it is called: it
 * would be synced. What the text of a config shows is told when that is read.
 *
 * @param config The config.
 * @param report A page to be written, in full; null: none.
 * @param spelled Tells how the disk spells a path.
 * @throws {SyncError} It does.
 */
export function requireApart(
  config: Pick<Config, "roots" | "stateDb"> & {
    readonly logging: Pick<Config["logging"], "file">;
  },
  report: string | null,
  spelled: (path: string) => string = onDisk,
): void {
  const roots = [
    ["left_root", spelled(config.roots.left)],
    ["right_root", spelled(config.roots.right)],
  ] as const;
  const files = {
    state_db: config.stateDb,
    "logging.file": config.logging.file,
    ...report === null ? {} : { "--report": report },
  };
  for (const [name, file] of Object.entries(files)) {
    const real = spelled(file);
    const [root] = roots.find(([, root]) => isInside(real, root)) ?? [];
    if (root === undefined) continue;
    const where = real === file ? "" : `, for it is "${printable(real)}"`;
    throw new SyncError(
      `${name}: "${printable(file)}" lies in ${root}${where}; allowed: ` +
        "outside both roots.",
      EXIT.usage,
    );
  }
}

/**
 * Reads and checks a config file.
 *
 * @param file Path of the file; a relative one starts at the current folder.
 * @returns The config, with absolute paths and all defaults filled in.
 * @throws {ConfigError} With everything that is wrong, if the file can't be
 * read, is not YAML or says something that is not allowed.
 *
 * @example Sizes come in bytes
 * ```ts
 * import { loadConfig } from "./config_loader.ts";
 * loadConfig("config.example.yaml").softDelete.maxSizeBytes; // 20971520
 * ```
 */
export function loadConfig(file: string): Config {
  const fail = (message: string, options?: ErrorOptions): never => {
    const nowhere = { line: null, column: null, key: null, message };
    throw new ConfigError(
      [{ file: printable(file), ...nowhere }],
      options,
    );
  };
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "there is no such file; write one with the command init, or name another with --config"
      : `can't be read: ${brief(String(cause), 200)}`;
    return fail(why, { cause });
  }
  // Other bytes arrive as U+FFFD, and paths would come out wrong.
  if (/[\uFFFD\0]/u.test(text)) fail("not in UTF-8; save it as UTF-8");
  return parseConfig(text, file);
}

/**
 * Checks the text of a config file. Touches no file.
 *
 * @param text The YAML text.
 * @param file The path it was read from: relative paths in the text start at
 * its folder, and problems name it.
 * @returns The config, with absolute paths and all defaults filled in.
 * @throws {ConfigError} With everything that is wrong, in the text's order.
 *
 * @example Relative paths start at the file's folder
 * ```ts
 * import { parseConfig } from "./config_loader.ts";
 * const text = "left_root: C:\\pdrive_local\nright_root: P:\\";
 * const config = parseConfig(text, "C:\\office\\config.yaml");
 * config.stateDb; // "C:\\office\\config.db"
 * ```
 */
export function parseConfig(text: string, file: string): Config {
  const source = parseYaml(text, file);
  const checked = v.safeParse(configSchema, source.doc.toJS());
  const problems = [
    ...(checked.issues ?? []).flatMap((it) => shapeProblems(source, it)),
    ...loginProblems(source),
  ];
  problems.push(...placeProblems(source, file, problems));
  if (!checked.success || problems.length > 0) return refuse(problems);
  return resolved(checked.output, file);
}

/** A parsed file, and how to tell what is wrong in it. */
interface Source {
  readonly doc: yaml.Document.Parsed;
  readonly folder: string;
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
  // Editors on Windows put a byte order mark first; columns don't count it.
  const plain = text.replace(/^\uFEFF/u, "") || "\n";
  const lineCounter = new yaml.LineCounter();
  const options = { lineCounter, prettyErrors: false, stringKeys: true };
  const doc = yaml.parseDocument(plain, options);
  const tell = (at: number, key: string, message: string): ConfigProblem => {
    const { line, col: column } = lineCounter.linePos(at);
    const told = key === "" ? message : `${key}: ${message}`;
    const name = printable(file);
    return { file: name, line, column, key: key || null, message: told };
  };
  const problems = [...doc.errors, ...doc.warnings].map(({ code, pos: [at] }) =>
    tell(
      at,
      keyInLine(plain, at),
      wordsInLine(plain, at) ?? YAML_WORDS[code] ?? NOT_YAML,
    )
  );
  // *.tmp, &b and !c are commands to YAML: what was meant as a value, a
  // password for instance, would be taken for something else without a word.
  yaml.visit(doc, {
    Node: (_, node) => {
      if (!yaml.isAlias(node) && !node.anchor && !node.tag) return;
      const at = node.range?.[0] ?? 0;
      problems.push(tell(at, keyInLine(plain, at), QUOTES));
    },
  });
  // One mistake often breaks several rules of YAML: the first one tells most.
  const byLine = new Map(problems.toReversed().map((it) => [it.line, it]));
  if (byLine.size > 0) return refuse([...byLine.values()]);
  return { doc, folder: absolute(`${file}/..`), tell };
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

type Issue = v.InferIssue<typeof configSchema>;

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
    String(issue.path?.[1]?.key).startsWith("password");
  const shown = isText ? `"${brief(source)}"` : brief(source);
  const kind = isText ? "text" : typeof value;
  const what = isHidden ? `a ${kind}, not shown` : shown;
  return issue.type === "string" ? `${what}, put it in quotes` : what;
}

/** A login takes a name and one password. */
function loginProblems(source: Source): ConfigProblem[] {
  const seek = (key: string) => find(source, ["email", key]);
  const has = (key: string) => seek(key).node !== undefined;
  const complain = (key: string, message: string) => [
    source.tell(seek(key).at, `email.${key}`, message),
  ];
  const [given, other] = ["password", "password_env"].filter(has);
  if (other) return complain(other, "beside password; allowed: one of the two");
  if (!given && has("username")) {
    return complain("username", "alone; needed: password or password_env");
  }
  if (!given || has("username")) return [];
  return complain(given, "alone; needed: username");
}

/** What a run writes for itself may not lie where the run would sync it. */
function placeProblems(
  source: Source,
  file: string,
  told: readonly ConfigProblem[],
) {
  const seek = (key: string, standard?: string) => {
    const isTold = told.some((it) => `${key}.`.startsWith(`${it.key}.`));
    const { node, at } = find(source, key.split("."));
    const said = yaml.isScalar(node) ? String(node.value) : standard;
    if (isTold || said === undefined) return [];
    return [{ key, at, said, path: absolute(said, source.folder) }];
  };
  const files = Object.entries(ownFiles(file))
    .flatMap(([key, standard]) => seek(key, standard));
  const roots = ["left_root", "right_root"].flatMap((key) => seek(key));
  const strange = [...files, ...roots].flatMap(({ key, at, said, path }) => {
    const allowed = isWindowsPath(path) ? whyNoPath(path) : null;
    if (allowed === null) return [];
    const message = `found "${brief(said)}"; allowed: ${allowed}`;
    return [source.tell(at, key, message)];
  });
  if (strange.length > 0) return strange;
  return files.flatMap(({ key, at, said, path }) =>
    roots.filter((root) => isInside(path, root.path)).map((root) => {
      const found = `"${brief(said)}" lies in ${root.key}`;
      return source.tell(at, key, `${found}; allowed: outside both roots`);
    })
  );
}

/** At most so much of a text, in one line, without the login in a URL. */
function brief(text: string, maxLetters = 60): string {
  const safe = text.replace(/:\/\/.*@/su, "://…@");
  const letters = [...safe].slice(0, maxLetters).join("");
  return printable(letters === safe ? safe : `${letters}…`);
}

function refuse(problems: readonly ConfigProblem[]): never {
  const sorted = problems.toSorted((a, b) =>
    a.line! - b.line! || a.column! - b.column!
  );
  throw new ConfigError(sorted);
}

// Where a setting stands in the config file, and what it says.

const BYTES_PER_MB = 1_048_576;

/**
 * The line of a key.
 *
 * @param text The YAML text of a config that is in order.
 * @param key The key, with dots between its parts.
 * @returns Counted from 1; null where the key is not there.
 *
 * @example
 * ```ts
 * import { lineOfKey } from "./config_loader.ts";
 * lineOfKey("left_root: /l\nsoft_delete:\n  enabled: true", "soft_delete.enabled"); // 3
 * ```
 */
export function lineOfKey(text: string, key: string): number | null {
  const lineCounter = new yaml.LineCounter();
  let node: unknown = yaml.parseDocument(text, { lineCounter }).contents;
  let line: number | null = null;
  for (const part of key.split(".")) {
    if (!yaml.isMap<yaml.Scalar, unknown>(node)) return null;
    const pair = node.items.find((it) => it.key.value === part);
    if (pair === undefined) return null;
    line = lineCounter.linePos(pair.key.range?.[0] ?? 0).line;
    node = pair.value;
  }
  return line;
}

/**
 * What a setting says, defaults filled in, as it would be written.
 *
 * @param config The config.
 * @param key One of the keys that decide about paths.
 */
export function valueOfKey(config: Config, key: string): string {
  const { softDelete, policies, ignore, compare } = config;
  const values: Readonly<Record<string, unknown>> = {
    "soft_delete.enabled": softDelete.enabled,
    "soft_delete.max_size_mb": softDelete.maxSizeBytes / BYTES_PER_MB,
    "soft_delete.keep_replaced": softDelete.keepReplaced,
    "conflict_policy.modify_modify": policies.modify_modify,
    "conflict_policy.new_new": policies.new_new,
    "conflict_policy.metadata_conflict": policies.metadata_conflict,
    "ignore.extensions": ignore.extensions,
    "ignore.filenames_prefix": ignore.prefixes,
    "ignore.filenames_exact": ignore.names,
    "ignore.junk": ignore.junk ?? [],
    "compare.verify_first_run": compare.verifyFirstRun,
  };
  const value = values[key];
  return Array.isArray(value) ? value.join(", ") : String(value);
}

// Reads a config that is written plainly: keys, texts, numbers and lists, as
// in the example. That takes a fraction of the time that a library for all of
// YAML takes to load, and counts in every run. Whatever is not plain beyond
// doubt, or not allowed, is left to the library, and to who tells what is
// wrong (`config_loader.ts`): what is read here is what is read there.

/** What stands for itself in YAML, whatever its rules for plain texts. */
const PLAIN_TEXT =
  /^(?:[A-Za-z/]|\.[A-Za-z])[A-Za-z0-9_/\\.@-]*(?:[ :][A-Za-z0-9_/\\.@-]+)*$/u;
/** Words that mean something else than a text, in this or another version. */
const WORD = /^(?:true|false|null|yes|no|on|off|y|n|\.inf|\.nan)$/iu;
const WHOLE_PLAIN_CONFIG = /^(?:0|[1-9]\d{0,14})$/u;
const IN_SINGLE = /^'([^'\p{Cc}]*)'$/u;
const IN_DOUBLE = /^"([^"\\\p{Cc}]*)"$/u;
const QUOTED_FIRST = /^([^"'#]*(?:"[^"\\\\]*"|'[^']*')) +#.*$/u;
const LINE = /^( *)(?:- (.+)|(\w+):(?: +(.+))?)$/u;

/**
 * Reads a config file, however it is written.
 *
 * @param file Its path.
 * @returns What {@linkcode loadConfig} gives for it.
 * @throws {ConfigError} What that throws.
 */
export function readConfig(file: string): Config {
  const plain = plainConfig(textOf(file), file);
  if (plain !== null) return plain;
  return loadConfig(file);
}

/** Nothing where it can't be read: the library's side tells why. */
function textOf(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}

type Value = string | number | boolean | Value[] | { [key: string]: Value };

/**
 * Reads a config, if it is plain and in order.
 *
 * @param text The YAML text.
 * @param file The path it was read from; relative paths start at its folder.
 * @returns What {@linkcode parseConfig} gives for it; null where that has to
 * be asked.
 *
 * @example
 * ```ts
 * import { plainConfig } from "./config_loader.ts";
 * plainConfig("left_root: /l\nright_root: /r\n", "/c.yaml")?.roots.left; // "/l"
 * plainConfig("left_root: &a /l\nright_root: /r\n", "/c.yaml"); // null
 * ```
 */
export function plainConfig(text: string, file: string): Config | null {
  // What is no UTF-8 arrives as U+FFFD.
  const said = text.includes("\uFFFD") ? null : plainValue(text);
  if (said === null) return null;
  if (!isLoginWhole(said["email"])) return null;
  const checked = safeParse(configSchema, said);
  if (!checked.success) return null;
  const config = resolved(checked.output, file);
  const own = [config.stateDb, config.logging.file];
  const roots = [config.roots.left, config.roots.right];
  const isMisplaced =
    own.some((path) => roots.some((root) => isInside(path, root))) ||
    [...own, ...roots].some((path) =>
      isWindowsPath(path) && whyNoPath(path) !== null
    );
  return isMisplaced ? null : config;
}

/** A name with one password, or neither. */
function isLoginWhole(email: Value | undefined): boolean {
  if (typeof email !== "object") return true;
  const passwords = ["password", "password_env"].filter((key) => key in email);
  return passwords.length === Number("username" in email);
}

/** Two levels of keys, lists at either; null for anything else. */
function plainValue(text: string): { [key: string]: Value } | null {
  const top: { [key: string]: Value } = {};
  /** The key that has had no value yet, and where one would go. */
  let open:
    | { readonly in: { [key: string]: Value }; readonly key: string }
    | null = null;
  let section: { [key: string]: Value } | null = null;
  let sectionIndent = 0;
  let list: { readonly items: Value[]; readonly indent: number } | null = null;
  for (const raw of text.split(/\r?\n/u)) {
    const line = withoutComment(raw);
    if (line === null) return null;
    if (line === "") continue;
    const [, { length: indent } = "", item, key = "", given] =
      LINE.exec(line) ?? [];
    if (item === undefined && key === "") return null;
    if (item !== undefined) {
      if (open !== null) {
        // At the very indent of its key a list is YAML too; not here.
        if (indent === 0 || (open.in !== top && indent <= sectionIndent)) {
          return null;
        }
        list = { items: open.in[open.key] = [], indent };
        open = null;
      }
      const value = scalar(item);
      if (list === null || list.indent !== indent || value === null) {
        return null;
      }
      list.items.push(value);
      continue;
    }
    list = null;
    let into = top;
    if (indent > 0) {
      if (open?.in === top) {
        section = top[open.key] = {};
        sectionIndent = indent;
        open = null;
      }
      if (section === null || indent !== sectionIndent) return null;
      into = section;
    } else section = null;
    // A key without a value is somebody's unfinished work.
    if (open !== null || key in into) return null;
    if (given === undefined) open = { in: into, key };
    else {
      const value = scalar(given);
      if (value === null) return null;
      into[key] = value;
    }
  }
  return open === null ? top : null;
}

/** Where it is not plain whether a # begins a comment: null. */
function withoutComment(line: string): string | null {
  const at = line.indexOf("#");
  if (at < 0) return line.trimEnd();
  const before = line.slice(0, at);
  if (before.trim() === "") return "";
  if (/["']/u.test(line)) return QUOTED_FIRST.exec(line)?.[1] ?? null;
  return before.endsWith(" ") ? before.trimEnd() : null;
}

function scalar(text: string): Value | null {
  const quoted = IN_SINGLE.exec(text)?.[1] ?? IN_DOUBLE.exec(text)?.[1];
  if (quoted !== undefined) return quoted;
  if (text === "true" || text === "false") return text === "true";
  if (WHOLE_PLAIN_CONFIG.test(text)) return Number(text);
  if (text === "[]") return [];
  if (WORD.test(text) || !PLAIN_TEXT.test(text)) return null;
  return text;
}
