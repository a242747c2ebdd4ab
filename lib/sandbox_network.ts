/**
 * Roots on the network, and what holds a run to its roots. On Windows Deno's
 * permissions can hold only what lies on a drive of the computer itself: for
 * anything else it wants all of them. A mapped drive looks like the first and
 * is the second.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";
import { EXIT, GuardError, SyncError } from "./errors.ts";
import { rulesOf } from "./paths.ts";
import { codeOf } from "./system.ts";
import { printable } from "./text.ts";
import { type Both, bothOf, type Side, SIDES } from "./types.ts";
import type { FileSystem, NetworkRoot, Walls } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

/** The part of a config that this is about. */
export type NetworkConfig = Pick<Config, "file" | "roots" | "networkRoots">;

/** Tells a root's real path. */
export type RealPath = (root: string) => string;

/** Stands for a real path that only a process with all permissions may see. */
const UNTOLD = "\\\\";

/**
 * Whether no permission but all of them reaches a path, as far as its text
 * tells.
 *
 * @param path Where it matters, the real path.
 * @returns True for `\\server\share` and the like.
 *
 * @example A mapped drive's real path and a local one
 * ```ts
 * import { isNetworkPath } from "./sandbox_network.ts";
 * isNetworkPath("\\\\server\\share\\office"); // true
 * isNetworkPath("C:\\pdrive_local"); // false
 * ```
 */
export function isNetworkPath(path: string): boolean {
  return /^[\\/]{2}(?![?.][\\/][A-Za-z]:)/.test(path);
}

/**
 * The real path of a root, as Windows tells it to this process.
 *
 * @param root The root.
 * @returns The root itself where it is not there: the run tells that, as any
 *   other guard is told.
 */
export function realPathOnWindows(root: string): string {
  try {
    return Deno.realPathSync(root);
  } catch (error) {
    // In the sandbox: what may be named there, but not looked at, is not on a
    // drive of this computer.
    return error instanceof Deno.errors.NotCapable ? UNTOLD : root;
  }
}

/** How real paths are told here; null: no root is on the network for Deno. */
export const REAL_PATH: RealPath | null = Deno.build.os === "windows"
  ? realPathOnWindows
  : null;

/**
 * The real paths of both roots, Left first, as far as they matter to a
 * sandbox.
 *
 * @param config The config.
 * @param realPath Tells them; null: they don't matter here.
 * @returns None where they don't matter.
 */
export function realRootsOf(
  config: Pick<NetworkConfig, "roots">,
  realPath: RealPath | null,
): string[] {
  if (realPath === null) return [];
  // Deno looks at the name as well: nobody need be asked where that tells.
  return [config.roots.left, config.roots.right].map((root) =>
    isNetworkPath(root) ? root : realPath(root)
  );
}

/**
 * The roots that are on the network.
 *
 * @param config The config.
 * @param realRoots The real paths of both, Left first, null where one is not
 *   known; or none.
 */
export function networkRootsOf(
  config: Pick<NetworkConfig, "roots">,
  realRoots: readonly (string | null)[],
): NetworkRoot[] {
  return SIDES.flatMap((side, n): NetworkRoot[] => {
    const real = realRoots[n] ?? null;
    if (real === null || !isNetworkPath(real)) return [];
    const share = real === UNTOLD
      ? null
      : real.replace(/^\\\\\?\\UNC\\/i, "\\\\");
    return [{ side, root: config.roots[side], share }];
  });
}

/** How Linux numbers file systems that another computer serves. */
const NETWORKS: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x01021997: "9P",
  0x00c36400: "Ceph",
  0x5346414f: "AFS",
};

/**
 * The network that a path is reached over: its name, or that of the server
 * and share; null: it is local, as far as can be told.
 */
export function networkOf(
  path: string,
  realPath: string,
  disk: Pick<FileSystem, "type"> | null,
): string | null {
  if (Deno.build.os === "windows") {
    return [path, realPath].find(isNetworkPath) ?? null;
  }
  if (Deno.build.os !== "linux") return null;
  return NETWORKS[disk?.type ?? 0] ?? null;
}

/** A root on the network as the config names it, and where that leads. */
export function placeOf({ root, share }: Omit<NetworkRoot, "side">): string {
  return share === null || share === root ? root : `${root} (${share})`;
}

/**
 * Which roots are on the network, as the beginning of a sentence.
 *
 * @param roots At least one.
 */
export function networkWords(roots: readonly NetworkRoot[]): string {
  const each = roots.map((it) => printable(`${it.side}_root ${placeOf(it)}`));
  return `${each.join(" and ")} ${each.length > 1 ? "are" : "is"} on the ` +
    "network";
}

/**
 * Why a config's roots are not synced, and the text that would allow it.
 *
 * @param config The config.
 * @param roots Its roots on the network.
 */
export function networkRefusal(
  config: Pick<NetworkConfig, "file">,
  roots: readonly NetworkRoot[],
): SyncError {
  const message = `${networkWords(roots)}, and the config says ` +
    "sandbox.network_roots: refuse.";
  return new SyncError(message, EXIT.usage, {
    hint: `What to do: let ${printable(config.file)} say\nsandbox:\n  ` +
      "network_roots: fence\nor name a folder of this computer.",
  });
}

/**
 * Requires that the state DB is on a disk of this computer: over a network
 * its locks can't be relied on, and in a sandbox it can't even be opened.
 *
 * @param stateDb Its absolute path.
 * @param realPath Tells real paths; null: any will do.
 * @throws {SyncError} It is on the network.
 */
export function requireLocalState(
  stateDb: string,
  realPath: RealPath | null,
): void {
  if (realPath === null) return;
  const folder = rulesOf(stateDb).dirname(stateDb);
  const real = isNetworkPath(folder) ? folder : realPath(folder);
  if (!isNetworkPath(real)) return;
  throw new SyncError(
    `state_db ${printable(stateDb)} is on the network; allowed: a file on a ` +
      "disk of this computer.",
    EXIT.usage,
  );
}

/**
 * The same as {@linkcode realRootsOf}, where only the files' world may look at
 * roots.
 *
 * @returns None where they don't matter; null for one that can't be looked at.
 */
export async function askedRoots(
  files: Files,
  roots: Both<string>,
): Promise<(string | null)[]> {
  if (REAL_PATH === null) return [];
  const { left, right } = await bothOf(async (side) => {
    const root = roots[side];
    if (isNetworkPath(root)) return root;
    try {
      return (await files.ask("check", { side })).path;
    } catch (error) {
      if (!(error instanceof GuardError)) throw error;
      return codeOf(error.cause) === "SANDBOX" ? UNTOLD : null;
    }
  });
  return [left, right];
}

/**
 * What to write for a word of older versions, which is still understood.
 *
 * @param config The config.
 * @returns Null: it holds none.
 */
export function oldWordHint(
  { networkRoots }: Pick<NetworkConfig, "networkRoots">,
): string | null {
  return networkRoots === "allow_all"
    ? "sandbox.network_roots: allow_all is called fence now: write " +
      "network_roots: fence, or leave it out."
    : null;
}

/** What holds a run to its roots, in a sentence for people. */
export function wallWords({ by, network }: Walls): string {
  if (by === "permissions") {
    return "Deno's permissions hold both roots: the threads that touch files " +
      "may use nothing else, and nothing else may use them.";
  }
  const why = network.length === 0 ? "" : `, as ${networkWords(network)}`;
  return `The program's own fence holds both roots${why}: the threads that ` +
    "touch files have all permissions, everything else has none for the roots.";
}

/** What holds one root, for people; no sentence of its own. */
export function wallOf({ by, network }: Walls, side: Side): string {
  if (by === "permissions") {
    return "Deno's permissions: the threads that touch files may use the two " +
      "roots and nothing else, and nothing else may use these";
  }
  const why = network.length === 0
    ? ""
    : network.some((it) => it.side === side)
    ? ", as it is on the network"
    : ", as the other root is on the network";
  return `the program's own fence${why}: the threads that touch files have ` +
    "all permissions, everything else has none for the roots";
}
