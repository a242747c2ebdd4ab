import assert from "node:assert/strict";
import { actions, describe, Office, write } from "../support/support.ts";
import {
  at,
  isThere,
  note,
  pathsBelow,
  QuickOffice,
  requireTool,
  rests,
  told,
  tool,
  why,
} from "./support.ts";

const GIGABYTE = 1024 ** 3;

Deno.test("folders 60 levels deep are synced, changed, renamed and removed", async () => {
  using office = new Office();
  const folders = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) => `${name}${n}`).join("/");
  const deep = folders("level ", 60);
  Deno.mkdirSync(`${office.left}/${deep}`, { recursive: true });
  Deno.writeTextFileSync(`${office.left}/${deep}/deep.txt`, "deep");
  assert.equal((await told(office.config)).code, 0);
  assert.equal(
    Deno.readTextFileSync(`${office.right}/${deep}/deep.txt`),
    "deep",
  );
  Deno.writeTextFileSync(`${office.right}/${deep}/deep.txt`, "edited");
  Deno.renameSync(`${office.left}/level 0`, `${office.left}/renamed`);
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  const moved = deep.replace("level 0", "renamed");
  for (const root of [office.left, office.right]) {
    const text = Deno.readTextFileSync(`${root}/${moved}/deep.txt`);
    assert.equal(text, "edited");
    assert.ok(!isThere(`${root}/level 0`));
  }
  await rests(office.config);
  // Paths longer than any call takes (4096 bytes) are reported, no more.
  Deno.removeSync(`${office.left}/renamed`, { recursive: true });
  const gone = await told(office.config, ["--allow-deletes"]);
  assert.equal(gone.code, 0, why(gone));
  assert.deepEqual(pathsBelow(office.right), []);
  await rests(office.config);
});

Deno.test("paths longer than the system takes are reported, all else is synced", async () => {
  requireTool("bash");
  using office = new Office();
  const name = "n".repeat(200);
  const script = `cd "$1"; for i in $(seq 25); do mkdir ${name} && ` +
    `cd ${name} || exit 1; done; echo deep > deep.txt`;
  tool("bash", "-c", script, "bash", office.left);
  office.write({ left: { "a.txt": "a" } });
  try {
    const ran = await told(office.config);
    assert.equal(ran.code, 1, why(ran));
    assert.ok(ran.document.problems.length > 0, why(ran));
    assert.equal(Deno.readTextFileSync(`${office.right}/a.txt`), "a");
    const second = await told(office.config);
    assert.equal(second.code, 1, why(second));
    assert.deepEqual(second.lines, []);
  } finally {
    for (const root of [office.left, office.right]) {
      tool("bash", "-c", `rm -rf "$1"/nnn*`, "bash", root);
    }
  }
});

Deno.test("hard links are two files: no false renames, an edit of either is seen", async () => {
  using office = new Office();
  office.write({ left: { "a.txt": at(2024, "one"), d: {} } });
  Deno.linkSync(`${office.left}/a.txt`, `${office.left}/b.txt`);
  assert.equal((await told(office.config)).code, 0);
  assert.deepEqual(office.trees().right, office.trees().left);
  await rests(office.config);
  // An edit through one name is one of both.
  Deno.writeTextFileSync(`${office.left}/a.txt`, "two, longer");
  const edited = await told(office.config);
  assert.deepEqual(edited.lines, [
    "COPY_LEFT_TO_RIGHT a.txt",
    "COPY_LEFT_TO_RIGHT b.txt",
  ], why(edited));
  await rests(office.config);
  // An edit of one on the other side is of that one alone.
  Deno.writeTextFileSync(`${office.right}/b.txt`, "three, the longest");
  const other = await told(office.config);
  assert.deepEqual(other.lines, ["COPY_RIGHT_TO_LEFT b.txt"], why(other));
  assert.equal(
    Deno.readTextFileSync(`${office.left}/a.txt`),
    "two, longer",
  );
  await rests(office.config);
  // A third name comes, the first goes: nothing is a rename of another.
  Deno.linkSync(`${office.left}/a.txt`, `${office.left}/d/c.txt`);
  Deno.linkSync(`${office.left}/a.txt`, `${office.left}/d/e.txt`);
  Deno.removeSync(`${office.left}/a.txt`);
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  assert.deepEqual(office.trees().right, office.trees().left);
  assert.ok(isThere(`${office.right}/d/c.txt`));
  await rests(office.config);
});

/** Where the sparse file has content; all else is holes. */
const PLACES = [0, 3 * GIGABYTE + 12_345, 5 * GIGABYTE - 4];

function readAt(path: string, at: number): string {
  using file = Deno.openSync(path);
  file.seekSync(at, Deno.SeekMode.Start);
  const bytes = new Uint8Array(4);
  file.readSync(bytes);
  return new TextDecoder().decode(bytes);
}

Deno.test("a sparse file of 5 GB is synced and takes no more room than before", async () => {
  using office = new QuickOffice();
  const path = `${office.left}/disk.img`;
  {
    using disk = Deno.openSync(path, { create: true, write: true });
    disk.truncateSync(5 * GIGABYTE);
    for (const at of PLACES) {
      disk.seekSync(at, Deno.SeekMode.Start);
      disk.writeSync(new TextEncoder().encode("data"));
    }
  }
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  const copy = Deno.statSync(`${office.right}/disk.img`);
  assert.equal(copy.size, 5 * GIGABYTE);
  const there = `${office.right}/disk.img`;
  for (const at of PLACES) assert.equal(readAt(there, at), "data");
  const used = (copy.blocks ?? 0) * 512;
  assert.ok(used < 64 * 1024 * 1024, `${used} bytes on disk`);
  note(`5 GB sparse: ${(ran.tookMs / 1000).toFixed(1)} s, ${used} bytes`);
  await rests(office.config);
});

Deno.test("set-uid, set-gid and sticky bits are not carried over, and stay where they are", async () => {
  requireTool("chmod");
  using office = new Office();
  office.write({ left: { "tool": at(2024, "tool"), d: {} } });
  tool("chmod", "6755", `${office.left}/tool`);
  tool("chmod", "1777", `${office.left}/d`);
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  const bits = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;
  assert.equal(bits(`${office.right}/tool`), 0o755);
  assert.equal(bits(`${office.right}/d`) & 0o7000, 0);
  await rests(office.config);
  assert.equal(bits(`${office.left}/tool`), 0o6755);
  // Neither an edit nor a new mode brings them.
  Deno.writeTextFileSync(`${office.left}/tool`, "tool, edited");
  tool("chmod", "6700", `${office.left}/tool`);
  assert.equal((await told(office.config)).code, 0);
  assert.equal(bits(`${office.right}/tool`), 0o700);
  await rests(office.config);
});

Deno.test("pipes, sockets and devices are reported and left alone on both sides", async () => {
  requireTool("mkfifo", "mknod");
  using office = new Office();
  office.write({ left: { "a.txt": "a", "was a file": "b", "z.txt": "z" } });
  await office.agree();
  using _socket = Deno.listen({
    transport: "unix",
    path: `${office.left}/socket`,
  });
  tool("mkfifo", `${office.left}/pipe`);
  tool("mknod", `${office.right}/null`, "c", "1", "3");
  Deno.removeSync(`${office.left}/was a file`);
  tool("mkfifo", `${office.left}/was a file`);
  write(office.left, { "a.txt": "edited" });
  for (let n = 0; n < 2; n++) {
    const ran = await told(office.config);
    assert.equal(ran.code, 0, why(ran));
    assert.equal(ran.document.problems.length, 4, why(ran));
    assert.deepEqual(ran.lines, n === 0 ? ["COPY_LEFT_TO_RIGHT a.txt"] : []);
  }
  assert.equal(Deno.readTextFileSync(`${office.right}/was a file`), "b");
  assert.ok(!isThere(`${office.right}/pipe`));
  const again = await office.run();
  assert.deepEqual(actions(again), [], describe(again));
});
