/**
 * Kills a run whenever it waits for the disk.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MemoryOffice } from "../support/support.ts";
import { busyOffice } from "./crash_offices.ts";
import { checkRecovery, killEverywhere, undisturbed } from "./crash_support.ts";
import { killedRun } from "./killed_run.ts";
import { disturbed, temporaries, temporaryName } from "./support.ts";

const RUN = "a run with something of every kind to do";

/** On a disk contents would be flushed by threads of any number. */
const make = () => busyOffice(MemoryOffice);

killEverywhere({
  run: RUN,
  make,
  calls: { fsync: 11 },
  every: 5,
});

Deno.test(`${RUN}, killed at the flush of any content, loses nothing`, async () => {
  const expected = await undisturbed(make);
  const flushed = await flushedContents();
  assert.ok(flushed.length >= 11, `only ${flushed.length}`);
  for (const { folder, n } of flushed) {
    using office = await make();
    const name = temporaryName(office, n);
    const ended = await killedRun(
      office,
      "fsync",
      1,
      { path: `${office.folder}/${folder}${name}` },
    );
    assert.equal(ended.code, null, `nothing is flushed as ${folder}${name}`);
    const left = temporaries(office.folder).map((path) =>
      path.split("/").pop()
    );
    assert.ok(left.includes(name), `${left} is not ${name}`);
    await checkRecovery(office, expected).catch((error) => {
      throw new Error(`killed at ${folder}${name}`, { cause: error });
    });
  }
});

/** The temporary files that a run flushes, by number. */
async function flushedContents(): Promise<{ folder: string; n: number }[]> {
  using office = await make();
  const { trace } = await disturbed(office, { strace: ["--trace=fsync"] });
  const found = trace.matchAll(/fsync\(\d+<([^>]*\/)[^/>]*-tmp-[^/>]*-(\d+)>/g);
  return [...found].map(([, folder = "", n]) => ({
    folder: folder.slice(office.folder.length + 1),
    n: Number(n),
  }));
}
