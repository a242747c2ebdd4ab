/**
 * The kinds of work that are measured, and how a run is measured.
 *
 * @module
 */
import assert from "node:assert/strict";
import { warn } from "../../lib/cli_output.ts";
import {
  ifThere,
  outputOf,
  type Pair,
  type Program,
  PROJECT,
  quoted,
  RCLONE,
  shown,
} from "./programs.ts";
import {
  DELAY_MS,
  DELAYS,
  EMPTY,
  type Figure,
  OURS,
  PART,
  type Sample,
} from "./results.ts";
import { PYTHON, SlowShare } from "./slow_share.ts";
import {
  build,
  copyTree,
  edit,
  editFolder,
  folderOf,
  inodes,
  OWN_NAMES,
  remove,
  requireSame,
} from "./trees.ts";

/** How much is measured. */
export interface Size {
  /** Files a side. */
  readonly files: number;
  /** Files changed, made and deleted on each side. */
  readonly edits: number;
  /** Bytes of the large file. */
  readonly largeBytes: number;
  /** Files in the folder that is renamed, and on the slow share. */
  readonly fewer: number;
  readonly rounds: number;
}

/** A place in which everything is measured. */
export interface Place {
  readonly name: string;
  /** An empty folder. */
  readonly folder: string;
}

/** What all runs of the benchmark share. */
export interface Bench {
  readonly size: Size;
  readonly rows: ReadonlySet<string>;
  readonly figures: Figure[];
}

/** Bytes of a file, where nothing else is said. */
const FILE_BYTES = 2048;

/** A program at one kind of work in one place. */
export class Job implements Pair {
  readonly left: string;
  readonly right: string;
  readonly state: string;

  /**
   * @param base A folder for the roots.
   * @param bench Where the figures go.
   * @param place Where that is.
   * @param program What is measured.
   */
  constructor(
    base: string,
    readonly bench: Bench,
    readonly place: Place,
    readonly program: Program,
  ) {
    this.left = `${base}/left`;
    this.right = `${base}/right`;
    this.state = `${base}/state`;
  }

  /** As before a first run: the left root is kept, and nothing else. */
  renew(): void {
    const own = OWN_NAMES.map((name) => `${this.left}/${name}`);
    remove(this.right, this.state, ...own);
    for (const folder of [this.left, this.right, this.state]) {
      Deno.mkdirSync(folder, { recursive: true });
    }
    const [name, text] = this.program.settings?.(this) ?? [];
    if (name) Deno.writeTextFileSync(`${this.state}/${name}`, text!);
  }

  /** Begins with so many files, the same on both sides, and synced. */
  async begin(files: number, bytes = FILE_BYTES): Promise<void> {
    remove(this.left);
    this.renew();
    build(this.left, files, bytes);
    copyTree(this.left, this.right);
    await this.run(true);
    await this.run();
  }

  /**
   * Runs the program: hyperfine tells its time, GNU time the peak of its
   * largest process. What was written before is flushed, so that no run pays
   * for it.
   *
   * @throws {Error} It ends with another exit code than it should.
   */
  async run(isFirst = false): Promise<Sample> {
    const { program, state, place } = this;
    const [times, memory] = [`${state}/times.json`, `${state}/memory`];
    const under = ["/usr/bin/time", "--quiet", "-f", "%M", "-o", memory];
    const command = [...under, ...program.command(this, isFirst)];
    const busyBefore = busySeconds();
    const { code, stdout, stderr } = await new Deno.Command("hyperfine", {
      args: [
        ...["--shell=none", "--runs=1", "--ignore-failure", "--show-output"],
        ...["--prepare", `sync -f ${place.folder}`],
        ...["--export-json", times, quoted(command)],
      ],
      cwd: PROJECT,
      stdin: "null",
    }).output();
    const said = [stderr, stdout].map((it) => new TextDecoder().decode(it));
    if (code !== 0) throw new Error(said.join("\n"));
    const busy = busySeconds() - busyBefore;
    const [result] = JSON.parse(Deno.readTextFileSync(times)).results;
    const cpuSeconds = result.user + result.system;
    const [exitCode] = result.exit_codes;
    if (exitCode !== 0 && exitCode !== program.goodCode) {
      throw new Error(
        `exit code ${exitCode}: ${said.join("\n").slice(0, 500)}`,
      );
    }
    return {
      seconds: result.times[0],
      cpuSeconds,
      peakBytes: Number(Deno.readTextFileSync(memory)) * 1024,
      otherSeconds: Math.max(0, busy - cpuSeconds),
    };
  }

  /**
   * Runs the program and counts it, if what it did is right.
   *
   * @param row The kind of work.
   * @param how What the figure is called, if not as the program, and what is
   *   required instead of two sides that are the same.
   */
  async measure(row: string, {
    what = this.program.name,
    isFirst = false,
    check = () => requireSame(this.left, this.right),
  } = {}): Promise<void> {
    const sample = await this.run(isFirst);
    check();
    const command = this.program.command(this, isFirst);
    this.add(row, what, sample, shown(command, this));
  }

  /** Adds a sample to its figure. */
  add(row: string, what: string, sample: Sample, command = ""): void {
    const place = this.place.name;
    warn(`${place} ${row} ${what}: ${sample.seconds.toFixed(3)} s`);
    const { figures } = this.bench;
    const figure = figures.find((it) =>
      it.place === place && it.row === row && it.what === what
    );
    if (figure) figure.samples.push(sample);
    else figures.push({ place, row, what, command, samples: [sample] });
  }
}

/** A kind of work, or two that are measured in turn. */
export interface Work {
  readonly rows: readonly string[];
  readonly programs: readonly Program[];
  /** Why it can't be measured there. */
  readonly missing?: (place: Place, size: Size) => string | null;
  /** Makes a left root that all programs share, each with first runs only. */
  readonly shared?: (left: string, size: Size) => unknown;
  /** Or makes the roots of one program. */
  readonly begin?: (job: Job, size: Size) => Promise<void>;
  /** How often each program has its turn; as often as asked for if left out. */
  readonly rounds?: (size: Size) => number;
  readonly round: (job: Job, round: number) => Promise<void>;
}

/** How long all cores together were not idle, in s; a tick is a hundredth. */
function busySeconds(): number {
  const [line] = Deno.readTextFileSync("/proc/stat").split("\n");
  const [user, nice, system, , , irq, softIrq, stolen] = line!.split(/ +/)
    .slice(1).map(Number);
  return (user! + nice! + system! + irq! + softIrq! + stolen!) / 100;
}

/** What a tree of small files takes in memory or on a disk, per file. */
const ROOM_PER_FILE = 5400;

/** All of it, with the programs that are there. */
export function worksFor(programs: readonly Program[]): readonly Work[] {
  const twoWay = programs.filter((it) => it.isTwoWay);
  const ours = twoWay.filter((it) => it.name === OURS);
  const empty = programs.filter((it) => it.name === EMPTY);
  const working = programs.filter((it) => it.name !== EMPTY);
  const copying = working.filter((it) => !it.name.startsWith("find"));
  const looking = working.filter((it) => !it.name.startsWith("cp"));
  return [
    {
      rows: ["small"],
      programs: [...twoWay, ...empty],
      begin: (job) => job.begin(10),
      // It is soon done, and a hundredth of a second counts.
      rounds: ({ rounds }) => rounds * 2,
      round: (job) => job.measure("small"),
    },
    {
      rows: ["unchanged", "changed"],
      programs: looking,
      begin: (job, { files }) => job.begin(files),
      async round(job, round) {
        // Also where only the changes are asked for: they are held against it.
        await job.measure("unchanged");
        const { rows, size } = job.bench;
        if (!rows.has("changed") || !job.program.isTwoWay) return;
        const { left, right } = job;
        const done = edit([left, right], size.files, round, size.edits);
        const check = () => requireSame(left, right, done);
        await job.measure("changed", { check });
        // Files as young as these are read once more: not the next round's.
        await job.run();
      },
    },
    {
      rows: ["first-run"],
      programs: copying,
      shared: (left, { files }) => build(left, files, FILE_BYTES),
      round: (job) => job.measure("first-run", { isFirst: true }),
    },
    {
      rows: ["equal-sides"],
      programs: twoWay,
      shared: (left, { files }) => build(left, files, FILE_BYTES),
      round(job) {
        copyTree(job.left, job.right);
        return job.measure("equal-sides", { isFirst: true });
      },
    },
    {
      rows: ["big-file"],
      programs: copying,
      // Nothing can shorten it.
      shared: (left, { largeBytes }) =>
        outputOf(
          ...["sh", "-c", 'head -c "$1" /dev/urandom >"$2"', "sh"],
          ...[`${largeBytes}`, `${left}/large.bin`],
        ),
      round: (job) => job.measure("big-file", { isFirst: true }),
    },
    {
      rows: ["rename"],
      programs: twoWay.filter((it) => it.name !== RCLONE),
      async round(job) {
        const { left, right, program, bench: { size } } = job;
        const part = (name: string) => ({ what: `${program.name}, ${name}` });
        await job.begin(100);
        build(`${left}/one name`, size.fewer, FILE_BYTES);
        await job.measure("rename", part(PART.copied));
        await job.run();
        const before = inodes(`${right}/one name/${folderOf(0)}`);
        Deno.renameSync(`${left}/one name`, `${left}/another name`);
        await job.measure("rename", part(PART.renamed));
        if (program.name !== OURS) return;
        const after = inodes(`${right}/another name/${folderOf(0)}`);
        assert.deepEqual(after, before, "files were copied, not renamed");
      },
    },
    {
      rows: ["slow-share"],
      programs: twoWay,
      missing: () =>
        Deno.uid() !== 0
          ? "needs root, for a mount"
          : ifThere(PYTHON, "-c", "import fusepy") === null
          ? "apt-get install python3-fusepy"
          : null,
      shared: (left, { fewer }) => build(left, fewer, FILE_BYTES),
      round: slowShare,
    },
    {
      rows: ["many"],
      programs: ours.flatMap((it) => [
        { ...it, name: PART.few },
        { ...it, name: PART.many },
      ]),
      missing({ name }, { files }) {
        const needed = 1.3 * 22 * files * ROOM_PER_FILE;
        return name !== "memory" || Deno.systemMemoryInfo().available > needed
          ? null
          : `needs ${Math.ceil(needed / 1e9)} GB of free memory`;
      },
      begin: (job, { files }) =>
        job.begin(job.program.name === PART.many ? 10 * files : files, 100),
      async round(job, round) {
        const { left, right } = job;
        const done = editFolder(left, round, 10);
        const changed = folderOf(0);
        await job.measure("many", {
          // All of it takes minutes: once is enough.
          check: () =>
            round === 0
              ? requireSame(left, right, done)
              : requireSame(`${left}/${changed}`, `${right}/${changed}`),
        });
        await job.run();
      },
    },
  ];
}

/**
 * Measures a kind of work in a place. A program that fails, or whose result is
 * wrong, is not run any more.
 *
 * @param bench Where the figures go.
 * @param place Where.
 * @param work What.
 * @param tell Told what fails.
 */
export async function measureWork(
  bench: Bench,
  place: Place,
  work: Work,
  tell: (failure: unknown) => void,
): Promise<void> {
  const base = `${place.folder}/${work.rows[0]}`;
  using cleanUp = new DisposableStack();
  cleanUp.defer(() => remove(base));
  const jobs = new Set<Job>();
  const attempt = async (job: Job, step: () => Promise<void>) => {
    try {
      await step();
      jobs.add(job);
    } catch (error) {
      jobs.delete(job);
      tell(`${job.program.name}: ${error}`);
    }
  };
  if (work.shared) {
    Deno.mkdirSync(`${base}/left`, { recursive: true });
    work.shared(`${base}/left`, bench.size);
  }
  for (const program of work.programs) {
    const own = `${base}/${program.name.replaceAll(" ", "-")}`;
    const job = new Job(work.shared ? base : own, bench, place, program);
    await attempt(job, async () => await work.begin?.(job, bench.size));
  }
  const rounds = work.rounds?.(bench.size) ?? bench.size.rounds;
  for (let round = 0; round < rounds; round++) {
    // Turned each time: what comes after another finds its traces.
    const all = [...jobs];
    for (const job of round % 2 === 0 ? all : all.reverse()) {
      await attempt(job, async () => {
        if (work.shared) job.renew();
        await work.round(job, round);
      });
    }
  }
}

/** One side is a slow share; the other programs are measured once. */
async function slowShare(job: Job, round: number): Promise<void> {
  const { left, right, program } = job;
  const isOurs = program.name === OURS;
  if (!isOurs && round > 0) return;
  const stored = `${right}-stored`;
  remove(stored);
  Deno.mkdirSync(stored);
  // The others begin with two equal sides: they need minutes to copy.
  if (!isOurs) copyTree(left, stored);
  using share = new SlowShare(stored, right, DELAY_MS);
  /** Measures, and what its calls would have waited one after the other. */
  const measure = async (what: string, delays: string, isFirst: boolean) => {
    const before = share.calls;
    const check = () => requireSame(left, stored);
    await job.measure("slow-share", { what, isFirst, check });
    const seconds = (share.calls - before) * DELAY_MS / 1000;
    const none = { cpuSeconds: 0, peakBytes: 0, otherSeconds: 0 };
    const sample = { seconds, ...none };
    if (isOurs) job.add("slow-share", delays, sample);
  };
  if (isOurs) await measure(PART.slowFirst, PART.slowFirstDelays, true);
  else await job.run(true);
  await job.run();
  // The kernel keeps names and attributes for a second.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await measure(program.name, DELAYS, false);
}
