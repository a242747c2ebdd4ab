/**
 * A state DB that is damaged, gone or has no room; a log without room; two
 * runs at once; a clock that is wrong.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, file, softDeleted, write } from "../support/support.ts";
import { MountedOffice, requireGuard } from "./root_faults_support.ts";
import {
  at,
  disturbed,
  documentOf,
  isTraced,
  requireTool,
  until,
  whyOf,
} from "./support.ts";

/** Something to delete, to change and to copy. */
function edit(office: MountedOffice): void {
  Deno.removeSync(`${office.left}/folder/1.txt`);
  write(office.left, { "new.txt": at(2020, "new"), "first.txt": "changed" });
}

/** After a first meeting nothing is deleted: what was, is back. */
async function requireFirstMeeting(office: MountedOffice): Promise<void> {
  const ended = await office.program();
  assert.equal(ended.code, 0, whyOf(ended));
  assert.match(ended.stderr, /this state DB knows nothing of it/);
  const { left } = office.trees();
  assert.deepEqual(
    Object.keys(left["folder"] ?? {}).length,
    10,
    "1.txt is back",
  );
  assert.equal(left["new.txt"], "new");
  assert.equal(left["first.txt"], "changed");
  assert.deepEqual(softDeleted(office.left), {});
  await office.recovers();
}

Deno.test("a deleted state DB makes a first meeting that deletes nothing", async () => {
  using office = await new MountedOffice().begin();
  edit(office);
  Deno.removeSync(office.stateDb);
  await requireFirstMeeting(office);
});

Deno.test("an empty state DB makes a first meeting that deletes nothing", async () => {
  using office = await new MountedOffice().begin();
  edit(office);
  Deno.truncateSync(office.stateDb);
  await requireFirstMeeting(office);
});

/** Ways to damage a state DB. */
const DAMAGES: Readonly<Record<string, (file: string) => void>> = {
  "cut off in the middle": (file) =>
    Deno.truncateSync(
      file,
      Math.floor(Deno.statSync(file).size / 2 / 512) * 512,
    ),
  "cut off in its head": (file) => Deno.truncateSync(file, 50),
  "that is something else": (file) =>
    Deno.writeTextFileSync(file, "no state DB at all\n".repeat(1000)),
  "overwritten in the middle": (file) => {
    using handle = Deno.openSync(file, { write: true });
    const { size } = handle.statSync();
    handle.seekSync(4096, Deno.SeekMode.Start);
    handle.writeSync(new Uint8Array(size - 4096).fill(0xa5));
  },
};

for (const [how, damage] of Object.entries(DAMAGES)) {
  Deno.test(`a state DB ${how} stops the run; moved away, it goes on`, async () => {
    using office = await new MountedOffice().begin();
    edit(office);
    damage(office.stateDb);
    requireGuard(
      await office.program(),
      "state",
      /is damaged .* Nothing was changed\. Move the file away and run again/,
    );
    office.isWhole("right");
    Deno.renameSync(office.stateDb, `${office.stateDb}.damaged`);
    await requireFirstMeeting(office);
  });
}

Deno.test("a state DB of a newer version stops the run", async () => {
  using office = await new MountedOffice().begin();
  edit(office);
  {
    using db = new DatabaseSync(office.stateDb);
    db.exec("PRAGMA user_version = 999");
  }
  requireGuard(
    await office.program(),
    "state",
    /written by a newer version.*Run the newer version/,
  );
  office.isWhole("right");
});

Deno.test("a full disk under the state DB ends the run and loses nothing", async () => {
  using office = new MountedOffice();
  const disk = `${office.folder}/disk`;
  office.undone.disk(disk, "256k");
  office.configure("state_db: disk/state.db\n");
  await office.begin();
  const many = Array.from(
    { length: 1500 },
    (_, n) => [`${n} ${"x".repeat(99)}`, "n"],
  );
  write(office.left, { many: Object.fromEntries(many) });
  edit(office);
  const ended = await office.program();
  assert.equal(ended.code, 5, whyOf(ended));
  assert.match(ended.stdout, /state DB .* can't be written/);
  office.configure("state_db: state.db\n");
  Deno.copyFileSync(`${disk}/state.db`, `${office.folder}/state.db`);
  await office.recovers();
  const { left } = office.trees();
  assert.equal(Object.keys(left["many"] ?? {}).length, 1500);
  assert.equal(Object.keys(left["folder"] ?? {}).length, 9, "deleted still");
  assert.equal(left["first.txt"], "changed");
});

Deno.test("a disk under the state DB that was full before stops the run", async () => {
  using office = new MountedOffice();
  const disk = `${office.folder}/disk`;
  office.undone.disk(disk, "256k");
  office.configure("state_db: disk/state.db\n");
  await office.begin();
  edit(office);
  fill(`${disk}/filler`);
  const ended = await office.program();
  assert.equal(ended.code, 3, whyOf(ended));
  assert.match(ended.stdout + ended.stderr, /can't be written.*full/);
  office.isWhole("right");
  Deno.removeSync(`${disk}/filler`);
  await office.recovers();
});

Deno.test("a full disk under the log ends no run and is told", async () => {
  using office = new MountedOffice();
  const disk = `${office.folder}/disk`;
  office.undone.disk(disk, "64k");
  office.configure("logging: {file: disk/a.log}\n");
  await office.begin();
  edit(office);
  assert.equal((await office.program()).code, 0);
  write(office.left, { "newer.txt": at(2020, "newer") });
  fill(`${disk}/filler`);
  write(office.left, { "more.txt": "m", many: numbered(100) });
  const ended = await office.program();
  assert.equal(ended.code, 0, whyOf(ended));
  assert.match(ended.stderr, /log could not be written: .*(?:No space|full)/i);
  assert.equal(office.trees().right["newer.txt"], "newer");
  await office.recovers();
});

function numbered(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, n) => [`${n}`, `${n}`]);
  return Object.fromEntries(names);
}

/** Takes all the room there is. */
function fill(path: string): void {
  for (const bytes of [4096, 1]) {
    try {
      for (;;) {
        Deno.writeFileSync(path, new Uint8Array(bytes), { append: true });
      }
    } catch (error) {
      assert.match(String(error), /No space/);
    }
  }
}

Deno.test("a second run beside another ends with 4 and touches nothing", async () => {
  using office = await new MountedOffice().begin();
  edit(office);
  const first = disturbed(office, {
    strace: [
      "--trace=read",
      "--inject=read:delay_enter=3000000:when=1",
      "-P",
      `${office.left}/new.txt`,
    ],
  });
  await until("the first run", () => isTraced(office));
  const second = await disturbed(office);
  assert.equal(second.code, 4, whyOf(second));
  const { guard, actions } = documentOf(second);
  assert.match(guard?.reason ?? "", /Another run is using .*Wait until/);
  assert.deepEqual(actions, []);
  const ended = await first;
  assert.equal(ended.code, 0, whyOf(ended));
  await office.recovers();
});

for (const jump of ["-1y", "+1y"]) {
  Deno.test(`a clock that jumps by ${jump} loses nothing`, async () => {
    requireTool("faketime");
    using office = await new MountedOffice().begin();
    edit(office);
    const later = { mtime: "2021-05-05T05:05:05Z" };
    write(office.left, { "both.txt": at(2020, "left") });
    write(office.right, { "both.txt": file("right, written later", later) });
    const through = ["faketime", "-f", jump];
    const ended = await office.program({ through });
    assert.equal(ended.code, 0, whyOf(ended));
    const { left, right } = office.trees();
    assert.deepEqual(left, right);
    assert.equal(left["both.txt"], "right, written later");
    assert.equal(left["first.txt"], "changed");
    const clash = Object.keys(left).filter((name) => /\.clash-/.test(name));
    assert.deepEqual(clash.map((name) => left[name]), ["left"]);
    assert.equal(Object.keys(left["folder"] ?? {}).length, 9);
    assert.deepEqual(Object.values(softDeleted(office.right)), ["1"]);
    write(office.right, { "after.txt": "after", "first.txt": "once more" });
    const again = await office.run();
    assert.equal(again.exitCode, 0, describe(again));
    assert.equal(office.trees().left["first.txt"], "once more");
    await office.recovers();
  });
}
