/**
 * Reads the config file: YAML in, a checked and resolved `Config` out. What
 * is wrong with a file is told all at once, each problem with its line and
 * column. Passwords, and what may be one by mistake, are never told.
 *
 * @module
 */
import * as v from "valibot";
import * as yaml from "yaml";
import { hintFor, keysOf } from "./config_hints.ts";
import { absolute, isInside, ownFiles, resolved } from "./config_places.ts";
import { type Config, CONFIG_KEYS, configSchema } from "./config_schema.ts";
import { ConfigError, type ConfigProblem } from "./errors.ts";
import { isWindowsPath, WHOLE, whyNoPath } from "./paths.ts";
import { printable } from "./text.ts";

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
