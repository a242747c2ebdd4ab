/**
 * Reads files of the roots: opens them, never through a link, and answers
 * questions about their content.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { InterruptedError } from "./errors.ts";
import { isStill, metadataOf } from "./metadata.ts";
import { Refused } from "./names.ts";
import { isOwnerName, type Owner, OWNER_BYTES, whoIn } from "./owner_files.ts";
import { nameOf } from "./paths.ts";
import type { Answer, FileRef, Question } from "./plan_types.ts";
import type { Root } from "./root_files.ts";
import { CHANGED, codeOf, inWords, orElse, Skipped } from "./system.ts";
import type { Both, Checkpoint, Metadata } from "./types.ts";

/** More at once would leave the processor's cache. */
export const CHUNK_BYTES = 256 * 1024;

/** The unit in which systems count what a file takes. */
const BLOCK_BYTES = 512;

/** For what is read in one piece, one is enough for all. */
const SMALL = Buffer.allocUnsafeSlow(64 * 1024);

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;

/** A file of a root, open for reading. */
export class OpenFile implements Disposable {
  readonly #root: Root;
  readonly #path: string;
  readonly #seen: Metadata;
  readonly #fd: number;
  /** Whether parts of it take no room on its disk. */
  hasHoles = false;
  #dev = 0;
  #ino = 0;

  /**
   * Opens a file: never through a link, and only if it is the one that was
   * seen.
   *
   * @throws {Skipped} It is another file by now.
   */
  constructor(root: Root, path: string, seen: Metadata) {
    this.#root = root;
    this.#path = path;
    this.#seen = seen;
    const absolute = root.way(path);
    try {
      // RACE: whatever takes the name right now is opened. O_NOFOLLOW: a link
      // is refused; O_NONBLOCK: a pipe does not hold the run up. Windows knows
      // neither, nor can its own flag be given: there a link is followed. What
      // is open then has another id, and after reading the path is looked at
      // again and must lead to it. At worst, on a disk without ids, a link
      // that stands here for just so long has a file elsewhere of the same
      // size and time read in place of this one.
      this.#fd = fs.openSync(
        absolute,
        O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
      );
    } catch (error) {
      // ELOOP: a link was put in its place.
      const isOther = ["ELOOP", "ENOENT", "ENXIO"].includes(
        codeOf(error) ?? "",
      );
      throw isOther ? new Skipped(CHANGED) : error;
    }
    try {
      this.#requireUnchanged();
    } catch (error) {
      fs.closeSync(this.#fd);
      throw error;
    }
  }

  /** Reads on; fewer bytes than the buffer holds come only at the end. */
  read(buffer: Uint8Array): number {
    let filled = 0;
    while (filled < buffer.length) {
      const left = buffer.length - filled;
      const count = fs.readSync(this.#fd, buffer, filled, left, null);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /**
   * What is in it, chunk by chunk. A chunk is to be used before anything else
   * is read: the next one takes its place in memory.
   *
   * @throws {Skipped} The file is longer than it was.
   */
  *chunks(): Generator<Buffer, void, void> {
    let left = this.#seen.sizeBytes;
    const buffer = left < SMALL.length
      ? SMALL
      : Buffer.allocUnsafe(CHUNK_BYTES);
    for (let isMore = true; isMore;) {
      // One byte more than there should be: none may come.
      const most = Math.min(left + 1, buffer.length);
      const count = fs.readSync(this.#fd, buffer, 0, most, null);
      // A file that grows while it is read must not be followed for ever.
      if (count > left) throw new Skipped(CHANGED);
      left -= count;
      isMore = count > 0 && (left > 0 || count === most);
      if (count > 0) yield buffer.subarray(0, count);
    }
  }

  /** Requires that the open file is still what was seen. */
  #requireUnchanged(): void {
    const { info, metadata } = this.#root.lookAgain(
      this.#path,
      this.#seen,
      () => {
        const info = fs.fstatSync(this.#fd);
        const { size, mode, ino, nlink } = info;
        const metadata = metadataOf({
          ...{ size, mode, ino, nlink },
          mtime: new Date(Math.floor(info.mtimeMs)),
          birthtime: new Date(Math.floor(info.birthtimeMs)),
        }, this.#root.traits);
        return { info, metadata };
      },
    );
    if (!info.isFile() || !isStill(this.#seen, metadata)) {
      throw new Skipped(CHANGED);
    }
    this.hasHoles = info.blocks * BLOCK_BYTES < info.size;
    this.#dev = info.dev;
    this.#ino = info.ino;
  }

  /**
   * The look after reading: the path still leads to the very file, and
   * nobody wrote to it meanwhile.
   *
   * @throws {Skipped} It changed while it was read.
   */
  finish(): Metadata {
    const { info, metadata } = this.#root.lookAgain(
      this.#path,
      this.#seen,
      () => {
        const info = this.#root.info(this.#path);
        return { info, metadata: info && this.#root.metadata(info) };
      },
    );
    if (!info?.isFile || !metadata || !isStill(this.#seen, metadata)) {
      throw new Skipped(CHANGED);
    }
    // Where the path leads to what is open, one look has told of both.
    const isOpenOne = info.ino !== null && info.ino !== 0 &&
      info.ino === this.#ino && info.dev === this.#dev;
    if (!isOpenOne) this.#requireUnchanged();
    return metadata;
  }

  [Symbol.dispose](): void {
    fs.closeSync(this.#fd);
  }
}

/**
 * Reads an owner file: whatever keeps it from being read, that it is there says
 * enough.
 *
 * @returns Null where there is none.
 * @throws {Refused} It is a file of another name: no contents of others are
 *   told.
 */
export function ownerAt(root: Root, path: string): Owner | null {
  if (!isOwnerName(nameOf(path))) {
    throw new Refused(path, "it is no owner file");
  }
  const look = orElse(null, () => root.look(path));
  if (look?.kind !== "file") return null;
  const by = orElse(null, () => {
    using file = new OpenFile(root, path, look.metadata);
    const bytes = new Uint8Array(OWNER_BYTES);
    return whoIn(nameOf(path), bytes.subarray(0, file.read(bytes)));
  });
  return { path, sinceMs: look.metadata.mtimeMs, by };
}

/**
 * Answers a question about content; files that can't be read are an answer
 * too.
 *
 * @param onBytes Told of bytes as they are read of one file.
 * @throws What the checkpoint between two chunks throws.
 */
export async function answerTo(
  question: Question,
  roots: Both<Root>,
  checkpoint: Checkpoint = () => Promise.resolve(),
  onBytes: (bytes: number) => void = () => {},
): Promise<Answer> {
  const [first, second] = question.kind === "hash"
    ? [question.file]
    : [question.a, question.b];
  // Whose fault it is if anything goes wrong.
  let current = first;
  const open = (file: FileRef): OpenFile => {
    current = file;
    return new OpenFile(roots[file.side], file.path, file.metadata);
  };
  const hash = question.kind === "hash" || question.wantsHash
    ? createHash("sha256")
    : null;
  try {
    using a = open(first);
    using b = second ? open(second) : null;
    const other = Buffer.allocUnsafe(
      b ? Math.min(first.metadata.sizeBytes + 1, CHUNK_BYTES) : 0,
    );
    let isSame = true;
    current = first;
    for (const chunk of a.chunks()) {
      if (b && second) {
        current = second;
        const count = b.read(other.subarray(0, chunk.length));
        isSame = chunk.equals(other.subarray(0, count));
        current = first;
      }
      hash?.update(chunk);
      onBytes(chunk.length);
      if (!isSame) break;
      await checkpoint();
    }
    a.finish();
    if (b && second) {
      current = second;
      isSame &&= b.read(other.subarray(0, 1)) === 0;
      b.finish();
    }
    if (!isSame) return { kind: "different" };
    const hex = hash?.digest("hex") ?? null;
    return second ? { kind: "same", hash: hex } : { kind: "hash", hash: hex! };
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    if (error instanceof Refused) throw error;
    const { side, path } = current;
    return { kind: "unreadable", side, path, reason: inWords(error) };
  }
}
