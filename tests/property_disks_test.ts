/**
 * Random edits in roots that hold several disks: what goes from one to another
 * is copied and removed, and nothing else is any different. `OFFICE_SYNC_RUNS`,
 * `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer, or again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertCases, scenarios } from "./support/random_cases.ts";
import { play } from "./support/random_runs.ts";
import { actions, MemoryOffice, type Office } from "./support/support.ts";
import { intercept, systemError } from "./support/two_roots.ts";

/** Which disk a path of an office is on: each folder of a root is one. */
function diskOf(office: Office, path: string): string {
  const side = path.startsWith(`${office.left}/`) ? "left" : "right";
  const [top = "", below] = path.slice(office[side].length + 1).split("/");
  return below === undefined ? side : `${side}/${top}`;
}

/** What goes from one disk to another fails as the system fails it. */
function separate(office: Office): Disposable {
  const stack = new DisposableStack();
  for (const call of ["linkSync", "renameSync"] as const) {
    stack.use(intercept(call, (real, from, to) => {
      // Renames to any other place are what people do.
      const isRun = call === "linkSync" || to!.includes("/.office-sync/");
      if (isRun && diskOf(office, from!) !== diskOf(office, to!)) {
        throw systemError("EXDEV");
      }
      return real(from, to);
    }));
  }
  return stack;
}

Deno.test("a rename from one disk of a root to another is done by copying", async () => {
  using office = new MemoryOffice().write({
    left: { a: "a", d: {}, e: { b: "b" } },
  });
  await office.agree();
  Deno.renameSync(`${office.left}/a`, `${office.left}/d/a`);
  Deno.renameSync(`${office.left}/e/b`, `${office.left}/d/b`);
  const inode = Deno.statSync(`${office.right}/a`).ino;
  {
    using _ = separate(office);
    assert.deepEqual(actions(await office.agree()), [
      "RENAME_RIGHT a -> d/a",
      "RENAME_RIGHT e/b -> d/b",
    ]);
  }
  assert.notEqual(Deno.statSync(`${office.right}/d/a`).ino, inode);
  assert.deepEqual(office.trees().right, { d: { a: "a", b: "b" }, e: {} });
  assert.deepEqual(actions(await office.agree()), []);
});

Deno.test("several disks in a root: whatever is edited, all agrees and nothing is lost", async () => {
  const scenario = scenarios({ isMirrored: false, leavesOpen: false });
  await assertCases(scenario, (it) => play(it, separate));
});
