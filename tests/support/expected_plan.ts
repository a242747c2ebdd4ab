/**
 * What the contract says of one recorded path, written down a second time:
 * content first, then name and properties, then the policies. It shares no
 * code with the rules it checks.
 *
 * @module
 */
import type { ConflictKind, Policy, Side } from "../../lib/types.ts";

/** What became of one side, said by the one who made the situation. */
export interface SideState {
  /** "doubtful" is the same, but only reading can tell. */
  readonly content: "same" | "doubtful" | "edited" | "gone" | "unknown";
  readonly text: string;
  readonly name: string;
  readonly mode: number;
  readonly mtimeMs: number;
  /** A folder has the recorded name now. */
  readonly isFolder: boolean;
  /** The new name is another path, not only another spelling. */
  readonly isMoved: boolean;
}

type Policies = Readonly<Record<ConflictKind, Policy>>;

/** Two sides of a path and what was recorded of it. */
export interface Case {
  readonly base: SideState;
  readonly left: SideState;
  readonly right: SideState;
  readonly policies: Policies;
}

type Change = "unchanged" | "modified" | "deleted";

// The table of section 3, row Left, column Right.
// deno-fmt-ignore
const CONTENT: Record<Change, Record<Change, string>> = {
  unchanged: { unchanged: "NOOP",                 modified: "COPY_RIGHT_TO_LEFT 5.4", deleted: "SOFT_DELETE_LEFT 5.8" },
  modified:  { unchanged: "COPY_LEFT_TO_RIGHT 5.3", modified: "modify_modify",        deleted: "COPY_LEFT_TO_RIGHT 5.6" },
  deleted:   { unchanged: "SOFT_DELETE_RIGHT 5.7", modified: "COPY_RIGHT_TO_LEFT 5.5", deleted: "forget" },
};

const NEW_RULE: Record<Side, string> = { left: "5.9", right: "5.10" };
const TO: Record<Side, string> = {
  left: "COPY_RIGHT_TO_LEFT",
  right: "COPY_LEFT_TO_RIGHT",
};

const across = (side: Side): Side => side === "left" ? "right" : "left";

/** The actions on disk and the open conflicts that the contract asks for. */
export function expected(it: Case): string[] {
  const { left, right } = it;
  if (left.content === "unknown" || right.content === "unknown") {
    return besideUnknown(it);
  }
  if (left.isFolder || right.isFolder) return withFolder(it);
  const word = CONTENT[changeOf(it, "left")][changeOf(it, "right")];
  if (word === "forget") return [];
  if (word === "NOOP") return properties(it);
  if (word === "modify_modify") {
    return left.text === right.text ? adopt(it) : conflict(it);
  }
  const [action = "", rule = ""] = word.split(" ");
  const { name, isOpen, renames } = nameFirst(it);
  if (action.startsWith("SOFT_DELETE")) return [`${action} ${name} (${rule})`];
  if (isOpen) return [`OPEN ${it.base.name} (5.13)`];
  return [...renames, `${action} ${name} (${rule})`];
}

/** Section 2: touched counts as modified against a modified or deleted side. */
function changeOf(it: Case, on: Side): Change {
  const side = it[on];
  const other = it[across(on)];
  if (side.content === "gone") return "deleted";
  if (side.content === "edited") return "modified";
  const isLost = other.content === "edited" || other.content === "gone";
  if (side.content === "doubtful" && isLost) return "modified";
  // "A rename against a deletion is a change."
  const isRenamed = side.name !== it.base.name;
  return isRenamed && other.content === "gone" ? "modified" : "unchanged";
}

/** A new name beside an unknown path is a file that was created. */
function besideUnknown({ left, right }: Case): string[] {
  if (right.isMoved) return [`${TO.left} ${right.name} (${NEW_RULE.right})`];
  return left.isMoved ? [`${TO.right} ${left.name} (${NEW_RULE.left})`] : [];
}

/** Another kind is a deletion and a creation; a conflict if both changed. */
function withFolder(it: Case): string[] {
  const { left, right, base, policies } = it;
  if (left.isFolder && right.isFolder) return [];
  const having: Side = left.isFolder ? "left" : "right";
  const other = across(having);
  const file = it[other];
  const create = `CREATE_DIR_${other.toUpperCase()} ${base.name} (${
    NEW_RULE[having]
  })`;
  const change = changeOf(it, other);
  if (change === "deleted") return [create];
  if (file.isMoved) {
    const rule = having === "left" ? "5.5" : "5.6";
    return [create, `${TO[having]} ${file.name} (${rule})`];
  }
  if (change === "unchanged") {
    const rule = having === "left" ? "5.7" : "5.8";
    const gone = `SOFT_DELETE_${other.toUpperCase()} ${base.name} (${rule})`;
    return [gone, create];
  }
  if (policies.modify_modify === "notify") return [`OPEN ${base.name} (5.1)`];
  return [clash(base.name, file, other, "5.1"), create];
}

function newer({ left, right }: Case): Side {
  return right.mtimeMs > left.mtimeMs ? "right" : "left";
}

/** The third table. */
function properties(it: Case): string[] {
  const { base, left, right } = it;
  const isChanged = (side: SideState) =>
    side.name !== base.name || side.mode !== base.mode ||
    side.mtimeMs !== base.mtimeMs;
  if (!isChanged(left) && !isChanged(right)) return [];
  if (!isChanged(right)) return bring(it, "right", "5.11");
  if (!isChanged(left)) return bring(it, "left", "5.12");
  if (left.name === right.name && left.mode === right.mode) return adopt(it);
  if (it.policies.metadata_conflict === "notify") {
    return [`OPEN ${base.name} (5.13)`];
  }
  return bring(it, across(newer(it)), "5.13");
}

/** Brings what the other side has: name, time, mode. */
function bring(it: Case, to: Side, rule: string): string[] {
  const source = it[across(to)];
  const target = it[to];
  const name = source.name === target.name ? "" : ` -> ${source.name}`;
  const time = source.mtimeMs === target.mtimeMs ? "" : " +time";
  const mode = source.mode === target.mode ? "" : " +mode";
  const what = name + time + mode;
  const side = to.toUpperCase();
  return what === "" ? [] : [`RENAME_${side} ${target.name}${what} (${rule})`];
}

/** The newer mtime goes to the other side; names that differ are settled. */
function adopt(it: Case): string[] {
  const { name, isOpen, isContested } = nameFirst(it);
  if (isOpen) return [`OPEN ${it.base.name} (5.13)`];
  const by = isContested ? " (5.13)" : "";
  return (["left", "right"] as const).flatMap((side) => {
    const rename = it[side].name === name ? "" : ` -> ${name}`;
    const isOlder = newer(it) !== side &&
      it[side].mtimeMs !== it[newer(it)].mtimeMs;
    const what = rename + (isOlder ? " +time" : "");
    const on = side.toUpperCase();
    return what === "" ? [] : [`RENAME_${on} ${it[side].name}${what}${by}`];
  });
}

interface NameFirst {
  readonly name: string;
  /** Both sides gave the file new names that differ. */
  readonly isContested: boolean;
  /** … and a person is to decide. */
  readonly isOpen: boolean;
  readonly renames: readonly string[];
}

/** Content and name are two axes. */
function nameFirst(it: Case): NameFirst {
  const { base, left, right } = it;
  const plain = { isContested: false, isOpen: false, renames: [] };
  if (left.content === "gone") return { ...plain, name: right.name };
  if (right.content === "gone") return { ...plain, name: left.name };
  const isContested = left.name !== right.name && left.name !== base.name &&
    right.name !== base.name;
  const isLefts = isContested ? newer(it) === "left" : left.name !== base.name;
  const name = isLefts ? left.name : right.name;
  const renames = (["left", "right"] as const).flatMap((side) => {
    if (it[side].name === name) return [];
    const rule = isContested ? "5.13" : side === "left" ? "5.12" : "5.11";
    const on = side.toUpperCase();
    return [`RENAME_${on} ${it[side].name} -> ${name} (${rule})`];
  });
  const isOpen = isContested && it.policies.metadata_conflict === "notify";
  return { name, isContested, isOpen, renames };
}

/** Section 4: both sides have content of their own. */
function conflict(it: Case): string[] {
  const { base, policies } = it;
  if (policies.modify_modify === "notify") return [`OPEN ${base.name} (5.1)`];
  const { name, isOpen, renames } = nameFirst(it);
  if (isOpen) return [`OPEN ${base.name} (5.13)`];
  const loser = across(newer(it));
  return policies.modify_modify === "overwrite"
    ? [...renames, `${TO[loser]} ${name} keeping (5.1)`]
    : [
      ...renames,
      clash(name, it[loser], loser, "5.1"),
      `${TO[loser]} ${name} (5.1)`,
    ];
}

/** The older version's mtime in UTC and its side stand in the clash name. */
export function clash(
  name: string,
  loser: { readonly mtimeMs: number },
  side: Side,
  rule: string,
): string {
  const digits = new Date(loser.mtimeMs).toISOString().replace(/\D/g, "");
  const mark = `.clash-${digits.slice(0, 8)}-${digits.slice(8, 14)}-${side}`;
  const dot = name.lastIndexOf(".");
  const path = dot > 0
    ? name.slice(0, dot) + mark + name.slice(dot)
    : name + mark;
  return `CLASH_CREATE ${name} -> ${path} (${rule})`;
}
