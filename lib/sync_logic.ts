/**
 * The decision: from what was found and recorded to a plan. Pure: it reads
 * nothing but its arguments, so it is made twice where content matters, once
 * to find out what has to be read and once with the answers.
 *
 * @module
 */
import { decideConflict } from "./conflict.ts";
import { identityOf, keyOfId, words } from "./metadata.ts";
import { folderOf, isWithin, joinPath, keyOf } from "./paths.ts";
import { draftsFor } from "./plan_actions.ts";
import { changesOf } from "./plan_changes.ts";
import { folderConflict, Layout } from "./plan_folders.ts";
import { countChanges, massChanged } from "./plan_guard.ts";
import {
  type Elsewhere,
  type Folder,
  type Merged,
  type Pair,
  pathOf,
} from "./plan_merge.ts";
import { inOrder } from "./plan_order.ts";
import { findRenames, inFolder, type Renamed } from "./plan_renames.ts";
import { type DecidedPair, decisionOn } from "./plan_rules.ts";
import {
  type Answer,
  type DecisionSettings,
  Inquiry,
  type Plan,
  type Question,
  type Suspect,
  type Waiting,
} from "./plan_types.ts";
import {
  both,
  type Metadata,
  otherSide,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";

/** A plan, or what has to be read before there can be one. */
export type PlanOrQuestions =
  | {
    readonly kind: "plan";
    readonly plan: Plan;
    /** What the plan was made from: every path with something to do. */
    readonly pairs: readonly DecidedPair[];
  }
  | {
    readonly kind: "questions";
    /** By their id. */
    readonly questions: ReadonlyMap<string, Question>;
  };

/**
 * Decides.
 *
 * @param merged What was found and recorded.
 * @param answers What is known of content so far.
 * @param settings Policies, clocks and what follows from the roots.
 * @returns The plan, or the questions that stand before it.
 */
export function decide(
  merged: Merged,
  answers: ReadonlyMap<string, Answer>,
  settings: DecisionSettings,
): PlanOrQuestions {
  // All below a file against a folder that is left open is unknown, which may
  // change what is a rename, which may show the next such conflict.
  const unknown = movedElsewhere(merged);
  for (;;) {
    const round = new Round(merged, answers, settings, unknown);
    const result = round.run();
    if (result !== null) return result;
  }
}

/** Keys of paths that are unknown with all below them, and what makes it so. */
type UnknownBelow = Map<string, { readonly open: DecidedPair } | Problem>;

/**
 * Recorded folders that are gone on a side while an unknown folder there is
 * the same one: with all that is in them they are not deleted.
 */
function movedElsewhere({ folders, problems }: Merged): UnknownBelow {
  const unknown: UnknownBelow = new Map();
  const elsewhere = new Map<string, Problem>();
  for (const problem of problems) {
    const { side, kind, folderId } = problem;
    // What got an ignored name was deleted.
    if (kind === "ignored" || !folderId) continue;
    elsewhere.set(`${side}/${keyOfId(folderId)}`, problem);
  }
  for (const { key, row, name } of elsewhere.size === 0 ? [] : folders) {
    for (const side of SIDES) {
      const id = row?.id[side];
      if (!row || !id || name[side] !== null) continue;
      const found = elsewhere.get(`${side}/${keyOfId(id)}`);
      if (found) unknown.set(key, isNow(side, row.path, found));
    }
  }
  return unknown;
}

/** Where something is that is missed, and why nothing is done about it. */
function isNow(side: Side, path: string, found: Elsewhere): Problem {
  return {
    side,
    path,
    kind: "elsewhere",
    reason: `it is now ${found.path}, which is left alone (${found.reason})`,
    metadata: null,
  };
}

/** What is being saved for longer than this, in ms, was deleted. */
const LONGEST_SAVE_MS = 10 * 60 * 1000;

class Round {
  readonly #merged: Merged;
  readonly #settings: DecisionSettings;
  readonly #inquiry: Inquiry;
  readonly #unknownBelow: UnknownBelow;
  /** By key of the path that turned out to be unknown. */
  readonly #problems = new Map<string, Problem>();
  /** Folders that directly hold something unknown. */
  readonly #unknownIn = new Set<Folder>();
  /** Keys of what is being saved: neither it nor its folders change. */
  readonly #waits = new Set<string>();
  readonly #folders: readonly Folder[];
  readonly #folderAt: ReadonlyMap<string, Folder>;

  constructor(
    merged: Merged,
    answers: ReadonlyMap<string, Answer>,
    settings: DecisionSettings,
    unknownBelow: UnknownBelow,
  ) {
    this.#merged = merged;
    this.#settings = settings;
    this.#inquiry = new Inquiry(answers);
    this.#unknownBelow = unknownBelow;
    this.#folders = merged.folders.filter(({ parent }) =>
      parent === null || !this.#isUnknown(parent.key)
    );
    this.#folderAt = new Map(this.#folders.map((it) => [it.key, it]));
  }

  /** A result, or null where more is unknown than was and all starts again. */
  run(): PlanOrQuestions | null {
    const renamed = this.#renamed();
    const waiting = renamed.saved.map((it) => this.#waiting(it));
    const [waits, goesOn] = [new Set<Folder>(), [] as Pair[]];
    for (const pair of renamed.pairs) {
      if (!this.#isWaiting(pair.key)) goesOn.push(pair);
      else {
        for (const at of [pair, pair.left, pair.right]) {
          if (at) waits.add(at.folder);
        }
      }
    }
    const decided = this.#decide(goesOn);
    const layout = this.#layout(decided, waits);
    if (this.#inquiry.open.size > 0) return this.#questions();
    const before = this.#unknownBelow.size;
    // A folder at a path that turned out to be unknown is so with it.
    for (const [key, problem] of this.#problems) {
      if (this.#folderAt.has(key) && !this.#unknownBelow.has(key)) {
        this.#unknownBelow.set(key, problem);
      }
    }
    if (this.#unknownBelow.size > before) return null;
    this.#meetFolders(decided, layout);
    if (this.#unknownBelow.size > before) return null;

    const counts = countChanges(decided);
    const above = [...this.#unknownBelow.values()];
    const open = above.flatMap((it) => "open" in it ? [it.open] : []);
    const drafts = draftsFor(decided, open, {
      layout,
      folders: this.#folders,
      inquiry: this.#inquiry,
      merged: this.#merged,
      massChanged: massChanged(counts, this.#settings),
      settings: this.#settings,
    });
    if (drafts === null) return this.#questions();
    const problems = [
      ...this.#merged.problems,
      ...above.flatMap((it) => "open" in it ? [] : [it]),
      ...this.#problems.values(),
    ];
    const plan: Plan = {
      actions: inOrder(drafts),
      problems: [...problems, ...layout.loneFolders(problems)],
      waiting,
      suspects: this.#suspects(decided),
      counts,
    };
    return { kind: "plan", plan, pairs: [...decided, ...open] };
  }

  #questions(): PlanOrQuestions {
    return { kind: "questions", questions: this.#inquiry.open };
  }

  #isUnknown(key: string): boolean {
    for (const root of this.#unknownBelow.keys()) {
      if (isWithin(key, root)) return true;
    }
    return false;
  }

  /** What the other side put at the name of what is being saved waits, too. */
  #isWaiting(key: string): boolean {
    if (this.#waits.has(key)) return true;
    for (const waiting of this.#waits) {
      if (isWithin(key, waiting)) return true;
    }
    return false;
  }

  #noteUnknown(pair: Pair, problem: Problem): void {
    this.#unknownIn.add(pair.folder);
    this.#problems.set(pair.key, problem);
  }

  /** All paths but the unknown ones, renamed files joined. */
  #renamed(): Renamed {
    // Files that may be missed elsewhere: those at unknown paths, and ignored
    // ones, each of which may be one that is being saved beside them.
    const unknownFiles = both(() => new Map<string, Elsewhere>());
    const ignored = both(() => new Map<string, string>());
    const add = (side: Side, metadata: Metadata, found: Elsewhere) =>
      unknownFiles[side].set(identityOf(metadata), found);
    for (const problem of this.#merged.problems) {
      const { kind, side, path, metadata } = problem;
      if (metadata === null) continue;
      // What got an ignored name is being saved, or was deleted.
      if (kind !== "ignored") add(side, metadata, problem);
      else ignored[side].set(inFolder(folderOf(path), metadata), path);
    }
    for (const side of SIDES) {
      for (const found of this.#merged.unknownFiles[side]) {
        add(side, found.metadata, found);
      }
    }
    const known = this.#merged.pairs.filter((pair) => {
      if (!this.#isUnknown(pair.key)) return true;
      this.#unknownIn.add(pair.folder);
      for (const side of SIDES) {
        const found = pair[side];
        if (found === null) continue;
        const reason = "a conflict above it is open";
        add(side, found.metadata, { path: pathOf(found, side), reason });
      }
      return false;
    });
    const renamed = findRenames(known, {
      folders: this.#folderAt,
      unknownFiles,
      ignored,
      isSharedId: this.#settings.isSharedId,
    });
    for (const { pair, side, elsewhere } of renamed.unknown) {
      const path = pair.row?.path ?? pair.key;
      this.#noteUnknown(pair, isNow(side, path, elsewhere));
    }
    return renamed;
  }

  /** Lets a path wait that is being saved, unless that takes too long. */
  #waiting({ pair, side, as, asKey }: Renamed["saved"][number]): Waiting {
    const { savedSince, nowMs } = this.#settings;
    const path = pair.row!.path;
    // A clock that was set back says nothing of how long it took.
    const sinceMs = Math.min(savedSince(side, path) ?? nowMs, nowMs);
    const isOver = nowMs - sinceMs >= LONGEST_SAVE_MS;
    if (!isOver) {
      this.#waits.add(pair.key);
      if (asKey !== null) this.#waits.add(asKey);
    }
    return { side, path, as, sinceMs, isOver };
  }

  #decide(pairs: readonly Pair[]): DecidedPair[] {
    return pairs.flatMap((pair) => {
      const changes = changesOf(pair, this.#inquiry, this.#settings);
      if (changes.kind === "pending") return [];
      if (changes.kind === "unreadable") {
        const { side, path, reason } = changes.answer;
        const kind = "unreadable";
        this.#noteUnknown(pair, { side, path, kind, reason, metadata: null });
        return [];
      }
      const decision = decisionOn(pair, changes, this.#settings);
      return decision === null ? [] : [{ pair, changes, decision }];
    });
  }

  /** @param waits Folders that directly hold what is being saved. */
  #layout(
    decided: readonly DecidedPair[],
    waits: ReadonlySet<Folder>,
  ): Layout {
    const alive = new Set<Folder>();
    for (const { pair, decision } of decided) {
      if (decision.kind === "agree" || decision.kind === "copy") {
        alive.add(decision.target.folder);
      } else if (decision.kind === "open") {
        for (const side of SIDES) {
          const found = pair[side];
          if (found) alive.add(found.folder);
        }
      }
    }
    return new Layout(this.#folders, (folder) => ({
      isUnknown: folder.isUnknown || this.#isUnknown(folder.key) ||
        this.#isWaiting(folder.key),
      waits: waits.has(folder),
      survives: alive.has(folder),
      holdsUnknown: both((side) =>
        this.#unknownIn.has(folder) || folder.holdsUnknown[side]
      ),
    }), this.#settings);
  }

  /**
   * Decides about a folder with two new names, and about a file against a
   * folder. Where a person is to decide, all below is unknown.
   */
  #meetFolders(decided: DecidedPair[], layout: Layout): void {
    for (const folder of this.#folders) {
      const { key, parent, name } = folder;
      const conflict = folderConflict(folder, this.#settings);
      if (conflict?.policy !== "notify" || this.#isUnknown(key)) continue;
      const at = { folder: parent!, name: name.left! };
      const pair = { key, ...at, row: null, left: null, right: null };
      const change = both(() => "absent" as const);
      const nothing = { isSame: false, hash: null };
      const changes = { kind: "unrecorded", change, ...nothing } as const;
      const decision = { kind: "open", conflict } as const;
      this.#unknownBelow.set(key, { open: { pair, changes, decision } });
    }
    decided.forEach((item, index) => {
      const { decision, pair } = item;
      if (decision.kind !== "copy") return;
      const { from, target } = decision;
      const name = keyOf(target.name, this.#settings.folding);
      const key = joinPath(target.folder.key, name);
      const folder = this.#folderAt.get(key);
      if (!folder || !layout.remains(folder)) return;
      const isRecorded = pair.row !== null || folder.row !== null;
      const conflict = decideConflict(
        isRecorded ? "modify_modify" : "new_new",
        { side: otherSide(from), reason: "folder" },
        pair,
        this.#settings,
      );
      const { policy, rule, winReason } = conflict;
      if (policy === "notify") {
        const open = { ...item, decision: { kind: "open", conflict } } as const;
        this.#unknownBelow.set(key, { open });
      } else if (policy === "overwrite" && winReason === "chosen") {
        const reason = `the folder on ${words(otherSide(from))} was chosen`;
        decided[index] = {
          ...item,
          decision: { kind: "remove", on: from, rule, reason, conflict },
        };
      } else {
        decided[index] = {
          ...item,
          decision: { kind: "aside", from, target, conflict },
        };
      }
    });
  }

  /**
   * That another file of its metadata came or went tells of one run only: of
   * what stays as it is, the next run must not think that nothing changed.
   */
  #suspects(decided: readonly DecidedPair[]): Suspect[] {
    const agreed = new Set(
      decided.filter(({ decision }) => decision.kind === "agree")
        .map(({ pair }) => pair.key),
    );
    return this.#merged.pairs.flatMap((pair) => {
      const { row } = pair;
      return row === null || agreed.has(pair.key)
        ? []
        : SIDES.filter((side) => pair[side]?.hasDouble)
          .map((side) => ({ side, path: row.path }));
    });
  }
}
