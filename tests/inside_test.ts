import assert from "node:assert/strict";
import {
  cleanEnvironment,
  runInSandbox,
  V8_FLAGS,
} from "../lib/sandbox_launcher.ts";

Deno.test("a run may take more memory than a PC has: the system pages it out", () => {
  const limit = 'import v8 from "node:v8";' +
    "console.log(v8.getHeapStatistics().heap_size_limit)";
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["eval", V8_FLAGS, limit],
  }).outputSync();
  const bytes = Number(new TextDecoder().decode(stdout));
  assert.ok(bytes >= 16 * 1024 ** 3, `${bytes} bytes`);
});

/** Settings that end a program at its start, or let others into it. */
const FOREIGN = {
  DENO_V8_FLAGS: "--help",
  NODE_OPTIONS: "--require /nowhere.js",
  DENO_TOKIO_EVENT_INTERVAL: "often",
  DENO_UNSTABLE_CONTROL_SOCK: "/nowhere",
  DENO_PERMISSION_BROKER_PATH: "/nowhere",
  NODE_CHANNEL_FD: "5",
  OTEL_DENO: "true",
  DENO_NEVER_HEARD_OF: "1",
  SSLKEYLOGFILE: "/nowhere/keys",
};

Deno.test("settings that are made for other programs of Deno and Node don't reach the program", async () => {
  const folder = Deno.makeTempDirSync();
  const program = `${folder}/program.js`;
  Deno.writeTextFileSync(
    program,
    `const names = ${JSON.stringify(Object.keys(FOREIGN))};
    Deno.exit(names.some((it) => Deno.env.has(it)) ? 1 : 7);`,
  );
  try {
    for (const [name, value] of Object.entries(FOREIGN)) {
      Deno.env.set(name, value);
    }
    const code = await runInSandbox(["--no-prompt", "--allow-env"], [program]);
    assert.equal(code, 7);
  } finally {
    for (const name of Object.keys(FOREIGN)) Deno.env.delete(name);
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("what a mail's certificate and an audit need, and all that is not Deno's, is left", () => {
  const kept = {
    PATH: "/bin",
    DENO_CERT: "/c.pem",
    DENO_TLS_CA_STORE: "system",
    NODE_EXTRA_CA_CERTS: "/d.pem",
    DENO_DIR: "/cache",
    DENO_AUDIT_PERMISSIONS: "/used.jsonl",
    OFFICE_PASSWORD: "1",
    MY_DENO_X: "1",
    NO_COLOR: "1",
  };
  assert.deepEqual(cleanEnvironment({ ...FOREIGN, ...kept }), kept);
  assert.equal(cleanEnvironment({}), null, "there is nothing to be seen");
});
