/**
 * What tests share: real temporary folders, trees as literals, the real
 * command.
 *
 * @module
 */
import assert from "node:assert/strict";
import { statfsSync } from "node:fs";
import {
  type FilesOf,
  launchedHost,
  runProgram,
} from "../../lib/cli_program.ts";
import { loadConfig } from "../../lib/config_loader.ts";
import { mailing } from "../../lib/email_notifications.ts";
import { SharedState } from "../../lib/wire_messages.ts";
import { filesHere } from "../../lib/files_handlers.ts";
import { newRunId, runSync } from "../../lib/run.ts";
import type { Side } from "../../lib/types.ts";
import type { RunResult, SyncOptions } from "../../lib/run_types.ts";
import { launch } from "../../lib/sandbox_launcher.ts";
import { humble } from "./humble.ts";
import { replaceCall } from "./system_calls.ts";
import { fromFileUrl } from "./urls.ts";

/** A folder as a literal: a text is a file, an object a folder. */
export interface Tree {
  readonly [name: string]: string | Tree | FileSpec;
}

/** A file with more than content. */
export class FileSpec {
  /**
   * @param content Its content.
   * @param options mtime as ISO time or ms since 1970; permission bits.
   */
  constructor(
    readonly content: string | Uint8Array,
    readonly options: {
      readonly mtime?: string | number;
      readonly mode?: number;
    } = {},
  ) {}
}

/** A file with an mtime, or a mode. */
export function file(
  content: string | Uint8Array,
  options: FileSpec["options"] = {},
): FileSpec {
  return new FileSpec(content, options);
}

/** Writes a tree into a folder that exists; what is there stays. */
export function write(root: string, tree: Tree): void {
  assert.match(root, /office-sync-test-/, "only ever a test's own folder");
  for (const [name, item] of Object.entries(tree)) {
    const path = `${root}/${name}`;
    if (typeof item === "string") Deno.writeTextFileSync(path, item);
    else if (item instanceof FileSpec) writeFile(path, item);
    else {
      Deno.mkdirSync(path, { recursive: true });
      write(path, item);
    }
  }
}

function writeFile(path: string, { content, options }: FileSpec): void {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  Deno.writeFileSync(path, bytes);
  if (options.mode !== undefined) Deno.chmodSync(path, options.mode);
  if (options.mtime !== undefined) {
    const at = new Date(options.mtime).getTime() / 1000;
    Deno.utimeSync(path, at, at);
  }
}

/** Reads a folder as a tree of texts; the product's own folder is left out. */
export function read(root: string): Tree {
  const tree: Record<string, string | Tree> = {};
  const names = [...Deno.readDirSync(root)].sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
  for (const { name, isDirectory, isSymlink } of names) {
    if (name === ".office-sync") continue;
    const path = `${root}/${name}`;
    tree[name] = isSymlink
      ? `-> ${Deno.readLinkSync(path)}`
      : isDirectory
      ? read(path)
      : Deno.readTextFileSync(path);
  }
  return tree;
}

/** Soft-deleted files of a root: path below the run's folder → content. */
export function softDeleted(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const base = `${root}/.office-sync/deleted`;
  const walk = (folder: string, path: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const at = path === "" ? name : `${path}/${name}`;
      if (isDirectory) walk(`${folder}/${name}`, at);
      else found[at] = Deno.readTextFileSync(`${folder}/${name}`);
    }
  };
  try {
    for (const { name } of Deno.readDirSync(base)) walk(`${base}/${name}`, "");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

/** What the real command gave. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What a program says in this process, and how it ends.
 *
 * @param env Variables that it sees besides.
 */
export async function saidBy(
  program: () => Promise<number>,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  using stack = new DisposableStack();
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    const decoder = new TextDecoder();
    stack.use(replaceCall(Deno[name], "writeSync", (_real, bytes) => {
      said[name] += decoder.decode(bytes as unknown as Uint8Array, {
        stream: true,
      });
      return bytes.length;
    }));
    stack.use(replaceCall(Deno[name], "isTerminal", () => false));
  }
  stack.use(replaceCall(Deno.stdin, "isTerminal", () => false));
  // Tests of other files run in threads of this process: its environment is
  // theirs, too.
  stack.use(
    replaceCall(Deno.env, "get", (real, name) => env[name] ?? real(name)),
  );
  const code = await program();
  return { code, ...said };
}

/**
 * A new folder in memory, where there is some: its flushes cost nothing. Deno
 * gives no program with a sandbox anything below `/dev`, so that the real
 * command needs one on disk.
 */
export function folderInMemory(): string {
  const prefix = "office-sync-test-";
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    // Windows tells of its own disk there.
    if (Deno.build.os === "linux" && bavail * bsize > 256 * 1_048_576) {
      return Deno.makeTempDirSync({ dir: "/dev/shm", prefix });
    }
  } catch {
    // There is no such thing here.
  }
  return Deno.makeTempDirSync({ prefix });
}

/** Two roots, a config and a state DB in a temporary folder. */
export class Office implements Disposable {
  readonly folder: string;
  readonly left: string;
  readonly right: string;
  readonly config: string;
  readonly stateDb: string;
  readonly log: string;
  /** Whether runs in this process mail what they have to tell. */
  isMailing = false;
  /** Sides that runs in this process take for shares of another computer. */
  shares: readonly Side[] = [];
  /** Environment of the commands. */
  readonly env: Record<string, string> = { NO_COLOR: "1" };

  /**
   * @param settings YAML lines for the config besides the roots.
   * @param folder What all of it is in.
   */
  constructor(
    settings = "",
    folder: string = Deno.makeTempDirSync({ prefix: "office-sync-test-" }),
  ) {
    this.folder = folder;
    this.left = `${this.folder}/left`;
    this.right = `${this.folder}/right`;
    this.config = `${this.folder}/config.yaml`;
    this.stateDb = `${this.folder}/config.db`;
    this.log = `${this.folder}/logs/config.log`;
    Deno.mkdirSync(this.left);
    Deno.mkdirSync(this.right);
    this.configure(settings);
  }

  /** Rewrites the config. */
  configure(settings: string): void {
    const roots = "left_root: left\nright_root: right\n";
    Deno.writeTextFileSync(this.config, roots + settings);
  }

  /** Writes trees into both roots. */
  write(trees: { readonly left?: Tree; readonly right?: Tree }): this {
    write(this.left, trees.left ?? {});
    write(this.right, trees.right ?? {});
    return this;
  }

  /** Both trees as they are now. */
  trees(): { readonly left: Tree; readonly right: Tree } {
    return { left: read(this.left), right: read(this.right) };
  }

  /** Runs the real command, launcher and sandbox included. */
  command(...args: readonly string[]): Promise<CommandResult> {
    return this.#launch([], args);
  }

  /**
   * Runs the real command as somebody whom permission bits bind: root as
   * well, who may read and write everything otherwise.
   */
  humbleCommand(...args: readonly string[]): Promise<CommandResult> {
    const caps = "-dac_override,-dac_read_search,-fowner";
    const humbly = ["setpriv", `--bounding-set=${caps}`, `--inh-caps=${caps}`];
    return this.#launch(Deno.uid() === 0 ? humbly : [], args);
  }

  async #launch(
    before: readonly string[],
    args: readonly string[],
  ): Promise<CommandResult> {
    assert.ok(!this.folder.startsWith("/dev/"), "a command needs an Office");
    const launch = fromFileUrl("../main.ts");
    const [program = "", ...all] = [
      ...before,
      Deno.execPath(),
      "run",
      "--no-prompt",
      "-A",
      launch,
      ...args,
      "--config",
      this.config,
    ];
    const command = new Deno.Command(program, {
      args: all,
      cwd: this.folder,
      env: this.env,
      stdin: "null",
    });
    const { code, stdout, stderr } = await command.output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  }

  /**
   * As {@linkcode command}, in this process: without launcher and sandbox, and
   * many times as fast.
   */
  commandHere(...args: readonly string[]): Promise<CommandResult> {
    const all = [...args, "--config", this.config];
    const filesOf: FilesOf = (roots) => Promise.resolve(filesHere(roots));
    return saidBy(
      () => runProgram(all, launchedHost(null, filesOf)),
      this.env,
    );
  }

  /** The same, as {@linkcode humbleCommand} does it. */
  async humbleHere(...args: readonly string[]): Promise<CommandResult> {
    using _humble = humble();
    return await this.commandHere(...args);
  }

  /**
   * The launcher in this process, for what it does not start a program for:
   * that one would say to the terminal what it has to say.
   */
  launchHere(...args: readonly string[]): Promise<CommandResult> {
    const all = [...args, "--config", this.config];
    return saidBy(() => launch(all, { program: "nothing" }), this.env);
  }

  /** Runs the program in this process with `--json` and gives the document. */
  // deno-lint-ignore no-explicit-any
  async json(...args: readonly string[]): Promise<any> {
    return documentOf(await this.commandHere(...args, "--json"));
  }

  /** As {@linkcode json}, by the real command. */
  // deno-lint-ignore no-explicit-any
  async commandJson(...args: readonly string[]): Promise<any> {
    return documentOf(await this.command(...args, "--json"));
  }

  /** A run in this process: the same code without launcher and sandbox. */
  async run(
    options: Partial<SyncOptions> = {},
    onWarning: (text: string) => void = () => {},
  ): Promise<RunResult> {
    const config = await loadConfig(this.config);
    const startedAtMs = options.startedAtMs ?? Date.now();
    const id = newRunId(startedAtMs);
    const mails = this.isMailing && config.email
      ? mailing({
        email: config.email,
        facts: {
          roots: config.roots,
          configFile: config.file,
          logFile: config.logging.file,
        },
        run: { id, startedAtMs },
        boundMs: 20_000,
        ...options.startedAtMs === undefined ? {} : { now: () => startedAtMs },
        onInfo() {},
        onWarning,
      }).listener
      : {};
    return await runSync(id, config, {
      files: filesHere(config.roots, new SharedState(), {
        by: "fence",
        network: this.shares.map((side) => {
          return { side, root: config.roots[side], share: null };
        }),
      }),
      isDryRun: false,
      allowed: { deletes: false, changes: false },
      acceptRoots: false,
      listUnchanged: false,
      ...options,
    }, { onOutcome() {}, onProblem() {}, onWarning, ...mails });
  }

  /** Runs in this process and requires that both sides agree. */
  async agree(options: Partial<SyncOptions> = {}): Promise<RunResult> {
    const result = await this.run(options);
    assert.equal(result.exitCode, 0, describe(result));
    return result;
  }

  /** Removes everything. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function documentOf({ code, stdout, stderr }: CommandResult): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`no JSON, exit code ${code}: ${stdout}\n${stderr}`);
  }
}

/** An office for runs in this process only: in memory, where there is some. */
export class MemoryOffice extends Office {
  constructor(settings = "") {
    super(settings, folderInMemory());
  }
}

/** The actions of a run as short lines: `NAME path -> newPath`. */
export function actions(result: RunResult): string[] {
  return result.outcomes.filter(({ action }) => action.name !== "NOOP").map(
    ({ action, newPath }) => {
      const isNew = newPath !== null && !newPath.startsWith(".office-sync/");
      return `${action.name} ${action.path}${isNew ? ` -> ${newPath}` : ""}`;
    },
  );
}

/** Everything about a result that explains a failing test. */
export function describe(result: RunResult): string {
  return JSON.stringify(
    {
      stop: result.stop,
      problems: result.problems,
      outcomes: result.outcomes.map(({ action, kind, detail }) =>
        `${kind} ${action.name} ${action.path} (${action.reason}) ${detail}`
      ),
    },
    null,
    2,
  );
}

/** Ends a run at the n-th moment at which it could be ended. */
export class AtMoment extends SharedState {
  #left: number;

  constructor(n: number) {
    super();
    this.#left = n;
  }

  override checkpoint(): void {
    if (--this.#left === 0) this.stop("SIGINT");
    super.checkpoint();
  }
}
