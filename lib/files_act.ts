/**
 * Carries out single actions: looks at both sides of all paths of an action,
 * acts, looks again, and says what the record has to learn.
 *
 * @module
 */
import { InterruptedError } from "./errors.ts";
import {
  destroy,
  keepAsClash,
  moveToFree,
  removeDespite,
  renameFile,
  replace,
  requireReplaceable,
  respell,
  setProperties,
  setQuietly,
  type TemporaryNames,
} from "./file_ops.ts";
import {
  copyTo,
  type FlushedCopy,
  isAcrossDisks,
  isYoung,
  moveAcross,
  removeMade,
  requestFor,
  stageCopy,
  type StagedCopy,
} from "./files_copy.ts";
import {
  cutToTick,
  folderIdOf,
  isEqualId,
  isFresh,
  isStill,
} from "./metadata.ts";
import { isOwnName, utf8Length } from "./names.ts";
import { folderOf, keyOf, nameOf } from "./paths.ts";
import {
  halfOf,
  type RecordChange,
  type SoftDeletedRef,
  type Work,
} from "./plan_types.ts";
import type { Look, Root } from "./root_files.ts";
import { longestName } from "./root_traits.ts";
import { pathOf, type SoftDelete } from "./soft_delete.ts";
import {
  CHANGED,
  codeOf,
  errorKind,
  inWords,
  orElse,
  Skipped,
} from "./system.ts";
import {
  type Both,
  both,
  type Checkpoint,
  type FileRow,
  type Metadata,
  type Move,
  otherSide,
  type RecordedHalf,
  type Side,
  SIDES,
} from "./types.ts";
import type { CopyTask } from "./wire_messages.ts";

/** What an action did. */
export interface Performed {
  /** What the record has to learn. */
  readonly changes: readonly RecordChange[];
  /** Folders in which names changed, to be flushed before the record. */
  readonly folders: readonly { readonly side: Side; readonly folder: string }[];
  /** Where a soft-deleted file is now, below its root. */
  readonly softDeletedPath: string | null;
  /** Anything a person should know besides. */
  readonly note: string | null;
  /** Why only a part of it was done, in words. Left out: all of it was. */
  readonly left?: string;
}

/** What performing needs. */
export interface PerformerContext {
  readonly roots: Both<Root>;
  readonly names: TemporaryNames;
  readonly softDelete: SoftDelete;
  /** The row written for a path in this run, if any. */
  rowAt(path: string): FileRow | null;
  /** Writes a rename in two steps down before its first step. */
  noteMove(move: Move): void;
  /** Told of bytes as they are copied. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly checkpoint?: Checkpoint | undefined;
}

/** A kind of {@linkcode Work}. */
export type WorkOf<K extends Work["kind"]> = Work & { readonly kind: K };

/** What was seen of a copy and its source when it was made. */
export type Made = Pick<
  FlushedCopy,
  "source" | "metadata" | "lookedAtMs" | "hash" | "made"
>;

/** What became of a version that was replaced. */
export type Replaced = Pick<Performed, "softDeletedPath" | "note">;

/** What became of a folder that could not be renamed itself. */
interface RenamedEach {
  readonly files: number;
  /** What the record has to learn, once it knows the folder's new name. */
  readonly changes: readonly RecordChange[];
  /** Folders in which names changed. */
  readonly folders: readonly string[];
  /** What is still at its old path, and why, in words. */
  readonly left: readonly string[];
}

/** That of FAT, in ms. */
const COARSEST_TICK_MS = 2000;

/** Carries out actions. */
export class Performer {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;
  /** What was copied to another disk is another file to the system. */
  readonly #crossed = new Map<string, Metadata>();
  /** Folders made for what is brought back. */
  readonly #made = new Set<string>();

  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * Carries out anything but a copy.
   *
   * @throws {Skipped} A path is not what the scan saw.
   */
  async perform(
    work: Exclude<Work, { kind: "copy" | "none" }>,
  ): Promise<Performed> {
    switch (work.kind) {
      case "record":
        return performed("left", [], [work.change]);
      case "remove":
        return await this.#remove(work);
      case "clash":
        return await this.#clash(work);
      case "rename":
        return await this.#rename(work);
      case "rename-directory":
        return await this.#renameDirectory(work);
      case "create-directory":
        return this.#createDirectory(work);
      case "remove-directory":
        return this.#removeDirectory(work);
    }
  }

  /**
   * An action as it is after the renames before it: what a rename had to copy
   * has other metadata than those that the scan saw.
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
        const { from, path } = work;
        const source = at(from, path, work.source);
        const target = at(otherSide(from), path, work.target);
        return { ...work, source, target };
      }
      case "clash": {
        const { from, path } = work;
        const metadata = at(from, path, work.metadata);
        const winner = at(otherSide(from), path, work.winner);
        return { ...work, metadata, winner };
      }
      case "rename": {
        const { on, from } = work;
        const metadata = at(on, from, work.metadata);
        const other = work.other && {
          ...work.other,
          metadata: at(otherSide(on), work.other.path, work.other.metadata),
        };
        return { ...work, metadata, other };
      }
      default:
        return work;
    }
  }

  // Copies, in two steps, so that many of them can be flushed at once.

  /** The first step of a copy: looks at both sides and writes aside. */
  async stage(work: WorkOf<"copy">): Promise<StagedCopy> {
    const { onBytes, checkpoint } = this.#context;
    const { softDeleted } = work;
    const task = requestFor(this.taskFor(work), this.#roots);
    const request = { ...task, onBytes, checkpoint };
    if (softDeleted === null) return await stageCopy(request);
    const made: string[] = [];
    try {
      this.#makeFolders(request.to, work.path, softDeleted, made);
      const from = this.#roots[softDeleted.side];
      const path = pathOf(softDeleted, this.#roots);
      return { ...await stageCopy({ ...request, from, path }), made };
    } catch (error) {
      removeMade(request.to, made);
      throw error;
    }
  }

  /**
   * Makes the folders for a file that is brought back, with the mode of those
   * that it is kept in: for those who were let in.
   *
   * @param made Takes those that are there for what is brought back only, the
   *   deepest first.
   */
  #makeFolders(
    root: Root,
    path: string,
    softDeleted: SoftDeletedRef,
    made: string[],
  ): void {
    const names = path.split("/").slice(0, -1);
    const twins = softDeleted.path.split("/").slice(0, -1);
    for (let depth = 1; depth <= names.length; depth++) {
      const folder = names.slice(0, depth).join("/");
      const id = `${root.side}/${folder}`;
      const isNew = root.look(folder).kind !== "directory";
      if (isNew) {
        Deno.mkdirSync(root.absolute(folder));
        this.#made.add(id);
      }
      if (this.#made.has(id)) made.unshift(folder);
      // What is kept under a short path has none.
      if (!isNew || twins[depth - 1] !== names[depth - 1]) continue;
      const twin = twins.slice(0, depth).join("/");
      const at = pathOf({ ...softDeleted, path: twin }, this.#roots);
      const from = this.#roots[softDeleted.side];
      const { mode } = Deno.lstatSync(from.absolute(at));
      if (mode !== null && Deno.build.os !== "windows") {
        setQuietly(() => Deno.chmodSync(root.absolute(folder), mode & 0o777));
      }
    }
  }

  /** The copy as a thread is told of it. */
  taskFor(work: WorkOf<"copy">): CopyTask {
    const { from, path, source, target, mode, keepsHash } = work;
    const temporary = this.#context.names.beside(path);
    return { from, path, source, target, mode, keepsHash, temporary };
  }

  /** The second step of a copy: puts the flushed file in place. */
  async place(work: WorkOf<"copy">, copy: FlushedCopy): Promise<Performed> {
    if (work.target !== null) {
      const replaced = await this.#replace(work, copy, work.target);
      return this.placed(work, copy, replaced);
    }
    moveToFree(copy.to, copy.temporary, work.path);
    return this.placed(work, copy);
  }

  /** What a copy did that is in place. */
  placed(work: WorkOf<"copy">, copy: Made, replaced?: Replaced): Performed {
    const { from, path, rowPath, softDeleted } = work;
    const paths = [path, ...copy.made ?? []];
    const changes: RecordChange[] = [];
    // What is brought back is for the next run to record.
    if (softDeleted === null) {
      changes.push({ kind: "put", row: this.#row(path, work, copy), rowPath });
    }
    return performed(otherSide(from), paths, changes, replaced);
  }

  async #replace(
    work: WorkOf<"copy">,
    copy: FlushedCopy,
    seen: Metadata,
  ): Promise<Replaced> {
    const { to, temporary } = copy;
    const { path } = work;
    const { softDelete, names } = this.#context;
    const softDeletedPath = work.fate === "soft-delete"
      ? softDelete.placeFor(to, path)
      : null;
    if (softDeletedPath !== null) {
      try {
        replace(to, temporary, path, seen, softDeletedPath);
        return { softDeletedPath, note: null };
      } catch (error) {
        if (!isAcrossDisks(error)) throw error;
      }
    }
    const aside = names.beside(path);
    let why = replace(to, temporary, path, seen, aside)
      ? "written to at the last moment"
      : this.#isClashLost(work)
      ? "its clash copy was changed at once"
      : null;
    if (why === null && softDeletedPath !== null) {
      try {
        await softDelete.moveAcross(to, aside, seen, softDeletedPath);
        return { softDeletedPath, note: null };
      } catch (error) {
        why = `can't be kept in soft delete (${inWords(error)})`;
      }
    }
    if (why === null) {
      // RACE: what is written to it between look and removal is lost with it.
      removeDespite(to.absolute(aside));
      return { softDeletedPath: null, note: null };
    }
    const kept = keepAsClash(to, aside, path);
    return {
      softDeletedPath: null,
      note: `${why}; that version is now ${kept}`,
    };
  }

  /**
   * Somebody changed or removed a clash copy before it was needed. The next
   * run would do the same on the other side.
   */
  #isClashLost({ clashPath }: WorkOf<"copy">): boolean {
    const row = clashPath === null ? null : this.#context.rowAt(clashPath);
    return row !== null && !this.#isAsPlaced(row);
  }

  /** Whether both sides still have what this run put there. */
  #isAsPlaced(row: FileRow): boolean {
    return SIDES.every((side) => {
      const look = this.#roots[side].look(row.path);
      return look.kind === "file" && isStill(row[side], look.metadata);
    });
  }

  /** The row of a path that both sides have now. */
  #row(
    path: string,
    { from, keepsHash }: Pick<WorkOf<"copy">, "from" | "keepsHash">,
    { source, metadata, lookedAtMs, hash }: Made,
  ): FileRow {
    const half = (side: Side): RecordedHalf => {
      const now = side === from ? source : metadata;
      const { traits } = this.#roots[side];
      const isUnsure = isFresh(now.mtimeMs, lookedAtMs, traits);
      return halfOf(now, isUnsure && hash !== null);
    };
    const [left, right] = [half("left"), half("right")];
    const isNeeded = keepsHash || left.isFresh || right.isFresh;
    return { path, left, right, hash: isNeeded ? hash : null };
  }

  // Clash copies: a conflict's older version, kept on both sides.

  /** Puts a version under its clash name: on its own side first. */
  async #clash(work: WorkOf<"clash">): Promise<Performed> {
    const { from, path, clashPath, existing } = work;
    const own = this.#roots[from];
    const other = this.#roots[otherSide(from)];
    own.requireFile(path, work.metadata);
    if (work.winner !== null) other.requireFile(path, work.winner);
    // A conflict whose loser can't be replaced is left whole.
    requireReplaceable(own, path, this.#context.names.beside(path));
    for (const root of [own, other]) {
      await this.#learning(root, clashPath, () => {
        const there = existing[root.side];
        if (there === null) root.requireAbsent(clashPath);
        else root.requireFile(clashPath, there);
      });
    }
    const first = existing[own.side] ? null : await this.#clashCopy(own, work);
    const second = existing[other.side]
      ? null
      : await this.#clashCopy(other, work).catch((error) => {
        // Neither a signal nor a name that only one side takes may leave half
        // a conflict: then the first copy goes too.
        const isHalf = error instanceof InterruptedError || isTooLong(error);
        if (first !== null && isHalf) {
          const aside = this.#context.names.beside(clashPath);
          destroy(own, clashPath, first.metadata, aside);
        }
        throw error;
      });
    const row = this.#row(clashPath, work, {
      source: first?.metadata ?? existing[own.side]!,
      metadata: second?.metadata ?? existing[other.side]!,
      lookedAtMs: first?.lookedAtMs ?? second?.lookedAtMs ?? Date.now(),
      hash: first?.hash ?? second?.hash ?? null,
    });
    const changes: RecordChange[] = [{ kind: "put", row, rowPath: null }];
    if (work.leaves) {
      // The path gets free once its content is under its clash name on both
      // sides: a copy that is gone from one would be followed on the other.
      if (!this.#isAsPlaced(row)) throw new Skipped(CHANGED);
      destroy(own, path, work.metadata, this.#context.names.beside(path));
      if (work.rowPath !== null) {
        changes.push({ kind: "forget", path: work.rowPath });
      }
    }
    const { folders } = performed(other.side, [clashPath], []);
    const done = performed(own.side, [clashPath], changes);
    return { ...done, folders: [...done.folders, ...folders] };
  }

  /** A copy of its own on either side: a link would change with the file. */
  #clashCopy(to: Root, work: WorkOf<"clash">): Promise<FlushedCopy> {
    const { names, onBytes, checkpoint } = this.#context;
    const request = {
      from: this.#roots[work.from],
      path: work.path,
      seen: work.metadata,
      to,
      temporary: names.beside(work.clashPath),
      mode: work.metadata.mode,
      wantsHash: work.keepsHash || isYoung(work.metadata, this.#roots),
      onBytes,
      checkpoint,
    };
    const { clashPath } = work;
    return this.#learning(to, clashPath, () => copyTo(request, clashPath));
  }

  /** The next run gives a shorter name to what is too long for a root. */
  async #learning<T>(
    root: Root,
    path: string,
    act: () => T | Promise<T>,
  ): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const bytes = utf8Length(nameOf(path));
      if (isTooLong(error) && root.pathRoom(folderOf(path)) >= bytes) {
        const folder = root.folder(folderOf(path));
        const longest = longestName(folder, this.#context.names.owner);
        root.refuseNames(Math.min(longest, bytes - 1));
      }
      throw error;
    }
  }

  async #remove(work: WorkOf<"remove">): Promise<Performed> {
    const { on, path, metadata } = work;
    const root = this.#roots[on];
    const there = kindAt(this.#roots[otherSide(on)], path);
    if (there === "file" || there === "other") throw new Skipped(CHANGED);
    let softDeletedPath: string | null = null;
    if (work.fate === "destroy") {
      destroy(root, path, metadata, this.#context.names.beside(path));
    } else {softDeletedPath = await this.#context.softDelete.move(
        root,
        path,
        metadata,
      );}
    const changes = [{ kind: "forget", path: work.rowPath } as const];
    return performed(on, [path], changes, { softDeletedPath });
  }

  async #rename(work: WorkOf<"rename">): Promise<Performed> {
    const { on, from, to, metadata: seen, other, rowPath } = work;
    const root = this.#roots[on];
    root.requireFile(from, seen);
    if (other) {
      this.#roots[otherSide(on)].requireFile(other.path, other.metadata);
    }
    const now = from === to ? seen : await this.#give(root, from, to, seen);
    root.requireFile(to, now);
    setProperties(root, to, work);
    if (work.row === null) return performed(on, [from, to], []);
    const known = rowPath === null ? null : this.#context.rowAt(rowPath);
    const row: FileRow = { ...(known ?? work.row), path: to };
    const half = work.keepsHalves
      ? halfWithCopied(row[on], seen, now)
      : this.#halfAfter(root, work, now, row.hash !== null);
    const change = {
      kind: "put",
      row: { ...row, [on]: half },
      rowPath,
    } as const;
    return performed(on, [from, to], [change]);
  }

  /**
   * Gives a file another name: by copying where that is on another disk of the
   * root.
   *
   * @returns Its metadata under the name.
   */
  async #give(
    root: Root,
    from: string,
    to: string,
    seen: Metadata,
  ): Promise<Metadata> {
    if (this.#respell(root, from, to)) return seen;
    const { names, checkpoint } = this.#context;
    const aside = names.beside(from);
    try {
      renameFile(root, from, to, seen, aside);
      return seen;
    } catch (error) {
      if (!isAcrossDisks(error)) throw error;
    }
    const crossing = { from, to, seen, temporary: names.beside(to), aside };
    const metadata = await moveAcross(root, crossing, checkpoint);
    this.#crossed.set(`${root.side}/${to}`, metadata);
    return metadata;
  }

  /** What a side has after it was touched: nobody else may have touched it. */
  #halfAfter(
    root: Root,
    { to, mtimeMs }: WorkOf<"rename">,
    seen: Metadata,
    hasHash: boolean,
  ): RecordedHalf {
    const lookedAtMs = Date.now();
    const look = root.look(to);
    if (look.kind !== "file") throw new Skipped(CHANGED);
    const now = look.metadata;
    // A disk inside the root may cut times as no other does.
    const isInner = root.info(to)?.dev !== root.self?.dev;
    const cut = isInner ? COARSEST_TICK_MS : 1;
    const asked = cutToTick(mtimeMs ?? seen.mtimeMs, root.traits.tickMs);
    // A system that refuses a time leaves the one that was seen.
    const isOurTime = [asked, seen.mtimeMs].some((time) =>
      Math.abs(time - now.mtimeMs) < cut
    );
    // Some servers know no time of creation, and tell that of the last change.
    const id = isEqualId(now.id, seen.id) ? now.id : seen.id;
    if (!isOurTime || !isStill({ ...seen, mtimeMs: now.mtimeMs, id }, now)) {
      throw new Skipped(CHANGED);
    }
    const isUnsure = isFresh(now.mtimeMs, lookedAtMs, root.traits);
    return halfOf(now, isUnsure && hasHash);
  }

  /**
   * Gives a name that is only another spelling, or the short one that Windows
   * has for it already: it is taken by the very file.
   *
   * @returns False where the two names are not of one file.
   */
  #respell(root: Root, from: string, to: string): boolean {
    const isSpelling = keyOf(from, root.traits) === keyOf(to, root.traits);
    if (!isSpelling && !root.isSecondName(to, from)) return false;
    const { side } = root;
    respell(root, from, to, (middle) => {
      this.#context.noteMove({ side, from, middle, to });
    });
    return true;
  }

  async #renameDirectory(work: WorkOf<"rename-directory">): Promise<Performed> {
    const { on, from, to, rowPath, isMount, id } = work;
    const root = this.#roots[on];
    const isIt = root.look(from).kind === "directory" &&
      (id[on] === null || isEqualId(idAt(root, from), id[on]));
    if (!isIt) throw new Skipped(CHANGED);
    root.distrust();
    let moved: RenamedEach | null = null;
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
        moved = await this.#renameEach(root, work);
        note = `file by file (${whyNotRenamed(error)}): ` +
          `${moved.files} renamed`;
      } finally {
        root.distrust();
      }
    }
    const { changes = [], folders = [], left = [] } = moved ?? {};
    const follow: RecordChange = rowPath === null
      ? { kind: "put-directory", path: to, isMount, id }
      : { kind: "move-directory", from: rowPath, to };
    const done = performed(on, [from, to], [follow, ...changes], { note });
    return {
      ...done,
      folders: [
        ...done.folders,
        ...folders.map((folder) => ({ side: on, folder })),
      ],
      ...left.length === 0
        ? {}
        : { left: `${note}, ${left.length} not: ${someOf(left)}` },
    };
  }

  /** Renames what is in a folder that can't be renamed itself. */
  async #renameEach(
    root: Root,
    { on, from, to, rowPath }: WorkOf<"rename-directory">,
  ): Promise<RenamedEach> {
    let files = 0;
    const made: RecordChange[] = [];
    const stays: RecordChange[] = [];
    const folders: string[] = [];
    const left: string[] = [];
    /** What keeps its old path keeps its row there. */
    const stay = (path: string, change: (rowPath: string) => RecordChange) => {
      if (rowPath === null) return;
      stays.push(change(rowPath + path.slice(from.length)));
    };
    const told = (path: string, error: unknown): void => {
      const isKnown = error instanceof Skipped || codeOf(error) !== null;
      if (!isKnown) throw error;
      left.push(`${path} (${inWords(error)})`);
    };
    const each = async (source: string, target: string): Promise<void> => {
      const info = Deno.lstatSync(root.absolute(source));
      const above = Deno.lstatSync(root.folder(folderOf(source)));
      const { mode } = info;
      const entries = [...Deno.readDirSync(root.absolute(source))];
      if (kindAt(root, target) !== "directory") {
        Deno.mkdirSync(root.absolute(target));
        if (mode !== null && Deno.build.os !== "windows") {
          setQuietly(() => Deno.chmodSync(root.absolute(target), mode & 0o777));
        }
        const id = idAt(root, target);
        made.push({ kind: "folder-id", side: on, path: target, id });
      }
      folders.push(source, target);
      const before = left.length;
      for (const { name, isDirectory } of entries) {
        await this.#context.checkpoint?.();
        const [path, newPath] = [`${source}/${name}`, `${target}/${name}`];
        try {
          root.listed(source, name);
          root.listed(target, name);
          const look = root.look(path);
          // What is in a folder of the program's own is looked at by nobody.
          const isUsers = look.kind === "directory" && !isOwnName(name);
          if (isUsers) await each(path, newPath);
          else if (look.kind === "file") {
            const now = await this.#give(root, path, newPath, look.metadata);
            root.requireFile(newPath, now);
            files++;
          } else {
            root.requireAbsent(newPath);
            // RACE: what gets the name right now is replaced.
            Deno.renameSync(root.absolute(path), root.absolute(newPath));
          }
        } catch (error) {
          told(path, error);
          const kind = isDirectory ? "move-directory" : "move-file";
          stay(path, (rowPath) => ({ kind, from: newPath, to: rowPath }));
        }
      }
      try {
        removeEmpty(root, source);
      } catch (error) {
        if (errorKind(error) === "missing") return;
        // It is told by what is in it.
        if (left.length === before) told(source, error);
        // The other side has it no more: the next run removes it.
        const isMount = sided(on, info.dev !== above.dev, false);
        const id = sided(on, folderIdOf(info), null);
        stay(source, (path) => ({ kind: "put-directory", path, isMount, id }));
      }
    };
    await each(from, to);
    return { files, changes: [...made, ...stays], folders, left };
  }

  #createDirectory(work: WorkOf<"create-directory">): Performed {
    const { on, path } = work;
    const root = this.#roots[on];
    const across = otherSide(on);
    if (this.#roots[across].look(path).kind !== "directory") {
      throw new Skipped(CHANGED);
    }
    root.requireAbsent(path);
    try {
      Deno.mkdirSync(root.absolute(path));
    } catch (error) {
      throw root.refusal(error, path);
    }
    const isMount = sided(on, false, work.isMount);
    const id = sided(on, idAt(root, path), work.id);
    const changes = [{ kind: "put-directory", path, isMount, id } as const];
    return performed(on, [path], changes);
  }

  #removeDirectory(work: WorkOf<"remove-directory">): Performed {
    const { on, path } = work;
    const root = this.#roots[on];
    const other = this.#roots[otherSide(on)];
    if (kindAt(other, path) === "directory") throw new Skipped(CHANGED);
    if (root.look(path).kind !== "directory") throw new Skipped(CHANGED);
    root.distrust();
    removeEmpty(root, path);
    const change = { kind: "forget-directory", path: work.rowPath } as const;
    return performed(on, [path], [change]);
  }
}

/** What was done, with the folders of the paths whose names changed. */
function performed(
  side: Side,
  paths: readonly string[],
  changes: readonly RecordChange[],
  more: Partial<Pick<Performed, "softDeletedPath" | "note" | "left">> = {},
): Performed {
  const folders = paths.map((path) => ({ side, folder: folderOf(path) }));
  // The folders that lead to a soft-deleted file may all be new, and must be
  // on disk before the record says where the file went.
  let folder = folderOf(more.softDeletedPath ?? "");
  for (; folder !== ""; folder = folderOf(folder)) {
    folders.push({ side, folder });
  }
  return { changes, folders, softDeletedPath: null, note: null, ...more };
}

/**
 * What stands at a path; nothing, where the folders above are gone too, or
 * where it is only a second name of something else.
 */
function kindAt(root: Root, path: string): Look["kind"] {
  try {
    const { kind } = root.look(path);
    const isOther = kind !== "absent" && root.secondName(path) !== null;
    return isOther ? "absent" : kind;
  } catch (error) {
    if (error instanceof Skipped) return "absent";
    throw error;
  }
}

/** Something of a side, and of the other one. */
function sided<T>(side: Side, own: T, other: T): Both<T> {
  return both((it) => it === side ? own : other);
}

function idAt(root: Root, folder: string): ReturnType<typeof folderIdOf> {
  return folderIdOf(Deno.lstatSync(root.absolute(folder)));
}

function isTooLong(error: unknown): boolean {
  return codeOf(error) === "ENAMETOOLONG";
}

/**
 * Where the content of two sides differs still, each half stays as recorded;
 * but a copy of what was recorded is what the record speaks of from now on.
 */
function halfWithCopied(
  half: RecordedHalf,
  seen: Metadata,
  now: Metadata,
): RecordedHalf {
  if (seen === now || !isStill(half, seen)) return half;
  const mode = half.mode === seen.mode ? now.mode : half.mode;
  return { ...halfOf(now, half.isFresh), mode };
}

/** Of many things, so many are named. */
const NAMED = 3;

/**
 * Removes a folder. Never recursive: whatever came into it meanwhile keeps it.
 *
 * @throws {Skipped} It holds something.
 */
function removeEmpty(root: Root, folder: string): void {
  try {
    removeDespite(root.absolute(folder));
  } catch (error) {
    const isInUse = ["ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "");
    throw isInUse ? new Skipped(whatIsIn(root, folder)) : error;
  }
}

/** What keeps a folder from being removed, as far as anybody can see it. */
function whatIsIn(root: Root, folder: string): string {
  const names = orElse(
    [],
    () =>
      [...Deno.readDirSync(root.absolute(folder))].map(({ name }) =>
        `"${name}"`
      ),
  );
  if (names.length === 0) return CHANGED;
  return `it holds ${someOf(names)} by now; the next run looks at that`;
}

/** The first of many things, and how many more there are. */
function someOf(things: readonly string[]): string {
  const more = things.length - NAMED;
  return things.slice(0, NAMED).join(", ") +
    `${more > 0 ? ` and ${more} more` : ""}`;
}

/** A folder that may not be renamed: in use, protected, or to another disk. */
function isRefusal(error: unknown): boolean {
  return isAcrossDisks(error) || errorKind(error) === "busy" ||
    ["EACCES", "EPERM", "EBUSY"].includes(codeOf(error) ?? "");
}

/**
 * Why a folder was not renamed, in words: where anything in it is open, Windows
 * says that access is denied.
 */
export function whyNotRenamed(error: unknown): string {
  const isDenied = errorKind(error) === "denied";
  return isDenied && Deno.build.os === "windows"
    ? `something in it is in use, or it is protected (${codeOf(error)})`
    : inWords(error);
}
