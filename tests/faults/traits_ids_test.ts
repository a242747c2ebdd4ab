import assert from "node:assert/strict";
import { file, type FileSpec, Office, write } from "../support/support.ts";
import { ExfatDisk } from "./exfat_disk.ts";
import { pathsBelow, requireTool, rests, told, tool, why } from "./support.ts";

const BASE = Date.UTC(2024, 0, 15, 8, 30);

function files(count: number): Record<string, FileSpec> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `f${n}.txt`,
      // Many share size and time: only ids could tell them apart.
      file(`content ${n % 10}`, { mtime: BASE + (n % 3) * 10_000 }),
    ]),
  );
}

/** Gives every file of a root another id: all else stays, times as well. */
function otherIds(root: string): void {
  tool("cp", "-a", root, `${root}.copy`);
  tool("rm", "-rf", root);
  tool("mv", `${root}.copy`, root);
}

for (const side of ["left", "right"] as const) {
  Deno.test(`all file ids on ${side} new, as after another mount: no renames, no copies`, async () => {
    requireTool("cp", "rm", "mv");
    using office = new Office();
    office.write({ left: { ...files(40), d: files(20) } });
    assert.equal((await told(office.config)).code, 0);
    for (let n = 0; n < 2; n++) {
      otherIds(office[side]);
      const ran = await told(office.config);
      assert.equal(ran.code, 0, why(ran));
      assert.deepEqual(ran.lines, [], why(ran));
      await rests(office.config);
    }
    // Edits, renames and deletions made besides are what they are.
    otherIds(office[side]);
    const root = office[side];
    write(root, { "f0.txt": "edited" });
    Deno.renameSync(`${root}/f1.txt`, `${root}/renamed.txt`);
    Deno.removeSync(`${root}/f2.txt`);
    const ran = await told(office.config);
    assert.equal(ran.code, 0, why(ran));
    const { left, right } = office.trees();
    assert.deepEqual(left, right);
    assert.equal(pathsBelow(office.left).length, 60);
    assert.ok(!ran.lines.some((line) => line.startsWith("RENAME")), why(ran));
    assert.ok(ran.lines.length <= 4, why(ran));
    await rests(office.config);
  });

  Deno.test(`ids on ${side} dealt out anew among the files: nothing is renamed`, async () => {
    using office = new Office();
    office.write({ left: files(30) });
    assert.equal((await told(office.config)).code, 0);
    const root = office[side];
    // The names change places in a ring, and with them the ids; contents and
    // times are put back where they were.
    const names = pathsBelow(root);
    const was = names.map((name) => ({
      content: Deno.readFileSync(`${root}/${name}`),
      mtime: Deno.statSync(`${root}/${name}`).mtime!,
    }));
    Deno.renameSync(`${root}/${names[0]}`, `${root}/ring`);
    for (let n = 1; n < names.length; n++) {
      Deno.renameSync(`${root}/${names[n]}`, `${root}/${names[n - 1]}`);
    }
    Deno.renameSync(`${root}/ring`, `${root}/${names.at(-1)}`);
    names.forEach((name, n) => {
      Deno.writeFileSync(`${root}/${name}`, was[n]!.content);
      Deno.utimeSync(`${root}/${name}`, was[n]!.mtime, was[n]!.mtime);
    });
    const ran = await told(office.config);
    assert.equal(ran.code, 0, why(ran));
    assert.deepEqual(ran.lines, [], why(ran));
    await rests(office.config);
  });
}

Deno.test("exFAT: taken off and mounted again, nothing is renamed or copied", async () => {
  using office = new Office();
  await using disk = await ExfatDisk.over(office.right);
  office.write({ left: { ...files(40), d: files(20) } });
  assert.equal((await told(office.config)).code, 0);
  for (let n = 0; n < 2; n++) {
    await disk.unmount();
    disk.mount();
    await rests(office.config);
  }
  await disk.unmount();
  disk.mount();
  Deno.renameSync(`${office.right}/f1.txt`, `${office.right}/renamed.txt`);
  Deno.renameSync(`${office.left}/f2.txt`, `${office.left}/moved.txt`);
  write(office.right, { "f0.txt": "edited" });
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  const { left, right } = office.trees();
  assert.deepEqual(left, right);
  assert.equal(pathsBelow(office.left).length, 61);
  await rests(office.config);
});
