import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { file, type FileSpec, Office, write } from "../support/support.ts";
import { ExfatDisk } from "./exfat_disk.ts";
import { pathsBelow, rests, straced, told, tool, why } from "./support.ts";

const BASE = Date.UTC(2024, 0, 15, 8, 30, 0);

/** Files whose times no coarse file system can keep. */
function files(count: number): Record<string, FileSpec> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `f${n}.txt`,
      file(`content ${n}`, { mtime: BASE + n * 3_333 + 777 }),
    ]),
  );
}

function moveTimes(root: string, byMs: number): void {
  for (const path of pathsBelow(root)) {
    const info = Deno.lstatSync(`${root}/${path}`);
    if (!info.isFile) continue;
    const at = new Date(info.mtime!.getTime() + byMs);
    Deno.utimeSync(`${root}/${path}`, at, at);
  }
}

Deno.test("exFAT: times cut to its tick are no changes, either way", async () => {
  using office = new Office();
  await using disk = await ExfatDisk.over(office.right);
  office.write({
    left: { ...files(20), d: files(5) },
    right: { fromRight: files(5) },
  });
  const first = await told(office.config);
  assert.equal(first.code, 0, why(first));
  await rests(office.config);
  await rests(office.config);
  // Every edit is seen from either side, once.
  write(office.left, { "f0.txt": "edited!!" });
  write(office.right, { "f1.txt": "EDITED!!" });
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  assert.deepEqual([...ran.lines].sort(), [
    "COPY_LEFT_TO_RIGHT f0.txt",
    "COPY_RIGHT_TO_LEFT f1.txt",
  ]);
  await rests(office.config);
  // What it keeps may read otherwise after it was taken off.
  await disk.unmount();
  disk.mount();
  await rests(office.config);
});

Deno.test("exFAT: two folders that hold the same meet without a copy", async () => {
  using office = new Office();
  await using _disk = await ExfatDisk.over(office.right);
  const tree = { ...files(20), d: files(5) };
  office.write({ left: tree, right: tree });
  const first = await told(office.config);
  assert.equal(first.code, 0, why(first));
  const copies = first.lines.filter((line) => !line.startsWith("RENAME"));
  assert.deepEqual(copies, []);
  await rests(office.config);
});

Deno.test("exFAT: a file rewritten with the same size in the same second is noticed", async () => {
  using office = new Office();
  await using _disk = await ExfatDisk.over(office.right);
  let hits = 0;
  for (let n = 0; n < 6 || hits < 2 && n < 20; n++) {
    await new Promise((resolve) =>
      setTimeout(resolve, 1010 - Date.now() % 1000)
    );
    write(office.right, { "a.txt": `one ${n + 100}` });
    const before = Deno.statSync(`${office.right}/a.txt`).mtime!.getTime();
    await office.run();
    write(office.right, { "a.txt": `two ${n + 100}` });
    const after = Deno.statSync(`${office.right}/a.txt`).mtime!.getTime();
    if (before === after) hits++;
    await office.run();
    const left = Deno.readTextFileSync(`${office.left}/a.txt`);
    assert.equal(left, `two ${n + 100}`);
  }
  assert.ok(hits > 0, "the second was the same at least once");
});

for (const side of ["left", "right"] as const) {
  Deno.test(`all times on ${side} an hour off: files are touched, read once, and nothing is copied; edits beside it are seen`, async () => {
    using office = new Office();
    office.write({ left: { ...files(40), d: files(20) } });
    assert.equal((await told(office.config)).code, 0);
    const other = side === "left" ? "right" : "left";
    for (const hours of [1, -1]) {
      moveTimes(office[side], hours * 3_600_000);
      write(office[side], { "f3.txt": `edited ${hours}` });
      Deno.removeSync(`${office[side]}/d/f${5 + hours}.txt`);
      const ran = await told(office.config);
      assert.equal(ran.code, 0, why(ran));
      const to = side === "left" ? "LEFT_TO_RIGHT" : "RIGHT_TO_LEFT";
      const [touched, others] = [
        `RENAME_${other.toUpperCase()} `,
        [
          `COPY_${to} f3.txt`,
          `SOFT_DELETE_${other.toUpperCase()} d/f${5 + hours}.txt`,
        ],
      ];
      const isTouch = (line: string) => line.startsWith(touched);
      assert.deepEqual(
        ran.lines.filter((line) => !isTouch(line)).sort(),
        others.sort(),
        why(ran),
      );
      // Every other file, its time carried over.
      const count = pathsBelow(office[side]).filter((path) =>
        Deno.lstatSync(`${office[side]}/${path}`).isFile
      ).length;
      assert.equal(ran.lines.filter(isTouch).length, count - 1, why(ran));
      await rests(office.config);
    }
    const { left, right } = office.trees();
    assert.deepEqual(left, right);
  });
}

Deno.test("all times an hour off, and the other side edited a file: a clash, as nothing proves that it was only touched", async () => {
  using office = new Office();
  office.write({ left: files(20) });
  assert.equal((await told(office.config)).code, 0);
  moveTimes(office.right, 3_600_000);
  write(office.left, { "f0.txt": "edited on Left" });
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  const names = pathsBelow(office.left).filter((it) => it.includes("clash"));
  assert.equal(names.length, 1, why(ran));
  await rests(office.config);
});

/** What a FAT disk would have been found to do, as the state DB keeps it. */
function traitsOf(office: Office): { tickMs: number; ignoresCase: boolean } {
  using db = new DatabaseSync(office.stateDb, { readOnly: true });
  const row = db.prepare(
    "SELECT value FROM meta WHERE key = 'traits_right'",
  ).get();
  return JSON.parse(String(row?.value));
}

Deno.test("exFAT: case, tick and names are found, with a handful of calls each run", async () => {
  using office = new Office();
  await using _disk = await ExfatDisk.over(office.right);
  office.write({ left: { ...files(200), d: files(50) } });
  assert.equal((await told(office.config)).code, 0);
  const traits = traitsOf(office);
  assert.equal(traits.ignoresCase, true);
  assert.ok([1000, 2000, 10, 100].includes(traits.tickMs), `${traits.tickMs}`);
  for (let n = 0; n < 2; n++) {
    const trace = `${office.folder}/trace`;
    const options = ["-e", "trace=%file,fsync,fdatasync"];
    await told(office.config, [], straced(office, ...options));
    const calls = Deno.readTextFileSync(trace).split("\n").filter((line) =>
      line.includes("/.office-sync/")
    );
    const probes = calls.filter((line) => line.includes("office-sync-tmp-"));
    const made = probes.filter((line) => line.includes("O_CREAT"));
    assert.ok(probes.length <= 40, `${probes.length} calls: ${probes}`);
    assert.ok(made.length <= 4, `made ${made.length} files for both roots`);
    assert.ok(calls.length <= 80, `${calls.length} calls in .office-sync`);
    assert.ok(!calls.some((line) => line.includes("sync(")), "no flushing");
  }
});

Deno.test("exFAT: a disk that is taken off stops the run, and is as it was when it is back", async () => {
  using office = new Office();
  await using disk = await ExfatDisk.over(office.right);
  office.write({ left: files(5) });
  assert.equal((await told(office.config)).code, 0);
  await disk.unmount();
  // The folder below has no identity: nothing must be taken for deleted.
  const ran = await told(office.config);
  assert.equal(ran.code, 3, why(ran));
  assert.equal(pathsBelow(office.left).length, 5);
  disk.mount();
  await rests(office.config);
  tool("mountpoint", "-q", office.right);
  tool("sync");
});
