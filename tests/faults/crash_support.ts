/**
 * Kills runs at each of their file-changing system calls, and looks at what
 * the runs after them make of that.
 *
 * @module
 */
import assert from "node:assert/strict";
import { EXIT } from "../../lib/errors.ts";
import { type Snapshot, snapshot, synced } from "../support/snapshot.ts";
import { describe, type Office, softDeleted } from "../support/support.ts";
import { killedRun } from "./killed_run.ts";
import {
  disturbed,
  documentOf,
  type Ended,
  READY,
  requireTool,
  temporaries,
  whyOf,
} from "./support.ts";

/** What an undisturbed run comes to. */
export interface Undisturbed {
  /** The same on both sides. */
  readonly tree: Snapshot;
  /** Contents in soft delete. */
  readonly softDeleted: readonly string[];
  /**
   * A run that died may leave more: a clash copy, or both names of a rename;
   * not one that only copies what is new.
   */
  readonly mayBeMore: boolean;
}

/**
 * Runs in a process of its own, and nothing gets in the way. The runtime has
 * then kept whatever it keeps of the program, and later processes start alike.
 *
 * @param make Makes the office.
 */
export async function undisturbed(
  make: () => Promise<Office>,
): Promise<Undisturbed> {
  using office = await make();
  const ended = await disturbed(office);
  assert.equal(ended.code, 0, whyOf(ended));
  const tree = synced(snapshot(office.left));
  assert.deepEqual(synced(snapshot(office.right)), tree);
  const mayBeMore = documentOf(ended).actions
    .some(({ rule }) => rule !== null && !["5.9", "5.10"].includes(rule));
  return { tree, softDeleted: inSoftDelete(office), mayBeMore };
}

function inSoftDelete({ left, right }: Office): string[] {
  return [left, right].flatMap((root) => Object.values(softDeleted(root)));
}

/** Runs until one ends with 0, and requires that nothing was lost. */
export async function checkRecovery(
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
  if (!expected.mayBeMore) assert.deepEqual(left, expected.tree);
  const more: Record<string, string> = { ...left };
  for (const [path, what] of Object.entries(expected.tree)) {
    assert.equal(left[path], what, path);
    delete more[path];
  }
  // A rename that died between its two names may leave the old one, too.
  const known = new Set(Object.values(expected.tree));
  for (const [path, what] of Object.entries(more)) {
    assert.ok(/\.clash-/.test(path) || known.has(what), `${path} is more`);
  }
  const softDeletedNow = inSoftDelete(office);
  for (const content of expected.softDeleted) {
    assert.ok(
      softDeletedNow.includes(content),
      `"${content}" is in soft delete`,
    );
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
  /**
   * Only every n-th is tried, where many do the same; all with
   * `OFFICE_SYNC_EVERY=1`.
   */
  readonly every?: number;
}

/**
 * Registers a test for each call: a run killed before the first, the second
 * and so on, up to the last call of the kind; and one that requires that the
 * points were as many as they are known to be.
 *
 * @param killing What is killed, and where.
 */
export function killEverywhere(
  { run, make, calls, every = 1 }: Killing,
): void {
  let met = 0;
  let known: Promise<Undisturbed> | undefined;
  for (const call of Object.keys(calls)) {
    Deno.test(`${run}, killed at any ${call}, loses nothing`, async () => {
      requireTool("strace");
      const expected = await (known ??= undisturbed(make));
      for (
        const n of call === "openat"
          ? (await creations(make)).filter((_, at) => at % stepOf(every) === 0)
          : counting(every)
      ) {
        using office = await make();
        const ended = await killedAt(office, call, n);
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
      let met = 0;
      for (const n of points) {
        using office = await make();
        const ended = await killedAt(office, call, n);
        // On a busy machine more threads share the calls: none makes so many.
        if (ended.code === 0) continue;
        met++;
        assert.equal(ended.code, null, `no ${call} number ${n}`);
        await checkRecovery(office, expected).catch((error) => {
          throw new Error(`killed at ${call} number ${n}`, { cause: error });
        });
      }
      assert.ok(met * 2 >= points.length, `${met} of ${points.length} met`);
    });
  }
}

/** Calls that a process makes often when it starts. */
const AT_START = new Set(["openat", "write"]);

async function killedAt(
  office: Office,
  call: string,
  n: number,
): Promise<Ended> {
  if (!AT_START.has(call)) return await killedRun(office, call, n);
  const inject = `--inject=${call}:signal=KILL:when=${n}`;
  const strace = [`--trace=${call}`, inject];
  // Elsewhere folders are listed.
  const isFirstThreadOnly = call === "openat";
  return await disturbed(office, { strace, isFirstThreadOnly });
}

/**
 * Whether it was killed where it had to be: many calls only open a file, and
 * the runtime, too, has files of its own.
 */
function isAtCall({ trace, stderr }: Ended, call: string): boolean {
  if (!stderr.includes(READY)) return false;
  return call !== "openat" || opened(trace).at(-1)!.includes("O_CREAT");
}

/** Calls that open a file; one that the process was killed at is the last. */
function opened(trace: string): string[] {
  return trace.split("\n").filter((line) => line.includes("openat("));
}

/** Counts from 1. */
export function* counting(every: number): Generator<number> {
  for (let n = 1;; n += stepOf(every)) yield n;
}

function stepOf(every: number): number {
  return Number(Deno.env.get("OFFICE_SYNC_EVERY") ?? every);
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
