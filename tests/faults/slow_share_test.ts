import assert from "node:assert/strict";
import { probe } from "../../lib/root_traits.ts";
import { SlowShare } from "../../tools/bench/slow_share.ts";
import { Office, read } from "../support/support.ts";
import { requireTool } from "./support.ts";

const DELAY_MS = 20;
const FILES = 40;

/** What is stored, and the same as a slow share. */
function mounted(office: Office): SlowShare {
  requireTool("umount");
  return new SlowShare(office.left, office.right, DELAY_MS);
}

function stored(): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: FILES }, (_, n) => [`f${n}`, `file ${n}`]),
  );
}

/** Looks at every file, so many at once; gives the time it takes, in ms. */
async function lookedAt(folder: string, atOnce: number): Promise<number> {
  const startedMs = performance.now();
  const names = Object.keys(stored());
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await Deno.lstat(`${folder}/${name}`);
    }
  }));
  return performance.now() - startedMs;
}

Deno.test("a slow share holds up every call, counts it, and lets calls wait side by side", async () => {
  using office = new Office();
  office.write({ left: stored() });
  using share = mounted(office);
  const oneByOneMs = await lookedAt(office.right, 1);
  const { calls } = share;
  assert.ok(calls >= FILES && calls <= FILES + 4, `${calls} calls`);
  assert.ok(oneByOneMs >= FILES * DELAY_MS, `${oneByOneMs} ms`);
  // The kernel keeps what it was told for a second.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const togetherMs = await lookedAt(office.right, 8);
  assert.ok(togetherMs < oneByOneMs / 3, `${togetherMs} of ${oneByOneMs} ms`);
  assert.ok(share.calls >= calls + FILES);
});

Deno.test("a slow share does what the folder behind it does", () => {
  using office = new Office();
  office.write({ left: { d: { old: "old" }, gone: "gone" } });
  using _ = mounted(office);
  const { left, right } = office;
  Deno.mkdirSync(`${right}/d/new`);
  Deno.writeTextFileSync(`${right}/d/new/a`, "0123456789".repeat(100_000));
  Deno.linkSync(`${right}/d/new/a`, `${right}/d/new/b`);
  assert.equal(Deno.lstatSync(`${left}/d/new/a`).nlink, 2);
  Deno.removeSync(`${right}/d/new/a`);
  Deno.renameSync(`${right}/d/new`, `${right}/d/moved`);
  Deno.renameSync(`${right}/d/old`, `${right}/d/moved/old`);
  Deno.removeSync(`${right}/gone`);
  const at = new Date("2024-01-15T08:30:00.250Z");
  Deno.utimeSync(`${right}/d/moved/b`, at, at);
  Deno.chmodSync(`${right}/d/moved/b`, 0o600);
  Deno.truncateSync(`${right}/d/moved/old`, 2);
  assert.deepEqual(read(right), {
    d: { moved: { b: "0123456789".repeat(100_000), old: "ol" } },
  });
  assert.deepEqual(read(left), read(right));
  for (const root of [left, right]) {
    const { mtime, mode, nlink } = Deno.lstatSync(`${root}/d/moved/b`);
    assert.equal(mtime?.getTime(), at.getTime());
    assert.equal(mode! & 0o777, 0o600);
    assert.equal(nlink, 1);
  }
});

Deno.test("a probe tells what a call to a slow share takes, and that one to a disk takes less", () => {
  using office = new Office();
  const owner = { pair: "pair", run: "run" };
  using _ = mounted(office);
  const slow = probe(office.right, owner, "")!;
  assert.ok(slow.callMs >= DELAY_MS, `${slow.callMs} ms`);
  const quick = probe(office.folder, owner, "")!;
  assert.ok(quick.callMs < DELAY_MS / 2, `${quick.callMs} ms`);
});

Deno.test("copies to a slow share wait for it side by side", async () => {
  using office = new Office();
  const few = Object.entries(stored()).slice(0, 16);
  const folders = Array.from(
    { length: 5 },
    (_, n) => [`d${n}`, Object.fromEntries(few)],
  );
  office.write({ left: Object.fromEntries(folders) });
  const behind = `${office.folder}/behind`;
  Deno.mkdirSync(behind);
  requireTool("umount");
  using share = new SlowShare(behind, office.right, DELAY_MS);
  const startedMs = performance.now();
  // Only the program has several threads.
  const { code, stderr } = await office.command("--quiet");
  const tookMs = performance.now() - startedMs;
  assert.equal(code, 0, stderr);
  const waitedMs = share.calls * DELAY_MS;
  assert.ok(tookMs < waitedMs * 0.7, `${tookMs} of ${waitedMs} ms`);
  const { ".office-sync": _own, ...copied } = read(behind);
  assert.deepEqual(copied, Object.fromEntries(folders));
});
