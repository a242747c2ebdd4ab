/**
 * Two real roots without a run around them, and other programs that do
 * something at the worst moment.
 *
 * @module
 */
import fs from "node:fs";
import type { Traits } from "../../lib/metadata.ts";
import { Root } from "../../lib/root_files.ts";
import { PLAIN_TRAITS } from "../../lib/root_traits.ts";
import type { Both, Metadata, Side } from "../../lib/types.ts";
import { folderInMemory, read, type Tree, write } from "./support.ts";
import { type AnyFunction, replaceCall } from "./system_calls.ts";

/** Two roots and a folder beside them that is nobody's business. */
export class TwoRoots implements Disposable {
  readonly folder: string;
  readonly left: Root;
  readonly right: Root;

  /**
   * @param traits Of both roots, where they are not plain.
   * @param drive The folder that they are to be in; left out: any will do.
   */
  constructor(traits: Partial<Traits> = {}, drive?: string) {
    this.folder = drive === undefined
      ? folderInMemory()
      : Deno.makeTempDirSync({ dir: drive, prefix: "office-sync-test-" });
    const make = (side: Side): Root => {
      Deno.mkdirSync(`${this.folder}/${side}/.office-sync`, {
        recursive: true,
      });
      const path = `${this.folder}/${side}`;
      return new Root(side, path, { ...PLAIN_TRAITS, ...traits });
    };
    this.left = make("left");
    this.right = make("right");
    Deno.mkdirSync(this.outside);
  }

  /** Absolute path of the folder beside the roots. */
  get outside(): string {
    return `${this.folder}/outside`;
  }

  /** Both, by side. */
  get roots(): Both<Root> {
    return { left: this.left, right: this.right };
  }

  /** Writes trees into both roots. */
  write(trees: { readonly left?: Tree; readonly right?: Tree }): this {
    write(this.left.path, trees.left ?? {});
    write(this.right.path, trees.right ?? {});
    return this;
  }

  /** Both trees as they are now. */
  trees(): { readonly left: Tree; readonly right: Tree } {
    return { left: read(this.left.path), right: read(this.right.path) };
  }

  /** What a scan would have seen of a file. */
  seen(side: Side, path: string): Metadata {
    const root = this[side];
    return root.metadata(Deno.lstatSync(`${root.path}/${path}`));
  }

  /** Names of all files and folders of a side, the product's own too. */
  names(side: Side): string[] {
    const found: string[] = [];
    const walk = (folder: string, path: string): void => {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        found.push(path + name);
        if (isDirectory) walk(`${folder}/${name}`, `${path}${name}/`);
      }
    };
    walk(this[side].path, "");
    return found.sort();
  }

  /** Removes everything. */
  [Symbol.dispose](): void {
    removeAll(this.folder);
  }
}

/** A thread that was ended may be inside its last call still. */
function removeAll(folder: string): void {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  for (let n = 0;; n++) {
    try {
      return Deno.removeSync(folder, { recursive: true });
    } catch (error) {
      if (n === 50) throw error;
      Atomics.wait(nothing, 0, 0, 20);
    }
  }
}

/** Calls of the system that other programs can get in between. */
export type Call =
  | "read"
  | "chmodSync"
  | "linkSync"
  | "lstat"
  | "lstatSync"
  | "mkdirSync"
  | "openSync"
  | "readDir"
  | "readDirSync"
  | "readLinkSync"
  | "readTextFileSync"
  | "removeSync"
  | "renameSync"
  | "utimeSync";

/**
 * Puts something in the place of a system call until it is disposed of.
 *
 * @param call The call; "read" reads from an open file.
 * @param replacement Gets the real one, and its arguments.
 */
export function intercept(
  call: Call,
  replacement: (real: AnyFunction, ...args: string[]) => unknown,
): Disposable {
  return call === "read"
    ? replaceCall(fs, "readSync", replacement)
    : replaceCall(Deno, call, replacement);
}

/**
 * Lets another program do something right after a system call, once.
 *
 * @param call The call.
 * @param act What it does; gets the arguments of the call.
 */
export function after(
  call: Call,
  act: (...args: string[]) => void,
): Disposable {
  let isDone = false;
  return intercept(call, (real, ...args) => {
    const result = real(...args);
    if (!isDone) {
      isDone = true;
      act(...args);
    }
    return result;
  });
}

/**
 * An error as the system gives it.
 *
 * @param code For instance "EBUSY".
 */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code} (test)`), { code });
}
