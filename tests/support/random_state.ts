/**
 * Two roots as they are on disk at one moment.
 *
 * @module
 */
import { type Both, SIDES } from "../../lib/types.ts";
import type { Office } from "./support.ts";

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
  readonly kept: readonly string[];
}

/**
 * Reads both roots.
 *
 * @param office The office.
 */
export function stateOf(office: Office): State {
  const trees = { left: snapshot(office.left), right: snapshot(office.right) };
  const kept = SIDES.flatMap((side) => {
    try {
      const folder = `${office[side]}/.office-sync/deleted`;
      return [...snapshot(folder).files.values()].map((it) => it.content);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
  return { trees, kept };
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
export function settledPart(tree: Snapshot, open: readonly string[]): Snapshot {
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
  return path.split("/").some((name) => name.startsWith("~$"));
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
