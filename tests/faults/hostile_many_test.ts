import assert from "node:assert/strict";
import { write } from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";
import { note, QuickOffice, rests, told } from "./support.ts";

Deno.test("100,000 files in one folder are synced, and an edit among them", async () => {
  // On a disk each copy is flushed, which takes minutes and shows nothing more.
  using office = new QuickOffice();
  const folder = `${office.left}/many`;
  Deno.mkdirSync(folder);
  for (let n = 0; n < 100_000; n++) {
    Deno.openSync(`${folder}/f${n}`, { create: true, write: true }).close();
  }
  const first = await told(office.config);
  assert.equal(first.code, 0, JSON.stringify(first.document.guard));
  assert.equal(first.document.summary.COPY_LEFT_TO_RIGHT, 100_000);
  const second = await rests(office.config);
  write(office.right, { many: { "f77": "edited" } });
  Deno.removeSync(`${office.right}/many/f78`);
  const third = await told(office.config);
  assert.deepEqual([...third.lines].sort(), [
    "COPY_RIGHT_TO_LEFT many/f77",
    "SOFT_DELETE_LEFT many/f78",
  ]);
  const seconds = [first, second, third].map(({ tookMs }) =>
    `${(tookMs / 1000).toFixed(1)} s`
  );
  note(`100,000 files: copied in ${seconds[0]}, then ${seconds.slice(1)}`);
});

Deno.test("a first meeting of 60,000 equal files a side takes less than 220 MB", async () => {
  using office = new QuickOffice();
  for (const root of [office.left, office.right]) {
    for (let folder = 0; folder < 60; folder++) {
      Deno.mkdirSync(`${root}/d${folder}`);
      for (let n = 0; n < 1000; n++) {
        const path = `${root}/d${folder}/a file of an office ${n}.txt`;
        Deno.openSync(path, { create: true, write: true }).close();
        Deno.utimeSync(path, 1_700_000_000 + n, 1_700_000_000 + n);
      }
    }
  }
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "-A", fromFileUrl("../main.ts")],
      ...["--config", office.config, "--quiet"],
    ],
    stdin: "null",
  }).spawn();
  // The launcher's own child is the run.
  let peakKb = 0;
  const watching = setInterval(() => {
    peakKb = Math.max(peakKb, ...childrenOf(child.pid).map(peakOf));
  }, 50);
  const { code } = await child.status;
  clearInterval(watching);
  assert.equal(code, 0);
  const mb = Math.round(peakKb / 1024);
  note(`60,000 equal files: ${mb} MB`);
  assert.ok(mb > 40 && mb < 220, `${mb} MB`);
});

/** Any thread of a process may have started one. */
function childrenOf(pid: number): string[] {
  try {
    const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
    return threads.flatMap(({ name }) =>
      Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ")
    ).filter((id) => id !== "");
  } catch {
    return [];
  }
}

/** The most memory that a process had so far, in kB. */
function peakOf(pid: string): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
