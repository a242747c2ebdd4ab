/**
 * Reads files to answer questions about their content.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Root } from "./disk.ts";
import type { Answer, FileRef, Question } from "./inquiry.ts";
import { inWords } from "./system_errors.ts";
import type { Both } from "./types.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * Answers a question.
 *
 * @param question What has to be known.
 * @param roots The roots the files are in.
 * @param onBytes Told of bytes as they are read of one file.
 * @returns The answer; files that can't be read are an answer too.
 */
export function answerTo(
  question: Question,
  roots: Both<Root>,
  onBytes: (bytes: number) => void = () => {},
): Answer {
  const files = question.kind === "hash"
    ? [question.file]
    : [question.a, question.b];
  let current = files[0]!;
  const open = (file: FileRef) => {
    current = file;
    return roots[file.side].open(file.path, file.figures);
  };
  try {
    if (question.kind === "hash") {
      using file = open(question.file);
      const hash = createHash("sha256");
      forEachChunk(file, (chunk) => {
        hash.update(chunk);
        onBytes(chunk.length);
      });
      file.finish();
      return { kind: "hash", hash: hash.digest("hex") };
    }
    using a = open(question.a);
    using b = open(question.b);
    const hash = question.wantsHash ? createHash("sha256") : null;
    const other = Buffer.allocUnsafe(CHUNK_BYTES);
    let isSame = true;
    forEachChunk(a, (chunk) => {
      const count = b.read(other.subarray(0, chunk.length));
      isSame &&= chunk.equals(other.subarray(0, count));
      hash?.update(chunk);
      onBytes(chunk.length);
      return isSame;
    });
    isSame &&= b.read(other) === 0;
    current = question.a;
    a.finish();
    current = question.b;
    b.finish();
    return isSame
      ? { kind: "same", hash: hash?.digest("hex") ?? null }
      : { kind: "different" };
  } catch (error) {
    const { side, path } = current;
    return { kind: "unreadable", side, path, reason: inWords(error) };
  }
}

function forEachChunk(
  file: { read(buffer: Uint8Array): number },
  use: (chunk: Buffer) => unknown,
): void {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let count = CHUNK_BYTES; count === CHUNK_BYTES;) {
    count = file.read(buffer);
    if (count > 0 && use(buffer.subarray(0, count)) === false) return;
  }
}
