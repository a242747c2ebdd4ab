/**
 * The program as a second process, inside its walls.
 *
 * @module
 */
import { join } from "node:path";

/**
 * Each thread's room in memory, in MB. That for what lives shortly, left to
 * itself, grows with the files that are looked at, and is no quicker for it.
 * For all else a PC with little memory is given little by default, and the
 * first meeting of a million files would end there; so it may be paged out.
 *
 * Code is optimized by the thread that runs it: more threads, and their
 * memory, for each that scans only get into each other's way.
 */
export const V8_FLAGS = "--v8-flags=" + [
  "--max-semi-space-size=2",
  "--max-old-space-size=16384",
  "--no-concurrent-recompilation",
].join(",");

/**
 * What makes the start the same everywhere. The settings are named, as those
 * of another project may be nearer to the current folder. The lock file must
 * be complete: nothing is written beside the program, and a module that is
 * not listed there is not loaded, also when code asks for it while it runs.
 * Types are not checked and compiled code is kept from run to run; both are
 * the defaults, and the start would take half as long again without.
 */
const RUN = [
  "run",
  `--config=${join(import.meta.dirname ?? ".", "..", "deno.json")}`,
  "--frozen",
  // A computed import would still ask the registry, from inside the walls.
  "--cached-only",
  V8_FLAGS,
];

/**
 * Variables that are settings of Deno and Node begin so. They are made for
 * other programs, and one of them is enough to have every run end with no run
 * at all, its permissions asked of somebody else, or its doings told to one.
 */
export const FOREIGN_PREFIXES: readonly string[] = ["DENO_", "NODE_", "OTEL_"];

/** Those that say which certificates of mail servers are trusted. */
export const KEPT_VARIABLES: readonly string[] = [
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
];

/** Of a checkout: where its packages are, and what docs/sandbox.md tells of. */
const KEPT_HERE = [...KEPT_VARIABLES, "DENO_DIR", "DENO_AUDIT_PERMISSIONS"];

/**
 * The environment of the program: this one without settings for others.
 *
 * @param environment All variables of this process.
 * @returns Null where they can't be seen, as the portable folder's launcher has
 *   cleared them already.
 */
export function cleanEnvironment(
  environment: Readonly<Record<string, string>>,
): Record<string, string> | null {
  const all = Object.entries(environment);
  if (all.length === 0) return null;
  return Object.fromEntries(all.filter(([name]) => {
    // Windows takes no notice of case there.
    const key = Deno.build.os === "windows" ? name.toUpperCase() : name;
    if (key === "SSLKEYLOGFILE") return false;
    return KEPT_HERE.includes(key) ||
      !FOREIGN_PREFIXES.some((prefix) => key.startsWith(prefix));
  }));
}

/**
 * Runs a program inside its walls, and waits for it. It gets the terminal and
 * the signals.
 *
 * @param permissions The flags that build the walls.
 * @param program Path or file URL of the program, and its arguments.
 * @returns Its exit code; 128 + n if signal n killed it.
 */
export async function runInside(
  permissions: readonly string[],
  program: readonly string[],
): Promise<number> {
  let child: Deno.ChildProcess | null = null;
  // Listening begins before there is a child: a signal in between would end
  // this process and leave the child alone.
  onSignals((signal) => {
    try {
      child?.kill(signal);
    } catch {
      // It has just ended.
    }
  });
  const env = cleanEnvironment(Deno.env.toObject());
  child = new Deno.Command(Deno.execPath(), {
    args: [...RUN, ...permissions, ...program],
    ...env === null ? {} : { clearEnv: true, env },
  }).spawn();
  const { code } = await child.status;
  return code >>> 0 === STOPPED_BY_KEY ? INTERRUPTED : code;
}

/** What Windows ends a program with at Ctrl+C, and what that is elsewhere. */
const STOPPED_BY_KEY = 0xc000_013a;
const INTERRUPTED = 130;

/**
 * The keyboard's signal goes to all processes of a terminal, on Windows of a
 * console: the child has it already, and a second one would look as if the
 * user had lost patience. All the same it is listened for, to outlive the
 * child and hand on its exit code. And listened for to the very end: what the
 * child died of may come here a moment later.
 */
function onSignals(passOn: (signal: Deno.Signal) => void): void {
  const isWindows = Deno.build.os === "windows";
  const isKeyboard = isWindows || Deno.stdin.isTerminal() ||
    Deno.stdout.isTerminal() || Deno.stderr.isTerminal();
  const ignore = () => {};
  const wanted: [Deno.Signal, () => void][] = [
    ["SIGINT", isKeyboard ? ignore : () => passOn("SIGINT")],
    isWindows ? ["SIGBREAK", ignore] : ["SIGTERM", () => passOn("SIGTERM")],
  ];
  // A terminal that is closed may tell only the first of its processes.
  // Without a terminal it is left as it is: that is what nohup is for.
  if (isKeyboard) {
    wanted.push(["SIGHUP", isWindows ? ignore : () => passOn("SIGHUP")]);
  }
  for (const [signal, listener] of wanted) listen(signal, listener);
}

function listen(signal: Deno.Signal, listener: () => void): void {
  try {
    Deno.addSignalListener(signal, listener);
  } catch (error) {
    // A signal that this system has not.
    if (!(error instanceof TypeError)) throw error;
  }
}
