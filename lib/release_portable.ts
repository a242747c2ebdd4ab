/**
 * Makes a portable folder: the program in a few files, the Deno executable, a
 * launcher and the config. It makes its sandbox at every start, as
 * `deno task sync` does, so it may be moved and its config may be changed.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { print, warn } from "./cli_output.ts";
import { loadConfig, parseConfig } from "./config_loader.ts";
import { EXIT, SyncError, UsageError } from "./errors.ts";
import {
  bundle,
  type Given,
  networkFrom,
  requireFile,
  requirePath,
} from "./release_binary.ts";
import { FOREIGN_PREFIXES, KEPT_VARIABLES } from "./sandbox_launcher.ts";
import {
  oldWordHint,
  REAL_PATH,
  type RealPath,
  wallWords,
} from "./sandbox_network.ts";
import { codeOf, inWords } from "./system.ts";
import { quoted } from "./text.ts";
import { SIDES } from "./types.ts";

/** What `--help` prints. */
export const PACKAGE_HELP =
  `Makes a portable folder of office-sync that needs no download.

Usage: deno task package --config FILE [OPTIONS]

Options:
  --config FILE    the config that is put into it (default: config.yaml)
  --output FOLDER  the folder (default: office-sync-portable in the current one)
  --deno FILE      the Deno executable of another system, such as deno.exe`;

/**
 * How the launcher is started. It reads the config, works out the permissions
 * and starts the program with those and no more. Nothing is asked of the
 * network, not even whether there is a newer Deno.
 */
const START = "run --no-prompt --no-lock --cached-only --no-remote --no-npm" +
  " --ignore-env --allow-read --allow-run";

const SHELL = `#!/bin/sh
# Starts office-sync in its sandbox; needs nothing but this folder.
here=$(dirname -- "$(readlink -f -- "$0")") || exit 5
# Settings of Deno and Node are made for other programs.
for name in $(env | sed -n ${
  FOREIGN_PREFIXES.map((it) => `-e 's/^\\(${it}[A-Za-z0-9_]*\\)=.*/\\1/p'`)
    .join(" ")
}); do
  case $name in
    ${KEPT_VARIABLES.join(" | ")}) ;;
    *) unset "$name" ;;
  esac
done
unset SSLKEYLOGFILE
export DENO_NO_UPDATE_CHECK=1
exec "$here/deno" ${START} \\
  "--config=$here/deno.json" "$here/lib/main.js" \\
  "--config=$here/config.yaml" "$@"
`;

/**
 * Without delayed expansion, whatever the registry says: with it, a path that
 * holds a ! would lose it.
 */
const CMD = `@echo off
rem Starts office-sync in its sandbox; needs nothing but this folder.
setlocal EnableExtensions DisableDelayedExpansion
rem Settings of Deno and Node are made for other programs. One is set first, so
rem that there is something to list.
${
  FOREIGN_PREFIXES.map((it) =>
    `set "${it}NONE=1"\nfor /f "delims==" %%v in ('set ${it}') do ${
      KEPT_VARIABLES.map((it) => `if /i not "%%v"=="${it}" `).join("")
    }set "%%v="`
  ).join("\n")
}
set "SSLKEYLOGFILE="
set "ERRORLEVEL="
set "DENO_NO_UPDATE_CHECK=1"
"%~dp0deno.exe" ${START} "--config=%~dp0deno.json" "%~dp0lib\\main.js" "--config=%~dp0config.yaml" %*
exit /b %ERRORLEVEL%
`.replaceAll("\n", "\r\n");

const READ_ME = `office-sync, ready to run

This folder needs no installation and no download. Put it on a local disk,
outside the two folders that are synced.

  office-sync plan      what a run would do; changes nothing
  office-sync           one run
  office-sync doctor    is all as a run needs it?
  office-sync --help    everything else

On Linux write ./office-sync. "office-sync schedule" prints what the Task
Scheduler, systemd or cron needs to start it.

config.yaml is the config; edit it as you like. If it holds a password, keep
this folder where only you can read it. Unless the config says otherwise, the
record (config.db) and the log (logs) are written into this folder. The
record is all office-sync remembers: keep it when you replace the program, and
take it along when you move the folder.

The sync runs in a process that may touch the two folders, its record, its log
and the configured mail server, and nothing else. Of folders on a network drive
of Windows a fence of its own takes care: docs/sandbox.md tells how.
`.replaceAll("\n", "\r\n");

/**
 * Makes the folder.
 *
 * @param given The options, by name.
 * @param realPath Tells real paths of roots here.
 * @throws {SyncError} A config or a path is not usable, the folder can't be
 *   made, or a root is on the network and the config does not allow that.
 */
export async function makePackage(
  given: Given,
  realPath: RealPath | null = REAL_PATH,
): Promise<void> {
  const file = resolve(given.config ?? "config.yaml");
  const folder = resolve(given.output ?? "office-sync-portable");
  const text = await portableConfig(file, join(folder, "config.yaml"));
  const deno = resolve(given.deno ?? Deno.execPath());
  requireFile("--deno", deno);
  const isWindows = /\.exe$/iu.test(deno);
  const told = await rootsTold(file, text, isWindows, realPath);
  try {
    makeEmpty(folder);
    try {
      await fill(folder, text, deno, isWindows);
    } catch (error) {
      // Half a folder would only stand in the way of the next try.
      Deno.removeSync(folder, { recursive: true });
      throw error;
    }
  } catch (error) {
    if (codeOf(error) === null) throw error;
    throw new SyncError(
      `${quoted(folder)} can't be made: ${inWords(error)}.`,
      EXIT.usage,
      { cause: error },
    );
  }
  print(`Made ${quoted(folder)} from the config ${quoted(file)}.`);
  for (const line of told) warn(line);
}

/**
 * What there is to say of roots on the network, in lines. The folder finds out
 * itself at each start; but whoever makes it is to know before.
 *
 * @throws {SyncError} No run would start.
 */
async function rootsTold(
  file: string,
  text: string,
  isWindows: boolean,
  realPath: RealPath | null,
): Promise<string[]> {
  // Read as on that system: //server/share is a share only there. Where the
  // folder will lie nobody knows; not in a root.
  const place = isWindows ? "\\\\nowhere.invalid\\x\\config.yaml" : file;
  const config = await parseConfig(text, place);
  for (const side of SIDES) {
    requirePath(`${side}_root`, config.roots[side], isWindows);
  }
  const { network } = networkFrom(config, file, isWindows, realPath);
  const hint = oldWordHint(config);
  return [
    ...hint === null ? [] : [hint],
    ...network.length > 0 ? [wallWords({ by: "fence", network })] : [],
  ];
}

/** The config's text, if it means the same roots where it is put. */
async function portableConfig(file: string, place: string): Promise<string> {
  const { roots } = await loadConfig(file);
  const text = Deno.readTextFileSync(file);
  const there = await parseConfig(text, place);
  for (const side of SIDES) {
    const was = roots[side];
    if (was === there.roots[side]) continue;
    throw new UsageError(
      `${side}_root starts at the config's own folder, and would be another one in` +
        ` the portable folder; write it in full: ${quoted(was)}.`,
    );
  }
  return text;
}

/** What is there already may be somebody's record: it is never written over. */
function makeEmpty(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  if ([...Deno.readDirSync(folder)].length === 0) return;
  throw new UsageError(
    `--output: ${quoted(folder)} is not empty; name a new folder.`,
  );
}

async function fill(
  folder: string,
  config: string,
  deno: string,
  isWindows: boolean,
): Promise<void> {
  const at = (...names: string[]) => join(folder, ...names);
  Deno.mkdirSync(at("lib"));
  await bundle(at("lib"));
  Deno.copyFileSync(deno, at(isWindows ? "deno.exe" : "deno"));
  // Only its owner may read it: it can hold a password.
  Deno.writeTextFileSync(at("config.yaml"), config, { mode: 0o600 });
  // Settings that stand in a folder above would count without any here; and
  // would still be read, and end every run where they are broken, if this were
  // not a workspace of its own.
  Deno.writeTextFileSync(
    at("deno.json"),
    '{"workspace": [], "unstable": ["lazy-dynamic-imports"]}\n',
  );
  Deno.writeTextFileSync(at("READ-ME.txt"), READ_ME);
  Deno.writeTextFileSync(at("office-sync.cmd"), CMD);
  Deno.writeTextFileSync(at("office-sync"), SHELL, { mode: 0o755 });
}
