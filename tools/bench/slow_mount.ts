/**
 * Mounts a folder a second time, as a slow share.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** What a slow share was asked for. */
export interface Asked {
  /** Calls that somebody waited for. */
  readonly calls: number;
  /** How long they waited, added up, in ms. */
  readonly waitedMs: number;
}

/** The kernel takes its answers from the process that it asks. */
const MOUNT = "exec 0<>/dev/fuse 2>&0\n" +
  'mount -i -t fuse -o "$1" slow-share "$2" || exit 1\n' +
  'shift 2\nexec "$@"';

const OPTIONS = "fd=0,rootmode=40000,user_id=0,group_id=0,allow_other," +
  "default_permissions";

const mounted = new Set<SlowShare>();

/** Unmounts whatever is still mounted. */
export function unmountShares(): void {
  for (const share of mounted) share[Symbol.dispose]();
}

/** A folder that is mounted a second time, with a delay on every call. */
export class SlowShare implements Disposable {
  readonly #place: string;
  readonly #server: Deno.ChildProcess;
  readonly #told: ReadableStreamDefaultReader<Uint8Array>;

  /**
   * Mounts; needs root.
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
    this.#place = place;
    const program = fileURLToPath(new URL("slow_share.ts", import.meta.url));
    const serve = [Deno.execPath(), "run", "--no-prompt", "--allow-all"];
    this.#server = new Deno.Command("bash", {
      args: [
        ...["-c", MOUNT, "bash", OPTIONS, place],
        ...[...serve, program, folder, String(delayMs), String(longestName)],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#told = this.#server.stdout.getReader();
    mounted.add(this);
  }

  /**
   * What it was asked since the last time, or since it was mounted.
   *
   * @throws {Error} It is not mounted.
   */
  async asked(): Promise<Asked> {
    // Waits until it serves: before, the signal would end it.
    await Deno.lstat(`${this.#place}/.`);
    this.#server.kill("SIGUSR1");
    let text = "";
    while (!text.endsWith("\n")) {
      const { value } = await this.#told.read();
      if (!value) throw new Error(`the slow share is not mounted: ${text}`);
      text += new TextDecoder().decode(value);
    }
    const line = text.trimEnd().split("\n").at(-1) ?? "";
    if (!line.startsWith("{")) throw new Error(`the slow share: ${text}`);
    return JSON.parse(line);
  }

  /** Waits until it is mounted. */
  async ready(): Promise<void> {
    const { dev } = Deno.statSync(`${this.#place}/..`);
    for (let tries = 0; tries < 500; tries++) {
      if (Deno.statSync(this.#place).dev !== dev) {
        await this.asked();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`the slow share is not mounted at ${this.#place}`);
  }

  [Symbol.dispose](): void {
    mounted.delete(this);
    new Deno.Command("umount", { args: ["-l", this.#place] }).outputSync();
    void this.#told.cancel();
  }
}
