import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { timeMark } from "../lib/names.ts";
import { takeLock } from "../lib/state_db.ts";
import {
  file,
  MemoryOffice,
  Office,
  softDeleted,
  type Tree,
  write,
} from "./support/support.ts";
import { replaceCall } from "./support/system_calls.ts";

/** The command `purge`: soft-deleted versions go for good, now. */

const DAY_MS = 24 * 60 * 60 * 1000;

function pairOf(office: Office): string {
  using db = new DatabaseSync(office.stateDb);
  const sql = "SELECT value FROM meta WHERE key = 'pair'";
  return String(db.prepare(sql).get()?.value);
}

/** Puts a tree where a run so many days ago would have soft-deleted it. */
function put(root: string, days: number, pair: string, tree: Tree): string {
  const at = new Date(Date.now() - days * DAY_MS);
  const name = `${timeMark(at.getTime())}-${pair}`;
  write(root, { ".office-sync": { deleted: { [name]: tree } } });
  const folder = `${root}/.office-sync/deleted/${name}`;
  Deno.utimeSync(folder, at, at);
  return folder;
}

/** An office with old and young versions, and another PC's. */
async function begin<T extends Office>(office: T): Promise<T> {
  office.write({ left: { "a.txt": file("a", { mtime: 1e12 }) } });
  await office.agree();
  const pair = pairOf(office);
  put(office.left, 40, pair, { old: "12345", d: { e: "1" } });
  put(office.left, 3, pair, { young: "12" });
  put(office.right, 50, pair, { right: "123" });
  put(office.right, 60, "other1", { others: "1" });
  return office;
}

const OTHERS = { others: "1" };

Deno.test("purge --yes removes all versions of this pair, on both sides, and says what and how much", async () => {
  using office = await begin(new MemoryOffice());
  const { code, stdout, stderr } = await office.commandHere("purge", "--yes");
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines[0], "4 soft-deleted versions, 11 bytes:");
  assert.match(
    lines[1]!,
    /^ {2}Left: 3 soft-deleted versions, 8 bytes, of 2 runs, the oldest of \d{4}-/,
  );
  assert.match(
    lines[2]!,
    /^ {2}Right: 1 soft-deleted version, 3 bytes, of 1 run, /,
  );
  assert.equal(
    lines[3],
    "Removed for good: 4 soft-deleted versions, 11 bytes.",
  );
  assert.deepEqual(softDeleted(office.left), {});
  assert.deepEqual(softDeleted(office.right), OTHERS);
  assert.deepEqual(office.trees().left, { "a.txt": "a" });
  const again = await office.commandHere("purge");
  assert.deepEqual([again.code, again.stdout], [
    0,
    "There is nothing to remove.\n",
  ]);
  const log = Deno.readTextFileSync(office.log);
  assert.match(
    log,
    / INFO .*removed for good on Left: \.office-sync\/deleted\/.*, 2 soft-deleted versions, 6 bytes/,
  );
});

Deno.test("purge --older-than removes what is older, and nothing else", async () => {
  using office = await begin(new MemoryOffice());
  const args = ["purge", "--older-than", "30", "--yes"];
  const { code, stdout } = await office.commandHere(...args);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^3 soft-deleted versions, 9 bytes, older than 30 days:\n/,
  );
  assert.deepEqual(softDeleted(office.left), { young: "12" });
  assert.deepEqual(softDeleted(office.right), OTHERS);
  const again = await office.commandHere(...args);
  assert.equal(
    again.stdout,
    "There is nothing to remove that is older than 30 days.\n",
  );
});

Deno.test("purge without --yes, where nobody can be asked, says what it would do in one line, ends with 2 and removes nothing", async () => {
  using office = await begin(new MemoryOffice());
  const { code, stdout, stderr } = await office.commandHere("purge");
  assert.deepEqual([code, stdout, stderr], [
    2,
    "",
    "4 soft-deleted versions, 11 bytes would be removed for good; do so with --yes.\n",
  ]);
  const { error } = await office.json("purge");
  assert.equal(error.code, 2);
  assert.equal(Object.keys(softDeleted(office.left)).length, 3);
  assert.deepEqual((await office.json("history")).runs.length, 1);
});

/** The command at a terminal, at which this is typed. */
async function asked(
  office: Office,
  typed: string,
  onKey = () => {},
): Promise<{ readonly code: number; readonly said: string }> {
  const keys = new TextEncoder().encode(typed);
  let [at, said] = [0, ""];
  using stack = new DisposableStack();
  const { launchedHost, runProgram } = await import("../lib/cli_program.ts");
  const { filesHere } = await import("../lib/files_handlers.ts");
  stack.use(replaceCall(Deno.stdin, "isTerminal", () => true));
  stack.use(replaceCall(Deno.stdin, "setRaw", () => {}));
  stack.use(replaceCall(Deno.stdin, "readSync", (_, into) => {
    onKey();
    (into as unknown as Uint8Array)[0] = keys[at++]!;
    return 1;
  }));
  for (const name of ["stdout", "stderr"] as const) {
    stack.use(replaceCall(Deno[name], "writeSync", (_, bytes) => {
      said += new TextDecoder().decode(bytes as unknown as Uint8Array);
      return (bytes as unknown as Uint8Array).length;
    }));
  }
  const host = launchedHost(null, (roots) => Promise.resolve(filesHere(roots)));
  const code = await runProgram(["purge", "--config", office.config], host);
  return { code, said };
}

for (
  const [typed, isRemoved] of [
    ["yes\r", true],
    ["no\r", false],
    ["\r", false],
    ["y\ryes\r", true],
  ] as const
) {
  Deno.test(`purge asks at a terminal: ${JSON.stringify(typed)}`, async () => {
    using office = await begin(new MemoryOffice());
    const { code, said } = await asked(office, typed);
    assert.equal(code, 0);
    assert.ok(
      said.indexOf("Left: 3 soft-deleted") <
        said.indexOf("Remove them for good"),
      said,
    );
    assert.match(
      said,
      isRemoved ? /Removed for good: 4 / : /Nothing was removed\./,
    );
    assert.equal(
      Object.keys(softDeleted(office.left)).length,
      isRemoved ? 0 : 3,
    );
  });
}

Deno.test("purge holds no run up while it asks, and removes nothing but what it has shown", async () => {
  using office = await begin(new MemoryOffice());
  let isFree = false;
  const { code, said } = await asked(office, "yes\r", () => {
    takeLock(office.stateDb)[Symbol.dispose]();
    isFree = true;
    // Somebody's run soft-deletes more meanwhile.
    const [run] = Deno.readDirSync(`${office.left}/.office-sync/deleted`);
    write(office.left, {
      ".office-sync": { deleted: { [run!.name]: { more: "" } } },
    });
  });
  assert.deepEqual([code, isFree], [1, true], said);
  assert.match(said, /not any more what was shown: nothing was removed/);
  assert.equal(Object.keys(softDeleted(office.left)).length, 4);
});

Deno.test("purge: one JSON document, and a run in the history that is no run of both folders", async () => {
  using office = await begin(new MemoryOffice());
  assert.deepEqual(await office.json("purge", "--yes"), {
    exitCode: 0,
    removed: { left: { files: 3, bytes: 8 }, right: { files: 1, bytes: 3 } },
    failed: [],
  });
  assert.deepEqual(await office.json("purge", "--yes"), {
    exitCode: 0,
    removed: { left: { files: 0, bytes: 0 }, right: { files: 0, bytes: 0 } },
    failed: [],
  });
  const { runs } = await office.json("history");
  assert.equal(runs.length, 2);
  assert.equal(runs[0].summary.purged, 4);
  const { stdout } = await office.commandHere("history");
  assert.match(stdout.split("\n")[0]!, /exit 0 {2}removed for good 4$/);
  await office.agree();
});

Deno.test("purge tells what can't be removed, and ends with 1", async () => {
  using office = await begin(new MemoryOffice());
  const [old] = [...Deno.readDirSync(`${office.right}/.office-sync/deleted`)]
    .map(({ name }) => name).filter((name) => !name.endsWith("other1"));
  const folder = `${office.right}/.office-sync/deleted/${old}`;
  Deno.chmodSync(folder, 0o500);
  try {
    const { code, stdout } = await office.humbleHere("purge", "--yes");
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^Not removed on Right: \.office-sync\/deleted\/.*\/right \(/m,
    );
    assert.deepEqual(softDeleted(office.right), { right: "123", ...OTHERS });
    assert.deepEqual(softDeleted(office.left), {});
  } finally {
    Deno.chmodSync(folder, 0o700);
  }
});

Deno.test("purge removes nothing while a run is active, nor from roots that are not those that are known", async () => {
  using office = await begin(new MemoryOffice());
  {
    using _lock = takeLock(office.stateDb);
    assert.equal((await office.commandHere("purge", "--yes")).code, 4);
    // What a run soft-deletes just now could not be told in full.
    assert.equal((await office.commandHere("purge")).code, 4);
  }
  Deno.removeSync(`${office.left}/.office-sync/root.json`);
  assert.equal((await office.commandHere("purge", "--yes")).code, 3);
  assert.equal(Object.keys(softDeleted(office.left)).length, 3);
});

Deno.test("purge takes no strange age, and does nothing before the first run", async () => {
  using office = new MemoryOffice();
  for (const age of ["-1", "x", "1.5"]) {
    const { code, stderr } = await office.commandHere(
      "purge",
      `--older-than=${age}`,
    );
    assert.equal(code, 2);
    assert.match(stderr, /--older-than/);
  }
  const { code, stdout } = await office.commandHere("purge", "--yes");
  assert.deepEqual([code, stdout], [0, "There is nothing to remove.\n"]);
});

Deno.test("the real command purges in its sandbox", async () => {
  using office = await begin(new Office());
  assert.equal((await office.command("purge")).code, 2);
  const { code, stdout } = await office.command("purge", "--yes");
  assert.equal(code, 0);
  assert.match(stdout, /Removed for good: 4 soft-deleted versions/);
  assert.deepEqual(softDeleted(office.right), OTHERS);
});
