/**
 * Random edits in roots that also hold what must be left alone: ignored names
 * and links. `OFFICE_SYNC_RUNS` and `OFFICE_SYNC_SEED` run it longer, or again.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { otherSide, type Side, SIDES } from "../lib/types.ts";
import { Editor } from "./random_edits.ts";
import {
  configLines,
  type Edit,
  edits,
  HIDING_KINDS,
  KINDS,
  parameters,
  type Settings,
} from "./random_office.ts";
import {
  assertNoLeftovers,
  assertNothingLost,
  plainActions,
} from "./random_office_checks.ts";
import {
  contentsOf,
  type Snapshot,
  type State,
  stateOf,
} from "./random_state.ts";
import { ALLOWED } from "./random_play.ts";
import { describe, Office } from "./support.ts";

const SETTINGS: Settings = {
  policy: "clash",
  namePolicy: "clash",
  isSoft: true,
  maxBytes: 1 << 20,
  keepReplaced: true,
  verifyFirstRun: true,
};

const anyEdit = fc.oneof(
  {
    weight: 3,
    // The age of files is another test's concern.
    arbitrary: edits(
      KINDS.filter((kind) => !/unseen|just written/.test(kind)),
    ),
  },
  { weight: 1, arbitrary: edits(HIDING_KINDS) },
);

const rounds = fc.tuple(
  fc.array(edits(["create"]), { maxLength: 12 }),
  fc.array(fc.array(anyEdit, { maxLength: 14 }), {
    minLength: 1,
    maxLength: 4,
  }),
).map(([first, others]) => [first, ...others]);

/** A path that is left alone, or one below it. */
function isIgnored(path: string): boolean {
  return path.split("/").some((name) => name.startsWith("~$"));
}

function isAtOrBelow(path: string, paths: Iterable<string>): boolean {
  return [...paths].some((it) => path === it || path.startsWith(`${it}/`));
}

/** What a run must not touch, with all that can be seen of it. */
function leftAlone(tree: Snapshot): unknown {
  return {
    links: [...tree.links].sort(),
    files: [...tree.files].filter(([path]) => isIgnored(path)).sort(),
    folders: [...tree.folders].filter(isIgnored).sort(),
  };
}

/** What both sides ever had in common, by path. */
type Shared = Map<string, Set<string>>;

/**
 * Paths that are left alone on both sides: links, and what both sides had and
 * one has moved to where it is left alone, which may hold back more of that.
 */
function heldPaths({ trees }: State, shared: Shared): ReadonlySet<string> {
  const links = SIDES.flatMap((side) => [...trees[side].links.keys()]);
  const held = new Set(links);
  for (let known = -1; known < held.size;) {
    known = held.size;
    for (const side of SIDES) {
      const { files } = trees[side];
      const hidden = new Set(
        [...files].filter(([path]) =>
          isIgnored(path) || isAtOrBelow(path, held)
        )
          .map(([, { content }]) => content),
      );
      for (const [path, contents] of shared) {
        const isMissed = [...contents].some((it) => hidden.has(it));
        if (isMissed && !files.has(path)) held.add(path);
      }
    }
  }
  return held;
}

/** Requires that whatever differs has to do with what is left alone. */
function assertExplained(state: State, shared: Shared, why: string): void {
  const { trees } = state;
  const held = heldPaths(state, shared);
  const isHeld = (path: string) => isIgnored(path) || isAtOrBelow(path, held);
  for (const side of SIDES) {
    const { files, folders } = trees[side];
    const other = trees[otherSide(side)];
    for (const [path, { content, mtimeMs }] of files) {
      const counterpart = other.files.get(path);
      const isSame = counterpart?.content === content &&
        counterpart.mtimeMs === mtimeMs;
      assert.ok(isSame || isHeld(path), `${side}/${path} differs: ${why}`);
    }
    const all = [...files.keys(), ...folders, ...trees[side].links.keys()];
    for (const folder of folders) {
      if (other.folders.has(folder) || isHeld(folder)) continue;
      const isNeeded = all.some((it) =>
        it.startsWith(`${folder}/`) && isHeld(it)
      );
      assert.ok(isNeeded, `${side}/${folder} is on one side only: ${why}`);
    }
  }
}

function note(shared: Shared, { trees }: State): void {
  for (const [path, { content }] of trees.left.files) {
    if (trees.right.files.get(path)?.content !== content) continue;
    shared.set(path, (shared.get(path) ?? new Set()).add(content));
  }
}

async function play(rounds: readonly (readonly Edit[])[]): Promise<void> {
  using office = new Office(configLines(SETTINGS));
  const editor = new Editor(office, SETTINGS);
  const shared: Shared = new Map();
  for (const round of rounds) {
    round.forEach((edit) => editor.apply(edit));
    const before = stateOf(office);
    const plan = await office.run({ isDryRun: true, ...ALLOWED });
    const result = await office.run(ALLOWED);
    const after = stateOf(office);
    const why = describe(result);
    assert.deepEqual(
      plainActions(result.outcomes),
      plainActions(plan.outcomes),
    );
    assert.equal(result.exitCode, 0, why);
    for (const side of SIDES) assertUntouched(before, after, side);
    assertExplained(after, shared, why);
    note(shared, after);
    // Nothing is ever lost with these settings.
    const agreedContents = new Set(
      SIDES.flatMap((side) => [...contentsOf(before.trees[side])]),
    );
    assertNothingLost({ agreed: null, agreedContents, before, after, result }, {
      ...SETTINGS,
      isOverwrite: false,
    });
    assertNoLeftovers(office);
    const second = await office.run(ALLOWED);
    assert.deepEqual(second.outcomes, [], describe(second));
    assert.deepEqual(stateOf(office), after, "nothing more to do");
  }
}

function assertUntouched(before: State, after: State, side: Side): void {
  assert.deepEqual(
    leftAlone(after.trees[side]),
    leftAlone(before.trees[side]),
    `what is left alone on ${side}`,
  );
}

Deno.test("what is left alone stays as it is, and whatever else differs has to do with it", async () => {
  await fc.assert(fc.asyncProperty(rounds, play), parameters(30));
});
