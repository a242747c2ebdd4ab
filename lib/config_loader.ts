/**
 * Reads the config file: YAML in, a checked and resolved `Config` out. What
 * is wrong with a file is told all at once, each problem with its line and
 * column. Passwords, and what may be one by mistake, are never told.
 *
 * @module
 */
import { constructFromEvents, EVENT_ID, parseEvents } from "js-yaml";
import { safeParse } from "valibot";
import {
  absolute,
  type Config,
  configSchema,
  faultsOf,
  hostOf,
  ownFiles,
  type SaidConfig,
} from "./config_schema.ts";
import { ConfigError, EXIT, SyncError } from "./errors.ts";
import { isInside, rulesOf } from "./paths.ts";
import { brief, printable } from "./text.ts";
import { type Both, SIDES } from "./types.ts";
import type { Files } from "./wire_port.ts";

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
 * (await loadConfig("config.example.yaml")).softDelete.maxSizeBytes; // 20971520
 * ```
 */
export async function loadConfig(file: string): Promise<Config> {
  const fail = (message: string, options?: ErrorOptions): never => {
    const nowhere = { line: null, column: null, key: null, message };
    throw new ConfigError([{ file: printable(file), ...nowhere }], options);
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
  return await parseConfig(text, file);
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
 * const config = await parseConfig(text, "C:\\office\\config.yaml");
 * config.stateDb; // "C:\\office\\config.db"
 * ```
 */
export async function parseConfig(text: string, file: string): Promise<Config> {
  // Editors on Windows put a byte order mark first; columns don't count it.
  const plain = text.replace(/^\uFEFF/u, "") || "\n";
  const said = quickly(plain);
  const { output, success } = safeParse(configSchema, said);
  if (success && faultsOf(said, file).length === 0) {
    return resolved(output, file);
  }
  // It knows lines and columns, and takes long to load.
  const { parseSlowly } = await import("./config_problems.ts");
  return resolved(parseSlowly(plain, file), file);
}

/**
 * What the YAML says; null, as an empty file says, where it is not sure. Then
 * the other library is asked, whose word counts.
 */
function quickly(text: string): unknown {
  // The other library takes these for something else.
  if (/\r(?!\n)|^\.{3}/u.test(text)) return null;
  try {
    const events = parseEvents(text, {});
    const isPlain = events.every((it) =>
      it.type === EVENT_ID.DOCUMENT ? it.directives.length === 0 : !(
        it.type === EVENT_ID.ALIAS || "tagStart" in it &&
          (it.tagStart >= 0 || it.anchorStart >= 0)
      )
    );
    const documents = constructFromEvents(events, { source: text });
    return isPlain && documents.length === 1 ? documents[0] : null;
  } catch {
    return null;
  }
}

/** A config as the program reads it: relative paths start at its folder. */
function resolved(said: SaidConfig, file: string): Config {
  const folder = absolute(`${file}/..`);
  const place = (path: string) => absolute(path, folder);
  const own = ownFiles(file);
  const { leftRoot, rightRoot, stateDb, sandbox, monitor, ...rest } = said;
  const state = place(stateDb ?? own.state_db);
  const old = place(OLD_STATE_DB);
  return {
    ...rest,
    file: absolute(file),
    roots: { left: place(leftRoot), right: place(rightRoot) },
    stateDb: state,
    oldStateDb: stateDb !== undefined || old === state ? null : old,
    logging: {
      ...rest.logging,
      file: place(rest.logging.file ?? own["logging.file"]),
    },
    monitor: resolvedMonitor(monitor),
    networkRoots: sandbox.networkRoots,
  };
}

function resolvedMonitor(
  { pingUrl, failUrl }: SaidConfig["monitor"],
): Config["monitor"] {
  if (pingUrl === undefined) return null;
  const fail = new URL(pingUrl);
  fail.pathname = `${fail.pathname.replace(/\/$/u, "")}/fail`;
  return { pingUrl, failUrl: failUrl ?? fail.href, host: hostOf(pingUrl)! };
}

/** The default while it was the same for all configs of a folder. */
const OLD_STATE_DB = "office-sync.db";

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
    const { basename, dirname, resolve } = rulesOf(path);
    const folder = dirname(path);
    return folder === path ? path : resolve(onDisk(folder), basename(path));
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
  { roots, stateDb, logging }: Pick<Config, "roots" | "stateDb"> & {
    readonly logging: Pick<Config["logging"], "file">;
  },
  report: string | null,
  spelled: (path: string) => string = onDisk,
): void {
  const real = { left: spelled(roots.left), right: spelled(roots.right) };
  const files = {
    state_db: stateDb,
    "logging.file": logging.file,
    ...report === null ? {} : { "--report": report },
  };
  for (const [name, file] of Object.entries(files)) {
    const path = spelled(file);
    const side = SIDES.find((side) => isInside(path, real[side]));
    if (side === undefined) continue;
    const where = path === file ? "" : `, for it is "${printable(path)}"`;
    throw new SyncError(
      `${name}: "${printable(file)}" lies in ${side}_root${where}; allowed: ` +
        "outside both roots.",
      EXIT.usage,
    );
  }
}

// Which state DB a config is about, where it does not name one: the one that
// is called like the config, or one of the old name that knows these roots.

/**
 * Decides which state DB is used. A record must never be passed over: without
 * it, what was deleted comes back.
 *
 * @param config A config as it was read.
 * @param filesOf Gives what answers for its roots, if it comes to that.
 * @returns It with the one state DB that counts.
 */
export async function withStateDb<
  C extends {
    readonly roots: Both<string>;
    readonly stateDb: string;
    readonly oldStateDb: string | null;
  },
>(
  config: C,
  filesOf: (roots: Both<string>) => Promise<Files>,
): Promise<C> {
  const { roots, stateDb, oldStateDb } = config;
  const decided = { ...config, oldStateDb: null };
  if (oldStateDb === null || !isThere(oldStateDb)) return decided;
  const { knowsRoots } = await import("./run_identify.ts");
  const files = await filesOf(roots);
  const isMade = isThere(stateDb);
  // What can't be told of it, a guard tells.
  if (isMade && await knowsRoots(files, stateDb, roots) !== false) {
    return decided;
  }
  const isKnown = await knowsRoots(files, oldStateDb, roots) ?? !isMade;
  return isKnown ? { ...decided, stateDb: oldStateDb } : decided;
}

/** In a sandbox that lets it not be looked at, it is not the one. */
function isThere(file: string): boolean {
  try {
    return Deno.lstatSync(file).isFile;
  } catch {
    return false;
  }
}
