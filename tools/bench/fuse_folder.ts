/**
 * Answers what the kernel asks a file system, from a folder of another one.
 *
 * Only what tools for syncing need: files and folders, no links, no locks, no
 * attributes of one's own. What is missing is answered with ENOSYS.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { constants } from "node:os";
import { attributes, begun, handle, opened, text } from "./fuse_format.ts";

/** What the kernel asks. */
export interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: bigint;
  /** What follows the header. */
  readonly body: Buffer;
}

/** The body of an answer, or an error's number. */
export type Answer = Buffer | number;

const { ENOENT, ENOSYS, EINVAL } = constants.errno;

/** So long the kernel may keep names and attributes, in s. */
const KEPT_S = 1n;

const NONE = Buffer.alloc(0);
const ROOT = 1n;
/** Of the flags of an open file: for reading, writing or both. */
const ACCESS = 3;

/** A file or folder: its inode, and each name it is known by. */
interface Node {
  readonly ino: bigint;
  readonly paths: Set<string>;
}

/** A folder that is shown as a file system. */
export class FuseFolder {
  readonly #root: string;
  readonly #nodes = new Map<bigint, Node>();
  readonly #ids = new Map<bigint, bigint>();
  readonly #byPath = new Map<string, bigint>();
  /** The names in a folder as they were when it was opened. */
  readonly #listed = new Map<bigint, fs.Dirent[]>();
  readonly #longestName: number;
  #lastId = ROOT;
  #lastListed = 0n;

  /**
   * @param root The folder.
   * @param longestName What a name may measure in UTF-8, in bytes.
   */
  constructor(root: string, longestName = 255) {
    this.#root = root;
    this.#longestName = longestName;
    const { ino } = fs.lstatSync(root, { bigint: true });
    this.#nodes.set(ROOT, { ino, paths: new Set([root]) });
    this.#ids.set(ino, ROOT);
  }

  /**
   * Answers a request.
   *
   * @param request What the kernel asks.
   * @throws An error with a `code` of the system.
   */
  answer(request: Request): Answer {
    const handler = this.#handlers[request.opcode];
    return handler ? handler(request) : ENOSYS;
  }

  readonly #handlers: Readonly<
    Record<number, (request: Request) => Answer>
  > = {
    1: ({ node, body }) => this.#entry(this.#child(node, text(body, 0))),
    2: () => NONE,
    3: ({ node }) => this.#attributes(node),
    4: (request) => this.#change(request),
    8: ({ node, body }) => {
      const path = this.#child(node, text(body, 16));
      const mode = body.readUInt32LE(0) & 0o7777;
      fs.closeSync(fs.openSync(path, "wx", mode));
      return this.#entry(path);
    },
    9: ({ node, body }) => {
      const path = this.#child(node, text(body, 8));
      fs.mkdirSync(path, body.readUInt32LE(0) & 0o7777);
      return this.#entry(path);
    },
    10: ({ node, body }) => {
      const path = this.#child(node, text(body, 0));
      fs.unlinkSync(path);
      this.#gone(path);
      return NONE;
    },
    11: ({ node, body }) => {
      const path = this.#child(node, text(body, 0));
      fs.rmdirSync(path);
      this.#gone(path);
      return NONE;
    },
    12: ({ node, body }) => this.#rename(node, body, 8),
    13: ({ node, body }) => {
      const path = this.#child(node, text(body, 8));
      fs.linkSync(this.#path(body.readBigUInt64LE(0)), path);
      return this.#entry(path);
    },
    14: ({ node, body }) => {
      const flags = body.readUInt32LE(0) & ACCESS;
      return opened(BigInt(fs.openSync(this.#path(node), flags)));
    },
    15: ({ body }) => {
      const data = Buffer.alloc(body.readUInt32LE(16));
      const at = Number(body.readBigUInt64LE(8));
      return data.subarray(
        0,
        fs.readSync(handle(body), data, 0, data.length, at),
      );
    },
    16: ({ body }) => {
      const data = body.subarray(40, 40 + body.readUInt32LE(16));
      const at = Number(body.readBigUInt64LE(8));
      const written = Buffer.alloc(8);
      const bytes = fs.writeSync(handle(body), data, 0, data.length, at);
      written.writeUInt32LE(bytes, 0);
      return written;
    },
    17: () => this.#space(),
    18: ({ body }) => {
      fs.closeSync(handle(body));
      return NONE;
    },
    20: ({ body }) => {
      fs.fsyncSync(handle(body));
      return NONE;
    },
    26: ({ body }) => begun(body),
    27: ({ node }) => {
      const id = ++this.#lastListed;
      const path = this.#path(node);
      this.#listed.set(id, fs.readdirSync(path, { withFileTypes: true }));
      return opened(id);
    },
    28: ({ body }) => this.#names(body),
    29: ({ body }) => {
      this.#listed.delete(body.readBigUInt64LE(0));
      return NONE;
    },
    30: ({ node }) => {
      const folder = fs.openSync(this.#path(node), "r");
      fs.fsyncSync(folder);
      fs.closeSync(folder);
      return NONE;
    },
    35: ({ node, body }) => {
      const path = this.#child(node, text(body, 16));
      const access = body.readUInt32LE(0) & ACCESS;
      const { O_CREAT, O_EXCL } = fs.constants;
      const mode = body.readUInt32LE(4) & 0o7777;
      const file = fs.openSync(path, access | O_CREAT | O_EXCL, mode);
      return Buffer.concat([this.#entry(path), opened(BigInt(file))]);
    },
    42: () => NONE,
    45: ({ node, body }) =>
      body.readUInt32LE(8) === 0 ? this.#rename(node, body, 16) : EINVAL,
  };

  #path(id: bigint): string {
    const [path] = this.#nodes.get(id)?.paths ?? [];
    if (path !== undefined) return path;
    throw Object.assign(new Error("no such node"), { code: "ENOENT" });
  }

  #child(id: bigint, name: string): string {
    if (Buffer.byteLength(name) > this.#longestName) {
      throw Object.assign(new Error(), { code: "ENAMETOOLONG" });
    }
    return `${this.#path(id)}/${name}`;
  }

  #entry(path: string): Buffer {
    const stat = fs.lstatSync(path, { bigint: true });
    let id = this.#ids.get(stat.ino);
    if (id === undefined) {
      id = ++this.#lastId;
      this.#ids.set(stat.ino, id);
      this.#nodes.set(id, { ino: stat.ino, paths: new Set() });
    }
    if (this.#byPath.get(path) !== id) {
      // Another one had the name before.
      this.#gone(path);
      this.#byPath.set(path, id);
      this.#nodes.get(id)?.paths.add(path);
    }
    const head = Buffer.alloc(40);
    head.writeBigUInt64LE(id, 0);
    head.writeBigUInt64LE(KEPT_S, 16);
    head.writeBigUInt64LE(KEPT_S, 24);
    return Buffer.concat([head, attributes(stat)]);
  }

  #attributes(id: bigint): Buffer {
    const head = Buffer.alloc(16);
    head.writeBigUInt64LE(KEPT_S, 0);
    const stat = fs.lstatSync(this.#path(id), { bigint: true });
    return Buffer.concat([head, attributes(stat)]);
  }

  #change({ node, body }: Request): Buffer {
    const path = this.#path(node);
    const what = body.readUInt32LE(0);
    if (what & 1) fs.chmodSync(path, body.readUInt32LE(68) & 0o7777);
    if (what & 8) fs.truncateSync(path, Number(body.readBigUInt64LE(16)));
    if (what & (16 | 32)) {
      const stat = fs.statSync(path);
      const at = (bit: number, now: number, seconds: number, part: number) =>
        what & now
          ? Date.now() / 1000
          : what & bit
          ? Number(body.readBigInt64LE(seconds)) + body.readUInt32LE(part) / 1e9
          : null;
      const accessed = at(16, 128, 32, 56) ?? stat.atimeMs / 1000;
      const changed = at(32, 256, 40, 60) ?? stat.mtimeMs / 1000;
      fs.utimesSync(path, accessed, changed);
    }
    return this.#attributes(node);
  }

  #rename(node: bigint, body: Buffer, start: number): Answer {
    const name = text(body, start);
    const from = this.#child(node, name);
    const target = start + Buffer.byteLength(name) + 1;
    const to = this.#child(body.readBigUInt64LE(0), text(body, target));
    fs.renameSync(from, to);
    this.#gone(to);
    const below = fs.lstatSync(to).isDirectory()
      ? [...this.#byPath.keys()].filter((it) => it.startsWith(`${from}/`))
      : [];
    for (const path of [from, ...below]) {
      const id = this.#byPath.get(path);
      if (id === undefined) continue;
      const moved = to + path.slice(from.length);
      this.#byPath.delete(path);
      this.#byPath.set(moved, id);
      const paths = this.#nodes.get(id)?.paths;
      paths?.delete(path);
      paths?.add(moved);
    }
    return NONE;
  }

  #gone(path: string): void {
    const id = this.#byPath.get(path);
    const node = id === undefined ? undefined : this.#nodes.get(id);
    this.#byPath.delete(path);
    if (!node) return;
    node.paths.delete(path);
    // Its number may come again for another file.
    if (node.paths.size === 0) this.#ids.delete(node.ino);
  }

  #names(body: Buffer): Answer {
    const listed = this.#listed.get(body.readBigUInt64LE(0));
    if (listed === undefined) return ENOENT;
    const room = body.readUInt32LE(16);
    const parts: Buffer[] = [];
    let size = 0;
    for (
      let next = Number(body.readBigUInt64LE(8));
      next < listed.length;
      next++
    ) {
      const entry = listed[next]!;
      const name = Buffer.from(entry.name);
      const part = Buffer.alloc((24 + name.length + 7) & ~7);
      // Any number but 0; the true one comes with the attributes.
      part.writeBigUInt64LE(1n, 0);
      part.writeBigUInt64LE(BigInt(next + 1), 8);
      part.writeUInt32LE(name.length, 16);
      part.writeUInt32LE(entry.isDirectory() ? 4 : entry.isFile() ? 8 : 10, 20);
      name.copy(part, 24);
      if (size + part.length > room) break;
      size += part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  #space(): Buffer {
    const space = fs.statfsSync(this.#root, { bigint: true });
    const { blocks, bfree, bavail, files, ffree, bsize } = space;
    const all = Buffer.alloc(80);
    [blocks, bfree, bavail, files, ffree].forEach((value, n) =>
      all.writeBigUInt64LE(value, n * 8)
    );
    all.writeUInt32LE(Number(bsize), 40);
    all.writeUInt32LE(255, 44);
    all.writeUInt32LE(Number(bsize), 48);
    return all;
  }
}
