/**
 * Measures the everyday work: little or nothing to do, and first runs.
 *
 * @module
 */
import { type Bench, FILE_BYTES, type Place, say, upTo } from "./bench.ts";
import { isInstalled, type Pair, PARTS, type Tool } from "./tools.ts";
import {
  build,
  cleanOwn,
  copyTree,
  edit,
  remove,
  requireSame,
} from "./trees.ts";

/** Nothing changed, and a day's changes; each program has its own trees. */
export async function unchangedAndChanged(
  bench: Bench,
  place: Place,
): Promise<void> {
  const hasChanged = bench.rows.has("changed");
  if (!bench.rows.has("unchanged") && !hasChanged) return;
  const { files, edits, rounds } = bench.size;
  const base = `${place.folder}/pairs`;
  say(`${place.name}: ${files} files a side, for each program`);
  build(`${base}/tree`, files, FILE_BYTES);
  const plain = plainPair(base, bench);
  const pairs = new Map<Tool, Pair>();
  for (const tool of bench.tools) {
    const own = `${base}/${tool.name.replaceAll(" ", "-")}`;
    copyTree(`${base}/tree`, `${own}/left`);
    copyTree(`${base}/tree`, `${own}/right`);
    const pair = bench.pair(
      tool,
      `${own}/left`,
      `${own}/right`,
      `${own}/state`,
    );
    const at = { place, row: "unchanged" };
    if (await bench.begin(at, tool, pair)) pairs.set(tool, pair);
  }
  for (const round of upTo(rounds)) {
    for (const [tool, pair] of pairs) {
      const { left, right } = pair;
      const same = () => requireSame(left, right);
      // Also where only the changes are asked for: they are held against it.
      await bench.measure({ place, row: "unchanged" }, tool, pair, same);
      if (!hasChanged) continue;
      const done = edit([left, right], files, round, edits);
      const check = () => requireSame(left, right, done);
      const at = { place, row: "changed" };
      if (await bench.measure(at, tool, pair, check)) {
        // Files as young as these are read once more: not the next round's.
        await bench.settle(at, tool, pair);
      }
    }
    for (const tool of [PARTS.rsync, PARTS.find]) {
      if (!isInstalled(tool.needs[0]!)) continue;
      const same = () => requireSame(plain.left, plain.right);
      await bench.measure({ place, row: "unchanged" }, tool, plain, same);
    }
  }
  remove(base);
}

/** Roots for programs that keep no state. */
function plainPair(base: string, bench: Bench): Pair {
  copyTree(`${base}/tree`, `${base}/copy`);
  return bench.pair(
    PARTS.find,
    `${base}/tree`,
    `${base}/copy`,
    `${base}/plain`,
  );
}

/** First runs: everything to copy, or everything there already. */
export async function firstRuns(bench: Bench, place: Place): Promise<void> {
  const { files, rounds } = bench.size;
  const wanted = ["first-run", "equal-sides"].filter((it) =>
    bench.rows.has(it)
  );
  if (wanted.length === 0) return;
  const base = `${place.folder}/first`;
  const [left, state] = [`${base}/left`, `${base}/state`];
  say(`${place.name}: ${files} files, and first runs`);
  build(left, files, FILE_BYTES);
  const { rsync, cp, cpFlushed } = PARTS;
  const oneWay = [rsync, cp, cpFlushed].filter((it) =>
    isInstalled(it.needs[0]!)
  );
  const copying = [...bench.tools, ...oneWay];
  for (const row of wanted) {
    const isEqual = row === "equal-sides";
    for (const _ of upTo(rounds)) {
      for (const tool of isEqual ? bench.tools : copying) {
        const right = `${base}/right`;
        remove(right);
        if (isEqual) copyTree(left, right);
        const pair = bench.pair(tool, left, right, state);
        const at = { place, row, isFirst: true };
        await bench.measure(at, tool, pair, () => requireSame(left, right));
        cleanOwn(left);
      }
    }
  }
  remove(base);
}

/** Ten files a side: nothing but the start counts. */
export async function small(bench: Bench, place: Place): Promise<void> {
  if (!bench.rows.has("small")) return;
  const base = `${place.folder}/small`;
  const pairs = new Map<Tool, Pair>();
  for (const tool of bench.tools) {
    const own = `${base}/${tool.name.replaceAll(" ", "-")}`;
    const [left, right] = [`${own}/left`, `${own}/right`];
    build(left, 10, FILE_BYTES);
    copyTree(left, right);
    const pair = bench.pair(tool, left, right, `${own}/state`);
    const at = { place, row: "small" };
    if (await bench.begin(at, tool, pair)) pairs.set(tool, pair);
  }
  // It is soon done, and a hundredth of a second counts.
  for (const _ of upTo(bench.size.rounds * 2)) {
    for (const [tool, pair] of pairs) {
      const same = () => requireSame(pair.left, pair.right);
      await bench.measure({ place, row: "small" }, tool, pair, same);
    }
  }
  remove(base);
}
