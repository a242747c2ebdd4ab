/**
 * Where what a config names is.
 *
 * @module
 */
import { posix, win32 } from "node:path";
import type { InferOutput } from "valibot";
import type { Config, configSchema } from "./config_schema.ts";
import { EXIT, SyncError } from "./errors.ts";
import { isWindowsPath, withoutPrefix } from "./paths.ts";
import { printable } from "./text.ts";

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
    leftRoot: place(said.left_root),
    rightRoot: place(said.right_root),
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
 * import { ownFiles } from "./config_places.ts";
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
  config: Pick<Config, "leftRoot" | "rightRoot" | "stateDb"> & {
    readonly logging: Pick<Config["logging"], "file">;
  },
  report: string | null,
  spelled: (path: string) => string = onDisk,
): void {
  const roots = [
    ["left_root", spelled(config.leftRoot)],
    ["right_root", spelled(config.rightRoot)],
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
