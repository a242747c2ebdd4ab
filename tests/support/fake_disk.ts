/**
 * Carries out plans on literals and is strict about it: nothing may be taken
 * that is not free, read that is not as it was seen, or recorded that is not
 * so. A test that decides and carries out sees whether both sides agree.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type Action,
  halfOf,
  type Plan,
  type RecordChange,
  type Work,
} from "../../lib/plan_types.ts";
import {
  type Both,
  otherSide,
  type RecordedHalf,
  type Side,
  SIDES,
} from "../../lib/types.ts";
import type { Options } from "./fake_merge.ts";
import { told } from "./fake_plan.ts";
import { FakeRecord } from "./fake_record.ts";
import { FakeSide } from "./fake_side.ts";
import {
  type FakeFile,
  folder,
  hashOf,
  metadataOf,
  type Situation,
} from "./fake_tree.ts";

type WorkOf<K extends Work["kind"]> = Work & { readonly kind: K };

/** Content that is nowhere any more. */
export interface Lost {
  readonly content: string;
  readonly action: Action;
}

/** Both sides and the record, as they change while a plan is carried out. */
export class FakeDisk {
  /** Contents in soft delete. */
  readonly kept: string[] = [];
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
        if (after.has(content) || this.kept.includes(content)) return false;
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
    if (fate === "soft-delete") this.kept.push(gone.content);
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
