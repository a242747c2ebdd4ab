/**
 * Brings soft-deleted versions back, as a person copying would, but with the
 * care of a run: nothing is destroyed, nothing goes through a link, and no
 * half file is ever seen. The soft-deleted version stays where it is.
 *
 * @module
 */
import { GuardError } from "./errors.ts";
import {
  dropCopy,
  flushCopies,
  type FlushedCopy,
  flushFolder,
  keepAsClash,
  placeNew,
  removeDespite,
  replace,
  setQuietly,
  type StagedCopy,
  staging,
  type TemporaryNames,
} from "./file_ops.ts";
import { folderOf } from "./paths.ts";
import { Refused, type Target, targetOn } from "./restore_targets.ts";
import type { Restored } from "./restored.ts";
import { inPieces, type Root } from "./root_files.ts";
import { isAcrossDisks, type SoftDelete } from "./soft_delete.ts";
import { codeOf, inWords, Skipped, WENT_AWAY } from "./system.ts";
import type { Both, FileFigures, Side } from "./types.ts";
import type { Version } from "./versions.ts";

/** What bringing back needs. */
export interface RestoringContext {
  readonly roots: Both<Root>;
  readonly names: TemporaryNames;
  readonly softDelete: SoftDelete;
  /** The sides that are to have it. */
  readonly to: readonly Side[];
  /** Newer files may be replaced as well. */
  readonly isForced: boolean;
  /** Reads both roots' identity again. */
  verifyRoots(): void;
  /** Called between any two pieces of work; what it throws ends it all. */
  readonly pause?: () => Promise<void>;
}

/** Versions whose copies are flushed together. */
const BATCH = 32;

/** A version on its way. */
interface Trip {
  readonly version: Version;
  readonly targets: readonly Target[];
  readonly copies: readonly StagedCopy[];
  readonly made: readonly Made[];
}

/** A folder that was missing, and was made. */
interface Made {
  readonly root: Root;
  readonly folder: string;
}

/** Brings versions back. */
export class Restoring {
  readonly #context: RestoringContext;
  /** Folders in which names changed since they were flushed. */
  readonly #changed = new Map<Root, Set<string>>();

  /** @param context Where to, and with which names. */
  constructor(context: RestoringContext) {
    this.#context = context;
  }

  /**
   * Brings versions back, some at a time.
   *
   * @param versions One of each path.
   * @returns What became of each.
   * @throws What the pause threw, after all that is done was told. A copy that
   *   was under way is dropped.
   */
  async *bringBack(
    versions: readonly Version[],
  ): AsyncGenerator<Restored> {
    for (let at = 0; at < versions.length; at += BATCH) {
      const batch = versions.slice(at, at + BATCH);
      try {
        this.#context.verifyRoots();
      } catch (error) {
        if (!(error instanceof GuardError)) throw error;
        yield* batch.map((version): Restored => ({
          ...nothing(version),
          ...troubleWith(new Skipped(WENT_AWAY)),
        }));
        continue;
      }
      const { results, ended } = await this.#batch(batch);
      yield* results;
      if (ended !== null) throw ended.by;
    }
  }

  /** What is copied already when it is to end is put in place as well. */
  async #batch(versions: readonly Version[]): Promise<{
    readonly results: readonly Restored[];
    readonly ended: { readonly by: unknown } | null;
  }> {
    const staged: (Trip | Restored)[] = [];
    let ended: { readonly by: unknown } | null = null;
    for (const version of versions) {
      try {
        await this.#context.pause?.();
        staged.push(await this.#stage(version));
      } catch (error) {
        ended = { by: error };
        break;
      }
    }
    const trips = staged.filter((it) => "copies" in it);
    const flushed = await flushCopies(trips.flatMap(({ copies }) => copies));
    const results: Restored[] = [];
    for (const it of staged) {
      if (!("copies" in it)) results.push(it);
      else {
        const copies = flushed.splice(0, it.copies.length);
        results.push(await this.#place(it, copies));
      }
    }
    for (const [root, folders] of this.#changed) {
      for (const folder of folders) flushFolder(root, folder);
    }
    this.#changed.clear();
    return { results, ended };
  }

  /** Looks at all sides before anything is written, then copies aside. */
  async #stage(version: Version): Promise<Trip | Restored> {
    const copies: StagedCopy[] = [];
    const made: Made[] = [];
    try {
      const targets = this.#context.to.flatMap((side) =>
        targetOn(side, version, this.#context) ?? []
      );
      if (targets.length === 0) return { ...nothing(version), outcome: "same" };
      for (const { root } of targets) {
        this.#makeFolders(version, root, made);
        copies.push(await this.#copy(version, root));
      }
      return { version, targets, copies, made };
    } catch (error) {
      for (const copy of copies) {
        copy.file.close();
        dropCopy(copy);
      }
      removeEmpty(made);
      return { ...nothing(version), ...troubleWith(error) };
    }
  }

  /** With the mode that was kept with them, for those who were let in. */
  #makeFolders(version: Version, root: Root, made: Made[]): void {
    const from = this.#context.roots[version.side];
    const names = version.path.split("/").slice(0, -1);
    const kept = version.keptAt.split("/").slice(0, -1);
    for (let depth = 1; depth <= names.length; depth++) {
      const folder = names.slice(0, depth).join("/");
      if (root.look(folder).kind === "directory") continue;
      Deno.mkdirSync(root.absolute(folder));
      made.push({ root, folder });
      this.#note(root, folderOf(folder));
      const deeper = names.length - depth;
      const twin = kept.slice(0, kept.length - deeper).join("/");
      // What is kept under a short path has none.
      if (!twin.endsWith(`/${names[depth - 1]}`)) continue;
      const { mode } = Deno.lstatSync(from.absolute(twin));
      if (mode !== null && Deno.build.os !== "windows") {
        setQuietly(() => Deno.chmodSync(root.absolute(folder), mode & 0o777));
      }
    }
  }

  #copy(
    { side, keptAt, path, figures }: Version,
    to: Root,
  ): Promise<StagedCopy> {
    const work = staging({
      from: this.#context.roots[side],
      path: keptAt,
      seen: figures,
      to,
      temporary: this.#context.names.beside(path),
      mode: figures.mode,
      wantsHash: false,
    });
    return inPieces(work, this.#context.pause);
  }

  async #place(
    { version, targets, made }: Trip,
    copies: readonly (FlushedCopy | { readonly error: unknown })[],
  ): Promise<Restored> {
    const sides: Side[] = [];
    const replaced: { left: string | null; right: string | null } = {
      left: null,
      right: null,
    };
    const done = () => ({ ...nothing(version), sides, replaced });
    try {
      const failed = copies.find((copy) => "error" in copy);
      if (failed) throw failed.error;
      for (const [n, { root, standing }] of targets.entries()) {
        const copy = copies[n] as FlushedCopy;
        replaced[root.side] = standing === null
          ? this.#placeNew(copy, version.path)
          : await this.#replace(copy, version.path, standing);
        sides.push(root.side);
      }
      return { ...done(), outcome: "done" };
    } catch (error) {
      for (const copy of copies.slice(sides.length)) {
        if ("temporary" in copy) dropCopy(copy);
      }
      removeEmpty(made);
      return { ...done(), ...troubleWith(error) };
    }
  }

  #placeNew(copy: FlushedCopy, path: string): null {
    placeNew(copy.to, copy.temporary, path);
    this.#note(copy.to, folderOf(path));
    return null;
  }

  /** What stands there goes to soft delete, however large it is. */
  async #replace(
    copy: FlushedCopy,
    path: string,
    standing: FileFigures,
  ): Promise<string> {
    const { softDelete, names } = this.#context;
    const { to: root, temporary } = copy;
    const keptAt = softDelete.placeFor(root, path);
    try {
      replace(root, temporary, path, standing, keptAt);
    } catch (error) {
      if (!isAcrossDisks(error)) throw error;
      const aside = names.beside(path);
      replace(root, temporary, path, standing, aside);
      try {
        await softDelete.moveAcross(root, aside, standing, keptAt);
      } catch {
        // Edited just now, or no room: it is kept beside the file.
        this.#note(root, folderOf(path));
        return keepAsClash(root, aside, path);
      }
    }
    this.#note(root, folderOf(path));
    for (let it = folderOf(keptAt); it !== ""; it = folderOf(it)) {
      this.#note(root, it);
    }
    return keptAt;
  }

  #note(root: Root, folder: string): void {
    const folders = this.#changed.get(root) ?? new Set();
    this.#changed.set(root, folders.add(folder));
  }
}

function nothing(version: Version): Omit<Restored, "outcome"> {
  const replaced = { left: null, right: null };
  return { version, sides: [], replaced, reason: null };
}

function troubleWith(error: unknown): Pick<Restored, "outcome" | "reason"> {
  if (error instanceof Refused) {
    return { outcome: "refused", reason: error.message };
  }
  if (!(error instanceof Skipped) && codeOf(error) === null) throw error;
  return { outcome: "failed", reason: inWords(error) };
}

/** Folders that were made for nothing; never with anything in them. */
function removeEmpty(made: readonly Made[]): void {
  for (const { root, folder } of made.toReversed()) {
    try {
      root.distrust();
      root.requireRealFolder(folder);
      removeDespite(root.absolute(folder));
    } catch {
      // Somebody uses it by now.
    }
  }
}
