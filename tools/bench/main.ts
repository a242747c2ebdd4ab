/**
 * `deno task bench`: measures office-sync and its peers in turn, and shows
 * what came of it. See README.md beside it.
 *
 * @module
 */
import { print, warn } from "../../lib/cli_output.ts";
import { fromThere } from "../../lib/started_as.ts";
import { HELP, type Options, optionsFrom, UsageError } from "./options.ts";
import {
  ifThere,
  otherCheckout,
  outputOf,
  type Program,
  PROGRAMS,
  PROJECT,
} from "./programs.ts";
import { type Figure, OURS, type Results } from "./results.ts";
import { between, chart, fullText, shortText } from "./show.ts";
import { unmountShares } from "./slow_share.ts";
import { remove } from "./trees.ts";
import { measureWork, type Place, type Size, worksFor } from "./work.ts";

const BENCH = `${PROJECT}tools/bench/`;
const PICTURE = "![Seconds of each program, as bars](tools/bench/chart.svg)";

/** What must be undone, whatever comes. */
const undone = new DisposableStack();
undone.defer(unmountShares);

/** A place of this name, with an empty folder; null where it can't be had. */
function placeFor(name: string): Place | null {
  const dir = name.startsWith("/") ? name : "/var/tmp";
  let folder: string;
  try {
    folder = Deno.makeTempDirSync({ dir, prefix: "office-sync-bench-" });
  } catch (error) {
    throw new UsageError(`--on: ${dir} takes no folder (${error}).`);
  }
  undone.defer(() => remove(folder));
  if (name === "memory") {
    const size = "size=90%,nr_inodes=0";
    const mount = ["mount", "-t", "tmpfs", "-o", size, "bench", folder];
    if (ifThere(...mount) === null) return null;
    undone.defer(() => void outputOf("umount", "-l", folder));
  }
  return { name, folder };
}

/** A screen in memory, for a program that can't do without. */
async function startScreen(): Promise<void> {
  const server = new Deno.Command("Xvfb", {
    args: ["-displayfd", "1", "-nolisten", "tcp"],
    ...{ stdin: "null", stdout: "piped", stderr: "null" },
  }).spawn();
  undone.defer(() => server.kill());
  // It finds a free number for itself.
  const { value } = await server.stdout.getReader().read();
  const number = new TextDecoder().decode(value).trim();
  Deno.env.set("DISPLAY", `:${number}`);
}

/** Measures what is asked for; gives what failed as well. */
async function measure(options: Options): Promise<[Results, string[]]> {
  const { size, rows } = options;
  const missing: string[] = [];
  const failures: string[] = [];
  const versions = new Map<Program, string>();
  const others = options.against ? [otherCheckout(options.against)] : [];
  for (const program of [...PROGRAMS, ...others]) {
    const { name, packages, version } = program;
    const ask = name === OURS ? outputOf : ifThere;
    const line = ask(...version)?.split("\n")[0];
    if (line) versions.set(program, line.replace(/^\d/, `${name} $&`));
    else missing.push(`${name}: apt-get install ${packages}`);
  }
  const programs = [...versions.keys()];
  if (programs.some((it) => it.name === "FreeFileSync")) await startScreen();
  const places = options.places.map(placeFor).filter((it) => it !== null);
  if (places.length < options.places.length) {
    missing.push("memory: only root may mount a disk there");
  }
  const figures: Figure[] = [];
  const results = {
    machine: machineLines(size, places, new Set(versions.values())),
    files: size.files,
    rounds: size.rounds,
    figures,
    missing,
  };
  const works = worksFor(programs).filter((work) =>
    work.rows.some((row) => rows.has(row))
  );
  for (const place of places) {
    for (const work of works) {
      // A slow share is waited for, wherever its files are.
      if (work.rows[0] === "slow-share" && place !== places[0]) continue;
      const what = `${place.name}, ${work.rows.join(", ")}`;
      const why = work.missing?.(place, size);
      if (why) missing.push(`${what}: ${why}`);
      else {
        const fail = (error: unknown) => {
          failures.push(`${what}, ${error}`);
          warn(`FAILED: ${failures.at(-1)}`);
        };
        const bench = { size, rows, figures };
        await measureWork(bench, place, work, fail).catch(fail);
      }
      // It takes long, and may be broken off.
      if (options.json !== null) writeJson(options.json, results);
    }
  }
  return [results, failures];
}

/** Lines about the machine, the programs and the day. */
function machineLines(
  { files, rounds }: Size,
  places: readonly Place[],
  versions: ReadonlySet<string>,
): string[] {
  const told = (file: string, pattern: RegExp) =>
    pattern.exec(Deno.readTextFileSync(file))?.[1]?.trim() ?? "?";
  const memory = Deno.systemMemoryInfo().total;
  const kinds = places.map(({ name, folder }) =>
    `${name}: ${outputOf("findmnt", "-n", "-o", "FSTYPE", "-T", folder)}`
  );
  return [
    `${files.toLocaleString("en")} files a side; rounds: ${rounds}`,
    `${told("/proc/cpuinfo", /model name\s*:(.+)/)}, ` +
    `${navigator.hardwareConcurrency} cores, ${Math.round(memory / 1e9)} GB`,
    `${told("/etc/os-release", /PRETTY_NAME="(.+)"/)}, ` +
    `Linux ${Deno.osRelease()}; ${kinds.join(", ")}`,
    `Deno ${Deno.version.deno}; ${[...versions].join("; ")}`,
    `measured on ${new Date().toISOString().slice(0, 10)}`,
  ];
}

function writeJson(file: string, results: Results): void {
  Deno.writeTextFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}

/** Writes the project's own pages. */
function writePages(results: Results): void {
  writeJson(`${BENCH}results.json`, results);
  Deno.writeTextFileSync(`${BENCH}chart.svg`, chart(results));
  const texts = {
    [`${BENCH}README.md`]: fullText(results),
    [`${PROJECT}README.md`]: `${PICTURE}\n\n${shortText(results)}`,
  };
  for (const [file, text] of Object.entries(texts)) {
    const page = between(Deno.readTextFileSync(file), text);
    Deno.writeTextFileSync(file, page);
    outputOf(Deno.execPath(), "fmt", "-q", file);
  }
}

async function main(args: readonly string[]): Promise<number> {
  const options = optionsFrom(args);
  if (options.isHelp) {
    print(HELP);
    return 0;
  }
  if (options.from === null) {
    if (Deno.build.os !== "linux") {
      throw new UsageError("It measures on Linux only.");
    }
    for (const program of ["hyperfine", "time"]) {
      if (ifThere(`/usr/bin/${program}`, "--version") !== null) continue;
      throw new UsageError(`It takes "${program}": apt-get install ${program}`);
    }
  }
  const [results, failures] = options.from === null
    ? await measure(options)
    : [JSON.parse(Deno.readTextFileSync(options.from)) as Results, []];
  print(fullText(results));
  if (options.json !== null) writeJson(options.json, results);
  if (options.isWritten) writePages(results);
  for (const failure of failures) warn(`FAILED: ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    undone.dispose();
    Deno.exit(signal === "SIGINT" ? 130 : 143);
  });
}
Deno.env.set("NO_COLOR", "1");
let code: number;
try {
  code = await main(fromThere(Deno.args));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  warn(error.message);
  code = 2;
} finally {
  undone.dispose();
}
Deno.exit(code);
