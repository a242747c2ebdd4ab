/**
 * What a hostile engine is told to try, and what it tells.
 *
 * @module
 */

/** What is tried, and with what. */
export interface Attack {
  readonly what: "functions" | "doors" | "races" | "ending";
  /** Of "ending": which function, by its name. */
  readonly name?: string;
  /** A root, and a neighbour of both. */
  readonly root: string;
  readonly neighbour: string;
  /** A folder that the engine may write. */
  readonly own: string;
  /** A port at which somebody listens. */
  readonly port: number;
  /** Text that nobody may get, and numbers that tell of its file. */
  readonly secret: string;
  readonly numbers: readonly number[];
  /** Of "races": a path that another thread changes all the time. */
  readonly path?: SharedArrayBuffer;
}

/** What came of it. */
export interface Taken {
  /** What was tried: names of functions, or of doors. */
  readonly tried: readonly string[];
  readonly calls: number;
  /** What got in. */
  readonly open: readonly string[];
}

/** Those that end the thread, or more. */
export const ENDING: Readonly<Record<string, string>> = {
  "Deno.exit": "ends the thread",
  "process.exit": "ends the thread",
  "process.reallyExit": "ends the thread",
  "process.abort": "ends the process",
  "process._debugProcess": "sends a signal",
};
