/**
 * A place to try a sandbox: folders and files of a config, their
 * neighbours, and a program that tries what it is told.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadConfig, onDisk } from "../../lib/config_loader.ts";
import type { Started } from "../../lib/sandbox_launcher.ts";
import {
  type SandboxConfig,
  sandboxFlags,
  sandboxOf,
  type SandboxOptions,
} from "../../lib/sandbox_permissions.ts";
import { IN_SANDBOX } from "../../lib/started_as.ts";
import { fromFileUrl } from "./urls.ts";

/** Tries what it is told, one thing after the other, and tells how it went. */
export const PROBE = `
import process from "node:process";
import { statfsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
const refuse = ({ message }) => {
  throw new Deno.errors.NotCapable(message);
};
const tries = {
  read: (path) => Deno.readTextFileSync(path),
  list: (path) => [...Deno.readDirSync(path)].length,
  write: (path) => Deno.writeTextFileSync(path, "new"),
  remove: (path) => Deno.removeSync(path),
  makeFolder: (path) => Deno.mkdirSync(path, { recursive: true }),
  env: (name) => [Deno.env.get(name) ?? null, process.env[name] ?? null],
  allEnv: () => Object.keys(Deno.env.toObject()),
  connect: async (host, port) => (await Deno.connect({ hostname: host, port })).close(),
  listen: () => Deno.listen({ port: 0 }).close(),
  run: (path) => new Deno.Command(path).outputSync().code,
  library: () => Deno.dlopen("libc.so.6", {}),
  sys: () => Deno.hostname(),
  room: (path) => statfsSync(path).bsize > 0,
  load: async (from) => {
    try {
      await import(from);
    } catch (error) {
      // A host that is down fails with the same name.
      if (/Requires (import|read) access/.test(error.message)) refuse(error);
      throw error;
    }
  },
  worker: (path) => new Promise((done, failed) => {
    const worker = new Worker(import.meta.resolve(path), { type: "module" });
    worker.onmessage = ({ data }) => (worker.terminate(), done(data));
    worker.onerror = (event) => {
      event.preventDefault();
      failed(new Error(event.message));
    };
  }).catch((error) => /Requires read access/.test(error.message) && refuse(error)),
  readDb: (path) => {
    using db = new DatabaseSync(path, { readOnly: true });
    return db.prepare("SELECT count(*) AS n FROM t").get().n;
  },
  writeDb: (path) => {
    using db = new DatabaseSync(path);
    db.exec("PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (1)");
  },
};
const results = [];
for (const [what, ...args] of JSON.parse(Deno.args.at(-1))) {
  try {
    results.push({ ok: (await tries[what](...args)) ?? null });
  } catch (error) {
    results.push({ failed: error.name });
  }
}
console.log(JSON.stringify(results));
`;

/**
 * How the launcher starts the program for a config: the flags, and the first
 * argument.
 */
export async function launched(
  configFile: string,
  changes: Partial<SandboxOptions> = {},
): Promise<{ readonly flags: readonly string[]; readonly first: string }> {
  const config = await loadConfig(configFile);
  const { flags, ...sandbox } = sandboxOf(config, {
    access: "sync",
    programFolder: fromFileUrl("../lib"),
    outputFile: null,
    realRoots: [],
    onDisk,
    ...changes,
  });
  const started: Started = {
    sandbox,
    roots: config.roots,
    looks: true,
    shows: false,
    stateDb: config.stateDb,
    logFile: config.logging.file,
    handed: null,
  };
  return { flags, first: IN_SANDBOX + JSON.stringify(started) };
}

export type Try = readonly [what: string, ...args: (string | number)[]];

/** A config whose folders and files are there, and a neighbour of each. */
export class Place implements Disposable {
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly config: SandboxConfig;
  readonly program = this.at("app", "probe.ts");

  constructor(
    changes: (place: Place) => Partial<SandboxConfig> = () => ({}),
  ) {
    for (const name of ["left", "right", "other", "app", "conf", "logs"]) {
      Deno.mkdirSync(this.at(name));
      Deno.writeTextFileSync(this.at(name, "a.txt"), name);
    }
    Deno.writeTextFileSync(this.program, PROBE);
    Deno.writeTextFileSync(this.at("app", "worker.ts"), "postMessage('hi')");
    Deno.writeTextFileSync(this.at("other", "worker.ts"), "postMessage('hi')");
    Deno.writeTextFileSync(this.at("conf", "config.yaml"), "config");
    this.config = {
      file: this.at("conf", "config.yaml"),
      roots: { left: this.at("left"), right: this.at("right") },
      stateDb: this.at("conf", "sync.db"),
      logging: { file: this.at("logs", "sync.log"), maxFiles: 3 },
      email: null,
      networkRoots: "refuse",
      ...changes(this),
    };
  }

  at(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** What came of each try in the sandbox. */
  async inside(
    tries: readonly Try[],
    changes: Partial<SandboxOptions> = {},
    env: Record<string, string> = {},
  ): Promise<unknown[]> {
    const options = {
      access: "sync",
      programFolder: this.at("app"),
      outputFile: null,
      realRoots: [],
      ...changes,
    } as const;
    return await this.behind(sandboxFlags(this.config, options), tries, env);
  }

  async behind(
    flags: readonly string[],
    tries: readonly Try[],
    env: Record<string, string> = {},
  ): Promise<unknown[]> {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-lock",
        ...flags,
        this.program,
        JSON.stringify(tries),
      ],
      env,
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    return JSON.parse(text);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

export const REFUSED = { failed: "NotCapable" };

/** All tries are refused; a hole shows the try that got through. */
export function assertRefused(
  tries: readonly Try[],
  results: readonly unknown[],
): void {
  const told = tries.map((it, n) => ({ try: it, result: results[n] }));
  assert.deepEqual(told, tries.map((it) => ({ try: it, result: REFUSED })));
}
