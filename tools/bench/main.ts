/**
 * `deno task bench`: measures office-sync and its peers in turn, and shows
 * what came of it. See README.md beside it.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { fromThere } from "../../lib/started_in.ts";
import { Bench, type Place, say } from "./bench.ts";
import { chart } from "./chart.ts";
import { firstRuns, small, unchangedAndChanged } from "./everyday.ts";
import { machineLines } from "./machine.ts";
import { HELP, type Options, optionsFrom, UsageError } from "./options.ts";
import type { Results } from "./results.ts";
import { unmountShares } from "./slow_mount.ts";
import { bigFile, many, rename, slowShare } from "./special.ts";
import { between, markdownText, shortText, terminalText } from "./table.ts";
import { isInstalled, PARTS, Screen, TOOLS } from "./tools.ts";
import { remove } from "./trees.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));

const PICTURE = "![Seconds of each program, as bars](tools/bench/chart.svg)";

/** What must be undone, whatever comes. */
const undone = new DisposableStack();

/** A place of this name, with an empty folder; null where it can't be had. */
function placeFor(name: string, missing: string[]): Place | null {
  const isFolder = name.startsWith("/");
  const folder = emptyFolderIn(isFolder ? name : "/var/tmp");
  undone.defer(() => remove(folder));
  if (name !== "memory") return { name, folder };
  const mount = new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=90%,nr_inodes=0", "bench", folder],
  }).outputSync();
  if (!mount.success) {
    missing.push("memory: only root may mount a disk there");
    return null;
  }
  undone.defer(() => {
    new Deno.Command("umount", { args: ["-l", folder] }).outputSync();
  });
  return { name, folder };
}

function emptyFolderIn(dir: string): string {
  try {
    return Deno.makeTempDirSync({ dir, prefix: "office-sync-bench-" });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--on: ${dir} takes no folder (${why}).`);
  }
}

/** Measures what is asked for. */
async function measure(options: Options): Promise<[Results, string[]]> {
  const missing: string[] = [];
  const places = options.places.map((it) => placeFor(it, missing))
    .filter((it) => it !== null);
  const all = [...TOOLS, PARTS.rsync, PARTS.cp, PARTS.find];
  const tools = all.filter(({ name, needs, packages }) => {
    const lacks = needs.filter((it) => !isInstalled(it));
    if (lacks.length === 0) return true;
    missing.push(`${name}: apt-get install ${packages}`);
    return false;
  });
  const env: Record<string, string> = { NO_COLOR: "1" };
  if (tools.some(({ needs }) => needs.includes("Xvfb"))) {
    const screen = undone.use(await Screen.start());
    env["DISPLAY"] = screen.display;
  }
  const { size, rows } = options;
  const bench = new Bench(
    size,
    tools.filter(({ isTwoWay }) => isTwoWay),
    rows,
    env,
  );
  const works = [
    small,
    unchangedAndChanged,
    firstRuns,
    bigFile,
    rename,
    slowShare,
    many,
  ];
  const machine = [
    `${size.files.toLocaleString("en")} files a side; rounds: ${size.rounds}`,
    ...machineLines(places, tools),
  ];
  const results = (): Results => ({
    machine,
    files: size.files,
    rounds: size.rounds,
    metadata: bench.metadata,
    missing: [...missing, ...bench.missing],
  });
  for (const place of places) {
    for (const work of works) {
      // It waits for the share, wherever its files are.
      if (work === slowShare && place !== places[0]) continue;
      try {
        await work(bench, place);
      } catch (error) {
        bench.failures.push(`${place.name}, ${work.name}: ${error}`);
        say(`FAILED: ${bench.failures.at(-1)}`);
      }
      // It takes long, and may be broken off.
      writeJson(options, results());
    }
  }
  return [results(), bench.failures];
}

function writeJson({ json }: Options, results: Results): void {
  if (json === null) return;
  Deno.writeTextFileSync(json, `${JSON.stringify(results, null, 1)}\n`);
}

/** Writes what is asked for. */
function write(options: Options, results: Results): void {
  const page = `${markdownText(results)}\n`;
  writeJson(options, results);
  if (options.markdown !== null) Deno.writeTextFileSync(options.markdown, page);
  if (options.chart !== null) {
    Deno.writeTextFileSync(options.chart, chart(results));
  }
  if (!options.isWritten) return;
  writeJson(
    { ...options, json: `${project}tools/bench/results.json` },
    results,
  );
  Deno.writeTextFileSync(`${project}tools/bench/chart.svg`, chart(results));
  const short = `${PICTURE}\n\n${shortText(results)}`;
  const texts = { "tools/bench/README.md": page, "README.md": short };
  for (const [name, text] of Object.entries(texts)) {
    const file = `${project}${name}`;
    const old = Deno.readTextFileSync(file);
    Deno.writeTextFileSync(file, between(old, text.trimEnd()));
    new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", file] })
      .outputSync();
  }
}

async function main(args: readonly string[]): Promise<number> {
  const options = optionsFrom(args);
  if (options.isHelp) {
    tell(HELP);
    return 0;
  }
  if (options.from === null) {
    if (Deno.build.os !== "linux") {
      throw new UsageError("It measures on Linux only.");
    }
    if (!isInstalled("time")) {
      throw new UsageError("GNU time is missing: apt-get install time");
    }
  }
  const [results, failures] = options.from === null
    ? await measure(options)
    : [JSON.parse(Deno.readTextFileSync(options.from)) as Results, []];
  tell(`${terminalText(results)}\n`);
  write(options, results);
  for (const failure of failures) say(`FAILED: ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

function tell(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    unmountShares();
    undone.dispose();
    Deno.exit(signal === "SIGINT" ? 130 : 143);
  });
}
let code: number;
try {
  code = await main(fromThere(Deno.args));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(error.message);
  code = 2;
} finally {
  unmountShares();
  undone.dispose();
}
Deno.exit(code);
