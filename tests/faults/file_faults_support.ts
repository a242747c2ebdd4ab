/**
 * One file that can't be synced among others that can: what a run does about
 * it, and what the next one does once the fault is gone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { snapshot } from "../support/snapshot.ts";
import { folderInMemory, Office, write } from "../support/support.ts";
import {
  at,
  type Disturbance,
  disturbed,
  documentOf,
  type Ended,
  requireRecovery,
  temporaryName,
  whyOf,
} from "./support.ts";

/** Two roots that agree, one of which is about to change. */
export class FaultyOffice extends Office {
  /** The side that changes. */
  readonly from: string;
  /** The side that has to follow. */
  readonly to: string;

  /**
   * @param from Which side changes.
   * @param settings YAML lines for the config besides the roots.
   * @param folder What all of it is in.
   */
  constructor(
    from: "left" | "right",
    settings = "",
    folder: string = folderInMemory(),
  ) {
    super(settings, folder);
    this.from = from === "left" ? this.left : this.right;
    this.to = from === "left" ? this.right : this.left;
  }

  /** The n-th temporary file of the disturbed run, on the side that follows. */
  temporary(n: number): string {
    return `${this.to}/${temporaryName(this, n)}`;
  }

  /** Both sides agree on these files. */
  async agreedOn(...names: readonly string[]): Promise<void> {
    write(this.left, { "keep.txt": at(2020, "keep") });
    for (const name of names) {
      write(this.left, { [name]: at(2020, `old ${name}`) });
    }
    await this.agree();
  }

  /** These files change, or come into being. */
  edit(...names: readonly string[]): void {
    for (const name of names) {
      write(this.from, { [name]: at(2021, `new words of ${name}`) });
    }
  }

  /**
   * The fault is gone: a run does the rest, and another finds nothing.
   *
   * @param rest What is left to be done, where that is certain.
   */
  recovers(rest?: readonly string[]): Promise<void> {
    return requireRecovery(this, rest);
  }
}

/**
 * Requires that a run ended in order and left only what it had to.
 *
 * @param ended The run.
 * @param left What it did not do: path → why.
 */
export function requireLeft(
  ended: Ended,
  left: Readonly<Record<string, RegExp>>,
): void {
  const isAll = Object.keys(left).length === 0;
  assert.equal(ended.code, isAll ? 0 : 1, whyOf(ended));
  const { actions, problems } = documentOf(ended);
  const told = new Map(problems.map(({ path, reason }) => [path, reason]));
  for (const { path, outcome, detail } of actions) {
    if (outcome !== "done") told.set(path, detail ?? "");
  }
  assert.deepEqual([...told.keys()].sort(), Object.keys(left).sort());
  for (const [path, why] of Object.entries(left)) {
    assert.match(told.get(path) ?? "", why, path);
  }
}

/** One fault at one of three files. */
export interface FileFault {
  /** What the fault is, and what becomes of the file. */
  readonly name: string;
  /** Whether bad.txt is there before, and gone or changed now. */
  readonly change: "new" | "changed" | "deleted";
  /** How the run is disturbed. */
  readonly how: (office: FaultyOffice) => Disturbance;
  /** Why bad.txt is left; null: it is not. */
  readonly why: RegExp | null;
}

/** Plays a fault with either side in the part of the one that changes. */
export function fileFault({ name, change, how, why }: FileFault): void {
  for (const from of ["left", "right"] as const) {
    Deno.test(`${name}, and all else is synced (edited on ${from})`, async () => {
      using office = new FaultyOffice(from);
      const names = ["a.txt", "bad.txt", "c.txt"];
      await office.agreedOn(...change === "new" ? [] : names);
      if (change === "deleted") {
        for (const it of names) Deno.removeSync(`${office.from}/${it}`);
      } else office.edit(...names);
      const before = snapshot(office.to)["bad.txt"];
      const ended = await disturbed(office, how(office));
      requireLeft(ended, why === null ? {} : { "bad.txt": why });
      const now = snapshot(office.to);
      const wanted = snapshot(office.from);
      for (const it of ["a.txt", "c.txt"]) {
        assert.equal(now[it], wanted[it], it);
      }
      if (why !== null) assert.equal(now["bad.txt"], before, "left as it was");
      await office.recovers();
    });
  }
}

/** Contents of all files of users below a root, soft-deleted ones too. */
export function contentsOf(root: string): string[] {
  return Object.entries(snapshot(root))
    .filter(([path, what]) =>
      what.startsWith("file") &&
      !/(?:^|\/)(?:root\.json$|\.office-sync-tmp-)/.test(path)
    )
    .map(([, what]) => what.split(" ").slice(4).join(" "));
}
