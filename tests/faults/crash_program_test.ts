/**
 * Kills the program, all its threads with it, between the steps of a batch:
 * when something is flushed, when the engine has the answer, when that is
 * recorded. Meanwhile the other threads go on.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual as equal } from "node:util";
import type { Office } from "../support/support.ts";
import { busyOffice, manyOffice } from "./crash_offices.ts";
import { checkRecovery, undisturbed } from "./crash_support.ts";
import { killedAfter, killedRun } from "./killed_run.ts";
import { requireTool, whyOf } from "./support.ts";

/** A moment: killed there at some of the calls, each counted from 1. */
interface Moment {
  readonly kill: typeof killedRun;
  readonly call: string;
  readonly points: readonly number[];
  /** Where: calls to do with that alone count; left out: any. */
  readonly at?: (office: Office) => string;
}

const journal = ({ stateDb }: Office) => `${stateDb}-journal`;
const folder = (n: number) => ({ right }: Office) => `${right}/f${n}`;

const MOMENTS: Readonly<Record<string, readonly Moment[]>> = {
  "after a flush of contents": [
    // They get their names next.
    { kill: killedRun, call: "linkat", points: [2, 3, 5] },
  ],
  // By the thread that acts there, before it answers.
  "after a flush of a folder": [
    { kill: killedAfter, call: "fsync", points: [1], at: folder(0) },
    { kill: killedAfter, call: "fsync", points: [1], at: folder(4) },
  ],
  // By the engine: the journal is cut off where a change of the record ends.
  // Before the first action it makes six.
  "after an answer, before it is recorded": [
    { kill: killedRun, call: "ftruncate", points: [7, 8, 10], at: journal },
  ],
  "after a commit": [
    { kill: killedAfter, call: "ftruncate", points: [7, 8, 10], at: journal },
  ],
};

const RUNS = {
  "something of every kind to do": () => busyOffice(),
  "many copies, made by several threads": () => manyOffice(),
};

for (const [run, make] of Object.entries(RUNS)) {
  for (const [when, moments] of Object.entries(MOMENTS)) {
    if (make === RUNS["something of every kind to do"] && /folder/.test(when)) {
      continue;
    }
    Deno.test(`the program with ${run}, killed ${when}, loses nothing`, async () => {
      requireTool("strace");
      const expected = await undisturbed(make);
      let [met, tried] = [0, 0];
      for (const { kill, call, points, at } of moments) {
        for (const n of points) {
          using office = await make();
          const before = office.trees();
          const ended = await kill(office, call, n, {
            program: ["--json"],
            ...at && { path: at(office) },
          });
          tried++;
          if (ended.code !== null) {
            // Threads count each its own: none may make so many.
            assert.equal(ended.code, 0, whyOf(ended));
            continue;
          }
          const isAmongActions = !equal(office.trees(), before);
          if (isAmongActions) met++;
          await checkRecovery(office, expected).catch((error) => {
            const what = `killed ${when}: ${call} number ${n}`;
            throw new Error(what, { cause: error });
          });
        }
      }
      assert.ok(met * 2 > tried, `${met} of ${tried} met`);
    });
  }
}
