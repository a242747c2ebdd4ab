/**
 * Random settings and random edits of both roots, for property tests. An edit
 * is plain data that is applied to whatever is there, so that a failing case
 * can be made smaller, and applied again with the sides swapped.
 *
 * @module
 */
import fc from "fast-check";
import { StateDb } from "../lib/state_db.ts";
import { otherSide, POLICIES, type Policy, type Side } from "../lib/types.ts";
import {
  type FileState,
  type Snapshot,
  snapshot,
} from "./random_office_checks.ts";
import type { Office } from "./support.ts";

/** What a person, or a program, does to a file or folder of one side. */
const KINDS = [
  "create",
  "edit, same size",
  "edit, other size",
  "save anew, same time",
  "remove",
  "rename",
  "rename onto another",
  "rename across folders",
  "move folder",
  "touch",
  "chmod",
  "make folder",
  "remove folder",
  "file to folder",
  "folder to file",
  "swap two",
  "copy",
  "copy across sides",
  "same on both sides",
  "restore older version",
  "change case",
  "odd time",
  "just written",
  "rewrite unseen",
] as const;

/** What needs the clock, or makes ties: not the same with sides swapped. */
const NOT_MIRRORED: ReadonlySet<typeof KINDS[number]> = new Set([
  "save anew, same time",
  "just written",
  "rewrite unseen",
]);

/** One edit; numbers are taken modulo what there is to choose from. */
export interface Edit {
  readonly kind: typeof KINDS[number];
  readonly side: Side;
  /** Chooses what is edited. */
  readonly at: number;
  /** Chooses where to, or how. */
  readonly to: number;
}

/** What the config says, where it matters. */
export interface Settings {
  readonly policy: Policy;
  readonly namePolicy: Policy;
  readonly isSoft: boolean;
  readonly maxBytes: number;
  readonly keepReplaced: boolean;
  readonly verifyFirstRun: boolean;
}

/** A whole case: settings, and the edits before each run. */
export interface Scenario {
  readonly settings: Settings;
  readonly rounds: readonly (readonly Edit[])[];
}

/** The policies that leave nothing for a person. */
const SETTLING = POLICIES.filter((policy) => policy !== "notify");

/**
 * Scenarios.
 *
 * @param how Whether conflicts may stay open, and whether only edits are
 *   wanted that mean the same with the sides swapped.
 */
export function scenarios(how: {
  readonly isMirrored: boolean;
  readonly leavesOpen: boolean;
}): fc.Arbitrary<Scenario> {
  const kinds = KINDS.filter((kind) =>
    !how.isMirrored || !NOT_MIRRORED.has(kind)
  );
  const edit = (side: Side | null) =>
    fc.record<Edit>({
      kind: fc.constantFrom(...kinds),
      side: side === null
        ? fc.constantFrom("left", "right")
        : fc.constant(side),
      at: fc.nat(999),
      to: fc.nat(999),
    });
  const edits = fc.oneof(
    { weight: 3, arbitrary: fc.array(edit(null), { maxLength: 14 }) },
    { weight: 1, arbitrary: fc.array(edit("left"), { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(edit("right"), { maxLength: 8 }) },
  );
  const creating = fc.array(
    edit(null).map((it): Edit => ({ ...it, kind: "create" })),
    { maxLength: 10 },
  );
  const policy = fc.constantFrom<Policy>(
    ...(how.leavesOpen ? POLICIES : SETTLING),
  );
  return fc.record<Scenario>({
    settings: fc.record<Settings>({
      policy,
      namePolicy: policy,
      isSoft: fc.boolean(),
      maxBytes: fc.constantFrom(20, 1 << 20),
      keepReplaced: fc.boolean(),
      verifyFirstRun: fc.boolean(),
    }),
    rounds: fc.tuple(creating, fc.array(edits, { minLength: 1, maxLength: 4 }))
      .map(([first, [second = [], ...others]]) => [
        [...first, ...second],
        ...others,
      ]),
  });
}

/**
 * Settings as lines of a config.
 *
 * @param settings The settings.
 */
export function configLines(settings: Settings): string {
  const { policy, namePolicy, isSoft, maxBytes, keepReplaced } = settings;
  return `
soft_delete:
  enabled: ${isSoft}
  max_size_mb: ${maxBytes / 1_048_576}
  keep_replaced: ${keepReplaced}
conflict_policy:
  modify_modify: ${policy}
  new_new: ${policy}
  metadata_conflict: ${namePolicy}
compare:
  verify_first_run: ${settings.verifyFirstRun}
`;
}

const NAMES = ["a", "A", "b.txt", "ü ö.txt", "c.d.e", ".f", "d", "D", "x y"];
const SIZES = [6, 12, 40, 0];
const MODES = [0o644, 0o600, 0o755, 0o640];
const ODD_TIMES = [0, Date.UTC(1979, 5, 1), Date.UTC(2150, 0, 1)];
const OLD_MS = Date.UTC(2020, 0, 1);

/** Applies edits to an office, with sides swapped or not. */
export class Editor {
  readonly #office: Office;
  readonly #isSwapped: boolean;
  readonly #settings: Settings;
  readonly #versions = new Map<string, FileState[]>();
  #count = 0;

  /**
   * @param office Where to edit.
   * @param settings Of the office.
   * @param isSwapped Left's edits go to Right and the other way round.
   */
  constructor(office: Office, settings: Settings, isSwapped = false) {
    this.#office = office;
    this.#settings = settings;
    this.#isSwapped = isSwapped;
  }

  /** @param edit What to do; nothing, where there is nothing to do it to. */
  apply(edit: Edit): void {
    this.#count++;
    const side = this.#isSwapped ? otherSide(edit.side) : edit.side;
    const root = this.#office[side];
    const tree = snapshot(root);
    const files = this.#sorted(tree.files.keys());
    const folders = this.#sorted(tree.folders);
    const file = pick(files, edit.at);
    const free = this.#freePlace(tree, ["", ...folders], edit.to);
    const isFolderEdit = edit.kind.includes("folder") &&
      edit.kind !== "file to folder" && edit.kind !== "rename across folders";
    if (edit.kind === "create" || edit.kind === "just written") {
      if (free === null) return;
      const isOld = edit.kind === "create";
      const timeMs = isOld ? this.#time() : Date.now() + edit.at % 8 * 30;
      this.#write(`${root}/${free}`, this.#content(edit.at), timeMs);
    } else if (isFolderEdit) {
      this.#editFolder(edit, root, folders, free);
    } else if (file !== undefined) {
      const state = tree.files.get(file)!;
      const versions = this.#versionsOf(edit.side, file);
      versions.push(state);
      const other = this.#office[otherSide(side)];
      const target = pick(files, edit.to)!;
      this.#editFile(edit, { root, other, side, file, state, free, target });
    }
  }

  #editFile(edit: Edit, at: {
    readonly root: string;
    readonly other: string;
    readonly side: Side;
    readonly file: string;
    readonly state: FileState;
    readonly free: string | null;
    readonly target: string;
  }): void {
    const { root, other, side, file, state, free, target } = at;
    const path = `${root}/${file}`;
    const size = state.content.length;
    switch (edit.kind) {
      case "edit, same size":
        return this.#write(path, this.#text(size), this.#time());
      case "edit, other size":
        return this.#write(path, this.#text(size + 7), this.#time());
      case "save anew, same time": {
        const isSafe = this.#settings.verifyFirstRun;
        const timeMs = isSafe ? state.mtimeMs : this.#time();
        this.#write(`${path}~`, this.#text(size), timeMs);
        return Deno.renameSync(`${path}~`, path);
      }
      case "remove":
        return Deno.removeSync(path);
      case "rename":
      case "rename across folders": {
        const name = free?.slice(free.lastIndexOf("/") + 1);
        const folder = file.slice(0, file.lastIndexOf("/") + 1);
        const to = edit.kind === "rename" ? `${folder}${name}` : free;
        return move(root, file, free === null ? null : to);
      }
      case "rename onto another":
        return Deno.renameSync(path, `${root}/${target}`);
      case "touch":
        return setTime(path, this.#time());
      case "odd time":
        return setTime(path, pick(ODD_TIMES, edit.to)! + this.#count * 61_000);
      case "chmod":
        return Deno.chmodSync(path, pick(MODES, edit.to)!);
      case "file to folder":
        Deno.removeSync(path);
        Deno.mkdirSync(path);
        return this.#write(`${path}/in`, this.#content(edit.to), this.#time());
      case "swap two":
        Deno.renameSync(path, `${path}~`);
        if (target !== file) Deno.renameSync(`${root}/${target}`, path);
        return Deno.renameSync(`${path}~`, `${root}/${target}`);
      case "copy":
        if (free === null) return;
        return this.#write(`${root}/${free}`, state.content, state.mtimeMs);
      case "copy across sides":
        return tryIn(other, file, (to) => {
          this.#write(to, state.content, state.mtimeMs);
        });
      case "same on both sides":
        return [root, other].forEach((each, n) =>
          tryIn(each, file, (to) => {
            this.#write(to, `both${this.#count}`, this.#time() + n * 1000);
          })
        );
      case "restore older version": {
        const older = pick(this.#versionsOf(edit.side, file), edit.to)!;
        return this.#write(path, older.content, older.mtimeMs);
      }
      case "change case":
        return move(root, file, respelled(file));
      case "rewrite unseen": {
        const isUnseen = this.#isFreshInRecord(side, file);
        const timeMs = isUnseen ? state.mtimeMs : this.#time();
        return this.#write(path, this.#text(size), timeMs);
      }
    }
  }

  #editFolder(
    edit: Edit,
    root: string,
    folders: readonly string[],
    free: string | null,
  ): void {
    const folder = pick(folders, edit.at);
    if (edit.kind === "make folder") {
      if (free !== null) Deno.mkdirSync(`${root}/${free}`);
      return;
    }
    if (folder === undefined) return;
    switch (edit.kind) {
      case "move folder":
        if (!free?.startsWith(`${folder}/`)) move(root, folder, free);
        return;
      case "remove folder":
        return Deno.removeSync(`${root}/${folder}`, { recursive: true });
      case "folder to file": {
        const path = `${root}/${folder}`;
        Deno.removeSync(path, { recursive: true });
        return this.#write(path, this.#content(edit.to), this.#time());
      }
    }
  }

  #freePlace(
    tree: Snapshot,
    folders: readonly string[],
    choice: number,
  ): string | null {
    const folder = pick(folders, Math.floor(choice / NAMES.length))!;
    const name = pick(NAMES, choice)!;
    const path = folder === "" ? name : `${folder}/${name}`;
    return tree.files.has(path) || tree.folders.has(path) ? null : path;
  }

  /** In an order that is the same with the sides swapped. */
  #sorted(paths: Iterable<string>): string[] {
    const key = (path: string) => this.#isSwapped ? swapMarks(path) : path;
    return [...paths].sort((a, b) => key(a) < key(b) ? -1 : 1);
  }

  #versionsOf(side: Side, file: string): FileState[] {
    const key = `${side}/${this.#isSwapped ? swapMarks(file) : file}`;
    const known = this.#versions.get(key) ?? [];
    this.#versions.set(key, known);
    return known;
  }

  #isFreshInRecord(side: Side, file: string): boolean {
    if (!exists(this.#office.stateDb)) return false;
    using db = new StateDb(this.#office.stateDb, { isReadOnly: true });
    return db.fileAt(file)?.[side].isFresh ?? false;
  }

  #content(choice: number): string {
    return this.#text(pick(SIZES, choice)!);
  }

  #text(size: number): string {
    return String(this.#count).padStart(size, ".").slice(0, size);
  }

  /** Long ago, and never twice. */
  #time(): number {
    return OLD_MS + this.#count * 61_000 + this.#count % 10 * 101;
  }

  #write(path: string, content: string, timeMs: number): void {
    Deno.writeTextFileSync(path, content);
    setTime(path, timeMs);
  }
}

/**
 * A path as it is called with the sides swapped.
 *
 * @param text A path, or a sentence with paths in it.
 */
export function swapMarks(text: string): string {
  return text.replaceAll(
    /(\.clash-\d{8}-\d{6}-)(left|right)/g,
    (_, mark, side) => mark + otherSide(side),
  );
}

function pick<T>(list: readonly T[], choice: number): T | undefined {
  return list[choice % list.length];
}

function setTime(path: string, timeMs: number): void {
  Deno.utimeSync(path, timeMs / 1000, timeMs / 1000);
}

function move(root: string, from: string, to: string | null): void {
  if (to !== null && !exists(`${root}/${to}`)) {
    Deno.renameSync(`${root}/${from}`, `${root}/${to}`);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Where the other side has a folder in the way, or none to put it into. */
function tryIn(root: string, file: string, act: (path: string) => void): void {
  const path = `${root}/${file}`;
  const folder = path.slice(0, path.lastIndexOf("/"));
  if (!exists(folder) || !Deno.lstatSync(folder).isDirectory) return;
  if (!exists(path) || Deno.lstatSync(path).isFile) act(path);
}

function respelled(path: string): string {
  const at = path.lastIndexOf("/") + 1;
  const letter = path.charAt(at);
  const other = letter === letter.toUpperCase()
    ? letter.toLowerCase()
    : letter.toUpperCase();
  return path.slice(0, at) + other + path.slice(at + 1);
}
