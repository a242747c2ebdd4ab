/**
 * The sandbox of a run: from a config to the permission flags of the process
 * that syncs, and to what each of its threads may. What is not named here they
 * can't do: run a program, load a library, see the environment, reach another
 * host or path.
 *
 * Pure: it names paths, and looks at none.
 *
 * @module
 */
import type { Config, EmailConfig } from "./config_schema.ts";
import { EXIT, SyncError } from "./errors.ts";
import { isInside, isWindowsPath, rulesOf } from "./paths.ts";
import {
  isNetworkPath,
  type NetworkConfig,
  networkRefusal,
  networkRootsOf,
} from "./sandbox_network.ts";
import { quoted } from "./text.ts";
import type { Walls } from "./wire_messages.ts";

/**
 * The part of a config that says what a run has to touch. All paths are
 * absolute.
 */
export interface SandboxConfig extends NetworkConfig {
  readonly stateDb: string;
  /** Another that may turn out to be the one; null, or left out: none may. */
  readonly oldStateDb?: string | null;
  readonly logging: Pick<Config["logging"], "file" | "maxFiles">;
  /** Null: no mail is sent. */
  readonly email:
    | null
    | Pick<EmailConfig, "smtpHost" | "smtpPort" | "passwordEnv">;
  /** Null, or left out: nobody is told how runs end. */
  readonly monitor?: Pick<NonNullable<Config["monitor"]>, "host"> | null;
}

/**
 * What a command is for. `plan` only looks: it writes below no root, not
 * into the state DB either, and sends nothing. `doctor` tries what a sync
 * does, and may ask how full a disk is. `panel` changes files as a sync does,
 * listens on this computer alone, and sends nothing.
 */
export type Access = "sync" | "plan" | "doctor" | "panel";

/** What the flags depend on besides the config. */
export interface SandboxOptions {
  readonly access: Access;
  /** Where the panel listens; 0, or left out: on any port that is free. */
  readonly port?: number;
  /**
   * Folder of the program's modules: workers are loaded from there by their
   * file URL, which counts as reading. Null in a compiled binary.
   */
  readonly programFolder: string | null;
  /** A file named on the command line to be written; null: none. */
  readonly outputFile: string | null;
  /** Another that is written with it. */
  readonly twinFile?: string | null;
  /** Real paths of both roots, Left first, where that is Windows; else none. */
  readonly realRoots: readonly string[];
  /**
   * Tells how the disk spells a path, which is what an open file is held
   * against: without links, in its own letters. Left out: as it is written.
   */
  readonly onDisk?: (path: string) => string;
}

/**
 * In every set. Asking would let whoever sits there allow more, and a
 * scheduled run would hang. Libraries look at variables and would fail;
 * ignored ones read as unset. Without a list of its own, importing is
 * allowed from several public hosts; `--deny-import` alone leaves that list
 * as it is, one host that can't exist takes its place.
 */
const NOTHING = [
  "--no-prompt",
  "--ignore-env",
  "--allow-import=nowhere.invalid:1",
] as const;

/**
 * With a root on the network: nothing less lets anybody read its files. The
 * threads that make none of them are held all the same.
 */
const EVERYTHING = ["--no-prompt", "--allow-all"] as const;

/** What is asked of the system; a mail says on which PC, and as whom. */
export type Sys =
  | "statfs"
  | "osUptime"
  | "hostname"
  | "userInfo"
  | "uid"
  | "gid";

const MAILED: readonly Sys[] = ["hostname", "userInfo", "uid", "gid"];

/**
 * What a thread may do: lists as the runtime takes them, empty for nothing. No
 * thread may start a program, load a library or import what is not its own.
 */
export interface ThreadPermissions {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[];
  readonly env: readonly string[];
  readonly sys: readonly Sys[];
}

/** What the process of a run may do, and each of its threads. */
export interface Sandbox {
  /** To be put before the program. */
  readonly flags: readonly string[];
  /** No root, whatever the process may. */
  readonly engine: ThreadPermissions;
  /**
   * The roots and nothing else; "all" where one of them is on the network: a
   * permission for the roots would not do, and the fence is what holds them.
   */
  readonly files: ThreadPermissions | "all";
  /** What that means for the roots. */
  readonly walls: Walls;
}

/** Of a thread that has nothing to do with files. */
const NO_PERMISSIONS: ThreadPermissions = {
  read: [],
  write: [],
  net: [],
  env: [],
  sys: [],
};

/**
 * The sandbox of commands that need no config, such as `--help`.
 *
 * @param outputFile The one file that may be read and written, or null.
 * @param own Where the program is: its threads are loaded by name, which
 *   counts as reading.
 * @param onDisk As in {@linkcode SandboxOptions}.
 *
 * @example Nothing but the program itself
 * ```ts
 * import { bareSandbox } from "./sandbox_permissions.ts";
 * bareSandbox(null, ["/app/lib"]).flags.at(-1); // "--allow-read=/app/lib"
 * ```
 */
export function bareSandbox(
  outputFile: string | null,
  own: readonly string[],
  onDisk: (path: string) => string = (path) => path,
): Sandbox {
  const write = spellings([outputFile], { onDisk });
  const read = [...write, ...spellings(own, { onDisk })];
  const engine = { ...NO_PERMISSIONS, read, write };
  return {
    flags: flagsOf([engine]),
    engine,
    files: NO_PERMISSIONS,
    walls: { by: "permissions", network: [] },
  };
}

/** The flags that let a process do what its threads may. */
export function flagsOf(threads: readonly ThreadPermissions[]): string[] {
  const all = (name: keyof ThreadPermissions) =>
    threads.flatMap((it) => it[name]);
  const plain = (name: "net" | "env" | "sys") => {
    const values = [...new Set(all(name))];
    return values.length === 0 ? [] : [`--allow-${name}=${values}`];
  };
  return [
    ...NOTHING,
    ...plain("net"),
    ...plain("env"),
    ...plain("sys"),
    ...pathFlag("--allow-read", all("read")),
    ...pathFlag("--allow-write", all("write")),
  ];
}

/**
 * The permission flags of a run, for `deno run` and `deno compile` alike.
 *
 * The state DB's journal files need no flag: SQLite opens them itself, once
 * the database file is allowed, also where that may only be read.
 *
 * @param config What the run has to touch; all paths absolute.
 * @param options What it is for.
 * @returns The flags, to be put before the program.
 * @throws {SyncError} Exit code 2, if host or variable hold a character that
 * would open more than one of them, or a root is a network drive and the
 * config refuses that.
 *
 * @example A run that sends no mail
 * ```ts
 * import { sandboxFlags } from "./sandbox_permissions.ts";
 * const flags = sandboxFlags({
 *   file: "/srv/office/config.yaml",
 *   roots: { left: "/srv/left", right: "/srv/right" },
 *   stateDb: "/srv/office/office-sync.db",
 *   logging: { file: "/srv/office/logs/office-sync.log", maxFiles: 5 },
 *   email: null,
 *   networkRoots: "refuse",
 * }, { access: "sync", programFolder: null, outputFile: null, realRoots: [] });
 * flags.at(-1);
 * // --allow-write=/srv/left,/srv/right,/srv/office/office-sync.db,
 * //   /srv/office/office-sync.db.lock,/srv/office/logs
 * ```
 */
export function sandboxFlags(
  config: SandboxConfig,
  options: SandboxOptions,
): readonly string[] {
  return sandboxOf(config, options).flags;
}

/**
 * The sandbox of a run: of its process, and of its threads.
 *
 * @param config What the run has to touch; all paths absolute.
 * @param options What it is for.
 * @throws {SyncError} As {@linkcode sandboxFlags} does.
 */
export function sandboxOf(
  config: SandboxConfig,
  options: SandboxOptions,
): Sandbox {
  const { access, programFolder, outputFile } = options;
  const network = networkRootsOf(config, options.realRoots);
  const isFenced = network.length > 0 && config.networkRoots !== "refuse";
  // The doctor is there to tell what is wrong: it starts in any case.
  if (network.length > 0 && !isFenced && access !== "doctor") {
    throw networkRefusal(config, network);
  }
  const both = (...paths: (string | null)[]) => spellings(paths, options);
  const roots = both(config.roots.left, config.roots.right);
  const logs = logPaths(config, programFolder, both);
  const own = both(config.file, programFolder);
  const output = both(outputFile, options.twinFile ?? null);
  const isPlan = access === "plan";
  const state = both(
    ...recordsOf(config).flatMap((it) => isPlan ? [it] : [it, `${it}.lock`]),
  );
  const engine: ThreadPermissions = {
    ...access === "panel"
      ? { ...NO_PERMISSIONS, net: [`127.0.0.1:${options.port ?? 0}`] }
      : isPlan
      ? NO_PERMISSIONS
      : hostPermissions(config),
    // When the machine was started: whose owner files are left behind.
    sys: [
      "osUptime",
      ...access === "doctor" ? ["statfs" as const] : [],
      ...access !== "panel" && !isPlan && config.email !== null ? MAILED : [],
    ],
    read: [...state, ...logs, ...own],
    write: [...isPlan ? [] : state, ...logs, ...output],
  };
  const files: ThreadPermissions = {
    ...NO_PERMISSIONS,
    // Whether a root is on a disk of this machine, and how full that is.
    sys: ["statfs"],
    read: roots,
    write: isPlan ? [] : roots,
  };
  const walls: Walls = { by: isFenced ? "fence" : "permissions", network };
  return isFenced
    ? { flags: EVERYTHING, engine, files: "all", walls }
    : { flags: flagsOf([files, engine]), engine, files, walls };
}

/** Of several, which one it is turns out later. */
function recordsOf({ stateDb, oldStateDb }: SandboxConfig): string[] {
  return [stateDb, ...oldStateDb ? [oldStateDb] : []];
}

/**
 * Each path as it is written, by which most calls are checked, and as the disk
 * spells it, by which an open file is.
 */
function spellings(
  paths: readonly (string | null)[],
  { onDisk }: Pick<SandboxOptions, "onDisk">,
): string[] {
  const all = paths.filter((path) => path !== null).flatMap((path) => {
    const real = onDisk?.(path) ?? path;
    // There nothing but all permissions would do.
    return isNetworkPath(real) ? [path] : [path, real];
  });
  return [...new Set(all)];
}

/**
 * The log folder; but where that holds more than logs, the log files alone:
 * a run must not be able to change its own config or program.
 */
function logPaths(
  config: SandboxConfig,
  programFolder: string | null,
  both: (...paths: (string | null)[]) => string[],
): string[] {
  const { file, maxFiles } = config.logging;
  const folders = both(rulesOf(file).dirname(file));
  const { left, right } = config.roots;
  // A folder that holds a root would open that to the engine as well.
  const others = both(config.file, ...recordsOf(config), programFolder)
    .concat(both(left, right));
  const isShared = folders.some((folder) =>
    others.some((path) => isInside(path, folder))
  );
  if (!isShared) return folders;
  const old = Array.from(
    { length: maxFiles - 1 },
    (_, n) => `${file}.${n + 1}`,
  );
  return both(file, ...old);
}

/** For the mail server and the monitor. */
function hostPermissions(
  { email, monitor }: SandboxConfig,
): ThreadPermissions {
  const mail = mailPermissions(email);
  if (!monitor) return mail;
  const { host } = monitor;
  if (!/^(?:[\w.-]+|\[[\dA-Fa-f:.]+\]):\d+$/.test(host)) {
    throw unsafe("monitor.ping_url", host);
  }
  return { ...mail, net: [...new Set([...mail.net, host])] };
}

function mailPermissions(email: SandboxConfig["email"]): ThreadPermissions {
  if (email === null) return NO_PERMISSIONS;
  const { smtpHost, smtpPort, passwordEnv } = email;
  // A comma would begin a second one, a star stand for many, a slash for a
  // whole net; other letters than these stop the process from starting.
  if (!/^(?:[\w.-]+|(?=.*:.*:)[\dA-Fa-f:.]+)$/.test(smtpHost)) {
    throw unsafe("email.smtp_host", smtpHost);
  }
  if (passwordEnv !== null && !/^\w+$/.test(passwordEnv)) {
    throw unsafe("email.password_env", passwordEnv);
  }
  const host = smtpHost.includes(":") ? `[${smtpHost}]` : smtpHost;
  return {
    ...NO_PERMISSIONS,
    net: [`${host}:${smtpPort}`],
    env: passwordEnv === null ? [] : [passwordEnv],
  };
}

function unsafe(key: string, value: string): SyncError {
  const message = `${key} can't be allowed: ${quoted(value)}`;
  const hint = "It must be one name of letters, digits, dots, - and _.";
  return new SyncError(message, EXIT.usage, { hint });
}

/** A comma separates paths unless doubled. */
function pathFlag(flag: string, paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  const escaped = [...new Set(paths)].map((path) =>
    // `P:\` would take the closing quote with it; `P:/` is the same folder.
    (isWindowsPath(path) ? path.replace(/\\$/, "/") : path)
      .replaceAll(",", ",,")
  );
  return [`${flag}=${escaped}`];
}
