import assert from "node:assert/strict";
import { filesHere } from "../lib/files_handlers.ts";
import type { RunResult } from "../lib/run_types.ts";
import { SharedState } from "../lib/wire_messages.ts";
import { checkpointOf, type Files } from "../lib/wire_port.ts";
import { LONG_AGO } from "./support/scenario.ts";
import {
  actions,
  AtMoment,
  describe,
  file,
  MemoryOffice,
  type Office,
  softDeleted,
} from "./support/support.ts";

const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";

/** The files' world of an office, with a stop of its own. */
function filesOf({ left, right }: Office, shared: SharedState): Files {
  return filesHere({ left, right }, shared);
}

/** Bytes of several chunks. */
function long(letter: string): string {
  return letter.repeat(300_000);
}

function old(content: string) {
  return file(content, { mtime: LONG_AGO });
}

/** An office with something of everything to do. */
async function busyOffice(): Promise<Office> {
  const office = new MemoryOffice("soft_delete: { max_size_mb: 0.25 }\n");
  office.write({
    left: {
      conflict: old("0"),
      edited: old("1"),
      gone: { kept: old("2"), big: old(long("3")) },
      name: old("4"),
      twin: old("5"),
    },
  });
  await office.agree();
  office.write({
    left: {
      conflict: file(long("a"), { mtime: OLDER }),
      edited: file(long("b"), { mtime: OLDER }),
      made: { deep: { new: old(long("c")), empty: {} } },
      same: file("same", { mtime: OLDER }),
    },
    right: {
      conflict: file("newer", { mtime: NEWER }),
      same: file("same", { mtime: NEWER }),
      new: old("e"),
    },
  });
  Deno.removeSync(`${office.right}/gone`, { recursive: true });
  Deno.renameSync(`${office.right}/name`, `${office.right}/renamed`);
  return office;
}

function isDone(result: RunResult): Set<string> {
  const outcomes = result.outcomes.filter(({ kind }) => kind === "done");
  return new Set(actions({ ...result, outcomes }));
}

function temporaries(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? temporaries(`${folder}/${name}`)
      : name.startsWith(".office-sync-")
      ? [name]
      : []
  );
}

/** What no run asks of files here. */
const QUIET = {
  walls: { by: "fence", network: [] },
  actors: 1,
  grow() {},
  listen() {},
} as const;

Deno.test("a run that is interrupted at any moment has done what it says, and the next run does the rest", async () => {
  using whole = await busyOffice();
  const full = isDone(await whole.agree());
  const expected = [whole.trees(), softDeleted(whole.left)];
  const counts = new Set<number>();
  for (let n = 1;; n++) {
    using office = await busyOffice();
    const moment = new AtMoment(n);
    const files = filesOf(office, moment);
    const result = await office.run({ files });
    if (moment.signal === null) break;
    assert.equal(result.exitCode, 130, describe(result));
    assert.equal(result.stop?.name, "interrupted");
    assert.deepEqual(temporaries(office.folder), [], `moment ${n}`);
    const done = isDone(result);
    assert.equal(done.size, result.outcomes.length, describe(result));
    counts.add(done.size);
    if (![...done].some((it) => it.startsWith("CLASH_CREATE"))) {
      const left = JSON.stringify(office.trees());
      assert.doesNotMatch(left, /\.clash-/, `half a conflict, moment ${n}`);
    }
    const plan = new Set(actions(await office.run({ isDryRun: true })));
    // A conflict is decided anew until it is resolved; its copies are found.
    const twice = [...done].filter((it) =>
      plan.has(it) && !it.startsWith("CLASH_CREATE")
    );
    assert.deepEqual(twice, [], `moment ${n}`);
    assert.deepEqual([...done.union(plan)].sort(), [...full].sort());
    await office.agree();
    assert.deepEqual([office.trees(), softDeleted(office.left)], expected);
  }
  assert.ok(counts.size >= 5, `stopped after ${[...counts]} actions`);
});

/** Whether a share answers still, while its folders are read. */
for (const answers of [true, false]) {
  const share = answers ? "a share" : "a share that does not answer any more";
  Deno.test(`a signal while the folders of ${share} are read ends a run with 143; nothing is changed`, async () => {
    using office = await busyOffice();
    const before = office.trees();
    const shared = new SharedState();
    const files = filesOf(office, shared);
    const ask: Files["ask"] = (kind, ...asks) => {
      if (kind !== "scan") return files.ask(kind, ...asks);
      shared.stop("SIGTERM");
      return answers ? files.ask(kind, ...asks) : new Promise(() => {});
    };
    const result = await office.run({
      files: { ...QUIET, ask, shared, isBusy: !answers },
    });
    assert.equal(result.exitCode, 143);
    assert.deepEqual(result.stop, {
      name: "interrupted",
      reason: "Asked to end (SIGTERM): nothing was changed.",
      hint: "Run again.",
    });
    assert.deepEqual(office.trees(), before);
    // Whatever hangs may go on: no other run begins until that is gone.
    const next = await office.run();
    assert.equal(next.exitCode, answers ? 0 : 4, describe(next));
  });
}

Deno.test("an open conflict stays listed when a run is interrupted before it", async () => {
  using office = new MemoryOffice("conflict_policy: { new_new: notify }\n");
  office.write({
    left: { a: "1", z: "left" },
    right: { z: "right side" },
  });
  assert.equal((await office.run()).exitCode, 1);
  office.write({ left: { b: "2" } });
  const listed = async () => (await office.json("conflicts")).conflicts;
  const before = await listed();
  assert.equal(before.length, 1);
  for (let n = 1;; n++) {
    const moment = new AtMoment(n);
    await office.run({ files: filesOf(office, moment) });
    if (moment.signal === null) break;
    assert.deepEqual((await listed()).length, 1, `moment ${n}`);
  }
});

Deno.test("a place where a run can be interrupted costs next to nothing", async () => {
  const shared = new SharedState();
  const checkpoint = checkpointOf(shared);
  const begin = performance.now();
  for (let n = 0; n < 100_000; n++) await checkpoint();
  const microseconds = (performance.now() - begin) / 100;
  assert.ok(microseconds < 20, `${microseconds} µs each`);
  assert.equal(shared.signal, null);
});
