/**
 * What making a binary and making a portable folder share: arguments, the
 * config as it will be read elsewhere, the program as a few files, errors in
 * words.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { windowsPath } from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import { loadConfig, parseConfig } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, SyncError, UsageError } from "./errors.ts";
import { isHelpMark, whyNoArguments, whyNoPath } from "./paths.ts";
import { codeOf } from "./system.ts";
import { printable, quoted } from "./text.ts";

const PROJECT = join(import.meta.dirname ?? ".", "..");

/** Their files are loaded by name, so they can't be part of another one. */
export const WORKERS: readonly string[] = ["scan_worker", "copy_worker"];

/** The options that were given, by name. */
export type Given = Readonly<Record<string, string | undefined>>;

/**
 * Runs a task, and tells in words what is wrong.
 *
 * @param args The arguments.
 * @param names Names of its options; each has a value.
 * @param help What `--help` prints.
 * @param task The task.
 * @returns The exit code.
 */
export async function runTask(
  args: readonly string[],
  names: readonly string[],
  help: string,
  task: (given: Given) => Promise<void>,
): Promise<number> {
  try {
    const given = readOptions(args, names);
    if (given === "help") print(help);
    else await task(given);
    return EXIT.agreed;
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    warn(error.hint ? `${error.message}\n${error.hint}` : error.message);
    return error.exitCode;
  }
}

function readOptions(
  args: readonly string[],
  names: readonly string[],
): Given | "help" {
  const isWindows = Deno.build.os === "windows";
  const trouble = isWindows ? whyNoArguments(args) : null;
  if (trouble !== null) throw new UsageError(trouble);
  const texts = names.map((name) => [name, { type: "string" }] as const);
  try {
    const { values: { help, ...values } } = parseArgs({
      args: args.map((it) => isWindows && isHelpMark(it) ? "--help" : it),
      options: {
        ...Object.fromEntries(texts),
        help: { type: "boolean", short: "h" },
      },
    });
    if (help) return "help";
    const given: Given = values;
    const empty = names.find((name) => given[name] === "");
    if (empty !== undefined) throw new Error(`--${empty} needs a value`);
    return isWindows ? withPaths(given) : given;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const [sentence = ""] = (error as Error).message.split(/\. |\n/u);
    throw new UsageError(`${printable(sentence).replace(/\.$/u, "")}.`);
  }
}

/** All options but one name files and folders of this computer. */
function withPaths({ target, ...given }: Given): Given {
  const paths = Object.entries(given).map(([name, path = ""]) =>
    [name, windowsPath(`--${name}`, path)] as const
  );
  const all = Object.fromEntries(paths);
  return target === undefined ? all : { ...all, target };
}

/**
 * Reads a config as it will be read from another place.
 *
 * @param file The config as it is here.
 * @param place Where it will lie; relative paths in it start there.
 * @returns Its text, and what it says.
 * @throws {SyncError} It can't be read, or is not allowed there.
 */
export function configFor(
  file: string,
  place: string,
): { readonly text: string; readonly config: Config } {
  // What is wrong with it is told of the file that a person can mend.
  loadConfig(file);
  const text = Deno.readTextFileSync(file);
  return { text, config: parseConfig(text, place) };
}

/**
 * Requires that a file is there.
 *
 * @param name What names it.
 * @param file Its path.
 * @throws {UsageError} It is not, or is no file.
 */
export function requireFile(name: string, file: string): void {
  try {
    if (Deno.statSync(file).isFile) return;
  } catch (error) {
    if (codeOf(error) === null) throw error;
  }
  throw new UsageError(`${name}: ${quoted(file)} is no file.`);
}

/**
 * Requires that a path means something on the system it is for.
 *
 * @param key What names it.
 * @param path The path.
 * @param isWindows Whether that system is Windows.
 * @throws {UsageError} It is a path of another system, or no full one.
 */
export function requirePath(
  key: string,
  path: string,
  isWindows: boolean,
): void {
  const isRight = isWindows
    ? /^(?:[A-Za-z]:[\\/]|\\\\)/u.test(path)
    : path.startsWith("/");
  const allowed = isWindows && isRight ? whyNoPath(path) : null;
  if (allowed !== null) {
    throw new UsageError(
      `${key}: "${printable(path)}" is not allowed; allowed: ${allowed}.`,
    );
  }
  if (isRight) return;
  const [system, like] = isWindows
    ? ["Windows", "C:\\office\\config.yaml"]
    : ["this system", "/srv/office/config.yaml"];
  throw new UsageError(
    `${key}: ${quoted(path)} is no full path on ${system}, where office-sync` +
      ` is to run; such as ${quoted(like)}.`,
  );
}

/**
 * Roots of which only the Windows computer they are on can tell whether they
 * are on the network.
 *
 * @param config The config.
 * @returns Their drives: `P:` and the like.
 */
export function unseenDrives(
  { leftRoot, rightRoot }: Pick<Config, "leftRoot" | "rightRoot">,
): string[] {
  // C: is where Windows itself is.
  const drives = [leftRoot, rightRoot].flatMap((root) =>
    /^(?!C:)[A-Z]:/iu.exec(root)?.[0].toUpperCase() ?? []
  );
  return [...new Set(drives)];
}

/**
 * A root's real path where it can't be looked at.
 *
 * @param root The root.
 */
export function asWritten(root: string): string {
  return root;
}

/**
 * Makes the program plain files that need no package and no network. What a
 * run rarely needs stays in files of its own: it would be loaded by each run
 * otherwise, and a mailer takes as long to load as a small sync takes.
 *
 * @param entries The entry files, in the project's folder.
 * @param folder Where the files are put, all beside each other.
 * @throws {SyncError} It can't be bundled.
 */
export async function bundle(
  entries: readonly string[],
  folder: string,
): Promise<void> {
  const built = Deno.makeTempDirSync();
  try {
    await runDeno(
      [
        "bundle",
        "--quiet",
        "--frozen",
        "--platform=deno",
        "--code-splitting",
        `--outdir=${built}`,
        ...entries,
        ...WORKERS.map((worker) => join("lib", `${worker}.ts`)),
      ],
      PROJECT,
      EXIT.unexpected,
    );
    const codes = [
      ...filesIn(built),
      // One folder for all: workers have come to lie in one of their own.
      ...filesIn(join(built, "lib")).map(([name, code]) =>
        [name, code.replaceAll(/"\.\.\/(?=[^"\n]*\.js")/gu, '"./')] as const
      ),
    ];
    for (const worker of WORKERS) {
      const url = `"./${worker}.ts"`;
      if (!codes.some(([, code]) => code.includes(url))) {
        throw new Error(`The bundle starts no ${worker}.`);
      }
    }
    for (const [name, code] of codes) {
      // Bundling leaves a worker's name as it was written.
      const text = WORKERS.reduce(
        (text, it) => text.replaceAll(`"./${it}.ts"`, `"./${it}.js"`),
        code,
      );
      Deno.writeTextFileSync(join(folder, name), text);
    }
  } finally {
    Deno.removeSync(built, { recursive: true });
  }
}

/** Name and text of each file in a folder. */
function filesIn(folder: string): (readonly [string, string])[] {
  return [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => [name, Deno.readTextFileSync(join(folder, name))]);
}

/**
 * Runs this Deno.
 *
 * @param args Its arguments.
 * @param cwd Where.
 * @param exitCode What it means if it fails.
 * @throws {SyncError} It failed; the cause has all it said.
 */
export async function runDeno(
  args: readonly string[],
  cwd: string,
  exitCode: ExitCode,
): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
  }).output();
  if (code === 0) return;
  const text = new TextDecoder().decode(stderr).trim();
  // The error and its causes; the rest is progress and addresses of code.
  const told = text.split("\n").map((line) =>
    /^(?:error|\s+\d+): (?!<unknown>)(.*)$/u.exec(line)?.[1] ?? ""
  ).filter((line) => line !== "");
  const words = told.length > 0 ? told.join("; ") : text;
  const message = `deno ${args[0]} failed: ${printable(words)}`;
  throw new SyncError(message, exitCode, { cause: text });
}
