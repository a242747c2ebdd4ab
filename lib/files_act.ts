/**
 * Carries out single actions: looks at both sides of all paths of an action,
 * acts, looks again, and says what the record has to learn.
 *
 * @module
 */
import { GuardError, InterruptedError } from "./errors.ts";
import {
  destroy,
  flushFolder,
  keepAsClash,
  makeAside,
  moveToFree,
  putFilled,
  removeAside,
  removeDespite,
  renameFile,
  replace,
  requireReplaceable,
  respell,
  setProperties,
  setQuietly,
  TemporaryNames,
} from "./file_ops.ts";
import {
  copyTo,
  dropCopy,
  flushCopies,
  type FlushedCopy,
  isAcrossDisks,
  isYoung,
  type Model,
  modelOf,
  moveAcross,
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
  words,
} from "./metadata.ts";
import { pathOf } from "./files_deleted.ts";
import { rootIn } from "./files_look.ts";
import { ownerAt } from "./files_read.ts";
import type { World } from "./wire_port.ts";
import { isOwnName, timeMark, utf8Length } from "./names.ts";
import { documentsOf, openWords, ownersOf } from "./owner_files.ts";
import { folderOf, joinPath, keyOf, nameOf } from "./paths.ts";
import {
  afterRenames,
  halfOf,
  type RecordChange,
  type SoftDeletedRef,
  type Work,
} from "./plan_types.ts";
import { type Look, requirePaths, type Root } from "./root_files.ts";
import { readIdentity } from "./root_identity.ts";
import { longestName } from "./root_traits.ts";
import { isMade, SoftDelete } from "./soft_delete.ts";
import {
  CHANGED,
  codeOf,
  errorKind,
  inWords,
  orElse,
  Skipped,
  WENT_AWAY,
} from "./system.ts";
import {
  type Both,
  both,
  type Checkpoint,
  type FileRow,
  type Metadata,
  otherSide,
  type RecordedHalf,
  type Side,
  SIDES,
} from "./types.ts";
import {
  type ActBatch,
  type ActOrder,
  type ActReply,
  type Became,
  type CopyTask,
  errorToWire,
  type FilesWork,
  type Made,
  type NewFolder,
  packMade,
  rowOf,
  unpackCopies,
} from "./wire_messages.ts";
import type { Handlers } from "./wire_port.ts";

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
  /** Told of bytes as they are copied. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly checkpoint?: Checkpoint | undefined;
}

/** A kind of {@linkcode Work}. */
export type WorkOf<K extends Work["kind"]> = Work & { readonly kind: K };

/** What became of a version that was replaced. */
export type Replaced = Pick<Performed, "softDeletedPath" | "note">;

/** What became of a folder that could not be renamed itself. */
interface RenamedEach {
  readonly files: number;
  /** What the record has to learn, once it knows the folder's new name. */
  readonly changes: readonly RecordChange[];
  /** Folders in which names changed. */
  readonly folders: readonly string[];
  /** What could not be renamed, and why, in words. */
  readonly left: readonly string[];
}

/** A rename takes a name in the middle; nothing was done. */
class TwoSteps extends Error {
  override readonly name = "TwoSteps";
}

/** That of FAT, in ms. */
const COARSEST_TICK_MS = 2000;

/** Carries out actions. */
export class Performer {
  readonly #context: PerformerContext;
  readonly #roots: Both<Root>;
  /** What was copied to another disk is another file to the system. */
  readonly crossed: Map<string, Metadata> = new Map();
  /** Folders made for what is brought back. */
  readonly #made = new Set<string>();

  constructor(context: PerformerContext) {
    this.#context = context;
    this.#roots = context.roots;
  }

  /**
   * Carries out anything but a copy.
   *
   * @param mark For a rename that takes two steps; null: it is tried in one.
   * @throws {Skipped} A path is not what the scan saw.
   * @throws {TwoSteps} A rename takes two; nothing was done.
   */
  async perform(
    work: Exclude<FilesWork, { kind: "copy" }>,
    mark: string | null,
  ): Promise<Performed> {
    switch (work.kind) {
      case "remove":
        return await this.#remove(work);
      case "clash":
        return await this.#clash(work);
      case "rename":
        return await this.#rename(work, mark);
      case "rename-directory":
        return await this.#renameDirectory(work, mark);
      case "create-directory":
        return this.#createDirectory(work);
      case "remove-directory":
        return this.#removeDirectory(work);
    }
  }

  // Copies, in two steps, so that many of them can be flushed at once.

  /**
   * The first step of a copy: looks at both sides and writes aside.
   *
   * @param softDeleted The file that is brought back, instead of that at its
   *   path; null for an ordinary copy.
   * @param aside The folder that is filled in place of the one it goes to;
   *   null: it is written beside its path.
   */
  async stage(
    task: CopyTask,
    softDeleted: SoftDeletedRef | null = null,
    aside: string | null = null,
  ): Promise<StagedCopy> {
    const { names, onBytes, checkpoint } = this.#context;
    const temporary = aside === null
      ? names.beside(task.path, task.number)
      : joinPath(aside, nameOf(task.path));
    const request = {
      ...requestFor(task, temporary, this.#roots),
      onBytes,
      checkpoint,
    };
    if (softDeleted === null) return await stageCopy(request);
    const folders: string[] = [];
    try {
      this.#makeFolders(request.to, task.path, softDeleted, folders);
      const from = this.#roots[softDeleted.side];
      const path = pathOf(softDeleted, this.#roots);
      // What stands on its own side in nobody's place is whose it was.
      const model = request.model ??
        (from === request.to ? modelOf(path, from.info(path)) : null);
      const copy = await stageCopy({ ...request, from, path, model });
      return { ...copy, folders };
    } catch (error) {
      dropCopy({ to: request.to, temporary, folders });
      throw error;
    }
  }

  /**
   * Makes the folders for a file that is brought back, with the mode of those
   * that it lies in: for those who were let in.
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
    const twins = softDeleted.path.split("/");
    for (const [n, name] of names.entries()) {
      const folder = names.slice(0, n + 1).join("/");
      const id = `${root.side}/${folder}`;
      const isNew = root.look(folder).kind !== "directory" &&
        isMade(root, folder);
      if (isNew) this.#made.add(id);
      if (this.#made.has(id)) made.unshift(folder);
      // What lies under a short path has none.
      if (!isNew || twins[n] !== name || Deno.build.os === "windows") continue;
      const twin = { ...softDeleted, path: twins.slice(0, n + 1).join("/") };
      const from = this.#roots[softDeleted.side];
      const { mode } = Deno.lstatSync(from.absolute(pathOf(twin, this.#roots)));
      setQuietly(() => Deno.chmodSync(root.absolute(folder), mode! & 0o777));
    }
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
    const changes: RecordChange[] = [];
    // What is brought back is for the next run to record.
    if (softDeleted === null) {
      changes.push({ kind: "put", row: this.#row(work, copy), rowPath });
    }
    const paths = [path, ...copy.folders ?? []];
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
        why = `can't be soft-deleted (${inWords(error)})`;
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
      const root = this.#roots[side];
      const { path } = row;
      const look = root.lookAgain(path, row[side], () => root.look(path));
      return look.kind === "file" &&
        isStill(withBirthOf(row[side], look.metadata), look.metadata);
    });
  }

  /** The row of a path that both sides have now. */
  #row(of: Parameters<typeof rowOf>[0], made: Made): FileRow {
    const { left, right } = this.#roots;
    return rowOf(of, made, { left: left.traits, right: right.traits });
  }

  // Clash copies: a conflict's older version, kept on both sides.

  /** Puts a version under its clash name: on its own side first. */
  async #clash(work: WorkOf<"clash">): Promise<Performed> {
    const { from, path, clashPath, existing } = work;
    const own = this.#roots[from];
    const other = this.#roots[otherSide(from)];
    // Who may see the file on a side may see the clash copy beside it.
    const models = sided<Model | null>(
      own.side,
      modelOf(path, own.requireFile(path, work.metadata)),
      modelOf(path, work.winner && other.requireFile(path, work.winner)),
    );
    // A conflict whose loser can't be replaced is left whole.
    requireReplaceable(own, path, this.#context.names.beside(path));
    for (const root of [own, other]) {
      await this.#learning(root, clashPath, () => {
        const there = existing[root.side];
        if (there === null) root.requireAbsent(clashPath);
        else root.requireFile(clashPath, there);
      });
    }
    const first = existing[own.side]
      ? null
      : await this.#clashCopy(own, work, models);
    const second = existing[other.side]
      ? null
      : await this.#clashCopy(other, work, models).catch((error) => {
        // Neither a signal nor a name that only one side takes may leave half
        // a conflict: then the first copy goes too.
        const isHalf = error instanceof InterruptedError || isTooLong(error);
        if (first !== null && isHalf) {
          const aside = this.#context.names.beside(clashPath);
          destroy(own, clashPath, first.metadata, aside);
        }
        throw error;
      });
    const row = this.#row({ ...work, path: clashPath }, {
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
  #clashCopy(
    to: Root,
    work: WorkOf<"clash">,
    models: Both<Model | null>,
  ): Promise<FlushedCopy> {
    const { names, onBytes, checkpoint } = this.#context;
    const request = {
      from: this.#roots[work.from],
      path: work.path,
      seen: work.metadata,
      to,
      temporary: names.beside(work.clashPath),
      mode: work.metadata.mode,
      model: models[to.side],
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
    const { on, path, metadata, other } = work;
    const root = this.#roots[on];
    const across = this.#roots[otherSide(on)];
    if (other !== undefined) across.requireFile(path, other);
    else {
      const there = kindAt(across, path);
      if (there === "file" || there === "other") throw new Skipped(CHANGED);
    }
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

  async #rename(
    work: WorkOf<"rename">,
    mark: string | null,
  ): Promise<Performed> {
    const { on, from, to, metadata: seen, other, rowPath } = work;
    const root = this.#roots[on];
    root.requireFile(from, seen);
    if (other) {
      this.#roots[otherSide(on)].requireFile(other.path, other.metadata);
    }
    const now = from === to
      ? seen
      : await this.#give(root, { from, to, seen, mark });
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
    { from, to, seen, mark }: {
      readonly from: string;
      readonly to: string;
      readonly seen: Metadata;
      readonly mark: string | null;
    },
  ): Promise<Metadata> {
    if (this.#respell(root, { from, to, mark })) return seen;
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
    this.crossed.set(`${root.side}/${to}`, metadata);
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
    const expected = { ...withBirthOf(seen, now), mtimeMs: now.mtimeMs };
    if (!isOurTime || !isStill(expected, now)) {
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
   * @throws {TwoSteps} It takes a name in the middle.
   */
  #respell(
    root: Root,
    { from, to, mark }: {
      readonly from: string;
      readonly to: string;
      readonly mark: string | null;
    },
  ): boolean {
    const isSpelling = keyOf(from, root.traits) === keyOf(to, root.traits);
    if (!isSpelling && !root.isSecondName(to, from)) return false;
    if (!respell(root, from, to, mark)) throw new TwoSteps();
    return true;
  }

  async #renameDirectory(
    work: WorkOf<"rename-directory">,
    mark: string | null,
  ): Promise<Performed> {
    const { on, from, to, rowPath, isMount, id } = work;
    const root = this.#roots[on];
    const isIt = root.look(from).kind === "directory" &&
      (id[on] === null || isEqualId(idAt(root, from), id[on]));
    if (!isIt) throw new Skipped(CHANGED);
    root.distrust();
    let moved: RenamedEach | null = null;
    let note: string | null = null;
    if (!this.#respell(root, { from, to, mark })) {
      // What the other side calls it by now, if it has it at all.
      if (kindAt(this.#roots[otherSide(on)], to) !== "directory") {
        throw new Skipped(CHANGED);
      }
      root.requireRealFolder(folderOf(to));
      root.requireAbsent(to);
      let why = work.open.length > 0 ? "something in it is open" : null;
      try {
        // RACE: an empty folder that is made there right now is replaced.
        if (why === null) {
          Deno.renameSync(root.absolute(from), root.absolute(to));
        }
      } catch (error) {
        if (!isRefusal(error)) throw error;
        why = whyNotRenamed(error);
      }
      try {
        if (why !== null) {
          moved = await this.#renameEach(root, work);
          note = `file by file (${why}): ${moved.files} renamed`;
        }
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
    { on, from, to, rowPath, open }: WorkOf<"rename-directory">,
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
    const isOpen = new Set(open.map((path) => `${from}/${path}`));
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
      const [leftBefore, staysBefore] = [left.length, stays.length];
      const opened = entries.map(({ name }) => name)
        .filter((name) => isOpen.has(`${source}/${name}`));
      for (const { name, isDirectory } of entries) {
        await this.#context.checkpoint?.();
        const [path, newPath] = [`${source}/${name}`, `${target}/${name}`];
        // Its owner file stays with it.
        if (opened.includes(name) || documentsOf(name, opened).length > 0) {
          stay(path, (rowPath) => ({
            ...{ kind: "move-file", from: newPath, to: rowPath },
          }));
          continue;
        }
        try {
          root.listed(source, name);
          root.listed(target, name);
          const look = root.look(path);
          // What is in a folder of the program's own is looked at by nobody.
          const isUsers = look.kind === "directory" && !isOwnName(name);
          if (isUsers) await each(path, newPath);
          else if (look.kind === "file") {
            const now = await this.#give(root, {
              from: path,
              to: newPath,
              seen: look.metadata,
              mark: null,
            });
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
        const isTold = left.length > leftBefore || stays.length > staysBefore;
        if (!isTold) told(source, error);
        // The other side has it no more: the next run removes it.
        const isMount = sided(on, info.dev !== above.dev, false);
        const id = sided(on, folderIdOf(info, root.traits), null);
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

/** Carries out batches of actions, one after the other. */
export function acting(world: World): Handlers["act"] {
  // Also where requests are not answered in turn.
  let turn: Promise<unknown> = Promise.resolve();
  return (batch) => {
    const done = turn.then(() => new Batch(batch, world).run());
    turn = done.catch(() => {});
    return done;
  };
}

/** A root that answered is trusted for so long, in ms. */
const ROOT_TRUST_MS = 250;

/** A copy of a batch, on its way. */
interface OnItsWay {
  readonly position: number;
  readonly copy: StagedCopy;
}

/** A batch of actions. What it trusts of the roots ends with it. */
class Batch {
  readonly #batch: ActBatch;
  readonly #world: World;
  readonly #roots: Both<Root>;
  readonly #names: TemporaryNames;
  readonly #performer: Performer;
  /** What is to be done, by position. */
  readonly #tasks: readonly (CopyTask | ActOrder)[];
  /** Rows that this run wrote, by path. */
  readonly #rows = new Map<string, FileRow>();
  /** Disks without room: a root may hold several. */
  readonly #full: Set<string>;
  /** Positions of copies to new names. */
  readonly #copies: number[] = [];
  /** What became of each, by position. */
  readonly #made = new Map<number, Made>();
  readonly #became = new Map<number, Became>();
  /** Folders in which names changed, by position. */
  readonly #folders = new Map<number, Performed["folders"]>();
  /** By new folder, the one that is filled aside for it; null: none is. */
  readonly #asides = new Map<NewFolder, string | null>();
  readonly #filled: NewFolder[] = [];
  #staged: OnItsWay[] = [];
  #rootsTrustedUntil = 0;

  constructor(batch: ActBatch, world: World) {
    const { owner, startedAtMs, copies, orders, full, drops, fills } = batch;
    requirePaths([
      ...copies.paths,
      ...orders.flatMap(({ work, copied }) => [
        ...pathsOf(work),
        ...copied?.folders ?? [],
      ]),
      ...drops.flatMap(({ path, folders }) => [path, ...folders]),
      ...fills.map(({ path }) => path),
    ]);
    this.#batch = batch;
    this.#world = world;
    const tasks: (CopyTask | ActOrder)[] = unpackCopies(copies);
    for (const order of orders) tasks.splice(order.at, 0, order);
    this.#tasks = tasks;
    for (const [position, task] of tasks.entries()) {
      if (!isOrder(task)) this.#copies.push(position);
    }
    this.#full = new Set(full);
    this.#roots = both((side) => rootIn(world, side, batch.wire[side]));
    for (const { work } of orders) {
      if (work.kind !== "copy" || work.softDeleted === null) continue;
      pathOf(work.softDeleted, this.#roots);
    }
    const { shared } = world;
    const { left, right } = this.#roots;
    const next = () => shared.takeNumbers(1);
    const names = new TemporaryNames(owner, [left, right], next);
    this.#names = names;
    const run = `${timeMark(startedAtMs)}-${owner.pair}`;
    this.#performer = new Performer({
      roots: this.#roots,
      names,
      softDelete: new SoftDelete(run, names),
      rowAt: (path) => this.#rows.get(path) ?? null,
      onBytes: (bytes) => shared.count(0, bytes),
      checkpoint: world.checkpoint,
    });
  }

  async run(): Promise<ActReply> {
    for (const { side, path, number, folders } of this.#batch.drops) {
      const temporary = this.#names.beside(path, number);
      dropCopy({ to: this.#roots[side], temporary, folders });
    }
    const end = performance.now() + this.#batch.forMs;
    let isStopped = false;
    try {
      for (const [position, task] of this.#tasks.entries()) {
        const mayEnd = position > 0 && (!isOrder(task) || task.mayWait);
        if (mayEnd && performance.now() > end) break;
        await this.#world.checkpoint();
        if (isOrder(task)) await this.#obey(task);
        else await this.#stage(position, task, null, this.#asideFor(task));
      }
      await this.#placeStaged();
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      // Flushing them might take long: the next run copies them again.
      for (const { copy } of this.#staged.splice(0)) dropCopy(copy);
      this.#dropAsides();
      isStopped = true;
    }
    this.#flushFolders();
    const { left, right } = this.#roots;
    return {
      made: packMade(
        this.#copies.map((position) => this.#made.get(position) ?? null),
      ),
      told: [...this.#became],
      // After the actions: what went to another disk must not be recorded.
      isAway: !this.#areThere(),
      isStopped,
      full: [...this.#full],
      filled: this.#filled,
      crossed: [...this.#performer.crossed].map(([key, metadata]) => {
        const side = key.startsWith("left/") ? "left" : "right";
        return { side, path: key.slice(side.length + 1), metadata };
      }),
      refusedNames: { left: left.refusedNames, right: right.refusedNames },
    };
  }

  async #obey(order: ActOrder): Promise<void> {
    const { at: position, needs, row, mark, number, copied } = order;
    const removes = order.work.kind === "remove" ||
      order.work.kind === "remove-directory";
    const isStaged = (need: number) =>
      this.#staged.some((it) => it.position === need);
    // What is new is there before anything old goes. But what is brought back
    // to both sides gets its names when it is written aside on both.
    const isBack = order.work.kind === "copy" &&
      order.work.softDeleted !== null;
    if (removes || !isBack && needs.some(isStaged)) await this.#placeStaged();
    if (needs.some((need) => !isStaged(need) && !this.#isDone(need))) {
      this.#became.set(position, { kind: "waits" });
      return;
    }
    if (row !== null) this.#rows.set(row.path, row);
    const work = afterRenames(order.work, this.#performer.crossed);
    if (work.kind === "copy") {
      if (copied === null) {
        const { softDeleted, ...task } = work;
        return await this.#stage(position, { ...task, number }, softDeleted);
      }
      const to = this.#roots[otherSide(work.from)];
      const temporary = this.#names.beside(work.path, number);
      return await this.#place(position, { ...copied, to, temporary });
    }
    try {
      if (removes) this.#requireRoots();
      const done = await this.#performer.perform(work, mark);
      // A second rename builds on the first; a copy relies on clash copies.
      for (const change of done.changes) {
        if (change.kind === "put") this.#rows.set(change.row.path, change.row);
      }
      this.#done(position, done);
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      if (error instanceof TwoSteps) {
        this.#became.set(position, { kind: "two-steps" });
      } else this.#fail(position, error);
    }
  }

  #isDone(position: number): boolean {
    return this.#became.get(position)?.kind === "done";
  }

  async #stage(
    position: number,
    task: CopyTask,
    softDeleted: SoftDeletedRef | null = null,
    aside: string | null = null,
  ): Promise<void> {
    try {
      if (softDeleted !== null) this.#requireRoots();
      if (this.#full.size > 0 && this.#full.has(this.#diskFor(task))) {
        throw new Error("the disk is full: make room there");
      }
      const copy = await this.#performer.stage(task, softDeleted, aside);
      this.#staged.push({ position, copy });
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      if (errorKind(error) === "full") this.#full.add(this.#diskFor(task));
      this.#fail(position, error);
    }
  }

  /** Flushes what is written aside, and puts it in place. */
  async #placeStaged(): Promise<void> {
    const staged = this.#staged.splice(0);
    if (staged.length === 0) return this.#dropAsides();
    const copies = await flushCopies(staged.map(({ copy }) => copy));
    const whole = staged.flatMap(({ copy: { temporary } }, n) =>
      "error" in copies[n]! ? [] : [temporary]
    );
    const filled = this.#putFolders(whole);
    for (const [n, { position }] of staged.entries()) {
      const copy = copies[n]!;
      const path = filled.get(folderOf(staged[n]!.copy.temporary));
      if ("error" in copy) this.#fail(position, copy.error);
      else if (path !== undefined) {
        const { to: { side }, source, metadata, lookedAtMs, hash } = copy;
        this.#made.set(position, { source, metadata, lookedAtMs, hash });
        // What is in it was flushed with it; its new place was not.
        const above = folderOf(path);
        this.#folders.set(position, [{ side, folder: above }]);
      } else await this.#place(position, copy);
    }
    this.#dropAsides();
  }

  /** What a copy is written into, where its folder is filled aside. */
  #asideFor({ from, path }: CopyTask): string | null {
    const [side, folder] = [otherSide(from), folderOf(path)];
    const fill = this.#batch.fills.find((it) =>
      it.path === folder && it.side === side
    );
    if (fill === undefined) return null;
    let aside = this.#asides.get(fill);
    if (aside === undefined) {
      const make = () => makeAside(this.#roots[side], folder, this.#names);
      aside = orElse(null, make);
      this.#asides.set(fill, aside);
    }
    return aside;
  }

  /**
   * Puts folders in place that were filled aside.
   *
   * @param whole Copies that are flushed.
   * @returns By where they were, where they are. What is in others goes file by
   *   file.
   */
  #putFolders(whole: readonly string[]): Map<string, string> {
    const put = new Map<string, string>();
    for (const [fill, aside] of this.#asides) {
      if (aside === null) continue;
      const { side, path, id } = fill;
      orElse(undefined, () => {
        const names = whole.filter((it) => folderOf(it) === aside).map(nameOf);
        const own = putFilled(this.#roots[side], { aside, names, path, id });
        this.#filled.push({ side, path, id: own });
        this.#asides.set(fill, null);
        put.set(aside, path);
      });
    }
    return put;
  }

  #isInAside(temporary: string): boolean {
    return this.#asides.values().some((it) => it === folderOf(temporary));
  }

  /** What is left of them goes; copies that come later go file by file. */
  #dropAsides(): void {
    for (const [fill, aside] of this.#asides) {
      if (aside === null) continue;
      this.#asides.set(fill, null);
      orElse(undefined, () => removeAside(this.#roots[fill.side], aside));
    }
  }

  async #place(position: number, copy: FlushedCopy): Promise<void> {
    const { to, temporary, ...made } = copy;
    const task = this.#tasks[position]!;
    if (isOrder(task) && !task.needs.every((need) => this.#isDone(need))) {
      dropCopy(copy);
      this.#became.set(position, { kind: "waits" });
      return;
    }
    try {
      if (isOrder(task)) {
        const { work } = task;
        const copying = afterRenames(work, this.#performer.crossed);
        const place = this.#performer.place(copying as WorkOf<"copy">, copy);
        return this.#done(position, await place);
      }
      moveToFree(to, temporary, task.path);
      this.#made.set(position, made);
      const folder = folderOf(task.path);
      this.#folders.set(position, [{ side: to.side, folder }]);
    } catch (error) {
      // One that was written into a folder goes with that.
      const stays = errorKind(error) === "busy" &&
        !this.#isInAside(temporary);
      if (!stays) dropCopy(copy);
      this.#fail(position, error, stays ? made : null);
    }
  }

  #done(position: number, done: Performed): void {
    const { changes, folders, softDeletedPath, note, left = null } = done;
    this.#folders.set(position, folders);
    this.#became.set(position, {
      ...{ kind: "done", changes, softDeletedPath, note, left },
    });
  }

  #fail(
    position: number,
    error: unknown,
    copied: Made | null = null,
  ): void {
    const task = this.#tasks[position]!;
    this.#became.set(position, {
      kind: "failed",
      error: errorToWire(error),
      why: (isOrder(task) ? whyNot(task.work, error) : inWords(error)) +
        (errorKind(error) === "busy" ? this.#openWords(task) : ""),
      copied,
    });
  }

  /** Who has the document of an action open, as far as anything tells. */
  #openWords(task: CopyTask | ActOrder): string {
    const [path = ""] = isOrder(task) ? pathsOf(task.work) : [task.path];
    const told = SIDES.flatMap((side) =>
      ownersOf(nameOf(path)).flatMap((name) => {
        const at = joinPath(folderOf(path), name);
        const owner = ownerAt(this.#roots[side], at);
        return owner ? [`; ${openWords(owner)} on ${words(side)}`] : [];
      }).slice(0, 1)
    );
    return told.join("");
  }

  /** The disk that a copy goes to: others may be mounted inside a root. */
  #diskFor({ from, path }: CopyTask): string {
    const side = otherSide(from);
    const root = this.#roots[side];
    const folder = folderOf(path);
    const inner = folder === ""
      ? undefined
      : orElse(undefined, () => root.info(folder)?.dev);
    return `${side}/${inner ?? root.self?.dev}`;
  }

  #requireRoots(): void {
    if (performance.now() < this.#rootsTrustedUntil) return;
    if (!this.#areThere()) throw new Skipped(WENT_AWAY);
    this.#rootsTrustedUntil = performance.now() + ROOT_TRUST_MS;
  }

  /** Whether both roots are still the ones that the run began with. */
  #areThere(): boolean {
    return SIDES.every((side) => {
      try {
        const now = readIdentity(side, this.#world.paths[side]);
        const expected = this.#batch.ids[side];
        return expected === null || now?.id === expected;
      } catch (error) {
        if (!(error instanceof GuardError)) throw error;
        return false;
      }
    });
  }

  /**
   * Flushes folders, each once: the record must not claim names that are not
   * on disk.
   */
  #flushFolders(): void {
    const flushed = new Map<string, unknown>();
    const flush = (side: Side, folder: string): unknown => {
      const key = `${side}/${folder}`;
      if (!flushed.has(key)) {
        flushed.set(key, flushError(this.#roots[side], folder));
      }
      return flushed.get(key);
    };
    for (const [position, folders] of this.#folders) {
      const error = folders.map(({ side, folder }) => flush(side, folder))
        .find((it) => it !== null);
      if (error === undefined) continue;
      this.#made.delete(position);
      this.#fail(position, error);
    }
  }
}

/** All paths that an action acts on, or looks at. */
function pathsOf(work: FilesWork): string[] {
  switch (work.kind) {
    case "clash":
      return [work.path, work.clashPath];
    case "rename":
      return [work.from, work.to, ...work.other ? [work.other.path] : []];
    case "rename-directory":
      return [work.from, work.to];
    default:
      return [work.path];
  }
}

function isOrder(task: CopyTask | ActOrder): task is ActOrder {
  return "at" in task;
}

/** What went wrong with a folder's flush; null: nothing, or it is gone. */
function flushError(root: Root, folder: string): unknown {
  try {
    flushFolder(root, folder);
    return null;
  } catch (error) {
    return errorKind(error) === "missing" ? null : error;
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
  return folderIdOf(Deno.lstatSync(root.absolute(folder)), root.traits);
}

/**
 * What was seen of a file that the program itself wrote or changed since: some
 * servers know no time of creation, and tell one that moves with that.
 */
function withBirthOf(seen: Metadata, now: Metadata): Metadata {
  return isEqualId(now.id, seen.id) ? { ...seen, id: now.id } : seen;
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

/** In words, with what a person can do about it. */
function whyNot(work: FilesWork, error: unknown): string {
  const isFolder = work.kind === "remove-directory" ||
    work.kind === "rename-directory";
  const isBusy = errorKind(error) === "busy" && Deno.build.os !== "windows";
  if (!isFolder || !isBusy) {
    const isRename = work.kind === "rename-directory";
    return isRename ? whyNotRenamed(error) : inWords(error);
  }
  const there = words(otherSide(work.on));
  return "it is in use, or another disk is mounted here: unmount it, or " +
    (work.kind === "remove-directory"
      ? `make the folder on ${there} again`
      : `give it its old name on ${there} again`);
}

/**
 * Why a folder was not renamed, in words: where anything in it is open, Windows
 * says that access is denied.
 */
function whyNotRenamed(error: unknown): string {
  const isDenied = errorKind(error) === "denied";
  return isDenied && Deno.build.os === "windows"
    ? `something in it is in use, or it is protected (${codeOf(error)})`
    : inWords(error);
}
