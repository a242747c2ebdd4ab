import assert from "node:assert/strict";
import { doctor } from "../lib/command_doctor.ts";
import { restore } from "../lib/command_restore.ts";
import { why } from "../lib/command_why.ts";
import { loadConfig } from "../lib/config_loader.ts";
import type { Config } from "../lib/config_schema.ts";
import { filesHere } from "../lib/files_handlers.ts";
import { newRunId, runSync } from "../lib/run.ts";
import type { SyncOptions } from "../lib/run_types.ts";
import type { Files } from "../lib/wire_port.ts";
import {
  actions,
  describe,
  file,
  MemoryOffice,
  softDeleted,
} from "./support/support.ts";
import { replaceCall } from "./support/system_calls.ts";

/** A config whose roots are nowhere, and what answers for real ones. */
async function elsewhere(
  office: MemoryOffice,
): Promise<{ config: Config; files: Files }> {
  const config = await loadConfig(office.config);
  const roots = { left: "/nowhere/left", right: "/nowhere/right" };
  return { config: { ...config, roots }, files: filesHere(config.roots) };
}

function filled(): MemoryOffice {
  const office = new MemoryOffice("soft_delete: { retention_days: 1 }\n");
  const old = { mtime: "2024-01-01T00:00:00Z" };
  office.write({
    left: { d: { a: file("1", old) }, touched: file("2", old) },
    right: { d: { a: file("1", old) }, gone: { b: "3" } },
  });
  return office;
}

async function run(office: MemoryOffice, options: Partial<SyncOptions> = {}) {
  const { config, files } = await elsewhere(office);
  return await runSync(newRunId(Date.now()), config, {
    files,
    isDryRun: false,
    allowed: { deletes: true, changes: true },
    acceptRoots: false,
    listUnchanged: false,
    ...options,
  }, { onOutcome() {}, onProblem() {}, onWarning() {} });
}

/** What a command prints. */
async function printed(command: () => Promise<number>): Promise<string> {
  let said = "";
  using _ = replaceCall(Deno.stdout, "writeSync", (_real, bytes) => {
    said += new TextDecoder().decode(bytes as unknown as Uint8Array);
    return bytes!.length;
  });
  await command();
  return said;
}

Deno.test("what decides knows no root by its path: a run that does something of everything", async () => {
  using office = filled();
  const first = await run(office);
  assert.equal(first.exitCode, 0, describe(first));
  const all = { d: { a: "1" }, touched: "2", gone: { b: "3" } };
  assert.deepEqual(office.trees(), { left: all, right: all });
  office.write({
    left: { clash: "left", touched: "edited", new: {} },
    right: { clash: "the right one" },
  });
  Deno.removeSync(`${office.right}/gone`, { recursive: true });
  Deno.renameSync(`${office.right}/d`, `${office.right}/renamed`);
  const second = await run(office);
  assert.equal(second.exitCode, 0, describe(second));
  const { left, right } = office.trees();
  assert.deepEqual(left, right);
  const names = Object.keys(left);
  assert.deepEqual(names.filter((it) => !it.startsWith("clash.")), [
    "clash",
    "new",
    "renamed",
    "touched",
  ]);
  assert.equal(names.length, 5);
  assert.deepEqual(softDeleted(office.left), { "gone/b": "3" });
});

Deno.test("what decides knows no root by its path: a plan, and a run with nothing to do", async () => {
  using office = filled();
  const first = await run(office, { isDryRun: true });
  assert.equal(first.exitCode, 0, describe(first));
  assert.deepEqual(actions(first).sort(), [
    "COPY_LEFT_TO_RIGHT touched",
    "COPY_RIGHT_TO_LEFT gone/b",
    "CREATE_DIR_LEFT gone",
  ]);
  await office.agree();
  const same = await run(office);
  assert.equal(same.exitCode, 0, describe(same));
  assert.deepEqual(actions(same), []);
  Deno.removeSync(`${office.right}/gone`, { recursive: true });
  // What is compared is read there, too.
  Deno.utimeSync(`${office.left}/touched`, 1_700_000_000, 1_700_000_000);
  const plan = await run(office, { isDryRun: true });
  assert.deepEqual(
    actions(plan).sort(),
    [
      "RENAME_RIGHT touched",
      "REMOVE_DIR_LEFT gone",
      "SOFT_DELETE_LEFT gone/b",
    ].sort(),
  );
});

Deno.test("what decides knows no root by its path: restore", async () => {
  using office = filled();
  await office.agree();
  Deno.removeSync(`${office.left}/gone`, { recursive: true });
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  await office.agree();
  // What is there already is read there, too.
  office.write({ right: { d: { a: "1" } } });
  const { config, files } = await elsewhere(office);
  const asked = {
    command: "restore",
    config: "",
    path: "",
    from: null,
  } as const;
  const more = { isList: false, isJson: true, to: "both" } as const;
  const told = await printed(() =>
    restore({ ...asked, ...more, path: "./", isForced: true }, config, files)
  );
  assert.equal(JSON.parse(told).exitCode, 0, told);
  const all = { d: { a: "1" }, touched: "2", gone: { b: "3" } };
  assert.deepEqual(office.trees(), { left: all, right: all });
});

Deno.test("what decides knows no root by its path: why, and the doctor", async () => {
  using office = filled();
  await office.agree();
  const { config, files } = await elsewhere(office);
  const told = await printed(() =>
    why(
      { command: "why", config: "", path: "d/a", isJson: true },
      config,
      files,
    )
  );
  assert.equal(JSON.parse(told).left.kind, "file", told);
  const found = await printed(() =>
    doctor({ command: "doctor", config: "", isJson: true }, config, files)
  );
  const checks: readonly { check: string; status: string; says: string }[] =
    JSON.parse(found).checks;
  const bad = checks.filter(({ status, check }) =>
    status !== "ok" && check !== "permissions"
  );
  assert.deepEqual(bad, []);
  const [real] = checks.filter(({ check }) => check === "real path");
  assert.ok(real!.says.includes(Deno.realPathSync(office.left)), real!.says);
});
