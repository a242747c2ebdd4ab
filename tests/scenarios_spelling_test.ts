import assert from "node:assert/strict";
import { join } from "node:path";
import { loadConfig, onDisk, requireApart } from "../lib/config_loader.ts";
import {
  type MadeFor,
  planBinary,
  sandboxPart,
} from "../lib/release_binary.ts";
import type { SandboxOptions } from "../lib/sandbox_permissions.ts";
import { IN_SANDBOX } from "../lib/started_as.ts";
import { launched } from "./support/sandbox.ts";
import { type CommandResult, Office } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

const DENO_WORDS = /Requires |--allow-(?!all)|NotCapable|SANDBOX/;

/** An office that its config names through a link above all of it. */
class Linked implements Disposable {
  readonly office = new Office();
  readonly link = `${this.office.folder}-link`;

  constructor() {
    Deno.symlinkSync(this.office.folder, this.link);
    const { config } = this.office;
    Deno.writeTextFileSync(
      config,
      `left_root: ${this.link}/left\nright_root: ${this.link}/right\n` +
        `state_db: ${this.link}/state/sync.db\n` +
        `logging: { file: ${this.link}/own/logs/sync.log }\n`,
    );
    for (const name of ["state", "own"]) {
      Deno.mkdirSync(`${this.office.folder}/${name}`);
    }
  }

  /** All of it through the link, the program too. */
  async command(...args: readonly string[]): Promise<CommandResult> {
    const program = `${this.office.folder}/program`;
    try {
      Deno.symlinkSync(fromFileUrl("../"), program);
    } catch {
      // It is there.
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-prompt", "-A", `${this.link}/program/main.ts`],
        ...[...args, "--config", `${this.link}/config.yaml`],
      ],
      cwd: this.link,
      env: this.office.env,
      stdin: "null",
    }).output();
    const [out = "", err = ""] = [stdout, stderr].map((it) =>
      new TextDecoder().decode(it)
    );
    return { code, stdout: out, stderr: err };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.link);
    this.office[Symbol.dispose]();
  }
}

Deno.test("a link above roots, state DB, log and program changes nothing: both ways are copied, the log is written, doctor is content", async () => {
  using linked = new Linked();
  const { office } = linked;
  const many = Object.fromEntries(
    Array.from({ length: 600 }, (_, n) => [`${n}`, `${n}`]),
  );
  office.write({ left: { a: "1" }, right: { b: "22", many } });
  const before = await linked.command("doctor");
  assert.equal(before.code, 0, before.stdout + before.stderr);
  const first = await linked.command();
  assert.deepEqual([first.code, first.stderr], [0, ""], first.stdout);
  const all = { a: "1", b: "22", many };
  assert.deepEqual(office.trees(), { left: all, right: all });
  office.write({ left: { b: "longer" }, right: { a: "longer too" } });
  Deno.removeSync(join(office.left, "many", "1"));
  const page = `${linked.link}/page.html`;
  const second = await linked.command("--report", page);
  assert.deepEqual([second.code, second.stderr], [0, ""], second.stdout);
  assert.equal(Deno.readTextFileSync(join(office.left, "a")), "longer too");
  assert.equal(Deno.readTextFileSync(join(office.right, "b")), "longer");
  assert.match(Deno.readTextFileSync(page), /^<!doctype html>/i);
  const log = Deno.readTextFileSync(`${office.folder}/own/logs/sync.log`);
  assert.match(log, /COPY_LEFT_TO_RIGHT path="b"/);
  for (const { stdout } of [before, first, second]) {
    assert.doesNotMatch(stdout + log, DENO_WORDS);
  }
});

/** A sandbox that names the roots only as they are written. */
const AS_WRITTEN: Partial<SandboxOptions> = {
  access: "doctor",
  onDisk: (path) => /\/(?:left|right)$/.test(path) ? path : onDisk(path),
};

/** Starts the program in it, as the launcher or as a binary. */
async function startAsWritten(
  { office, link }: Linked,
  first: string,
  ...args: readonly string[]
): Promise<CommandResult> {
  const { flags } = await launched(`${link}/config.yaml`, AS_WRITTEN);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...["run", ...flags], fromFileUrl("../main.ts"), first, ...args],
    env: office.env,
    stdin: "null",
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((it) =>
    new TextDecoder().decode(it)
  );
  return { code, stdout: out, stderr: err };
}

Deno.test("what the sandbox keeps out, whatever the reason, is told without words of Deno's, and doctor says what to do", async () => {
  using linked = new Linked();
  const { office, link } = linked;
  office.write({ left: { a: "1" }, right: { b: "22" } });
  const config = ["--config", `${link}/config.yaml`];
  const { first } = await launched(`${link}/config.yaml`, AS_WRITTEN);
  const told = await startAsWritten(linked, first, "doctor", ...config);
  assert.equal(told.code, 1, told.stdout + told.stderr);
  assert.match(
    told.stdout,
    /^PROBLEM {2}Left, writing: .*\n.*Write left_root as the disk spells it, ".*[^k]\/left"/m,
  );
  assert.deepEqual(office.trees(), { left: { a: "1" }, right: { b: "22" } });
  const { code, stdout, stderr } = await startAsWritten(
    linked,
    first,
    ...config,
  );
  const said = stdout + stderr;
  assert.equal(code, 1, said);
  assert.match(said, /the sandbox does not let the program reach it/);
  for (const text of [said, told.stdout, told.stderr]) {
    assert.doesNotMatch(text, /Requires |--allow-|NotCapable/);
  }
});

Deno.test("a binary that was made for another spelling than the disk's says so, and which", async () => {
  using linked = new Linked();
  const file = `${linked.link}/config.yaml`;
  const { first } = await launched(file, AS_WRITTEN);
  const { sandbox } = JSON.parse(first.slice(IN_SANDBOX.length));
  const config = sandboxPart(await loadConfig(file));
  const made: MadeFor = { config, sandbox, panel: sandbox.engine };
  const start = (...args: readonly string[]) =>
    startAsWritten(linked, `--made-for=${JSON.stringify(made)}`, ...args);
  for (const args of [[], ["plan"], ["doctor"]]) {
    const { code, stderr } = await start(...args);
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      /^left_root ".*-link\/left" is spelled ".*" on the di/,
    );
    assert.match(stderr, /What to do: write it so .*, and make a new one: /);
  }
  // Made here, it has both.
  const { flags } = await planBinary({ config: file });
  assert.ok(flags.at(-1)?.includes(`${onDisk(linked.link)}/left`));
  assert.ok(flags.at(-1)?.includes(`${linked.link}/left`));
});

Deno.test("a state DB, log or report that lies in a root by another name is refused with exit code 2", async () => {
  for (
    const [key, settings] of [
      ["state_db", "state_db: link/sync.db\n"],
      ["logging.file", "logging: { file: link/new/sync.log }\n"],
      ["--report", ""],
    ] as const
  ) {
    using office = new Office(settings);
    const link = `${office.folder}/link`;
    Deno.symlinkSync(office.right, link);
    const args = key === "--report" ? [key, `${link}/page.html`] : [];
    for (const command of ["sync", "plan"]) {
      const { code, stderr } = await office.launchHere(command, ...args);
      assert.equal(code, 2, key);
      assert.match(
        stderr,
        new RegExp(
          `^${key}: ".*/link/.*" lies in right_root, for it is ".*/right/`,
        ),
      );
    }
    assert.deepEqual(office.trees().right, {});
  }
});

Deno.test("how the disk spells a path is told of what is not there yet, too", () => {
  using office = new Office();
  const link = `${office.folder}/link`;
  Deno.symlinkSync(office.right, link);
  assert.equal(
    onDisk(`${link}/d/e`),
    join(Deno.realPathSync(office.right), "d/e"),
  );
  assert.equal(onDisk("/"), "/");
  assert.equal(onDisk("/nowhere/at/all"), "/nowhere/at/all");
  const config = {
    roots: { left: office.left, right: office.right },
    stateDb: office.stateDb,
    logging: { file: office.log },
  };
  requireApart(config, `${office.folder}/page.html`);
  assert.throws(() => requireApart(config, `${link}/page.html`), /lies in/);
});
