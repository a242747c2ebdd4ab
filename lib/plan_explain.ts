/**
 * Why a run does with a path what it does: what a decision knew of it, and
 * which actions came of that. Pure: it only looks up, so that it can't say
 * anything else than the plan.
 *
 * @module
 */
import { replacesLoser } from "./conflict.ts";
import { words } from "./metadata.ts";
import { isOwnName } from "./names.ts";
import { type Folding, isWithin, joinPath, keyOf, nameOf } from "./paths.ts";
import { waitingWords } from "./plan_open.ts";
import type { DecidedPair } from "./plan_rules.ts";
import {
  type Action,
  currentPath,
  type Folder,
  type Pair,
  pathOf,
  type Plan,
} from "./plan_types.ts";
import {
  type Both,
  both,
  type Metadata,
  type Problem,
  type Rule,
  SIDES,
} from "./types.ts";
import {
  ignorePredicate,
  type IgnoreSettings,
  patternMatcher,
} from "./wire_ignore.ts";

/** A plan, and what it was made from. */
export interface Basis {
  readonly plan: Plan;
  readonly pairs: readonly DecidedPair[];
  readonly folders: readonly Folder[];
  readonly folding: Folding;
  readonly ignore: IgnoreSettings;
}

/** Why a run does with a path what it does. */
export interface Explanation {
  /** As it is spelled, where it is known at all. */
  readonly path: string;
  /** Whether a folder is recorded, or found, there. */
  readonly folder: Folder | null;
  /** Null where a side has no file of it, or nobody can tell. */
  readonly now: Both<
    { readonly path: string; readonly metadata: Metadata } | null
  >;
  /** What became of each side; null where no table was asked. */
  readonly change: Both<string> | null;
  readonly isRecorded: boolean;
  readonly rule: Rule | null;
  /** What a run does about it, in the words of the plan. */
  readonly actions: readonly Action[];
  /** Why it is unknown or waits; null where it is decided. */
  readonly problem: Pick<Problem, "path" | "reason"> | null;
  /** The problem is that a program works on it. */
  readonly waits: boolean;
  /** Keys of the config that decide about it. */
  readonly keys: readonly string[];
  /** The pattern of `ignore.paths` that decides, by its position; -1: none. */
  readonly pattern: number;
}

/**
 * Explains a path.
 *
 * @param path The path, in any spelling that the roots take for it.
 * @param basis The plan, and what it was made from.
 */
export function explain(path: string, basis: Basis): Explanation {
  const { folding, pairs, folders, plan } = basis;
  const key = keyOf(path, folding);
  /** All names that a path has: recorded, and on each side. */
  const keysOf = ({ key, left, right }: Pair) => [
    key,
    ...[left, right].filter((it) => it !== null)
      .map(({ folder, name }) => joinPath(folder.key, keyOf(name, folding))),
  ];
  const item = pairs.find(({ pair }) => pair.key === key) ??
    pairs.find(({ pair }) => keysOf(pair).includes(key)) ?? null;
  const known = item ? key : knownKey(key, basis);
  const folder = folders.find((it) => it.key === known) ?? null;
  const keys = new Set([key, known, ...item ? keysOf(item.pair) : []]);
  const actions = plan.actions.filter((action) => {
    const paths = pathsOf(action).map((it) => keyOf(it, folding));
    // A folder takes along what is in it.
    return paths.some((it) =>
      action.work.kind === "rename-directory"
        ? keys.values().some((key) => isWithin(key, it))
        : keys.has(it)
    );
  });
  const waits = plan.waiting.some(({ path, others, isOver }) =>
    !isOver && [path, ...others].some((it) => keyOf(it, folding) === key)
  );
  // A folder took the place of a file that is gone.
  const isGone = item?.decision.kind === "forget" && folder !== null;
  const isOpen = item?.decision.kind === "open";
  const problem = item === null || isOpen || isGone || waits
    ? whyUnknown(key, item, basis) ??
      (known === key ? null : whyUnknown(known, item, basis))
    : null;
  const pattern = decidingPattern(path, item, problem, basis);
  const isByPattern = pattern >= 0 ? ["ignore.paths"] : [];
  const waiting = plan.waiting.find(({ path, isOver }) =>
    !isOver && path === problem?.path
  );
  return {
    path: (item ? spellingOf(item.pair) : folder && folderSpelling(folder)) ??
      path,
    folder,
    now: both((side) => {
      const found = item?.pair[side];
      const metadata = found?.metadata;
      return metadata ? { path: pathOf(found, side), metadata } : null;
    }),
    change: item && item.changes.change,
    isRecorded: item !== null && item.pair.row !== null,
    rule: ruleOf(item, actions),
    actions,
    problem,
    waits: waiting !== undefined,
    keys: waiting?.kind === "open"
      ? ["open_documents"]
      : [...isByPattern, ...decidingKeys(item, problem, basis)],
    pattern,
  };
}

/** The key of what lies where a side has a folder still that is renamed. */
function knownKey(key: string, { folders, folding }: Basis): string {
  if (folders.some((it) => it.key === key)) return key;
  const found = folders.flatMap((folder) =>
    SIDES.flatMap((side) => {
      const at = keyOf(folder.stillAt[side] ?? folder.key, folding);
      return isWithin(key, at) ? [{ to: folder.key, at }] : [];
    })
  ).sort((a, b) => b.at.length - a.at.length)[0];
  return found ? found.to + key.slice(found.at.length) : key;
}

/** All names that an action speaks of. */
function pathsOf({ path, newPath, work, conflict }: Action): string[] {
  return [
    path,
    ...work.kind === "rename-directory" ? [newPath] : [],
    conflict?.path,
    ...SIDES.map((side) => conflict?.versions[side]?.path),
  ].filter((it) => typeof it === "string");
}

function spellingOf({ row, folder, name }: Pair): string {
  return row?.path ?? joinPath(
    currentPath(folder, "left") ?? currentPath(folder, "right") ?? folder.key,
    name,
  );
}

function folderSpelling(folder: Folder): string | null {
  const side = folder.name.left === null ? "right" : "left";
  return currentPath(folder, side) ?? folder.row?.path ?? null;
}

/** That of the content's cell; of another conflict where that claims it. */
function ruleOf(
  item: DecidedPair | null,
  actions: readonly Action[],
): Rule | null {
  const decision = item?.decision;
  const own = !decision || decision.kind === "forget"
    ? null
    : "rule" in decision
    ? decision.rule
    : decision.conflict.rule;
  const rules = actions.flatMap(({ rule }) => rule === null ? [] : [rule]);
  if (own !== null && rules.includes(own)) return own;
  // Where all that changes is the record, no rule had to be followed.
  return rules[0] ?? (actions.length === 0 ? own : null);
}

function whyUnknown(
  key: string,
  item: DecidedPair | null,
  { plan, folding }: Basis,
): Explanation["problem"] {
  if (key.split("/").some(isOwnName)) {
    const reason = "it belongs to office-sync itself and is never synced";
    return { path: key, reason };
  }
  const keyed = (path: string) => keyOf(path, folding);
  const open = plan.actions.map(({ conflict }) => conflict)
    .find((it) => it?.winner === null && isWithin(key, keyed(it.path)));
  if (open && (item !== null || keyed(open.path) !== key)) {
    const reason = "conflict, left for a person to resolve";
    return { path: open.path, reason };
  }
  const waiting = plan.waiting.filter(({ isOver }) => !isOver)
    .map((it) => ({ ...it, reason: waitingWords(it) }));
  const keysOf = ({ path, as, others, owner }: typeof waiting[number]) =>
    [path, as, ...others, owner?.path].filter((it) => typeof it === "string")
      .map(
        keyed,
      );
  // Below it, where the other side put a folder at its name.
  const found =
    waiting.find((it) => keysOf(it).some((path) => isWithin(key, path))) ??
      plan.problems.filter(({ path }) => isWithin(key, keyed(path)))
        .toSorted((a, b) => b.path.length - a.path.length)[0] ??
      // Neither what is being saved changes, nor the folders that hold it.
      waiting.find((it) =>
        key !== "" && keysOf(it).some((path) => isWithin(path, key))
      );
  if (found === undefined) return null;
  return { path: found.path, reason: `${words(found.side)}: ${found.reason}` };
}

/** Keys of the config that have a say. */
function decidingKeys(
  item: DecidedPair | null,
  problem: Explanation["problem"],
  basis: Basis,
): string[] {
  if (item === null) return problem ? ignoringKeys(problem.path, basis) : [];
  const { decision, pair, changes } = item;
  const conflicts = [
    "conflict" in decision ? decision.conflict : null,
    "nameConflict" in decision ? decision.nameConflict : null,
  ].filter((it) => it !== null);
  const keys = conflicts.map(({ kind }) => `conflict_policy.${kind}`);
  const isReplaced = decision.kind === "copy" && pair.left !== null &&
    pair.right !== null;
  if (isReplaced && conflicts.length === 0) {
    keys.push("soft_delete.keep_replaced");
  }
  const isOverwritten = conflicts.some(({ kind, policy }) =>
    replacesLoser(policy) && kind !== "metadata_conflict"
  );
  if (decision.kind === "remove" || isOverwritten) {
    keys.push("soft_delete.enabled", "soft_delete.max_size_mb");
  }
  const isMet = changes.kind === "unrecorded" && changes.isSame;
  if (isMet) keys.push("compare.verify_first_run");
  return keys;
}

/**
 * The pattern that decides: it ignores the path, or a folder above, or is the
 * exception for which that is not so.
 */
function decidingPattern(
  path: string,
  item: DecidedPair | null,
  problem: Explanation["problem"],
  { ignore: { paths = [] }, plan }: Basis,
): number {
  if (paths.length === 0) return -1;
  const matching = patternMatcher(paths);
  const ignored = problem &&
    plan.problems.find((it) =>
      it.path === problem.path && it.kind === "ignored"
    );
  if (item === null && !ignored) return -1;
  const at = ignored
    ? matching(ignored.path, ignored.metadata === null)
    : matching(path, false);
  return at >= 0 && paths[at]!.isException === !ignored ? at : -1;
}

/** The lists that have a name, which may be that of a folder above. */
function ignoringKeys(path: string, { ignore, plan }: Basis): string[] {
  const kind = plan.problems.find((it) => it.path === path)?.kind;
  if (kind !== "ignored") return [];
  const none = { extensions: [], prefixes: [], names: [] };
  const lists = [
    ["ignore.filenames_exact", { ...none, names: ignore.names }],
    ["ignore.filenames_prefix", { ...none, prefixes: ignore.prefixes }],
    ["ignore.extensions", { ...none, extensions: ignore.extensions }],
    ["ignore.junk", { ...none, junk: ignore.junk ?? [] }],
  ] as const;
  const name = nameOf(path);
  return lists.filter(([, list]) => ignorePredicate(list)(name, false))
    .map(([key]) => key);
}
