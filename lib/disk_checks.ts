/**
 * What the doctor asks of disks: how full they are, and whether they are
 * reached over the network.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { type Check, fine, problem, type Subject, warning } from "./checks.ts";
import { isNetworkPath, realPathOnWindows } from "./sandbox_network.ts";
import { codeOf } from "./system.ts";
import { sizeWords } from "./text.ts";

const MB = 1_048_576;

/** With less a run may end with copies that were not made. */
const SCARCE_BYTES = 1024 * MB;

/** With less not even a record can be relied on to be written. */
const NEARLY_NONE_BYTES = 50 * MB;

/** How much room there is on a disk. */
export interface Room {
  readonly freeBytes: number;
  readonly allBytes: number;
}

/**
 * How much room a disk has.
 *
 * @param of What is looked at.
 * @param room As the system tells it; null where it tells nothing.
 */
export function spaceCheck(of: Subject, room: Room | null): Check {
  if (room === null) return fine(of, "the system does not tell");
  const { freeBytes, allBytes } = room;
  const says = `${sizeWords(freeBytes)} of ${sizeWords(allBytes)} free`;
  const todo = "Free space: copies that find none are left for the next run.";
  if (freeBytes < NEARLY_NONE_BYTES) return problem(of, says, todo);
  return freeBytes < SCARCE_BYTES ? warning(of, says, todo) : fine(of, says);
}

/**
 * Asks how much room there is.
 *
 * @param path Anything on the disk.
 * @returns Null where the system does not tell.
 */
export function roomAt(path: string): Room | null {
  const told = fileSystemAt(path);
  if (told === null) return null;
  const blockBytes = Number(told.bsize);
  const allBytes = Number(told.blocks) * blockBytes;
  const freeBytes = Number(told.bavail) * blockBytes;
  return allBytes === 0 ? null : { freeBytes, allBytes };
}

function fileSystemAt(path: string): ReturnType<typeof statfsSync> | null {
  try {
    return statfsSync(path);
  } catch (error) {
    // A compiled program has the walls of a sync.
    const isWall = error instanceof Deno.errors.NotCapable;
    if (!isWall && codeOf(error) === null) throw error;
    return null;
  }
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
 * The network that a path is reached over.
 *
 * @param path The path.
 * @returns Its name, or that of the server and share; null: it is local, as
 *   far as can be told.
 */
export function networkOf(path: string): string | null {
  if (Deno.build.os === "windows") {
    const real = isNetworkPath(path) ? path : realPathOnWindows(path);
    return isNetworkPath(real) ? real : null;
  }
  if (Deno.build.os !== "linux") return null;
  return NETWORKS[Number(fileSystemAt(path)?.type ?? 0)] ?? null;
}
