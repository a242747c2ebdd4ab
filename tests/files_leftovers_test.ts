import assert from "node:assert/strict";
import { FoldingDisk } from "./support/folding_disk.ts";
import {
  actions,
  describe,
  MemoryOffice,
  type Office,
  read,
  type Tree,
} from "./support/support.ts";
import { intercept, systemError } from "./support/two_roots.ts";

const AGREED: Tree = { d: { "plan.txt": "1" }, "other.txt": "2" };

/** Roots that ignore case, and do nothing when asked for another spelling. */
async function foldingOffice(): Promise<
  Office & { readonly disk: Disposable }
> {
  const office = new MemoryOffice();
  const disk = new FoldingDisk([office.left, office.right]);
  office.write({ left: AGREED });
  await office.agree();
  return Object.assign(office, { disk });
}

/** Renames on Right: the first step does nothing, a later one may fail. */
function stubborn(fail: (from: string, to: string) => void): Disposable {
  const stack = new DisposableStack();
  for (const call of ["linkSync", "renameSync"] as const) {
    stack.use(intercept(call, (real, from, to) => {
      const isRespelling = from!.toLowerCase() === to!.toLowerCase();
      if (isRespelling && from!.includes("/right")) return;
      fail(from!, to!);
      return real(from, to);
    }));
  }
  return stack;
}

for (
  const { what, from, to, renamed } of [
    {
      what: "file",
      from: "d/plan.txt",
      to: "d/Plan.txt",
      renamed: { d: { "Plan.txt": "1" }, "other.txt": "2" },
    },
    {
      what: "folder",
      from: "d",
      to: "D",
      renamed: { D: { "plan.txt": "1" }, "other.txt": "2" },
    },
  ]
) {
  Deno.test(`a ${what} whose rename in two steps was cut off in the middle gets its name at the next run`, async () => {
    using office = await foldingOffice();
    using _disk = office.disk;
    Deno.renameSync(`${office.left}/${from}`, `${office.left}/${to}`);
    let isDead = false;
    {
      using _system = stubborn((from) => {
        isDead ||= from.includes(".office-sync-mv-");
        if (isDead) throw new Error("killed");
      });
      await office.run().catch(() => null);
    }
    assert.ok(isDead, "there was a second step");
    const { stop } = await office.run({ isDryRun: true });
    assert.match(stop?.reason ?? "", /renamed .*: it is .*\.office-sync-mv-/);
    const result = await office.agree();
    assert.deepEqual(read(office.right), renamed, describe(result));
    assert.deepEqual(read(office.left), renamed);
    assert.deepEqual(actions(await office.agree()), []);
  });

  Deno.test(`a ${what} in use between the two steps is waited for, and never deleted`, async () => {
    using office = await foldingOffice();
    using _disk = office.disk;
    Deno.renameSync(`${office.left}/${from}`, `${office.left}/${to}`);
    {
      using _system = stubborn((from) => {
        if (from.includes(".office-sync-mv-")) throw systemError("EBUSY");
      });
      const first = await office.run();
      assert.equal(first.exitCode, 1, describe(first));
      const second = await office.run();
      assert.equal(second.exitCode, 3, describe(second));
      assert.match(second.stop!.reason, /in use by another program/);
      assert.match(
        second.stop!.hint,
        /^Run once more when nothing uses it, or/,
      );
    }
    assert.deepEqual(read(office.left), renamed);
    const result = await office.agree();
    assert.deepEqual(read(office.right), renamed, describe(result));
  });
}

Deno.test("a second step that fails is taken back at once where that works", async () => {
  using office = await foldingOffice();
  using _disk = office.disk;
  Deno.renameSync(`${office.left}/d/plan.txt`, `${office.left}/d/Plan.txt`);
  {
    using _system = stubborn((from, to) => {
      const isSecond = from.includes(".office-sync-mv-") &&
        to.endsWith("/Plan.txt");
      if (isSecond) throw systemError("EIO");
    });
    const { outcomes } = await office.run();
    const details = outcomes.map(({ detail }) => detail).join();
    assert.match(details, /disk reports an error/);
    assert.deepEqual(read(office.right), AGREED);
  }
  await office.agree();
  assert.deepEqual(Object.keys(read(office.right)["d"]!), ["Plan.txt"]);
});

Deno.test("what another PC is just renaming on the share is not taken for deleted", async () => {
  using office = new MemoryOffice();
  office.write({ left: AGREED });
  await office.agree();
  const middle = `${office.right}/d/.office-sync-mv-1a2b3c4d`;
  Deno.renameSync(`${office.right}/d/plan.txt`, middle);
  const result = await office.run();
  assert.equal(result.exitCode, 1);
  assert.deepEqual(actions(result), []);
  assert.deepEqual(read(office.left), AGREED);
  const reasons = result.problems.map(({ path, reason }) =>
    `${path}: ${reason}`
  );
  assert.equal(reasons.length, 2);
  assert.match(reasons[0]!, /-1a2b3c4d: a run stopped .*rename it by hand$/);
  assert.match(reasons[1]!, /^d\/plan\.txt: it is now d\/\.office-sync-mv-/);
  Deno.renameSync(middle, `${office.right}/d/Plan.txt`);
  assert.deepEqual(actions(await office.agree()), [
    "RENAME_LEFT d/plan.txt -> d/Plan.txt",
  ]);
});
