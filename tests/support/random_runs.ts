/**
 * What must hold after every run, whatever was edited before it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isPassing, passingFolder } from "../../lib/names.ts";
import { folderOf, isWithin, nameOf } from "../../lib/paths.ts";
import {
  openConflicts,
  type Outcome,
  type RunResult,
} from "../../lib/run_types.ts";
import { StateDb } from "../../lib/state_db.ts";
import { type Both, otherSide, type Side, SIDES } from "../../lib/types.ts";
import {
  comparable,
  configLines,
  contentsOf,
  Editor,
  everything,
  type FileState,
  foldersWithAside,
  isIgnored,
  isOverwriting,
  isWithinAny,
  JUST_WRITTEN_MS,
  resolvedPart,
  type Scenario,
  sharedContents,
  type Snapshot,
  sorted,
  type State,
  stateOf,
  withoutAside,
} from "./random_cases.ts";
import { describe, MemoryOffice, type Office } from "./support.ts";

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
  const isAgreed = (path: string) => !isWithinAny(path, open);
  for (const side of SIDES) {
    const recorded = db.query(
      `SELECT path, size_${side}, mtime_${side} * 1000, mode_${side} FROM files`,
    ).filter(([path]) => isAgreed(String(path)) && !waiting.has(String(path)))
      .map((
        [path, size, time, mode],
      ) => [path, size, Math.round(+time!), mode]);
    const tree = withoutAside(
      resolvedPart(trees[side], open),
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
      .filter((path) => isAgreed(path) && !above.has(path));
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
      // What other PCs' runs have left is not touched.
      assert.doesNotMatch(name, /^\.office-sync-(tmp|mv)-(?!others-)/, folder);
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
  const softDeleted = new Set(after.softDeleted);
  for (const content of before.softDeleted) {
    assert.ok(softDeleted.has(content), `soft-deleted ${content} is gone`);
  }
  const known = new Set(before.softDeleted);
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
      if (isThere || softDeleted.has(content)) continue;
      const isReplaced = wasAgreed && isCopiedOver(result, side, path);
      const isKeeper = isReplaced ? losses.keepReplaced : true;
      const mayGo = !losses.isSoft || !isSmall || !isKeeper;
      assert.ok(mayGo, `lost: ${why}`);
    }
  }
  for (const content of [...now.left, ...now.right, ...softDeleted]) {
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

// What must hold of saves in several steps, and of versions that perhaps nobody meant.

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
  const paths = new Set(
    result.waiting.flatMap(({ path, as }) => as === null ? [path] : [path, as]),
  );
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

/** Folders that a run renamed on a side, in order: from where, to where. */
function folderRenames(
  on: Side,
  { outcomes }: RunResult,
): (readonly [from: string, to: string])[] {
  return outcomes.flatMap(({ kind, action: { work, path, newPath } }) =>
    kind === "done" && work.kind === "rename-directory" && work.on === on
      ? [[path, newPath!] as const]
      : []
  );
}

function moved(path: string, from: string, to: string): string {
  return isWithin(path, from) ? to + path.slice(from.length) : path;
}

/** Where a path was before the run renamed folders: whatever is in them goes along. */
function beforeRenames(path: string, on: Side, result: RunResult): string {
  return folderRenames(on, result)
    .reduceRight((path, [from, to]) => moved(path, to, from), path);
}

/** Where it is afterwards. */
export function afterRenames(
  path: string,
  on: Side,
  result: RunResult,
): string {
  return folderRenames(on, result)
    .reduce((path, [from, to]) => moved(path, from, to), path);
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
  for (const { kind, side, path, as } of result.waiting) {
    if (kind === "open" || as === null) continue;
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
        before.trees[each].files.get(beforeRenames(path, each, result)),
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

// What both sides ever had in common, and which of that is held back because it may stand where it is left alone by now.

/** Contents that both sides had, by path. */
export class SharedPaths {
  readonly #contents = new Map<string, Set<string>>();

  /** Takes note of what both sides have at one path. */
  note({ left, right }: Both<Snapshot>): void {
    for (const [path, { content }] of left.files) {
      if (right.files.get(path)?.content !== content) continue;
      const known = this.#contents.get(path) ?? new Set();
      this.#contents.set(path, known.add(content));
    }
  }

  /**
   * Paths that are left alone: some for certain, and those of files that a
   * side has moved to such a place, which may hold back more.
   *
   * @param trees Both sides.
   * @param certain What is left alone for certain, with all below it.
   * @param isIgnored Tells of other paths that they are left alone.
   */
  heldBack(
    trees: Both<Snapshot>,
    certain: readonly string[],
    isIgnored: (path: string) => boolean = () => false,
  ): string[] {
    const held = new Set(certain);
    for (let known = -1; known < held.size;) {
      known = held.size;
      for (const side of SIDES) {
        const { files } = trees[side];
        const hidden = new Set(
          [...files].filter(([path]) =>
            isIgnored(path) || isWithinAny(path, [...held])
          ).map(([, { content }]) => content),
        );
        for (const [path, contents] of this.#contents) {
          const isMissed = [...contents].some((it) => hidden.has(it));
          if (isMissed && !files.has(path)) held.add(path);
        }
      }
    }
    return [...held];
  }
}

// Plays a random scenario, and holds every run against the contract.

/** No guard is to stop a run here. */
export const ALLOWED = { allowed: { deletes: true, changes: true } } as const;

/**
 * Plays a scenario.
 *
 * @param scenario Settings, and the edits before each run.
 * @param prepare Does something to the roots before they are used.
 */
export async function play(
  { settings, rounds }: Scenario,
  prepare: (office: Office) => Disposable | null = () => null,
): Promise<void> {
  using office = new MemoryOffice(configLines(settings));
  using _prepared = prepare(office);
  const editor = new Editor(office, settings);
  let agreed: State | null = null;
  let agreedContents: ReadonlySet<string> = new Set();
  let known: Agreed = new Map();
  const shared = new SharedPaths();
  let wasOpen = false;
  let hadAside = false;
  for (const edits of rounds) {
    edits.forEach((edit) => editor.apply(edit));
    editor.tellApart(known);
    const before = stateOf(office);
    const plan = await office.run({ isDryRun: true, ...ALLOWED });
    assert.deepEqual(stateOf(office), before, "a plan changes nothing");
    const result = await office.run(ALLOWED);
    const after = stateOf(office);
    assertRanAsPlanned(plan, result);
    assertExit(result);
    const open = shared.heldBack(after.trees, openPaths(result));
    const waiting = waitingPaths(office, result, after.trees);
    const resolved = (side: Side) =>
      comparable(
        withoutAside(
          resolvedPart(after.trees[side], open),
          after.trees,
          waiting,
        ),
      );
    assert.deepEqual(
      resolved("left"),
      resolved("right"),
      `both sides agree: ${describe(result)}`,
    );
    const passage = { agreed, agreedContents, before, after, result };
    assertNothingLost(passage, {
      ...settings,
      isOverwrite: isOverwriting(settings),
    });
    const passageOfSaves = { agreed: known, before, after, result };
    const hasTimePassed = editor.hasTimePassed();
    assertWaiting(
      passageOfSaves,
      waiting,
      !hasTimePassed && !wasOpen && open.length === 0,
    );
    assertDoubtfulKept(passageOfSaves, waiting);
    assertAlwaysWins(passage);
    if (!isOverwriting(settings)) {
      const missing = editor.owed.missing(before, after);
      assert.deepEqual(missing, [], `nobody removed it: ${describe(result)}`);
    }
    const hasAside = waiting.size > 0 || [before, after].some(hasIgnored);
    const isPlain = !hadAside && !hasAside;
    if (!wasOpen && open.length === 0 && isPlain) {
      assertDeletionsTravel(passage);
      assertOneSideIsFollowed(passage);
    }
    assertRecord(office, after.trees, open, waiting);
    assertNoLeftovers(office);
    await assertAgreed(office, result);
    assert.deepEqual(stateOf(office), after, "nothing more to do");
    shared.note(after.trees);
    wasOpen = open.length > 0;
    hadAside = hasAside;
    known = agreedAfter(known, after.trees, waiting);
    agreed = wasOpen ? null : after;
    agreedContents = new Set([
      ...sharedContents(after.trees),
      // Rows of open conflicts stay as they were.
      ...(wasOpen || hasAside ? agreedContents : []),
    ]);
  }
}

/** A side that always wins a conflict has its version on both, whatever it is. */
function assertAlwaysWins({ before, after, result }: {
  readonly before: State;
  readonly after: State;
  readonly result: RunResult;
}): void {
  for (const { action: { conflict } } of result.outcomes) {
    const side = SIDES.find((it) => it === conflict?.policy);
    if (!conflict || !side || conflict.kind === "metadata_conflict") continue;
    const version = conflict.versions[side];
    const won = version && before.trees[side].files.get(version.path);
    if (!won) continue;
    assert.equal(conflict.winner, side, describe(result));
    for (const on of SIDES) {
      const now = after.trees[on].files.get(conflict.path);
      assert.equal(now?.content, won.content, describe(result));
    }
  }
}

function hasIgnored({ trees }: State): boolean {
  return SIDES.some((side) =>
    [...trees[side].files.keys(), ...trees[side].folders].some(isIgnored)
  );
}

function assertRanAsPlanned(plan: RunResult, result: RunResult): void {
  assert.equal(plan.stop, null);
  assert.deepEqual(
    plainActions(result.outcomes),
    plainActions(plan.outcomes),
    "a run does what its plan says",
  );
}

function assertExit(result: RunResult): void {
  const open = openConflicts(result.outcomes);
  assert.equal(result.exitCode, open.length > 0 ? 1 : 0, describe(result));
  for (const { action, kind } of result.outcomes) {
    const isOpen = action.conflict !== null && action.conflict.winner === null;
    assert.equal(kind, isOpen ? "skipped" : "done", describe(result));
  }
}

/** Where only one side was edited, the other looks like it now. */
function assertOneSideIsFollowed(passage: {
  readonly agreed: State | null;
  readonly before: State;
  readonly after: State;
  readonly result: RunResult;
}): void {
  const { agreed, before, after, result } = passage;
  if (agreed === null) return;
  const { left, right } = agreed.trees;
  const hasModes = isSame(comparable(left, true), comparable(right, true));
  for (const side of SIDES) {
    const other = otherSide(side);
    const isAlone = isSame(
      [...before.trees[other].files],
      [...agreed.trees[other].files],
    ) &&
      isSame(comparable(before.trees[other]), comparable(agreed.trees[other]));
    if (!isAlone) continue;
    const expected = comparable(before.trees[side], hasModes);
    for (const each of SIDES) {
      assert.deepEqual(
        comparable(after.trees[each], hasModes),
        expected,
        `only ${side} was edited: ${describe(result)}`,
      );
    }
  }
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A second run has nothing to do but to note how old files are by now. */
async function assertAgreed(office: Office, first: RunResult): Promise<void> {
  const open = openConflicts(first.outcomes);
  const second = await office.run(ALLOWED);
  assert.deepEqual(openConflicts(second.outcomes), open, describe(second));
  // What waits with it may have got another name by the first run.
  const [waitedFirst, waits] = [first, second].map(({ waiting }) =>
    waiting.map((it) => ({ ...it, others: [] }))
  );
  assert.deepEqual(waits, waitedFirst, "what waits goes on waiting");
  const others = second.outcomes.filter(({ action }) =>
    action.conflict === null
  );
  const isAgeing = others.every(({ action: { name, work, path } }) =>
    name === "NOOP" && work.kind === "record" && work.change.kind === "put" &&
    work.change.row.path === path
  );
  assert.ok(isAgeing, `a second run finds nothing: ${describe(second)}`);
  if (others.length === 0) return;
  await new Promise((resolve) => setTimeout(resolve, JUST_WRITTEN_MS + 60));
  await office.run(ALLOWED);
  const last = await office.run(ALLOWED);
  assert.equal(last.outcomes.length, open.length, describe(last));
}
