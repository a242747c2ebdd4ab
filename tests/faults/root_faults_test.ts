/**
 * Roots that are not what they were when a run begins.
 *
 * @module
 */
import assert from "node:assert/strict";
import { write } from "../support/support.ts";
import { MountedOffice, requireGuard } from "./root_faults_support.ts";
import { at, documentOf, tool, whyOf } from "./support.ts";

const SIDES = ["left", "right"] as const;
const other = (side: "left" | "right") => side === "left" ? "right" : "left";
const words = { left: "Left", right: "Right" };

for (const side of SIDES) {
  Deno.test(`an unmounted ${side} stops the run; mounted again it goes on`, async () => {
    using office = await new MountedOffice().begin();
    const kept = `${office.folder}/kept`;
    office.undone.bindTo(office[side], kept);
    tool("umount", office[side]);
    write(office[other(side)], { "new.txt": at(2020, "new") });
    const ended = await office.program();
    requireGuard(
      ended,
      "identity",
      new RegExp(`^${words[side]}.* may not be connected.*Connect it and run`),
    );
    assert.deepEqual([...Deno.readDirSync(office[side])], []);
    office.isWhole(other(side));
    tool("mount", "--bind", kept, office[side]);
    office.isWhole(side);
    await office.recovers();
    assert.equal(office.trees()[side]["new.txt"], "new");
  });

  Deno.test(`an emptied ${side} stops the run; accepted, it is filled`, async () => {
    using office = await new MountedOffice().begin();
    for (const { name } of [...Deno.readDirSync(office[side])]) {
      Deno.removeSync(`${office[side]}/${name}`, { recursive: true });
    }
    requireGuard(
      await office.program(),
      "identity",
      new RegExp(`${words[side]}.* was emptied.*--accept-roots`),
    );
    office.isWhole(other(side));
    const program = ["--json", "--accept-roots"];
    const ended = await office.program({ program });
    assert.equal(ended.code, 0, whyOf(ended));
    office.isWhole("left");
    office.isWhole("right");
    await office.recovers();
  });

  Deno.test(`another disk in place of ${side} stops the run`, async () => {
    using office = await new MountedOffice().begin();
    using another = await new MountedOffice().begin();
    tool("mount", "--bind", another[other(side)], office[side]);
    write(office[side], { "of another.txt": at(2020, "of another") });
    requireGuard(
      await office.program(),
      "identity",
      new RegExp(`${words[side]}.* is another folder.*Connect the right disk`),
    );
    another.isWhole(other(side));
    office.isWhole(other(side));
    assert.equal(office.trees()[other(side)]["of another.txt"], undefined);
  });

  Deno.test(`a read-only ${side} fails what goes there, the rest is synced`, async () => {
    using office = await new MountedOffice().begin();
    write(office[other(side)], {
      "new.txt": at(2020, "new"),
      "first.txt": "new",
    });
    write(office[side], { "back.txt": at(2020, "back") });
    Deno.removeSync(`${office[other(side)]}/folder/1.txt`);
    tool("mount", "-o", "remount,ro", office[side]);
    const ended = await office.program();
    assert.equal(ended.code, 1, whyOf(ended));
    for (const { path, outcome, detail } of documentOf(ended).actions) {
      const isBack = path === "back.txt";
      assert.equal(outcome, isBack ? "done" : "failed", path);
      if (!isBack) assert.match(detail ?? "", /read-only/, path);
    }
    office.isWhole(side);
    tool("mount", "-o", "remount,rw", office[side]);
    await office.recovers();
    assert.equal(office.trees()[side]["new.txt"], "new");
  });

  Deno.test(`a read-only ${side} at the first meeting stops the run`, async () => {
    using office = new MountedOffice();
    office.undone.disk(office.left);
    office.undone.disk(office.right);
    write(office.left, { "a.txt": at(2020, "a") });
    tool("mount", "-o", "remount,ro", office[side]);
    const plan = await office.command("plan");
    assert.equal(plan.code, 0);
    assert.match(plan.stderr, /can't be written: a run would be refused/);
    requireGuard(
      await office.program(),
      "roots",
      /can't be written .*read-only.* Give the account/,
    );
    tool("mount", "-o", "remount,rw", office[side]);
    await office.recovers();
  });
}

Deno.test("swapped disks stop the run", async () => {
  using office = await new MountedOffice().begin();
  const kept = `${office.folder}/kept`;
  office.undone.bindTo(office.left, kept);
  tool("umount", office.left);
  tool("mount", "--bind", office.right, office.left);
  tool("umount", office.right);
  tool("mount", "--bind", kept, office.right);
  write(office.left, { "new.txt": at(2020, "new") });
  requireGuard(
    await office.program(),
    "identity",
    /swapped.*Correct left_root and right_root/,
  );
  office.isWhole("left");
  office.isWhole("right");
  assert.equal(office.trees().right["new.txt"], undefined);
});
