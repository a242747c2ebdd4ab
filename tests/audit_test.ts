import assert from "node:assert/strict";
import type { Access } from "../lib/sandbox_permissions.ts";
import { launched } from "./support/sandbox.ts";
import { Office } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

/** One use of a permission, as the runtime writes it down. */
interface Used {
  readonly permission: string;
  readonly value: string | null;
}

/** Runs the real program in its sandbox, and gives every permission it used. */
async function audit(
  office: Office,
  access: Access,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly used: readonly Used[] }> {
  const file = `${office.folder}/audit.jsonl`;
  const { flags, first } = await launched(office.config, { access });
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      `--config=${fromFileUrl("../deno.json")}`,
      ...flags,
      fromFileUrl("../main.ts"),
      first,
      ...args,
      "--config",
      office.config,
    ],
    cwd: office.folder,
    env: { DENO_AUDIT_PERMISSIONS: file },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  const lines = Deno.readTextFileSync(file).trim().split("\n");
  const all: Used[] = lines.map((line) => JSON.parse(line));
  // What a thread is to have is held against what the process has, a line for
  // each entry of its lists, which are looked at elsewhere.
  return { code, used: all.filter(({ value }) => value !== null) };
}

function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) =>
    path === folder || path.startsWith(`${folder}/`)
  );
}

/** A run with something of everything to do. */
async function busyOffice(): Promise<Office> {
  const office = new Office();
  office.write({
    left: { "a.txt": "one", d: { "b.txt": "two" }, "both.txt": "old" },
    right: { "c.txt": "three" },
  });
  await office.agree();
  Deno.removeSync(`${office.left}/c.txt`);
  Deno.renameSync(`${office.right}/a.txt`, `${office.right}/e.txt`);
  office.write({
    left: { "both.txt": "left's words", f: { "g.txt": "four" } },
    right: { "both.txt": "right's", d: { "b.txt": "changed" } },
  });
  return office;
}

Deno.test("a run uses no permission but for its roots, state, log and config", async () => {
  using office = await busyOffice();
  const { code, used } = await audit(office, "sync");
  assert.equal(code, 0);
  const mayWrite = [
    office.left,
    office.right,
    office.stateDb,
    `${office.stateDb}.lock`,
    office.log.slice(0, office.log.lastIndexOf("/")),
  ];
  const mayRead = [
    ...mayWrite,
    office.config,
    fromFileUrl("../lib"),
    // Asked for with the modules of the engine, one of which imports it; only
    // init, which has the permission, ever loads that one.
    fromFileUrl("../config.example.yaml"),
    // Looked for: what was the default while a folder had one for all configs.
    `${office.folder}/office-sync.db`,
  ];
  assert.ok(used.length > 50, "the audit saw the run");
  for (const { permission, value } of used) {
    const isFine = permission === "read"
      ? isBelow(value ?? "", mayRead)
      : permission === "write"
      ? isBelow(value ?? "", mayWrite)
      // Asked for by libraries, and ignored: it reads as unset.
      : permission === "env";
    assert.ok(isFine, `${permission} of ${value}`);
  }
});

Deno.test("a plan writes nothing but its log", async () => {
  using office = await busyOffice();
  const { code, used } = await audit(office, "plan", "plan");
  assert.equal(code, 0);
  const logs = office.log.slice(0, office.log.lastIndexOf("/"));
  for (const { permission, value } of used) {
    if (permission === "write") assert.ok(isBelow(value ?? "", [logs]), value!);
  }
});
