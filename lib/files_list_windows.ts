/**
 * Lists a folder on Windows with the metadata of all that is in it, in a few
 * calls. Deno drops them from a listing and opens each file to ask for them
 * again, which takes three requests a file on a share. It takes FFI, so a
 * process with all permissions.
 *
 * @module
 */

/**
 * What a listing tells of an entry: what `lstat` does, but for how many names
 * a file has. And what it tells may be old: NTFS keeps the metadata of a file
 * with each of its names, and renews them where it is closed under that name.
 */
export type Told = Pick<
  Deno.FileInfo,
  | "isFile"
  | "isDirectory"
  | "isSymlink"
  | "size"
  | "mtime"
  | "birthtime"
  | "mode"
  | "ino"
  | "dev"
  | "nlink"
>;

/** An entry of a folder. */
export interface Listed {
  readonly name: string;
  /** Null where it has to be looked at. */
  readonly told: Told | null;
}

/** What lists folders; to be disposed of when no call is in flight. */
export interface Lister extends Disposable {
  /**
   * Lists a folder.
   *
   * @param folder Its absolute path.
   * @param dev Of the disk it is on.
   * @returns Null where it has to be listed in another way, which then also
   *   tells what is wrong.
   */
  list(folder: string, dev: number): Promise<Listed[] | null>;
}

/** Of `CreateFileW`. */
export const PARAMETERS_OF_OPEN = [
  "buffer",
  "u32",
  "u32",
  "pointer",
  "u32",
  "u32",
  "isize",
] as const;

const PARAMETERS_OF_LIST = [
  "isize",
  "isize",
  "pointer",
  "pointer",
  "buffer",
  "buffer",
  "u32",
  "i32",
  "u8",
  "pointer",
  "u8",
] as const;

/** Not waited for, so that many folders are listed at once. */
function openSystem() {
  const kernel = Deno.dlopen("kernel32.dll", {
    CreateFileW: {
      parameters: PARAMETERS_OF_OPEN,
      result: "isize",
      nonblocking: true,
    },
    CloseHandle: { parameters: ["isize"], result: "i32", nonblocking: true },
  });
  // Unlike what kernel32 has for it, it gives the reason itself where there is
  // nothing more: the end of a listing, or an error in its middle.
  const core = Deno.dlopen("ntdll.dll", {
    NtQueryDirectoryFile: {
      parameters: PARAMETERS_OF_LIST,
      result: "u32",
      nonblocking: true,
    },
  });
  return {
    ...kernel.symbols,
    ...core.symbols,
    close() {
      kernel.close();
      core.close();
    },
  };
}

/** Whether this is Windows, and the thread may call it by FFI. */
export function hasFfi(): boolean {
  return Deno.build.os === "windows" &&
    Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

/** Null where there is no such way: on another system, or without FFI. */
export function windowsLister(): Lister | null {
  return hasFfi() ? new WindowsLister() : null;
}

const FILE_LIST_DIRECTORY = 1;
/** Others may read, write and remove it meanwhile. */
const FILE_SHARE_ALL = 7;
const OPEN_EXISTING = 3;
/** Without it no folder can be opened. */
const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;
/** What took the folder's place meanwhile is not followed. */
const FILE_FLAG_OPEN_REPARSE_POINT = 0x0020_0000;
/** Nothing was opened. */
export const INVALID_HANDLE: bigint = -1n;

const FILE_ID_BOTH_DIRECTORY_INFORMATION = 37;
const STATUS_SUCCESS = 0;
const STATUS_NO_MORE_FILES = 0x8000_0006;

/** Some 500 names; no server takes more at once. */
const BUFFER_BYTES = 65_536;

class WindowsLister implements Lister {
  readonly #system = openSystem();

  async list(folder: string, dev: number): Promise<Listed[] | null> {
    const { CreateFileW, CloseHandle } = this.#system;
    const how = howToOpen(folder, FILE_LIST_DIRECTORY);
    const handle = await CreateFileW(...how);
    // Both: what is still used stays where the system was told that it is.
    if (handle === INVALID_HANDLE || how[0]?.byteLength === 0) return null;
    try {
      return await this.#listOpen(handle, dev);
    } finally {
      await CloseHandle(handle);
    }
  }

  async #listOpen(handle: bigint, dev: number): Promise<Listed[] | null> {
    const entries: Listed[] = [];
    const buffer = new Uint8Array(BUFFER_BYTES);
    // A status, and how many bytes came. In a buffer of its own, as a small
    // array without one may be moved while the system writes to it.
    const came = new BigUint64Array(new ArrayBuffer(16));
    for (;;) {
      came[1] = 0n;
      const status = await this.#system.NtQueryDirectoryFile(
        handle,
        0n,
        null,
        null,
        came,
        buffer,
        buffer.length,
        FILE_ID_BOTH_DIRECTORY_INFORMATION,
        0,
        null,
        0,
      );
      if (status === STATUS_NO_MORE_FILES) return entries;
      if (status !== STATUS_SUCCESS || came[1] === 0n) return null;
      addEntries(buffer, dev, entries);
    }
  }

  [Symbol.dispose](): void {
    this.#system.close();
  }
}

/** What `CreateFileW` takes to open a path for a kind of access. */
export function howToOpen(
  path: string,
  access: number,
): Deno.ToNativeParameterTypes<typeof PARAMETERS_OF_OPEN> {
  return [
    literalPath(path),
    access,
    FILE_SHARE_ALL,
    null,
    OPEN_EXISTING,
    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT,
    0n,
  ];
}

/** A path of any length, as the system takes it word for word. */
function literalPath(path: string): Uint16Array<ArrayBuffer> {
  const isShare = /^[/\\]{2}(?![?.][/\\])/.test(path);
  const plain = path.replaceAll(/[/\\]+/g, "\\");
  const literal = isShare
    ? `\\\\?\\UNC${plain}`
    : plain.startsWith("\\")
    ? `\\${plain}`
    : `\\\\?\\${plain}`;
  const units = new Uint16Array(new ArrayBuffer(2 * literal.length + 2));
  for (let at = 0; at < literal.length; at++) {
    units[at] = literal.charCodeAt(at);
  }
  return units;
}

const FILE_ATTRIBUTE_READONLY = 0x1;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const FILE_ATTRIBUTE_REPARSE_POINT = 0x400;
/** Of a reparse point's tag: it stands for something elsewhere. */
const NAME_SURROGATE = 0x2000_0000;

/**
 * Takes the entries out of what the system gave.
 *
 * @param buffer A chain of `FILE_ID_BOTH_DIR_INFORMATION`.
 * @param dev Of the disk the folder is on.
 * @param entries Where they are added.
 */
export function addEntries(
  buffer: Uint8Array<ArrayBuffer>,
  dev: number,
  entries: Listed[],
): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  for (let at = 0;;) {
    const next = view.getUint32(at, true);
    const found = nameAt(view, at);
    if (found !== "." && found !== "..") {
      // As a name is told elsewhere that is no valid Unicode.
      const name = found.toWellFormed();
      entries.push({
        name,
        told: name === found ? toldAt(view, at, dev) : null,
      });
    }
    if (next === 0) return;
    at += next;
  }
}

function nameAt(view: DataView<ArrayBuffer>, at: number): string {
  const units = view.getUint32(at + 60, true) / 2;
  const from = view.byteOffset + at + 104;
  return String.fromCharCode(...new Uint16Array(view.buffer, from, units));
}

/** What a file system gives that has no ids, and one that has longer ones. */
const NO_ID = 0;
const LONGER_ID = 2 ** 64;

function toldAt(view: DataView, at: number, dev: number): Told | null {
  const attributes = view.getUint32(at + 56, true);
  const isDirectory = (attributes & FILE_ATTRIBUTE_DIRECTORY) !== 0;
  if (attributes & FILE_ATTRIBUTE_REPARSE_POINT) {
    // Where it has a tag, that stands in the place of another size. A file
    // without what it shares with others, or kept in the cloud, is a file.
    const tag = view.getUint32(at + 64, true);
    const isFile = !isDirectory && tag !== 0 && !(tag & NAME_SURROGATE);
    if (!isFile) return null;
  }
  const ino = numberAt(view, at + 96);
  if (ino === NO_ID || ino === LONGER_ID) return null;
  return {
    isFile: !isDirectory,
    isDirectory,
    isSymlink: false,
    size: isDirectory ? 0 : numberAt(view, at + 40),
    mtime: timeAt(view, at + 24),
    birthtime: timeAt(view, at + 8),
    mode: attributes & FILE_ATTRIBUTE_READONLY ? 0o444 : 0o666,
    ino,
    dev,
    nlink: 1,
  };
}

function numberAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** From 1601, where Windows begins to count, to 1970. */
const EPOCH_MS = 11_644_473_600_000;

/** From tenths of microseconds: 2 ** 32 of them are 429,496.7296 ms. */
function timeAt(view: DataView, at: number): Date {
  const [low, high] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
  const ms = high * 429_496 + Math.floor((high * 7_296 + low) / 10_000);
  return new Date(ms - EPOCH_MS);
}
