/**
 * Carries out a plan: cuts it into batches, has the files' world carry them
 * out, and brings what was really done to the record, once it is certain to be
 * on disk.
 *
 * Folders that are made, renamed or removed are steps of their own: a step
 * begins when all before it is recorded. In a step, what builds on one another
 * is a group, which one batch takes whole; batches go to as many threads as
 * are worth it, in any order.
 *
 * @module
 */
import { GuardError, InterruptedError } from "./errors.ts";
import { movingName, type TemporaryOwner } from "./names.ts";
import { folderOf, joinPath } from "./paths.ts";
import {
  type Action,
  afterRenames,
  type RecordChange,
  type Work,
} from "./plan_types.ts";
import type { Outcome } from "./run_types.ts";
import { errorKind, Skipped, WENT_AWAY } from "./system.ts";
import {
  type Both,
  both,
  type Checkpoint,
  type FileRow,
  type Metadata,
  type Move,
  otherSide,
  type OutcomeKind,
  type Side,
  SIDES,
} from "./types.ts";
import {
  type ActBatch,
  type ActOrder,
  type ActReply,
  type Became,
  type CopyTask,
  errorFromWire,
  type FilesWork,
  type Made,
  type NewFolder,
  packCopies,
  rowOf,
  unpackMade,
  type WireRoot,
} from "./wire_messages.ts";
import { askBoth, type Files, ThreadLost } from "./wire_port.ts";

/** What carrying out a plan needs. */
export interface ApplyContext {
  readonly files: Files;
  /** The roots, as the files' world is told of them. */
  readonly wire: Both<WireRoot>;
  /** The ids that both have to show still; null: any will do. */
  readonly ids: Both<string | null>;
  /** Names the pair of roots and the run in temporary names. */
  readonly owner: TemporaryOwner;
  /** In ms since 1970. */
  readonly startedAtMs: number;
  readonly record: {
    /** Writes changes in one transaction. */
    apply(changes: readonly RecordChange[]): void;
    /** Writes a rename down before its first step. */
    noteMove(move: Move): void;
  };
  /** What a call takes on the slower side at least, in ms. */
  readonly callMs: number;
  /** How many threads act; left out: as many as are worth it. */
  readonly threadsFor?: typeof threadsFor;
  /** Told of each outcome as soon as it is certain. */
  onOutcome(outcome: Outcome): void;
  /** Told of what a name may measure where longer ones were refused. */
  onRefusedNames?(side: Side, bytes: number): void;
  readonly checkpoint: Checkpoint;
}

/**
 * Carries out the actions of a plan.
 *
 * @param actions In order.
 * @returns Their outcomes, in the same order; without those that a signal left
 *   for the next run.
 */
export function applyPlan(
  actions: readonly Action[],
  context: ApplyContext,
): Promise<readonly Outcome[]> {
  return new Applying(actions, context).run();
}

/** A call that takes longer is one that waits for a network, in ms. */
const SLOW_MS = 1;

/** What an action waits for at least: so many calls, more or less. */
const CALLS = 8;

/** So much waiting is worth so many threads, in ms. */
const WAITING: readonly (readonly [ms: number, threads: number])[] = [
  [1000, 8],
  [200, 4],
];

/** So many copies take longer than a thread to start. */
const MANY_COPIES = 400;

/** Files up to this are small, in bytes: a large one keeps a disk busy. */
const SMALL_BYTES = 1024 * 1024;

/**
 * How many threads are worth it. Where each call waits for a network, they
 * wait side by side; elsewhere they share the cores with the run itself.
 *
 * @param callMs What a call takes on the slower side at least, in ms.
 * @param actions How many actions there are.
 * @param copies How many of them are copies of small files.
 */
export function threadsFor(
  callMs: number,
  actions: number,
  copies: number,
): number {
  if (callMs >= SLOW_MS) {
    const waitMs = callMs * CALLS * actions;
    const worth = WAITING.find(([least]) => waitMs >= least)?.[1] ?? 1;
    return Math.max(1, Math.min(worth, actions));
  }
  if (copies < MANY_COPIES) return 1;
  return Math.min(4, Math.max(2, navigator.hardwareConcurrency));
}

/** Limits of a batch; a larger file is a batch of its own. */
const BATCH_ACTIONS = 256;
const BATCH_BYTES = 32 * 1024 * 1024;

/** A batch ends so long after it began, in ms. */
const BATCH_MS = 50;

/**
 * Where each call waits, it takes the time of so many calls: looks at the roots
 * and flushes of folders, which each batch takes, are to be few among them.
 */
const BATCH_CALLS = 100;

/** Where several threads act, a batch is to be worth the way at least. */
const LEAST_ACTIONS = 16;

/** From here on a batch ends with a folder: threads then rarely meet there. */
const FOLDER_ACTIONS = 64;

/** So many files of a folder are worth more than the folder costs. */
const LEAST_FILL = 4;

/** Batches per thread that are under way: one is made, one waits. */
const AHEAD = 2;

/**
 * Pauses of a run before it tries again what was busy, in ms: one for all of
 * it, as there may be hundreds of files that a program has open.
 */
const BACK_OFF_MS = [50, 200, 600];

/** No more tries are begun so long after the first pause began, in ms. */
const PATIENCE_MS = 3000;

/**
 * Changes wait for the record until there are so many, or for so long, in ms:
 * it takes a disk a while, and on a share many batches are small.
 */
const MOST_UNRECORDED = 256;
const RECORD_MS = 100;

/** What became of an action: one of these. */
interface ActionResult {
  readonly done?: Done;
  /** Why it was left; null: there was nothing to do. */
  readonly skipped?: string | null;
  readonly failed?: Failure;
}

/** What was thrown, and why, in words. */
interface Failure {
  readonly error: unknown;
  readonly why: string;
}

type Done = Omit<Became & { readonly kind: "done" }, "kind">;

/** Who carries out an action, and what has to be recorded before. */
type Step = "folders" | "files" | "record";

/** Actions that build on one another, by position in the plan, in order. */
type Group = readonly number[];

/** What is handed out at once. */
interface Batch {
  readonly groups: Group[];
  /** Positions in the plan, of all. */
  readonly all: number[];
  /** Those of copies that go in columns. */
  readonly copies: number[];
  /** All others. */
  readonly orders: ActOrder[];
}

/** One plan that is being carried out. */
class Applying {
  readonly #actions: readonly Action[];
  readonly #context: ApplyContext;
  /** How many threads are worth it. */
  readonly #threads: number;
  readonly #outcomes: Outcome[] = [];
  /** What is done and not recorded yet, and what is not told before that. */
  #unrecorded: RecordChange[] = [];
  #untold: Outcome[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of temporary names: each action has its own. */
  readonly #firstNumber: number;
  /** Rows that later actions build on. */
  readonly #written = new Map<string, FileRow>();
  /** What renames copied to other disks, by side and path. */
  readonly #crossed = new Map<string, Metadata>();
  /** Marks of the names in the middle of renames in two steps, by position. */
  readonly #marks = new Map<number, string>();
  /** Folders whose renames are written down, by position. */
  readonly #noted = new Set<number>();
  /** Disks without room: a root may hold several. */
  readonly #full = new Set<string>();
  readonly #refusedNames: { [S in Side]: number | null };
  /**
   * By position, what comes again when all others had their turn: what was
   * thrown; null where it waits for another one that was busy.
   */
  readonly #postponed = new Map<number, Failure | null>();
  /** Folders that are there for what goes into them, by side and path. */
  readonly #newFolders = new Map<string, NewFolder>();
  /** Copies that could not be put in place yet, by position. */
  readonly #copied = new Map<number, Made>();
  #isStopped = false;
  /** A root is not there any more: each call might wait for it in vain. */
  #isAway = false;

  constructor(actions: readonly Action[], context: ApplyContext) {
    this.#actions = actions;
    this.#context = context;
    this.#refusedNames = both((side) => context.wire[side].refusedNames);
    const works = actions.map(({ work }) => work)
      .filter((work) => stepOf(work) !== "record");
    const copies = works.filter((work) =>
      work.kind === "copy" && work.source.sizeBytes <= SMALL_BYTES
    );
    const count = context.threadsFor ?? threadsFor;
    this.#firstNumber = context.files.shared.takeNumbers(actions.length);
    this.#threads = count(context.callMs, works.length, copies.length);
    // The first one comes when it is asked for something.
    if (this.#threads > 1) context.files.grow(this.#threads);
  }

  async run(): Promise<readonly Outcome[]> {
    try {
      await this.#rounds();
      this.#record();
    } finally {
      clearTimeout(this.#timer);
    }
    await this.#dropCopied();
    // What was not come to has left holes.
    return this.#outcomes.filter(() => true);
  }

  async #rounds(): Promise<void> {
    await this.#round([...this.#actions.keys()]);
    const end = performance.now() + PATIENCE_MS;
    for (const pauseMs of BACK_OFF_MS) {
      if (this.#isStopped || this.#postponed.size === 0) return;
      if (performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await this.#round(this.#inOrder(), end);
    }
    if (this.#isStopped) return;
    for (const index of this.#inOrder()) {
      const failed = this.#postponed.get(index) ?? null;
      this.#postponed.delete(index);
      const skipped = this.#waits(index);
      this.#finish(index, failed === null ? { skipped } : { failed });
    }
  }

  #inOrder(): number[] {
    return [...this.#postponed.keys()].sort((a, b) => a - b);
  }

  /** Drops copies whose places stayed busy. */
  async #dropCopied(): Promise<void> {
    const drops = [...this.#copied].map(([index, { folders = [] }]) => {
      const { from, path } = this.#actions[index]!.work as CopyWork;
      const side = otherSide(from);
      return { side, path, number: this.#numberOf(index), folders };
    });
    if (drops.length === 0) return;
    try {
      const nothing = { copies: packCopies([]), orders: [], fills: [] };
      await this.#ask({ ...nothing, drops });
    } catch (error) {
      // Leftovers of this pair: the next run removes them.
      if (!(error instanceof ThreadLost)) throw error;
    }
  }

  /**
   * Carries out some of the actions, step by step.
   *
   * @param positions Which of them, in order.
   * @param end No busy one is tried again then, by `performance.now()`.
   */
  async #round(positions: readonly number[], end = Infinity): Promise<void> {
    const step = (index: number) => stepOf(this.#actions[index]!.work);
    for (let from = 0; from < positions.length && !this.#isStopped;) {
      const kind = step(positions[from]!);
      let to = from;
      while (to < positions.length && step(positions[to]!) === kind) to++;
      const some = positions.slice(from, to);
      if (kind === "record") await this.#learn(some);
      else {
        // A folder is made before another one in it, and nothing else builds
        // on it in this step.
        const groups = kind === "folders"
          ? some.map((index) => [index])
          : this.#groups(some);
        await this.#carryOut(groups, kind, end);
      }
      from = to;
    }
  }

  /** What the record learns without a change of a file. */
  async #learn(positions: readonly number[]): Promise<void> {
    for (let at = 0; at < positions.length; at += BATCH_ACTIONS) {
      if (await this.#isToStop()) return;
      const learnt: number[] = [];
      const changes: RecordChange[] = [];
      for (const index of positions.slice(at, at + BATCH_ACTIONS)) {
        if (!this.#isReady(index, learnt)) continue;
        const { work, conflict, reason } = this.#actions[index]!;
        if (work.kind === "record") {
          learnt.push(index);
          changes.push(work.change);
        } else {
          const skipped = conflict === null ? null : reason;
          this.#finish(index, { skipped });
        }
      }
      if (learnt.length === 0) continue;
      // What went to another disk must not be recorded.
      const isThere = !this.#isAway && await this.#areThere();
      if (isThere) this.#unrecorded.push(...changes);
      for (const index of learnt) {
        this.#finish(index, isThere ? DONE : { skipped: WENT_AWAY });
      }
      this.#record();
    }
  }

  /** Whether both roots are still the ones that the run began with. */
  async #areThere(): Promise<boolean> {
    const { files, ids } = this.#context;
    try {
      const now = await askBoth(files, "identity", (side) => ({ side }));
      return SIDES.every((side) => now[side]?.id === ids[side]);
    } catch (error) {
      if (!(error instanceof GuardError)) throw error;
      return false;
    }
  }

  /** Actions that build on one another stay together. */
  #groups(positions: readonly number[]): Group[] {
    const groups: number[][] = [];
    const groupOf = new Map<number, number[]>();
    for (const index of positions) {
      const { needs } = this.#actions[index]!;
      const known = new Set(
        needs.map((need) => groupOf.get(need)).filter((it) => it !== undefined),
      );
      const [group = [], ...others] = known;
      if (known.size === 0) groups.push(group);
      for (const other of others) {
        for (const it of other) groupOf.set(it, group);
        group.push(...other.splice(0));
      }
      group.push(index);
      groupOf.set(index, group);
      if (others.length > 0) group.sort((a, b) => a - b);
    }
    return groups.filter(({ length }) => length > 0);
  }

  /** Hands a step's groups out, batch by batch, and takes back what was done. */
  async #carryOut(
    groups: readonly Group[],
    step: Step,
    end: number,
  ): Promise<void> {
    const { files } = this.#context;
    // The next one is its last.
    const queue = groups.toReversed();
    const most = this.#mostOf(groups.length);
    const underWay = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const recordSoon = (): void => {
      if (this.#unrecorded.length >= MOST_UNRECORDED) return this.#record();
      this.#timer ??= setTimeout(() => {
        try {
          this.#record();
        } catch (error) {
          failures.push(error);
        }
      }, RECORD_MS);
    };
    const isOn = () =>
      queue.length > 0 && !this.#isStopped && !this.#isAway &&
      failures.length === 0;
    // Of folders the next batch may build on all before it.
    const ahead = () =>
      step === "folders" ? Math.min(1, files.actors) : AHEAD * files.actors;
    const sendAhead = async (): Promise<void> => {
      while (isOn() && underWay.size < ahead() && !await this.#isToStop()) {
        const batch = this.#next(queue, most, end);
        if (batch === null) break;
        const answered = this.#send(batch, queue)
          .then(recordSoon)
          .catch((error) => void failures.push(error))
          .finally(() => underWay.delete(answered));
        underWay.add(answered);
      }
    };
    for (;;) {
      await sendAhead().catch((error) => void failures.push(error));
      if (underWay.size === 0) break;
      await Promise.race(underWay);
    }
    if (failures.length > 0) throw failures[0];
    for (const index of this.#isStopped ? [] : queue.reverse().flat()) {
      const skipped = this.#isAway ? WENT_AWAY : NO_THREAD;
      if (this.#isReady(index)) this.#finish(index, { skipped });
    }
    // The next step builds on what the record knows by then.
    this.#record();
  }

  /** How many actions a batch may have. */
  #mostOf(groups: number): number {
    if (this.#threads === 1) return BATCH_ACTIONS;
    // Each thread is to get some, and at the end none is to wait for another.
    const share = Math.ceil(groups / AHEAD / this.#threads);
    const least = this.#context.callMs < SLOW_MS ? LEAST_ACTIONS : 1;
    return Math.min(BATCH_ACTIONS, Math.max(least, share));
  }

  /** The next batch; null: there is none. */
  #next(queue: Group[], most: number, end: number): Batch | null {
    const batch: Batch = { groups: [], all: [], copies: [], orders: [] };
    const { groups, all, copies, orders } = batch;
    let bytes = 0;
    for (let group = queue.at(-1); group !== undefined; group = queue.at(-1)) {
      const count = all.length;
      let size = 0;
      for (const index of group) size += this.#bytesOf(index);
      const isFull = count > 0 &&
        (count + group.length > most || bytes + size > BATCH_BYTES ||
          this.#isOtherFolder(groups.at(-1)!, group, count));
      if (isFull) break;
      queue.pop();
      const sent: number[] = [];
      for (const index of group) {
        const isBusy = (this.#postponed.get(index) ?? null) !== null;
        // What waited for one that is done by now has its turn all the same.
        if (isBusy && performance.now() > end) continue;
        if (!this.#isReady(index, all)) continue;
        if (group.length === 1 && this.#isPlain(index)) copies.push(index);
        else orders.push(this.#order(index, all, sent.length === 0));
        sent.push(index);
        all.push(index);
      }
      if (sent.length > 0) groups.push(sent);
      bytes += size;
    }
    return groups.length === 0 ? null : batch;
  }

  #numberOf(index: number): number {
    return this.#firstNumber + index;
  }

  #bytesOf(index: number): number {
    const { work } = this.#actions[index]!;
    if (work.kind === "copy") return work.source.sizeBytes;
    return work.kind === "clash" ? 2 * work.metadata.sizeBytes : 0;
  }

  /** Whether a batch is large enough to end with a folder. */
  #isOtherFolder(last: Group, group: Group, count: number): boolean {
    if (this.#threads === 1 || count < FOLDER_ACTIONS) return false;
    const [a, b] = [last, group].map(([first]) =>
      folderOf(this.#actions[first!]!.path)
    );
    return a !== b;
  }

  /** Whether it is a copy to a new name and nothing else. */
  #isPlain(index: number): boolean {
    const { work } = this.#actions[index]!;
    return work.kind === "copy" && work.target === null &&
      work.softDeleted === null && !this.#copied.has(index);
  }

  /**
   * Whether an action's turn has come; if not, it is postponed, or told.
   *
   * @param together What is handed out with it, before it.
   */
  #isReady(index: number, together: readonly number[] = []): boolean {
    this.#postponed.delete(index);
    const { needs } = this.#actions[index]!;
    if (needs.some((need) => this.#postponed.has(need))) {
      this.#postponed.set(index, null);
      return false;
    }
    const skipped = this.#waits(index, together);
    if (skipped !== null) this.#finish(index, { skipped });
    return skipped === null;
  }

  /** What an action waits for in vain, in words; null: nothing. */
  #waits(index: number, together: readonly number[] = []): string | null {
    const need = this.#actions[index]!.needs.find((it) =>
      this.#outcomes[it]?.kind !== "done" && !together.includes(it)
    );
    return need === undefined ? null : `waits for ${this.#actions[need]?.path}`;
  }

  /**
   * An action as it is ordered.
   *
   * @param before What is in the batch already.
   */
  #order(index: number, before: readonly number[], mayWait: boolean): ActOrder {
    const action = this.#actions[index]!;
    const work = afterRenames(action.work as FilesWork, this.#crossed);
    const builtOn = work.kind === "rename"
      ? work.rowPath
      : work.kind === "copy"
      ? work.clashPath
      : null;
    return {
      at: before.length,
      work,
      needs: action.needs.filter((need) => this.#outcomes[need] === undefined)
        .map((need) => before.indexOf(need)),
      mayWait,
      row: builtOn === null ? null : this.#written.get(builtOn) ?? null,
      mark: this.#marks.get(index) ?? null,
      number: this.#numberOf(index),
      copied: this.#copied.get(index) ?? null,
    };
  }

  async #send(batch: Batch, queue: Group[]): Promise<void> {
    const { all, copies, orders } = batch;
    for (const index of all) this.#noteFolder(index);
    const tasks = copies.map((index) => {
      const work = this.#actions[index]!.work as CopyWork;
      const number = this.#numberOf(index);
      return { ...afterRenames(work, this.#crossed), number };
    });
    let reply: ActReply;
    try {
      const fills = this.#fillsFor(tasks);
      const packed = packCopies(tasks);
      reply = await this.#ask({ copies: packed, orders, fills, drops: [] });
    } catch (error) {
      if (!(error instanceof ThreadLost)) throw error;
      // It may be done, half done, or not: it is for the next run to find out.
      for (const index of all) {
        this.#copied.delete(index);
        this.#finish(index, { failed: { error, why: UNKNOWN } });
      }
      return;
    }
    this.#take(batch, reply, queue);
  }

  /** New folders that are worth being filled aside, each tried once. */
  #fillsFor(tasks: readonly CopyTask[]): NewFolder[] {
    // On a share each call waits, and few put a folder in a folder's place.
    if (this.#context.callMs >= SLOW_MS) return [];
    const counts = new Map<string, number>();
    for (const { from, path } of tasks) {
      const key = `${otherSide(from)}/${folderOf(path)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts].flatMap(([key, count]) => {
      const folder = this.#newFolders.get(key);
      if (folder === undefined || count < LEAST_FILL) return [];
      this.#newFolders.delete(key);
      return [folder];
    });
  }

  /** A new folder is empty until another one is made in it. */
  #noteNew(work: Work, changes: readonly RecordChange[]): void {
    if (work.kind !== "create-directory") return;
    const { on: side, path } = work;
    this.#newFolders.delete(`${side}/${folderOf(path)}`);
    for (const change of changes) {
      const id = change.kind === "put-directory" ? change.id[side] : null;
      if (id) this.#newFolders.set(`${side}/${path}`, { side, path, id });
    }
  }

  /** Both names of a folder are written down before it is renamed. */
  #noteFolder(index: number): void {
    const { work } = this.#actions[index]!;
    if (work.kind !== "rename-directory" || this.#noted.has(index)) return;
    this.#noted.add(index);
    const { on: side, from, to, rowPath } = work;
    // Whoever finds the new one finds its rows by that.
    const move = { side, from: rowPath ?? from, middle: to, to };
    this.#context.record.noteMove(move);
  }

  /** The name in the middle is written down before it is used. */
  #noteMiddle(index: number): void {
    const { work } = this.#actions[index]!;
    if (work.kind !== "rename" && work.kind !== "rename-directory") return;
    const { on: side, from, to } = work;
    const mark = crypto.randomUUID().slice(0, 8);
    const middle = joinPath(folderOf(to), movingName(mark));
    this.#context.record.noteMove({ side, from, middle, to });
    this.#marks.set(index, mark);
  }

  /** Asks for a batch, and learns what it tells besides. */
  async #ask(
    batch: Pick<ActBatch, "copies" | "orders" | "fills" | "drops">,
  ): Promise<ActReply> {
    const { files, wire, ids, owner, startedAtMs, callMs } = this.#context;
    const reply = await files.ask("act", {
      wire: both((side) => ({
        ...wire[side],
        refusedNames: this.#refusedNames[side],
      })),
      ids,
      owner,
      startedAtMs,
      forMs: Math.max(BATCH_MS, BATCH_CALLS * callMs),
      full: [...this.#full],
      ...batch,
    });
    this.#isStopped ||= reply.isStopped;
    this.#isAway ||= reply.isAway;
    for (const disk of reply.full) this.#full.add(disk);
    for (const { side, path, metadata } of reply.crossed) {
      this.#crossed.set(`${side}/${path}`, metadata);
    }
    for (const side of SIDES) {
      const bytes = reply.refusedNames[side];
      const known = this.#refusedNames[side] ?? Infinity;
      if (bytes === null || bytes >= known) continue;
      this.#refusedNames[side] = bytes;
      this.#context.onRefusedNames?.(side, bytes);
    }
    return reply;
  }

  /** Takes what a batch did, and queues what is left of it. */
  #take(batch: Batch, reply: ActReply, queue: Group[]): void {
    const made = unpackMade(reply.made);
    const told = new Map(reply.told);
    /** Null: it waits for another one. */
    const results: (readonly [index: number, result: ActionResult | null])[] =
      [];
    const changes: RecordChange[] = [];
    const again = new Set<number>();
    let copies = 0;
    for (const [position, index] of batch.all.entries()) {
      const isCopy = batch.copies[copies] === index;
      const copy = isCopy ? made[copies++]! : null;
      if (copy !== null) {
        changes.push(this.#put(index, copy));
        results.push([index, DONE]);
        continue;
      }
      const became = told.get(position) ?? null;
      if (became === null) again.add(index);
      else if (became.kind === "done") {
        this.#copied.delete(index);
        this.#noteNew(this.#actions[index]!.work, became.changes);
        changes.push(...became.changes);
        results.push([index, { done: became }]);
      } else if (became.kind === "two-steps") {
        this.#noteMiddle(index);
        again.add(index);
      } else if (became.kind === "waits") {
        const { needs } = this.#actions[index]!;
        if (needs.some((need) => again.has(need))) again.add(index);
        else if (needs.some((need) => this.#postponed.has(need))) {
          this.#postponed.set(index, null);
        } else results.push([index, null]);
      } else {
        const { why } = became;
        const failed = { error: errorFromWire(became.error), why };
        if (became.copied !== null) this.#copied.set(index, became.copied);
        else this.#copied.delete(index);
        const isBusy = errorKind(failed.error) === "busy";
        if (isBusy) this.#postponed.set(index, failed);
        else results.push([index, { failed }]);
      }
    }
    for (const it of reply.filled) changes.push({ kind: "folder-id", ...it });
    if (!reply.isAway) this.#unrecorded.push(...changes);
    for (const [index, result] of results) {
      if (result === null) this.#finish(index, { skipped: this.#waits(index) });
      else if (reply.isAway && result.done !== undefined) {
        this.#finish(index, { skipped: WENT_AWAY });
      } else {
        if (result.done) this.#remember(index, result.done.changes);
        this.#finish(index, result);
      }
    }
    for (const group of batch.groups.toReversed()) {
      const rest = group.filter((index) => again.has(index));
      if (rest.length > 0) queue.push(rest);
    }
  }

  /** A second rename builds on the first; a copy relies on clash copies. */
  #remember(index: number, changes: readonly RecordChange[]): void {
    const { kind } = this.#actions[index]!.work;
    if (kind !== "rename" && kind !== "clash") return;
    for (const change of changes) {
      if (change.kind === "put") this.#written.set(change.row.path, change.row);
    }
  }

  /** What the record learns of a copy to a new name. */
  #put(index: number, made: Made): RecordChange {
    const work = this.#actions[index]!.work as CopyWork;
    const { left, right } = this.#context.wire;
    const traits = { left: left.traits, right: right.traits };
    const row = rowOf(work, made, traits);
    return { kind: "put", row, rowPath: work.rowPath };
  }

  async #isToStop(): Promise<boolean> {
    try {
      await this.#context.checkpoint();
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      this.#isStopped = true;
    }
    return this.#isStopped;
  }

  #finish(index: number, result: ActionResult): void {
    const outcome = outcomeOf(this.#actions[index]!, result);
    this.#outcomes[index] = outcome;
    this.#untold.push(outcome);
  }

  /** Records what is done, in one transaction, and tells what is certain. */
  #record(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const changes = this.#unrecorded;
    this.#unrecorded = [];
    if (changes.length > 0) this.#context.record.apply(changes);
    for (const outcome of this.#untold.splice(0)) {
      this.#context.onOutcome(outcome);
    }
  }
}

type CopyWork = Work & { readonly kind: "copy" };

/** Done, and there is nothing more to say. */
const DONE: ActionResult = {
  done: { changes: [], softDeletedPath: null, note: null, left: null },
};

/** Said of what a thread had when it died. */
const UNKNOWN = "it is not known what became of it; the next run finds out";

/** Said of what nobody is left to do. */
const NO_THREAD = "no thread is left that changes files; the next run does it";

function stepOf({ kind }: Work): Step {
  switch (kind) {
    case "create-directory":
    case "rename-directory":
    case "remove-directory":
      return "folders";
    case "record":
    case "none":
      return "record";
    default:
      return "files";
  }
}

function outcomeOf(action: Action, result: ActionResult): Outcome {
  const { done, skipped, failed } = result;
  const isSkip = failed?.error instanceof Skipped ||
    ["busy", "missing", "away"].includes(errorKind(failed?.error));
  const isWhole = done !== undefined && done.left === null;
  const kind: OutcomeKind = isWhole || skipped === null
    ? "done"
    : skipped !== undefined || isSkip || done
    ? "skipped"
    : "failed";
  const { work, newPath } = action;
  // Where the version is that a doubtful one replaced.
  const before = work.kind === "copy" && work.isDoubtful &&
      done?.softDeletedPath
    ? `the version before was soft-deleted as ${done.softDeletedPath}`
    : null;
  return {
    action,
    kind,
    detail: done?.left ?? done?.note ?? before ?? skipped ?? failed?.why ??
      null,
    newPath: done?.softDeletedPath ?? newPath,
    error: kind === "failed" ? failed?.error : null,
  };
}
