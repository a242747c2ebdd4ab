/**
 * Reads a config that is written plainly: keys, texts, numbers and lists, as
 * in the example. That takes a fraction of the time that a library for all of
 * YAML takes to load, and counts in every run. Whatever is not plain beyond
 * doubt, or not allowed, is left to the library, and to who tells what is
 * wrong (`config_loader.ts`): what is read here is what is read there.
 *
 * @module
 */
import { safeParse } from "valibot";
import { isInside, resolved } from "./config_places.ts";
import { type Config, configSchema } from "./config_schema.ts";
import { isWindowsPath, whyNoPath } from "./paths.ts";

/** What stands for itself in YAML, whatever its rules for plain texts. */
const PLAIN_TEXT =
  /^(?:[A-Za-z/]|\.[A-Za-z])[A-Za-z0-9_/\\.@-]*(?:[ :][A-Za-z0-9_/\\.@-]+)*$/u;
/** Words that mean something else than a text, in this or another version. */
const WORD = /^(?:true|false|null|yes|no|on|off|y|n|\.inf|\.nan)$/iu;
const WHOLE = /^(?:0|[1-9]\d{0,14})$/u;
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
export async function readConfig(file: string): Promise<Config> {
  const plain = plainConfig(textOf(file), file);
  if (plain !== null) return plain;
  const { loadConfig } = await import("./config_loader.ts");
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
 * import { plainConfig } from "./plain_config.ts";
 * plainConfig("left_root: /l\nright_root: /r\n", "/c.yaml")?.leftRoot; // "/l"
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
  const roots = [config.leftRoot, config.rightRoot];
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
  if (WHOLE.test(text)) return Number(text);
  if (text === "[]") return [];
  if (WORD.test(text) || !PLAIN_TEXT.test(text)) return null;
  return text;
}
