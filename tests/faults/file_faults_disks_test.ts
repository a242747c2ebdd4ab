/**
 * Files for which a real disk has no room, no right or no name.
 *
 * @module
 */
import assert from "node:assert/strict";
import { softDeleted, write } from "../support/support.ts";
import { FaultyOffice, requireLeft } from "./file_faults_support.ts";
import {
  at,
  disturbed,
  documentOf,
  isThere,
  tool,
  Undone,
  whyOf,
} from "./support.ts";

const SIDES = ["left", "right"] as const;
const FULL = /the disk is full/;
const READ_ONLY = /the disk is read-only.* \(EROFS\)/;
const DENIED = /access is denied.* \(EACCES\)/;
const NOT_PERMITTED = /the system does not permit it.* \(EPERM\)/;

/** A run by somebody whom permission bits bind. */
function humbly(): string[] {
  const caps = "-dac_override,-dac_read_search,-fowner";
  return ["setpriv", `--bounding-set=${caps}`, `--inh-caps=${caps}`];
}

for (const from of SIDES) {
  const on = `(edited on ${from})`;

  Deno.test(`a full disk stops the copies to it, and no others ${on}`, async () => {
    using office = new FaultyOffice(from);
    using undone = new Undone();
    undone.disk(office.to, "1m");
    await office.agreedOn("deleted.txt", "changed.txt");
    Deno.removeSync(`${office.from}/deleted.txt`);
    office.edit("a.txt");
    write(office.from, {
      "bad.bin": at(2021, "b".repeat(2_000_000)),
      "changed.txt": at(2021, "changed"),
    });
    write(office.to, { "back.txt": at(2021, "back") });
    const ended = await disturbed(office);
    requireLeft(ended, { "bad.bin": FULL, "changed.txt": FULL });
    assert.equal(Deno.readTextFileSync(`${office.from}/back.txt`), "back");
    const changed = Deno.readTextFileSync(`${office.to}/changed.txt`);
    assert.equal(changed, "old changed.txt");
    tool("mount", "-o", "remount,size=8m", office.to);
    await office.recovers();
  });

  Deno.test(`a disk without room for the soft-delete folder keeps what is to be deleted ${on}`, async () => {
    using office = new FaultyOffice(from);
    await office.agreedOn("changed.txt", "deleted.txt");
    office.edit("changed.txt");
    Deno.removeSync(`${office.from}/deleted.txt`);
    const ended = await disturbed(office, {
      strace: [
        "--trace=mkdir",
        "--inject=mkdir:error=ENOSPC",
        "-P",
        `${office.to}/.office-sync/deleted`,
      ],
    });
    requireLeft(ended, { "deleted.txt": FULL });
    const kept = Deno.readTextFileSync(`${office.to}/deleted.txt`);
    assert.equal(kept, "old deleted.txt");
    await office.recovers(["SOFT_DELETE_" + sideOf(office) + " deleted.txt"]);
  });

  Deno.test(`files on a disk mounted inside a root are soft-deleted too ${on}`, async () => {
    using office = new FaultyOffice(from, "soft_delete: {keep_replaced: true}");
    using undone = new Undone();
    undone.disk(`${office.to}/disk`);
    Deno.mkdirSync(`${office.from}/disk`);
    await office.agreedOn("disk/changed.txt", "disk/deleted.txt");
    office.edit("disk/changed.txt");
    Deno.removeSync(`${office.from}/disk/deleted.txt`);
    requireLeft(await disturbed(office), {});
    assert.deepEqual(softDeleted(office.to), {
      "disk/changed.txt": "old disk/changed.txt",
      "disk/deleted.txt": "old disk/deleted.txt",
    });
    await office.recovers([]);
  });

  Deno.test(`a read-only folder fails what goes into it ${on}`, async () => {
    using office = new FaultyOffice(from);
    using undone = new Undone();
    write(office.left, { ro: { "old.txt": at(2020, "old") } });
    await office.agreedOn("changed.txt");
    undone.bind(`${office.to}/ro`);
    await office.agree();
    tool("mount", "-o", "remount,ro,bind", `${office.to}/ro`);
    write(office.from, {
      "changed.txt": at(2021, "changed"),
      "new.txt": at(2021, "new"),
      ro: { "old.txt": at(2021, "newer"), "new.txt": at(2021, "new"), sub: {} },
    });
    const ended = await disturbed(office);
    requireLeft(ended, {
      "ro/new.txt": READ_ONLY,
      "ro/old.txt": READ_ONLY,
      "ro/sub": READ_ONLY,
    });
    tool("mount", "-o", "remount,rw,bind", `${office.to}/ro`);
    await office.recovers();
  });

  Deno.test(`a folder nobody may read is left alone, not deleted ${on}`, async () => {
    using office = new FaultyOffice(from);
    write(office.left, { shut: { "in.txt": at(2020, "in") } });
    await office.agreedOn("a.txt");
    office.edit("a.txt", "b.txt");
    Deno.chmodSync(`${office.from}/shut`, 0);
    const ended = await disturbed(office, { through: humbly() });
    requireLeft(ended, { shut: DENIED });
    assert.equal(Deno.readTextFileSync(`${office.to}/shut/in.txt`), "in");
    assert.equal(
      Deno.readTextFileSync(`${office.to}/a.txt`),
      "new words of a.txt",
    );
    Deno.chmodSync(`${office.from}/shut`, 0o755);
    await office.recovers([]);
  });

  Deno.test(`files nobody may read or replace fail ${on}`, async () => {
    using office = new FaultyOffice(from);
    write(office.left, { shut: { "in.txt": at(2020, "in") } });
    await office.agreedOn("a.txt");
    office.edit("a.txt", "bad.txt");
    write(office.from, {
      shut: { "in.txt": at(2021, "newer"), "new.txt": at(2021, "new") },
    });
    Deno.chmodSync(`${office.from}/bad.txt`, 0);
    Deno.chmodSync(`${office.to}/shut`, 0o555);
    const ended = await disturbed(office, { through: humbly() });
    requireLeft(ended, {
      "bad.txt": DENIED,
      "shut/in.txt": DENIED,
      "shut/new.txt": DENIED,
    });
    Deno.chmodSync(`${office.from}/bad.txt`, 0o644);
    Deno.chmodSync(`${office.to}/shut`, 0o755);
    await office.recovers();
  });

  Deno.test(`files that the system protects fail, and stay ${on}`, async () => {
    using office = new FaultyOffice(from, "", onDisk());
    using undone = new Undone();
    const names = ["changed.txt", "deleted.txt", "fine.txt", "renamed.txt"];
    await office.agreedOn(...names);
    office.edit("changed.txt", "fine.txt");
    Deno.removeSync(`${office.from}/deleted.txt`);
    Deno.renameSync(`${office.from}/renamed.txt`, `${office.from}/other.txt`);
    const bad = ["changed.txt", "deleted.txt", "renamed.txt"];
    const paths = bad.map((name) => `${office.to}/${name}`);
    tool("chattr", "+i", ...paths);
    undone.defer(() => {
      for (const path of paths) {
        if (isThere(path)) tool("chattr", "-i", path);
      }
    });
    const ended = await disturbed(office);
    requireLeft(ended, {
      "changed.txt": NOT_PERMITTED,
      "deleted.txt": NOT_PERMITTED,
      "renamed.txt": NOT_PERMITTED,
    });
    for (const name of bad) {
      assert.equal(
        Deno.readTextFileSync(`${office.to}/${name}`),
        `old ${name}`,
      );
    }
    tool("chattr", "-i", ...paths);
    await office.recovers();
  });

  Deno.test(`a protected folder takes no new files, others do ${on}`, async () => {
    using office = new FaultyOffice(from, "", onDisk());
    using undone = new Undone();
    write(office.left, { fixed: { "in.txt": at(2020, "in") } });
    await office.agreedOn("a.txt");
    office.edit("a.txt", "b.txt");
    write(office.from, { fixed: { "new.txt": at(2021, "new") } });
    tool("chattr", "+i", `${office.to}/fixed`);
    undone.defer(() => tool("chattr", "-i", `${office.to}/fixed`));
    const ended = await disturbed(office);
    requireLeft(ended, { "fixed/new.txt": /\((?:EPERM|EACCES)\)/ });
    tool("chattr", "-i", `${office.to}/fixed`);
    await office.recovers();
  });

  Deno.test(`more files than may be open at once are copied later ${on}`, async () => {
    using office = new FaultyOffice(from);
    await office.agreedOn();
    const names = Array.from({ length: 120 }, (_, n) => `${n}.txt`);
    office.edit(...names);
    const through = ["prlimit", "--nofile=90:90"];
    const ended = await disturbed(office, { through });
    assert.ok(ended.code === 0 || ended.code === 1, whyOf(ended));
    const all = documentOf(ended).actions;
    const done = all.filter(({ outcome }) => outcome === "done");
    assert.ok(done.length > 0, whyOf(ended));
    for (const { outcome, detail } of all) {
      if (outcome === "done") continue;
      assert.match(detail ?? "", /too many files are open.* \(EMFILE\)/);
    }
    await office.recovers();
  });

  Deno.test(`a path too long for one side fails there alone ${on}`, async () => {
    using office = new FaultyOffice(from);
    await office.agreedOn("a.txt");
    // The other root's own path is longer by the difference of these.
    const deeper = `${office.to}/${"r".repeat(200)}`;
    Deno.mkdirSync(deeper);
    Deno.renameSync(`${office.to}/.office-sync`, `${deeper}/.office-sync`);
    for (const name of ["keep.txt", "a.txt"]) {
      Deno.renameSync(`${office.to}/${name}`, `${deeper}/${name}`);
    }
    const roots = { left: office.left, right: office.right };
    const side = from === "left" ? "right" : "left";
    roots[side] = deeper;
    Deno.writeTextFileSync(
      office.config,
      `left_root: ${roots.left}\nright_root: ${roots.right}\n`,
    );
    const names = Array.from({ length: 15 }, () => "d".repeat(250));
    const room = 4090 - office.from.length - 15 * 251;
    const deep = names.join("/");
    Deno.mkdirSync(`${office.from}/${deep}`, { recursive: true });
    const long = "f".repeat(Math.min(room, 250));
    Deno.writeTextFileSync(`${office.from}/${deep}/${long}`, "deep");
    office.edit("a.txt", "b.txt");
    const ended = await disturbed(office);
    assert.equal(ended.code, 1, whyOf(ended));
    const bad = documentOf(ended).actions.filter(({ outcome }) =>
      outcome !== "done"
    );
    assert.ok(bad.length > 0);
    assert.match(
      bad[0]?.detail ?? "",
      /too long for the disk.* \(ENAMETOOLONG\)/,
    );
    const b = Deno.readTextFileSync(`${deeper}/b.txt`);
    assert.equal(b, "new words of b.txt");
    Deno.renameSync(`${office.from}/${names[0]}`, `${office.from}/short`);
    const result = await office.run();
    assert.equal(result.exitCode, 0);
    assert.equal((await office.run()).exitCode, 0);
    const found = Deno.readTextFileSync(
      `${deeper}/short/${names.slice(1).join("/")}/${long}`,
    );
    assert.equal(found, "deep");
  });
}

/** Disks in memory protect files only where the kernel is a recent one. */
function onDisk(): string {
  return Deno.makeTempDirSync({ prefix: "office-sync-test-" });
}

/** The side that has to follow, as actions name it. */
function sideOf(office: FaultyOffice): string {
  return office.to === office.left ? "LEFT" : "RIGHT";
}
