/**
 * Kills a restore whenever it gives, takes or changes a name or property, or
 * flushes: the same command does the rest.
 *
 * @module
 */
import assert from "node:assert/strict";
import { EXIT } from "../../lib/errors.ts";
import { SIDES } from "../../lib/types.ts";
import { snapshot, synced } from "../support/snapshot.ts";
import {
  describe,
  file,
  MemoryOffice,
  type Office,
} from "../support/support.ts";
import { counting } from "./crash_support.ts";
import { killedRun } from "./killed_run.ts";
import { requireTool, temporaries, whyOf } from "./support.ts";

const OLDER = "2024-01-01T00:00:00Z";
const NEWER = "2024-02-02T00:00:00Z";
const NEWEST = "2024-03-03T00:00:00Z";

/**
 * Two roots that have lost files; a newer one stands in the place of one.
 *
 * @returns What brings them back.
 */
async function lose(office: Office): Promise<string[]> {
  office.write({
    left: {
      "a.txt": file("a, newer", { mtime: NEWER }),
      d: { "b.txt": file("b", { mtime: OLDER }), e: { "c.txt": "c" } },
    },
  });
  await office.agree();
  Deno.removeSync(`${office.left}/a.txt`);
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  await office.agree();
  for (const side of SIDES) {
    office.write({ [side]: { "a.txt": file("newest", { mtime: NEWEST }) } });
  }
  await office.agree();
  return ["restore", "./", "--force"];
}

/** Contents of all files in a folder. */
function textsIn(folder: string): Set<string> {
  const texts = [...Deno.readDirSync(folder)].flatMap((it) => {
    const path = `${folder}/${it.name}`;
    return it.isDirectory ? [...textsIn(path)] : [Deno.readTextFileSync(path)];
  });
  return new Set(texts);
}

const TREE = { "a.txt": "a, newer", d: { "b.txt": "b", e: { "c.txt": "c" } } };

async function checkRecovery(
  office: Office,
  restore: readonly string[],
): Promise<void> {
  let again = await office.commandHere(...restore);
  // A process that was killed may take a moment to let go of its lock.
  for (let wait = 0; again.code === EXIT.busy && wait < 50; wait++) {
    await new Promise((done) => setTimeout(done, 100));
    again = await office.commandHere(...restore);
  }
  assert.equal(again.code, 0, again.stdout + again.stderr);
  for (const side of SIDES) {
    const texts = textsIn(`${office[side]}/.office-sync/deleted`);
    const all = side === "left" ? ["newest"] : ["a, newer", "b", "c", "newest"];
    assert.deepEqual([...texts].sort(), all, `on ${side}`);
  }
  // It removes what the one that was killed has left.
  const result = await office.agree();
  assert.deepEqual(office.trees(), { left: TREE, right: TREE });
  for (const side of SIDES) {
    assert.deepEqual(temporaries(office[side]), [], describe(result));
  }
  const left = synced(snapshot(office.left));
  assert.deepEqual(synced(snapshot(office.right)), left);
  const second = await office.agree();
  assert.deepEqual(second.outcomes, [], describe(second));
}

/** The calls, each with how many of it a restore in one thread makes. */
const CALLS = {
  linkat: 6,
  rename: 2,
  unlink: 6,
  mkdir: 7,
  chmod: 5,
  utimensat: 3,
  fsync: 5,
};

/** Calls that change no name. */
const SECOND = new Set(["chmod", "utimensat", "fsync"]);

for (const [call, least] of Object.entries(CALLS)) {
  Deno.test(`a restore, killed at any ${call}, loses nothing, and the same command does the rest`, async () => {
    requireTool("strace");
    let met = 0;
    for (const n of counting(SECOND.has(call) ? 2 : 1)) {
      using office = new MemoryOffice();
      const command = await lose(office);
      const ended = await killedRun(office, call, n, { command });
      if (ended.code !== null) {
        assert.equal(ended.code, 0, whyOf(ended));
        break;
      }
      met++;
      await checkRecovery(office, command).catch((error) => {
        throw new Error(`killed at ${call} number ${n}`, { cause: error });
      });
    }
    assert.ok(met >= least, `only ${met}`);
  });
}
