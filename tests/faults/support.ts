/**
 * What the tests that break things share: tools that must be there, runs as
 * processes that are disturbed, disks of their own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { loadConfig } from "../../lib/config_loader.ts";
import { StateDb } from "../../lib/state_db.ts";
import { launched } from "../support/sandbox.ts";
import type { JsonDocument } from "../support/scenario.ts";
import { snapshot, synced } from "../support/snapshot.ts";
import {
  actions,
  type CommandResult,
  file,
  type FileSpec,
  Office,
} from "../support/support.ts";
import { fromFileUrl } from "../support/urls.ts";

/**
 * Requires root and tools. A test that can't be run fails: it never counts as
 * passed.
 *
 * @param names Programs.
 */
export function requireTool(...names: readonly string[]): void {
  const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`.split(":");
  const missing = names.filter((name) =>
    !path.some((folder) => isThere(`${folder}/${name}`))
  );
  if (Deno.uid() !== 0) missing.unshift("the rights of root");
  if (missing.length > 0) throw new Error(`not run: ${missing.join(", ")}`);
}

/** Whether anything, a broken link too, stands at a path. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Runs a tool that must succeed, and gives what it prints. */
export function tool(name: string, ...args: readonly string[]): string {
  requireTool(name);
  const { success, stdout, stderr } = new Deno.Command(name, {
    args: [...args],
  }).outputSync();
  if (success) return decode(stdout).trim();
  throw new Error(`not run: ${name} ${args.join(" ")}: ${decode(stderr)}`);
}

/** What is undone at the end of a test, whatever came of it; last first. */
export class Undone extends DisposableStack {
  /**
   * Mounts a disk in memory, to be unmounted at the end.
   *
   * @param folder Where; made where it is missing.
   * @param size As `mount` takes it.
   */
  disk(folder: string, size = "8m"): void {
    Deno.mkdirSync(folder, { recursive: true });
    tool("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder);
    this.defer(() => unmount(folder));
  }

  /** Makes a folder a mount of itself, which can be read-only. */
  bind(folder: string): void {
    tool("mount", "--bind", folder, folder);
    this.defer(() => unmount(folder));
  }

  /** Shows a folder at a second place, so that it outlives its own. */
  bindTo(folder: string, place: string): void {
    Deno.mkdirSync(place);
    tool("mount", "--bind", folder, place);
    this.defer(() => unmount(place));
  }
}

/** Unmounts whatever is mounted at a folder, used or not. */
function unmount(folder: string): void {
  const mounts = Deno.readTextFileSync("/proc/self/mounts").split("\n");
  for (const line of mounts) {
    if (line.split(" ")[1] === folder) tool("umount", "-l", folder);
  }
}

/** Roots in memory, where flushes take no time; the rest is on disk. */
export class QuickOffice extends Office {
  readonly #disks = new Undone();

  constructor() {
    super();
    for (const root of [this.left, this.right]) this.#disks.disk(root, "2g");
  }

  override [Symbol.dispose](): void {
    this.#disks[Symbol.dispose]();
    super[Symbol.dispose]();
  }
}

/** How a run is disturbed. */
export interface Disturbance {
  /** Options for strace; without them it is not used. */
  readonly strace?: readonly string[];
  /** Only the first thread is watched: it alone changes names. */
  readonly isFirstThreadOnly?: boolean;
  /** A program, with arguments, that starts the run. */
  readonly through?: readonly string[];
  /** It is killed, which may be before the run begins. */
  readonly isKilled?: boolean;
  /** The whole program instead of a run alone, with these arguments. */
  readonly program?: readonly string[];
  /** Another command than a run, in one thread as that. */
  readonly command?: readonly string[];
}

/** What came of a disturbed run. */
export interface Ended {
  /** Of the process; its first thread has the same. */
  readonly pid: number;
  /** Null for one that was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Output of strace. */
  readonly trace: string;
}

/** Starts the code itself, without launcher and sandbox. */
const DENO = [
  ...[Deno.execPath(), "run", "--no-prompt", "--allow-all", "--no-check"],
  ...["--cached-only", `--config=${fromFileUrl("../deno.json")}`],
];

/** What a process says on standard error when its run can begin. */
export const READY = "ready\n";

/** Id of disturbed runs. */
export const RUN_ID = "20250101-000000-test";

/**
 * The n-th temporary name that a disturbed run gives.
 *
 * @param office Its office, which an earlier run gave a pair.
 * @param n Counted from 1, over both sides.
 */
export function temporaryName({ stateDb }: Office, n: number): string {
  using db = new StateDb(stateDb, { isReadOnly: true });
  const pair = db.meta("pair") ?? "";
  return `.office-sync-tmp-${pair}-${RUN_ID}-${n}`;
}

/**
 * Makes a run in a process of its own, and waits for it. The process is
 * watched only from when it has loaded all it needs: that is faster, and no
 * call is counted that is not the run's.
 *
 * @param office Whose run.
 * @param how How it is disturbed.
 */
export async function disturbed(
  office: Office,
  how: Disturbance = {},
): Promise<Ended> {
  const [program = "", ...args] = [
    ...how.through ?? [],
    ...DENO,
    ...await whatRuns(office, how),
  ];
  if (how.through) requireTool(program);
  const child = new Deno.Command(program, {
    args,
    cwd: "/",
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const traceFile = `${office.folder}/trace`;
  const stdout = child.stdout.text();
  const said = new Said(child.stderr);
  let watcher: Deno.ChildProcess | null = null;
  if (!how.program) {
    await said.until(READY).catch((error) => {
      if (!how.isKilled) throw error;
    });
  }
  if (how.strace) {
    const options = how.isFirstThreadOnly ? how.strace : ["-f", ...how.strace];
    watcher = await watch(child.pid, traceFile, options);
  }
  const stdin = child.stdin.getWriter();
  await stdin.write(new Uint8Array(1)).catch(() => {});
  await stdin.close().catch(() => {});
  const { code, signal } = await child.status;
  await watcher?.status;
  return {
    pid: child.pid,
    code: signal === null ? code : null,
    stdout: await stdout,
    stderr: await said.all(),
    trace: how.strace ? Deno.readTextFileSync(traceFile) : "",
  };
}

/**
 * strace around a run: what it sees is in the file `trace` of its office.
 *
 * @param options Which calls, and what is done to them.
 */
export function straced(
  { folder }: Office,
  ...options: readonly string[]
): string[] {
  requireTool("strace");
  return ["strace", "-f", "-qq", "-o", `${folder}/trace`, ...options];
}

/** Whether a call that is watched for has come. */
export function isTraced(office: Office): boolean {
  const file = `${office.folder}/trace`;
  return isThere(file) && Deno.statSync(file).size > 0;
}

/** Attaches strace to a process. */
async function watch(
  pid: number,
  traceFile: string,
  options: readonly string[],
): Promise<Deno.ChildProcess> {
  requireTool("strace");
  const watcher = new Deno.Command("strace", {
    args: ["-y", "-o", traceFile, ...options, "-p", String(pid)],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Said(watcher.stderr);
  await said.until("attached");
  void said.all();
  return watcher;
}

/** What a process says, while it says it. */
class Said {
  readonly #stream: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    const decoder = new TextDecoderStream() as ReadableWritablePair<
      string,
      Uint8Array
    >;
    this.#stream = stream.pipeThrough(decoder).getReader();
  }

  /** Waits for words. */
  async until(words: string): Promise<void> {
    while (!this.#text.includes(words)) {
      if (!await this.#more()) throw new Error(`no "${words}": ${this.#text}`);
    }
  }

  /** All it said, once it has ended. */
  async all(): Promise<string> {
    while (await this.#more());
    return this.#text;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#stream.read();
    this.#text += value ?? "";
    return !done;
  }
}

async function whatRuns(
  office: Office,
  { program, command = [] }: Disturbance,
): Promise<string[]> {
  if (program) {
    const main = fromFileUrl("../main.ts");
    const { first } = await launched(office.config);
    return [main, first, ...program, "--config", office.config];
  }
  const config = JSON.stringify(await loadConfig(office.config));
  return [fromFileUrl("faults/crash_child.ts"), RUN_ID, config, ...command];
}

/** The document that a disturbed run printed. */
export function documentOf(ended: Ended): JsonDocument {
  assert.match(ended.stdout, /^\{\s*"run"/, whyOf(ended));
  return JSON.parse(ended.stdout);
}

/** What explains an end that was not expected. */
export function whyOf({ code, stdout, stderr }: Ended): string {
  return `exit code ${code}\n${stdout}\n${stderr}`;
}

/** A file with a time of its own, long ago. */
export function at(year: number, content: string): FileSpec {
  return file(content, { mtime: `${year}-05-05T05:05:05Z` });
}

/**
 * Requires that a run ends with 0 and leaves both sides the same, nothing
 * aside, and nothing to do for another run.
 *
 * @param rest What it had to do, where that is certain.
 */
export async function requireRecovery(
  office: Office,
  rest?: readonly string[],
): Promise<void> {
  const result = await office.agree();
  if (rest) assert.deepEqual(actions(result), rest);
  const [left, right] = [office.left, office.right];
  assert.deepEqual(synced(snapshot(right)), synced(snapshot(left)));
  assert.deepEqual(actions(await office.agree()), []);
  for (const root of [left, right]) assert.deepEqual(temporaries(root), []);
}

/** All temporary files below a folder, the product's own folder included. */
export function temporaries(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (/^\.office-sync-(?:tmp|mv)-/.test(name)) return [path];
    return isDirectory ? temporaries(path) : [];
  });
}

/** Waits until something is so; a test that waits in vain fails. */
export async function until(
  what: string,
  isSo: () => boolean,
  timeoutMs = 15_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; !isSo();) {
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What the program gave. */
export interface Output extends CommandResult {
  readonly tookMs: number;
}

/**
 * The program itself, without launcher and sandbox: what is traced, or run by
 * the dozen.
 *
 * @param config The config's path.
 * @param args Its arguments.
 * @param before What is started around it, such as strace.
 */
export async function program(
  config: string,
  args: readonly string[] = [],
  before: readonly string[] = [],
): Promise<Output> {
  const startedMs = performance.now();
  const { first: told } = await launched(config);
  const [first = "", ...rest] = [
    ...before,
    ...DENO,
    ...[fromFileUrl("../main.ts"), told, ...args],
    ...["--config", config],
  ];
  const { code, stdout, stderr } = await new Deno.Command(first, {
    args: rest,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const tookMs = performance.now() - startedMs;
  return { code, stdout: decode(stdout), stderr: decode(stderr), tookMs };
}

/** What a run gave that was asked for JSON. */
export interface Told extends Output {
  readonly document: JsonDocument;
  /** What was done, skipped or failed: `<ACTION> <path>`. */
  readonly lines: readonly string[];
}

/** The program itself, asked for JSON. */
export async function told(
  config: string,
  args: readonly string[] = [],
  before: readonly string[] = [],
): Promise<Told> {
  const output = await program(config, [...args, "--json"], before);
  const { stdout, stderr } = output;
  assert.match(stdout, /^\{/, `no JSON: ${stdout}\n${stderr}`);
  const document: JsonDocument = JSON.parse(stdout);
  const lines = document.actions.filter(({ action }) => action !== "NOOP").map(
    ({ action, path, outcome, detail }) =>
      outcome === "done"
        ? `${action} ${path}`
        : `${outcome}: ${action} ${path} (${detail})`,
  );
  return { ...output, document, lines };
}

/** Everything that explains a run that did not do what it should. */
export function why({ document, code, lines, stderr }: Told): string {
  const { problems, guard } = document;
  return JSON.stringify({ code, lines, problems, guard, stderr }, null, 2);
}

/** Requires that a run finds nothing to do, and that all is well. */
export async function rests(config: string, code = 0): Promise<Told> {
  const again = await told(config);
  assert.deepEqual(again.lines, [], why(again));
  assert.equal(again.code, code, why(again));
  return again;
}

/** Every path below a folder, the product's own folder left out. */
export function pathsBelow(root: string, at = ""): string[] {
  return [...Deno.readDirSync(`${root}/${at}`)].flatMap((entry) => {
    if (entry.name === ".office-sync") return [];
    const path = at === "" ? entry.name : `${at}/${entry.name}`;
    return entry.isDirectory ? [path, ...pathsBelow(root, path)] : [path];
  }).sort();
}

/** Tells what a test measured, beside its name. */
export function note(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`    ${text}\n`));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
