import assert from "node:assert/strict";
import { joinPath } from "../lib/paths.ts";
import { scan } from "../lib/scanner.ts";
import { inWords } from "../lib/system.ts";
import type { Checkpoint } from "../lib/types.ts";
import { entriesOf } from "../lib/wire_listing.ts";
import { read, type Tree } from "./support/support.ts";
import { intercept, systemError, TwoRoots } from "./support/two_roots.ts";

/** A share on which every call takes so long, in ms. */
class SlowShare implements Disposable {
  readonly #restore: Disposable[];
  #running = 0;
  /** Calls in flight at the busiest moment. */
  mostAtOnce = 0;
  /** Calls that nothing went on beside. */
  alone = 0;

  constructor(delayMs: number) {
    this.#restore = [
      intercept("lstatSync", (real, path) => {
        this.alone++;
        pause(delayMs);
        return real(path);
      }),
      intercept("lstat", async (real, path) => {
        this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#running);
        await new Promise((done) => setTimeout(done, delayMs));
        this.#running--;
        return await real(path);
      }),
    ];
  }

  [Symbol.dispose](): void {
    for (const it of this.#restore) it[Symbol.dispose]();
  }
}

/** Holds the thread up, as a call that waits for a server does. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** What a scan sees: a path, and what stands there. */
async function walked(
  root: string,
  checkpoint: Checkpoint = () => Promise.resolve(),
): Promise<{ seen: Record<string, string>; folders: number }> {
  const seen: Record<string, string> = {};
  const request = {
    side: "left",
    root,
    tickMs: 1,
    digests: new Map(),
  } as const;
  const { problems, folders } = await scan(
    { ...request, startedAtMs: 0 },
    () => false,
    {
      handOn(listing) {
        for (const entry of entriesOf(listing)) {
          const path = joinPath(listing.folder, entry.name);
          seen[path] ??= entry.kind === "file"
            ? `${entry.sizeBytes}`
            : "folder";
        }
      },
      checkpoint,
    },
  );
  for (const { path, reason } of problems) seen[path] = `no: ${reason}`;
  return { seen, folders };
}

/** Folders in folders, one of them large, one empty. */
function tree(): Tree {
  const files = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`f${n}`, "x".repeat(n % 7)]),
    );
  const folders = Array.from(
    { length: 20 },
    (_, n) =>
      [`d${n}`, { ...files(5), deeper: { ...files(3), empty: {} } }] as const,
  );
  return { ...files(40), large: files(300), ...Object.fromEntries(folders) };
}

Deno.test("on a slow share a walk has many calls in flight, and sees what a quick one sees", async () => {
  using at = new TwoRoots().write({ left: tree() });
  const quick = await walked(at.left.path);
  assert.equal(Object.keys(quick.seen).length, 40 + 1 + 300 + 20 * 11);
  using share = new SlowShare(2);
  const slow = await walked(at.left.path);
  assert.deepEqual(slow, quick);
  assert.ok(share.alone < 50, `${share.alone} calls one by one`);
  assert.ok(share.mostAtOnce > 30, `${share.mostAtOnce} calls at once`);
  assert.ok(share.mostAtOnce <= 64, `${share.mostAtOnce} calls at once`);
});

Deno.test("on a quick disk a walk makes one call after another, one for each name and folder", async () => {
  using at = new TwoRoots().write({ left: tree() });
  const waited: string[] = [];
  using _later = intercept("lstat", (_, path) => void waited.push(path!));
  let calls = 0;
  using _looks = intercept("lstatSync", (real, path) => {
    calls++;
    return real(path);
  });
  const { seen, folders } = await walked(at.left.path);
  assert.deepEqual(waited, []);
  // The root at first, and its own folder, which is not listed.
  assert.equal(calls, 2 + Object.keys(seen).length + folders);
});

Deno.test("one call that takes long does not make a disk slow", async () => {
  using at = new TwoRoots().write({ left: tree() });
  let calls = 0;
  using _looks = intercept("lstatSync", (real, path) => {
    if (++calls % 10 === 0) pause(5);
    return real(path);
  });
  const { seen, folders } = await walked(at.left.path);
  // The root at first, and its own folder, which is not listed.
  assert.equal(calls, 2 + Object.keys(seen).length + folders);
});

for (const delayMs of [0, 2]) {
  const where = delayMs === 0 ? "quick disk" : "slow share";
  Deno.test(`on a ${where} a folder that can't be listed is told, and all others are seen`, async () => {
    using at = new TwoRoots().write({ left: tree() });
    const { seen } = await walked(at.left.path);
    using _share = delayMs > 0 ? new SlowShare(delayMs) : null;
    const failing = `${at.left.path}/d7/deeper`;
    const refuse = (real: (path: string) => unknown, path = "") => {
      if (path === failing) throw systemError("EACCES");
      return real(path);
    };
    using _now = intercept("readDirSync", refuse);
    using _later = intercept("readDir", refuse);
    const expected = Object.entries(seen)
      .filter(([path]) => !path.startsWith("d7/deeper/"))
      .map(([path, what]) =>
        path === "d7/deeper"
          ? [path, `no: ${inWords(systemError("EACCES"))}`]
          : [path, what]
      );
    const found = await walked(at.left.path);
    assert.deepEqual(found.seen, Object.fromEntries(expected));
  });

  Deno.test(`on a ${where} a root that can't be listed ends the walk`, async () => {
    using at = new TwoRoots().write({ left: tree() });
    using _share = delayMs > 0 ? new SlowShare(delayMs) : null;
    using _lost = intercept(delayMs > 0 ? "readDir" : "readDirSync", () => {
      throw systemError("EIO");
    });
    await assert.rejects(walked(at.left.path), { code: "EIO" });
  });

  Deno.test(`on a ${where} a checkpoint that throws ends the walk`, async () => {
    using at = new TwoRoots().write({ left: tree() });
    using _share = delayMs > 0 ? new SlowShare(delayMs) : null;
    let pauses = 0;
    const enough = () =>
      ++pauses < 9 ? Promise.resolve() : Promise.reject(new Error("enough"));
    await assert.rejects(walked(at.left.path, enough), /enough/);
    assert.equal(pauses, 9);
  });
}

Deno.test("a walk changes nothing", async () => {
  using at = new TwoRoots().write({ left: tree() });
  const before = read(at.left.path);
  await walked(at.left.path);
  assert.deepEqual(read(at.left.path), before);
});
