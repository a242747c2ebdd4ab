/**
 * Walks down a root, folder by folder: looks into one after another while
 * the disk is quick, into many at once where it is slow.
 *
 * @module
 */
import { BadName, FailedLook, type Look, Lookout, namesIn } from "./lookout.ts";
import type { FileId } from "./types.ts";

/** A folder to look into. */
export interface FolderToSee {
  /** Below the root; `""` is the root. */
  readonly path: string;
  readonly absolute: string;
  /** Of the disk it is on. */
  readonly dev: number;
  /** Null for the root, and where the file system has none. */
  readonly id: FileId | null;
}

/** What was seen of a folder. */
export interface SeenFolder {
  readonly folder: FolderToSee;
  /** When the look at it began, in ms since 1970. */
  readonly lookedAtMs: number;
  readonly names: readonly string[];
  /** Of each name. */
  readonly looks: readonly Look[];
  /** The look at the folder itself, after all others. */
  readonly own: Look;
}

/** Who goes along. */
export interface WalkListener {
  /**
   * Takes what was seen of a folder; folders come in any order on a slow disk.
   *
   * @param seen The folder.
   * @returns The folders in it to look into next. Where it throws, none.
   */
  take(seen: SeenFolder): readonly FolderToSee[];
  /** Why there is to be no look at a name, in words. Left out: all are seen. */
  readonly whyNoLook?: ((name: string) => string | null) | undefined;
  /** A folder below the root could not be read, or not be taken. */
  unreadable(folder: FolderToSee, error: unknown): void;
  /**
   * Called between two folders.
   *
   * @throws Whatever ends the walk.
   */
  readonly pause?: (() => Promise<void>) | undefined;
}

/**
 * Walks.
 *
 * @param root Absolute path.
 * @param listener Takes what is seen.
 * @throws The system's error, where the root itself can't be read.
 */
export async function walk(
  root: string,
  listener: WalkListener,
): Promise<void> {
  const { dev } = Deno.lstatSync(root);
  const walker = new Walker(listener);
  await walker.run({ path: "", absolute: root, dev, id: null });
}

class Walker {
  readonly #listener: WalkListener;
  readonly #lookout = new Lookout();
  /** A list of its own instead of recursion: folders may nest deeply. */
  readonly #waiting: FolderToSee[] = [];

  constructor(listener: WalkListener) {
    this.#listener = listener;
  }

  async run(root: FolderToSee): Promise<void> {
    const { pause } = this.#listener;
    this.#waiting.push(root);
    while (this.#waiting.length > 0 && !this.#lookout.isSlow) {
      this.#see(this.#waiting.pop()!);
      if (pause) await pause();
    }
    await this.#manyAtOnce();
  }

  /** Every call waits for the one before. */
  #see(folder: FolderToSee): void {
    this.#orUnreadable(folder, () => {
      const lookedAtMs = Date.now();
      const names = namesIn(folder.absolute);
      const looks: Look[] = [];
      for (const name of names) {
        const bad = this.#bad(name);
        looks.push(bad ?? this.#lookout.look(`${folder.absolute}/${name}`));
        if (!this.#lookout.isSlow) continue;
        // Nothing is lost: it is begun anew, with many calls at once.
        this.#waiting.push(folder);
        return;
      }
      const own = this.#lookout.look(folder.absolute);
      this.#take({ folder, lookedAtMs, names, looks, own });
    });
  }

  /** Neither calls nor folders wait for each other. */
  async #manyAtOnce(): Promise<void> {
    const { pause } = this.#listener;
    const running = new Set<Promise<void>>();
    let failure: { readonly error: unknown } | null = null;
    while (failure === null && this.#waiting.length + running.size > 0) {
      const hasRoom = running.size < this.#lookout.atOnce;
      const folder = hasRoom ? this.#waiting.pop() : undefined;
      if (folder === undefined) {
        await Promise.race(running);
        continue;
      }
      const going: Promise<void> = this.#seeLater(folder)
        .catch((error) => void (failure ??= { error }))
        .finally(() => running.delete(going));
      running.add(going);
      if (pause) await pause();
    }
    await Promise.all(running);
    if (failure !== null) throw (failure as { error: unknown }).error;
  }

  async #seeLater(folder: FolderToSee): Promise<void> {
    const seen = await this.#lookLater(folder).catch((error) => ({ error }));
    this.#orUnreadable(folder, () => {
      if ("error" in seen) throw seen.error;
      this.#take(seen);
    });
  }

  async #lookLater(folder: FolderToSee): Promise<SeenFolder> {
    const { absolute } = folder;
    const lookedAtMs = Date.now();
    const names = await this.#lookout.namesLater(absolute);
    const looks = await Promise.all(
      names.map((name) =>
        this.#bad(name) ?? this.#lookout.later(`${absolute}/${name}`)
      ),
    );
    const own = await this.#lookout.later(absolute);
    return { folder, lookedAtMs, names, looks, own };
  }

  #bad(name: string): FailedLook | null {
    const why = this.#listener.whyNoLook?.(name) ?? null;
    return why === null ? null : new FailedLook(new BadName(why));
  }

  /** Only then: a folder that fails half-way must not be descended into. */
  #take(seen: SeenFolder): void {
    const found = this.#listener.take(seen);
    for (let at = found.length - 1; at >= 0; at--) {
      this.#waiting.push(found[at]!);
    }
  }

  #orUnreadable(folder: FolderToSee, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (folder.path === "") throw error;
      this.#listener.unreadable(folder, error);
    }
  }
}
