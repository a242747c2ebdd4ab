/**
 * What tests share: real temporary folders, trees as literals, the real
 * command.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fromFileUrl } from "./urls.ts";
import { loadConfig } from "../lib/config_loader.ts";
import type { RunResult } from "../lib/run_result.ts";
import type { SyncOptions } from "../lib/run_settings.ts";
import { newRunId, runSync } from "../lib/sync.ts";

/** A folder as a literal: a text is a file, an object a folder. */
export interface Tree {
  readonly [name: string]: string | Tree | FileSpec;
}

/** A file with more than content. */
export class FileSpec {
  /**
   * @param content Its content.
   * @param options mtime as ISO time or ms since 1970; permission bits.
   */
  constructor(
    readonly content: string | Uint8Array,
    readonly options: {
      readonly mtime?: string | number;
      readonly mode?: number;
    } = {},
  ) {}
}

/** A file with an mtime, or a mode. */
export function file(
  content: string | Uint8Array,
  options: FileSpec["options"] = {},
): FileSpec {
  return new FileSpec(content, options);
}

/** Writes a tree into a folder that exists; what is there stays. */
export function write(root: string, tree: Tree): void {
  assert.match(root, /office-sync-test-/, "only ever a test's own folder");
  for (const [name, item] of Object.entries(tree)) {
    const path = `${root}/${name}`;
    if (typeof item === "string") Deno.writeTextFileSync(path, item);
    else if (item instanceof FileSpec) writeFile(path, item);
    else {
      Deno.mkdirSync(path, { recursive: true });
      write(path, item);
    }
  }
}

function writeFile(path: string, { content, options }: FileSpec): void {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  Deno.writeFileSync(path, bytes);
  if (options.mode !== undefined) Deno.chmodSync(path, options.mode);
  if (options.mtime !== undefined) {
    const at = new Date(options.mtime).getTime() / 1000;
    Deno.utimeSync(path, at, at);
  }
}

/** Reads a folder as a tree of texts; the product's own folder is left out. */
export function read(root: string): Tree {
  const tree: Record<string, string | Tree> = {};
  const names = [...Deno.readDirSync(root)].sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
  for (const { name, isDirectory, isSymlink } of names) {
    if (name === ".office-sync") continue;
    const path = `${root}/${name}`;
    tree[name] = isSymlink
      ? `-> ${Deno.readLinkSync(path)}`
      : isDirectory
      ? read(path)
      : Deno.readTextFileSync(path);
  }
  return tree;
}

/** Soft-deleted files of a root: path below the run's folder → content. */
export function softDeleted(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const base = `${root}/.office-sync/deleted`;
  const walk = (folder: string, path: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const at = path === "" ? name : `${path}/${name}`;
      if (isDirectory) walk(`${folder}/${name}`, at);
      else found[at] = Deno.readTextFileSync(`${folder}/${name}`);
    }
  };
  try {
    for (const { name } of Deno.readDirSync(base)) walk(`${base}/${name}`, "");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/** What the real command gave. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Two roots, a config and a state DB in a temporary folder. */
export class Office implements Disposable {
  readonly folder: string;
  readonly left: string;
  readonly right: string;
  readonly config: string;
  readonly stateDb: string;
  readonly log: string;

  /**
   * @param settings YAML lines for the config besides the roots.
   */
  constructor(settings = "") {
    this.folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
    this.left = `${this.folder}/left`;
    this.right = `${this.folder}/right`;
    this.config = `${this.folder}/config.yaml`;
    this.stateDb = `${this.folder}/office-sync.db`;
    this.log = `${this.folder}/logs/office-sync.log`;
    Deno.mkdirSync(this.left);
    Deno.mkdirSync(this.right);
    this.configure(settings);
  }

  /** Rewrites the config. */
  configure(settings: string): void {
    const roots = "left_root: left\nright_root: right\n";
    Deno.writeTextFileSync(this.config, roots + settings);
  }

  /** Writes trees into both roots. */
  write(trees: { readonly left?: Tree; readonly right?: Tree }): this {
    write(this.left, trees.left ?? {});
    write(this.right, trees.right ?? {});
    return this;
  }

  /** Both trees as they are now. */
  trees(): { readonly left: Tree; readonly right: Tree } {
    return { left: read(this.left), right: read(this.right) };
  }

  /** Runs the real command, launcher and sandbox included. */
  command(...args: readonly string[]): Promise<CommandResult> {
    return this.#launch([], args);
  }

  /**
   * Runs the real command as somebody whom permission bits bind: root as
   * well, who may read and write everything otherwise.
   */
  humbleCommand(...args: readonly string[]): Promise<CommandResult> {
    const caps = "-dac_override,-dac_read_search,-fowner";
    const humbly = ["setpriv", `--bounding-set=${caps}`, `--inh-caps=${caps}`];
    return this.#launch(Deno.uid() === 0 ? humbly : [], args);
  }

  async #launch(
    before: readonly string[],
    args: readonly string[],
  ): Promise<CommandResult> {
    const launch = fromFileUrl("../launch.ts");
    const [program = "", ...all] = [
      ...before,
      Deno.execPath(),
      "run",
      "--no-prompt",
      "-A",
      launch,
      ...args,
      "--config",
      this.config,
    ];
    const command = new Deno.Command(program, {
      args: all,
      cwd: this.folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
    });
    const { code, stdout, stderr } = await command.output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  }

  /** Runs the real command with `--json` and gives the document. */
  // deno-lint-ignore no-explicit-any
  async json(...args: readonly string[]): Promise<any> {
    const { stdout, stderr } = await this.command(...args, "--json");
    try {
      return JSON.parse(stdout);
    } catch {
      throw new Error(`no JSON: ${stdout}\n${stderr}`);
    }
  }

  /** A run in this process: the same code without launcher and walls. */
  run(options: Partial<SyncOptions> = {}): Promise<RunResult> {
    return runSync(newRunId(Date.now()), loadConfig(this.config), {
      isDryRun: false,
      allowed: { deletes: false, changes: false },
      acceptRoots: false,
      listUnchanged: false,
      ...options,
    }, { onOutcome() {}, onProblem() {}, onWarning() {} });
  }

  /** Runs in this process and requires that both sides agree. */
  async settle(options: Partial<SyncOptions> = {}): Promise<RunResult> {
    const result = await this.run(options);
    assert.equal(result.exitCode, 0, describe(result));
    return result;
  }

  /** Removes everything. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** The actions of a run as short lines: `NAME path -> newPath`. */
export function actions(result: RunResult): string[] {
  return result.outcomes.filter(({ action }) => action.name !== "NOOP").map(
    ({ action, newPath }) => {
      const isNew = newPath !== null && !newPath.startsWith(".office-sync/");
      return `${action.name} ${action.path}${isNew ? ` -> ${newPath}` : ""}`;
    },
  );
}

/** Everything about a result that explains a failing test. */
export function describe(result: RunResult): string {
  return JSON.stringify(
    {
      stop: result.stop,
      problems: result.problems,
      outcomes: result.outcomes.map(({ action, kind, detail }) =>
        `${kind} ${action.name} ${action.path} (${action.reason}) ${detail}`
      ),
    },
    null,
    2,
  );
}

/** Everything below a folder: path → what it is, times and modes included. */
export type Snapshot = Readonly<Record<string, string>>;

/**
 * Takes down everything below a folder.
 *
 * @param root The folder.
 * @param hasOwnTimes Also when the product's own folders last changed, which
 *   a run that looks at its file system's habits may alter.
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

/** The document of `--json`. */
export interface JsonDocument {
  readonly run: {
    readonly id: string;
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly dryRun: boolean;
    readonly exitCode: number;
  };
  readonly summary: Readonly<Record<string, number>>;
  readonly actions: readonly {
    readonly action: string;
    readonly path: string;
    readonly newPath: string | null;
    readonly rule: string | null;
    readonly side: string | null;
    readonly reason: string;
    readonly outcome: string;
    readonly detail: string | null;
    readonly bytes: number | null;
  }[];
  readonly problems: readonly {
    readonly side: string;
    readonly path: string;
    readonly reason: string;
  }[];
  readonly guard: { readonly name: string; readonly reason: string } | null;
}

/** What the real command did, told as if the sides were not swapped. */
export interface Told {
  readonly code: number;
  readonly document: JsonDocument;
  readonly stderr: string;
  /** What was done, sorted: `<rule> <action> <path> -> <new path>`. */
  readonly lines: readonly string[];
}

const SWAPPED: Readonly<Record<string, string>> = {
  left: "right",
  right: "left",
  Left: "Right",
  Right: "Left",
  LEFT: "RIGHT",
  RIGHT: "LEFT",
  "5.3": "5.4",
  "5.4": "5.3",
  "5.5": "5.6",
  "5.6": "5.5",
  "5.7": "5.8",
  "5.8": "5.7",
  "5.9": "5.10",
  "5.10": "5.9",
  "5.11": "5.12",
  "5.12": "5.11",
};

/** Swaps the sides in what a run says; `left` as a plain word is no side. */
export function mirrored(text: string): string {
  return text.replaceAll(
    /\b(?:Left|Right)\b|LEFT|RIGHT|(?<=[-"/])(?:left|right)(?=[-"./]|$)|\b5\.\d+\b/g,
    (word) => SWAPPED[word] ?? word,
  );
}

/** The mtime of what a stage begins with, long ago. */
export const LONG_AGO = Date.UTC(2024, 0, 15, 8, 30);

/** An office whose sides may be swapped: a scenario is written once. */
export class Stage implements Disposable {
  readonly office: Office;

  /**
   * @param settings YAML lines for the config besides the roots.
   * @param isMirrored Whether Left stands for Right, and Right for Left.
   */
  constructor(settings: string, readonly isMirrored: boolean) {
    this.office = new Office(settings);
  }

  /** A side's root. */
  root(side: "left" | "right"): string {
    const isLeft = (side === "left") !== this.isMirrored;
    return isLeft ? this.office.left : this.office.right;
  }

  /** Absolute path of something on a side. */
  at(side: "left" | "right", path: string): string {
    return `${this.root(side)}/${path}`;
  }

  /** Both sides hold this since long ago, and a run has seen it. */
  async begin(tree: Tree): Promise<void> {
    const root = this.root("left");
    write(root, tree);
    for (const [path, what] of Object.entries(snapshot(root))) {
      if (!what.startsWith("file") || path.startsWith(".office-sync/")) {
        continue;
      }
      Deno.utimeSync(`${root}/${path}`, LONG_AGO / 1000, LONG_AGO / 1000);
    }
    await this.office.settle();
  }

  /** Writes trees into the roots. */
  write(trees: { readonly left?: Tree; readonly right?: Tree }): void {
    for (const side of ["left", "right"] as const) {
      write(this.root(side), trees[side] ?? {});
    }
  }

  /** Removes paths of a side, folders with all that is in them. */
  remove(side: "left" | "right", ...paths: readonly string[]): void {
    for (const path of paths) {
      Deno.removeSync(this.at(side, path), { recursive: true });
    }
  }

  /** Renames on a side. */
  rename(side: "left" | "right", from: string, to: string): void {
    Deno.renameSync(this.at(side, from), this.at(side, to));
  }

  /** Both trees, as if the sides were not swapped. */
  trees(): { readonly left: Tree; readonly right: Tree } {
    return {
      left: this.#named(read(this.root("left"))),
      right: this.#named(read(this.root("right"))),
    };
  }

  /** Requires that both sides hold exactly this. */
  holds(tree: Tree): void {
    assert.deepEqual(this.trees(), { left: tree, right: tree });
  }

  /** A side's soft-deleted files: path below its run's folder → content. */
  kept(side: "left" | "right"): Record<string, string> {
    return softDeleted(this.root(side));
  }

  /** Both sides in full. */
  snapshots(hasOwnTimes = false): readonly Snapshot[] {
    const { left, right } = this.office;
    return [left, right].map((root) => snapshot(root, hasOwnTimes));
  }

  /** The real command, with `--json`. */
  async run(...args: readonly string[]): Promise<Told> {
    return this.told(await this.office.command(...args, "--json"));
  }

  /** What a command with `--json` told. */
  told({ code, stdout, stderr }: CommandResult): Told {
    const text = this.isMirrored ? mirrored(stdout) : stdout;
    assert.match(text, /^\{/, stderr);
    const document: JsonDocument = JSON.parse(text);
    const lines = document.actions?.map(actionWords).sort() ?? [];
    return { code, document, stderr, lines };
  }

  /** The real command; requires what it does and that it ends with 0. */
  async does(lines: readonly string[], ...args: string[]): Promise<Told> {
    const told = await this.run(...args);
    assert.deepEqual(told.lines, [...lines].sort(), whyOf(told));
    assert.equal(told.code, 0, whyOf(told));
    return told;
  }

  /** The real command; requires how it ends. */
  async ends(code: number, ...args: string[]): Promise<Told> {
    const told = await this.run(...args);
    assert.equal(told.code, code, whyOf(told));
    assert.equal(told.document.run?.exitCode ?? 2, code, "told as it ends");
    return told;
  }

  /** One more run finds nothing to do, and changes nothing. */
  async rests(exitCode: number): Promise<void> {
    const before = this.snapshots();
    const again = await this.office.run();
    assert.deepEqual(actions(again), [], describe(again));
    assert.equal(again.exitCode, exitCode, describe(again));
    assert.deepEqual(this.snapshots(), before);
    const left = JSON.stringify(before).match(/\.office-sync-(?:tmp|mv)[^"]*/g);
    assert.equal(left, null, "a temporary file is left");
  }

  /** Both sides hold the same, times and modes included. */
  agrees(): void {
    const [left, right] = this.snapshots();
    assert.deepEqual(synced(left!), synced(right!));
  }

  #named(tree: Tree): Tree {
    if (!this.isMirrored) return tree;
    return Object.fromEntries(
      Object.entries(tree).map(([name, item]) => [
        mirrored(name),
        typeof item === "string" || item instanceof FileSpec
          ? item
          : this.#named(item),
      ]),
    );
  }

  [Symbol.dispose](): void {
    this.office[Symbol.dispose]();
  }
}

/** Whatever explains a result that was not expected. */
function whyOf({ document, lines, stderr }: Told): string {
  const { actions, problems, guard } = document;
  const details = actions?.filter(({ detail }) => detail !== null)
    .map(({ path, detail }) => `${path}: ${detail}`);
  return JSON.stringify({ lines, details, problems, guard, stderr }, null, 2);
}

function actionWords(item: JsonDocument["actions"][number]): string {
  const { action, path, rule, newPath, outcome } = item;
  const isFolder = action.includes("_DIR_");
  const to = newPath?.replace(
    /^\.office-sync\/deleted\/\d{8}-\d{6}-[0-9a-z]+\//,
    "deleted/",
  );
  return (outcome === "done" ? "" : `${outcome}: `) +
    (isFolder ? "" : `${rule ?? "-"} `) + `${action} ${path}` +
    (to === undefined ? "" : ` -> ${to}`);
}

/** How a scenario is played. */
export interface ScenarioOptions {
  /** YAML lines for the config besides the roots. */
  readonly settings?: string;
  /** Whether it is also played with the sides swapped; it is by default. */
  readonly isMirrored?: boolean;
  /** How one more run ends; 0, with both sides the same, by default. */
  readonly ends?: 0 | 1;
  /** Something is left alone, so that the sides are not the same. */
  readonly leavesAlone?: boolean;
}

/**
 * Registers a scenario as two tests: as it is written, and with the sides
 * swapped. Each ends with one more run that has to find nothing to do.
 */
export function scenario(
  name: string,
  play: (stage: Stage) => Promise<void>,
  options: ScenarioOptions = {},
): void {
  const { settings = "", isMirrored = true, ends = 0 } = options;
  const swapped = name.replaceAll(
    /\b(?:left|right)\b|\bLeft\b|\bRight\b|\b5\.\d+\b/g,
    (word) => SWAPPED[word] ?? word,
  );
  const names = [name, swapped === name ? `${name}, mirrored` : swapped];
  for (const [index, title] of names.entries()) {
    if (index === 1 && !isMirrored) continue;
    Deno.test(title, async () => {
      using stage = new Stage(settings, index === 1);
      await play(stage);
      await stage.rests(ends);
      if (ends === 0 && !options.leavesAlone) stage.agrees();
    });
  }
}
