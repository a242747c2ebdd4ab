/**
 * The command purge: removes for good what runs of this pair have soft-deleted,
 * now, and not when retention comes to it.
 *
 * @module
 */
import type { PurgeInvocation } from "./cli_args.ts";
import { ask, print, warn } from "./cli_output.ts";
import { answer, endPart, openRunLog } from "./command_shared.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, InterruptedError, SyncError } from "./errors.ts";
import { words } from "./metadata.ts";
import { newRunId } from "./run.ts";
import {
  checkRoots,
  identifyRoots,
  probeRoots,
  wireRoots,
} from "./run_identify.ts";
import { bytesIn, type OwnRun, ownRuns } from "./run_retention.ts";
import { Interrupt, INTERRUPTED, type Pruned, type Stop } from "./run_types.ts";
import { exists, StateDb, takeLock } from "./state_db.ts";
import { beginRun } from "./state_runs.ts";
import { countOf, printable, sizeWords, timeWords } from "./text.ts";
import { type Both, bothOf, type Side, SIDES } from "./types.ts";
import type { Unusable, WireRoot } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** What there is to remove. */
interface Found {
  readonly roots: Both<WireRoot>;
  readonly runs: Both<readonly OwnRun[]>;
  readonly unreadable: Both<readonly Unusable[]>;
}

/**
 * Removes soft-deleted versions for good, once somebody has said so.
 *
 * @returns The exit code: 1 where something could not be removed.
 * @throws {SyncError} Nobody can be asked, and --yes was not given; or there is
 *   not any more what was shown.
 * @throws {GuardError} A root is not there, or not the one that is known.
 * @throws {LockedError} A run is active.
 */
export async function purge(
  { olderThanDays, isSure, isJson }: PurgeInvocation,
  config: Config,
  files: Files,
): Promise<ExitCode> {
  const startedAtMs = Date.now();
  const shown = isSure
    ? null
    : await listed(files, config, olderThanDays, startedAtMs);
  if (shown !== null && isAny(shown)) {
    if (isJson || !Deno.stdin.isTerminal()) {
      const message = `${whatWords(shown, olderThanDays)} would be removed ` +
        "for good; do so with --yes.";
      throw new SyncError(message, EXIT.usage);
    }
    show(shown, olderThanDays);
    const said = await ask(
      "Remove them for good (yes or no)",
      "no",
      (it) => /^(?:yes|no)$/i.test(it) ? null : "Please type yes or no.",
    );
    if (!/^yes$/i.test(said)) {
      print("Nothing was removed.");
      return EXIT.agreed;
    }
  }
  // From here on there is something that a signal must not leave half done.
  files.listen();
  using _lock = takeLock(config.stateDb);
  // Where there is no history, none is begun.
  const isReadOnly = !exists(config.stateDb);
  using db = new StateDb(config.stateDb, { isReadOnly });
  const found = await findOld(files, db, config, olderThanDays, startedAtMs);
  if (shown && JSON.stringify(shown.runs) !== JSON.stringify(found.runs)) {
    throw new SyncError(
      "There is not any more what was shown: nothing was removed.",
      EXIT.leftForPerson,
      { hint: "Give the command again." },
    );
  }
  if (isSure && !isJson && isAny(found)) show(found, olderThanDays);
  const removed = isAny(found)
    ? await removeAll(files, db, config, found, startedAtMs)
    : NOTHING;
  const { stop, left, right } = removed;
  const failed = [
    ...removed.failed,
    ...SIDES.flatMap((side) =>
      found.unreadable[side].map(({ path, why }) => ({ side, path, why }))
    ),
  ];
  const exitCode = stop?.exitCode ??
    (failed.length === 0 ? EXIT.agreed : EXIT.leftForPerson);
  answer(
    isJson,
    () =>
      [
        isAny(found)
          ? `Removed for good: ${
            amount(left.files + right.files, left.bytes + right.bytes)
          }.`
          : `There is nothing to remove${olderWords(olderThanDays)}.`,
        ...failed.map(({ side, path, why }) =>
          `Not removed on ${words(side)}: ${printable(path)} (${
            printable(why)
          })`
        ),
      ].join("\n"),
    () => ({
      exitCode,
      removed: { left, right },
      failed: failed.map(({ side, path, why }) => ({
        side,
        path,
        reason: why,
      })),
    }),
  );
  if (stop) warn(`${stop.reason} ${stop.hint}`);
  return exitCode;
}

/** What was removed, and what was not. */
interface Removed extends Both<Pruned> {
  readonly failed: readonly (Unusable & { readonly side: Side })[];
  /** A signal ended it; null: none did. */
  readonly stop: Stop & { readonly exitCode: ExitCode } | null;
}

const NOTHING: Removed = {
  left: { files: 0, bytes: 0 },
  right: { files: 0, bytes: 0 },
  failed: [],
  stop: null,
};

/** What there is, under the lock while it is looked for, and no longer. */
async function listed(
  files: Files,
  config: Config,
  olderThanDays: number | null,
  nowMs: number,
): Promise<Found> {
  using _lock = takeLock(config.stateDb);
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  return await findOld(files, db, config, olderThanDays, nowMs);
}

async function findOld(
  files: Files,
  db: StateDb,
  { roots: paths }: Config,
  olderThanDays: number | null,
  nowMs: number,
): Promise<Found> {
  const real = await checkRoots(files, paths);
  await identifyRoots(files, db, paths);
  const roots = wireRoots(real, await probeRoots(files, db, paths, null));
  const found = await bothOf((side) =>
    ownRuns(files, db, { side, root: roots[side] }, nowMs, true)
  );
  const oldestMs = nowMs - (olderThanDays ?? 0) * DAY_MS;
  const isOld = ({ latestMs }: OwnRun) =>
    olderThanDays === null || latestMs < oldestMs;
  return {
    roots,
    runs: await bothOf((side) =>
      Promise.resolve(found[side].runs.filter(isOld))
    ),
    unreadable: { left: found.left.unreadable, right: found.right.unreadable },
  };
}

/** Removes what was found; oldest first. */
async function removeAll(
  files: Files,
  db: StateDb,
  config: Config,
  { roots, runs }: Found,
  startedAtMs: number,
): Promise<Removed> {
  const id = newRunId(startedAtMs);
  using log = openRunLog(config, id, "purge started", files);
  const interrupt = new Interrupt(files.shared);
  beginRun(db, id, startedAtMs, "purge");
  const done = { left: { files: 0, bytes: 0 }, right: { files: 0, bytes: 0 } };
  const failed: (Unusable & { readonly side: Side })[] = [];
  let stop: Removed["stop"] = null;
  const all = SIDES.flatMap((side) => runs[side].map((run) => ({ side, run })));
  for (const { side, run } of all) {
    try {
      await interrupt.checkpoint();
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      const { message, exitCode } = error;
      const reason = `${message}: not all was removed.`;
      const hint = "The same command does the rest.";
      stop = { name: INTERRUPTED, reason, hint, exitCode };
      break;
    }
    const asks = { side, root: roots[side], runs: [run.name] };
    const pruned = await files.ask("prune", asks);
    done[side].files += pruned.files;
    done[side].bytes += pruned.bytes;
    if (pruned.first !== null) failed.push({ side, ...pruned.first });
    log.info(
      `removed for good on ${words(side)}: ${run.path}, ` +
        amount(pruned.files, pruned.bytes),
    );
  }
  for (const { side, path, why } of failed) {
    log.warning(`not removed on ${words(side)}: ${path} (${why})`);
  }
  const exitCode = stop?.exitCode ??
    (failed.length === 0 ? EXIT.agreed : EXIT.leftForPerson);
  const pruned = {
    files: done.left.files + done.right.files,
    bytes: done.left.bytes + done.right.bytes,
  };
  const result = {
    ...{ id, startedAtMs, finishedAtMs: Date.now(), isDryRun: false },
    ...{ outcomes: [], problems: [], waiting: [], untouched: 0 },
    ...{ pruned, stop, exitCode },
  };
  endPart(result, db, log);
  return { ...done, failed, stop };
}

function isAny({ runs }: Found): boolean {
  return SIDES.some((side) => runs[side].length > 0);
}

function show(found: Found, olderThanDays: number | null): void {
  print(`${whatWords(found, olderThanDays)}:`);
  for (const line of sideLines(found)) print(line);
}

function amount(files: number, bytes: number): string {
  return `${countOf(files, "soft-deleted version")}, ${sizeWords(bytes)}`;
}

function olderWords(days: number | null): string {
  return days === null ? "" : ` that is older than ${countOf(days, "day")}`;
}

function whatWords({ runs }: Found, days: number | null): string {
  const all = [...runs.left, ...runs.right];
  const files = all.reduce((sum, it) => sum + it.files.length, 0);
  const bytes = all.reduce((sum, it) => sum + bytesIn(it), 0);
  return amount(files, bytes) +
    (days === null ? "" : `, older than ${countOf(days, "day")}`);
}

function sideLines({ runs }: Found): string[] {
  return SIDES.filter((side) => runs[side].length > 0).map((side) => {
    const [oldest] = runs[side];
    const files = runs[side].reduce((sum, it) => sum + it.files.length, 0);
    const bytes = runs[side].reduce((sum, it) => sum + bytesIn(it), 0);
    return `  ${words(side)}: ${amount(files, bytes)}, of ` +
      `${countOf(runs[side].length, "run")}, the oldest of ` +
      timeWords(oldest!.latestMs);
  });
}
