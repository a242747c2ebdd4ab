/**
 * Somebody who keeps working in folders while runs go on, and knows every
 * version they saved and every one they did away with themselves.
 *
 * @module
 */
import assert from "node:assert/strict";

/** Random numbers that can be had again. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** All versions of all editors, and what became of them. */
export class Versions {
  readonly #standsIn = new Map<string, Set<string>>();
  readonly #endedIn = new Map<string, Set<string>>();
  readonly #diary: string[] = [];

  /** How many there were. */
  get count(): number {
    return this.#standsIn.size;
  }

  /** How many an editor did away with in every folder that had them. */
  get ended(): number {
    return [...this.#standsIn.keys()].filter((it) => this.#isEnded(it)).length;
  }

  /** A version is complete in a folder. */
  saved(version: string, root: string): void {
    add(this.#standsIn, version, root);
    this.#note("stands", version, root);
  }

  #note(what: string, version: string, root: string): void {
    const at = new Date().toISOString().slice(11);
    this.#diary.push(`${at} ${root.slice(-5)}: ${what} "${version}"`);
  }

  /** All that is known of a version, for a message. */
  diaryOf(version: string): string {
    return this.#diary.filter((line) => line.includes(version)).join("\n");
  }

  /** An editor is about to replace or remove what it finds in a folder. */
  ends(version: string | null, root: string): void {
    if (version === null) return;
    add(this.#endedIn, version, root);
    this.#note("is ended", version, root);
  }

  /** Whatever stands in a folder now has to be done away with there too. */
  resolved(root: string): void {
    for (const version of contents(root, false)) this.saved(version, root);
  }

  /** Versions that are nowhere, though nobody but a run can have ended them. */
  lost(roots: readonly string[]): string[] {
    const kept = new Set<string>();
    for (const root of roots) {
      for (const content of contents(root, true)) kept.add(content);
    }
    return [...this.#standsIn.keys()].filter((version) =>
      !kept.has(version) && !this.#isEnded(version)
    );
  }

  #isEnded(version: string): boolean {
    const ended = this.#endedIn.get(version);
    return [...this.#standsIn.get(version) ?? []].every((root) =>
      ended?.has(root)
    );
  }
}

function add(
  to: Map<string, Set<string>>,
  version: string,
  root: string,
): void {
  const known = to.get(version);
  if (known) known.add(root);
  else to.set(version, new Set([root]));
}

/** What is in all files of a folder, soft-deleted ones included if wanted. */
function contents(folder: string, withDeleted: boolean): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isFile) return [Deno.readTextFileSync(path)];
    const isOwn = entry.name === ".office-sync";
    return isOwn && !withDeleted ? [] : contents(path, withDeleted);
  });
}

/** Works in one folder. */
export class Editor {
  readonly #root: string;
  readonly #versions: Versions;
  readonly #random: (below: number) => number;
  #count = 0;
  /** How many edits were made. */
  edits = 0;

  /**
   * @param root Where it works.
   * @param versions Told of everything it saves and ends.
   * @param seed Of its random choices.
   */
  constructor(root: string, versions: Versions, seed: number) {
    assert.match(root, /office-sync-test-/, "only ever a test's own folder");
    this.#root = root;
    this.#versions = versions;
    this.#random = randomFrom(seed);
  }

  /** Works until it is stopped. */
  async work(isOver: () => boolean, pauseMs: number): Promise<void> {
    while (!isOver()) {
      this.edit();
      const pause = this.#random(2 * pauseMs + 1);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** One edit. A path may vanish below the editor's hands: it goes on. */
  edit(): void {
    this.edits++;
    try {
      const path = this.#anyPath();
      const kinds = [
        () => this.#writeInPlace(path),
        () => this.#writeInPlace(path),
        () => this.#writeAside(path),
        () => this.#dance(path, `${path}.bak`),
        () => this.#dance(path, `${path}~`),
        () => this.#rename(path, this.#anyPath()),
        () => this.#remove(path),
        () => this.#renameFolder(),
      ];
      kinds[this.#random(kinds.length)]!();
    } catch (error) {
      const isMeanwhile = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.NotADirectory ||
        error instanceof Deno.errors.IsADirectory ||
        error instanceof Deno.errors.AlreadyExists ||
        /not empty|ENOTEMPTY/.test(String(error));
      if (!isMeanwhile) throw error;
    }
  }

  #anyPath(): string {
    const folder = ["", "d/", "e/", "d/deep/"][this.#random(4)] ?? "";
    if (folder !== "") {
      Deno.mkdirSync(`${this.#root}/${folder}`, { recursive: true });
    }
    return `${this.#root}/${folder}f${this.#random(8)}.txt`;
  }

  /** Versions of all editors differ; many have the same size. */
  #version(path: string): string {
    const place = path.slice(path.lastIndexOf("/") + 1).slice(0, 2);
    const folder = this.#root.slice(this.#root.lastIndexOf("/") + 1);
    return `${folder} ${place} ${String(++this.#count).padStart(6, "0")}`;
  }

  #read(path: string): string | null {
    try {
      return Deno.readTextFileSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  #ends(path: string): void {
    this.#versions.ends(this.#read(path), this.#root);
  }

  #writeInPlace(path: string): void {
    const version = this.#version(path);
    this.#ends(path);
    Deno.writeTextFileSync(path, version);
    this.#versions.saved(version, this.#root);
  }

  #writeAside(path: string): void {
    const version = this.#version(path);
    const aside = `${path}.new`;
    this.#ends(aside);
    Deno.writeTextFileSync(aside, version);
    this.#ends(path);
    Deno.renameSync(aside, path);
    this.#versions.saved(version, this.#root);
  }

  /** As editors save: new one aside, old one away, new one in place. */
  #dance(path: string, away: string): void {
    const version = this.#version(path);
    const aside = `${path}.new`;
    this.#ends(aside);
    Deno.writeTextFileSync(aside, version);
    this.#ends(away);
    Deno.renameSync(path, away);
    this.#ends(path);
    Deno.renameSync(aside, path);
    this.#versions.saved(version, this.#root);
    this.#ends(away);
    Deno.removeSync(away);
  }

  #rename(from: string, to: string): void {
    if (from === to) return;
    this.#ends(to);
    Deno.renameSync(from, to);
  }

  #remove(path: string): void {
    this.#ends(path);
    Deno.removeSync(path);
  }

  #renameFolder(): void {
    if (this.#random(4) > 0) return;
    const [from = "", to = ""] = this.#random(2) === 0
      ? ["d/deep", "e/deep"]
      : ["e/deep", "d/deep"];
    Deno.renameSync(`${this.#root}/${from}`, `${this.#root}/${to}`);
  }
}
