/**
 * What must hold after every run, whatever was edited before it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isWithin } from "../../lib/paths.ts";
import {
  openConflicts,
  type Outcome,
  type RunResult,
} from "../../lib/run_types.ts";
import { StateDb } from "../../lib/state_db.ts";
import { type Both, otherSide, type Side, SIDES } from "../../lib/types.ts";
import {
  contentsOf,
  foldersWithAside,
  isIgnored,
  isWithinAny,
  settledPart,
  type Snapshot,
  sorted,
  type State,
  withoutAside,
} from "./random_state.ts";
import { describe, type Office } from "./support.ts";

/** Actions, as far as a plan and a run have them in common. */
export function plainActions(outcomes: readonly Outcome[]): unknown[] {
  return outcomes
    // Whether a file is still fresh, and so has to be read before it counts as
    // known, depends on the very moment.
    .filter(({ action }) => action.name !== "NOOP" || action.conflict !== null)
    .map(({ action }) => {
      const { name, path, newPath, rule, side, reason, bytes, conflict } =
        action;
      return { name, path, newPath, rule, side, reason, bytes, conflict };
    });
}

/** Paths of open conflicts, on either side. */
export function openPaths(result: RunResult): string[] {
  return openConflicts(result.outcomes).flatMap(({ path, versions }) =>
    [path, versions.left?.path, versions.right?.path].filter((it) =>
      it !== undefined
    )
  );
}

/**
 * Every file has a row that tells the truth, every folder is recorded, and
 * nothing else is.
 *
 * @param office The office.
 * @param trees What is on disk.
 * @param open Paths of open conflicts: their rows stay as they were.
 * @param waiting Paths that wait: theirs do, too.
 */
export function assertRecord(
  office: Office,
  trees: Both<Snapshot>,
  open: readonly string[],
  waiting: ReadonlySet<string> = new Set(),
): void {
  using db = new StateDb(office.stateDb, { isReadOnly: true });
  // A folder of what waits keeps its row; one of what is ignored may have it.
  const above = foldersWithAside(trees, waiting);
  const isSettled = (path: string) => !isWithinAny(path, open);
  for (const side of SIDES) {
    const recorded = db.query(
      `SELECT path, size_${side}, mtime_${side} * 1000, mode_${side} FROM files`,
    ).filter(([path]) => isSettled(String(path)) && !waiting.has(String(path)))
      .map((
        [path, size, time, mode],
      ) => [path, size, Math.round(+time!), mode]);
    const tree = withoutAside(
      settledPart(trees[side], open),
      trees,
      waiting,
    );
    const found = [...tree.files].map(([path, state]) => {
      const sizeBytes = new TextEncoder().encode(state.content).length;
      return [path, sizeBytes, state.mtimeMs, state.mode];
    });
    assert.deepEqual(sorted(recorded), sorted(found), `the record of ${side}`);
    const ids = db.query(
      `SELECT path, ino_${side}, birth_${side} FROM files
       WHERE ino_${side} IS NOT NULL`,
    );
    for (const [path, ino, birthMs] of ids) {
      const actual = tree.files.get(String(path))?.id;
      if (actual !== undefined) assert.equal(`${ino}:${birthMs}`, actual);
    }
    const folders = db.query(
      "SELECT path FROM directories WHERE agreed = 1 AND path <> ''",
    ).map(([path]) => String(path))
      .filter((path) => isSettled(path) && !above.has(path));
    assert.deepEqual(sorted(folders), sorted([...tree.folders]));
  }
  const halves = db.query("SELECT path FROM directories WHERE agreed = 0");
  const hasAside = waiting.size > 0 ||
    SIDES.some((side) =>
      [...trees[side].files.keys(), ...trees[side].folders].some(isIgnored)
    );
  if (open.length === 0 && !hasAside) assert.deepEqual(halves, []);
}

/**
 * No temporary file is left, at any depth.
 *
 * @param office The office.
 */
export function assertNoLeftovers(office: Office): void {
  const walk = (folder: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      assert.doesNotMatch(name, /^\.office-sync-(tmp|mv)-/, folder);
      if (isDirectory) walk(`${folder}/${name}`);
    }
  };
  for (const side of SIDES) walk(office[side]);
}

/** What a config lets go. */
export interface Losses {
  readonly isOverwrite: boolean;
  readonly isSoft: boolean;
  readonly maxBytes: number;
  readonly keepReplaced: boolean;
}

/** A run, and what there was before and after it. */
export interface Passage {
  /** After the last run: what both sides agreed on. */
  readonly agreed: State | null;
  /** Contents of all that both sides agreed on. */
  readonly agreedContents: ReadonlySet<string>;
  readonly before: State;
  readonly after: State;
  readonly result: RunResult;
}

/**
 * No content is lost, none is made up, and what is new on a side is in both
 * trees.
 *
 * @param passage The run.
 * @param losses What may be lost by the config.
 */
export function assertNothingLost(passage: Passage, losses: Losses): void {
  const { before, after, agreedContents, result } = passage;
  const now = {
    left: contentsOf(after.trees.left),
    right: contentsOf(after.trees.right),
  };
  const kept = new Set(after.kept);
  for (const content of before.kept) {
    assert.ok(kept.has(content), `soft-deleted ${content} is gone`);
  }
  const known = new Set(before.kept);
  for (const side of SIDES) {
    for (const [path, { content }] of before.trees[side].files) {
      known.add(content);
      const isThere = now.left.has(content) || now.right.has(content);
      const isSmall = content.length <= losses.maxBytes;
      const wasAgreed = agreedContents.has(content);
      const why = `${side}/${path} (${content})\n${describe(result)}`;
      if (!wasAgreed && !losses.isOverwrite) {
        assert.ok(isThere, `not in a tree any more: ${why}`);
      }
      if (isThere || kept.has(content)) continue;
      const isReplaced = wasAgreed && isCopiedOver(result, side, path);
      const isKeeper = isReplaced ? losses.keepReplaced : true;
      const mayGo = !losses.isSoft || !isSmall || !isKeeper;
      assert.ok(mayGo, `lost: ${why}`);
    }
  }
  for (const content of [...now.left, ...now.right, ...kept]) {
    assert.ok(known.has(content), `nobody wrote ${content}`);
  }
}

/** The other side's content took the place, under whatever name. */
function isCopiedOver(result: RunResult, side: Side, path: string): boolean {
  const from = otherSide(side);
  let name = path;
  return result.outcomes.some(({ action }) => {
    const { work } = action;
    const isRename = work.kind === "rename" || work.kind === "rename-directory";
    if (isRename && work.on === side && isWithin(name, work.from)) {
      name = work.to + name.slice(work.from.length);
    }
    return work.kind === "copy" && work.from === from && work.path === name;
  });
}

/**
 * What one side deleted, and the other left alone, is gone from both trees.
 *
 * @param passage The run.
 */
export function assertDeletionsTravel(passage: Passage): void {
  const { before, after, agreed, result } = passage;
  if (agreed === null) return;
  for (const side of SIDES) {
    const other = otherSide(side);
    const here = contentsOf(before.trees[side]);
    for (const [path, was] of agreed.trees[other].files) {
      if (here.has(was.content)) continue;
      const places = [...before.trees[other].files]
        .filter(([, { content }]) => content === was.content);
      const [[place, is] = []] = places;
      // What may be another file with its metadata is not deleted.
      const isAlone = !was.isLinked && places.length === 1 && place === path &&
        is?.id === was.id && is.mtimeMs === was.mtimeMs &&
        is.mode === was.mode &&
        agreed.trees[side].files.get(path)?.content === was.content;
      if (!isAlone) continue;
      for (const each of SIDES) {
        const isBack = contentsOf(after.trees[each]).has(was.content);
        assert.ok(!isBack, `${path} came back on ${each}: ${describe(result)}`);
      }
    }
  }
}
