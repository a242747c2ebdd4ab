/**
 * Random settings and random edits of both roots, for property tests: plain data, so that a failing case can be made smaller.
 *
 * @module
 */
import fc from "fast-check";
import { StateDb } from "../../lib/state_db.ts";
import {
  type Both,
  otherSide,
  POLICIES,
  type Policy,
  type Side,
  SIDES,
} from "../../lib/types.ts";
import type { Office } from "./support.ts";

/** What a person, or a program, does to a file or folder of one side. */
export const KINDS = [
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
  "change case of folder",
  "odd time",
  "just written",
  "rewrite unseen",
] as const;

/** What makes paths that are left alone, or moves files out of them. */
export const HIDING_KINDS = [
  "hide",
  "show",
  "hide folder",
  "make link",
  "file to link",
  "make pipe",
  "nest a root",
  "leave a temporary",
] as const;

/**
 * What programs do while they save, what becomes of versions that perhaps
 * nobody meant, and files that have no ids, or the metadata of others.
 */
export const SAVING_KINDS = [
  "begin to save",
  "go on saving",
  "edit what is being saved",
  "ten minutes pass",
  "throw away",
  "empty the trash",
  "empty",
  "roll back",
  "lose the id",
  "make a double",
  "take a double's place",
  "fill a folder",
  "rewrite everything",
] as const;

/** How likely each is: what begins is to end, and what is rare is costly. */
const SAVING_WEIGHTS: Partial<Record<typeof SAVING_KINDS[number], number>> = {
  "begin to save": 8,
  "go on saving": 8,
  "edit what is being saved": 5,
  "throw away": 3,
  "rewrite everything": 2,
  "empty": 3,
  "roll back": 3,
  "lose the id": 3,
  "make a double": 4,
  "take a double's place": 4,
};

/** What needs the clock, or makes ties: not the same with sides swapped. */
const NOT_MIRRORED: ReadonlySet<typeof KINDS[number]> = new Set([
  "save anew, same time",
  "just written",
  "rewrite unseen",
]);

/** One edit; numbers are taken modulo what there is to choose from. */
export interface Edit {
  readonly kind:
    | typeof KINDS[number]
    | typeof HIDING_KINDS[number]
    | typeof SAVING_KINDS[number];
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

/** Whether one version of a conflict replaces the other. */
export function isOverwriting({ policy }: Settings): boolean {
  return !["clash", "notify"].includes(policy);
}

/** A whole case: settings, and the edits before each run. */
export interface Scenario {
  readonly settings: Settings;
  readonly rounds: readonly (readonly Edit[])[];
}

/** The policies that leave nothing for a person. */
const RESOLVING = POLICIES.filter((policy) => policy !== "notify");

/**
 * Edits.
 *
 * @param kinds Of these kinds.
 * @param side On this side, or on either.
 */
export function edits(
  kinds: readonly Edit["kind"][],
  side?: Side,
): fc.Arbitrary<Edit> {
  return fc.record<Edit>({
    kind: fc.constantFrom(...kinds),
    side: fc.constantFrom(...(side === undefined ? SIDES : [side])),
    at: fc.nat(999),
    to: fc.nat(999),
  });
}

/**
 * Scenarios.
 *
 * @param how Whether conflicts may stay open, and whether only edits are
 *   wanted that mean the same with the sides swapped. With `saves`, half of
 *   the edits are of {@linkcode SAVING_KINDS}.
 */
export function scenarios(how: {
  readonly isMirrored: boolean;
  readonly leavesOpen: boolean;
  readonly saves?: boolean;
}): fc.Arbitrary<Scenario> {
  const kinds = KINDS.filter((kind) =>
    !how.isMirrored || !NOT_MIRRORED.has(kind)
  );
  const saving = SAVING_KINDS.flatMap((kind) =>
    Array<typeof kind>(SAVING_WEIGHTS[kind] ?? 1).fill(kind)
  );
  const edit = (side?: Side) =>
    how.saves
      ? fc.oneof(edits(kinds, side), edits(saving, side))
      : edits(kinds, side);
  const round = fc.oneof(
    { weight: 3, arbitrary: fc.array(edit(), { maxLength: 14 }) },
    { weight: 1, arbitrary: fc.array(edit("left"), { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(edit("right"), { maxLength: 8 }) },
  );
  const few = fc.array(edits(["create"]), { maxLength: 10 });
  const many = fc.tuple(edits(["fill a folder"]), few).map((it) => it.flat());
  const creating = how.saves
    ? fc.oneof({ weight: 4, arbitrary: few }, { weight: 1, arbitrary: many })
    : few;
  const policy = fc.constantFrom<Policy>(
    ...(how.leavesOpen ? POLICIES : RESOLVING),
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
    rounds: fc.tuple(creating, fc.array(round, { minLength: 1, maxLength: 4 }))
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
ignore:
  filenames_prefix: ["~$"]
  paths: ["/[xX] [yY]/*", "!/[xX] [yY]/[bB].[tT][xX][tT]", "[cC].[dD].[eE]/.[fF]"]
compare:
  verify_first_run: ${settings.verifyFirstRun}
`;
}

/** The same cases for everybody, unless other ones are asked for. */
const STANDARD_SEED = 20260101;

/**
 * Checks a property with random cases: ten, in CI two hundred, as far as there
 * is time, but one at least; and again with others until they were of all
 * kinds, as on a busy machine few come about in the time there is.
 *
 * @param cases What the cases are made by.
 * @param play Throws where the property does not hold.
 * @param isVaried Whether all kinds were met.
 */
export async function assertCases<T>(
  cases: fc.Arbitrary<T>,
  play: (it: T) => Promise<void>,
  isVaried: () => boolean = () => true,
): Promise<void> {
  const runs = Deno.env.get("OFFICE_SYNC_RUNS");
  const seed = Number(Deno.env.get("OFFICE_SYNC_SEED") ?? STANDARD_SEED);
  // With its path a failing case runs at once.
  const path = Deno.env.get("OFFICE_SYNC_PATH");
  // It counts while a failing case is made smaller too.
  const limitMs = runs === undefined ? 3_000 : Number(runs) * 1500;
  const numRuns = Number(runs ?? (Deno.env.has("CI") ? 200 : 10));
  for (let more = 0; more < 10; more++) {
    const endMs = performance.now() + limitMs;
    let begun = 0;
    const property = fc.asyncProperty(cases, async (it) => {
      // None is broken off: it would go on beside the next test.
      if (begun++ === 0 || performance.now() < endMs) await play(it);
    });
    await fc.assert(property, {
      numRuns,
      seed: seed + more,
      ...(path === undefined ? {} : { path }),
    });
    if (isVaried() || isReplay()) return;
  }
}

/** Whether only one failing case is run again, not many of all kinds. */
export function isReplay(): boolean {
  return Deno.env.has("OFFICE_SYNC_PATH");
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

// Two roots as they are on disk at one moment.

/** A file on disk. */
export interface FileState {
  readonly content: string;
  /** In ms since 1970. */
  readonly mtimeMs: number;
  readonly mode: number;
  readonly id: string;
  /** It has another name, perhaps outside of the root: no id counts. */
  readonly isLinked: boolean;
}

/** A root on disk, by path; the product's own names are left out. */
export interface Snapshot {
  readonly files: ReadonlyMap<string, FileState>;
  readonly folders: ReadonlySet<string>;
  /** Inodes of the folders. */
  readonly folderIds: ReadonlyMap<string, number | null>;
  /** Symbolic links, with where they lead. */
  readonly links: ReadonlyMap<string, string>;
}

/**
 * Reads a root.
 *
 * @param root Absolute path.
 */
export function snapshot(root: string): Snapshot {
  const files = new Map<string, FileState>();
  const folders = new Set<string>();
  const folderIds = new Map<string, number | null>();
  const links = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const { name } of Deno.readDirSync(`${root}/${folder}`)) {
      if (name.startsWith(".office-sync")) continue;
      const path = folder === "" ? name : `${folder}/${name}`;
      const info = Deno.lstatSync(`${root}/${path}`);
      if (info.isDirectory) {
        folders.add(path);
        folderIds.set(path, info.ino);
        walk(path);
        continue;
      }
      if (info.isSymlink) {
        links.set(path, Deno.readLinkSync(`${root}/${path}`));
        continue;
      }
      if (!info.isFile) {
        links.set(path, "special");
        continue;
      }
      files.set(path, {
        content: Deno.readTextFileSync(`${root}/${path}`),
        mtimeMs: info.mtime!.getTime(),
        mode: info.mode! & 0o777,
        id: `${info.ino}:${info.birthtime?.getTime()}`,
        isLinked: (info.nlink ?? 1) > 1,
      });
    }
  };
  walk("");
  return { files, folders, folderIds, links };
}

/** Both roots, and what soft delete keeps in each. */
export interface State {
  readonly trees: Both<Snapshot>;
  /** Contents in the soft-delete folders. */
  readonly softDeleted: readonly string[];
}

/**
 * Reads both roots.
 *
 * @param office The office.
 */
export function stateOf(office: Office): State {
  const trees = { left: snapshot(office.left), right: snapshot(office.right) };
  const softDeleted = SIDES.flatMap((side) => {
    try {
      const folder = `${office[side]}/.office-sync/deleted`;
      return [...snapshot(folder).files.values()].map((it) => it.content);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
  return { trees, softDeleted };
}

/** All contents of a tree. */
export function contentsOf(tree: Snapshot): Set<string> {
  return new Set([...tree.files.values()].map((it) => it.content));
}

/** Contents that both sides have at one path. */
export function sharedContents({ left, right }: Both<Snapshot>): string[] {
  return [...left.files].filter(([path, { content }]) =>
    right.files.get(path)?.content === content
  ).map(([, { content }]) => content);
}

/** Removes what a conflict leaves open, and what a file there holds back. */
export function resolvedPart(
  tree: Snapshot,
  open: readonly string[],
): Snapshot {
  const isOpen = (path: string) => isWithinAny(path, open);
  return {
    files: new Map([...tree.files].filter(([path]) => !isOpen(path))),
    folders: new Set([...tree.folders].filter((path) => !isOpen(path))),
    folderIds: tree.folderIds,
    links: tree.links,
  };
}

/** A path that is ignored, or below one that is. */
export function isIgnored(path: string): boolean {
  return path.split("/").some((name) => name.startsWith("~$")) ||
    /^x y\/(?!b\.txt(?:\/|$))|^c\.d\.e\/\.f(?:\/|$)/i.test(path);
}

/**
 * A tree without what is ignored or waits, and without the folders that are
 * there for it: those may be on one side only.
 *
 * @param tree The tree.
 * @param trees Both sides.
 * @param waiting Paths that wait.
 */
export function withoutAside(
  tree: Snapshot,
  trees: Both<Snapshot>,
  waiting: ReadonlySet<string>,
): Snapshot {
  const isAside = (path: string) => waiting.has(path) || isIgnored(path);
  const above = foldersWithAside(trees, waiting);
  return {
    files: new Map([...tree.files].filter(([path]) => !isAside(path))),
    folders: new Set(
      [...tree.folders].filter((path) => !isAside(path) && !above.has(path)),
    ),
    folderIds: tree.folderIds,
    links: tree.links,
  };
}

/**
 * Folders in which something is ignored, or waits, on either side.
 *
 * @param trees Both sides.
 * @param waiting Paths that wait.
 */
export function foldersWithAside(
  trees: Both<Snapshot>,
  waiting: ReadonlySet<string>,
): ReadonlySet<string> {
  const ignored = SIDES.flatMap((side) =>
    [...trees[side].files.keys(), ...trees[side].folders].filter(isIgnored)
  );
  return new Set([...waiting, ...ignored].flatMap(foldersAbove));
}

/** All folders that a path is in, but for the root. */
function foldersAbove(path: string): string[] {
  const names = path.split("/");
  return names.slice(1).map((_, n) => names.slice(0, n + 1).join("/"));
}

/** Contents and times by path: what both sides must have in common. */
export function comparable(tree: Snapshot, hasModes = false): unknown {
  const files = [...tree.files].map(([path, { content, mtimeMs, mode }]) =>
    hasModes ? [path, content, mtimeMs, mode] : [path, content, mtimeMs]
  );
  return { files: sorted(files), folders: sorted([...tree.folders]) };
}

/** A list in an order of its own. */
export function sorted<T>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => String(a) < String(b) ? -1 : 1);
}

/**
 * Whether a path is one of others, or below one of them, however it is spelled.
 *
 * @param path The path.
 * @param others The others.
 */
export function isWithinAny(path: string, others: readonly string[]): boolean {
  const key = (text: string) => text.normalize("NFC").toLowerCase();
  return others.some((other) => `${key(path)}/`.startsWith(`${key(other)}/`));
}

/** Whether anything is at a path, a link that leads nowhere included. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

// Programs that save files in several steps, with runs in between, and trash folders inside of a root.

/** Names that a file has while it is saved; an ignored one is among them. */
const MEANWHILE: readonly ((name: string) => string)[] = [
  () => "~WRL0001.tmp",
  () => "5F2A1B00",
  (name) => `${name}~`,
  () => ".goutputstream-QX7D91",
  (name) => `${name}.sb-1a2b3c4d-XyZ`,
  (name) => `~$${name}`,
  () => "~$old",
];

const TRASHES = [".Trash-1000", "#recycle", "~$trash"];

/** A save that has begun. */
interface Save {
  readonly side: Side;
  readonly file: string;
  /** The name of the old version. */
  readonly as: string;
  /** The new version stands beside it, under this name. */
  readonly next: string | null;
  readonly isWritten: boolean;
}

/** Where an edit is made. */
export interface Place {
  /** As the edit says, not swapped. */
  readonly side: Side;
  /** Absolute path. */
  readonly root: string;
  /** Writes a new version there, as an edit does. */
  write(path: string): void;
}

/** All programs and trashes of an office. */
export class Saves {
  #saves: Save[] = [];

  /** A program gives a file's old version another name in its folder. */
  begin({ side, root }: Place, { to }: Edit, file: string): void {
    const at = file.lastIndexOf("/") + 1;
    const name = MEANWHILE[to % MEANWHILE.length]!(file.slice(at));
    const as = file.slice(0, at) + name;
    if (exists(`${root}/${as}`)) return;
    Deno.renameSync(`${root}/${file}`, `${root}/${as}`);
    this.#saves.push({ side, file, as, next: null, isWritten: false });
  }

  /** A program goes on with one of its saves: in another way each time. */
  goOn(place: Place, { at, to }: Edit): void {
    const { side, root } = place;
    const own = this.#saves.filter((it) => it.side === side);
    const save = own[at % own.length];
    if (save === undefined) return;
    this.#saves = this.#saves.filter((it) => it !== save);
    const [path, as] = [`${root}/${save.file}`, `${root}/${save.as}`];
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (!exists(folder) || !Deno.lstatSync(folder).isDirectory) return;
    const isInTheWay = exists(path) && !Deno.lstatSync(path).isFile;
    if (save.isWritten) return removeFile(as);
    if (isInTheWay) return;
    if (save.next !== null) {
      const next = `${root}/${save.next}`;
      if (exists(next)) Deno.renameSync(next, path);
      return removeFile(as);
    }
    switch (to % 6) {
      case 0:
        place.write(path);
        return removeFile(as);
      case 1:
        place.write(`${path}.part`);
        Deno.renameSync(`${path}.part`, path);
        return removeFile(as);
      case 2:
        if (exists(as) && !exists(path)) Deno.renameSync(as, path);
        return;
      case 3:
        place.write(path);
        this.#saves.push({ ...save, isWritten: true });
        return;
      case 4:
        return removeFile(as);
      case 5: {
        const next = `${save.file}.tmp`;
        if (exists(`${root}/${next}`)) return;
        place.write(`${root}/${next}`);
        this.#saves.push({ ...save, next });
        return;
      }
    }
  }

  /** What the other side's programs save right now, as far as it is here. */
  savedElsewhere({ side, root }: Place): string[] {
    return this.#saves.filter((it) =>
      it.side !== side && exists(`${root}/${it.file}`) &&
      Deno.lstatSync(`${root}/${it.file}`).isFile
    ).map((it) => it.file);
  }
}

/** Moves a file into a trash inside of its root. */
export function throwAway({ root }: Place, { to }: Edit, file: string): void {
  const trash = TRASHES[to % TRASHES.length]!;
  if (exists(`${root}/${trash}`)) {
    if (!Deno.lstatSync(`${root}/${trash}`).isDirectory) return;
  } else Deno.mkdirSync(`${root}/${trash}`);
  const target = `${root}/${trash}/${file.replaceAll("/", "_")}`;
  if (!exists(target)) Deno.renameSync(`${root}/${file}`, target);
}

/** Empties a trash without looking at what is in it. */
export function emptyTrash({ root }: Place, { to }: Edit): void {
  const trash = `${root}/${TRASHES[to % TRASHES.length]!}`;
  if (exists(trash)) Deno.removeSync(trash, { recursive: true });
}

function removeFile(path: string): void {
  if (exists(path) && Deno.lstatSync(path).isFile) Deno.removeSync(path);
}

// What people wrote and nobody replaced or removed after seeing it: it must be somewhere, whatever the sync does.

/** Contents that must not get lost. */
export class Owed {
  /** Where the last person who moved or wrote it put it. */
  readonly #contents = new Map<
    string,
    { readonly side: Side; readonly path: string }
  >();

  /**
   * Takes note of an edit.
   *
   * @param side The side it was made on.
   * @param before That side before it.
   * @param after That side after it.
   * @param isBlind A program did it, which knows what it put where, and does
   *   not look whether that is what is there.
   */
  note(
    side: Side,
    before: Snapshot,
    after: Snapshot,
    isBlind: boolean,
  ): void {
    const was = new Set([...before.files.values()].map((it) => it.content));
    for (const [path, { content }] of after.files) {
      if (content === "" || before.files.get(path)?.content === content) {
        continue;
      }
      // Who only moves it has not written what another replaced.
      if (was.has(content) && !this.#contents.has(content)) continue;
      this.#contents.set(content, { side, path });
    }
    const still = new Set([...after.files.values()].map((it) => it.content));
    for (const [path, { content }] of before.files) {
      if (still.has(content)) continue;
      const author = this.#contents.get(content);
      const isUnseen = isBlind && author !== undefined &&
        author.side !== side && author.path !== path;
      if (!isUnseen) this.#contents.delete(content);
    }
  }

  /**
   * What is owed and was there before a run, and is nowhere after it.
   *
   * @param before Before the run.
   * @param after After it.
   */
  missing(before: State, after: State): string[] {
    const [was, is] = [everything(before), everything(after)];
    return [...this.#contents.keys()].filter((it) =>
      was.has(it) && !is.has(it)
    );
  }
}

/** All contents of both trees and of the soft-delete folders. */
export function everything({ trees, softDeleted }: State): Set<string> {
  const inTrees = SIDES.flatMap((side) =>
    [...trees[side].files.values()].map((it) => it.content)
  );
  return new Set([...softDeleted, ...inTrees]);
}

// Carries out random edits: each is applied to whatever is there, with the sides as they are or swapped.

const UMLAUTS = "ü ö.txt";
const NAMES = ["a", "A", "b.txt", UMLAUTS, "c.d.e", ".f", "d", "D", "x y"]
  .concat(UMLAUTS.normalize("NFD"));
const SIZES = [6, 12, 40, 0];
const MODES = [0o644, 0o600, 0o755, 0o640];
const ODD_TIMES = [0, Date.UTC(1979, 5, 1), Date.UTC(2150, 0, 1)];

/** How far ahead of the edit a time may be, so that a run's look is near it. */
export const JUST_WRITTEN_MS = 200;

/** A save that takes so long is none. */
const LONGEST_SAVE_MS = 10 * 60 * 1000;

/** So many changes are too many to be meant. */
const MANY = 32;
const OLD_MS = Date.UTC(2020, 0, 1);

/** Applies edits to an office, with sides swapped or not. */
export class Editor {
  readonly #office: Office;
  readonly #isSwapped: boolean;
  readonly #settings: Settings;
  readonly #versions = new Map<string, FileState[]>();
  readonly #saves = new Saves();
  #count = 0;
  #hasTimePassed = false;

  /** What people wrote and nobody replaced after seeing it. */
  readonly owed = new Owed();

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

  /**
   * Edits.
   *
   * @param edit What to do; nothing, where there is nothing to do it to.
   * @param wanted The file to do it to, if there is one.
   */
  apply(edit: Edit, wanted?: string): void {
    this.#count++;
    const side = this.#isSwapped ? otherSide(edit.side) : edit.side;
    const trees = {
      left: snapshot(this.#office.left),
      right: snapshot(this.#office.right),
    };
    this.#apply(edit, side, trees[side], wanted);
    const isBlind = edit.kind === "go on saving" ||
      edit.kind === "empty the trash";
    for (const each of SIDES) {
      const after = snapshot(this.#office[each]);
      this.owed.note(each, trees[each], after, isBlind);
    }
  }

  /** Whether saves have become old since this was asked before. */
  hasTimePassed(): boolean {
    const hasPassed = this.#hasTimePassed;
    this.#hasTimePassed = false;
    return hasPassed;
  }

  /**
   * Gives new times to files that nobody could tell from the recorded ones:
   * without ids, with the metadata of the record, and no other of these came or
   * went.
   *
   * @param agreed What both sides had at a path when they last agreed.
   */
  tellApart(agreed: ReadonlyMap<string, Both<FileState>>): void {
    for (const side of SIDES) {
      const { files } = snapshot(this.#office[side]);
      // Of those without an id, and of all.
      const [bare, moved] = [new Set<string>(), new Set<string>()];
      const add = (file: FileState) => {
        moved.add(metadataOf(file));
        if (file.isLinked) bare.add(metadataOf(file));
      };
      for (const [path, file] of files) if (!agreed.has(path)) add(file);
      for (const [path, { [side]: half }] of agreed) {
        if (!files.has(path)) add(half);
      }
      for (const [path, { [side]: half }] of agreed) {
        const file = files.get(path);
        if (file === undefined || file.content === half.content) continue;
        if (metadataOf(file) !== metadataOf(half)) continue;
        if (!file.isLinked && !half.isLinked) continue;
        const isRead = file.isLinked === half.isLinked ? bare : moved;
        if (isRead.has(metadataOf(file))) continue;
        this.#count++;
        setTime(`${this.#office[side]}/${path}`, this.#time());
      }
    }
  }

  #apply(edit: Edit, side: Side, tree: Snapshot, wanted?: string): void {
    const root = this.#office[side];
    const files = this.#sorted(tree.files.keys());
    const folders = this.#sorted(tree.folders);
    const file = files.find((it) => it === wanted) ?? pick(files, edit.at);
    const free = this.#freePlace(root, ["", ...folders], edit.to);
    const isFolderEdit = / folder$|^folder /.test(edit.kind) &&
      edit.kind !== "file to folder";
    if (edit.kind === "create" || edit.kind === "just written") {
      if (free === null) return;
      const isOld = edit.kind === "create";
      const timeMs = isOld
        ? this.#time()
        : Date.now() + edit.at % (JUST_WRITTEN_MS + 1);
      this.#write(`${root}/${free}`, this.#content(edit.at), timeMs);
    } else if (edit.kind === "make link") {
      if (free !== null) Deno.symlinkSync("elsewhere", `${root}/${free}`);
    } else if (edit.kind === "make pipe") {
      if (free === null) return;
      new Deno.Command("mkfifo", { args: [`${root}/${free}`] }).outputSync();
    } else if (edit.kind === "nest a root") {
      const folder = pick(folders, edit.at);
      if (folder === undefined) return;
      Deno.mkdirSync(`${root}/${folder}/.office-sync`, { recursive: true });
    } else if (edit.kind === "leave a temporary") {
      const folder = pick(folders, edit.at);
      if (folder === undefined) return;
      const name = ".office-sync-tmp-others-20990101-000000-abcd-1";
      Deno.writeTextFileSync(`${root}/${folder}/${name}`, "half");
    } else if (this.#save(edit, root, tree, files)) {
      return;
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
        const isSafe = this.#settings.verifyFirstRun && !state.isLinked;
        const timeMs = isSafe ? state.mtimeMs : this.#time();
        return this.#saveAnew(path, this.#text(size), timeMs);
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
          this.#saveAnew(to, state.content, state.mtimeMs);
        });
      case "same on both sides":
        return [root, other].forEach((each, n) =>
          tryIn(each, file, (to) => {
            this.#write(to, `both${this.#count}`, this.#time() + n * 1000);
          })
        );
      case "restore older version": {
        const older = pick(this.#versionsOf(edit.side, file), edit.to)!;
        return this.#saveAnew(path, older.content, older.mtimeMs);
      }
      case "hide":
        return move(root, file, file.replace(/[^/]*$/, "~$$$&"));
      case "show":
        return move(root, file, file.replace(/~\$(?=[^/]*$)/, ""));
      case "file to link":
        Deno.removeSync(path);
        return Deno.symlinkSync("elsewhere", path);
      case "change case":
        return move(root, file, respelled(file));
      case "empty":
        // A crash may leave the time as it was.
        return this.#write(
          path,
          "",
          edit.to % 2 === 0 ? this.#time() : state.mtimeMs,
        );
      case "roll back": {
        const backMs = (edit.to % 3 + 1) * 3_600_000;
        const timeMs = state.mtimeMs - backMs - this.#count;
        return this.#write(path, this.#text(size), timeMs);
      }
      case "lose the id":
        return this.#link(root, file);
      case "rewrite unseen": {
        const isUnseen = this.#isFreshInRecord(side, file);
        const timeMs = isUnseen ? state.mtimeMs : this.#time();
        return this.#write(path, this.#text(size), timeMs);
      }
    }
  }

  /** What programs and trashes do. Says whether the edit is one of these. */
  #save(
    edit: Edit,
    root: string,
    tree: Snapshot,
    files: readonly string[],
  ): boolean {
    const place: Place = {
      side: edit.side,
      root,
      write: (path) => this.#write(path, this.#text(12), this.#time()),
    };
    const file = pick(files, edit.at);
    switch (edit.kind) {
      case "begin to save":
        if (file !== undefined) this.#saves.begin(place, edit, file);
        return true;
      case "go on saving":
        this.#saves.goOn(place, edit);
        return true;
      case "edit what is being saved": {
        const saved = pick(this.#saves.savedElsewhere(place), edit.at);
        if (saved === undefined) return true;
        // Longer than what some configs keep when it is deleted.
        this.#write(`${root}/${saved}`, this.#text(24), this.#time());
        return true;
      }
      case "ten minutes pass":
        this.#hasTimePassed = true;
        this.#letTimePass();
        return true;
      case "throw away":
        if (file !== undefined) throwAway(place, edit, file);
        return true;
      case "empty the trash":
        emptyTrash(place, edit);
        return true;
      case "fill a folder": {
        const folder = `${root}/many`;
        if (exists(folder)) return true;
        Deno.mkdirSync(folder);
        for (let n = 0; n < MANY; n++) {
          this.#count++;
          this.#write(`${folder}/${n}`, this.#text(12), this.#time());
        }
        return true;
      }
      case "rewrite everything":
        for (const each of files) {
          this.#count++;
          this.#write(`${root}/${each}`, this.#text(14), this.#time());
        }
        return true;
      case "make a double": {
        const state = file === undefined ? null : tree.files.get(file)!;
        const free = this.#freePlace(root, ["", ...tree.folders], edit.to);
        if (state === null || free === null) return true;
        const size = state.content.length;
        // So many letters tell it from all others. In a first run the metadata
        // alone may count.
        if (size < 6 || !this.#settings.verifyFirstRun) return true;
        this.#write(`${root}/${free}`, this.#text(size), state.mtimeMs);
        this.#link(root, file!);
        this.#link(root, free);
        return true;
      }
      case "take a double's place": {
        const linked = files.filter((it) => tree.files.get(it)!.isLinked);
        const first = pick(linked, edit.at);
        const free = this.#freePlace(root, ["", ...tree.folders], edit.to);
        if (first === undefined || free === null) return true;
        const metadata = metadataOf(tree.files.get(first)!);
        const double = linked.find((it) =>
          it !== first && metadataOf(tree.files.get(it)!) === metadata
        );
        if (double === undefined) return true;
        if (edit.to % 2 === 0) move(root, first, free);
        Deno.renameSync(`${root}/${double}`, `${root}/${first}`);
        return true;
      }
      default:
        return false;
    }
  }

  /** Outside of the roots, so that the file has several names. */
  #link(root: string, file: string): void {
    this.#count++;
    Deno.linkSync(
      `${root}/${file}`,
      `${this.#office.folder}/outside-${this.#count}`,
    );
  }

  #letTimePass(): void {
    if (!exists(this.#office.stateDb)) return;
    using db = new StateDb(this.#office.stateDb, { isReadOnly: false });
    const known = JSON.parse(db.meta("being_saved") ?? "[]");
    const older = known.map(([path, sinceMs]: [string, number]) => [
      path,
      sinceMs - LONGEST_SAVE_MS,
    ]);
    if (older.length > 0) db.setMeta("being_saved", JSON.stringify(older));
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
      case "hide folder":
        return move(root, folder, folder.replace(/[^/]*$/, "~$$$&"));
      case "change case of folder":
        return move(root, folder, respelled(folder));
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
    root: string,
    folders: readonly string[],
    choice: number,
  ): string | null {
    const folder = pick(folders, Math.floor(choice / NAMES.length))!;
    const name = pick(NAMES, choice)!;
    const path = folder === "" ? name : `${folder}/${name}`;
    return exists(`${root}/${path}`) ? null : path;
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
    const row = db.first(
      `SELECT fresh_${side} FROM files WHERE path = ?`,
      file,
    );
    return row?.[0] === 1;
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

  /** As another file: an edit that keeps size and time must show somehow. */
  #saveAnew(path: string, content: string, timeMs: number): void {
    this.#write(`${path}~`, content, timeMs);
    Deno.renameSync(`${path}~`, path);
  }

  #write(path: string, content: string, timeMs: number): void {
    Deno.writeTextFileSync(path, content);
    setTime(path, timeMs);
  }
}

function pick<T>(list: readonly T[], choice: number): T | undefined {
  return list[choice % list.length];
}

function metadataOf({ content, mtimeMs }: FileState): string {
  return `${content.length}@${mtimeMs}`;
}

function setTime(path: string, timeMs: number): void {
  Deno.utimeSync(path, timeMs / 1000, timeMs / 1000);
}

function move(root: string, from: string, to: string | null): void {
  if (to === null) return;
  const [source, target] = [`${root}/${from}`, `${root}/${to}`];
  // Where case is ignored, the very file stands at another spelling.
  const isFree = !exists(target) ||
    Deno.lstatSync(source).ino === Deno.lstatSync(target).ino;
  if (isFree) Deno.renameSync(source, target);
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
