/**
 * Random edits, and soft-deleted versions brought back between runs.
 * `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer,
 * or again.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import { folderOf } from "../lib/paths.ts";
import { type Side, SIDES } from "../lib/types.ts";
import {
  assertCases,
  comparable,
  configLines,
  contentsOf,
  Editor,
  isReplay,
  type Scenario,
  scenarios,
  type State,
  stateOf,
  withoutAside,
} from "./support/random_cases.ts";
import {
  ALLOWED,
  assertNoLeftovers,
  assertRecord,
} from "./support/random_runs.ts";
import {
  describe,
  MemoryOffice,
  type Office,
  softDeleted,
} from "./support/support.ts";

/** What is brought back after a round. */
interface Wish {
  /** Chooses among what is soft-deleted. */
  readonly at: number;
  readonly isFolder: boolean;
  readonly isForced: boolean;
  readonly to: Side | "both";
  /** Before a run has seen the edits. */
  readonly isEarly: boolean;
}

const wish = fc.record<Wish>({
  at: fc.nat(999),
  isFolder: fc.boolean(),
  isForced: fc.boolean(),
  to: fc.constantFrom<Wish["to"]>("left", "right", "both"),
  isEarly: fc.boolean(),
});

/** Paths of soft-deleted versions, or of the folders they were in. */
function softDeletedPaths(office: Office, isFolder: boolean): string[] {
  const files = SIDES.flatMap((side) => Object.keys(softDeleted(office[side])));
  const paths = isFolder ? files.map((it) => `${folderOf(it)}/`) : files;
  // A second version of one moment has a number after its name.
  const known = paths.filter((it) => it !== "/" && !/-\d+(?:\/|$)/.test(it));
  return [...new Set(known)].sort();
}

function everything({ trees, softDeleted }: State): Set<string> {
  const contents = SIDES.flatMap((side) => [...contentsOf(trees[side])]);
  return new Set([...contents, ...softDeleted]);
}

function assertAllThere(before: State, after: State, why: string): void {
  const now = everything(after);
  for (const content of everything(before)) {
    assert.ok(now.has(content), `${content} is lost: ${why}`);
  }
}

/** @returns Whether there was anything to bring back. */
async function bringBack(office: Office, wish: Wish): Promise<boolean> {
  const paths = softDeletedPaths(office, wish.isFolder);
  const path = paths[wish.at % paths.length];
  if (path === undefined) return false;
  const before = stateOf(office);
  const options = ["--to", wish.to, ...wish.isForced ? ["--force"] : []];
  const { code, stdout, stderr } = await office.commandHere(
    "restore",
    path,
    ...options,
  );
  const why = `restore ${path} ${options.join(" ")}: ${stdout}${stderr}`;
  assert.ok(code === 0 || code === 1, why);
  const after = stateOf(office);
  assertAllThere(before, after, why);
  assertNoLeftovers(office);
  for (const side of SIDES) {
    const isMeant = wish.to === "both" || wish.to === side;
    if (!isMeant) assert.deepEqual(after.trees[side], before.trees[side], why);
    else if (code === 0 && !wish.isFolder) {
      assert.ok(after.trees[side].files.has(path), why);
    }
  }
  return true;
}

async function play(
  { settings, rounds }: Scenario,
  wishes: readonly Wish[],
): Promise<number> {
  const keeping = {
    ...settings,
    policy: "clash",
    isSoft: true,
    maxBytes: 1 << 20,
    keepReplaced: true,
  } as const;
  using office = new MemoryOffice(configLines(keeping));
  const editor = new Editor(office, keeping);
  let count = 0;
  for (const [index, edits] of rounds.entries()) {
    edits.forEach((edit) => editor.apply(edit));
    const wish = wishes[index % wishes.length]!;
    if (!wish.isEarly) await office.run(ALLOWED);
    if (await bringBack(office, wish)) count++;
    const before = stateOf(office);
    const result = await office.run(ALLOWED);
    const why = describe(result);
    assert.equal(result.exitCode, 0, why);
    const after = stateOf(office);
    assertAllThere(before, after, why);
    const { trees } = after;
    const shared = (side: Side) =>
      comparable(withoutAside(trees[side], trees, new Set()));
    assert.deepEqual(shared("left"), shared("right"), why);
    assertRecord(office, after.trees, []);
    assertNoLeftovers(office);
  }
  return count;
}

Deno.test("whatever is brought back, nothing is lost and the next run makes both sides agree", async () => {
  let count = 0;
  await assertCases(
    fc.tuple(
      scenarios({ isMirrored: false, leavesOpen: false }),
      fc.array(wish, { minLength: 1, maxLength: 4 }),
    ),
    async ([scenario, wishes]) => {
      count += await play(scenario, wishes);
    },
    () => count > 0,
  );
  assert.ok(count > 0 || isReplay(), `${count} brought back`);
});
