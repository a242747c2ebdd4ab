/**
 * Plans as short lines, and plans and situations seen in a mirror.
 *
 * @module
 */
import type { Action, Plan } from "../../lib/plan_types.ts";
import type { Rule } from "../../lib/types.ts";

/**
 * An action in one line: `COPY_LEFT_TO_RIGHT a.txt (5.3)`. Open conflicts
 * start with `OPEN`, changes of the record alone with `record`.
 */
export function told(action: Action): string {
  const { name, path, newPath, rule, work } = action;
  if (work.kind === "record") return `record ${recordTold(work.change)}`;
  const what = work.kind === "none" && action.conflict ? "OPEN" : name;
  const to = newPath === null ? "" : ` -> ${newPath}`;
  const by = rule === null ? "" : ` (${rule})`;
  return `${what} ${path}${to}${extras(action)}${by}`;
}

function recordTold(
  change: (Action["work"] & { kind: "record" })["change"],
): string {
  switch (change.kind) {
    case "put": {
      const was = change.rowPath !== null && change.rowPath !== change.row.path;
      return `put ${change.row.path}${was ? ` (was ${change.rowPath})` : ""}`;
    }
    case "move-file":
    case "move-directory":
      return `${change.kind} ${change.from} -> ${change.to}`;
    default:
      return `${change.kind} ${change.path}`;
  }
}

/** What a rename brings besides the name, and what a copy keeps. */
function extras({ work }: Action): string {
  if (work.kind === "rename") {
    const brought = [
      ...work.mtimeMs === null ? [] : ["time"],
      ...work.mode === null ? [] : ["mode"],
    ];
    return brought.map((it) => ` +${it}`).join("");
  }
  const keeps = work.kind === "copy" && work.target !== null &&
    work.fate === "soft-delete";
  return keeps ? " keeping" : "";
}

/** All of a plan, in order. */
export function lines(plan: Plan): string[] {
  return plan.actions.map(told);
}

/** What happens on disk or stays open, in order; the record left out. */
export function acts(plan: Plan): string[] {
  return lines(plan).filter((line) => !line.startsWith("record "));
}

const RULES: Partial<Record<Rule, Rule>> = {
  "5.3": "5.4",
  "5.4": "5.3",
  "5.5": "5.6",
  "5.6": "5.5",
  "5.7": "5.8",
  "5.8": "5.7",
  "5.9": "5.10",
  "5.10": "5.9",
  "5.11": "5.12",
  "5.12": "5.11",
};

/** The rule that says the same of the other side. */
export function mirrorRule(rule: Rule | null): Rule | null {
  return rule === null ? null : RULES[rule] ?? rule;
}

const SWAPPED: Readonly<Record<string, string>> = {
  left: "right",
  right: "left",
  Left: "Right",
  Right: "Left",
  LEFT: "RIGHT",
  RIGHT: "LEFT",
};

/** A side's name: as a key, in a sentence, in an action, in a clash mark. */
const SIDE_NAMES =
  /^(?:left|right)$|\b(?:Left|Right)\b|LEFT|RIGHT|(?<=\d-)(?:left|right)\b/g;

function mirrorText(text: string): string {
  return text.replace(SIDE_NAMES, (word) => SWAPPED[word] ?? word);
}

/** Swaps the sides in plain data: in keys, in words, in rules. */
export function mirror<T>(value: T): T {
  return mirrorAny(value, "") as T;
}

function mirrorAny(value: unknown, key: string): unknown {
  if (typeof value === "string") {
    return key === "rule" ? mirrorRule(value as Rule) : mirrorText(value);
  }
  if (Array.isArray(value)) return value.map((item) => mirrorAny(item, ""));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([name, item]) =>
    [mirrorText(name), mirrorAny(item, name)] as const
  );
  return Object.fromEntries(entries);
}

/**
 * A plan without its order, which differs in a mirror where clash names do:
 * every action with what it needs in words.
 */
export function unordered(plan: Plan): unknown {
  const actions = plan.actions.map((action) => ({
    ...action,
    needs: action.needs.map((at) => told(plan.actions[at]!)).sort(),
  }));
  return { ...plan, actions: sorted(actions), problems: sorted(plan.problems) };
}

/** The same with the sides swapped. */
export function mirroredUnordered(plan: Plan): unknown {
  const actions = plan.actions.map((action) => ({
    ...mirror(action),
    needs: action.needs.map((at) => told(mirror(plan.actions[at]!))).sort(),
  }));
  return {
    ...mirror(plan),
    actions: sorted(actions),
    problems: sorted(mirror(plan.problems)),
  };
}

function sorted<T>(items: readonly T[]): T[] {
  const key = (item: T) => JSON.stringify(item, inOneOrder);
  return [...items].sort((a, b) => key(a) < key(b) ? -1 : 1);
}

function inOneOrder(_key: string, value: unknown): unknown {
  const isPlain = value !== null && typeof value === "object" &&
    !Array.isArray(value);
  return isPlain ? Object.fromEntries(Object.entries(value).sort()) : value;
}
