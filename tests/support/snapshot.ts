/**
 * A whole root in one value: to show that nothing was changed, or what was.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Everything below a folder: path → what it is, times and modes included. */
export type Snapshot = Readonly<Record<string, string>>;

/**
 * Takes down everything below a folder.
 *
 * @param root The folder.
 * @param hasOwnTimes Also when the product's own folders last changed, which
 *   a run that looks at its file system's traits may alter.
 */
export function snapshot(root: string, hasOwnTimes = false): Snapshot {
  const found: Record<string, string> = {};
  const walk = (folder: string, path: string): void => {
    const { mode, mtime } = Deno.lstatSync(folder);
    const isOwn = /(^|\/)\.office-sync(\/|$)/.test(path) && !hasOwnTimes;
    found[`${path}/`] = `folder ${bits(mode)} ${isOwn ? "" : time(mtime)}`;
    for (const { name } of [...Deno.readDirSync(folder)].sort(byName)) {
      const at = `${folder}/${name}`;
      const below = path === "" ? name : `${path}/${name}`;
      const info = Deno.lstatSync(at);
      if (info.isDirectory) walk(at, below);
      else found[below] = leafWords(at, info);
    }
  };
  walk(root, "");
  return found;
}

function byName(a: Deno.DirEntry, b: Deno.DirEntry): number {
  return a.name < b.name ? -1 : 1;
}

function leafWords(path: string, info: Deno.FileInfo): string {
  if (info.isSymlink) return `link ${Deno.readLinkSync(path)}`;
  if (!info.isFile) return "special";
  const content = info.size > 200
    ? createHash("sha256").update(Deno.readFileSync(path)).digest("hex")
    : JSON.stringify(Deno.readTextFileSync(path));
  return `file ${bits(info.mode)} ${time(info.mtime)} ${info.size} ${content}`;
}

function bits(mode: number | null): string {
  return ((mode ?? 0) & 0o777).toString(8);
}

function time(mtime: Date | null): string {
  return mtime?.toISOString() ?? "-";
}

/** What is synced of a snapshot: no times of folders, nothing of its own. */
export function synced(all: Snapshot): Snapshot {
  return Object.fromEntries(
    Object.entries(all)
      .filter(([path]) => !path.split("/").includes(".office-sync"))
      .map(([path, what]) => [path, what.replace(/^folder .*/, "folder")]),
  );
}
