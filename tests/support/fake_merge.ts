/**
 * Merges situations, decides, and answers questions about content from the
 * literals themselves.
 *
 * @module
 */
import assert from "node:assert/strict";
import { isStill, type Traits } from "../../lib/metadata.ts";
import { folderOf, nameOf } from "../../lib/paths.ts";
import {
  merge,
  type Merged,
  type RecordView,
  type SideScan,
} from "../../lib/plan_merge.ts";
import {
  type Answer,
  type DecisionSettings,
  type FileRef,
  halfOf,
  type Plan,
  type Question,
  type Ruling,
} from "../../lib/plan_types.ts";
import { decide } from "../../lib/sync_logic.ts";
import type {
  Both,
  ConflictKind,
  DirectoryRow,
  FileRow,
  Policy,
  Problem,
  Side,
} from "../../lib/types.ts";
import { extensionOf } from "../../lib/wire_ignore.ts";
import { type Entry, ListingBuilder } from "../../lib/wire_listing.ts";
import { addTo } from "./listed.ts";
import {
  type FakeFile,
  type FakeRow,
  hashOf,
  metadataOf,
  NOW,
  type RecordTree,
  row,
  type SideTree,
  type Situation,
} from "./fake_tree.ts";

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
  const { folding, isSuspicious, listUnchanged } = settingsOf(options, 1);
  const traits = traitsOf(options);
  return merge(scans, record, {
    traits,
    folding,
    isSuspicious,
    keepUnchanged: listUnchanged,
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
export function told({ pairs }: Merged): string[] {
  return pairs.map(({ key, row, left, right }) =>
    [key, row?.path, left?.name, right?.name].map((it) => it ?? "-")
      .join(" ")
  ).sort();
}
