import assert from "node:assert/strict";
import { type CommandResult, file, Office } from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";

// Threads that throw, end or run out of memory: a program that has something
// wrong is started as the real one.

/** What stands for what, in which module. */
type Edits = readonly (readonly [module: string, from: string, to: string])[];

/**
 * A copy of the program, of which the runtime keeps what it has made of each
 * module: only one that has something wrong is compiled anew.
 */
const APP = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
Deno.mkdirSync(`${APP}/lib`);
const MODULES = [...Deno.readDirSync(fromFileUrl("../lib"))]
  .map(({ name }) => `lib/${name}`);
for (const name of ["deno.json", "deno.lock", "main.ts", ...MODULES]) {
  Deno.copyFileSync(fromFileUrl(`../${name}`), `${APP}/${name}`);
}
Deno.test.afterAll(() => Deno.removeSync(APP, { recursive: true }));

/** An office, and a program that has something wrong while it is there. */
class BrokenOffice extends Office {
  readonly #sound = new DisposableStack();

  constructor(edits: Edits) {
    super();
    for (const [module, from, to] of edits) {
      const path = `${APP}/lib/${module}`;
      const text = Deno.readTextFileSync(path);
      assert.equal(text.split(from).length, 2, `${module}: ${from}`);
      this.#sound.defer(() => Deno.writeTextFileSync(path, text));
      Deno.writeTextFileSync(path, text.replace(from, () => to));
    }
  }

  async broken(...args: readonly string[]): Promise<CommandResult> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "-A", "--no-check", `${APP}/main.ts`],
        ...[...args, "--config", this.config],
      ],
      env: this.env,
      stdin: "null",
    }).output();
    const [out = "", err = ""] = [stdout, stderr].map((it) =>
      new TextDecoder().decode(it)
    );
    return { code, stdout: out, stderr: err };
  }

  override [Symbol.dispose](): void {
    this.#sound.dispose();
    super[Symbol.dispose]();
  }
}

/** Files to be copied, one folder to be made. */
function brokenOffice(...edits: Edits): BrokenOffice {
  const office = new BrokenOffice(edits);
  return office.write({ left: { a: "1", b: "2", d: { c: "3" } } });
}

/** Nothing of a stack, and no words of the runtime. */
function assertPlain({ stdout, stderr }: CommandResult): void {
  for (const text of [stdout, stderr]) {
    assert.doesNotMatch(text, /^\s+at |Uncaught|\.ts:\d+|error: /m);
  }
}

/** That nothing was lost, and nothing is left half done. */
async function assertGoesOn(office: Office): Promise<void> {
  await office.agree();
  const { left, right } = office.trees();
  assert.deepEqual(left, { a: "1", b: "2", d: { c: "3" } });
  assert.deepEqual(right, left);
  const names = [...Deno.readDirSync(office.right)].map(({ name }) => name);
  assert.deepEqual(names.filter((it) => it.includes("-tmp-")), []);
}

const BATCH = "const end = performance.now() + this.#batch.forMs;";
const ENGINE = "code = await runProgram(args, host);";

/** For ever, but that a timer is there. */
const FOR_EVER = "await new Promise((done) => setTimeout(done, 1e9));";
const THROWS = 'setTimeout(() => { throw new Error("for a test"); }, 0);';
const REJECTS = 'void Promise.reject(new Error("for a test"));';

Deno.test("the engine that ends its process ends the program with that code, whichever way it asks", async () => {
  for (const way of ["Deno.exit(7)", "process.exit(7)"]) {
    using office = brokenOffice(["engine_worker.ts", ENGINE, `${way};`]);
    const ended = await office.broken();
    assert.equal(ended.code, 7, ended.stderr);
    assert.equal(ended.stderr, "");
  }
});

Deno.test("a thread that throws while it answers ends the run with 5, in one line", async () => {
  using office = brokenOffice(
    ["files_act.ts", BATCH, `throw new Error("for a test"); ${BATCH}`],
  );
  const ended = await office.broken();
  assert.equal(ended.code, 5, ended.stderr);
  assertPlain(ended);
  assert.equal(
    ended.stderr,
    "Something unexpected went wrong: for a test\nThe log has the details.\n",
  );
  await assertGoesOn(office);
});

for (const [what, dies] of [["throws", THROWS], ["rejects", REJECTS]]) {
  Deno.test(`a thread that ${what} where nobody listens, in the middle of a batch: its batch is unknown, named, exit code 5`, async () => {
    using office = brokenOffice(
      ["files_act.ts", BATCH, `${dies} ${FOR_EVER} ${BATCH}`],
    );
    const ended = await office.broken("--json");
    assert.equal(ended.code, 5, ended.stderr);
    assertPlain(ended);
    const { run, actions } = JSON.parse(ended.stdout);
    assert.equal(run.exitCode, 5);
    const [first, ...rest] = actions;
    assert.deepEqual([first.path, first.outcome], ["d", "failed"]);
    assert.match(first.detail, /^it is not known what became of it/);
    for (const it of rest) assert.equal(it.outcome, "skipped");
    await assertGoesOn(office);
  });

  Deno.test(`a thread that looks and ${what} where nobody listens ends the run with 5`, async () => {
    const scans = "scan: (asks, tell) => scanned(world, asks, tell),";
    const dying = "scan: async (asks, tell) => { " +
      `${dies} ${FOR_EVER} return scanned(world, asks, tell); },`;
    using office = brokenOffice(["files_look.ts", scans, dying]);
    const ended = await office.broken();
    assert.equal(ended.code, 5, ended.stderr);
    assertPlain(ended);
    assert.match(
      ended.stderr,
      /^Something unexpected went wrong: .*for a test/,
    );
    await assertGoesOn(office);
  });

  Deno.test(`the engine that ${what} where nobody listens ends the program with 5, in one line that names the log`, async () => {
    using office = brokenOffice(
      ["engine_worker.ts", ENGINE, `${dies} ${FOR_EVER} ${ENGINE}`],
    );
    const ended = await office.broken();
    assert.equal(ended.code, 5);
    assertPlain(ended);
    assert.equal(
      ended.stderr,
      "Something unexpected went wrong: for a test The log may have the " +
        `details: ${office.log}\n`,
    );
    await assertGoesOn(office);
  });
}

for (
  const told of ['{ kind: "start", id: 1, what: "engine" }', "null"]
) {
  Deno.test(`an engine that tells the main thread what it must not, ${told}, ends the program with 5, in one line`, async () => {
    using office = brokenOffice(
      [
        "engine_worker.ts",
        ENGINE,
        `tell(${told} as never); ${FOR_EVER} ${ENGINE}`,
      ],
    );
    const ended = await office.broken();
    assert.equal(ended.code, 5);
    assertPlain(ended);
    assert.match(
      ended.stderr,
      /^Something unexpected went wrong: what the engine tells.* is .*\n$/,
    );
    await assertGoesOn(office);
  });
}

Deno.test("a thread that is ended after it copied and before it answered: the next run adopts what is there", async () => {
  const answering = "this.#flushFolders();\n    const { left, right }";
  using office = brokenOffice(
    [
      "files_act.ts",
      answering,
      `if (this.#made.size > 0) ${FOR_EVER} ${answering}`,
    ],
    [
      "sandbox_threads.ts",
      "const begin: FilesBegin = {",
      `if (what === "act") setInterval(() => {
        try {
          for (const path of ["a", "b", "d/c"]) {
            Deno.lstatSync(program.roots!.right + "/" + path);
          }
        } catch {
          return;
        }
        thread.terminate();
        lost("ended for a test");
      }, 50);
      const begin: FilesBegin = {`,
    ],
  );
  const ended = await office.broken("--json");
  assert.equal(ended.code, 5, ended.stderr);
  assertPlain(ended);
  const { actions } = JSON.parse(ended.stdout);
  const unknown = actions.filter(({ outcome }: { outcome: string }) =>
    outcome === "failed"
  );
  assert.deepEqual(
    unknown.map(({ path }: { path: string }) => path).sort(),
    ["a", "b", "d/c"],
  );
  for (const { detail } of unknown) assert.match(detail, /^it is not known/);
  const next = await office.agree();
  assert.ok(next.outcomes.every(({ action }) => action.name === "NOOP"));
  await assertGoesOn(office);
});

Deno.test("where nothing is to do no thread starts that could change a file, also with old soft-deleted files to be looked for", async () => {
  const dying = 'throw new Error("for a test");';
  using office = new BrokenOffice([
    ["files_act_worker.ts", "serveThread(self, actHandlers);", dying],
  ]);
  office.configure("soft_delete: { retention_days: 1 }");
  office.write({ left: { a: file("1", { mtime: "2024-01-01T00:00:00Z" }) } });
  await office.agree();
  const quiet = await office.broken();
  assert.equal(quiet.code, 0, quiet.stderr);
  office.write({ left: { b: "2" } });
  assert.equal((await office.broken()).code, 5);
});

Deno.test("a thread that is out of memory ends the program: the launcher says so, and the next run goes on", async () => {
  const hungry = "const all: number[][] = []; " +
    "for (;;) all.push(Array.from({ length: 1e5 }, (_, n) => n + 0.5));";
  using office = brokenOffice(
    ["files_act.ts", BATCH, `${hungry} ${BATCH}`],
    ["sandbox_launcher.ts", "space-size=16384", "space-size=60"],
  );
  const { code, stdout, stderr } = await office.broken();
  assert.equal(code, 5);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /\nThe program was ended by SIG[A-Z]+: perhaps memory ran out\. .*\n$/,
  );
  await assertGoesOn(office);
});
