/**
 * What the doctor asks of a root: that it is there, what it is, and what its
 * file system does to names, times and clocks.
 *
 * @module
 */
import { type Check, fine, problem, warning } from "./checks.ts";
import { onDisk } from "./config_loader.ts";
import { networkOf, roomAt, spaceCheck } from "./disk_checks.ts";
import { GuardError } from "./errors.ts";
import { dropCopy, flushCopy, placeNew, stageCopy } from "./file_ops.ts";
import type { Habits } from "./metadata.ts";
import { OWN_FOLDER, temporaryName, type TemporaryOwner } from "./names.ts";
import { foreignFolder } from "./own_files.ts";
import { joinPath } from "./paths.ts";
import { Root } from "./root_files.ts";
import { checkRoot, type RealRoot } from "./root_identity.ts";
import { glance, probe } from "./root_traits.ts";
import type { NetworkRoot } from "./sandbox_network.ts";
import { keptFiles, runFolders } from "./soft_delete.ts";
import { CHANGED, codeOf, inWords, Skipped } from "./system.ts";
import { sizeWords } from "./text.ts";
import type { Both, Side } from "./types.ts";

/** Two clocks that differ by more may take the wrong version for newer. */
const CLOCK_MS = 5000;

/** What is asked of a root. */
export interface RootContext {
  readonly side: Side;
  /** Absolute path. */
  readonly path: string;
  /** Names the probe file. */
  readonly owner: TemporaryOwner;
  readonly networkRoots: "refuse" | "allow_all";
  /** What Deno takes for the network; null: it is none of that. */
  readonly network: NetworkRoot | null;
  readonly retentionDays: number;
}

/** What was found of a root. */
export interface RootFindings {
  readonly checks: readonly Check[];
  /** Null: the root is not there, or can't be written. */
  readonly habits: Habits | null;
  /** Whether files can be read in it, as far as walls go. */
  readonly isReadable: boolean;
}

/**
 * Looks at a root.
 *
 * @param context Which one.
 * @returns What was found.
 */
export function lookAtRoot(context: RootContext): RootFindings {
  const { side, path } = context;
  const of = (name: string) => ({ name, side });
  const { network, networkRoots } = context;
  if (network !== null && networkRoots === "refuse") {
    // Inside the walls nothing more can be found out of it.
    const checks = [refusedCheck(side, network)];
    return { checks, habits: null, isReadable: false };
  }
  let real: RealRoot;
  try {
    real = checkRoot(side, path);
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    const says = error.message.replace(/\.(?: Nothing was changed\.)?$/, "");
    const checks = [problem(of("root"), says, error.hint ?? "")];
    return { checks, habits: null, isReadable: false };
  }
  const { habits, check: writing } = tryOut(context);
  return {
    checks: [
      fine(of("root"), path),
      placeCheck(context, real),
      spaceCheck(of("free space"), roomAt(path)),
      writing,
      ...habits === null ? [] : habitChecks(side, habits),
      keptCheck(context, habits),
    ],
    habits,
    isReadable: true,
  };
}

const LETTER = "A drive letter is there only while its user is logged on: " +
  "for a task that runs without, name the folder as \\\\server\\share.";

function placeCheck(
  { side, path, network }: RootContext,
  real: RealRoot,
): Check {
  const of = { name: "real path", side };
  const [led, named] = [real.path, path].map((it) =>
    it.replace(/(?<=.)[/\\]+$/, "")
  );
  const isLink = led !== named;
  const where = isLink ? `${real.path}, where ${path} leads to` : path;
  if (network !== null) {
    const says = `${where}, on the network: runs are made without the ` +
      "sandbox, as sandbox.network_roots: allow_all says";
    return fine(of, isDrive(path) ? `${says}. ${LETTER}` : says);
  }
  const over = networkOf(path);
  return fine(of, over === null ? where : `${where}, over ${over}`);
}

function refusedCheck(side: Side, network: NetworkRoot): Check {
  const { root, share } = network;
  const where = share === null || share === root ? "" : ` (${share})`;
  const todo = "To run without the sandbox, add sandbox: { network_roots: " +
    "allow_all } to the config, or set it in the section that is there; or " +
    "use a folder of this computer.";
  return problem(
    { name: "real path", side },
    `${root}${where} is on the network: inside the sandbox its files can't ` +
      "be read, so no run starts",
    isDrive(root) ? `${todo} ${LETTER}` : todo,
  );
}

function isDrive(path: string): boolean {
  return /^[a-z]:/i.test(path);
}

/** By the steps of a run: with its probe, and with a copy from end to end. */
function tryOut(
  context: RootContext,
): { readonly habits: Habits | null; readonly check: Check } {
  const { side, path, owner } = context;
  const of = { name: "writing", side };
  try {
    // Before the first run there is no folder of its own, and none is made.
    const inside = isThere(`${path}/${OWN_FOLDER}`) ? OWN_FOLDER : "";
    const probed = probe(path, owner, inside);
    if (probed !== null) {
      rehearse(new Root(side, path, probed.habits), owner, inside);
      const says = "a file could be written, dated and removed";
      return { habits: probed.habits, check: fine(of, says) };
    }
    const foreign = foreignFolder(path);
    if (foreign !== null) {
      return { habits: null, check: problem(of, foreign.says, foreign.todo) };
    }
    const says = "no file can be written";
    const todo = "Give the account that runs office-sync the right to write " +
      `to "${path}".`;
    return { habits: null, check: problem(of, says, todo) };
  } catch (error) {
    const code = codeOf(error);
    if (code === null && !(error instanceof Skipped)) throw error;
    const says = `the file that was written could not be used: ${
      inWords(error)
    }`;
    if (code === "SANDBOX") {
      return { habits: null, check: problem(of, says, spellingTodo(context)) };
    }
    const todo = "Try once more when no run is active.";
    return { habits: null, check: warning(of, says, todo) };
  }
}

/** Copies a file of its own within the root, and removes both. */
function rehearse(root: Root, owner: TemporaryOwner, inside: string): void {
  const [source, temporary, target] = [1, 2, 3].map((n) =>
    joinPath(inside, temporaryName(owner, n))
  ) as [string, string, string];
  try {
    Deno.writeTextFileSync(root.absolute(source), "tried by the doctor", {
      createNew: true,
    });
    const seen = root.look(source);
    if (seen.kind !== "file") throw new Skipped(CHANGED);
    const copy = flushCopy(stageCopy({
      from: root,
      path: source,
      seen: seen.figures,
      to: root,
      temporary,
      mode: 0o600,
      wantsHash: true,
    }));
    if ("error" in copy) throw copy.error;
    placeNew(root, temporary, target);
  } finally {
    for (const path of [source, temporary, target]) {
      dropCopy({ to: root, temporary: path });
    }
  }
}

function spellingTodo({ side, path }: RootContext): string {
  const real = onDisk(path);
  return real === path
    ? "Start the doctor by the command that starts the runs."
    : `Write ${side}_root as the disk spells it, "${real}"; a program that ` +
      "was made for one config must then be made anew.";
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch (error) {
    if (codeOf(error) === null) throw error;
    return false;
  }
}

function habitChecks(side: Side, habits: Habits): Check[] {
  const { ignoresCase, ignoresNormalForm, hasWindowsNames, tickMs } = habits;
  const names = [
    `A and a are ${ignoresCase ? "one name" : "two names"}`,
    ...ignoresNormalForm ? ["é in two spellings is one name"] : [],
    ...hasWindowsNames ? ["names are held to Windows' rules"] : [],
  ];
  return [
    fine({ name: "names", side }, names.join("; ")),
    fine(
      { name: "times", side },
      tickMs === 1
        ? "to the millisecond"
        : `cut to ${tickMs < 1000 ? `${tickMs} ms` : `${tickMs / 1000} s`}`,
    ),
  ];
}

function keptCheck(context: RootContext, habits: Habits | null): Check {
  const { side, path, owner, retentionDays } = context;
  const of = { name: "soft delete", side };
  const root = new Root(side, path, habits ?? glance(path));
  let [files, bytes, foreign] = [0, 0, 0];
  let trouble: string | null = null;
  const onTrouble = (at: string, why: string) =>
    trouble ??= `${at} can't be looked at: ${why}`;
  for (const run of runFolders(root, onTrouble)) {
    for (const { figures } of keptFiles(root, run, onTrouble)) {
      files++;
      bytes += figures.sizeBytes;
      if (run.pair !== owner.pair) foreign += figures.sizeBytes;
    }
  }
  const limit = retentionDays === 0
    ? "kept for good"
    : `kept for ${retentionDays} days`;
  const others = foreign === 0
    ? ""
    : `; ${sizeWords(foreign)} of it by other PCs, or before the state DB ` +
      "was lost: runs of this PC leave that alone";
  const count = `${files} ${files === 1 ? "file" : "files"}`;
  const says = `${count}, ${sizeWords(bytes)}, ${limit}${others}`;
  if (trouble !== null) {
    return warning(of, `${says}; ${trouble}`, "See who may read that folder.");
  }
  const free = roomAt(path)?.freeBytes ?? Infinity;
  if (bytes <= free) return fine(of, says);
  return warning(
    of,
    `${says}: more than is free on the disk`,
    "Set soft_delete.retention_days, or remove old folders below " +
      `${path}/.office-sync/deleted.`,
  );
}

/**
 * Whether both file systems go by one clock.
 *
 * @param habits Of both roots.
 */
export function clockCheck(habits: Both<Habits>): Check {
  const of = { name: "clocks", side: null };
  const offsets = [habits.left.clockOffsetMs, habits.right.clockOffsetMs];
  const [left = 0, right = 0] = offsets;
  const apartMs = Math.abs(left - right);
  const worst = Math.max(apartMs, ...offsets.map(Math.abs));
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  if (worst <= CLOCK_MS) {
    return fine(of, `Left and Right differ by ${seconds(apartMs)}`);
  }
  return warning(
    of,
    `against this PC's clock Left is ${seconds(left)} ahead, Right ${
      seconds(right)
    }`,
    "Set all clocks by one time server: of two versions the one with the " +
      "later time counts as the newer.",
  );
}
