/**
 * Measures what is out of the ordinary: one large file, very many files, a
 * renamed folder, a slow share.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Bench, FILE_BYTES, type Place, say, upTo } from "./bench.ts";
import { DELAY_MS, DELAYS, OURS, PART } from "./rows.ts";
import { type Asked, SlowShare } from "./slow_mount.ts";
import { isInstalled, type Pair, PARTS, type Tool } from "./tools.ts";
import {
  build,
  buildLarge,
  cleanOwn,
  copyTree,
  editFolder,
  inodes,
  remove,
  requireSame,
} from "./trees.ts";

/** One large file, copied one way. */
export async function bigFile(bench: Bench, place: Place): Promise<void> {
  if (!bench.rows.has("big-file")) return;
  const { largeBytes, rounds } = bench.size;
  const base = `${place.folder}/big`;
  const [left, right] = [`${base}/left`, `${base}/right`];
  say(`${place.name}: one file of ${largeBytes / 1e9} GB`);
  Deno.mkdirSync(left, { recursive: true });
  buildLarge(`${left}/large.bin`, largeBytes);
  const tools: readonly Tool[] = [
    ...bench.tools,
    ...isInstalled("rsync") ? [PARTS.rsync] : [],
    PARTS.cp,
    PARTS.cpFlushed,
  ];
  for (const _ of upTo(rounds)) {
    for (const tool of tools) {
      remove(right);
      const pair = bench.pair(tool, left, right, `${base}/state`);
      const at = { place, row: "big-file", isFirst: true };
      await bench.measure(at, tool, pair, () => requireSame(left, right));
      cleanOwn(left);
    }
  }
  remove(base);
}

/** What a tree of small files takes in memory or on a disk, per file. */
const ROOM_PER_FILE = 5400;

/** Files that are changed among very many. */
const CHANGED = 10;

/** A few files changed in one folder, among few or ten times as many. */
export async function many(bench: Bench, place: Place): Promise<void> {
  if (!bench.rows.has("many")) return;
  const { files, rounds } = bench.size;
  const room = 22 * files * ROOM_PER_FILE;
  if (place.name === "memory" && freeMemory() < 1.3 * room) {
    const needed = Math.ceil(1.3 * room / 1e9);
    bench.missing.push(`many in memory: needs ${needed} GB of free memory`);
    return;
  }
  const base = `${place.folder}/many`;
  const pairs: [string, Pair][] = [];
  for (const [part, count] of [[PART.few, files], [PART.many, 10 * files]]) {
    say(`${place.name}: ${count} files a side`);
    const own = `${base}/${count}`;
    build(`${own}/left`, Number(count), 100);
    copyTree(`${own}/left`, `${own}/right`);
    const pair = bench.pair(
      bench.ours,
      `${own}/left`,
      `${own}/right`,
      `${own}/state`,
    );
    if (!await bench.begin({ place, row: "many" }, bench.ours, pair)) return;
    pairs.push([String(part), pair]);
  }
  for (const round of upTo(rounds)) {
    for (const [part, pair] of pairs) {
      const done = editFolder(pair.left, round, CHANGED);
      const area = done.written[0]!.replace(/\/[^/]+$/, "");
      const [left, right] = [`${pair.left}/${area}`, `${pair.right}/${area}`];
      const check = () => {
        requireSame(left, right);
        // All of it takes minutes: once is enough.
        const all = round === 0 ? [pair.left, pair.right] as const : null;
        if (all) requireSame(...all, done);
      };
      await bench.measure(
        { place, row: "many", part },
        bench.ours,
        pair,
        check,
      );
      await bench.settle({ place, row: "many" }, bench.ours, pair);
    }
  }
  remove(base);
}

/** What programs may still take, in bytes. */
function freeMemory(): number {
  const text = Deno.readTextFileSync("/proc/meminfo");
  return Number(/MemAvailable:\s+(\d+)/.exec(text)?.[1] ?? 0) * 1024;
}

/** Files that are there besides the folder that is renamed. */
const OTHERS = 100;

/** A folder that is new on one side, and then gets another name there. */
export async function rename(bench: Bench, place: Place): Promise<void> {
  if (!bench.rows.has("rename")) return;
  const { fewer, rounds } = bench.size;
  const base = `${place.folder}/rename`;
  say(`${place.name}: a folder of ${fewer} files, renamed`);
  build(`${base}/tree`, fewer, FILE_BYTES);
  const row = "rename";
  for (const _ of upTo(rounds)) {
    for (const tool of bench.tools) {
      // It takes a rename for so many deletions that it refuses to run.
      if (tool.name === "rclone bisync") continue;
      const [left, right] = [`${base}/left`, `${base}/right`];
      remove(left);
      remove(right);
      build(left, OTHERS, FILE_BYTES);
      copyTree(left, right);
      const pair = bench.pair(tool, left, right, `${base}/state`);
      if (!await bench.begin({ place, row }, tool, pair)) continue;
      copyTree(`${base}/tree`, `${left}/one name`);
      const same = () => requireSame(left, right);
      const copied = `${tool.name}, ${PART.copied}`;
      const at = { place, row };
      await bench.measure({ ...at, part: copied }, tool, pair, same);
      if (!await bench.settle(at, tool, pair)) continue;
      const folder = "area-0/folder-0";
      const before = inodes(`${right}/one name/${folder}`);
      Deno.renameSync(`${left}/one name`, `${left}/another name`);
      const renamed = `${tool.name}, ${PART.renamed}`;
      await bench.measure({ ...at, part: renamed }, tool, pair, () => {
        requireSame(left, right);
        if (tool !== bench.ours) return;
        const after = inodes(`${right}/another name/${folder}`);
        assert.deepEqual(after, before, "files were copied, not renamed");
      });
    }
  }
  remove(base);
}

/** One side is a slow share; the other programs are measured once. */
export async function slowShare(bench: Bench, place: Place): Promise<void> {
  if (!bench.rows.has("slow-share")) return;
  if (Deno.uid() !== 0) {
    bench.missing.push("slow-share: needs root, for a mount");
    return;
  }
  const { fewer, rounds } = bench.size;
  const base = `${place.folder}/slow`;
  const [left, right] = [`${base}/left`, `${base}/share`];
  say(`${place.name}: ${fewer} files, one side a slow share`);
  build(left, fewer, FILE_BYTES);
  for (const tool of bench.tools) {
    const isOurs = tool === bench.ours;
    for (const _ of upTo(isOurs ? rounds : 1)) {
      const stored = `${base}/stored`;
      remove(stored);
      for (const folder of [stored, right]) {
        Deno.mkdirSync(folder, { recursive: true });
      }
      // The others begin with two equal sides: they need minutes to copy.
      if (!isOurs) copyTree(left, stored);
      using share = new SlowShare(stored, right, DELAY_MS);
      await share.ready();
      const pair = bench.pair(tool, left, right, `${base}/state`);
      const same = () => requireSame(left, stored);
      const first = { place, row: "slow-share", isFirst: true };
      if (isOurs) {
        await share.asked();
        const at = { ...first, part: PART.slowFirst };
        const sample = await bench.measure(at, tool, pair, same);
        const delays = PART.slowFirstDelays;
        if (sample) addDelays(bench, place, delays, await share.asked());
      }
      const isReady = isOurs
        ? await bench.settle(first, tool, pair)
        : await bench.begin(first, tool, pair);
      if (!isReady) continue;
      await forgotten();
      await share.asked();
      const at = { place, row: "slow-share" };
      const sample = await bench.measure(at, tool, pair, same);
      if (isOurs && sample) {
        addDelays(bench, place, DELAYS, await share.asked());
      }
      cleanOwn(left);
    }
  }
  remove(base);
}

/** The kernel keeps names and attributes for a second. */
function forgotten(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1200));
}

/** What the calls of a run of ours would have waited one after the other. */
function addDelays(
  bench: Bench,
  place: Place,
  what: string,
  { calls, waitedMs }: Asked,
): void {
  const seconds = calls * DELAY_MS / 1000;
  const each = (waitedMs / calls).toFixed(2);
  say(`  ${OURS} made ${calls} calls that waited ${each} ms each`);
  bench.add(place, "slow-share", what, "", {
    seconds,
    cpuSeconds: 0,
    peakBytes: 0,
  });
}
