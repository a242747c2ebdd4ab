/**
 * Kills runs at each of their file-changing system calls, and looks at what
 * the runs after them make of that.
 *
 * @module
 */
import assert from "node:assert/strict";
import { EXIT } from "../lib/errors.ts";
import { LocalScans } from "../tests/local_scans.ts";
import { type Snapshot, snapshot, synced } from "../tests/snapshot.ts";
import {
  describe,
  file,
  type FileSpec,
  Office,
  softDeleted,
} from "../tests/support.ts";
import {
  disturbed,
  type Ended,
  requireTool,
  temporaries,
  whyOf,
} from "./support.ts";

const old = (content: string): FileSpec =>
  file(content, { mtime: "2024-01-01T00:00:00Z" });
const later = (content: string): FileSpec =>
  file(content, { mtime: "2024-02-02T00:00:00Z" });
const latest = (content: string): FileSpec =>
  file(content, { mtime: "2024-03-03T00:00:00Z" });

/** Two roots that meet for the first time, with something on each side. */
export function firstOffice(): Promise<Office> {
  const office = new Office();
  office.write({
    left: {
      "both.txt": old("left's words"),
      "new.txt": old("new"),
      folder: { "x.txt": old("x") },
      "same.txt": old("same"),
    },
    right: {
      "both.txt": later("right's words, newer"),
      "same.txt": old("same"),
      folder: { "y.txt": old("y") },
      empty: {},
    },
  });
  return Promise.resolve(office);
}

/**
 * Two roots that have met, with so much to copy that threads do it.
 *
 * @param prepare Called before they meet.
 */
export async function manyOffice(
  prepare: (office: Office) => void = () => {},
): Promise<Office> {
  const office = new Office();
  prepare(office);
  await office.settle();
  const folders = Array.from({ length: 5 }, (_, folder) => {
    const files = Array.from({ length: 90 }, (_, n) => [
      `${n}.txt`,
      old(`words ${n} of ${folder}`),
    ]);
    return [`f${folder}`, Object.fromEntries(files)];
  });
  office.write({ left: Object.fromEntries(folders) });
  return office;
}

/** Two roots with something of every kind to do. */
export async function busyOffice(): Promise<Office> {
  const office = new Office("soft_delete: {max_size_mb: 0.001}\n");
  office.write({
    left: {
      "both.txt": old("both"),
      "brought back.txt": old("bb"),
      "changed.txt": old("a"),
      "deleted.txt": old("dd"),
      "file to folder": old("f"),
      "folder to file": { "y.txt": old("y") },
      "large.txt": old("b".repeat(3000)),
      "renamed.txt": old("rrr"),
      "same.txt": old("same"),
      "touched.txt": old("tt"),
      gone: { "x.txt": old("x") },
    },
  });
  await office.settle();
  const { left, right } = office;
  for (
    const path of [
      `${left}/deleted.txt`,
      `${left}/brought back.txt`,
      `${right}/large.txt`,
      `${right}/file to folder`,
    ]
  ) Deno.removeSync(path);
  Deno.renameSync(`${left}/renamed.txt`, `${left}/new name.txt`);
  Deno.removeSync(`${left}/gone`, { recursive: true });
  Deno.removeSync(`${left}/folder to file`, { recursive: true });
  office.write({
    left: {
      "both.txt": later("left's words"),
      "changed.txt": later("changed"),
      "folder to file": later("now a file"),
      "new.txt": later("new"),
      "new on both.txt": later("n1"),
      "touched.txt": later("tt"),
    },
    right: {
      "both.txt": latest("right's words, newer"),
      "brought back.txt": later("edited"),
      "file to folder": { "z.txt": later("z") },
      "new on both.txt": latest("n22"),
      empty: {},
    },
  });
  return office;
}

/** Two roots where replaced versions are kept, and the newer side wins. */
export async function keepingOffice(): Promise<Office> {
  const office = new Office(
    "soft_delete: {keep_replaced: true}\n" +
      "conflict_policy: {modify_modify: overwrite}\n",
  );
  office.write({
    left: { "both.txt": old("both"), "changed.txt": old("a"), f: {} },
  });
  await office.settle();
  office.write({
    left: {
      "both.txt": later("left's words"),
      "changed.txt": later("changed"),
    },
    right: { "both.txt": latest("right's words, newer") },
  });
  return office;
}

/** What an undisturbed run comes to. */
interface Undisturbed {
  /** The same on both sides. */
  readonly tree: Snapshot;
  /** Contents in soft delete. */
  readonly kept: readonly string[];
}

async function undisturbed(
  make: () => Promise<Office>,
): Promise<Undisturbed> {
  using office = await make();
  await office.settle();
  const tree = synced(snapshot(office.left));
  assert.deepEqual(synced(snapshot(office.right)), tree);
  return { tree, kept: keptIn(office) };
}

function keptIn({ left, right }: Office): string[] {
  return [left, right].flatMap((root) => Object.values(softDeleted(root)));
}

/** Runs until one ends with 0, and requires that nothing was lost. */
async function checkRecovery(
  office: Office,
  expected: Undisturbed,
): Promise<void> {
  let result = await office.run();
  // A process that was killed may take a moment to let go of its lock.
  for (let wait = 0; result.exitCode === EXIT.busy && wait < 50; wait++) {
    await new Promise((done) => setTimeout(done, 100));
    result = await office.run();
  }
  for (let again = 0; result.exitCode !== 0 && again < 2; again++) {
    result = await office.run();
  }
  assert.equal(result.exitCode, 0, describe(result));
  const left = synced(snapshot(office.left));
  assert.deepEqual(synced(snapshot(office.right)), left);
  const more: Record<string, string> = { ...left };
  for (const [path, what] of Object.entries(expected.tree)) {
    assert.equal(left[path], what, path);
    delete more[path];
  }
  for (const path of Object.keys(more)) assert.match(path, /\.clash-/);
  const kept = keptIn(office);
  for (const content of expected.kept) {
    assert.ok(kept.includes(content), `"${content}" is in soft delete`);
  }
  for (const root of [office.left, office.right]) {
    assert.deepEqual(temporaries(root), []);
  }
  const second = await office.run();
  assert.deepEqual(second.outcomes, [], describe(second));
  assert.equal(second.exitCode, 0);
}

/** What is killed, where, and how often at least. */
export interface Killing {
  /** What is to be done, in words. */
  readonly run: string;
  readonly make: () => Promise<Office>;
  /** The calls, each with how many of it such a run was seen to make. */
  readonly calls: Readonly<Record<string, number>>;
  /** From one point to the next, in calls; left out: each is one. */
  readonly step?: number;
}

/**
 * Registers a test for each call: a run killed before the first, the second
 * and so on, up to the last call of the kind; and one that requires that the
 * points were as many as they are known to be.
 *
 * @param killing What is killed, and where.
 */
export function killEverywhere(
  { run, make, calls, step = 1 }: Killing,
): void {
  let met = 0;
  for (const call of Object.keys(calls)) {
    const which = step === 1 ? "any" : "many a";
    Deno.test(`${run}, killed at ${which} ${call}, loses nothing`, async () => {
      requireTool("strace");
      using _scans = new LocalScans();
      const expected = await undisturbed(make);
      for (
        const n of call === "openat" ? await creations(make) : counting(step)
      ) {
        using office = await make();
        const strace = [
          `--trace=${call}`,
          `--inject=${call}:signal=KILL:when=${n}`,
        ];
        // Elsewhere flushes are made, and folders are listed.
        const isFirstThreadOnly = call === "openat";
        const ended = await disturbed(office, { strace, isFirstThreadOnly });
        if (ended.code !== null) {
          assert.equal(ended.code, 0, whyOf(ended));
          break;
        }
        if (isAtCall(ended, call)) met++;
        await checkRecovery(office, expected).catch((error) => {
          throw new Error(`killed at ${call} number ${n}`, { cause: error });
        });
      }
    });
  }
  const least = Object.values(calls).reduce((sum, count) => sum + count, 0);
  Deno.test(`${run}, is killed at ${least} points or more`, () => {
    assert.ok(met >= least, `only ${met}`);
  });
}

/** What is killed at a few points only, as there are too many. */
export interface FewKillings {
  /** What is to be done, in words. */
  readonly run: string;
  readonly make: () => Promise<Office>;
  /** The calls, each with the points: the n-th of whichever thread. */
  readonly calls: Readonly<Record<string, readonly number[]>>;
}

/**
 * Registers a test for each call: runs that are killed at some of its kind.
 *
 * @param killing What is killed, and where.
 */
export function killHereAndThere({ run, make, calls }: FewKillings): void {
  for (const [call, points] of Object.entries(calls)) {
    Deno.test(`${run}, killed at some ${call}, loses nothing`, async () => {
      requireTool("strace");
      const expected = await undisturbed(make);
      for (const n of points) {
        using office = await make();
        const inject = `--inject=${call}:signal=KILL:when=${n}`;
        const strace = [`--trace=${call}`, inject];
        const ended = await disturbed(office, { strace });
        assert.equal(ended.code, null, `no ${call} number ${n}`);
        await checkRecovery(office, expected).catch((error) => {
          throw new Error(`killed at ${call} number ${n}`, { cause: error });
        });
      }
    });
  }
}

/** Whether it was killed where it had to be: many calls only open a file. */
function isAtCall({ trace }: Ended, call: string): boolean {
  return call !== "openat" || opened(trace).at(-1)!.includes("O_CREAT");
}

/** Calls that open a file; one that the process was killed at is the last. */
function opened(trace: string): string[] {
  return trace.split("\n").filter((line) => line.includes("openat("));
}

function* counting(step: number): Generator<number> {
  for (let n = 1;; n += step) yield n;
}

/** Which of the calls that open files make files of an office. */
async function creations(make: () => Promise<Office>): Promise<number[]> {
  using office = await make();
  const strace = ["--trace=openat"];
  const isFirstThreadOnly = true;
  const { trace } = await disturbed(office, { strace, isFirstThreadOnly });
  return opened(trace).flatMap((line, at) =>
    line.includes(office.folder) && line.includes("O_CREAT") ? [at + 1] : []
  );
}
