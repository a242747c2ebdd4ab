/**
 * The command doctor: looks whether all is as a run needs it, also before the
 * first one. It writes nothing but the file by which a run, too, tries out
 * what a root does to names and times.
 *
 * @module
 */
import {
  type Check,
  checksDocument,
  checksText,
  exitCodeOf,
  fine,
  problem,
  warning,
} from "./checks.ts";
import { print } from "./cli_output.ts";
import { onDisk } from "./config_loader.ts";
import type { Config } from "./config_schema.ts";
import { type ExitCode, InterruptedError } from "./errors.ts";
import { UNINTERRUPTED } from "./interrupt.ts";
import type { DoctorInvocation } from "./invocation.ts";
import { errorWords } from "./log_lines.ts";
import { jsonText } from "./report_json.ts";
import {
  clockCheck,
  lookAtRoot,
  type RootContext,
  type RootFindings,
} from "./root_checks.ts";
import { checkRoots } from "./root_identity.ts";
import { joiningWords, meet } from "./run_identify.ts";
import type { SyncListener, SyncOptions } from "./run_types.ts";
import {
  type NetworkRoot,
  networkRootsOf,
  networkWords,
  REAL_PATH,
  type RealPath,
  realRootsOf,
} from "./sandbox_network.ts";
import {
  asProblem,
  identityCheck,
  lastRunCheck,
  ownFileChecks,
  stateChecks,
} from "./state_checks.ts";
import { asGuard, StateDb } from "./state_db.ts";
import { newRunId, runSync } from "./sync.ts";
import { PROGRAM } from "./text.ts";
import type { Both, Side } from "./types.ts";

const isTask = PROGRAM !== "office-sync";

/** How long the mail server may take, in ms. */
const MAIL_BOUND_MS = 15_000;

/**
 * Looks, and tells what was found.
 *
 * @param invocation How to tell it.
 * @param config The config.
 * @param realPath Tells real paths of roots.
 * @returns The exit code: 1 if something needs attention.
 */
export async function doctor(
  invocation: DoctorInvocation,
  config: Config,
  realPath: RealPath | null = REAL_PATH,
): Promise<ExitCode> {
  const network = networkRootsOf(config, realRootsOf(config, realPath));
  const checks = [
    fine({ name: "config", side: null }, config.file),
    ...officeChecks(config, network),
    ...ownFileChecks(config.stateDb, config.logging.file),
    ...await joiningChecks(config),
    await mailCheck(config),
    permissionCheck(config, network),
  ];
  print(
    invocation.isJson ? jsonText(checksDocument(checks)) : checksText(checks),
  );
  return exitCodeOf(checks);
}

/** Without a state DB that can be read, at least the roots are looked at. */
function officeChecks(
  config: Config,
  network: readonly NetworkRoot[],
): Check[] {
  try {
    using db = new StateDb(config.stateDb, { isReadOnly: true });
    const roots = rootFindings(config, network, db.meta("pair"));
    return [
      ...rootChecks(config, roots, db),
      ...stateChecks(db, config.file),
      lastRunCheck(db, Date.now()),
    ];
  } catch (error) {
    const damage = asProblem("state DB", asGuard(error, config.stateDb));
    const roots = rootFindings(config, network, null);
    return [...rootChecks(config, roots, null), damage];
  }
}

/**
 * Of two roots that meet, one was synced before. What that means for how many
 * files a plan would tell; here it ends before it would read any.
 */
async function joiningChecks(config: Config): Promise<Check[]> {
  if (!isJoining(config)) return [];
  const found: { readonly side: Side; readonly files: number }[] = [];
  const options: SyncOptions = {
    isDryRun: true,
    allowed: { deletes: false, changes: false },
    acceptRoots: false,
    listUnchanged: false,
    interrupt: {
      ...UNINTERRUPTED,
      pass: () =>
        found.length === 0
          ? Promise.resolve()
          : Promise.reject(new InterruptedError("SIGINT")),
    },
  };
  const listener: SyncListener = {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
    onJoining: (side, files) => found.push({ side, files }),
  };
  await runSync(newRunId(Date.now()), config, options, listener);
  return found.flatMap(({ side, files }) => {
    const words = joiningWords(side, files);
    return words === null ? [] : [warning(
      { name: "first meeting", side },
      words.replace(/\.$/, ""),
      "Look at the plan before the first run; remove what is old, or meant " +
        "to stay deleted, on the side that is new.",
    )];
  });
}

/** What is wrong with the roots is told by other checks. */
function isJoining(config: Config): boolean {
  const paths = { left: config.leftRoot, right: config.rightRoot };
  try {
    using db = new StateDb(config.stateDb, { isReadOnly: true });
    const owner = { pair: "doctor", run: "doctor" };
    const options = { isDryRun: true, acceptRoots: false, owner };
    return meet(db, paths, options).newSide !== null;
  } catch {
    return false;
  }
}

function rootFindings(
  config: Config,
  network: readonly NetworkRoot[],
  pair: string | null,
): Both<RootFindings> {
  // A pair without a state DB has no name yet.
  const owner = { pair: pair ?? "doctor", run: newRunId(Date.now()) };
  const look = (side: Side, path: string) => {
    const context: RootContext = {
      side,
      path,
      owner,
      networkRoots: config.networkRoots,
      network: network.find(({ key }) => key === `${side}_root`) ?? null,
      retentionDays: config.softDelete.retentionDays,
    };
    return lookAtRoot(context);
  };
  return {
    left: look("left", config.leftRoot),
    right: look("right", config.rightRoot),
  };
}

function rootChecks(
  config: Config,
  { left, right }: Both<RootFindings>,
  db: StateDb | null,
): Check[] {
  const checks = [...left.checks, ...right.checks];
  const paths = { left: config.leftRoot, right: config.rightRoot };
  if (left.habits !== null && right.habits !== null) {
    checks.push(clockCheck({ left: left.habits, right: right.habits }));
  }
  if (!left.isReadable || !right.isReadable) return checks;
  try {
    checkRoots(paths);
    checks.push(fine({ name: "roots", side: null }, "apart from each other"));
    if (db !== null) checks.push(identityCheck(db, paths));
  } catch (error) {
    checks.push(asProblem("roots", error));
  }
  return checks;
}

async function mailCheck({ email }: Config): Promise<Check> {
  const of = { name: "mail", side: null };
  if (email === null) return fine(of, "no mail is sent");
  const { passwordEnv, username } = email;
  const password = passwordEnv === null
    ? email.password
    : Deno.env.get(passwordEnv) || null;
  if (passwordEnv !== null && password === null) {
    const says = `the variable ${passwordEnv} with the password is not set`;
    const todo = "Set it for the account, or the task, that runs office-sync.";
    return problem(of, says, todo);
  }
  const waits = "Mails wait until they can be sent; no run fails for want of " +
    "them.";
  try {
    const { Mailer } = await import("./mail_smtp.ts");
    const { serverWords } = await import("./mail_smtp.ts");
    using mailer = new Mailer({ email, password, boundMs: MAIL_BOUND_MS });
    const fault = await mailer.verify();
    if (fault === null) {
      const login = mailer.hasLoggedIn
        ? " and takes the login"
        : username === null
        ? ""
        : " and asks for no login";
      return fine(of, `${serverWords(email)} answers${login}`);
    }
    const todo = fault.todo === null
      ? "Nothing in the config is wrong with that; try again later."
      : asSentence(fault.todo);
    return problem(of, fault.says, `${todo} ${waits}`);
  } catch (error) {
    const says = `the mail server can't be asked: ${errorWords(error)}`;
    return problem(of, says, waits);
  }
}

function asSentence(words: string): string {
  const text = words[0]!.toUpperCase() + words.slice(1);
  return text.endsWith("?") ? text : `${text}.`;
}

/** What this process may do, as it is, and not as it should be. */
function permissionCheck(
  config: Config,
  network: readonly NetworkRoot[],
): Check {
  const of = { name: "permissions", side: null };
  const may = (it: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(it).state === "granted";
  const { leftRoot, rightRoot, stateDb } = config;
  // Most calls are judged by what is written, an open file by the disk's words.
  const shut = [leftRoot, rightRoot, stateDb].filter((path) =>
    [path, onDisk(path)].some((path) =>
      !may({ name: "read", path }) || !may({ name: "write", path })
    )
  );
  if (shut.length > 0) {
    const todo = isTask
      ? `Start it by ${PROGRAM}.`
      : "Make the program anew, with this config.";
    return problem(of, `${shut.join(", ")} can't be used`, todo);
  }
  const open = (["read", "write", "net", "run", "ffi"] as const)
    .filter((name) => may({ name }));
  if (open.length === 0) {
    return fine(
      of,
      "the two roots, its own files" +
        `${config.email === null ? "" : ", the mail server"} and nothing else`,
    );
  }
  const says = `no sandbox: ${open.join(", ")} without limits`;
  const isMeant = config.networkRoots === "allow_all" && network.length > 0;
  return isMeant
    ? fine(
      of,
      `${says}, as sandbox.network_roots: allow_all says: ${
        networkWords(network)
      }`,
    )
    : warning(
      of,
      says,
      isTask
        ? `Start it by ${PROGRAM}.`
        : "Make the program anew, if no root is on the network any more.",
    );
}
