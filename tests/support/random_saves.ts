/**
 * Programs that save files in several steps, with runs in between, and trash
 * folders inside of a root.
 *
 * @module
 */
import type { Side } from "../../lib/types.ts";
import type { Edit } from "./random_office.ts";
import { exists } from "./random_state.ts";

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
