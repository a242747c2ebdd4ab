/**
 * Reads files to answer questions about their content.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Answer, FileRef, Question } from "./plan_types.ts";
import {
  atOnce,
  bufferFor,
  openFile,
  type Pieces,
  type Root,
} from "./root_files.ts";
import { inWords } from "./system.ts";
import type { Both } from "./types.ts";

/**
 * Answers a question.
 *
 * @param question What has to be known.
 * @param roots The roots the files are in.
 * @returns The answer; files that can't be read are an answer too.
 */
export function answerTo(
  question: Question,
  roots: Both<Root>,
): Answer {
  return atOnce(answering(question, roots));
}

/**
 * The same chunk by chunk.
 *
 * @param question What has to be known.
 * @param roots The roots the files are in.
 * @param onBytes Told of bytes as they are read of one file.
 * @returns Work that gives the answer.
 */
export function* answering(
  question: Question,
  roots: Both<Root>,
  onBytes: (bytes: number) => void = () => {},
): Pieces<Answer> {
  const files = question.kind === "hash"
    ? [question.file]
    : [question.a, question.b];
  let current = files[0]!;
  const open = (file: FileRef) => {
    current = file;
    return openFile(roots[file.side], file.path, file.metadata);
  };
  try {
    if (question.kind === "hash") {
      using file = open(question.file);
      const hash = createHash("sha256");
      const buffer = bufferFor(question.file.metadata.sizeBytes);
      for (const chunk of chunksOf(file, buffer)) {
        hash.update(chunk);
        onBytes(chunk.length);
        yield;
      }
      file.finish();
      return { kind: "hash", hash: hash.digest("hex") };
    }
    using a = open(question.a);
    using b = open(question.b);
    const hash = question.wantsHash ? createHash("sha256") : null;
    const { sizeBytes } = question.a.metadata;
    const other = bufferFor(sizeBytes);
    let isSame = true;
    for (const chunk of chunksOf(a, bufferFor(sizeBytes))) {
      const count = b.read(other.subarray(0, chunk.length));
      isSame &&= chunk.equals(other.subarray(0, count));
      hash?.update(chunk);
      onBytes(chunk.length);
      if (!isSame) break;
      yield;
    }
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

function* chunksOf(
  file: { read(buffer: Uint8Array): number },
  buffer: Buffer,
): Generator<Buffer> {
  for (let count = buffer.length; count === buffer.length;) {
    count = file.read(buffer);
    if (count > 0) yield buffer.subarray(0, count);
  }
}
