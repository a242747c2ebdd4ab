/**
 * What must hold of saves in several steps, and of versions that perhaps
 * nobody meant.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isPassing, passingFolder } from "../../lib/names.ts";
import { folderOf, isWithin, nameOf } from "../../lib/paths.ts";
import type { RunResult } from "../../lib/run_types.ts";
import { StateDb } from "../../lib/state_db.ts";
import { type Both, otherSide, type Side, SIDES } from "../../lib/types.ts";
import { everything } from "./random_owed.ts";
import {
  type FileState,
  isIgnored,
  type Snapshot,
  type State,
} from "./random_state.ts";
import { describe, type Office } from "./support.ts";

/** What both sides had at a path when they last agreed about it. */
export type Agreed = ReadonlyMap<string, Both<FileState>>;

/**
 * What both sides agree on after a run.
 *
 * @param before Before it.
 * @param trees After it.
 * @param waiting Paths that wait: what was agreed on stands.
 */
export function agreedAfter(
  before: Agreed,
  { left, right }: Both<Snapshot>,
  waiting: ReadonlySet<string>,
): Agreed {
  const agreed = new Map<string, Both<FileState>>();
  for (const path of waiting) {
    const known = before.get(path);
    if (known) agreed.set(path, known);
  }
  for (const [path, file] of left.files) {
    const other = right.files.get(path);
    if (waiting.has(path) || isIgnored(path)) continue;
    if (other?.content === file.content) {
      agreed.set(path, { left: file, right: other });
    }
  }
  return agreed;
}

/**
 * Paths that wait, each with the names that its file has meanwhile: on the side
 * that saves it, and where somebody renamed it on the other.
 *
 * @param office The office, as it is after the run.
 * @param result What the run came to.
 * @param trees Both sides.
 */
export function waitingPaths(
  office: Office,
  result: RunResult,
  trees: Both<Snapshot>,
): ReadonlySet<string> {
  const paths = new Set(result.waiting.flatMap(({ path, as }) => [path, as]));
  if (paths.size === 0) return paths;
  using db = new StateDb(office.stateDb, { isReadOnly: true });
  for (const { side, path } of result.waiting) {
    const other = otherSide(side);
    // A folder in its place, with all that is in it.
    const { files, folders } = trees[other];
    for (const name of [...files.keys(), ...folders]) {
      if (name !== path && isWithin(name, path)) paths.add(name);
    }
    const row = db.first(
      `SELECT ino_${other}, birth_${other} FROM files WHERE path = ?`,
      path,
    );
    for (const [name, { id, isLinked }] of trees[other].files) {
      // What went into a trash there is a file of its own.
      const isIt = !isLinked && id === row?.join(":") && !isPassing(name) &&
        !db.first("SELECT 1 FROM files WHERE path = ?", name);
      if (isIt) paths.add(name);
    }
  }
  return paths;
}

/**
 * What waits is being saved, nothing is done to it, and all waits that is.
 *
 * @param passage The run, and both sides before and after it.
 * @param waiting Paths that wait.
 * @param isAllFound Whether all that is being saved must wait.
 */
export function assertWaiting(
  { agreed, before, after, result }: {
    readonly agreed: Agreed;
    readonly before: State;
    readonly after: State;
    readonly result: RunResult;
  },
  waiting: ReadonlySet<string>,
  isAllFound: boolean,
): void {
  const why = describe(result);
  for (const { side, path, as } of result.waiting) {
    const here = before.trees[side].files;
    assert.ok(!here.has(path) && here.has(as), `${as} is no ${path}: ${why}`);
    // A document that is a folder is saved as a whole.
    const isWhole = folderOf(as) !== folderOf(path);
    const isPassingName = isWhole
      ? nameOf(as) === nameOf(path) && passingFolder(as) !== null
      : isPassing(as) || isIgnored(as);
    assert.ok(isPassingName, `${as} is a name to stay: ${why}`);
  }
  for (const path of waiting) {
    for (const each of SIDES) {
      assert.deepEqual(
        after.trees[each].files.get(path),
        before.trees[each].files.get(path),
        `${path} waits, and was touched on ${each}: ${why}`,
      );
    }
  }
  if (!isAllFound) return;
  const told = new Set(result.waiting.map(({ side, path }) => side + path));
  for (const side of SIDES) {
    for (const [path, as] of savedOn(side, agreed, before.trees)) {
      assert.ok(
        told.has(side + path),
        `${path} is saved as ${as} on ${side}, and does not wait: ${why}`,
      );
    }
  }
}

/** Recorded paths whose file has a passing or ignored name in their folder. */
function* savedOn(
  side: Side,
  agreed: Agreed,
  trees: Both<Snapshot>,
): Iterable<[string, string]> {
  const tree = trees[side];
  const names = new Map(
    [...tree.files].filter(([path, { isLinked }]) =>
      !isLinked && (isPassing(path) || isIgnored(path))
    ).map(([path, { id }]) => [id, path]),
  );
  for (const [path, { [side]: half }] of agreed) {
    const as = half.isLinked ? undefined : names.get(half.id);
    const isGone = !tree.files.has(path) && !tree.folders.has(path) &&
      !tree.links.has(path);
    if (isGone && as !== undefined && folderOf(as) === folderOf(path)) {
      yield [path, as];
    }
  }
}

/** From so many on, and so large a part, changes are perhaps not meant. */
const MASS = { files: 30, part: 0.5 };

/**
 * What a version replaced that is empty, older than the recorded one, or one
 * of suspiciously many, is somewhere.
 *
 * @param passage The run, and both sides before and after it.
 * @param waiting Paths that wait.
 */
export function assertDoubtfulKept(
  { agreed, before, after, result }: {
    readonly agreed: Agreed;
    readonly before: State;
    readonly after: State;
    readonly result: RunResult;
  },
  waiting: ReadonlySet<string>,
): void {
  const kept = everything(after);
  for (const side of SIDES) {
    const other = otherSide(side);
    const here = before.trees[side];
    const changed = [...agreed].filter(([path, halves]) =>
      !waiting.has(path) &&
      (here.files.get(path)?.content ?? halves[side].content) !==
        halves[side].content
    );
    const isMass = changed.length >= MASS.files &&
      // What waits is recorded, too.
      changed.length > (agreed.size + waiting.size) * MASS.part;
    for (const [path, halves] of changed) {
      const { content, mtimeMs } = here.files.get(path)!;
      const isDoubtful = content === "" || isMass ||
        mtimeMs < halves[side].mtimeMs;
      const there = before.trees[other].files.get(path);
      const isUntouched = there?.id === halves[other].id &&
        there.content === halves[other].content;
      const was = halves[other].content;
      if (!isDoubtful || !isUntouched || was === "") continue;
      assert.ok(
        kept.has(was),
        `${path} on ${side} is doubtful, and ${was} is gone: ${
          describe(result)
        }`,
      );
    }
  }
}
