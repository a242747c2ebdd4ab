/**
 * Two roots on disks of their own, that go away, are exchanged or fill up.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Snapshot, snapshot, synced } from "../support/snapshot.ts";
import { Office, write } from "../support/support.ts";
import {
  at,
  type Disturbance,
  disturbed,
  documentOf,
  type Ended,
  requireRecovery,
  Undone,
  whyOf,
} from "./support.ts";

/** An office whose sides are disks in memory. */
export class MountedOffice extends Office {
  readonly undone: Undone = new Undone();
  /** Both sides while they were in order. */
  #agreed: Snapshot = {};

  /** Mounts both disks; they agree on twenty files in two folders. */
  async begin(): Promise<this> {
    this.undone.disk(this.left);
    this.undone.disk(this.right);
    const names = Array.from(
      { length: 10 },
      (_, n) => [`${n}.txt`, at(2020, `${n}`)],
    );
    const folder = Object.fromEntries(names);
    write(this.left, { folder, other: folder, "first.txt": at(2020, "first") });
    await this.agree();
    this.#agreed = this.synced("left");
    return this;
  }

  /** What a side holds. */
  synced(side: "left" | "right"): Snapshot {
    return synced(snapshot(this[side]));
  }

  /** Everything is there still on a side, as it was. */
  isWhole(side: "left" | "right"): void {
    const now = this.synced(side);
    for (const [path, what] of Object.entries(this.#agreed)) {
      assert.equal(now[path], what, `${side}: ${path}`);
    }
  }

  /** The whole program, disturbed or not. */
  program(how: Disturbance = {}): Promise<Ended> {
    return disturbed(this, { program: ["--json"], ...how });
  }

  /** A run ends with 0, both sides hold the same, and another finds nothing. */
  recovers(): Promise<void> {
    return requireRecovery(this);
  }

  override [Symbol.dispose](): void {
    this.undone[Symbol.dispose]();
    super[Symbol.dispose]();
  }
}

/** Requires that a guard stopped a run, and what it said. */
export function requireGuard(ended: Ended, name: string, says: RegExp): void {
  assert.equal(ended.code, 3, whyOf(ended));
  const { guard, actions } = documentOf(ended);
  assert.deepEqual(actions, [], "nothing was done");
  assert.equal(guard?.name, name);
  assert.match(guard?.reason ?? "", says);
}
