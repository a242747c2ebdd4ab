/**
 * Situations as literals: what is recorded and what stands on each side, by path. Folders above a path need not be named; "" is the root.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import { alwaysWinner } from "../../lib/conflict.ts";
import { isStill, type Traits } from "../../lib/metadata.ts";
import {
  folderOf,
  type Folding,
  isWithin,
  keyOf,
  nameOf,
} from "../../lib/paths.ts";
import { merge, type Merged } from "../../lib/plan_merge.ts";
import {
  type Action,
  type Answer,
  type DecisionSettings,
  type FileRef,
  halfOf,
  type Plan,
  type Question,
  type RecordView,
  type Ruling,
  type SideScan,
} from "../../lib/plan_types.ts";
import { decide } from "../../lib/sync_logic.ts";
import type {
  Both,
  ConflictKind,
  DirectoryRow,
  FileRow,
  Metadata,
  Policy,
  Problem,
  ProblemKind,
  Rule,
  Side,
} from "../../lib/types.ts";
import { extensionOf } from "../../lib/wire_ignore.ts";
import { type Entry, ListingBuilder } from "../../lib/wire_listing.ts";
import { addTo } from "./listed.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** The clock of all situations. */
export const NOW = Date.UTC(2026, 4, 20, 12);
/** When files without an mtime of their own were written. */
export const OLD = NOW - 10 * DAY;

/** A file of a side, or of both sides of the record. */
export interface FakeFile {
  readonly kind: "file";
  readonly content: string;
  readonly mtimeMs: number;
  readonly mode: number;
  /** Null where the file has no id. */
  readonly ino: number | null;
  /** Larger than the content, where a test needs it. */
  readonly sizeBytes: number;
  /** In the record: so young that its metadata can't be relied on. */
  readonly isFresh: boolean;
  /** Reading it fails. */
  readonly isUnreadable: boolean;
}

/** A recorded file whose halves differ, or that keeps a hash. */
export interface FakeRow {
  readonly kind: "row";
  readonly left: FakeFile;
  readonly right: FakeFile;
  readonly hash: string | null;
}

/** A folder; folders above a path need not be named. */
export interface FakeFolder {
  readonly kind: "folder";
  readonly isMount: boolean;
  readonly isChanging: boolean;
  readonly isAgreed: boolean;
}

/** Something to be left alone; it may be seen as a file or a folder. */
export interface FakeProblem {
  readonly kind: "problem";
  readonly problem: ProblemKind;
  readonly seen: FakeFile | FakeFolder | null;
}

export type SideTree = Readonly<
  Record<string, FakeFile | FakeFolder | FakeProblem>
>;
export type RecordTree = Readonly<
  Record<string, FakeFile | FakeRow | FakeFolder>
>;

/** What is recorded and what stands on each side. */
export interface Situation {
  readonly record: RecordTree;
  readonly left: SideTree;
  readonly right: SideTree;
}

type FileOptions = Partial<Omit<FakeFile, "kind" | "content">>;

export function file(content: string, more: FileOptions = {}): FakeFile {
  return {
    kind: "file",
    content,
    mtimeMs: OLD,
    mode: 0o644,
    ino: null,
    sizeBytes: content.length,
    isFresh: false,
    isUnreadable: false,
    ...more,
  };
}

/** The same file with something else about it. */
export function but(base: FakeFile, more: Partial<FakeFile>): FakeFile {
  const { content } = { ...base, ...more };
  return { ...base, sizeBytes: content.length, ...more };
}

export function row(
  left: FakeFile,
  right: FakeFile,
  hash: string | null = null,
): FakeRow {
  return { kind: "row", left, right, hash };
}

export function folder(
  more: Partial<Omit<FakeFolder, "kind">> = {},
): FakeFolder {
  const plain = { isMount: false, isChanging: false, isAgreed: true };
  return { kind: "folder", ...plain, ...more };
}

export function problem(
  kind: ProblemKind,
  seen: FakeFile | FakeFolder | null = null,
): FakeProblem {
  return { kind: "problem", problem: kind, seen };
}

/** What `hash` questions are answered with. */
export const hashOf = (content: string): string => `hash of ${content}`;

/** The metadata a file system reports for a literal. */
export function metadataOf(literal: FakeFile): Metadata {
  const { sizeBytes, mtimeMs, mode, ino } = literal;
  const id = ino === null ? null : { ino, birthMs: 1000 };
  return { sizeBytes, mtimeMs, mode, id };
}

// Merges situations, decides, and answers questions about content from the literals themselves.

/** What differs from the plainest settings. */
export interface Options {
  readonly policies?: Partial<Record<ConflictKind, Policy>>;
  readonly traits?: Partial<Both<Partial<Traits>>>;
  readonly softDelete?: Partial<DecisionSettings["softDelete"]>;
  readonly isFirstMeeting?: boolean;
  readonly verifyFirstRun?: boolean;
  readonly listUnchanged?: boolean;
  /** Extensions that are always read. */
  readonly alwaysRead?: readonly string[];
  /** Inodes that several recorded files of a side share. */
  readonly sharedInos?: readonly number[];
  readonly ruling?: Ruling;
  readonly maxChangePercent?: number;
  /** Path → since when it is being saved on a side, in ms since 1970. */
  readonly savedSince?: Partial<Both<Readonly<Record<string, number>>>>;
}

const PLAIN_TRAITS: Traits = {
  ignoresCase: false,
  ignoresNormalForm: false,
  hasWindowsNames: false,
  tickMs: 1,
  clockOffsetMs: 0,
};

export const IGNORING_CASE: Options = {
  traits: { left: { ignoresCase: true }, right: { ignoresCase: true } },
};

function traitsOf(options: Options): Both<Traits> {
  return {
    left: { ...PLAIN_TRAITS, ...options.traits?.left },
    right: { ...PLAIN_TRAITS, ...options.traits?.right },
  };
}

export function settingsOf(
  options: Options,
  recordedFiles: number,
): DecisionSettings {
  const { left, right } = traitsOf(options);
  return {
    folding: {
      ignoresCase: left.ignoresCase || right.ignoresCase,
      ignoresNormalForm: left.ignoresNormalForm || right.ignoresNormalForm,
    },
    ignoresModes: [left, right].some((it) => it.carriesModes === false),
    coarserTickMs: Math.max(left.tickMs, right.tickMs),
    isFirstMeeting: options.isFirstMeeting ?? recordedFiles === 0,
    verifyFirstRun: options.verifyFirstRun ?? false,
    listUnchanged: options.listUnchanged ?? false,
    nowMs: NOW,
    recordedFiles,
    maxChangePercent: options.maxChangePercent ?? 50,
    policies: {
      modify_modify: "clash",
      new_new: "clash",
      metadata_conflict: "clash",
      ...options.policies,
    },
    softDelete: {
      enabled: true,
      maxSizeBytes: 20 * 1024 * 1024,
      keepReplaced: false,
      ...options.softDelete,
    },
    isSuspicious: (name) =>
      (options.alwaysRead ?? []).includes(extensionOf(name)),
    ruling: options.ruling ?? null,
    savedSince: (side, path) => options.savedSince?.[side]?.[path] ?? null,
    isSharedId: (_side, id) => (options.sharedInos ?? []).includes(id.ino),
  };
}

/** Merges a situation, every folder of both sides handed on. */
export function merged(situation: Situation, options: Options = {}): Merged {
  const record = recordView(situation.record);
  const scans = {
    left: scan(situation, "left"),
    right: scan(situation, "right"),
  };
  const settings = settingsOf(options, 1);
  const { folding, isSuspicious, listUnchanged } = settings;
  const namesFolders = alwaysWinner("metadata_conflict", settings)?.side;
  const traits = traitsOf(options);
  return merge(scans, record, {
    traits,
    folding,
    isSuspicious,
    keepUnchanged: listUnchanged,
    ...namesFolders && { namesFolders },
  });
}

/** A plan and what had to be read for it. */
export interface Decided {
  readonly plan: Plan;
  /** `compare left/a right/a`, `hash left/a`, in the order of asking. */
  readonly asked: readonly string[];
}

/** Decides, as often as there are questions. */
export function decided(situation: Situation, options: Options = {}): Decided {
  const input = merged(situation, options);
  const files = Object.values(situation.record).filter(({ kind }) =>
    kind !== "folder"
  );
  const settings = settingsOf(options, files.length);
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  for (let round = 0; round < 20; round++) {
    const decision = decide(input, answers, settings);
    if (decision.kind === "plan") return { plan: decision.plan, asked };
    assert.ok(decision.questions.size > 0, "it asks something");
    for (const [id, question] of decision.questions) {
      assert.ok(!answers.has(id), `${id} is asked only once`);
      asked.push(id.replaceAll("\n", " "));
      answers.set(id, answerTo(question, situation));
    }
  }
  throw new Error("it never stops asking");
}

function answerTo(question: Question, situation: Situation): Answer {
  const refs = question.kind === "hash"
    ? [question.file]
    : [question.a, question.b];
  const files = refs.map((ref) => literalAt(ref, situation));
  for (const [at, { isUnreadable }] of files.entries()) {
    if (!isUnreadable) continue;
    const { side, path } = refs[at]!;
    return { kind: "unreadable", side, path, reason: "access is denied" };
  }
  const [a, b] = files;
  if (question.kind === "hash") {
    return { kind: "hash", hash: hashOf(a!.content) };
  }
  if (a!.content !== b!.content) return { kind: "different" };
  return { kind: "same", hash: question.wantsHash ? hashOf(a!.content) : null };
}

function literalAt(
  { side, path, metadata }: FileRef,
  from: Situation,
): FakeFile {
  const found = from[side][path];
  assert.ok(found?.kind === "file", `${side}/${path} is a file to be read`);
  assert.ok(isStill(metadata, metadataOf(found)), `${side}/${path} is as seen`);
  return found;
}

/** Every folder of a tree, named or implied, parents first. */
export function foldersOf(tree: SideTree | RecordTree): string[] {
  const folders = new Set([""]);
  const addUp = (path: string): void => {
    if (path === "" || folders.has(path)) return;
    addUp(folderOf(path));
    folders.add(path);
  };
  for (const [path, literal] of Object.entries(tree)) {
    addUp(folderOf(path));
    if (literal.kind === "folder") addUp(path);
  }
  return [...folders].sort();
}

export function scan(situation: Situation, side: Side): SideScan {
  const tree = situation[side];
  const inFolder = new Map<string, Entry[]>();
  const problems: Problem[] = [];
  for (const path of foldersOf(tree)) {
    inFolder.set(path, []);
    if (path !== "") inFolder.get(folderOf(path))!.push(asFolder(path, tree));
  }
  for (const [path, literal] of Object.entries(tree)) {
    const seen = literal.kind === "problem" ? literal.seen : literal;
    const within = inFolder.get(folderOf(path))!;
    const name = nameOf(path);
    if (literal.kind === "problem") {
      const metadata = seen?.kind === "file" ? metadataOf(seen) : null;
      const reason = `a problem: ${literal.problem}`;
      problems.push({ side, path, kind: literal.problem, reason, metadata });
      if (seen?.kind === "folder") {
        within.push({
          kind: "directory",
          name,
          isMount: seen.isMount,
          id: null,
        });
      }
    } else if (seen?.kind === "file") {
      within.push({ kind: "file", name, ...metadataOf(seen) });
    }
  }
  const builder = new ListingBuilder();
  const listings = [...inFolder].map(([path, entries]) => {
    builder.clear();
    entries.forEach((entry) => addTo(builder, entry));
    const at = tree[path];
    const isChanging = at?.kind === "folder" && at.isChanging;
    return [
      path,
      builder.listing(path, { lookedAtMs: NOW, isChanging }),
    ] as const;
  });
  return { listings: new Map(listings), problems };
}

function asFolder(path: string, tree: SideTree): Entry {
  const literal = tree[path];
  const isMount = literal?.kind === "folder" && literal.isMount;
  return { kind: "directory", name: nameOf(path), isMount, id: null };
}

export function recordView(record: RecordTree): RecordView {
  const directories = new Map<string, DirectoryRow>();
  for (const path of foldersOf(record)) {
    const literal = record[path];
    const isMount = literal?.kind === "folder" && literal.isMount;
    directories.set(path, {
      path,
      isAgreed: literal?.kind !== "folder" || literal.isAgreed,
      isMount: { left: isMount, right: isMount },
      id: { left: null, right: null },
      digest: { left: null, right: null },
    });
  }
  const rows = new Map<string, FileRow[]>();
  for (const [path, literal] of Object.entries(record)) {
    if (literal.kind === "folder") continue;
    const within = rows.get(folderOf(path)) ?? [];
    within.push(rowOf(path, literal));
    rows.set(folderOf(path), within);
  }
  return {
    directories,
    filesIn: (at) => rows.get(at) ?? [],
    foldersWithout: () => [...directories.keys()],
    countBelow: (folder) =>
      [...rows.values()].flat().filter(({ path }) =>
        path.startsWith(`${folder}/`)
      ).length,
  };
}

function rowOf(path: string, literal: FakeFile | FakeRow): FileRow {
  const { left, right, hash } = literal.kind === "row"
    ? literal
    : row(literal, literal, literal.isFresh ? hashOf(literal.content) : null);
  const half = (it: FakeFile) => halfOf(metadataOf(it), it.isFresh);
  return { path, left: half(left), right: half(right), hash };
}

/** Pairs in one line each: what is recorded, and what each side has there. */
export function toldPairs({ pairs }: Merged): string[] {
  return pairs.map(({ key, row, left, right }) =>
    [key, row?.path, left?.name, right?.name].map((it) => it ?? "-")
      .join(" ")
  ).sort();
}

// Plans as short lines, and plans and situations seen in a mirror.

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

// Random situations: a tree that both sides agreed on, edited on each side.

/** One edit of one side; it is left out where it makes no sense. */
export interface Edit {
  readonly what: typeof EDITS[number];
  readonly path: string;
  readonly to: string;
  readonly content: string;
  /** Which of a side's times it gets. */
  readonly time: number;
}

const EDITS = [
  "write",
  "write",
  "rename",
  "rename",
  "delete",
  "touch",
  "chmod",
  "folder",
  "rewrite with other id",
] as const;

const PATHS = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "f", "f/a", "f/b"];
const SPELLINGS = [...PATHS, "A", "B", "D/a", "d/A", "D/B", "D/E/a", "F"];

/** Contents of three sizes, two of each. */
const CONTENTS = ["one", "two", "three", "seven", "nothing", "nowhere"];

/** A situation before it is put together. */
export interface Edits {
  readonly agreed: readonly Edit[];
  readonly left: readonly Edit[];
  readonly right: readonly Edit[];
}

/** Random edits; with other spellings where both sides ignore case. */
export function edits(ignoresCase: boolean): fc.Arbitrary<Edits> {
  const path = fc.constantFrom(...(ignoresCase ? SPELLINGS : PATHS));
  const edit = (...whats: Edit["what"][]): fc.Arbitrary<Edit> =>
    fc.record({
      what: fc.constantFrom(...whats),
      path,
      to: path,
      content: fc.constantFrom(...CONTENTS),
      time: fc.integer({ min: 1, max: 3 }),
    });
  const changes = fc.array(edit(...EDITS), { maxLength: 5 });
  return fc.record({
    agreed: fc.array(edit("write", "write", "folder"), { maxLength: 6 }),
    left: changes,
    right: changes,
  });
}

/** Puts a situation together; no two edits of both sides share a time. */
export function editedSituation(made: Edits, folding: Folding): Situation {
  const agreed = new Office(folding, 0);
  made.agreed.forEach((edit) => agreed.apply({ ...edit, time: 0 }));
  const base = agreed.tree();
  const sides = { left: new Office(folding, 1), right: new Office(folding, 2) };
  const record: Record<string, RecordTree[string]> = {};
  let ino = 10;
  for (const [path, it] of Object.entries(base)) {
    const halves = { left: it, right: it };
    for (const side of ["left", "right"] as const) {
      if (it.kind === "file") halves[side] = but(it, { ino: ino++ });
      sides[side].put(path, halves[side]);
    }
    const { left, right } = halves;
    record[path] = left.kind === "file" && right.kind === "file"
      ? row(left, right)
      : folder();
  }
  const tree = (side: Side): SideTree => {
    made[side].forEach((edit) => sides[side].apply(edit));
    return sides[side].tree();
  };
  return { record, left: tree("left"), right: tree("right") };
}

/** A side that is edited as a person would. */
class Office {
  readonly #entries = new Map<string, FakeFile | FakeFolder>();
  readonly #folding: Folding;
  readonly #number: number;
  #nextIno: number;

  constructor(folding: Folding, number: number) {
    this.#folding = folding;
    this.#number = number;
    this.#nextIno = 1000 * (number + 1);
  }

  put(path: string, entry: FakeFile | FakeFolder): void {
    this.#entries.set(path, entry);
  }

  tree(): Record<string, FakeFile | FakeFolder> {
    return Object.fromEntries(this.#entries);
  }

  apply(edit: Edit): void {
    const path = this.#spelled(edit.path);
    const there = this.#entries.get(path);
    const mtimeMs = OLD + (2 * edit.time + this.#number % 2) * HOUR;
    switch (edit.what) {
      case "write":
        if (there?.kind === "folder" || !this.#opens(path)) return;
        return this.put(
          path,
          there
            ? but(there, { content: edit.content, mtimeMs })
            : file(edit.content, { mtimeMs, ino: this.#nextIno++ }),
        );
      case "folder":
        if (!there && this.#opens(path)) this.put(path, folder());
        return;
      case "rename":
        return this.#rename(path, edit.to);
      case "delete":
        for (const at of this.#within(path)) this.#entries.delete(at);
        return;
      case "touch":
        if (there?.kind === "file") this.put(path, { ...there, mtimeMs });
        return;
      case "chmod":
        if (there?.kind === "file") this.put(path, { ...there, mode: 0o600 });
        return;
      case "rewrite with other id":
        if (there?.kind !== "file") return;
        this.put(path, { ...there, ino: this.#nextIno++ });
    }
  }

  /** As it is spelled here, or as it would be if it were made. */
  #spelled(path: string): string {
    const key = keyOf(path, this.#folding);
    for (const at of this.#entries.keys()) {
      if (keyOf(at, this.#folding) === key) return at;
    }
    const parent = folderOf(path);
    return parent === ""
      ? path
      : this.#spelled(parent) + path.slice(parent.length);
  }

  /** Makes the folders above a path, unless a file is in the way. */
  #opens(path: string): boolean {
    const parent = folderOf(path);
    if (parent === "") return true;
    const there = this.#entries.get(parent);
    if (there || !this.#opens(parent)) return there?.kind === "folder";
    this.put(parent, folder());
    return true;
  }

  #within(path: string): string[] {
    return [...this.#entries.keys()].filter((at) => isWithin(at, path));
  }

  #rename(from: string, wanted: string): void {
    const target = this.#spelled(wanted);
    const isRespelled = target === from;
    const to = isRespelled
      ? folderOf(from) + from.slice(folderOf(from).length, -1) +
        wanted.slice(-1)
      : target;
    const isFree = isRespelled || !this.#entries.has(to);
    const isWithinItself = !isRespelled && isWithin(to, from);
    if (!this.#entries.has(from) || !isFree || isWithinItself) return;
    if (!this.#opens(to)) return;
    for (const at of this.#within(from)) {
      const it = this.#entries.get(at)!;
      this.#entries.delete(at);
      this.put(to + at.slice(from.length), it);
    }
  }
}
