/**
 * Carries out single actions: looks at both sides of all paths of an action,
 * acts, and says what the record has to learn.
 *
 * @module
 */
import {
  destroy,
  flushFolder,
  moveAcross,
  removeDespite,
  renameFile,
  respell,
  setProperties,
} from "./file_ops.ts";
import {
  ClashCopier,
  foldersTo,
  kindAt,
  NOTHING,
  type Performed,
  type PerformerContext,
  type WorkOf,
} from "./files_copy.ts";
import {
  cutToTick,
  folderIdOf,
  isEqualId,
  isFresh,
  isStill,
} from "./metadata.ts";
import { folderOf, joinPath, keyOf } from "./paths.ts";
import { halfOf, type RecordChange, type Work } from "./plan_types.ts";
import type { Look, Root } from "./root_files.ts";
import { isAcrossDisks } from "./soft_delete.ts";
import { CHANGED, codeOf, inWords, Skipped, troubleOf } from "./system.ts";
import {
  type Both,
  type FileRow,
  type Metadata,
  otherSide,
  type RecordedHalf,
  type Side,
} from "./types.ts";

/** That of FAT, in ms. */
const COARSEST_TICK_MS = 2000;

/** Carries out actions. */
export class Performer {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;
  readonly #clashes: ClashCopier;
  /** What was copied to another disk is another file to the system. */
  readonly #crossed = new Map<string, Metadata>();

  /** @param context Roots, names and what leads to the record. */
  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
    this.#clashes = new ClashCopier(context);
  }

  /**
   * Carries out anything but a copy.
   *
   * @param work What to do.
   * @throws {Skipped} A path is not what the scan saw.
   */
  async perform(
    work: Exclude<Work, { kind: "copy" }>,
  ): Promise<Performed> {
    switch (work.kind) {
      case "none":
        return NOTHING;
      case "record":
        return { ...NOTHING, changes: [work.change] };
      case "remove":
        return await this.#remove(work);
      case "clash":
        return await this.#clashes.make(work);
      case "rename":
        return await this.#rename(work);
      case "rename-directory":
        return this.#renameDirectory(work);
      case "create-directory":
        return this.#createDirectory(work);
      case "remove-directory":
        return this.#removeDirectory(work);
    }
  }

  /**
   * An action as it is after the renames before it: what a rename had to copy
   * has other metadata than those that the scan saw.
   *
   * @param work What the plan says.
   */
  afterRenames<W extends Work>(work: W): W {
    if (this.#crossed.size === 0) return work;
    const at = <F extends Metadata | null>(
      side: Side,
      path: string,
      seen: F,
    ): F | Metadata => seen && (this.#crossed.get(`${side}/${path}`) ?? seen);
    switch (work.kind) {
      case "copy": {
        const { from, path, source, target } = work;
        return {
          ...work,
          source: at(from, path, source),
          target: at(otherSide(from), path, target),
        };
      }
      case "clash": {
        const { from, path, metadata, winner } = work;
        return {
          ...work,
          metadata: at(from, path, metadata),
          winner: at(otherSide(from), path, winner),
        };
      }
      case "rename": {
        const { on, from, metadata, other } = work;
        const across = otherSide(on);
        return {
          ...work,
          metadata: at(on, from, metadata),
          other: other &&
            { ...other, metadata: at(across, other.path, other.metadata) },
        };
      }
      default:
        return work;
    }
  }

  async #remove(work: WorkOf<"remove">): Promise<Performed> {
    const root = this.#roots[work.on];
    const other = this.#roots[otherSide(work.on)];
    const there = kindAt(other, work.path);
    if (there === "file" || there === "other") throw new Skipped(CHANGED);
    const changes = [{ kind: "forget", path: work.rowPath }] as const;
    const folders = [{ side: work.on, folder: folderOf(work.path) }];
    if (work.fate === "destroy") {
      const aside = this.#context.names.beside(work.path);
      destroy(root, work.path, work.metadata, aside);
      return { ...NOTHING, changes, folders };
    }
    const keptAt = await this.#context.softDelete.move(
      root,
      work.path,
      work.metadata,
    );
    folders.push(...foldersTo(work.on, keptAt));
    return { ...NOTHING, changes, folders, keptAt };
  }

  async #rename(planned: WorkOf<"rename">): Promise<Performed> {
    const { from, to, other } = planned;
    const root = this.#roots[planned.on];
    root.requireFile(from, planned.metadata);
    if (other) {
      this.#roots[otherSide(planned.on)]
        .requireFile(other.path, other.metadata);
    }
    let work = planned;
    if (from !== to && !this.#respell(root, from, to)) {
      work = await this.#move(root, planned);
    }
    root.requireFile(to, work.metadata);
    setProperties(root, to, work);
    const folders = [
      { side: work.on, folder: folderOf(from) },
      { side: work.on, folder: folderOf(to) },
    ];
    if (work.row === null) return { ...NOTHING, folders };
    const known = work.rowPath === null
      ? null
      : this.#context.rowAt(work.rowPath);
    const base: FileRow = { ...(known ?? work.row), path: to };
    const row = work.keepsHalves
      ? withCopied(base, planned, work.metadata)
      : { ...base, [work.on]: this.#halfAfter(root, work, base) };
    const change = { kind: "put", row, rowPath: work.rowPath } as const;
    return { ...NOTHING, changes: [change], folders };
  }

  /** Gives the name, by copying where it is on another disk of the root. */
  async #move(
    root: Root,
    work: WorkOf<"rename">,
  ): Promise<WorkOf<"rename">> {
    const { from, to, metadata: seen } = work;
    const { names, pause } = this.#context;
    const aside = names.beside(from);
    try {
      renameFile(root, from, to, seen, aside);
      return work;
    } catch (error) {
      if (!isAcrossDisks(error)) throw error;
    }
    const temporary = names.beside(to);
    const crossing = { from, to, seen, temporary, aside };
    const metadata = await moveAcross(root, crossing, pause);
    this.#crossed.set(`${root.side}/${to}`, metadata);
    return { ...work, metadata };
  }

  /** What a side has after it was touched: nobody else may have touched it. */
  #halfAfter(
    root: Root,
    work: WorkOf<"rename">,
    row: FileRow,
  ): RecordedHalf {
    const lookedAtMs = Date.now();
    const look = root.look(work.to);
    if (look.kind !== "file") throw new Skipped(CHANGED);
    const { metadata } = look;
    const { tickMs } = root.traits;
    // A disk inside the root may cut times as no other does.
    const isInner = root.info(work.to)?.dev !== root.self?.dev;
    const cut = isInner ? COARSEST_TICK_MS : 1;
    const asked = cutToTick(work.mtimeMs ?? work.metadata.mtimeMs, tickMs);
    // Some servers know no time of creation, and tell that of the last change.
    const seen = work.metadata.id;
    const id = metadata.id?.ino === seen?.ino ? metadata.id : seen;
    // A system that refuses a time leaves the one that was seen.
    const isOurs =
      [asked, work.metadata.mtimeMs].some((time) =>
        Math.abs(time - metadata.mtimeMs) < cut
      ) &&
      isStill({ ...work.metadata, mtimeMs: metadata.mtimeMs, id }, metadata);
    if (!isOurs) throw new Skipped(CHANGED);
    const isYoung = isFresh(metadata.mtimeMs, lookedAtMs, root.traits);
    return halfOf(metadata, isYoung && row.hash !== null);
  }

  /**
   * Gives a name that is only another spelling, or the short one that Windows
   * has for it already: it is taken by the very file.
   *
   * @returns False where the two names are not of one file.
   */
  #respell(root: Root, from: string, to: string): boolean {
    const { ignoresCase, ignoresNormalForm } = root.traits;
    const folding = { ignoresCase, ignoresNormalForm };
    const isSpelling = keyOf(from, folding) === keyOf(to, folding);
    if (!isSpelling && !root.isSecondName(to, from)) return false;
    respell(
      root,
      from,
      to,
      (middle) => this.#context.noteMove({ side: root.side, from, middle, to }),
    );
    return true;
  }

  async #renameDirectory(work: WorkOf<"rename-directory">): Promise<Performed> {
    const { on, from, to, rowPath } = work;
    const root = this.#roots[on];
    const look = root.look(from);
    const seen = work.id[on];
    const isIt = look.kind === "directory" &&
      (seen === null ||
        isEqualId(folderIdOf(Deno.lstatSync(root.absolute(from))), seen));
    if (!isIt) throw new Skipped(CHANGED);
    root.distrust();
    let left: string[] = [];
    let made: string[] = [];
    let note: string | null = null;
    if (!this.#respell(root, from, to)) {
      // What the other side calls it by now, if it has it at all.
      if (kindAt(this.#roots[otherSide(on)], to) !== "directory") {
        throw new Skipped(CHANGED);
      }
      root.requireRealFolder(folderOf(to));
      root.requireAbsent(to);
      // Both names first: whoever finds the new one finds its rows by that.
      const move = { side: on, from: rowPath ?? from, middle: to, to };
      this.#context.noteMove(move);
      try {
        // RACE: an empty folder that is made there right now is replaced.
        Deno.renameSync(root.absolute(from), root.absolute(to));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const moved = await this.#renameEach(root, from, to);
        left = moved.left;
        made = moved.made;
        note = `file by file (${inWords(error)}): ${moved.files} renamed`;
      } finally {
        root.distrust();
      }
    }
    const changes: RecordChange[] = rowPath === null
      ? [{
        kind: "put-directory",
        path: to,
        isMount: work.isMount,
        id: work.id,
      }]
      : [{ kind: "move-directory", from: rowPath, to }];
    for (const path of made) {
      const id = folderIdOf(Deno.lstatSync(root.absolute(path)));
      changes.push({ kind: "folder-id", side: on, path, id });
    }
    if (rowPath !== null) {
      for (const path of left) {
        const [before, after] = [joinPath(rowPath, path), joinPath(to, path)];
        changes.push({ kind: "move-file", from: after, to: before });
      }
    }
    const folders = [folderOf(from), folderOf(to)].map((folder) => {
      return { side: on, folder };
    });
    const done = { ...NOTHING, changes, folders, note };
    if (left.length === 0) return done;
    const [first] = left;
    return { ...done, left: `${note}, ${left.length} not: ${first}` };
  }

  /** Renames what is in a folder that can't be renamed itself. */
  async #renameEach(
    root: Root,
    from: string,
    to: string,
  ): Promise<{
    readonly files: number;
    readonly made: string[];
    /** Below the folder. */
    readonly left: string[];
  }> {
    let files = 0;
    const made: string[] = [];
    const left: string[] = [];
    const each = async (below: string): Promise<void> => {
      const at = (folder: string) =>
        below === "" ? folder : joinPath(folder, below);
      const [source, target] = [at(from), at(to)];
      const { mode } = Deno.lstatSync(root.absolute(source));
      if (kindAt(root, target) !== "directory") {
        Deno.mkdirSync(root.absolute(target));
        made.push(target);
        if (mode !== null && Deno.build.os !== "windows") {
          Deno.chmodSync(root.absolute(target), mode & 0o777);
        }
      }
      for (const entry of [...Deno.readDirSync(root.absolute(source))]) {
        await this.#context.pause?.();
        const path = joinPath(below, entry.name);
        try {
          const look = root.look(joinPath(from, path));
          if (look.kind === "directory") await each(path);
          else {await this.#renameOne(
              root,
              joinPath(from, path),
              joinPath(to, path),
              look,
            );}
          if (look.kind === "file") files++;
        } catch (error) {
          const isKnown = error instanceof Skipped || codeOf(error) !== null;
          if (!isKnown) throw error;
          left.push(path);
        }
      }
      try {
        Deno.removeSync(root.absolute(source));
      } catch (error) {
        if (codeOf(error) === null) throw error;
      }
    };
    await each("");
    return { files, made, left };
  }

  async #renameOne(
    root: Root,
    from: string,
    to: string,
    look: Look,
  ): Promise<void> {
    if (look.kind !== "file") {
      root.requireAbsent(to);
      Deno.renameSync(root.absolute(from), root.absolute(to));
      return;
    }
    await this.#rename({
      kind: "rename",
      on: root.side,
      from,
      to,
      metadata: look.metadata,
      other: null,
      mtimeMs: null,
      mode: null,
      row: null,
      rowPath: null,
      keepsHalves: false,
    });
  }

  #createDirectory(work: WorkOf<"create-directory">): Performed {
    const { on, path } = work;
    const root = this.#roots[on];
    const from = otherSide(on);
    if (this.#roots[from].look(path).kind !== "directory") {
      throw new Skipped(CHANGED);
    }
    root.requireAbsent(path);
    try {
      Deno.mkdirSync(root.absolute(path));
    } catch (error) {
      throw root.refusal(error, path);
    }
    const isMount = on === "left"
      ? { left: false, right: work.isMount }
      : { left: work.isMount, right: false };
    const made = folderIdOf(Deno.lstatSync(root.absolute(path)));
    const id = on === "left"
      ? { left: made, right: work.id }
      : { left: work.id, right: made };
    const change = { kind: "put-directory", path, isMount, id } as const;
    const folders = [{ side: on, folder: folderOf(path) }];
    return { ...NOTHING, changes: [change], folders };
  }

  #removeDirectory(work: WorkOf<"remove-directory">): Performed {
    const { on, path } = work;
    const root = this.#roots[on];
    const other = this.#roots[otherSide(on)];
    if (kindAt(other, path) === "directory") throw new Skipped(CHANGED);
    if (root.look(path).kind !== "directory") throw new Skipped(CHANGED);
    root.distrust();
    // Never recursive: whatever came into it meanwhile keeps it.
    try {
      removeDespite(root.absolute(path));
    } catch (error) {
      const isInUse = ["ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "");
      throw isInUse ? new Skipped(whatIsIn(root, path)) : error;
    }
    const change = { kind: "forget-directory", path: work.rowPath } as const;
    const folders = [{ side: on, folder: folderOf(path) }];
    return { ...NOTHING, changes: [change], folders };
  }
}

/**
 * Where the content of two sides differs still, each half stays as recorded;
 * but a copy of what was recorded is what the record speaks of from now on.
 */
function withCopied(
  row: FileRow,
  { on, metadata: seen }: WorkOf<"rename">,
  now: Metadata,
): FileRow {
  const half = row[on];
  if (seen === now || !isStill(half, seen)) return row;
  const mode = half.mode === seen.mode ? now.mode : half.mode;
  return { ...row, [on]: { ...halfOf(now, half.isFresh), mode } };
}

/** Names that are said of what came into a folder. */
const NAMED = 3;

/** What keeps a folder from being removed, as far as anybody can see it. */
function whatIsIn(root: Root, folder: string): string {
  const names: string[] = [];
  try {
    for (const { name } of Deno.readDirSync(root.absolute(folder))) {
      names.push(`"${name}"`);
    }
  } catch (error) {
    if (codeOf(error) === null) throw error;
  }
  if (names.length === 0) return CHANGED;
  const more = names.length - NAMED;
  return `it holds ${names.slice(0, NAMED).join(", ")}` +
    `${more > 0 ? ` and ${more} more` : ""} by now; the next run looks at that`;
}

/** A folder that may not be renamed: in use, protected, or to another disk. */
function isRefusal(error: unknown): boolean {
  return isAcrossDisks(error) || troubleOf(error) === "busy" ||
    ["EACCES", "EPERM", "EBUSY"].includes(codeOf(error) ?? "");
}

// What is done and not recorded yet: folders are flushed first, as the record
// must not claim names that are not on disk.

/** Takes what the record has to learn, batch by batch. */
export interface Recorder {
  /** Writes changes in one transaction. */
  apply(changes: readonly RecordChange[]): void;
}

/** What committing needs. */
export interface CommitContext {
  readonly roots: Both<Root>;
  readonly recorder: Recorder;
  /**
   * Makes sure that both roots are still the ones the run began with.
   *
   * @throws {Skipped} One of them does not answer with its id.
   */
  verifyRoots(): void;
}

/** Changes that wait for the record at most. */
const MOST_PENDING = 500;

/** What waits for the record; an `Item` is whatever it belongs to. */
export class Commits<Item> {
  readonly #context: CommitContext;
  readonly #onFailure: (item: Item, error: unknown) => void;
  #pending: { readonly item: Item; readonly done: Performed }[] = [];

  /**
   * @param context Roots and record.
   * @param onFailure Told of what can't be recorded after all.
   */
  constructor(
    context: CommitContext,
    onFailure: (item: Item, error: unknown) => void,
  ) {
    this.#context = context;
    this.#onFailure = onFailure;
  }

  /** Whether so much waits that it should be written down now. */
  get isMuch(): boolean {
    return this.#pending.length >= MOST_PENDING;
  }

  /**
   * Adds what is done.
   *
   * @param item What it belongs to.
   * @param done What was done.
   */
  add(item: Item, done: Performed): void {
    this.#pending.push({ item, done });
  }

  /** Records what waits. */
  commit(): void {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return;
    try {
      // After the actions: what went to another disk must not be recorded.
      this.#context.verifyRoots();
    } catch (error) {
      for (const { item } of pending) this.#onFailure(item, error);
      return;
    }
    const flushed = new Map<string, unknown>();
    const changes: RecordChange[] = [];
    for (const { item, done } of pending) {
      const error = this.#flush(done.folders, flushed);
      if (error === null) changes.push(...done.changes);
      else this.#onFailure(item, error);
    }
    this.#context.recorder.apply(changes);
  }

  /** Flushes folders, each once; gives the first error, or null. */
  #flush(
    places: Performed["folders"],
    flushed: Map<string, unknown>,
  ): unknown {
    for (const { side, folder } of places) {
      const id = `${side}/${folder}`;
      if (!flushed.has(id)) flushed.set(id, this.#flushOne(side, folder));
      const error = flushed.get(id);
      if (error !== null) return error;
    }
    return null;
  }

  #flushOne(side: Side, folder: string): unknown {
    try {
      flushFolder(this.#context.roots[side], folder);
      return null;
    } catch (error) {
      return troubleOf(error) === "missing" ? null : error;
    }
  }
}
