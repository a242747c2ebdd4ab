/**
 * The command restore: lists soft-deleted versions, and brings them back. The
 * record is left alone: the next run sees what a person would have copied.
 *
 * @module
 */
import { print, warn } from "./cli_output.ts";
import { onDisk } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { EXIT, type ExitCode, InterruptedError, SyncError } from "./errors.ts";
import { TemporaryNames } from "./file_ops.ts";
import { SignalInterrupt } from "./interrupt.ts";
import type { RestoreInvocation } from "./invocation.ts";
import { type Log, openLog } from "./logging_setup.ts";
import { type TemporaryOwner, timeMark } from "./names.ts";
import { type Folding, typedPath } from "./paths.ts";
import { jsonText } from "./report_json.ts";
import {
  exitCodeOf,
  listDocument,
  listText,
  type Restored,
  restoredDocument,
  restoredLine,
  restoredText,
} from "./restored.ts";
import { Restoring } from "./restoring.ts";
import { Root } from "./root_files.ts";
import { checkRoots } from "./root_identity.ts";
import { glance, probe } from "./root_traits.ts";
import { meet, type Meeting, requireStillThere } from "./run_identify.ts";
import { missingWalls } from "./sandbox_network.ts";
import { keptFiles, runFolders, SoftDelete } from "./soft_delete.ts";
import { StateDb, takeLock } from "./state_db.ts";
import { newRunId } from "./sync.ts";
import { printable, quoted } from "./text.ts";
import { type Both, SIDES } from "./types.ts";
import {
  newestOfEach,
  type Version,
  type Wanted,
  wantedVersions,
} from "./versions.ts";

/** The roots, met as a run meets them. */
interface Office {
  readonly db: StateDb;
  readonly owner: TemporaryOwner;
  readonly paths: Both<string>;
  readonly roots: Both<Root>;
  readonly meeting: Meeting;
  readonly folding: Folding;
}

/**
 * Lists soft-deleted versions, or brings the newest of each path back.
 *
 * @param invocation What is asked for.
 * @param config The config.
 * @returns The exit code: 1 if something was refused or failed.
 * @throws {SyncError} The path makes no sense, or nothing is kept of it.
 * @throws {GuardError} A root is not there, or not the one that is known.
 * @throws {LockedError} A run is active.
 */
export async function restore(
  invocation: RestoreInvocation,
  config: Config,
): Promise<ExitCode> {
  const paths = { left: config.leftRoot, right: config.rightRoot };
  const isWindows = Deno.build.os === "windows";
  const wanted: Wanted = {
    ...typedPath(invocation.path, paths, isWindows, onDisk),
    from: invocation.from,
  };
  // From here on there is something that a signal must not leave half done.
  using interrupt = invocation.isList ? null : new SignalInterrupt();
  using _lock = invocation.isList ? null : takeLock(config.stateDb);
  // Read only: what is brought back is for the next run to record.
  using db = new StateDb(config.stateDb, { isReadOnly: true });
  const office = meetRoots(db, paths, invocation.isList);
  const all = knownVersions(office);
  const versions = wantedVersions(all, wanted, office.folding);
  if (invocation.isList) {
    const isAny = wanted.path === "" && wanted.from === null;
    if (versions.length === 0 && !isAny) throw nothingFound(wanted, all);
    print(
      invocation.isJson ? jsonText(listDocument(versions)) : listText(versions),
    );
    return EXIT.agreed;
  }
  if (versions.length === 0) throw nothingFound(wanted, all);
  const newest = newestOfEach(versions, office.folding);
  const pause = () => interrupt?.pass() ?? Promise.resolve();
  return await bringBack(newest, { ...office, pause }, invocation, config);
}

function meetRoots(
  db: StateDb,
  paths: Both<string>,
  isList: boolean,
): Office {
  const run = newRunId(Date.now());
  // Without its state DB a pair has no name that could be known.
  const pair = db.meta("pair") ?? crypto.randomUUID().slice(0, 6);
  const owner = { pair, run };
  checkRoots(paths);
  const options = { isDryRun: true, acceptRoots: false, owner };
  const meeting = meet(db, paths, options);
  const rootOf = (side: keyof Both<string>): Root => {
    const probed = isList ? null : probe(paths[side], owner);
    return new Root(side, paths[side], probed?.habits ?? glance(paths[side]));
  };
  const roots = { left: rootOf("left"), right: rootOf("right") };
  const both = SIDES.map((side) => roots[side].habits);
  const folding = {
    ignoresCase: both.some((it) => it.ignoresCase),
    ignoresNormalForm: both.some((it) => it.ignoresNormalForm),
  };
  return { db, owner, paths, roots, meeting, folding };
}

/** All that is kept, with the names and runs that the state DB knows. */
function knownVersions({ db, roots }: Office): Version[] {
  const known = new Map(
    db.query(
      `SELECT side, new_path, path, run FROM actions
       WHERE outcome = 'done' AND new_path LIKE '.office-sync/deleted/%'`,
    ).map(([side, place, path, run]) => [`${side} ${place}`, { path, run }]),
  );
  const onTrouble = (path: string, why: string) =>
    warn(`${printable(path)} can't be looked at: ${printable(why)}`);
  return SIDES.flatMap((side) =>
    runFolders(roots[side], onTrouble).flatMap((folder) =>
      [...keptFiles(roots[side], folder, onTrouble)].map((kept): Version => {
        const told = known.get(`${side} ${kept.keptAt}`);
        return {
          side,
          path: told ? String(told.path) : kept.path,
          run: told ? String(told.run) : null,
          folder: folder.name,
          keptAt: kept.keptAt,
          removedAtMs: folder.timeMs,
          figures: kept.figures,
        };
      })
    )
  );
}

function nothingFound(wanted: Wanted, all: readonly Version[]): SyncError {
  const { path, isFolder, from } = wanted;
  const isFolderMeant = !isFolder &&
    all.some((version) => version.path.startsWith(`${path}/`));
  if (isFolderMeant) {
    return refusal(
      `${quoted(path)} is a folder: end it with a slash (${
        quoted(`${path}/`)
      }).`,
    );
  }
  const of = path === "" ? "" : ` of ${quoted(path)}`;
  const by = from === null ? "" : ` by run ${quoted(from)}`;
  return refusal(
    `No version${of} was soft-deleted${by}, or none is kept any more; ` +
      "restore --list shows what is.",
  );
}

function refusal(message: string): SyncError {
  return new SyncError(message, EXIT.usage);
}

async function bringBack(
  versions: readonly Version[],
  office: Office & { readonly pause: () => Promise<void> },
  invocation: RestoreInvocation,
  config: Config,
): Promise<ExitCode> {
  const { owner, roots, meeting, paths, pause } = office;
  const names = new TemporaryNames(owner, [
    office.roots.left,
    office.roots.right,
  ]);
  const restoring = new Restoring({
    roots,
    names,
    softDelete: new SoftDelete(`${timeMark(Date.now())}-${owner.pair}`, names),
    to: invocation.to === "both" ? SIDES : [invocation.to],
    isForced: invocation.isForced,
    verifyRoots: () => requireStillThere(meeting, paths),
    pause,
  });
  using log = openLog({ ...config.logging, runId: owner.run, verbose: false });
  log.info(`restore started, ${versions.length} asked for`);
  const walls = missingWalls(config);
  if (walls !== null) log.warning(walls);
  const all: Restored[] = [];
  const cut = await collect(restoring.bringBack(versions), (restored) => {
    noteIn(log, restored);
    all.push(restored);
  });
  const exitCode = cut?.exitCode ?? exitCodeOf(all);
  const stopped = cut === null ? null : cutWords(cut.message, all, versions);
  if (stopped !== null) log.warning(`interrupted: ${stopped}`);
  log.info(`ended with exit code ${exitCode}`);
  log.flush();
  if (log.failure !== null) warn(log.failure);
  print(
    invocation.isJson
      ? jsonText(restoredDocument(all, exitCode))
      : restoredText(all),
  );
  if (stopped !== null) warn(`${stopped} The same command does the rest.`);
  return exitCode;
}

/** Hands on what was done, and gives what ended it; null: it is through. */
async function collect(
  work: AsyncIterable<Restored>,
  onRestored: (restored: Restored) => void,
): Promise<InterruptedError | null> {
  try {
    for await (const restored of work) onRestored(restored);
    return null;
  } catch (error) {
    if (error instanceof InterruptedError) return error;
    throw error;
  }
}

function cutWords(
  why: string,
  all: readonly Restored[],
  versions: readonly Version[],
): string {
  const done = all.filter(({ outcome }) => outcome === "done").length;
  return `${why}: ${done} of ${versions.length} files brought back.`;
}

function noteIn(log: Log, restored: Restored): void {
  const { version, outcome } = restored;
  const line = `restore from ${version.side} ${quoted(version.keptAt)}: ` +
    restoredLine(restored);
  if (outcome === "done" || outcome === "same") log.info(line);
  else log.warning(line);
}
