/**
 * What is tried out on a real FAT disk, inside a kernel of its own. Mounts the
 * disk over Right; ends with an error if anything is not as it must be.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  actions,
  describe,
  file,
  type FileSpec,
  Office,
  read,
  write,
} from "../support/support.ts";

const [device = ""] = Deno.args;
const BASE = Date.UTC(2024, 0, 15, 8, 30, 0);

/** Files whose times FAT can't keep: it knows even seconds only. */
function files(count: number): Record<string, FileSpec> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `f${n}.txt`,
      file(`content ${n}`, { mtime: BASE + n * 3_333 + 777 }),
    ]),
  );
}

function must(name: string, ...args: readonly string[]): void {
  const command = new Deno.Command(name, { args: [...args] });
  const { success, stderr } = command.outputSync();
  assert.ok(success, `${name} ${args}: ${new TextDecoder().decode(stderr)}`);
}

/** @param offsetMinutes How far the disk's clock is from that of the system. */
function mount(office: Office, offsetMinutes = 0): void {
  const options = `utf8,time_offset=${offsetMinutes}`;
  must("mount", "-t", "vfat", "-o", options, device, office.right);
}

async function rests(office: Office, what: string): Promise<void> {
  const result = await office.agree();
  assert.deepEqual(actions(result), [], `${what}: ${describe(result)}`);
}

/** Waits for the beginning of the next even second. */
async function evenSecond(): Promise<void> {
  const left = 2000 - Date.now() % 2000;
  await new Promise((resolve) => setTimeout(resolve, left + 5));
}

// Its folder goes with the kernel.
const office = new Office();
mount(office);

office.write({ left: { ...files(20), d: files(5) }, right: { r: files(5) } });
await office.agree();
await rests(office, "times cut to even seconds are no changes");
write(office.left, { "f0.txt": "edited!!" });
write(office.right, { "f1.txt": "EDITED!!" });
const edited = [
  "COPY_LEFT_TO_RIGHT f0.txt",
  "COPY_RIGHT_TO_LEFT f1.txt",
];
assert.deepEqual(actions(await office.agree()).sort(), edited);
await rests(office, "an edit is seen once");

let hits = 0;
// A busy machine may take longer than a tick each time.
for (let n = 0; n < 3 || hits === 0 && n < 60; n++) {
  await evenSecond();
  write(office.right, { "f2.txt": `one ${n + 100}` });
  const before = Deno.statSync(`${office.right}/f2.txt`).mtime!.getTime();
  await office.agree();
  write(office.right, { "f2.txt": `two ${n + 100}` });
  const after = Deno.statSync(`${office.right}/f2.txt`).mtime!.getTime();
  assert.equal(before % 2000, 0, "the disk knows even seconds only");
  if (before === after) hits++;
  await office.agree();
  const left = Deno.readTextFileSync(`${office.left}/f2.txt`);
  assert.equal(left, `two ${n + 100}`, "a rewrite in the same tick is noticed");
}
assert.ok(hits > 0, "the tick was the same at least once");

await evenSecond();
await evenSecond();
await rests(office, "nothing is fresh any more");
for (const minutes of [60, 0]) {
  must("umount", office.right);
  mount(office, minutes);
  // Every file is touched: read once, and its time carried over.
  const touched = await office.agree();
  assert.ok(actions(touched).length > 0, describe(touched));
  for (const action of actions(touched)) {
    assert.match(action, /^RENAME_LEFT [^>]*$/, describe(touched));
  }
  await rests(office, `another hour of the disk, by ${minutes} minutes`);
}

Deno.renameSync(`${office.left}/d/f0.txt`, `${office.left}/d/F0.TXT`);
// This kernel does nothing when asked for another spelling in one step.
Deno.renameSync(`${office.right}/r`, `${office.right}/R`);
assert.ok("r" in read(office.right));
Deno.renameSync(`${office.right}/r`, `${office.right}/between`);
Deno.renameSync(`${office.right}/between`, `${office.right}/R`);
await office.agree();
assert.ok("F0.TXT" in (read(office.right)["d"] as object), "renamed on FAT");
assert.ok("R" in read(office.left), "renamed on FAT's side");
await rests(office, "case-only renames are done");

write(office.left, { "a:b.txt": "1", "twin.txt": "1", "TWIN.txt": "2" });
const left = await office.run();
assert.equal(left.exitCode, 1);
assert.deepEqual(actions(left), [], describe(left));
const told = left.problems.map(({ path, reason }) => `${path}: ${reason}`);
assert.match(told.join("\n"), /^a:b\.txt: /m);
assert.match(told.join("\n"), /"(twin|TWIN)\.txt" and .* are one name/);
Deno.renameSync(`${office.left}/a:b.txt`, `${office.left}/a-b.txt`);
Deno.renameSync(`${office.left}/TWIN.txt`, `${office.left}/other.txt`);
assert.deepEqual(actions(await office.agree()).sort(), [
  "COPY_LEFT_TO_RIGHT a-b.txt",
  "COPY_LEFT_TO_RIGHT other.txt",
  "COPY_LEFT_TO_RIGHT twin.txt",
]);
await rests(office, "what had a name that FAT can't hold is synced");
must("umount", office.right);
Deno.stdout.writeSync(new TextEncoder().encode("FAT: all as it must be\n"));
