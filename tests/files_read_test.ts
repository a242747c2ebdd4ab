import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { answerTo } from "../lib/files_read.ts";
import type { Answer, FileRef } from "../lib/plan_types.ts";
import type { Side } from "../lib/types.ts";
import { file } from "./support/support.ts";
import { intercept, systemError, TwoRoots } from "./support/two_roots.ts";

const CHUNK = 256 * 1024;

function ref(at: TwoRoots, side: Side, path: string): FileRef {
  return { side, path, metadata: at.seen(side, path) };
}

function compare(
  at: TwoRoots,
  path: string,
  wantsHash = false,
): Promise<Answer> {
  const [a, b] = [ref(at, "left", path), ref(at, "right", path)];
  return answerTo({ kind: "compare", a, b, wantsHash }, at.roots);
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Bytes that do not repeat with any round number. */
function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => (n * 31 + n / 257) & 0xff);
}

for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK]) {
  Deno.test(`two files of ${size} equal bytes are the same`, async () => {
    const content = bytes(size);
    using at = new TwoRoots().write({
      left: { a: file(content, { mtime: 1 }) },
      right: { a: file(content, { mtime: 2 }) },
    });
    assert.deepEqual(await compare(at, "a"), { kind: "same", hash: null });
    const hash = sha256(content);
    assert.deepEqual(await compare(at, "a", true), { kind: "same", hash });
  });

  if (size === 0) continue;
  for (const position of new Set([0, size - 1])) {
    Deno.test(`of ${size} bytes, one that differs at ${position} is found`, async () => {
      const content = bytes(size);
      const other = content.slice();
      other[position]! ^= 1;
      using at = new TwoRoots().write({
        left: { a: file(content) },
        right: { a: file(other) },
      });
      assert.deepEqual(await compare(at, "a", true), { kind: "different" });
    });
  }
}

for (const [left, right] of [[3, 4], [4, 3], [CHUNK, CHUNK + 1], [0, 1]]) {
  Deno.test(`${left} bytes are not the same as ${right} that begin alike`, async () => {
    using at = new TwoRoots().write({
      left: { a: file(bytes(left!)) },
      right: { a: file(bytes(right!)) },
    });
    assert.deepEqual(await compare(at, "a"), { kind: "different" });
  });
}

Deno.test("a hash is the SHA-256 of the content", async () => {
  using at = new TwoRoots().write({
    right: { empty: "", text: "abc", long: file(bytes(2 * CHUNK + 5)) },
  });
  const hashOf = (path: string) =>
    answerTo({ kind: "hash", file: ref(at, "right", path) }, at.roots);
  const expected: Record<string, string> = {
    empty: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    text: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    long: sha256(bytes(2 * CHUNK + 5)),
  };
  for (const [path, hash] of Object.entries(expected)) {
    assert.deepEqual(await hashOf(path), { kind: "hash", hash });
  }
});

const EDITS: Record<string, (path: string) => void> = {
  "is gone": (path) => Deno.removeSync(path),
  "is longer": (path) => Deno.writeTextFileSync(path, "longer"),
  "has another time": (path) => Deno.utimeSync(path, 7, 7),
  "is a folder": (path) => {
    Deno.removeSync(path);
    Deno.mkdirSync(path);
  },
  "is a link": (path) => {
    Deno.renameSync(path, `${path}~`);
    Deno.symlinkSync(`${path}~`, path);
  },
};

for (const side of ["left", "right"] as const) {
  for (const [what, edit] of Object.entries(EDITS)) {
    Deno.test(`what ${what} on ${side} since the scan can't be told`, async () => {
      using at = new TwoRoots().write({ left: { a: "1" }, right: { a: "1" } });
      const [a, b] = [ref(at, "left", "a"), ref(at, "right", "a")];
      edit(at[side].absolute("a"));
      const reason = "changed during the run";
      const unreadable = { kind: "unreadable", side, path: "a", reason };
      const question = { kind: "compare", a, b, wantsHash: false } as const;
      assert.deepEqual(await answerTo(question, at.roots), unreadable);
      const hash = { kind: "hash", file: side === "left" ? a : b } as const;
      assert.deepEqual(await answerTo(hash, at.roots), unreadable);
    });
  }

  Deno.test(`what changed on ${side} while it was read can't be told`, async () => {
    using at = new TwoRoots().write({
      left: { a: "same size" },
      right: { a: "same SIZE" },
    });
    const [a, b] = [ref(at, "left", "a"), ref(at, "right", "a")];
    using _program = intercept("lstatSync", (real, path) => {
      // The first look after reading.
      Deno.utimeSync(at[side].absolute("a"), 9, 9);
      return real(path);
    });
    const question = { kind: "compare", a, b, wantsHash: false } as const;
    const reason = "changed during the run";
    const unreadable = { kind: "unreadable", side, path: "a", reason };
    assert.deepEqual(await answerTo(question, at.roots), unreadable);
  });
}

Deno.test("a file that the system does not give is an answer with the reason, and its side", async () => {
  using at = new TwoRoots().write({
    left: { d: { a: "1" } },
    right: { d: { a: "1" } },
  });
  const [a, b] = [ref(at, "left", "d/a"), ref(at, "right", "d/a")];
  using _system = intercept("lstatSync", (real, path) => {
    if (path!.startsWith(at.right.path)) throw systemError("EACCES");
    return real(path);
  });
  const question = { kind: "compare", a, b, wantsHash: false } as const;
  assert.deepEqual(await answerTo(question, at.roots), {
    kind: "unreadable",
    side: "right",
    path: "d/a",
    reason:
      "access is denied: give the account that syncs the right to it (EACCES)",
  });
});

Deno.test("answering leaves files as they were", async () => {
  using at = new TwoRoots().write({
    left: { a: file("1", { mtime: 5e11 }) },
    right: { a: file("1", { mtime: 6e11 }) },
  });
  const before = [at.seen("left", "a"), at.seen("right", "a"), at.trees()];
  await compare(at, "a", true);
  const now = [at.seen("left", "a"), at.seen("right", "a"), at.trees()];
  assert.deepEqual(now, before);
});
