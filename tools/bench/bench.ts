/**
 * What all kinds of work share: where they are measured, with what, and where
 * the metadata go.
 *
 * @module
 */
import { flush, measured } from "./measured.ts";
import type { Figure, Sample } from "./results.ts";
import { remove } from "./trees.ts";
import { type Pair, shown, type Tool } from "./tools.ts";

/** How much is measured. */
export interface Size {
  /** Files a side. */
  readonly files: number;
  /** Files changed, made and deleted on each side. */
  readonly edits: number;
  /** Bytes of the large file. */
  readonly largeBytes: number;
  /** Files in the folder that is renamed, and on the slow share. */
  readonly fewer: number;
  readonly rounds: number;
}

/** A place in which everything is measured. */
export interface Place {
  readonly name: string;
  /** An empty folder. */
  readonly folder: string;
}

/** What is measured, and where. */
export interface At {
  readonly place: Place;
  readonly row: string;
  /** What the figure is called; the program's name if left out. */
  readonly part?: string;
  /** The first run of a pair. */
  readonly isFirst?: boolean;
}

/** Bytes of a file, where nothing else is said. */
export const FILE_BYTES = 2048;

/** Measures, and keeps what came of it. */
export class Bench {
  readonly metadata: Figure[] = [];
  /** What could not be measured and why. */
  readonly missing: string[] = [];
  /** What failed; makes the benchmark fail. */
  readonly failures: string[] = [];
  readonly #samples = new Map<string, Sample[]>();
  readonly #failed = new Set<string>();

  /**
   * @param size How much is measured.
   * @param tools The programs that carry changes both ways, ours first.
   * @param rows The kinds of work that are wanted.
   * @param env Environment of every program.
   */
  constructor(
    readonly size: Size,
    readonly tools: readonly Tool[],
    readonly rows: ReadonlySet<string>,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** Ours, which is always there. */
  get ours(): Tool {
    return this.tools[0]!;
  }

  /**
   * A pair of roots with a fresh state folder, set up for a program. The
   * roots are left as they are.
   */
  pair(tool: Tool, left: string, right: string, state: string): Pair {
    remove(state);
    for (const folder of [left, right, state]) {
      Deno.mkdirSync(folder, { recursive: true });
    }
    const pair = { left, right, state };
    tool.prepare(pair);
    return pair;
  }

  /** The first runs of a pair, not counted; false if the program fails. */
  async begin(at: At, tool: Tool, pair: Pair): Promise<boolean> {
    const isBegun = await this.settle({ ...at, isFirst: true }, tool, pair);
    return isBegun && await this.settle({ ...at, isFirst: false }, tool, pair);
  }

  /** Runs a program without counting it; false if it fails. */
  async settle(at: At, tool: Tool, pair: Pair): Promise<boolean> {
    if (this.#hasFailed(at, tool)) return false;
    try {
      await this.#run(tool, pair, at.isFirst ?? false);
      return true;
    } catch (error) {
      this.#fail(at, tool, error);
      return false;
    }
  }

  /**
   * Runs a program and counts it. One that fails, or whose result is wrong,
   * is named and not run any more at this kind of work in this place.
   *
   * @param at Where, and at what.
   * @param tool The program.
   * @param pair Its roots.
   * @param check Throws where its result is wrong.
   */
  async measure(
    at: At,
    tool: Tool,
    pair: Pair,
    check: () => void,
  ): Promise<Sample | null> {
    if (this.#hasFailed(at, tool)) return null;
    const { place, row, part, isFirst = false } = at;
    const what = part ?? tool.name;
    flush(place.folder);
    try {
      const sample = await this.#run(tool, pair, isFirst);
      check();
      this.add(place, row, what, shown(tool.call(pair, isFirst), pair), sample);
      say(`${place.name} ${row} ${what}: ${sample.seconds.toFixed(3)} s`);
      return sample;
    } catch (error) {
      this.#fail(at, tool, error);
      return null;
    }
  }

  #hasFailed({ place, row }: At, tool: Tool): boolean {
    return this.#failed.has(`${place.name} ${row} ${tool.name}`);
  }

  #fail({ place, row, part }: At, tool: Tool, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#failed.add(`${place.name} ${row} ${tool.name}`);
    const failure = `${place.name}, ${row}, ${part ?? tool.name}: ${why}`;
    this.failures.push(failure);
    say(`FAILED: ${failure}`);
  }

  /** Adds a sample to its figure. */
  add(
    { name: place }: Place,
    row: string,
    what: string,
    command: string,
    sample: Sample,
  ): void {
    const key = JSON.stringify([place, row, what]);
    let samples = this.#samples.get(key);
    if (!samples) {
      samples = [];
      this.#samples.set(key, samples);
      this.metadata.push({ place, row, what, command, samples });
    }
    samples.push(sample);
  }

  #run(tool: Tool, pair: Pair, isFirst: boolean): Promise<Sample> {
    const call = tool.call(pair, isFirst);
    const env = { ...this.env, ...call.env };
    return measured({ ...call, env }, pair.state);
  }
}

/** Tells what goes on. */
export function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** The numbers from 0 on. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
