/**
 * The two tables of the contract, as tables: what to do about the content of
 * one path, given what became of it on each side. Row Left, column Right. The
 * type checker proves that no cell is missing.
 *
 * @module
 */
import type { ConflictKind, Rule, Side } from "./types.ts";

/** What became of a recorded file on one side. */
export const RECORDED_CHANGES = ["unchanged", "modified", "deleted"] as const;

/** One of {@linkcode RECORDED_CHANGES}. */
export type RecordedChange = typeof RECORDED_CHANGES[number];

/** What became of an unrecorded file on one side. */
export const UNRECORDED_CHANGES = ["absent", "created"] as const;

/** One of {@linkcode UNRECORDED_CHANGES}. */
export type UnrecordedChange = typeof UNRECORDED_CHANGES[number];

/** What to do about the content of a path. */
export type Cell =
  /** Content agrees: only name and properties may differ. */
  | { readonly kind: "settled" }
  /** Bring the content to a side. */
  | { readonly kind: "copy"; readonly to: Side; readonly rule: Rule }
  /** Remove the file from a side. */
  | { readonly kind: "remove"; readonly on: Side; readonly rule: Rule }
  /** Both sides have content of their own: equal, or a conflict. */
  | {
    readonly kind: "contest";
    readonly conflict: ConflictKind;
    readonly rule: Rule;
  }
  /** Nothing is left of it: drop the row. */
  | { readonly kind: "forget" }
  /** There is nothing. */
  | { readonly kind: "none" };

const settled: Cell = { kind: "settled" };
const forget: Cell = { kind: "forget" };
const none: Cell = { kind: "none" };
const copyTo = (to: Side, rule: Rule): Cell => ({ kind: "copy", to, rule });
const removeOn = (on: Side, rule: Rule): Cell => ({ kind: "remove", on, rule });
const contest = (conflict: ConflictKind, rule: Rule): Cell => ({
  kind: "contest",
  conflict,
  rule,
});

/** Recorded paths. */
// deno-fmt-ignore
export const RECORDED: Record<RecordedChange, Record<RecordedChange, Cell>> = {
  unchanged: { unchanged: settled,                 modified: copyTo("left", "5.4"),           deleted: removeOn("left", "5.8") },
  modified:  { unchanged: copyTo("right", "5.3"),  modified: contest("modify_modify", "5.1"), deleted: copyTo("right", "5.6") },
  deleted:   { unchanged: removeOn("right", "5.7"), modified: copyTo("left", "5.5"),          deleted: forget },
};

/** Paths that are not recorded. */
// deno-fmt-ignore
export const UNRECORDED: Record<UnrecordedChange, Record<UnrecordedChange, Cell>> = {
  absent:  { absent: none,                   created: copyTo("left", "5.10") },
  created: { absent: copyTo("right", "5.9"), created: contest("new_new", "5.2") },
};

/** Whether name, mtime or mode of one side are as recorded. */
export const PROPERTY_CHANGES = ["same", "changed"] as const;

/** One of {@linkcode PROPERTY_CHANGES}. */
export type PropertyChange = typeof PROPERTY_CHANGES[number];

/** What to do about name and properties, content being settled. */
export type PropertyCell =
  | { readonly kind: "nothing" }
  /** Bring name, mtime and mode to a side. */
  | { readonly kind: "bring"; readonly to: Side; readonly rule: Rule }
  /** Both changed them: the same, or only mtimes, or a conflict. */
  | { readonly kind: "contest"; readonly rule: Rule };

const bringTo = (to: Side, rule: Rule): PropertyCell => ({
  kind: "bring",
  to,
  rule,
});

/** Name and properties, content unchanged on both sides. */
// deno-fmt-ignore
export const PROPERTIES: Record<PropertyChange, Record<PropertyChange, PropertyCell>> = {
  same:    { same: { kind: "nothing" },         changed: bringTo("left", "5.12") },
  changed: { same: bringTo("right", "5.11"), changed: { kind: "contest", rule: "5.13" } },
};
