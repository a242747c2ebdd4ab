/**
 * Scenarios: played in this process, or through the real command where that
 * is the point, on either side, each ending with a run that finds nothing to do.
 *
 * @module
 */
import assert from "node:assert/strict";
import { jsonReport, jsonText } from "../../lib/report_json.ts";
import type { SyncOptions } from "../../lib/run_types.ts";
import { type Snapshot, snapshot, synced } from "./snapshot.ts";
import {
  actions,
  type CommandResult,
  describe,
  FileSpec,
  MemoryOffice,
  Office,
  read,
  softDeleted,
  type Tree,
  write,
} from "./support.ts";

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
    readonly files: number | null;
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

export const SWAPPED: Readonly<Record<string, string>> = {
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

/** Options of the command that a run in this process takes, too. */
const OPTIONS: Readonly<Record<string, Partial<SyncOptions>>> = {
  "--accept-roots": { acceptRoots: true },
  "--allow-changes": {},
  "--allow-deletes": {},
};

/** An office whose sides may be swapped: a scenario is written once. */
export class Stage implements Disposable {
  readonly office: Office;
  /** How many hours later than now runs begin, by their clock. */
  hoursLater = 0;

  /**
   * @param settings YAML lines for the config besides the roots.
   * @param isMirrored Whether Left stands for Right, and Right for Left.
   * @param by What makes its runs; all but the real command in this process.
   * @param office What it is played in.
   */
  constructor(
    settings: string,
    readonly isMirrored: boolean,
    readonly by: "run" | "program" | "command" = "run",
    office: Office = by === "command"
      ? new Office(settings)
      : new MemoryOffice(settings),
  ) {
    this.office = office;
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
    await this.office.agree();
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
  softDeleted(side: "left" | "right"): Record<string, string> {
    return softDeleted(this.root(side));
  }

  /** Both sides in full. */
  snapshots(hasOwnTimes = false): readonly Snapshot[] {
    const { left, right } = this.office;
    return [left, right].map((root) => snapshot(root, hasOwnTimes));
  }

  /** A run, told as `--json` does. */
  async run(...args: readonly string[]): Promise<Told> {
    const isPlain = args.every((it) => it in OPTIONS);
    if (this.by === "command") {
      return this.told(await this.office.command(...args, "--json"));
    }
    if (this.by === "program" || !isPlain) {
      return this.told(await this.office.commandHere(...args, "--json"));
    }
    const allowed = {
      deletes: args.includes("--allow-deletes"),
      changes: args.includes("--allow-changes"),
    };
    const options = Object.assign({}, ...args.map((it) => OPTIONS[it]));
    const warnings: string[] = [];
    const result = await this.office.run(
      { ...options, allowed, ...this.#clock() },
      (text) => warnings.push(text),
    );
    return this.told({
      code: result.exitCode,
      stdout: jsonText(jsonReport(result, false)),
      stderr: warnings.join("\n"),
    });
  }

  #clock(): Partial<SyncOptions> {
    const laterMs = this.hoursLater * 3_600_000;
    return laterMs === 0 ? {} : { startedAtMs: Date.now() + laterMs };
  }

  /** What a command with `--json` told. */
  told({ code, stdout, stderr }: CommandResult): Told {
    const text = this.isMirrored ? mirrored(stdout) : stdout;
    assert.match(text, /^\{/, stderr);
    const document: JsonDocument = JSON.parse(text);
    const lines = document.actions?.map(actionWords).sort() ?? [];
    return { code, document, stderr, lines };
  }

  /** A run; requires what it does and that it ends with 0. */
  async does(lines: readonly string[], ...args: string[]): Promise<Told> {
    const told = await this.run(...args);
    assert.deepEqual(told.lines, [...lines].sort(), whyOf(told));
    assert.equal(told.code, 0, whyOf(told));
    return told;
  }

  /** A run; requires how it ends. */
  async ends(code: number, ...args: string[]): Promise<Told> {
    const told = await this.run(...args);
    assert.equal(told.code, code, whyOf(told));
    assert.equal(told.document.run?.exitCode ?? 2, code, "told as it ends");
    return told;
  }

  /** One more run finds nothing to do, and changes nothing. */
  async rests(exitCode: number): Promise<void> {
    const before = this.snapshots();
    const again = await this.office.run(this.#clock());
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
export function whyOf({ document, lines, stderr }: Told): string {
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
  /** What makes its runs; the run alone, in this process, by default. */
  readonly by?: "program" | "command";
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
      using stage = new Stage(settings, index === 1, options.by);
      await play(stage);
      await stage.rests(ends);
      if (ends === 0 && !options.leavesAlone) stage.agrees();
    });
  }
}

/** As {@linkcode scenario}, through the command line, in this process. */
export function programScenario(
  name: string,
  play: (stage: Stage) => Promise<void>,
  options: ScenarioOptions = {},
): void {
  scenario(name, play, { ...options, by: "program" });
}
