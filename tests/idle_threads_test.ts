import assert from "node:assert/strict";
import { CopyThreads } from "../lib/apply_threads.ts";
import { type FinishedScan, idleThreads, Scans } from "../lib/run_scan.ts";
import { Meter, UNINTERRUPTED } from "../lib/run_types.ts";
import { type Both, type Side, SIDES } from "../lib/types.ts";
import type { Listing } from "../lib/wire_listing.ts";
import { file, type Tree } from "./support/support.ts";
import { action, Bench } from "./support/work_bench.ts";

const COUNT = 500;

const pathOf = (n: number): string => `f${n % 50}/${n}.txt`;

/** Many small files in many folders. */
function many(): Tree {
  const tree: Record<string, Record<string, ReturnType<typeof file>>> = {};
  for (let n = 0; n < COUNT; n++) {
    const [folder = "", name = ""] = pathOf(n).split("/");
    (tree[folder] ??= {})[name] = file(`content ${n}`, { mtime: 1e12 + n });
  }
  return tree;
}

function office(): Bench {
  const at = new Bench().write({ left: many() });
  for (let n = 0; n < 50; n++) Deno.mkdirSync(at.right.absolute(`f${n}`));
  return at;
}

/** Scans both roots in threads, as no state DB says that they are small. */
async function scanned(
  at: Bench,
  scans: Scans,
): Promise<Both<FinishedScan>> {
  const scan = (side: Side): Promise<FinishedScan> =>
    scans[side].run({
      side,
      root: at.roots[side].path,
      tickMs: 1,
      startedAtMs: Date.now(),
      digests: new Map(),
    }, {
      ignore: { extensions: [], prefixes: [], names: [] },
      meter: new Meter(() => {}),
      interrupt: UNINTERRUPTED,
    });
  return { left: await scan("left"), right: await scan("right") };
}

/** Counts the threads that are started. */
class CountedThreads implements Disposable {
  count = 0;
  readonly #worker = globalThis.Worker;

  constructor() {
    const [own, worker] = [this, this.#worker];
    globalThis.Worker = class extends worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        own.count++;
      }
    };
  }

  [Symbol.dispose](): void {
    globalThis.Worker = this.#worker;
  }
}

/** Copies all of Left with threads that have scanned, and one more. */
async function copyAll(at: Bench, threads: Worker[]): Promise<void> {
  at.startThreads = () => new CopyThreads(at.roots, 3, threads);
  const copies = Array.from({ length: COUNT }, (_, n) => pathOf(n));
  const outcomes = await at.run(copies.map((it) => action(at.copy(it))));
  assert.deepEqual(outcomes.map(({ kind }) => kind), copies.map(() => "done"));
  assert.deepEqual(at.trees().right, at.trees().left);
}

Deno.test("threads that have scanned copy; only what is wanted besides is started", async () => {
  using at = office();
  using counted = new CountedThreads();
  using scans = new Scans(`${at.folder}/none.db`);
  assert.equal(counted.count, 2);
  const finished = await scanned(at, scans);
  const idle = idleThreads(scans, finished, { mayCopy: true });
  assert.equal(idle.areWarm, true);
  assert.deepEqual(idle.threads, [scans.left.thread, scans.right.thread]);
  await copyAll(at, idle.threads);
  assert.equal(counted.count, 3);
  assert.deepEqual(idle.threads, []);
});

Deno.test("what a thread that has scanned can't copy the run copies itself", async () => {
  using at = office();
  using scans = new Scans(`${at.folder}/none.db`);
  const finished = await scanned(at, scans);
  const { threads } = idleThreads(scans, finished, { mayCopy: true });
  // No order makes sense to it, and it fails at the first.
  for (const thread of threads) thread.postMessage({ kind: "begin" });
  await copyAll(at, threads);
});

/** What came of scans that found so many folders that differ. */
function found(folders: Both<number>): Both<FinishedScan> {
  const scan = (count: number): FinishedScan => ({
    listings: new Map(
      Array.from({ length: count }, (_, n) => [`${n}`, {} as Listing]),
    ),
    problems: [],
    summary: { files: 0, folders: 0, problems: [], leftovers: [] },
  });
  return { left: scan(folders.left), right: scan(folders.right) };
}

const TELLS: readonly (readonly [Both<number>, boolean, boolean])[] = [
  [{ left: 0, right: 0 }, true, false],
  [{ left: 47, right: 47 }, true, false],
  [{ left: 48, right: 0 }, true, true],
  [{ left: 0, right: 48 }, true, true],
  [{ left: 1000, right: 1000 }, false, false],
];

for (const [folders, mayCopy, areWarm] of TELLS) {
  const title = `where ${folders.left} and ${folders.right} folders differ` +
    `${mayCopy ? "" : " and nothing may be copied"}, threads ` +
    `${areWarm ? "get ready to copy" : "load nothing for it"}`;
  Deno.test(title, () => {
    const told: unknown[] = [];
    const thread = {
      postMessage: (order: unknown) => void told.push(order),
    } as Worker;
    const one = { thread, run: () => Promise.reject(), [Symbol.dispose]() {} };
    const scans = { left: one, right: one };
    const idle = idleThreads(scans, found(folders), { mayCopy });
    assert.deepEqual(idle, { threads: [thread, thread], areWarm });
    const orders = areWarm ? SIDES.map(() => ({ kind: "warm-up" })) : [];
    assert.deepEqual(told, orders);
  });
}

Deno.test("roots that are scanned without threads leave none idle", () => {
  const none = {
    thread: null,
    run: () => Promise.reject(),
    [Symbol.dispose]() {},
  };
  const scans = { left: none, right: none };
  const folders = { left: 1000, right: 1000 };
  const idle = idleThreads(scans, found(folders), { mayCopy: true });
  assert.deepEqual(idle, { threads: [], areWarm: false });
});
