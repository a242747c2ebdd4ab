/**
 * What the tests on Windows share: roots on two drives, the real command, and
 * a program that locks files.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadConfig } from "../../lib/config_loader.ts";
import { filesHere } from "../../lib/files_handlers.ts";
import { newRunId, runSync } from "../../lib/run.ts";
import type { RunResult } from "../../lib/run_types.ts";
import type { JsonDocument } from "../support/scenario.ts";
import {
  actions,
  type CommandResult,
  describe,
  file,
  type FileSpec,
  read,
  softDeleted,
  type Tree,
  write,
} from "../support/support.ts";

/** Where the project is, in the machine. */
export const PROJECT = join(import.meta.dirname ?? "", "..", "..");

/** The portable folder that was made on Linux, in a path with a space. */
export const PORTABLE_COMMAND =
  "C:\\Program Files\\Office Sync\\office-sync.cmd";

/** When files were saved that no run takes for young, in ms since 1970. */
export const LONG_AGO = Date.UTC(2024, 0, 15, 8, 30);

/** A file that was saved long ago, or so many minutes later. */
export function old(content: string, minutes = 0): FileSpec {
  return file(content, { mtime: LONG_AGO + minutes * 60_000 });
}

/** Writes a file that was saved long ago, and the folders it is in. */
export function put(root: string, name: string, content: string): void {
  const path = join(root, name);
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  Deno.writeTextFileSync(path, content);
  Deno.utimeSync(path, LONG_AGO / 1000, LONG_AGO / 1000);
}

/** A left root on C:, a right root on P:, and a config with spaces in its path. */
export class Office implements Disposable {
  readonly folder: string;
  readonly config: string;
  readonly log: string;
  readonly left: string;
  readonly right: string;
  readonly #own: readonly string[];

  /**
   * @param settings Lines for the config besides the roots.
   * @param roots Others than folders made for this office.
   */
  constructor(settings = "", roots: { left?: string; right?: string } = {}) {
    const own = (dir: string) =>
      Deno.makeTempDirSync({ dir, prefix: "office-sync-test-" });
    this.folder = own("C:\\");
    this.left = roots.left ?? own("C:\\");
    this.right = roots.right ?? own("P:\\");
    this.#own = [this.folder, this.left, this.right].filter((it) =>
      it !== roots.left && it !== roots.right
    );
    const folder = join(this.folder, "Sync & Co");
    Deno.mkdirSync(folder);
    this.config = join(folder, "config.yaml");
    this.log = join(folder, "logs", "config.log");
    this.configure(settings);
  }

  /** Rewrites the config. */
  configure(settings: string): void {
    const roots = `left_root: '${this.left}'\nright_root: '${this.right}'\n`;
    Deno.writeTextFileSync(this.config, roots + settings);
  }

  /** Writes trees into both roots. */
  write(trees: { readonly left?: Tree; readonly right?: Tree }): this {
    write(this.left, trees.left ?? {});
    write(this.right, trees.right ?? {});
    return this;
  }

  /** Absolute path of something on a side. */
  at(side: "left" | "right", path: string): string {
    return join(side === "left" ? this.left : this.right, path);
  }

  /** Requires that both sides hold exactly this. */
  holds(tree: Tree): void {
    assert.deepEqual([read(this.left), read(this.right)], [tree, tree]);
  }

  /** Soft-deleted files of a side. */
  softDeleted(side: "left" | "right"): Record<string, string> {
    return softDeleted(side === "left" ? this.left : this.right);
  }

  /** The real command, as it is installed: launcher and sandbox included. */
  words(...args: readonly string[]): string[] {
    return [PORTABLE_COMMAND, ...args, "--config", this.config];
  }

  /** Runs the real command. */
  command(...args: readonly string[]): Promise<CommandResult> {
    return output(this.words(...args), { cwd: this.folder });
  }

  /** One run; requires how it ends, and gives its document. */
  async ends(code: number, ...args: readonly string[]): Promise<JsonDocument> {
    const { stdout, stderr, code: is } = await this.command(...args, "--json");
    assert.match(stdout, /^\{/, stderr);
    const document: JsonDocument = JSON.parse(stdout);
    assert.equal(is, code, `${stdout}\n${stderr}`);
    return document;
  }

  /** A run in this process: the same code without launcher and sandbox. */
  async run(): Promise<RunResult> {
    const config = await loadConfig(this.config);
    return await runSync(newRunId(Date.now()), config, {
      files: filesHere(config.roots),
      isDryRun: false,
      allowed: { deletes: false, changes: false },
      acceptRoots: false,
      listUnchanged: false,
    }, { onOutcome() {}, onProblem() {}, onWarning() {} });
  }

  /** A run in this process that ends with 0, and all it did. */
  async does(lines: readonly string[]): Promise<void> {
    const result = await this.run();
    assert.equal(result.exitCode, 0, describe(result));
    assert.deepEqual(actions(result).sort(), [...lines].sort());
  }

  /** A run in this process that ends with 0. */
  async agrees(): Promise<void> {
    const result = await this.run();
    assert.equal(result.exitCode, 0, describe(result));
  }

  /** One more run finds nothing to do. */
  rests(): Promise<void> {
    return this.does([]);
  }

  [Symbol.dispose](): void {
    for (const folder of this.#own) removeWhenFree(folder);
  }
}

/** A program that has just ended may have its own file for a moment longer. */
function removeWhenFree(folder: string): void {
  for (const end = Date.now() + 5000;;) {
    try {
      return Deno.removeSync(folder, { recursive: true });
    } catch (error) {
      const isBusy = error instanceof Deno.errors.PermissionDenied;
      if (!isBusy || Date.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

/** What was done, as short lines: `NAME path -> new name`. */
export function linesOf({ actions }: JsonDocument): string[] {
  return actions.map(({ action, path, newPath }) =>
    `${action} ${path}${
      newPath === null || newPath.startsWith(".office-sync")
        ? ""
        : ` -> ${newPath}`
    }`
  );
}

/** Runs a program and waits for it. */
export async function output(
  [program = "", ...args]: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<CommandResult> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    ...options,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Waits until something is so; a test that waits in vain fails. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !isSo();) {
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A text as Windows takes it. */
function wide(text: string): Uint16Array<ArrayBuffer> {
  const length = text.length + 1;
  return Uint16Array.from({ length }, (_, n) => text.charCodeAt(n));
}

const GENERIC_READ = 0x8000_0000;
const FILE_LIST_DIRECTORY = 1;
const OPEN_EXISTING = 3;
/** Without it no folder can be opened. */
const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;

/** What others may do with what a program has open. */
export const SHARE = { nothing: 0, allButRemoval: 3, all: 7 } as const;

/** A file or folder that another program has open. */
export class Locked implements Disposable {
  readonly #system = Deno.dlopen("kernel32.dll", {
    CreateFileW: {
      parameters: ["buffer", "u32", "u32", "pointer", "u32", "u32", "pointer"],
      result: "pointer",
    },
    CloseHandle: { parameters: ["pointer"], result: "i32" },
  });
  readonly #handle: Deno.PointerValue;

  /**
   * @param path The file or folder.
   * @param share What others may do with it.
   */
  constructor(path: string, share: number = SHARE.nothing) {
    const { CreateFileW } = this.#system.symbols;
    const { isDirectory } = Deno.lstatSync(path);
    this.#handle = CreateFileW(
      wide(path),
      isDirectory ? FILE_LIST_DIRECTORY : GENERIC_READ,
      share,
      null,
      OPEN_EXISTING,
      FILE_FLAG_BACKUP_SEMANTICS,
      null,
    );
    const isOpen = this.#handle !== null &&
      BigInt.asIntN(64, Deno.UnsafePointer.value(this.#handle)) !== -1n;
    assert.ok(isOpen, `${path} can't be locked`);
  }

  [Symbol.dispose](): void {
    this.#system.symbols.CloseHandle(this.#handle);
    this.#system.close();
  }
}

/** Another spelling, through another name: wine does nothing in one step. */
export function respell(folder: string, from: string, to: string): void {
  Deno.renameSync(`${folder}\\${from}`, `${folder}\\~`);
  Deno.renameSync(`${folder}\\~`, `${folder}\\${to}`);
}

/** A path with the short name of each of its entries. */
export function shortPath(path: string): string {
  const system = Deno.dlopen("kernel32.dll", {
    GetShortPathNameW: {
      parameters: ["buffer", "buffer", "u32"],
      result: "u32",
    },
  });
  const buffer = new Uint16Array(1024);
  const { GetShortPathNameW } = system.symbols;
  const length = GetShortPathNameW(wide(path), buffer, buffer.length);
  system.close();
  assert.ok(length > 0, `${path} has no short name`);
  return String.fromCharCode(...buffer.subarray(0, length));
}

/**
 * The portable folder once more, elsewhere.
 *
 * @param folder Where; made for it.
 * @returns Its command.
 */
export function copyPortable(folder: string): string {
  const copy = (from: string, to: string): void => {
    Deno.mkdirSync(to, { recursive: true });
    for (const { name, isDirectory } of Deno.readDirSync(from)) {
      const put = isDirectory
        ? copy
        : name === "deno.exe"
        ? Deno.linkSync
        : Deno.copyFileSync;
      put(join(from, name), join(to, name));
    }
  };
  copy(join(PORTABLE_COMMAND, ".."), folder);
  return join(folder, "office-sync.cmd");
}
