import assert from "node:assert/strict";
import { join } from "node:path";
import { read } from "../support/support.ts";
import type { Keys, Pressed } from "./keyboard.ts";
import {
  LONG_AGO,
  Office,
  old,
  output,
  PORTABLE_COMMAND,
  PROJECT,
} from "./support.ts";

// A hole costs no disk, and reading it takes longer than any test.
const LONG_BYTES = 100 * 1024 ** 3;

/** An office with one action that takes a while, and one before it. */
function slowOffice(): Office {
  const office = new Office().write({ left: { a: {} } });
  using long = Deno.createSync(office.at("left", "long"));
  long.truncateSync(LONG_BYTES);
  long.utimeSync(new Date(LONG_AGO), new Date(LONG_AGO));
  return office;
}

/** Without cmd.exe, which would ask whether to end the batch job. */
async function press(
  office: Office,
  how: Pick<Keys, "folder" | "prefix" | "times">,
): Promise<Pressed> {
  const portable = join(PORTABLE_COMMAND, "..");
  const keys: Keys = {
    words: [
      join(portable, "deno.exe"),
      ...["run", "--no-prompt", "--no-lock", "--cached-only", "--ignore-env"],
      ...["--allow-read", "--allow-run"],
      ...[`--config=${join(portable, "deno.json")}`],
      ...[join(portable, "lib", "main.js"), "--config", office.config],
    ],
    ...how,
  };
  const { code, stdout, stderr } = await output([
    ...[Deno.execPath(), "run", "--allow-all"],
    ...[join(PROJECT, "tests", "windows", "keyboard.ts"), JSON.stringify(keys)],
  ]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** The next run does the rest. */
async function assertGoesOn(office: Office): Promise<void> {
  Deno.removeSync(office.at("left", "long"));
  office.write({ left: { long: old("short") } });
  await office.does(["COPY_LEFT_TO_RIGHT long"]);
  office.holds({ a: {}, long: "short" });
  await office.rests();
}

Deno.test("Ctrl+C in a long copy ends the run with 130 at once; the record is true, and the next run goes on", async () => {
  using office = slowOffice();
  const { code, stdout, stderr, tookMs } = await press(office, {
    folder: office.right,
    prefix: ".office-sync-tmp-",
    times: 1,
  });
  assert.equal(code, 130, stdout + stderr);
  assert.match(stderr, /1 of 2 actions done\. The next run does the rest/);
  assert.ok(tookMs < 15_000, `not at once: ${tookMs} ms`);
  assert.deepEqual(read(office.right), { a: {} });
  const log = Deno.readTextFileSync(office.log);
  assert.match(log, /WARNING .* interrupted: .*1 of 2 actions done\./);
  assert.match(log, /ended with exit code 130\r?\n$/);
  await assertGoesOn(office);
});

Deno.test("a second Ctrl+C ends a run at once that can't end yet", async () => {
  // A mail server that says nothing.
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using office = new Office(
    `email: { smtp_host: 127.0.0.1, smtp_port: ${server.addr.port}, ` +
      "security: none, from: a@b.c, to: a@b.c }\n",
  );
  office.write({
    left: { a: old("1") },
    right: { a: old("22", 1) },
  });
  const pressing = press(office, {
    folder: office.folder,
    prefix: "called",
    times: 2,
  });
  const call = await server.accept();
  Deno.writeTextFileSync(`${office.folder}\\called`, "");
  const { code, stdout, stderr, tookMs } = await pressing;
  call.close();
  assert.ok(tookMs < 15_000, `not at once: ${tookMs} ms`);
  assert.equal(code, 130, stdout + stderr);
  office.configure("");
  await office.rests();
});
