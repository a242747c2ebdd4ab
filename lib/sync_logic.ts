/**
 * The decision: from what was found and recorded to a plan. Pure: it reads
 * nothing but its arguments, so it is made twice where content matters, once
 * to find out what has to be read and once with the answers.
 *
 * @module
 */
import { decideConflict } from "./conflict.ts";
import { identityOf, keyOfId, words } from "./metadata.ts";
import { comparePaths, folderOf, isWithin, joinPath, keyOf } from "./paths.ts";
import { draftsFor } from "./plan_actions.ts";
import { changesOf } from "./plan_changes.ts";
import { folderConflict, Layout } from "./plan_folders.ts";
import { countChanges, massChanged } from "./plan_guard.ts";
import type { Merged } from "./plan_merge.ts";
import {
  conflictsIn,
  openAt,
  openDatabase,
  openInRenamed,
  placesOf,
  waitingOpen,
  waitsOn,
} from "./plan_open.ts";
import { inOrder } from "./plan_order.ts";
import { findRenames, inFolder, type Renamed } from "./plan_renames.ts";
import { type DecidedPair, decisionOn } from "./plan_rules.ts";
import {
  type Answer,
  type DecisionSettings,
  type Elsewhere,
  type Folder,
  Inquiry,
  type Location,
  type Pair,
  pathOf,
  type Plan,
  type Question,
  spelledPath,
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
  // What is open keeps its place, for which others may have to wait.
  const open: OpenPaths = new Map();
  for (;;) {
    const result = decideOnce(merged, answers, settings, unknown, open);
    if (result !== null) return result;
  }
}

/** Keys of paths that are unknown with all below them, and what makes it so. */
type UnknownBelow = Map<string, { readonly open: DecidedPair } | Problem>;

/** What waits, and the keys of all places that it has. */
interface WaitingAt {
  readonly waiting: Waiting;
  readonly places: readonly string[];
}

/** By key, what waits because it is open. */
type OpenPaths = Map<string, WaitingAt>;

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

/** A result, or null where more is unknown, or waits, than did: from the start. */
function decideOnce(
  merged: Merged,
  answers: ReadonlyMap<string, Answer>,
  settings: DecisionSettings,
  unknownBelow: UnknownBelow,
  openPaths: OpenPaths,
): PlanOrQuestions | null {
  const inquiry = new Inquiry(answers);
  /** By key of the path that turned out to be unknown. */
  const problems = new Map<string, Problem>();
  /** Folders that directly hold something unknown. */
  const unknownIn = new Set<Folder>();
  /** Keys of what is open or being saved: neither it nor its folders change. */
  const waits = new Set([...openPaths.values()].flatMap((it) => it.places));
  const folders = merged.folders.filter(({ parent }) =>
    parent === null || !isUnknown(parent.key)
  );
  const folderAt = new Map(folders.map((folder) => [folder.key, folder]));

  function isUnknown(key: string): boolean {
    return unknownBelow.keys().some((root) => isWithin(key, root));
  }

  const keyAt = ({ folder, name }: Location) =>
    joinPath(folder.key, keyOf(name, settings.folding));

  /** What the other side put at the name of what waits does so, too. */
  function isWaiting(key: string): boolean {
    return waits.has(key) || waits.values().some((it) => isWithin(key, it));
  }

  /** Lets a path wait for the program that has it open on a side. */
  function hold(pair: Pair, side: Side): void {
    const waiting = waitingOpen(pair, side, settings);
    openPaths.set(pair.key, { waiting, places: placesOf(pair, keyAt) });
  }

  function noteUnknown(pair: Pair, problem: Problem): void {
    unknownIn.add(pair.folder);
    problems.set(pair.key, problem);
  }

  /** All paths but the unknown ones, renamed files joined. */
  function joinRenamed(): Renamed {
    // Files that may be missed elsewhere: those at unknown paths, and ignored
    // ones, each of which may be one that is being saved beside them.
    const unknownFiles = both(() => new Map<string, Elsewhere>());
    const ignored = both(() => new Map<string, string>());
    const add = (side: Side, metadata: Metadata, found: Elsewhere) =>
      unknownFiles[side].set(identityOf(metadata), found);
    for (const problem of merged.problems) {
      const { kind, side, path, metadata } = problem;
      if (metadata === null) continue;
      // What got an ignored name is being saved, or was deleted.
      const isIgnored = kind === "ignored" || kind === "owner";
      if (!isIgnored) add(side, metadata, problem);
      else ignored[side].set(inFolder(folderOf(path), metadata), path);
    }
    for (const side of SIDES) {
      for (const found of merged.unknownFiles[side]) {
        add(side, found.metadata, found);
      }
    }
    const known = merged.pairs.filter((pair) => {
      if (!isUnknown(pair.key)) return true;
      unknownIn.add(pair.folder);
      for (const side of SIDES) {
        const found = pair[side];
        if (found === null) continue;
        const reason = "a conflict above it is open";
        add(side, found.metadata, { path: pathOf(found, side), reason });
      }
      return false;
    });
    const { isSharedId } = settings;
    const ownerOf = (pair: Pair, side: Side) => openAt(pair, side, settings);
    const names = { unknownFiles, ignored, isSharedId, ownerOf };
    const more = { folders: folderAt, ...names };
    const renamed = findRenames(known, more);
    for (const { pair, side, elsewhere } of renamed.unknown) {
      const path = pair.row?.path ?? pair.key;
      noteUnknown(pair, isNow(side, path, elsewhere));
    }
    return renamed;
  }

  /** Lets a path wait that is being saved, unless that takes too long. */
  function waitingOf(
    { pair, side, as, asKey, owner }: Renamed["saved"][number],
  ): WaitingAt {
    const { savedSince, nowMs } = settings;
    const path = pair.row!.path;
    // A clock that was set back says nothing of how long it took.
    const sinceMs = Math.min(savedSince(side, path) ?? nowMs, nowMs);
    const isOver = nowMs - sinceMs >= LONGEST_SAVE_MS;
    const places = isOver ? [] : [pair.key, ...asKey === null ? [] : [asKey]];
    for (const it of places) waits.add(it);
    const about = { side, path, as, others: [], owner, sinceMs, isOver };
    return { waiting: { kind: "saved", ...about }, places };
  }

  function decidePair(pair: Pair): DecidedPair | null {
    const database = openDatabase(pair, settings);
    if (database !== null) {
      const unread = changesOf(pair, new Inquiry(new Map()), settings);
      if (unread.kind === "pending") {
        hold(pair, database);
        return null;
      }
    }
    const changes = changesOf(pair, inquiry, settings);
    if (changes.kind === "pending") return null;
    if (changes.kind === "unreadable") {
      const { kind, side, path, reason } = changes.answer;
      noteUnknown(pair, { side, path, kind, reason, metadata: null });
      return null;
    }
    const decision = decisionOn(pair, changes, settings);
    return decision && whileOpen({ pair, changes, decision });
  }

  /** A conflict that is open already stays one; what else waits is held. */
  function whileOpen(item: DecidedPair): DecidedPair | null {
    const { pair, decision } = item;
    const side = waitsOn(item, settings);
    if (side === null) return item;
    const conflict = conflictsIn(decision)[0] ?? null;
    // The winner is perhaps a folder.
    const own = pair[conflict?.winner ?? side] ?? pair[side]!;
    const main = pair.row === null ? own : pair;
    const path = joinPath(spelledPath(main.folder, side), main.name);
    const isRuled = settings.ruling?.key === pair.key;
    if (conflict !== null && !isRuled && settings.isOpenConflict?.(path)) {
      const open = { ...conflict, policy: "notify" } as const;
      return { ...item, decision: { kind: "open", conflict: open } };
    }
    hold(pair, side);
    return null;
  }

  /** @param waitIn Folders that directly hold what waits. */
  function layoutOf(
    decided: readonly DecidedPair[],
    waitIn: ReadonlySet<Folder>,
  ): Layout {
    const alive = new Set<Folder>();
    for (const { pair: { left, right }, decision } of decided) {
      if (decision.kind === "agree" || decision.kind === "copy") {
        alive.add(decision.target.folder);
      } else if (decision.kind === "open") {
        if (left) alive.add(left.folder);
        if (right) alive.add(right.folder);
      }
    }
    return new Layout(folders, (folder) => ({
      isUnknown: folder.isUnknown || isUnknown(folder.key) ||
        isWaiting(folder.key),
      waits: waitIn.has(folder),
      survives: alive.has(folder),
      holdsUnknown: both((side) =>
        unknownIn.has(folder) || folder.holdsUnknown[side]
      ),
    }), settings);
  }

  /** Where a person is to decide about a folder's two new names. */
  function openFolders(): void {
    for (const folder of folders) {
      const { key, parent, name } = folder;
      const conflict = folderConflict(folder, settings);
      if (conflict?.policy !== "notify" || isUnknown(key)) continue;
      const at = { folder: parent!, name: name.left! };
      const pair = { key, ...at, row: null, left: null, right: null };
      const change = both(() => "absent" as const);
      const nothing = { isSame: false, hash: null };
      const changes = { kind: "unrecorded", change, ...nothing } as const;
      const decision = { kind: "open", conflict } as const;
      unknownBelow.set(key, { open: { pair, changes, decision } });
    }
  }

  /** What becomes of a file whose name a folder has on the other side. */
  function againstFolder(item: DecidedPair, layout: Layout): DecidedPair {
    const { decision, pair } = item;
    if (decision.kind !== "copy") return item;
    const { from, target } = decision;
    const name = keyOf(target.name, settings.folding);
    const key = joinPath(target.folder.key, name);
    const folder = folderAt.get(key);
    if (!folder || !layout.remains(folder)) return item;
    const isRecorded = pair.row !== null || folder.row !== null;
    const across = otherSide(from);
    const conflict = decideConflict(
      isRecorded ? "modify_modify" : "new_new",
      { side: across, reason: "folder" },
      pair,
      settings,
    );
    const { policy, rule, winReason } = conflict;
    const asOpen = { ...item, decision: { kind: "open", conflict } } as const;
    if (whileOpen(asOpen) === null) return item;
    if (policy === "notify") {
      unknownBelow.set(key, { open: asOpen });
      return item;
    }
    if (policy === "overwrite" && winReason === "chosen") {
      const reason = `the folder on ${words(across)} was chosen`;
      const removal = { kind: "remove", on: from, rule, reason } as const;
      return { ...item, decision: { ...removal, conflict } };
    }
    return { ...item, decision: { kind: "aside", from, target, conflict } };
  }

  /**
   * That another file of its metadata came or went tells of one run only: of
   * what stays as it is, the next run must not think that nothing changed.
   */
  function suspectsAmong(decided: readonly DecidedPair[]): Suspect[] {
    const agreed = new Set(
      decided.filter(({ decision }) => decision.kind === "agree")
        .map(({ pair }) => pair.key),
    );
    return merged.pairs.flatMap((pair) => {
      const { key, row } = pair;
      return row === null || agreed.has(key) ? [] : SIDES
        .filter((side) => pair[side]?.hasDouble)
        .map((side) => ({ side, path: row.path }));
    });
  }

  /** What waits, and what waits with it. */
  function withOthers({ waiting, places }: WaitingAt): Waiting {
    const isToldOf = (path: string) =>
      isWithin(keyOf(path, settings.folding), places[0]!) ||
      path === waiting.as;
    const others = waitingPairs.filter((pair) =>
      placesOf(pair, keyAt).some((it) => places.some((at) => isWithin(it, at)))
    ).flatMap((pair) =>
      SIDES.flatMap((side) => pair[side] ? [pathOf(pair[side], side)] : [])
    ).filter((path) => !isToldOf(path));
    return { ...waiting, others: [...new Set(others)].sort(comparePaths) };
  }

  /** What is open and has to wait, each once. */
  function openOnes(
    inRenamed: ReturnType<typeof openInRenamed>,
    layout: Layout,
  ): Waiting[] {
    const held = [...openPaths.values()].map(withOthers);
    const staying = [...inRenamed].flatMap(([folder, documents]) =>
      layout.decisionOn(folder).kind !== "stay"
        ? []
        : SIDES.filter((side) => !folder.rename!.by.includes(side))
          .flatMap((side) => documents[side])
    ).map(({ waiting }) => waiting);
    const all = [...held, ...staying];
    return [...new Map(all.map((it) => [`${it.side}/${it.path}`, it])).values()]
      .sort((a, b) => comparePaths(a.path, b.path));
  }

  const renamed = joinRenamed();
  const saved = renamed.saved.map(waitingOf);
  const { waits: waitingPairs = [], goesOn = [] } = Object.groupBy(
    renamed.pairs,
    (pair) =>
      waits.size > 0 && placesOf(pair, keyAt).some(isWaiting)
        ? "waits"
        : "goesOn",
  );
  const waitIn = new Set(
    waitingPairs.flatMap((pair) => [pair, pair.left, pair.right])
      .flatMap((at) => at ? [at.folder] : []),
  );
  const heldBefore = openPaths.size;
  const byTables = goesOn.map(decidePair).filter((it) => it !== null);
  if (openPaths.size > heldBefore) return null;
  const layout = layoutOf(byTables, waitIn);
  const questions = { kind: "questions", questions: inquiry.open } as const;
  if (inquiry.open.size > 0) return questions;
  const before = unknownBelow.size;
  // A folder at a path that turned out to be unknown is so with it.
  for (const [key, problem] of problems) {
    if (folderAt.has(key) && !unknownBelow.has(key)) {
      unknownBelow.set(key, problem);
    }
  }
  if (unknownBelow.size > before) return null;
  openFolders();
  const decided = byTables.map((item) => againstFolder(item, layout));
  const isMoreHeld = openPaths.size > heldBefore;
  if (unknownBelow.size > before || isMoreHeld) return null;

  const inRenamed = openInRenamed(merged.owned, settings);
  const counts = countChanges(decided);
  const above = [...unknownBelow.values()];
  const open = above.flatMap((it) => "open" in it ? [it.open] : []);
  const drafts = draftsFor(decided, open, {
    layout,
    folders,
    inquiry,
    merged,
    massChanged: massChanged(counts, settings),
    openIn: (folder, side) => inRenamed.get(folder)?.[side] ?? [],
    settings,
  });
  if (drafts === null) return questions;
  const all = [
    ...merged.problems,
    ...above.flatMap((it) => "open" in it ? [] : [it]),
    ...problems.values(),
  ];
  const plan: Plan = {
    actions: inOrder(drafts),
    problems: [...all, ...layout.loneFolders(all)],
    waiting: [...saved.map(withOthers), ...openOnes(inRenamed, layout)],
    suspects: suspectsAmong(decided),
    counts,
  };
  return { kind: "plan", plan, pairs: [...decided, ...open] };
}
