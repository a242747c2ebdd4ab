/**
 * Kills runs whose copies are made by threads, and breaks their disks.
 *
 * @module
 */
import assert from "node:assert/strict";
import { snapshot, synced } from "../support/snapshot.ts";
import {
  describe,
  file,
  MemoryOffice,
  type Office,
} from "../support/support.ts";
import { manyOffice } from "./crash_offices.ts";
import { killHereAndThere } from "./crash_support.ts";
import {
  disturbed,
  documentOf,
  temporaries,
  temporaryName,
  tool,
  Undone,
  whyOf,
} from "./support.ts";

killHereAndThere({
  run: "a run whose copies are made by threads",
  make: () => manyOffice(() => {}, MemoryOffice),
  // Each thread counts its own: the first ones are in the middle of a batch.
  // Flushes are spread over the runtime's threads.
  calls: {
    linkat: [5, 40, 90],
    unlink: [5, 40, 90],
    fsync: [2, 6, 12],
    utimensat: [5, 40, 90],
    write: [12, 60, 100],
  },
});

killHereAndThere({
  run: "a run whose threads fill new folders",
  make: () => manyOffice(() => {}, MemoryOffice, true),
  calls: { rename: [1, 2], utimensat: [5, 40, 90], write: [12, 60, 100] },
});

killHereAndThere({
  run: "a run that copies a large file",
  make: largeOffice,
  calls: { write: [60, 120] },
});

/** A file of many chunks. */
async function largeOffice(): Promise<Office> {
  const office = new MemoryOffice();
  await office.agree();
  const words = Array.from({ length: 1000 }, (_, n) => `words ${n}\n`).join("");
  const content = words.repeat(Math.ceil(70 * 1024 * 1024 / words.length));
  const large = file(content, { mtime: "2024-01-01T00:00:00Z" });
  office.write({ left: { f: { large } } });
  return office;
}

for (
  const [call, error, why] of [
    ["fsync", "EIO", /the disk reports an error/],
    ["write", "ENOSPC", /the disk is full/],
  ] as const
) {
  Deno.test(`what a batch fails to copy for ${error} is told, and done by the next run`, async () => {
    using office = await manyOffice();
    const tries = [10, 95, 300].map((n) => {
      const name = temporaryName(office, n);
      return `${office.right}/f${Math.ceil(n / 90) - 1}/${name}`;
    });
    const ended = await disturbed(office, {
      strace: [
        `--trace=${call}`,
        `--inject=${call}:error=${error}`,
        ...tries.flatMap((path) => ["-P", path]),
      ],
    });
    assert.equal(ended.code, 1, whyOf(ended));
    const met = ended.trace.match(/INJECTED/g)?.length ?? 0;
    const { actions } = documentOf(ended);
    const failed = actions.filter(({ outcome }) => outcome === "failed");
    for (const { detail } of failed) assert.match(detail ?? "", why);
    // A full disk takes no more copies.
    if (error === "EIO") assert.deepEqual([met, failed.length], [3, 3]);
    else assert.ok(met >= 1 && failed.length > 3, `${failed.length} failed`);
    assert.deepEqual(temporaries(office.right), []);
    const result = await office.run();
    assert.equal(result.exitCode, 0, describe(result));
    const left = synced(snapshot(office.left));
    assert.deepEqual(synced(snapshot(office.right)), left);
  });
}

for (const areNew of [false, true]) {
  const where = areNew ? "new folders" : "folders that are there";
  Deno.test(`a disk that is full in the middle of a thread's batch ends the copies to it, into ${where}, and loses nothing`, () =>
    fillUp(areNew));
}

async function fillUp(areNew: boolean): Promise<void> {
  const disks = new Undone();
  using office = await manyOffice(
    ({ right }) => disks.disk(right, "1m"),
    undefined,
    areNew,
  );
  using _undone = disks;
  const ended = await disturbed(office);
  assert.equal(ended.code, 1, whyOf(ended));
  const { actions } = documentOf(ended);
  const failed = actions.filter(({ outcome }) => outcome === "failed");
  assert.ok(failed.length > 50, `${failed.length} failed`);
  for (const { detail } of failed) assert.match(detail ?? "", /disk is full/);
  assert.deepEqual(temporaries(office.right), []);
  const there = synced(snapshot(office.right));
  const left = synced(snapshot(office.left));
  for (const [path, what] of Object.entries(there)) {
    assert.equal(what, left[path], path);
  }
  tool("mount", "-o", "remount,size=16m", office.right);
  const result = await office.run();
  assert.equal(result.exitCode, 0, describe(result));
  assert.deepEqual(synced(snapshot(office.right)), left);
}
