import assert from "node:assert/strict";
import { join } from "node:path";
import { type CommandResult, read } from "../support/support.ts";
import {
  copyPortable,
  linesOf,
  Office,
  old,
  output,
  PORTABLE_COMMAND,
  put,
  shortPath,
} from "./support.ts";

const DENO_WORDS = /Requires |--allow-(?!all)|NotCapable|SANDBOX/;

/** How two folders are spelled, from how the disk spells them. */
const SPELLINGS: readonly (readonly [string, (path: string) => string])[] = [
  [
    "in other letters",
    (path) => path.replace("Ärger", "ärger").replace("Über", "ÜBER"),
  ],
  ["by short names", shortPath],
  ["with the prefix \\\\?\\", (path) => `\\\\?\\${path}`],
];

for (const [how, spell] of SPELLINGS) {
  Deno.test(`roots and log folder that are spelled ${how} are synced both ways, inside the sandbox`, async () => {
    const own = (dir: string) =>
      Deno.makeTempDirSync({ dir, prefix: "office-sync-test-" });
    const [left, right] = [own("C:\\"), own("P:\\")].map((it) =>
      join(it, "Ärger im Büro", "Über die Maßen")
    ) as [string, string];
    for (const it of [left, right]) Deno.mkdirSync(it, { recursive: true });
    using office = new Office("", { left: spell(left), right: spell(right) });
    const logs = join(office.folder, "Über das Protokoll");
    Deno.mkdirSync(logs);
    office.configure(
      `logging: { file: '${spell(logs)}\\x.log' }\n`,
    );
    put(left, "a", "1");
    put(right, "b", "22");
    const lines = linesOf(await office.ends(0)).sort();
    assert.deepEqual(lines, ["COPY_LEFT_TO_RIGHT a", "COPY_RIGHT_TO_LEFT b"]);
    for (const it of [left, right]) {
      assert.deepEqual(read(it), { a: "1", b: "22" });
    }
    const doctor = await office.command("doctor");
    assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr);
    const log = Deno.readTextFileSync(join(logs, "x.log"));
    assert.match(log, /COPY_LEFT_TO_RIGHT path="a"/);
    assert.doesNotMatch(log + doctor.stdout, DENO_WORDS);
    await office.rests();
    for (const it of [left, right]) {
      Deno.removeSync(join(it, "..", ".."), { recursive: true });
    }
  });
}

/** As it is typed into a Command Prompt, quotes and all. */
function typed(
  line: string,
  options: Deno.CommandOptions = {},
  flags = "/d",
): Promise<CommandResult> {
  return output(["cmd.exe", flags, "/s", "/c", `"${line}"`], {
    windowsRawArguments: true,
    ...options,
  });
}

Deno.test("a program that is spelled otherwise, in a folder with ! and & in its name and broken settings above, syncs", async () => {
  using office = new Office().write({
    left: { a: old("1") },
  });
  const above = join(office.folder, "Über ! & Co");
  const program = copyPortable(join(above, "Büro!x!"));
  Deno.writeTextFileSync(join(above, "deno.json"), "{ broken");
  Deno.writeTextFileSync(join(above, "package.json"), "{ broken");
  const spelled = program.replace("Über", "über").replace("Büro", "BÜRO");
  for (const [n, command] of [program, spelled].entries()) {
    office.write({ left: { [`b${n}`]: old("22") } });
    // With delayed expansion, as the registry may say for every prompt.
    const { code, stdout, stderr } = await typed(
      `"${command}" --config "${office.config}"`,
      { env: { DENO_V8_FLAGS: "--help", NODE_OPTIONS: "--require C:\\no.js" } },
      "/v:on /d",
    );
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /Both sides agree/);
    assert.equal(Deno.readTextFileSync(office.at("right", `b${n}`)), "22");
  }
});

Deno.test("settings for other programs of Deno and Node don't reach a run, nor does a variable ERRORLEVEL", async () => {
  using office = new Office("safety: { max_delete_files: -1 }\n");
  const { code, stderr } = await output(office.words(), {
    env: {
      DENO_V8_FLAGS: "--help",
      DENO_PERMISSION_BROKER_PATH: "\\\\.\\pipe\\nowhere",
      NODE_CHANNEL_FD: "5",
      deno_tokio_event_interval: "often",
      ERRORLEVEL: "0",
    },
  });
  assert.equal(code, 2, stderr);
  assert.match(stderr, /max_delete_files/);
});

Deno.test("a backslash before a closing quote is told of, and no other config is used", async () => {
  using office = new Office();
  Deno.writeTextFileSync(join(office.folder, "config.yaml"), "not: this one\n");
  const { code, stderr } = await typed(
    `"${PORTABLE_COMMAND}" restore "Ordner A\\" --config "${office.config}"`,
    { cwd: office.folder },
  );
  assert.equal(code, 2, stderr);
  assert.match(stderr, /double quote.*Ordner A" --config .*A backslash before/);
});

/** [what follows the command, exit code, what is said] */
const TYPED: readonly (readonly [string, number, RegExp])[] = [
  ["/?", 0, /Usage: office-sync/],
  ["plan /?", 0, /Usage: office-sync plan/],
  ["plan --report nul", 2, /--report: "nul"/],
  ["plan --report nul.html", 2, /another name, as nul\.html is a device/],
  ["plan --report \\\\.\\nul.html", 2, /a path that begins with a drive/],
  ["schedule windows --write con", 2, /con is a device/],
  ["plan --config C:config.yaml", 2, /a path in full, such as P:\\/],
];

Deno.test("what only looks like a path of a file, and /?, is answered in words", async () => {
  using office = new Office();
  for (const [words, exitCode, said] of TYPED) {
    const config = words.includes("--config")
      ? ""
      : ` --config "${office.config}"`;
    const { code, stdout, stderr } = await typed(
      `"${PORTABLE_COMMAND}" ${words}${config}`,
    );
    assert.equal(code, exitCode, words + stdout + stderr);
    assert.match(stdout + stderr, said, words);
  }
});

Deno.test("a root that Windows has not, or has under another name, is refused with exit code 2", async () => {
  for (
    const [right, said] of [
      ["P:", /right_root: found "P:"; allowed: a path in full, such as P:\\/],
      ["'P:\\data '", /found "P:\\data "; allowed: "P:\\data", without blank/],
      ["'P:\\con'", /con is a device/],
      ["'\\\\?\\Volume{1}\\x'", /a path that begins with a drive or a share/],
    ] as const
  ) {
    using office = new Office();
    Deno.writeTextFileSync(
      office.config,
      `left_root: '${office.left}'\nright_root: ${right}\n`,
    );
    const { code, stderr } = await office.command("plan");
    assert.equal(code, 2, stderr);
    assert.match(stderr, said);
  }
});
