/**
 * Roots that go away in the middle of a run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { write } from "../support/support.ts";
import { MountedOffice, requireGuard } from "./root_faults_support.ts";
import {
  at,
  disturbed,
  documentOf,
  isTraced,
  tool,
  until,
  whyOf,
} from "./support.ts";

const SIDES = ["left", "right"] as const;

/** Holds a run up at a call on a path; is told when it is there. */
async function lostAt(
  office: MountedOffice,
  lost: "left" | "right",
  call: string,
  path: string,
): Promise<Awaited<ReturnType<typeof disturbed>>> {
  const strace = [
    `--trace=${call}`,
    `--inject=${call}:delay_enter=1500000:when=1`,
    "-P",
    path,
  ];
  const run = disturbed(office, { strace });
  await until("the call", () => isTraced(office));
  tool("umount", "-l", office[lost]);
  return await run;
}

for (const lost of SIDES) {
  Deno.test(`${lost} lost during the scan stops the run`, async () => {
    using office = await new MountedOffice().begin();
    const kept = `${office.folder}/kept`;
    office.undone.bindTo(office[lost], kept);
    write(office[lost], { folder: { "new.txt": at(2020, "new") } });
    const ended = await lostAt(
      office,
      lost,
      "getdents64",
      `${office[lost]}/folder`,
    );
    requireGuard(ended, "identity", /went away while it was being read/);
    assert.deepEqual([...Deno.readDirSync(office[lost])], []);
    tool("mount", "--bind", kept, office[lost]);
    office.isWhole("left");
    office.isWhole("right");
    await office.recovers();
  });

  for (const from of SIDES) {
    Deno.test(`${lost} lost while files of ${from} are copied loses none`, async () => {
      using office = await new MountedOffice().begin();
      const kept = `${office.folder}/kept`;
      office.undone.bindTo(office[lost], kept);
      write(office[from], {
        "a.txt": at(2020, "a"),
        "b.txt": at(2020, "b"),
        "first.txt": "changed",
        folder: { "c.txt": at(2020, "c") },
      });
      const ended = await lostAt(office, lost, "read", `${office[from]}/a.txt`);
      assert.notEqual(ended.code, 0, whyOf(ended));
      tool("mount", "--bind", kept, office[lost]);
      await office.recovers();
      const { left } = office.trees();
      for (const name of ["a.txt", "b.txt"]) {
        assert.equal(left[name], name[0], `${name} is there\n${whyOf(ended)}`);
      }
      assert.equal(left["first.txt"], "changed");
    });
  }

  Deno.test(`${lost} lost while files are deleted on it loses none`, async () => {
    using office = await new MountedOffice().begin();
    const kept = `${office.folder}/kept`;
    office.undone.bindTo(office[lost], kept);
    const edited = lost === "left" ? "right" : "left";
    for (const name of ["1.txt", "2.txt", "3.txt"]) {
      Deno.removeSync(`${office[edited]}/folder/${name}`);
    }
    const first = `${office[lost]}/folder/1.txt`;
    const ended = await lostAt(office, lost, "rename", first);
    assert.equal(ended.code, 1, whyOf(ended));
    assert.deepEqual([...Deno.readDirSync(office[lost])], []);
    tool("mount", "--bind", kept, office[lost]);
    office.isWhole(lost);
    await office.recovers();
    const names = Object.keys(office.trees().left["folder"] ?? {});
    assert.equal(names.length, 7);
  });

  Deno.test(`${lost} on a disk that fails during the scan is not taken for empty`, async () => {
    using office = await new MountedOffice().begin();
    write(office.left, { "a.txt": at(2020, "a") });
    const strace = failing("getdents64", office[lost]);
    const ended = await disturbed(office, { strace });
    assert.ok(ended.code === 1 || ended.code === 3, whyOf(ended));
    assert.notEqual(documentOf(ended).guard?.name, "mass deletion");
    office.isWhole("left");
    office.isWhole("right");
    await office.recovers();
  });

  Deno.test(`a folder of ${lost} that can't be read deletes nothing`, async () => {
    using office = await new MountedOffice().begin();
    write(office.left, { "a.txt": at(2020, "a") });
    const strace = failing("getdents64", `${office[lost]}/folder`);
    const ended = await disturbed(office, { strace });
    assert.equal(ended.code, 1, whyOf(ended));
    office.isWhole("left");
    office.isWhole("right");
    assert.equal(office.trees().right["a.txt"], "a");
    await office.recovers();
  });

  Deno.test(`folders of ${lost} that can't be flushed are not recorded`, async () => {
    using office = await new MountedOffice().begin();
    const edited = lost === "left" ? "right" : "left";
    write(office[edited], {
      "a.txt": at(2020, "a"),
      other: { "b.txt": at(2020, "b") },
    });
    Deno.removeSync(`${office[edited]}/folder/1.txt`);
    const strace = failing("fsync", office[lost]);
    const ended = await disturbed(office, { strace });
    assert.equal(ended.code, 1, whyOf(ended));
    for (const { path, outcome, detail } of documentOf(ended).actions) {
      assert.equal(outcome, path === "a.txt" ? "failed" : "done", path);
      if (outcome === "failed") assert.match(detail ?? "", /reports an error/);
    }
    await office.recovers();
    const { left } = office.trees();
    assert.equal(left["a.txt"], "a");
    assert.equal(Object.keys(left["folder"] ?? {}).length, 9);
  });
}

/** Every such call on a path gives an error of the disk. */
function failing(call: string, path: string): string[] {
  return [`--trace=${call}`, `--inject=${call}:error=EIO`, "-P", path];
}
