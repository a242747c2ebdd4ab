/**
 * A record in memory that takes changes and is strict about them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isStill, type Traits } from "../../lib/metadata.ts";
import { folderOf, isWithin, keyOf } from "../../lib/paths.ts";
import {
  type Action,
  halfOf,
  type Plan,
  type RecordChange,
  type Work,
} from "../../lib/plan_types.ts";
import {
  type Both,
  type FileRow,
  type Metadata,
  otherSide,
  type RecordedHalf,
  type Side,
  SIDES,
} from "../../lib/types.ts";
import {
  acts,
  decided,
  type FakeFile,
  type FakeFolder,
  type FakeProblem,
  file,
  folder,
  foldersOf,
  hashOf,
  lines,
  metadataOf,
  mirror,
  mirroredUnordered,
  type Options,
  type RecordTree,
  recordView,
  type SideTree,
  type Situation,
  told,
  unordered,
} from "./literal_plans.ts";

/** Rows and folders, as they change while a plan is carried out. */
export class FakeRecord {
  readonly #rows = new Map<string, FileRow>();
  /** Whether both sides agree on a folder, by its path. */
  readonly #folders = new Map<string, boolean>();
  readonly #written = new Map<string, FileRow>();

  constructor(literals: RecordTree) {
    const { directories, filesIn } = recordView(literals);
    for (const { path, isAgreed } of directories.values()) {
      if (path !== "") this.#folders.set(path, isAgreed);
      for (const it of filesIn(path)) this.#rows.set(it.path, it);
    }
  }

  /** A run begins. */
  begin(): void {
    this.#written.clear();
  }

  /** A run ends: folders that hold nothing any more are dropped. */
  end(): void {
    for (const [path, isAgreed] of [...this.#folders].reverse()) {
      const holds = [...this.#rows.keys(), ...this.#folders.keys()]
        .some((it) => it !== path && isWithin(it, path));
      if (!isAgreed && !holds) this.#folders.delete(path);
    }
  }

  rows(): FileRow[] {
    return [...this.#rows.values()];
  }

  /** A row that was written since the run began. */
  writtenAt(path: string | null): FileRow | null {
    return path === null ? null : this.#written.get(path) ?? null;
  }

  /** Writes a row; the one that stood for the path until now goes. */
  put(row: FileRow, rowPath: string | null): void {
    if (rowPath !== null) this.forget(rowPath);
    this.#rows.set(row.path, row);
    this.#written.set(row.path, row);
    for (let at = folderOf(row.path); at !== ""; at = folderOf(at)) {
      if (!this.#folders.has(at)) this.#folders.set(at, false);
    }
  }

  forget(path: string): void {
    assert.ok(this.#rows.delete(path), `${path} is recorded`);
  }

  agree(folder: string): void {
    this.#folders.set(folder, true);
  }

  disagree(folder: string): void {
    assert.ok(this.#folders.has(folder), `${folder} is recorded`);
    this.#folders.set(folder, false);
  }

  moveFolder(from: string, to: string): void {
    assert.ok(this.#folders.has(from), `${from} is recorded`);
    move(this.#folders, from, to);
    for (const [path, row] of move(this.#rows, from, to)) {
      this.#rows.set(path, { ...row, path });
    }
  }

  /** The record as literals, without contents. */
  literals(): RecordTree {
    const folders = [...this.#folders].map(([path, isAgreed]) =>
      [path, folder({ isAgreed })] as const
    );
    const rows = this.rows().map(({ path, left, right, hash }) => {
      const halves = { left: literalOf(left), right: literalOf(right) };
      return [path, { kind: "row", ...halves, hash }] as const;
    });
    return Object.fromEntries([...folders, ...rows]);
  }
}

function literalOf(half: RecordedHalf): FakeFile {
  const { sizeBytes, mtimeMs, mode, id, isFresh } = half;
  const ino = id?.ino ?? null;
  return file("", { sizeBytes, mtimeMs, mode, ino, isFresh });
}

/** Moves a folder and all below it; gives what was moved. */
export function move<T>(
  entries: Map<string, T>,
  from: string,
  to: string,
): Map<string, T> {
  const moved = new Map<string, T>();
  for (const [path, it] of [...entries]) {
    if (!isWithin(path, from)) continue;
    entries.delete(path);
    moved.set(to + path.slice(from.length), it);
  }
  for (const [path, it] of moved) entries.set(path, it);
  return moved;
}

// One side in memory: its entries by path, and a strict look at them.

type Entry = FakeFile | FakeFolder | FakeProblem;

/** Everything that stands on a side. */
export class FakeSide {
  readonly #side: Side;
  readonly #entries = new Map<string, Entry>();
  readonly #traits: Partial<Traits>;

  constructor(side: Side, tree: SideTree, traits: Partial<Traits>) {
    this.#side = side;
    this.#traits = traits;
    for (const path of foldersOf(tree)) this.#entries.set(path, folder());
    for (const [path, it] of Object.entries(tree)) this.#entries.set(path, it);
    this.#entries.delete("");
  }

  /** All of it as literals. */
  literals(): SideTree {
    return Object.fromEntries(this.#entries);
  }

  get(path: string): Entry | null {
    return this.#entries.get(path) ?? null;
  }

  /** The file at a path, which must be what was seen. */
  file(path: string, seen: Metadata): FakeFile {
    const found = this.get(path);
    assert.ok(found?.kind === "file", `a file is at ${this.#side}/${path}`);
    const isAsSeen = isStill(seen, metadataOf(found));
    assert.ok(isAsSeen, `${this.#side}/${path} is as seen`);
    return found;
  }

  /** Makes sure that a folder is at a path. */
  folder(path: string): void {
    const { kind } = this.get(path) ?? {};
    assert.equal(kind, "folder", `a folder is at ${this.#side}/${path}`);
  }

  /** Makes sure that a path can be taken. */
  free(path: string): void {
    const parent = folderOf(path);
    if (parent !== "") this.folder(parent);
    for (const other of this.#entries.keys()) {
      const isTaken = this.#isSamePlace(other, path);
      assert.ok(!isTaken, `${this.#side}/${path} is free`);
    }
  }

  /** Makes sure that there is nothing in a folder. */
  empty(path: string): void {
    const within = [...this.#entries.keys()].filter((it) =>
      it !== path && isWithin(it, path)
    );
    assert.deepEqual(within, [], `${this.#side}/${path} is empty`);
  }

  put(path: string, entry: Entry): void {
    this.#entries.set(path, entry);
  }

  remove(path: string): void {
    assert.ok(this.#entries.delete(path));
  }

  /** Gives a new name, which must be free or another spelling. */
  rename(from: string, to: string): void {
    if (!this.#isSamePlace(from, to)) this.free(to);
    move(this.#entries, from, to);
  }

  #isSamePlace(a: string, b: string): boolean {
    const { ignoresCase = false, ignoresNormalForm = false } = this.#traits;
    const folding = { ignoresCase, ignoresNormalForm };
    return keyOf(a, folding) === keyOf(b, folding);
  }
}

// Carries out plans on literals and is strict about it: nothing may be taken that is not free, read that is not as it was seen, or recorded that is not so. A test that decides and carries out sees whether both sides agree.

type WorkOf<K extends Work["kind"]> = Work & { readonly kind: K };

/** Content that is nowhere any more. */
export interface Lost {
  readonly content: string;
  readonly action: Action;
}

/** Both sides and the record, as they change while a plan is carried out. */
export class FakeDisk {
  /** Contents in soft delete. */
  readonly softDeleted: string[] = [];
  /** Contents that were replaced or removed for good. */
  readonly lost: Lost[] = [];
  readonly #sides: Both<FakeSide>;
  readonly #record: FakeRecord;
  #nextIno = 1_000_000;

  constructor(situation: Situation, options: Options = {}) {
    const side = (side: Side) =>
      new FakeSide(side, situation[side], options.traits?.[side] ?? {});
    this.#sides = { left: side("left"), right: side("right") };
    this.#record = new FakeRecord(situation.record);
  }

  /**
   * Carries out a plan.
   *
   * @param plan The plan.
   * @param fails Whether an action is not done, for whatever reason.
   * @returns How many actions were done.
   */
  carryOut(
    plan: Plan,
    fails: (index: number) => boolean = () => false,
  ): number {
    const done = new Set<number>();
    this.#record.begin();
    for (const [index, action] of plan.actions.entries()) {
      assert.ok(action.needs.every((need) => need < index), "needs come first");
      const isReady = action.needs.every((need) => done.has(need));
      if (fails(index) || !isReady) continue;
      try {
        this.#act(action);
      } catch (cause) {
        const steps = plan.actions.map((it, at) =>
          `${at}. ${told(it)} needs ${JSON.stringify(it.needs)}`
        );
        const why = (cause as Error).message;
        throw new Error(`${told(action)}: ${why}\n${steps.join("\n")}`, {
          cause,
        });
      }
      done.add(index);
    }
    this.#record.end();
    return done.size;
  }

  /** What there is now. */
  situation(): Situation {
    return {
      record: this.#record.literals(),
      left: this.#sides.left.literals(),
      right: this.#sides.right.literals(),
    };
  }

  /** Files and folders of a side: path → content and mtime. */
  tree(side: Side): Record<string, string> {
    const entries = Object.entries(this.#sides[side].literals()).sort();
    return Object.fromEntries(entries.map(([path, it]) => [
      path,
      it.kind === "file" ? `${it.content} @${it.mtimeMs}` : it.kind,
    ]));
  }

  /** Contents of all files of both sides. */
  contents(): Set<string> {
    const files = SIDES.flatMap((side) =>
      Object.values(this.#sides[side].literals())
    );
    return new Set(
      files.flatMap((it) => it.kind === "file" ? [it.content] : []),
    );
  }

  /** Contents of before that are nowhere, and that no edit replaced. */
  lostOf(before: Situation): string[] {
    const after = this.contents();
    const files = SIDES.flatMap((side) => Object.values(before[side]));
    return files.flatMap((it) => it.kind === "file" ? [it.content] : [])
      .filter((content) => {
        if (after.has(content) || this.softDeleted.includes(content)) {
          return false;
        }
        const lost = this.lost.filter((it) => it.content === content);
        return lost.length === 0 ||
          lost.some(({ action: { rule } }) => rule !== "5.3" && rule !== "5.4");
      });
  }

  /** Rows that claim an agreement that is none. */
  falseRows(): string[] {
    return this.#record.rows().filter((row) => {
      const [left, right] = SIDES.map((side) =>
        this.#sides[side].get(row.path)
      );
      if (left?.kind !== "file" || right?.kind !== "file") return false;
      return isAsRecorded(row.left, left) && isAsRecorded(row.right, right) &&
        left.content !== right.content;
    }).map(({ path }) => path);
  }

  #act(action: Action): void {
    const { work } = action;
    switch (work.kind) {
      case "copy":
        return this.#copy(action, work);
      case "remove": {
        const { on, path, metadata } = work;
        const gone = this.#sides[on].file(path, metadata);
        assert.notEqual(this.#sides[otherSide(on)].get(path)?.kind, "file");
        this.#sides[on].remove(path);
        this.#drop(gone, work.fate, action);
        return this.#record.forget(work.rowPath);
      }
      case "clash":
        return this.#clash(work);
      case "rename":
        return this.#rename(work);
      case "rename-directory": {
        this.#sides[work.on].folder(work.from);
        this.#sides[work.on].rename(work.from, work.to);
        return work.rowPath === null
          ? this.#change({
            kind: "put-directory",
            path: work.to,
            isMount: NONE,
            id: NO_IDS,
          })
          : this.#change({
            kind: "move-directory",
            from: work.rowPath,
            to: work.to,
          });
      }
      case "create-directory":
        this.#sides[otherSide(work.on)].folder(work.path);
        this.#sides[work.on].free(work.path);
        this.#sides[work.on].put(work.path, folder());
        return this.#change({
          kind: "put-directory",
          path: work.path,
          isMount: NONE,
          id: NO_IDS,
        });
      case "remove-directory": {
        const { on, path } = work;
        this.#sides[on].folder(path);
        assert.notEqual(this.#sides[otherSide(on)].get(path)?.kind, "folder");
        this.#sides[on].empty(path);
        this.#sides[on].remove(path);
        return this.#change({ kind: "forget-directory", path: work.rowPath });
      }
      case "record":
        return this.#change(work.change);
      case "none":
        return;
    }
  }

  #copy(action: Action, work: WorkOf<"copy">): void {
    const { from, path } = work;
    const to = otherSide(from);
    const source = this.#sides[from].file(path, work.source);
    let mode = work.mode ?? source.mode;
    if (work.target === null) this.#sides[to].free(path);
    else {
      const replaced = this.#sides[to].file(path, work.target);
      mode = work.mode ?? replaced.mode;
      this.#sides[to].remove(path);
      this.#drop(replaced, work.fate, action);
    }
    this.#sides[to].put(path, this.#another(source, mode));
    const hash = work.keepsHash ? hashOf(source.content) : null;
    this.#putSeen(path, hash, work.rowPath);
  }

  #clash(work: WorkOf<"clash">): void {
    const { from, path, clashPath } = work;
    const version = this.#sides[from].file(path, work.metadata);
    if (work.winner) this.#sides[otherSide(from)].file(path, work.winner);
    for (const side of SIDES) {
      const existing = work.existing[side];
      if (existing) {
        const there = this.#sides[side].file(clashPath, existing);
        assert.equal(there.content, version.content);
      } else {
        this.#sides[side].free(clashPath);
        const copy = this.#another(version, version.mode);
        this.#sides[side].put(clashPath, copy);
      }
    }
    const hash = work.keepsHash ? hashOf(version.content) : null;
    this.#putSeen(clashPath, hash, null);
    if (!work.leaves) return;
    this.#sides[from].remove(path);
    if (work.rowPath !== null) this.#record.forget(work.rowPath);
  }

  #rename(work: WorkOf<"rename">): void {
    const { on, from, to } = work;
    const found = this.#sides[on].file(from, work.metadata);
    if (work.other) {
      this.#sides[otherSide(on)].file(work.other.path, work.other.metadata);
    }
    if (from !== to) this.#sides[on].rename(from, to);
    const mtimeMs = work.mtimeMs ?? found.mtimeMs;
    const renamed = { ...found, mtimeMs, mode: work.mode ?? found.mode };
    this.#sides[on].put(to, renamed);
    if (work.row === null) return;
    const known = this.#record.writtenAt(work.rowPath) ?? work.row;
    const half = halfOf(metadataOf(renamed), false);
    const halves = work.keepsHalves ? {} : { [on]: half };
    this.#record.put({ ...known, ...halves, path: to }, work.rowPath);
  }

  #change(change: RecordChange): void {
    switch (change.kind) {
      case "put": {
        const { row, rowPath } = change;
        for (const side of SIDES) this.#sides[side].file(row.path, row[side]);
        return this.#record.put(row, rowPath);
      }
      case "forget":
        return this.#record.forget(change.path);
      case "put-directory":
        for (const side of SIDES) this.#sides[side].folder(change.path);
        return this.#record.agree(change.path);
      case "forget-directory":
        return this.#record.disagree(change.path);
      case "move-directory":
        return this.#record.moveFolder(change.from, change.to);
    }
  }

  #putSeen(path: string, hash: string | null, rowPath: string | null): void {
    const half = (side: Side) => {
      const it = this.#sides[side].get(path);
      assert.ok(it?.kind === "file");
      return halfOf(metadataOf(it), false);
    };
    const [left, right] = [half("left"), half("right")];
    this.#record.put({ path, left, right, hash }, rowPath);
  }

  #drop(gone: FakeFile, fate: "soft-delete" | "destroy", action: Action): void {
    if (fate === "soft-delete") this.softDeleted.push(gone.content);
    else this.lost.push({ content: gone.content, action });
  }

  /** A file of its own with the same content. */
  #another(source: FakeFile, mode: number): FakeFile {
    return {
      ...source,
      mode,
      ino: source.ino === null ? null : this.#nextIno++,
    };
  }
}

const NONE = { left: false, right: false };
const NO_IDS = { left: null, right: null };

function isAsRecorded(half: RecordedHalf, now: FakeFile): boolean {
  const { sizeBytes, mtimeMs, id } = half;
  return sizeBytes === now.sizeBytes && mtimeMs === now.mtimeMs &&
    (id?.ino ?? null) === now.ino && !half.isFresh;
}

// A table of situations with the plan that each must lead to. Every row is decided, carried out, decided again, and seen in a mirror.

/** A situation and what must come of it. */
export interface PlanRow {
  /** A sentence of the contract. */
  readonly it: string;
  readonly record?: RecordTree;
  readonly left?: SideTree;
  readonly right?: SideTree;
  readonly options?: Options;
  /** What happens on disk or stays open, in order. */
  readonly acts: readonly string[];
  /** What only the record learns, in order. */
  readonly records?: readonly string[];
  /** What is read. */
  readonly asked?: readonly string[];
  /** `left/a.txt: unreadable`, ignored paths apart. */
  readonly problems?: readonly string[];
  /** Left wins because neither side is newer: no mirror. */
  readonly isTie?: boolean;
  /** Times differ between the sides, and stay so. */
  readonly keepsTimes?: boolean;
  /** What a second run finds, where that is something. */
  readonly again?: readonly string[];
}

/** Makes a test of each row. */
export function testRows(rows: readonly PlanRow[]): void {
  for (const row of rows) Deno.test(`decide() ${row.it}`, () => check(row));
}

function check(row: PlanRow): void {
  const it = situationOf(row);
  const { plan, asked } = decided(it, row.options);
  assert.deepEqual(acts(plan), row.acts);
  if (row.records) {
    const records = lines(plan).filter((line) => line.startsWith("record "));
    assert.deepEqual(records.sort(), [...row.records].sort());
  }
  if (row.asked) assert.deepEqual(asked, row.asked);
  const problems = plan.problems.filter(({ kind }) => kind !== "ignored")
    .map(({ side, path, kind }) => `${side}/${path}: ${kind}`);
  assert.deepEqual(problems, row.problems ?? []);
  checkEnd(it, plan, row);
  if (row.isTie) return;
  const mirrored = decided(mirror(it), mirror(row.options)).plan;
  assert.deepEqual(unordered(mirrored), mirroredUnordered(plan), "mirrored");
}

/** A row as a situation. */
export function situationOf(row: Partial<Situation>): Situation {
  const { record = {}, left = {}, right = {} } = row;
  return { record, left, right };
}

/** The plan can be carried out, and a second run finds nothing. */
function checkEnd(it: Situation, plan: Plan, row: PlanRow): void {
  const disk = new FakeDisk(it, row.options);
  disk.carryOut(plan);
  assert.deepEqual(disk.falseRows(), []);
  const again = decided(disk.situation(), row.options).plan;
  const open = plan.actions.filter(({ work }) => work.kind === "none");
  assert.deepEqual(lines(again), row.again ?? open.map(told), "again");
  const isLeft = open.length + plan.problems.length + plan.waiting.length > 0;
  if (isLeft || row.keepsTimes) return;
  assert.deepEqual(disk.tree("left"), disk.tree("right"), "both sides agree");
}
