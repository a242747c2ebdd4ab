/**
 * Random edits on both sides while documents are opened and closed: nothing is
 * done to one under its program, nothing is lost, and once all are closed both
 * sides agree. `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run
 * it longer, or again.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import { documentsOf } from "../lib/owner_files.ts";
import { folderOf, joinPath, nameOf } from "../lib/paths.ts";
import { openConflicts, type RunResult } from "../lib/run_types.ts";
import { type Both, both, type Side, SIDES } from "../lib/types.ts";
import {
  assertCases,
  comparable,
  configLines,
  type Edit,
  Editor,
  isIgnored,
  isOverwriting,
  type Scenario,
  scenarios,
  type Snapshot,
  type State,
  stateOf,
  withoutAside,
} from "./support/random_cases.ts";
import {
  ALLOWED,
  assertNoLeftovers,
  assertNothingLost,
} from "./support/random_runs.ts";
import { actions, describe, MemoryOffice } from "./support/support.ts";

/** What people open and close before each run; a number chooses the document. */
interface Case extends Scenario {
  readonly opened: readonly (readonly {
    readonly side: Side;
    readonly at: number;
    readonly opens: boolean;
  }[])[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  scenario: fc.boolean().chain((leavesOpen) =>
    scenarios({ isMirrored: false, leavesOpen })
  ),
  opened: fc.array(
    fc.array(
      fc.record({
        side: fc.constantFrom(...SIDES),
        at: fc.nat(999),
        opens: fc.constantFrom(true, true, false),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    { minLength: 5, maxLength: 5 },
  ),
}).map(({ scenario, opened }) => ({ ...scenario, opened }));

const HOUR_MS = 3_600_000;

/** Paths of owner files that count, with the documents beside them. */
function openIn(
  { files }: Snapshot,
  sinceMs = Date.now() - HOUR_MS,
): Map<string, readonly string[]> {
  const open = new Map<string, readonly string[]>();
  for (const [path, { mtimeMs }] of files) {
    if (!nameOf(path).startsWith("~$") || mtimeMs < sinceMs) continue;
    const folder = folderOf(path);
    const names = [...files.keys()].filter((it) => folderOf(it) === folder)
      .map(nameOf);
    const documents = documentsOf(nameOf(path), names);
    open.set(path, documents.map((name) => joinPath(folder, name)));
  }
  return open;
}

/** What is in owner files, whether they count or not. */
function ownersIn({ trees }: State): ReadonlySet<string> {
  return new Set(
    SIDES.flatMap((side) =>
      [...openIn(trees[side], -Infinity).keys()]
        .map((path) => trees[side].files.get(path)!.content)
    ),
  );
}

function without(state: State, contents: ReadonlySet<string>): State {
  const trees = both((side): Snapshot => {
    const files = [...state.trees[side].files]
      .filter(([, { content }]) => !contents.has(content));
    return { ...state.trees[side], files: new Map(files) };
  });
  const softDeleted = state.softDeleted.filter((it) => !contents.has(it));
  return { trees, softDeleted };
}

/** How often each thing happened, over all cases. */
const met = { waiting: 0, copied: 0 };

async function play({ settings, rounds, opened }: Case): Promise<void> {
  using office = new MemoryOffice(configLines(settings));
  const editor = new Editor(office, settings);
  const agreed = new Set<string>();
  const losses = { ...settings, isOverwrite: isOverwriting(settings) };

  async function run(isQuiet: boolean): Promise<RunResult> {
    const before = stateOf(office);
    const result = await office.run(ALLOWED);
    const after = stateOf(office);
    assertLeftAlone(before, after, result);
    // What an owner file says is nobody's work.
    const owners = ownersIn(before);
    const works = without(before, owners);
    const passage = { agreed: null, agreedContents: agreed, before: works };
    const left = { ...passage, after: without(after, owners), result };
    assertNothingLost(left, losses);
    if (!losses.isOverwrite) {
      assert.deepEqual(
        editor.owed.missing(works, after),
        [],
        describe(result),
      );
    }
    assertNoLeftovers(office);
    const conflicts = openConflicts(result.outcomes).length;
    assert.equal(result.exitCode, conflicts > 0 ? 1 : 0, describe(result));
    for (const content of sharedIn(after.trees)) agreed.add(content);
    met.waiting += result.waiting.length;
    met.copied +=
      result.outcomes.filter(({ action: { work } }) =>
        work.kind === "copy" &&
        isOpenAt(before.trees[work.from], work.path)
      ).length;
    if (isQuiet) assert.deepEqual(actions(result), [], describe(result));
    return result;
  }

  for (const [n, edits] of rounds.entries()) {
    if (n > 0) opened[n]?.forEach((it) => openOrClose(office, it));
    edits.forEach((edit) => editor.apply(edit as Edit));
    const first = await run(false);
    // Of what was edited in a folder with a new name the next run may know
    // more, as one of the two is still where it was.
    const second = await run(!byFile(first));
    if (!byFile(first)) assert.deepEqual(second.waiting, first.waiting);
  }
  for (const side of SIDES) {
    for (const path of openIn(stateOf(office).trees[side]).keys()) {
      Deno.removeSync(`${office[side]}/${path}`);
    }
  }
  await run(false);
  const last = await run(false);
  assert.ok(last.waiting.every(({ kind }) => kind === "saved"));
  if (last.exitCode !== 0 || last.waiting.length > 0) return;
  const { trees } = stateOf(office);
  const resolved = (side: Side) =>
    comparable(withoutAside(trees[side], trees, new Set()));
  const hasAside = SIDES.some((side) =>
    [...trees[side].files.keys(), ...trees[side].folders].some(isIgnored)
  );
  if (!hasAside) assert.deepEqual(resolved("left"), resolved("right"));
}

/** A program opens a document, or closes one. */
function openOrClose(
  office: MemoryOffice,
  { side, at, opens }: Case["opened"][number][number],
): void {
  const tree = stateOf(office).trees[side];
  const open = [...openIn(tree).keys()];
  if (!opens) {
    const path = open[at % open.length];
    if (path !== undefined) Deno.removeSync(`${office[side]}/${path}`);
    return;
  }
  const documents = [...tree.files.keys()].filter((it) => !isIgnored(it));
  const document = documents.sort()[at % documents.length];
  if (document === undefined) return;
  const owner = joinPath(folderOf(document), `~$${nameOf(document)}`);
  if (!tree.files.has(owner) && !tree.folders.has(owner)) {
    Deno.writeTextFileSync(`${office[side]}/${owner}`, `owner ${document}`);
  }
}

/** Whether a folder went file by file, as something in it was open. */
function byFile({ outcomes }: RunResult): boolean {
  return outcomes.some(({ action: { work } }) =>
    work.kind === "rename-directory" && work.open.length > 0
  );
}

function isOpenAt(tree: Snapshot, path: string): boolean {
  return openIn(tree).values().some((it) => it.includes(path));
}

/** What is open is as it was, and nothing else is said to be open. */
function assertLeftAlone(
  before: State,
  after: State,
  result: RunResult,
): void {
  for (const side of SIDES) {
    const [was, is] = [before.trees[side], after.trees[side]];
    const open = new Set([...openIn(was).values()].flat());
    for (const path of open) {
      assert.deepEqual(
        is.files.get(path),
        was.files.get(path),
        `${side}/${path} is open: ${describe(result)}`,
      );
    }
    for (const path of openIn(was).keys()) {
      const isBeside = openIn(was).get(path)!.length > 0;
      if (isBeside) assert.ok(is.files.has(path), `${side}/${path}`);
    }
  }
  for (const { kind, side, path } of result.waiting) {
    if (kind === "open") {
      assert.ok(isOpenAt(before.trees[side], path), `${side}/${path}`);
    }
  }
}

function sharedIn({ left, right }: Both<Snapshot>): string[] {
  const there = new Set([...right.files.values()].map((it) => it.content));
  return [...left.files.values()].map((it) => it.content)
    .filter((it) => there.has(it));
}

Deno.test("whatever is edited while documents are open, nothing is done to them under their programs, and nothing is lost", async () => {
  await assertCases(
    cases,
    play,
    () => Object.values(met).every((count) => count > 0),
  );
});
