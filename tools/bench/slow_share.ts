/**
 * Mounts a folder a second time, as a slow share.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("slow_share.py", import.meta.url));

/** Debian's own Python: another one does not know of Debian's packages. */
export const PYTHON = "/usr/bin/python3";

const mounted = new Set<SlowShare>();

/** Unmounts whatever is still mounted. */
export function unmountShares(): void {
  for (const share of mounted) share[Symbol.dispose]();
}

/** A folder that is mounted a second time, with a delay on every call. */
export class SlowShare implements Disposable {
  readonly #folder: string;
  readonly #place: string;

  /**
   * Mounts; needs root and the package python3-fusepy.
   *
   * @param folder What is shown.
   * @param place Where; an empty folder.
   * @param delayMs Of each call.
   * @param longestName What a name may measure in UTF-8, in bytes.
   */
  constructor(
    folder: string,
    place: string,
    delayMs: number,
    longestName = 255,
  ) {
    this.#folder = folder;
    this.#place = place;
    // It goes on in the background once it is mounted.
    const { success, stderr } = new Deno.Command(PYTHON, {
      args: [PROGRAM, folder, place, String(delayMs), String(longestName)],
    }).outputSync();
    if (!success) {
      throw new Error(`no slow share: ${new TextDecoder().decode(stderr)}`);
    }
    mounted.add(this);
  }

  /** How many calls somebody waited for since it was mounted. */
  get calls(): number {
    return statfsSync(this.#place).files;
  }

  /**
   * Leaves some calls without an answer, until they are let go on.
   *
   * @param calls A pattern for an operation of FUSE and a path from the mounted
   *   folder on, as in "readdir /a".
   */
  hold(calls: string): void {
    // An empty file would stand there for a moment.
    Deno.writeTextFileSync(`${this.#folder}.hold.new`, calls);
    Deno.renameSync(`${this.#folder}.hold.new`, `${this.#folder}.hold`);
  }

  /** Whether a call waits for an answer that does not come. */
  get isHeld(): boolean {
    try {
      return Deno.lstatSync(`${this.#folder}.held`).isFile;
    } catch {
      return false;
    }
  }

  /** Lets what is held go on. */
  letGo(): void {
    for (const name of ["hold", "held"]) {
      try {
        Deno.removeSync(`${this.#folder}.${name}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    mounted.delete(this);
    this.letGo();
    new Deno.Command("umount", { args: ["-l", this.#place] }).outputSync();
  }
}
