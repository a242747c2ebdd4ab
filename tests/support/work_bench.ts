/**
 * Carries out single pieces of work on two real roots, with a record that only
 * listens.
 *
 * @module
 */
import { applyPlan } from "../../lib/apply_plan.ts";
import { bringBack, type RestoreContext } from "../../lib/command_restore.ts";
import { filesHere } from "../../lib/files_handlers.ts";
import type { Traits } from "../../lib/metadata.ts";
import type { Root } from "../../lib/root_files.ts";
import type { Action, RecordChange, Work } from "../../lib/plan_types.ts";
import type { Outcome } from "../../lib/run_types.ts";
import {
  type Both,
  both,
  type FileRow,
  type Move,
  otherSide,
  type Side,
  SIDES,
} from "../../lib/types.ts";
import { SharedState, type WireRoot } from "../../lib/wire_messages.ts";
import type { Files } from "../../lib/wire_port.ts";
import { ActingThreads } from "./files_threads.ts";
import { TwoRoots } from "./two_roots.ts";

/** A kind of work. */
type WorkOf<K extends Work["kind"]> = Work & { readonly kind: K };

/** A root as the files' world is told of it. */
function wireOf({ traits, self }: Root): WireRoot {
  const { dev, ino } = self!;
  return { traits, self: { dev, ino }, refusedNames: null };
}

/** Two roots and an executor. */
export class Bench extends TwoRoots {
  /** What the record was told, in order. */
  readonly changes: RecordChange[] = [];
  /** Outcomes, in the order in which they were told. */
  readonly told: Outcome[] = [];
  /** Called whenever the record is told something. */
  onApply: (changes: readonly RecordChange[]) => void = () => {};
  /** Called with each outcome. */
  onOutcome: (outcome: Outcome) => void = () => {};
  /** Called with each rename that is written down before its first step. */
  onMove: (move: Move) => void = () => {};
  /** What a call takes, in ms. */
  callMs = 0;
  /** How many threads act. */
  threads = 1;
  /** The stop and the counters of the run. */
  readonly shared = new SharedState();
  /** What answers for the roots. */
  files: Files;
  #threads: ActingThreads | null = null;

  /** @param traits Of both roots, where they are not plain. */
  constructor(traits: Partial<Traits> = {}) {
    super(traits);
    this.files = filesHere(this.paths, this.shared);
    for (const side of SIDES) this.identify(side, idOf(side));
  }

  /** Absolute paths of both roots. */
  get paths(): Both<string> {
    return { left: this.left.path, right: this.right.path };
  }

  /** Gives a root an id; null: it shows none any more. */
  identify(side: Side, id: string | null): void {
    const file = `${this[side].path}/.office-sync/root.json`;
    if (id === null) Deno.removeSync(file);
    else Deno.writeTextFileSync(file, JSON.stringify({ id }));
  }

  /** Carries out actions. */
  run(actions: readonly Action[]): Promise<readonly Outcome[]> {
    return applyPlan(actions, {
      files: this.files,
      wire: both((side) => wireOf(this[side])),
      ids: both(idOf),
      owner: { pair: "pair", run: "run" },
      startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      record: {
        apply: (changes) => {
          this.onApply(changes);
          this.changes.push(...changes);
        },
        noteMove: (move) => this.onMove(move),
      },
      callMs: this.callMs,
      onOutcome: (outcome) => {
        this.told.push(outcome);
        this.onOutcome(outcome);
      },
      checkpoint: () => Promise.try(() => this.shared.checkpoint()),
      threadsFor: () => this.threads,
    });
  }

  /**
   * Has threads act, in batches that are small.
   *
   * @param count How many threads.
   */
  useThreads(count: number): ActingThreads {
    this.threads = 20;
    const threads = new ActingThreads(this.paths, this.shared, count);
    this.files = threads;
    this.#threads = threads;
    return threads;
  }

  /** Ends threads, and removes everything. */
  override [Symbol.dispose](): void {
    this.#threads?.[Symbol.dispose]();
    super[Symbol.dispose]();
  }

  /** Without what tells who a root is. */
  override names(side: Side): string[] {
    return super.names(side).filter((it) => it !== ".office-sync/root.json");
  }

  /** Carries out works, none of which needs another: kind and detail. */
  async do(...works: readonly Work[]): Promise<string[]> {
    const outcomes = await this.run(works.map((work) => action(work)));
    return outcomes.map(({ kind, detail }) =>
      detail === null ? kind : `${kind}: ${detail}`
    );
  }

  /** The rows that were written, by path. */
  rows(): Record<string, FileRow> {
    const puts = this.changes.filter((change) => change.kind === "put");
    return Object.fromEntries(puts.map(({ row }) => [row.path, row]));
  }

  /** A copy of what is there now, over what is there now. */
  copy(path: string, how: Partial<WorkOf<"copy">> = {}): WorkOf<"copy"> {
    const from = how.from ?? "left";
    const to = otherSide(from);
    return {
      kind: "copy",
      from,
      path,
      source: how.source ?? this.seen(from, path),
      softDeleted: null,
      target: this.#isThere(to, path) ? this.seen(to, path) : null,
      mode: null,
      fate: "destroy",
      clashPath: null,
      isDoubtful: false,
      keepsHash: false,
      rowPath: null,
      ...how,
    };
  }

  /** The removal of a file of Right. */
  remove(path: string, how: Partial<WorkOf<"remove">> = {}): WorkOf<"remove"> {
    const metadata = this.seen("right", path);
    const base = { on: "right", fate: "soft-delete", rowPath: path } as const;
    return { kind: "remove", path, metadata, ...base, ...how };
  }

  /** A rename of Right's file, as Left's has been renamed. */
  rename(
    from: string,
    to: string,
    how: Partial<WorkOf<"rename">> = {},
  ): WorkOf<"rename"> {
    const metadata = this.seen("right", from);
    const other = this.seen("left", to);
    const half = { ...metadata, isFresh: false };
    return {
      kind: "rename",
      on: "right",
      from,
      to,
      metadata,
      other: { path: to, metadata: other },
      mtimeMs: null,
      mode: null,
      row: {
        path: to,
        left: { ...other, isFresh: false },
        right: half,
        hash: null,
      },
      rowPath: from,
      keepsHalves: false,
      ...how,
    };
  }

  /** A clash copy of Left's version, which is the older one. */
  clash(
    path: string,
    clashPath: string,
    how: Partial<WorkOf<"clash">> = {},
  ): WorkOf<"clash"> {
    return {
      kind: "clash",
      from: "left",
      path,
      clashPath,
      metadata: this.seen("left", path),
      existing: { left: null, right: null },
      winner: this.#isThere("right", path) ? this.seen("right", path) : null,
      leaves: false,
      keepsHash: false,
      rowPath: null,
      ...how,
    };
  }

  /** Not by way of the root, which trusts its folders for a moment then. */
  #isThere(side: Side, path: string): boolean {
    try {
      return Deno.lstatSync(this[side].absolute(path)).isFile;
    } catch {
      return false;
    }
  }
}

/** The id of a root. */
function idOf(side: Side): string {
  return (side === "left" ? "a" : "b").repeat(36);
}

/**
 * Brings soft-deleted versions back.
 *
 * @param from The side that they lie on, by a run of 2024.
 * @param paths The paths that they had.
 * @param how What is not as usual.
 */
export function bring(
  at: TwoRoots,
  from: Side,
  paths: readonly string[],
  how: Partial<RestoreContext> & { readonly shared?: SharedState } = {},
): ReturnType<typeof bringBack> {
  const name = "20240101-000000-pair";
  const timeMs = Date.UTC(2024, 0, 1);
  const folder = `.office-sync/deleted/${name}`;
  const versions = paths.map((path) => ({
    side: from,
    path,
    runId: null,
    isReplaced: false,
    run: { name, path: folder, pair: "pair", timeMs },
    softDeletedPath: `${folder}/${path}`,
    metadata: at.seen(from, `${folder}/${path}`),
  }));
  const places = { left: at.left.path, right: at.right.path };
  return bringBack(versions, {
    files: filesHere(places, how.shared),
    wire: both((side) => wireOf(at[side])),
    ids: { left: null, right: null },
    owner: { pair: "pair", run: "run" },
    startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    callMs: 0,
    to: SIDES,
    isForced: false,
    onOutcome() {},
    checkpoint: () => Promise.resolve(),
    ...how,
  });
}

/**
 * Work as an action of a plan.
 *
 * @param work The work.
 * @param needs Positions of what it builds on.
 */
export function action(work: Work, needs: readonly number[] = []): Action {
  const path = "path" in work ? work.path : "from" in work ? work.from : "";
  return {
    name: "NOOP",
    path,
    newPath: null,
    rule: null,
    side: null,
    reason: "test",
    bytes: null,
    files: null,
    work,
    needs,
    conflict: null,
  };
}
