/**
 * Makes folders ignore case and normal form, as they do on Windows and macOS,
 * on whatever file system they are: for this process, until it is disposed of.
 *
 * @module
 */
import fs from "node:fs";
import { PATH_CALLS, replaceCall } from "./system_calls.ts";

/** Folders that ignore case and normal form. */
export class FoldingDisk implements Disposable {
  readonly #replaced = new DisposableStack();
  readonly #folders: readonly string[];
  readonly #readDir = Deno.readDirSync;
  readonly #rename = Deno.renameSync;

  /** @param folders Absolute paths; all below them is folded. */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
    const { renameSync: _, ...calls } = PATH_CALLS;
    for (const [call, paths] of Object.entries(calls)) {
      this.#replace(Deno, call, (real, ...args) => {
        const found = args.slice(0, paths).map((it) => this.#find(it));
        return real(...found, ...args.slice(paths));
      });
    }
    this.#replace(fs, "openSync", (real, path, ...rest) => {
      return real(this.#find(path), ...rest);
    });
    this.#replace(Deno, "renameSync", (_, from, to) => {
      this.#renameTo(this.#find(from), to);
    });
  }

  /** A rename gives the spelling that is asked for. */
  #renameTo(from: string, to: string): void {
    const found = this.#find(to);
    this.#rename(from, found);
    const spelled = found.replace(/[^/]*$/, "") + to.replace(/^.*\//, "");
    if (spelled !== found) this.#rename(found, spelled);
  }

  /** The path as it is spelled on disk, as far as it exists. */
  #find(path: string): string {
    const folder = this.#folders.find((it) => path.startsWith(`${it}/`));
    if (folder === undefined) return path;
    let found = folder;
    for (const name of path.slice(folder.length + 1).split("/")) {
      found = `${found}/${this.#nameIn(found, name)}`;
    }
    return found;
  }

  #nameIn(folder: string, name: string): string {
    try {
      const names = [...this.#readDir(folder)].map((it) => it.name);
      if (names.includes(name)) return name;
      return names.find((it) => fold(it) === fold(name)) ?? name;
    } catch {
      return name;
    }
  }

  #replace(...how: Parameters<typeof replaceCall>): void {
    this.#replaced.use(replaceCall(...how));
  }

  /** Makes the folders as they are again. */
  [Symbol.dispose](): void {
    this.#replaced.dispose();
  }
}

function fold(name: string): string {
  return name.normalize("NFC").toUpperCase().toLowerCase();
}
