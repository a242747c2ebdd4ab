import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { CopyThreads, threadsFor } from "../lib/apply_threads.ts";
import { InterruptedError } from "../lib/errors.ts";
import { type Copying, copyingShared, SharedCopy } from "../lib/files_copy.ts";
import { atOnce, openFile } from "../lib/root_files.ts";
import { Skipped } from "../lib/system.ts";
import type { ShareTask } from "../lib/wire_messages.ts";
import { action, Bench } from "./support/work_bench.ts";

const LONG_AGO = 1_577_836_922_202;
const MB = 1024 * 1024;
const PIECE = 2 * MB;

/** Content of which no part is like another. */
function content(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) {
    bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  }
  return bytes;
}

function writeOld(bench: Bench, name: string, bytes: Uint8Array): void {
  const path = bench.left.absolute(name);
  Deno.writeFileSync(path, bytes);
  Deno.chmodSync(path, 0o640);
  Deno.utimeSync(path, LONG_AGO / 1000, LONG_AGO / 1000);
}

/** Threads, and the files that they were asked to help with. */
class Watched extends CopyThreads {
  readonly helped: string[] = [];

  override help(...[task, memory]: Parameters<CopyThreads["help"]>): void {
    this.helped.push(task.path);
    super.help(task, memory);
  }
}

/** A bench with threads that help. */
function helped(bench: Bench): { threads: Watched | null } {
  const watched: { threads: Watched | null } = { threads: null };
  bench.startThreads = (count) =>
    watched.threads = new Watched(bench.roots, count);
  return watched;
}

/** Lets helpers come before it goes on. */
function slowly(bench: Bench, ms = 5): void {
  bench.pause = () => new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("threads help with a large file: content, time and mode arrive, and it is recorded as it was seen", async () => {
  using at = new Bench();
  const bytes = content(70 * MB + 12_345);
  writeOld(at, "large.bin", bytes);
  const watched = helped(at);
  slowly(at);
  assert.deepEqual(await at.do(at.copy("large.bin")), ["done"]);
  assert.deepEqual(watched.threads!.helped, ["large.bin"]);
  assert.equal(watched.threads!.count, 2);
  const copy = at.right.absolute("large.bin");
  assert.ok(bytes.equals(Deno.readFileSync(copy)));
  const { mtime, mode } = Deno.statSync(copy);
  assert.equal(mtime!.getTime(), LONG_AGO);
  if (Deno.build.os !== "windows") assert.equal(mode! & 0o777, 0o640);
  const row = at.rows()["large.bin"]!;
  const { left, right } = row;
  assert.deepEqual({ ...left, isFresh: 0 }, {
    ...at.seen("left", "large.bin"),
    isFresh: 0,
  });
  assert.deepEqual({ ...right, isFresh: 0 }, {
    ...at.seen("right", "large.bin"),
    isFresh: 0,
  });
  assert.deepEqual(at.names("right"), [".office-sync", "large.bin"]);
});

Deno.test("threads that have died leave a large file to the run", async () => {
  using at = new Bench();
  const bytes = content(65 * MB);
  writeOld(at, "large.bin", bytes);
  at.startThreads = (count) => {
    const threads = new CopyThreads(at.roots, count);
    threads[Symbol.dispose]();
    return threads;
  };
  assert.deepEqual(await at.do(at.copy("large.bin")), ["done"]);
  assert.ok(bytes.equals(Deno.readFileSync(at.right.absolute("large.bin"))));
});

Deno.test("a smaller file, one with holes and one that needs a hash are copied by one thread", async () => {
  using at = new Bench();
  const watched = helped(at);
  writeOld(at, "small", content(60 * MB));
  writeOld(at, "young", content(65 * MB));
  const file = Deno.createSync(at.left.absolute("holes"));
  file.truncateSync(200 * MB);
  file.close();
  const works = [
    at.copy("small"),
    at.copy("young", { keepsHash: true }),
    at.copy("holes"),
  ];
  assert.deepEqual(await at.do(...works), ["done", "done", "done"]);
  assert.deepEqual(watched.threads?.helped ?? [], []);
  const { blocks } = Deno.statSync(at.right.absolute("holes"));
  assert.ok(blocks! < 1000, `${blocks} blocks`);
});

Deno.test("a signal ends a copy that threads help with, and nothing is left of it", async () => {
  using at = new Bench();
  writeOld(at, "large.bin", content(100 * MB));
  const watched = helped(at);
  let passes = 0;
  at.pause = async () => {
    // The first one is before the copy; in the last one helpers are at work.
    if (++passes === 3) throw new InterruptedError("SIGTERM");
    if (passes === 2) await new Promise((resolve) => setTimeout(resolve, 60));
  };
  const outcomes = await at.run([action(at.copy("large.bin"))]);
  assert.deepEqual(outcomes, []);
  assert.deepEqual(watched.threads!.helped, ["large.bin"]);
  assert.deepEqual(at.names("right"), [".office-sync"]);
  assert.deepEqual(at.changes, []);
});

/** A large file and its copy, both open, without any run. */
class Pair extends Bench {
  readonly bytes = content(5 * PIECE + 100);
  readonly shared = new SharedCopy(this.bytes.length);
  bytesTold = 0;

  copying(): Copying & Disposable {
    writeOld(this, "large", this.bytes);
    const seen = this.seen("left", "large");
    const source = openFile(this.left, "large", seen);
    const file = Deno.openSync(this.right.absolute("copy"), {
      write: true,
      createNew: true,
    });
    return {
      source,
      file,
      sizeBytes: seen.sizeBytes,
      onBytes: (bytes) => this.bytesTold += bytes,
      [Symbol.dispose]: () => {
        source[Symbol.dispose]();
        file.close();
      },
    };
  }

  copied(): boolean {
    const copy = Deno.readFileSync(this.right.absolute("copy"));
    return this.bytes.equals(copy);
  }
}

Deno.test("what a helper has begun and not finished is copied by the thread that began", () => {
  using at = new Pair();
  using copying = at.copying();
  const begun = [at.shared.take(), at.shared.take()];
  assert.deepEqual(begun.map((piece) => piece?.at), [0, PIECE]);
  atOnce(copyingShared(copying, at.shared));
  assert.ok(at.copied());
  assert.equal(at.bytesTold, at.bytes.length, "each byte is told of once");
});

Deno.test("what a helper has finished is not copied again", () => {
  using at = new Pair();
  using copying = at.copying();
  const piece = at.shared.take()!;
  at.shared.finish(piece);
  atOnce(copyingShared(copying, at.shared));
  const copy = Deno.readFileSync(at.right.absolute("copy"));
  assert.ok(copy.subarray(0, PIECE).every((byte) => byte === 0));
  assert.ok(at.bytes.subarray(PIECE).equals(copy.subarray(PIECE)));
});

for (const [what, sizeBytes] of [["longer", 1], ["shorter", -1]] as const) {
  Deno.test(`a file that has become ${what} is not copied by threads either`, () => {
    using at = new Pair();
    using copying = at.copying();
    Deno.truncateSync(at.left.absolute("large"), at.bytes.length + sizeBytes);
    assert.throws(() => atOnce(copyingShared(copying, at.shared)), Skipped);
  });
}

Deno.test("nobody helps with a copy that is over", () => {
  const shared = new SharedCopy(5 * PIECE);
  shared.close();
  assert.equal(shared.take(), null);
  shared.help(() => assert.fail("it is over"));
  assert.equal(shared.isHelped(), false);
});

Deno.test("helpers begin nothing more when a copy is broken off", () => {
  using at = new Pair();
  using copying = at.copying();
  const copy = copyingShared(copying, at.shared);
  copy.next();
  assert.throws(() => copy.throw(new Error("broken off")), /broken off/);
  assert.equal(at.shared.take(), null);
});

Deno.test("a copy waits until its helpers have closed what they had open", () => {
  const shared = new SharedCopy(5 * PIECE);
  shared.help(() => assert.equal(shared.isHelped(), true));
  assert.equal(shared.isHelped(), false);
  assert.throws(() =>
    shared.help(() => {
      throw new Error("a broken disk");
    })
  );
  assert.equal(shared.isHelped(), false);
});

Deno.test("the run waits for a helper that has the copy open still", () => {
  using at = new Pair();
  using copying = at.copying();
  // The third number says how many there are.
  const helpers = new Int32Array(at.shared.memory, 8, 1);
  Atomics.store(helpers, 0, 1);
  const helper = `self.onmessage = ({ data }) => setTimeout(() => {
    Atomics.store(new Int32Array(data, 8, 1), 0, 0);
  }, 300)`;
  const url = `data:text/javascript,${encodeURIComponent(helper)}`;
  const worker = new Worker(url, { type: "module" });
  worker.postMessage(at.shared.memory);
  atOnce(copyingShared(copying, at.shared));
  assert.equal(Atomics.load(helpers, 0), 0);
  worker.terminate();
  assert.ok(at.copied());
});

/** What stands where a helper looks for the copy. */
const STRANGERS: Record<string, (at: Pair, path: string) => void> = {
  "another file": (at, path) => {
    Deno.removeSync(path);
    Deno.writeFileSync(path, new Uint8Array(at.bytes.length));
  },
  "a link out of the root": (at, path) => {
    Deno.removeSync(path);
    const outside = `${at.outside}/theirs`;
    Deno.writeFileSync(outside, new Uint8Array(at.bytes.length));
    Deno.symlinkSync(outside, path);
  },
};

for (const [what, put] of Object.entries(STRANGERS)) {
  Deno.test({
    name:
      `a helper writes nothing where ${what} stands in the place of the copy`,
    ignore: Deno.build.os === "windows",
    async fn() {
      using at = new Pair();
      using copying = at.copying();
      const path = at.right.absolute("copy");
      const { dev, ino } = copying.file.statSync();
      put(at, path);
      using threads = new CopyThreads(at.roots, 1);
      const task: ShareTask = {
        from: "left",
        path: "large",
        seen: at.seen("left", "large"),
        temporary: "copy",
        self: { dev, ino },
      };
      threads.help(task, at.shared.memory);
      // A batch comes after it, and tells that the thread has been there.
      await threads.copy([]);
      assert.ok(Deno.readFileSync(path).every((byte) => byte === 0));
      assert.equal(at.shared.take()?.index, 0, "no piece was taken");
    },
  });
}

Deno.test("a helper copies what there is when it comes", async () => {
  using at = new Pair();
  using copying = at.copying();
  const { dev, ino } = copying.file.statSync();
  using threads = new CopyThreads(at.roots, 1);
  const seen = at.seen("left", "large");
  const place = { path: "large", temporary: "copy" };
  const self = { dev, ino };
  threads.help({ from: "left", seen, self, ...place }, at.shared.memory);
  await threads.copy([]);
  assert.ok(at.copied(), "all of it, as nobody else did anything");
  assert.equal(at.shared.missing(), null);
});

Deno.test("where no call waits no more threads help than there are cores", () => {
  const { helpers } = threadsFor(0.01, 0);
  assert.ok(helpers < navigator.hardwareConcurrency, `${helpers} helpers`);
});
