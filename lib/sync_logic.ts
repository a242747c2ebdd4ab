/**
 * The decision: from what was found and recorded to a plan. Pure: it reads
 * nothing but its arguments, so it is made twice where content matters, once
 * to find out what has to be read and once with the answers.
 *
 * @module
 */
import {
  ClashNames,
  type ClashPlace,
  type Contest,
  contestOf,
  type ContestSettings,
} from "./conflict.ts";
import { identityOf, words } from "./metadata.ts";
import type { NameRoom } from "./names.ts";
import {
  comparePaths,
  folderOf,
  type Folding,
  isWithin,
  joinPath,
  keyOf,
} from "./paths.ts";
import { DraftList, FileActions } from "./plan_actions.ts";
import { type ChangeSettings, judge, type Judgement } from "./plan_changes.ts";
import {
  FolderActions,
  folderContest,
  isContestedName,
  Layout,
} from "./plan_folders.ts";
import { countChanges, massChanged } from "./plan_guard.ts";
import {
  currentPath,
  type Elsewhere,
  type Folder,
  type Location,
  type Merged,
  type Pair,
} from "./plan_merge.ts";
import { type Draft, inOrder } from "./plan_order.ts";
import { findRenames, inFolder, type Renamed } from "./plan_renames.ts";
import { type Verdict, verdictOf } from "./plan_rules.ts";
import {
  type Answer,
  Inquiry,
  type Plan,
  type Question,
  type SoftDeleteSettings,
  type Suspect,
  type Waiting,
} from "./plan_types.ts";
import {
  type Both,
  type FileId,
  type Metadata,
  otherSide,
  type Problem,
  type Side,
  SIDES,
} from "./types.ts";

// A path on its way from a verdict to actions.

/** What becomes of removed and replaced files. */
export interface RemovalSettings {
  /** A side carries no modes: they are no change. Left out: both do. */
  readonly ignoresModes?: boolean | undefined;
  readonly softDelete: SoftDeleteSettings;
  /** List paths at which nothing differs. */
  readonly listUnchanged: boolean;
  /** How many files the record holds. */
  readonly recordedFiles: number;
  /** Of those: more changed on one side are more than anybody does at once. */
  readonly maxChangePercent: number;
  /** Whether files of a name are read always. */
  isSuspicious(name: string): boolean;
}

/** A file that has to leave its path to a folder. */
export interface Aside {
  readonly kind: "aside";
  readonly from: Side;
  readonly target: Location;
  readonly contest: Contest;
  /** It goes to soft delete instead of to a clash name. */
  readonly isRemoved: boolean;
}

/** A path, what became of it, and what is to be done about it. */
export interface Case {
  readonly pair: Pair;
  readonly judgement: Judgement & { kind: "recorded" | "unrecorded" };
  readonly verdict: Verdict | Aside;
}

/**
 * Whether a path is recorded, and as recorded on both sides.
 *
 * @param pair The pair.
 */
export function isQuiet(pair: Pair): boolean {
  const { row } = pair;
  return row !== null && SIDES.every((side) => {
    const metadata = pair[side]?.metadata;
    return metadata?.sizeBytes === row[side].sizeBytes &&
      metadata.mtimeMs === row[side].mtimeMs &&
      pair[side]?.name === pair.name;
  });
}

// From verdicts to drafts: clash names first, then one path at a time, and the
// folders.

/** What building depends on besides the cases. */
export interface BuildContext {
  readonly layout: Layout;
  readonly folders: readonly Folder[];
  readonly inquiry: Inquiry;
  readonly merged: Merged;
  /** Sides on which suspiciously many files changed. */
  readonly massChanged: ReadonlySet<Side>;
  readonly settings: RemovalSettings & ContestSettings & {
    readonly folding: Folding;
    readonly roomIn?: ((folder: Folder) => NameRoom) | undefined;
  };
}

/** Builds the actions of a plan. */
export class PlanBuilder {
  readonly #cases: readonly Case[];
  readonly #context: BuildContext;
  readonly #clashes: ClashNames;
  readonly #claimed = new Set<Pair>();

  /**
   * @param cases Every path with something to do or to record.
   * @param context Where everything will be, and the settings.
   */
  constructor(cases: readonly Case[], context: BuildContext) {
    this.#cases = cases;
    this.#context = context;
    const byKey = new Map(
      cases.filter(({ pair }) => pair.row === null || isQuiet(pair))
        .map((item) => [item.pair.key, item]),
    );
    const folders = new Set(context.folders.map(({ key }) => key));
    this.#clashes = new ClashNames(context.inquiry, {
      folding: context.settings.folding,
      pairAt: (location, key) => {
        const pair = byKey.get(key)?.pair;
        return pair ?? context.merged.pairAt(location.folder, key);
      },
      isFolder: (key) => folders.has(key),
      isIdle: (pair) =>
        isQuiet(pair) || byKey.get(pair.key)?.pair === pair ||
        context.merged.alike.has(pair),
      roomIn: context.settings.roomIn,
    });
  }

  /**
   * Builds.
   *
   * @param open Cases that were left out and stay open.
   * @returns The drafts, complete only where nothing had to be asked.
   */
  build(open: readonly Case[]): Draft[] {
    const clashing = new Map<Case, ClashPlace>();
    for (const item of this.#cases) {
      const place = this.#clashPlaceFor(item);
      if (!place) continue;
      clashing.set(item, place);
      if (place.claimed) this.#claimed.add(place.claimed);
    }
    if (this.#context.inquiry.open.size > 0) return [];
    const { folders, layout, settings, massChanged } = this.#context;
    const forFolders = new FolderActions(folders, layout, settings);
    const list = new DraftList(layout, settings.folding, forFolders);
    const forFiles = new FileActions(list, settings, massChanged);
    for (const item of this.#cases) {
      if (this.#claimed.has(item.pair)) continue;
      forFiles.add(item, clashing.get(item) ?? null);
    }
    for (const item of open) forFiles.add(item, null);
    return [...forFolders.drafts, ...list.drafts];
  }

  #clashPlaceFor({ pair, verdict }: Case): ClashPlace | null {
    if (verdict.kind === "aside") {
      if (verdict.isRemoved) return null;
      const version = pair[verdict.from]!;
      return this.#clashes.choose(verdict.target, verdict.from, version);
    }
    if (verdict.kind !== "copy" || verdict.contest?.policy !== "clash") {
      return null;
    }
    const loser = otherSide(verdict.contest.winner);
    return this.#clashes.choose(verdict.target, loser, pair[loser]!);
  }
}

/** What a decision depends on besides what was found and recorded. */
export interface DecisionSettings
  extends ChangeSettings, ContestSettings, RemovalSettings {
  readonly folding: Folding;
  /** How long a name in a folder may be. Left out: as most disks hold. */
  readonly roomIn?: ((folder: Folder) => NameRoom) | undefined;
  /** Ids that more than one recorded file of a side has. */
  isSharedId(side: Side, id: FileId): boolean;
  /**
   * Since when runs have met a path as being saved on a side, in ms since
   * 1970; null: no run before this one did.
   */
  savedSince(side: Side, path: string): number | null;
}

/** What is being saved for longer than this, in ms, was deleted. */
const LONGEST_SAVE_MS = 10 * 60 * 1000;

/** A plan, or what has to be read before there can be one. */
export type Decision =
  | {
    readonly kind: "plan";
    readonly plan: Plan;
    /** What the plan was made from: every path with something to do. */
    readonly cases: readonly Case[];
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
): Decision {
  // A file against a folder that is left open freezes all below it, which may
  // change what is a rename, which may show the next such conflict.
  const frozen = movedElsewhere(merged);
  for (;;) {
    const round = new Round(merged, answers, settings, frozen);
    const result = round.run();
    if (result !== null) return result;
  }
}

/** Paths that are frozen with all below them, and what does so. */
type Frozen = Map<string, { readonly open: Case } | Problem>;

/**
 * Recorded folders that are gone on a side while a folder that must be left
 * alone there is the same one: with all that is in them they are not deleted.
 */
function movedElsewhere({ folders, problems }: Merged): Frozen {
  const frozen: Frozen = new Map();
  const elsewhere = new Map<string, Problem>();
  const keyOfId = (side: Side, { ino, birthMs }: FileId) =>
    `${side}/${ino}:${birthMs}`;
  for (const problem of problems) {
    const { side, kind, folderId } = problem;
    // What got an ignored name was deleted.
    if (kind === "ignored" || !folderId) continue;
    elsewhere.set(keyOfId(side, folderId), problem);
  }
  if (elsewhere.size === 0) return frozen;
  for (const { key, row, name } of folders) {
    for (const side of SIDES) {
      const id = row?.id[side];
      if (!row || !id || name[side] !== null) continue;
      const found = elsewhere.get(keyOfId(side, id));
      if (!found) continue;
      frozen.set(key, {
        side,
        path: row.path,
        kind: "elsewhere",
        reason: isNow(found),
        metadata: null,
      });
    }
  }
  return frozen;
}

/** Where something is that is missed, and why nothing is done about it. */
function isNow({ path, reason }: Elsewhere): string {
  return `it is now ${path}, which is left alone (${reason})`;
}

class Round {
  readonly #merged: Merged;
  readonly #settings: DecisionSettings;
  readonly #inquiry: Inquiry;
  readonly #frozen: Frozen;
  /** By key of the path that is left alone. */
  readonly #problems = new Map<string, Problem>();
  readonly #unknownIn = new Set<Folder>();
  /** Keys of what is being saved: neither it nor its folders change. */
  readonly #waits = new Set<string>();
  /** Folders that directly hold what is being saved. */
  #waitingIn: ReadonlySet<Folder> = new Set();
  readonly #folders: readonly Folder[];

  constructor(
    merged: Merged,
    answers: ReadonlyMap<string, Answer>,
    settings: DecisionSettings,
    frozen: Frozen,
  ) {
    this.#merged = merged;
    this.#settings = settings;
    this.#inquiry = new Inquiry(answers);
    this.#frozen = frozen;
    this.#folders = merged.folders.filter((folder) =>
      folder.parent === null || !this.#isFrozen(folder.parent.key)
    );
  }

  /** A result, or null where something was frozen and all starts again. */
  run(): Decision | null {
    const known = this.#merged.pairs.filter((pair) => {
      if (!this.#isFrozen(pair.key)) return true;
      this.#unknownIn.add(pair.folder);
      return false;
    });
    const renamed = findRenames(known, {
      folders: new Map(this.#folders.map((folder) => [folder.key, folder])),
      unknownFiles: this.#unknownFiles(),
      ignored: this.#ignored(),
      isSharedId: this.#settings.isSharedId,
    });
    for (const { pair, side, elsewhere } of renamed.unknown) {
      this.#leaveAlone(pair, {
        side,
        path: pair.row?.path ?? pair.key,
        kind: "elsewhere",
        reason: isNow(elsewhere),
        metadata: null,
      });
    }
    const waiting = renamed.saved.map((it) => this.#waiting(it));
    const isWaiting = ({ key }: Pair) => this.#isWaiting(key);
    const cases = this.#cases(
      waiting.length === 0
        ? renamed.pairs
        : renamed.pairs.filter((pair) => !isWaiting(pair)),
    );
    this.#waitingIn = foldersOf(renamed.pairs.filter(isWaiting));
    const layout = this.#layout(cases);
    if (this.#inquiry.open.size > 0) return this.#questions();
    if (this.#freezeUnknown() || this.#freezeContests(cases, layout)) {
      return null;
    }
    const counts = countChanges(cases);
    const builder = new PlanBuilder(cases, {
      massChanged: massChanged(counts, this.#settings),
      layout,
      folders: this.#folders,
      inquiry: this.#inquiry,
      merged: this.#merged,
      settings: this.#settings,
    });
    const frozen = [...this.#frozen.values()];
    const open = frozen.flatMap((it) => "open" in it ? [it.open] : []);
    const problems = frozen.flatMap((it) => "open" in it ? [] : [it]);
    const drafts = builder.build(open);
    if (this.#inquiry.open.size > 0) return this.#questions();
    const plan: Plan = {
      actions: inOrder(drafts),
      problems: this.#allProblems(layout, problems),
      waiting,
      suspects: this.#suspects(cases),
      counts,
    };
    return { kind: "plan", plan, cases: [...cases, ...open] };
  }

  /**
   * That another file of its metadata came or went tells of one run only: of
   * what stays as it is, the next run must not think that nothing changed.
   */
  #suspects(cases: readonly Case[]): Suspect[] {
    const settled = new Set(
      cases.filter(({ verdict }) => verdict.kind === "settle")
        .map(({ pair }) => pair.key),
    );
    return this.#merged.pairs.flatMap((pair) => {
      const { row } = pair;
      return row === null || settled.has(pair.key)
        ? []
        : SIDES.filter((side) => pair[side]?.hasDouble)
          .map((side) => ({ side, path: row.path }));
    });
  }

  #allProblems(layout: Layout, frozen: readonly Problem[]): Problem[] {
    const problems = [
      ...this.#merged.problems,
      ...frozen,
      ...this.#problems.values(),
    ];
    const { folding } = this.#settings;
    return [...problems, ...keptProblems(layout.kept, problems, folding)];
  }

  #questions(): Decision {
    return { kind: "questions", questions: this.#inquiry.open };
  }

  /** What the other side put at the name of what is being saved waits, too. */
  #isWaiting(key: string): boolean {
    if (this.#waits.has(key)) return true;
    for (const waiting of this.#waits) {
      if (isWithin(key, waiting)) return true;
    }
    return false;
  }

  #isFrozen(key: string): boolean {
    for (const root of this.#frozen.keys()) {
      if (isWithin(key, root)) return true;
    }
    return false;
  }

  /** Files that stand where they are left alone, as far as metadata is known. */
  #unknownFiles(): Both<ReadonlyMap<string, Elsewhere>> {
    const strays = {
      left: new Map<string, Elsewhere>(),
      right: new Map<string, Elsewhere>(),
    };
    const add = (
      side: Side,
      metadata: Metadata | null,
      elsewhere: Elsewhere,
    ): void => {
      if (metadata) strays[side].set(identityOf(metadata), elsewhere);
    };
    for (const problem of this.#merged.problems) {
      // What got an ignored name is being saved, or was deleted.
      if (problem.kind === "ignored") continue;
      add(problem.side, problem.metadata, problem);
    }
    for (const side of SIDES) {
      for (const stray of this.#merged.unknownFiles[side]) {
        add(side, stray.metadata, stray);
      }
    }
    for (const pair of this.#merged.pairs) {
      if (!this.#isFrozen(pair.key)) continue;
      for (const side of SIDES) {
        const found = pair[side];
        if (found === null) continue;
        const folder = currentPath(found.folder, side) ?? "";
        const path = joinPath(folder, found.name);
        const reason = "a conflict above it is open";
        add(side, found.metadata, { path, reason });
      }
    }
    return strays;
  }

  /** Ignored files: each may be one that is being saved beside them. */
  #ignored(): Both<ReadonlyMap<string, string>> {
    const files = {
      left: new Map<string, string>(),
      right: new Map<string, string>(),
    };
    for (const { kind, side, path, metadata } of this.#merged.problems) {
      if (kind !== "ignored" || metadata === null) continue;
      files[side].set(inFolder(folderOf(path), metadata), path);
    }
    return files;
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

  #cases(pairs: readonly Pair[]): Case[] {
    const cases: Case[] = [];
    for (const pair of pairs) {
      const judgement = judge(pair, this.#inquiry, this.#settings);
      if (judgement.kind === "pending") continue;
      if (judgement.kind === "unreadable") {
        const { side, path, reason } = judgement.answer;
        const base = { kind: "unreadable", metadata: null } as const;
        this.#leaveAlone(pair, { ...base, side, path, reason });
        continue;
      }
      const verdict = verdictOf(pair, judgement, this.#settings);
      if (verdict !== null) cases.push({ pair, judgement, verdict });
    }
    return cases;
  }

  #leaveAlone(pair: Pair, problem: Problem): void {
    this.#unknownIn.add(pair.folder);
    this.#problems.set(pair.key, problem);
  }

  /** A folder at a path that turned out to be unknown is left alone with it. */
  #freezeUnknown(): boolean {
    const before = this.#frozen.size;
    for (const { key } of this.#folders) {
      const problem = this.#problems.get(key);
      if (problem && !this.#frozen.has(key)) this.#frozen.set(key, problem);
    }
    return this.#frozen.size > before;
  }

  #layout(cases: readonly Case[]): Layout {
    const alive = new Set<Folder>();
    for (const { pair, verdict } of cases) {
      if (verdict.kind === "settle" || verdict.kind === "copy") {
        alive.add(verdict.target.folder);
      } else if (verdict.kind === "open") {
        for (const side of SIDES) {
          const found = pair[side];
          if (found) alive.add(found.folder);
        }
      }
    }
    return new Layout(this.#folders, (folder) => {
      const isUnknown = this.#unknownIn.has(folder);
      return {
        isUnknown: folder.isUnknown || this.#isFrozen(folder.key) ||
          this.#isWaiting(folder.key),
        waits: this.#waitingIn.has(folder),
        survives: alive.has(folder),
        holdsUnknown: {
          left: isUnknown || folder.holdsUnknown.left,
          right: isUnknown || folder.holdsUnknown.right,
        },
      };
    }, this.#settings);
  }

  /**
   * Finds what needs everything below it frozen: a folder with two new names,
   * or a file against a folder, where a person is to decide.
   */
  #freezeContests(cases: Case[], layout: Layout): boolean {
    const before = this.#frozen.size;
    const { folding } = this.#settings;
    for (const folder of this.#folders) {
      if (!isContestedName(folder) || this.#isFrozen(folder.key)) continue;
      const contest = folderContest(folder.key, this.#settings);
      if (contest.policy !== "notify") continue;
      this.#frozen.set(folder.key, { open: folderCase(folder, contest) });
    }
    const folders = new Map(this.#folders.map((it) => [it.key, it]));
    cases.forEach((item, index) => {
      const { verdict, pair } = item;
      if (verdict.kind !== "copy") return;
      const key = joinPath(
        verdict.target.folder.key,
        keyOf(verdict.target.name, folding),
      );
      const folder = folders.get(key);
      if (!folder || !layout.remains(folder)) return;
      const isRecorded = pair.row !== null || folder.row !== null;
      const kind = isRecorded ? "modify_modify" : "new_new";
      const contest = contestOf({
        key: pair.key,
        kind,
        rule: isRecorded ? "5.1" : "5.2",
        win: { side: otherSide(verdict.from), reason: "folder" },
        left: pair.left,
        right: pair.right,
      }, this.#settings);
      if (contest.policy === "notify") {
        const open = { kind: "open", contest } as const;
        this.#frozen.set(key, { open: { ...item, verdict: open } });
      } else {
        const { from, target } = verdict;
        cases[index] = {
          ...item,
          verdict: {
            kind: "aside",
            from,
            target,
            contest,
            isRemoved: contest.winReason === "chosen" &&
              contest.policy === "overwrite",
          },
        };
      }
    });
    return this.#frozen.size > before;
  }
}

/** Folders in which paths are recorded or found. */
function foldersOf(pairs: readonly Pair[]): Set<Folder> {
  return new Set(
    pairs.flatMap((pair) =>
      [pair, pair.left, pair.right].flatMap((it) => it ? [it.folder] : [])
    ),
  );
}

/** A folder whose two new names are left for a person. */
function folderCase(folder: Folder, contest: Contest): Case {
  return {
    pair: {
      key: folder.key,
      folder: folder.parent!,
      name: folder.name.left!,
      row: null,
      left: null,
      right: null,
    },
    judgement: {
      kind: "unrecorded",
      change: { left: "absent", right: "absent" },
      isSame: false,
      hash: null,
    },
    verdict: { kind: "open", contest },
  };
}

/** Of what a folder holds, so much is named. */
const NAMED = 3;

/** Letters of a name that are said. */
const NAME_ROOM = 60;

/**
 * Folders that one side alone has, and what they are kept for; not of each
 * that is in such a folder.
 *
 * @param kept The folders.
 * @param problems All that is left alone.
 * @param folding What the roots take for one name.
 */
function keptProblems(
  kept: ReadonlySet<Folder>,
  problems: readonly Problem[],
  folding: Folding,
): Problem[] {
  const tops = [...kept].filter(({ parent }) => !kept.has(parent!));
  const held = new Map<string, Held[]>(tops.map(({ key }) => [key, []]));
  const note = (thing: Held): void => {
    let key = keyOf(thing.path, folding);
    while (key !== "" && !held.has(key)) key = folderOf(key);
    held.get(key)?.push(thing);
  };
  // Junk keeps no folder.
  if (tops.length > 0) problems.filter((it) => !it.isJunk).forEach(note);
  for (const folder of kept) {
    const side = sideOf(folder);
    if (!folder.isMount[side]) continue;
    const path = currentPath(folder, side)!;
    note({ side, path, reason: "another disk is mounted here" });
  }
  return tops.map((folder): Problem => {
    const side = sideOf(folder);
    const path = currentPath(folder, side)!;
    const own = held.get(folder.key)!.filter((it) => it.side === side);
    const inside = own.filter((it) => it.path !== path)
      .map((it) => shortly(it, path)).sort();
    const more = inside.length - NAMED;
    const why = [
      ...own.filter((it) => it.path === path).map(({ reason }) => reason),
      ...inside.length === 0 ? [] : [
        `it holds ${inside.slice(0, NAMED).join(", ")}` +
        (more > 0 ? ` and ${more} more` : ""),
      ],
    ].join(", and ") || "it holds what is left alone";
    const reason = `only ${words(side)} has it: ${why}`;
    return { side, path, kind: "kept", reason, metadata: null };
  }).sort((a, b) => comparePaths(a.path, b.path));
}

type Held = Pick<Problem, "side" | "path" | "reason">;

/** The side that has a folder which only one has. */
function sideOf({ name }: Folder): Side {
  return name.left === null ? "right" : "left";
}

/** A path in a folder, and in a few words why it is left alone. */
function shortly({ path, reason }: Held, folder: string): string {
  const name = [...path.slice(folder.length + 1)];
  const shown = name.length > NAME_ROOM
    ? `…${name.slice(-NAME_ROOM).join("")}`
    : name.join("");
  return `${shown} (${reason.split(/[:;]/)[0]})`;
}
