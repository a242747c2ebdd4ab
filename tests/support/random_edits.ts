/**
 * Carries out random edits: each is applied to whatever is there, with the
 * sides as they are or swapped.
 *
 * @module
 */
import { StateDb } from "../../lib/state_db.ts";
import { type Both, otherSide, type Side, SIDES } from "../../lib/types.ts";
import { type Edit, type Settings, swapMarks } from "./random_office.ts";
import { Owed } from "./random_owed.ts";
import { emptyTrash, type Place, Saves, throwAway } from "./random_saves.ts";
import {
  exists,
  type FileState,
  type Snapshot,
  snapshot,
} from "./random_state.ts";
import type { Office } from "./support.ts";

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
