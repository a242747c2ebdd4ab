/**
 * Random edits in roots whose folders hold junk. `OFFICE_SYNC_RUNS` and
 * `OFFICE_SYNC_SEED` run it longer, or again.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import { nameOf } from "../lib/paths.ts";
import { type Side, SIDES } from "../lib/types.ts";
import {
  assertCases,
  configLines,
  type Edit,
  Editor,
  edits,
  KINDS,
  type Settings,
  type Snapshot,
  stateOf,
  withoutAside,
} from "./support/random_cases.ts";
import { ALLOWED } from "./support/random_runs.ts";
import { describe, MemoryOffice } from "./support/support.ts";

const SETTINGS: Settings = {
  policy: "clash",
  namePolicy: "clash",
  isSoft: true,
  maxBytes: 1 << 20,
  keepReplaced: true,
  verifyFirstRun: true,
};

const JUNK = ".DS_Store";

interface Round {
  readonly edits: readonly Edit[];
  /** Which folders get junk, in turn. */
  readonly junk: readonly boolean[];
}

const rounds = fc.array(
  fc.record({
    edits: fc.array(
      // The age of files is another test's concern.
      edits(KINDS.filter((kind) => !/unseen|just written/.test(kind))),
      { maxLength: 14 },
    ),
    junk: fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** What both sides must have alike. */
function work({ files, folders }: Snapshot): unknown {
  return {
    files: [...files].filter(([path]) => nameOf(path) !== JUNK)
      .map(([path, { content }]) => [path, content]).sort(),
    folders: [...folders].sort(),
  };
}

async function play(rounds: readonly Round[]): Promise<void> {
  using office = new MemoryOffice(configLines(SETTINGS));
  const editor = new Editor(office, SETTINGS);
  for (const { edits, junk } of rounds) {
    edits.forEach((edit) => editor.apply(edit));
    const made: { side: Side; content: string }[] = [];
    const before = stateOf(office);
    for (const side of SIDES) {
      const folders = ["", ...[...before.trees[side].folders].sort()];
      for (const [n, folder] of folders.entries()) {
        if (!junk[n % junk.length]) continue;
        const content = `junk ${made.length} of ${side}`;
        Deno.writeTextFileSync(`${office[side]}/${folder}/${JUNK}`, content);
        made.push({ side, content });
      }
    }
    const result = await office.run(ALLOWED);
    const after = stateOf(office);
    const why = describe(result);
    assert.equal(result.exitCode, 0, why);
    const [left, right] = SIDES.map((side) =>
      work(withoutAside(after.trees[side], after.trees, new Set()))
    );
    assert.deepEqual(left, right, why);
    for (const { side, content } of made) {
      const isThere = [...after.trees[side].files].some(([path, file]) =>
        nameOf(path) === JUNK && file.content === content
      );
      assert.ok(
        isThere || after.softDeleted.includes(content),
        `${content}: ${why}`,
      );
    }
    const second = await office.run(ALLOWED);
    assert.deepEqual(second.outcomes, [], describe(second));
    for (const side of SIDES) {
      for (const path of after.trees[side].files.keys()) {
        if (nameOf(path) === JUNK) Deno.removeSync(`${office[side]}/${path}`);
      }
    }
  }
}

Deno.test("whatever junk is in folders, both sides agree on all else, and none is lost", async () => {
  await assertCases(rounds, play);
});
