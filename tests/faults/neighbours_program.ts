/**
 * The real program, started directly, with or without strace around it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fromFileUrl } from "../support/urls.ts";

/** What is looked at in the document of `--json`. */
export interface JsonDocument {
  readonly summary: Readonly<Record<string, number>>;
  readonly actions?: readonly {
    readonly action: string;
    readonly path: string;
    readonly newPath: string | null;
    readonly reason: string;
    readonly outcome: string;
    readonly detail: string | null;
  }[];
  readonly problems: readonly {
    readonly side: string;
    readonly path: string;
    readonly reason: string;
  }[];
  readonly guard: { readonly name: string; readonly reason: string } | null;
}

/** What a program gave. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** What a run gave that was asked for JSON. */
export interface Told extends Ended {
  readonly document: JsonDocument;
  /** What was done, skipped or failed: `<ACTION> <path>`. */
  readonly lines: readonly string[];
}

/**
 * Makes sure that the test can run here: one that can't must not pass.
 *
 * @param programs What it starts, by name.
 * @throws Says plainly what is missing.
 */
export function need(...programs: readonly string[]): void {
  if (Deno.uid() !== 0) throw new Error("missing here: the rights of root");
  const folders = `${Deno.env.get("PATH") ?? ""}:/sbin:/usr/sbin`.split(":");
  const missing = programs.filter((program) =>
    !folders.some((folder) => isThere(`${folder}/${program}`))
  );
  if (missing.length === 0) return;
  throw new Error(`missing here: the program ${missing.join(", ")}`);
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

/** Starts any program and waits for it. */
export async function start(
  program: string,
  args: readonly string[],
): Promise<Ended> {
  const before = performance.now();
  const command = new Deno.Command(program, {
    args: [...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const tookMs = performance.now() - before;
  return { code, stdout: decode(stdout), stderr: decode(stderr), tookMs };
}

/** Starts any program and requires that it ends with 0. */
export async function must(
  program: string,
  ...args: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await start(program, args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/**
 * The program itself, without launcher and walls: what is traced, or run by
 * the dozen.
 *
 * @param config The config's path.
 * @param args Its arguments.
 * @param before What is started around it, such as strace.
 */
export function program(
  config: string,
  args: readonly string[] = [],
  before: readonly string[] = [],
): Promise<Ended> {
  const [first = "", ...rest] = [
    ...before,
    Deno.execPath(),
    "run",
    "--allow-all",
    "--no-check",
    "--no-prompt",
    `--config=${fromFileUrl("../deno.json")}`,
    fromFileUrl("../main.ts"),
    "--in-sandbox=",
    ...args,
    "--config",
    config,
  ];
  return start(first, rest);
}

/** The program itself, asked for JSON. */
export async function told(
  config: string,
  args: readonly string[] = [],
  before: readonly string[] = [],
): Promise<Told> {
  const ended = await program(config, [...args, "--json"], before);
  let document: JsonDocument;
  try {
    document = JSON.parse(ended.stdout);
  } catch {
    throw new Error(`no JSON: ${ended.stdout}\n${ended.stderr}`);
  }
  const lines = (document.actions ?? []).filter(({ action }) =>
    action !== "NOOP"
  ).map(({ action, path, outcome, detail }) =>
    outcome === "done"
      ? `${action} ${path}`
      : `${outcome}: ${action} ${path} (${detail})`
  );
  return { ...ended, document, lines };
}

/** The real command as users start it, launcher and walls included. */
export function launcher(
  config: string,
  args: readonly string[] = [],
): Promise<Ended> {
  const launch = fromFileUrl("../main.ts");
  return start(Deno.execPath(), [
    "run",
    "--no-prompt",
    "--allow-all",
    launch,
    ...args,
    "--config",
    config,
  ]);
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

/** Temporary names that a run left, the product's own folder included. */
export function temporaries(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    /^\.office-sync-(tmp|mv)-/.test(name)
      ? [`${folder}/${name}`]
      : isDirectory
      ? temporaries(`${folder}/${name}`)
      : []
  );
}

/** Tells what a test measured, beside its name. */
export function note(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`    ${text}\n`));
}
