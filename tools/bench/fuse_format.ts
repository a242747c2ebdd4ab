/**
 * The form in which the kernel and a file system speak to each other: numbers
 * in a fixed order, the lowest byte first.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type * as fs from "node:fs";

/** A text that ends with a zero. */
export function text(body: Buffer, start: number): string {
  return body.toString("utf8", start, body.indexOf(0, start));
}

/** The open file that a request is about. */
export function handle(body: Buffer): number {
  return Number(body.readBigUInt64LE(0));
}

/** The answer that names an open file or folder. */
export function opened(id: bigint): Buffer {
  const answer = Buffer.alloc(16);
  answer.writeBigUInt64LE(id, 0);
  return answer;
}

/** What both can do: calls in one folder may come side by side. */
export function begun(body: Buffer): Buffer {
  const ASYNC_READ = 1 << 0;
  const BIG_WRITES = 1 << 5;
  const PARALLEL_IN_FOLDER = 1 << 18;
  const wanted = ASYNC_READ | BIG_WRITES | PARALLEL_IN_FOLDER;
  const answer = Buffer.alloc(64);
  answer.writeUInt32LE(7, 0);
  answer.writeUInt32LE(Math.min(31, body.readUInt32LE(4)), 4);
  answer.writeUInt32LE(body.readUInt32LE(8), 8);
  answer.writeUInt32LE(body.readUInt32LE(12) & wanted, 12);
  answer.writeUInt16LE(64, 16);
  answer.writeUInt16LE(48, 18);
  answer.writeUInt32LE(128 * 1024, 20);
  answer.writeUInt32LE(1, 24);
  return answer;
}

/** What the kernel is told of a file. */
export function attributes(stat: fs.BigIntStats): Buffer {
  const all = Buffer.alloc(88);
  const { atimeNs, mtimeNs, ctimeNs } = stat;
  const times = [atimeNs, mtimeNs, ctimeNs];
  [stat.ino, stat.size, stat.blocks].forEach((value, n) =>
    all.writeBigUInt64LE(value, n * 8)
  );
  const BILLION = 1_000_000_000n;
  times.forEach((ns, n) => {
    const part = ((ns % BILLION) + BILLION) % BILLION;
    all.writeBigInt64LE((ns - part) / BILLION, 24 + n * 8);
    all.writeUInt32LE(Number(part), 48 + n * 4);
  });
  [stat.mode, stat.nlink, stat.uid, stat.gid].forEach((value, n) =>
    all.writeUInt32LE(Number(value), 60 + n * 4)
  );
  all.writeUInt32LE(4096, 80);
  return all;
}
