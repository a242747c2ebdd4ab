/**
 * The command schedule: what a scheduler needs to know to start runs.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import type { ScheduleInvocation } from "./cli_args.ts";
import { print, warn } from "./cli_output.ts";
import { cantMake } from "./command_shared.ts";
import { type Config, ownFiles } from "./config_schema.ts";
import { EXIT, type ExitCode, SyncError, UsageError } from "./errors.ts";
import { askedRoots } from "./sandbox_network.ts";
import {
  cacheWarnings,
  cronLine,
  driveWarnings,
  printedXml,
  type Scheduled,
  type Scheduler,
  systemdUnits,
  taskXml,
} from "./schedule_text.ts";
import { printable, PROGRAM, quoted, shellQuoted, unitNames } from "./text.ts";
import type { Files } from "./wire_port.ts";

/**
 * Prints, or writes, what a scheduler takes.
 *
 * @throws {SyncError} A path can't be told to that scheduler, or the file is
 *   there already.
 */
export async function schedule(
  { scheduler, everyMinutes, write }: ScheduleInvocation,
  config: Config,
  files: Files,
): Promise<ExitCode> {
  const { file, roots, email } = config;
  const to = scheduler ?? USUAL;
  const variable = email?.passwordEnv ?? null;
  // Beside the config, with its name.
  const environmentFile = `${file.replace(/\.ya?ml$/i, "")}.env`;
  const scheduled: Scheduled = {
    command: [...program(), "--config", file, "--quiet"],
    folder: dirname(file),
    everyMinutes,
    description: `office-sync: ${roots.left} and ${roots.right}`,
    environmentFile: variable === null ? null : environmentFile,
  };
  requireTellable(scheduled, to);
  const way = WAYS[to];
  if (write === null) print(way.text(scheduled).trimEnd());
  else {
    const made = way.files(scheduled, write);
    writeAll(made);
    const names = made.map(([file]) => printable(file)).join(" and ");
    print(`Written: ${names}.\nNext: ${way.next(write, taskName(file))}`);
  }
  const warnings = [
    ...way.warnings([roots.left, roots.right], await askedRoots(files, roots)),
    ...variable === null ? [] : [
      `The mail password is in the variable ${variable}: for scheduled ` +
      `runs, ${way.password(variable, environmentFile)}.`,
    ],
    ...Deno.build.standalone ? [] : cacheWarnings(Deno.execPath()),
  ];
  for (const warning of warnings) warn(printable(warning));
  return EXIT.agreed;
}

const USUAL: Scheduler = Deno.build.os === "windows"
  ? "windows"
  : Deno.build.os === "linux"
  ? "systemd"
  : "cron";

/** What starts this very program, from anywhere. */
function program(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const home = join(import.meta.dirname ?? ".", "..");
  // The portable folder has a launcher of its own, and its own Deno.
  if (PROGRAM === "office-sync") {
    const isWindows = Deno.build.os === "windows";
    return [join(home, isWindows ? "office-sync.cmd" : "office-sync")];
  }
  return [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--frozen",
    "--allow-all",
    `--config=${join(home, "deno.json")}`,
    join(home, "main.ts"),
  ];
}

/** A path that is told wrongly would be another path, every 15 minutes. */
function requireTellable(
  { command, folder, description }: Scheduled,
  scheduler: Scheduler,
): void {
  for (const word of [...command, folder, description]) {
    if (printable(word) !== word) {
      throw new SyncError(
        `${quoted(word)} holds a letter that can't be told to a scheduler.`,
        EXIT.usage,
      );
    }
  }
  const variable = [...command, folder].find((word) => word.includes("%"));
  if (scheduler !== "windows" || variable === undefined) return;
  throw new SyncError(
    `${quoted(variable)}: Task Scheduler takes % for the beginning of a ` +
      "variable; rename the folder.",
    EXIT.usage,
  );
}

/** A new file, and what is to stand in it. */
type NewFile = readonly [file: string, bytes: Uint8Array];

/** What is different from scheduler to scheduler. */
interface Way {
  text(scheduled: Scheduled): string;
  /** @param file The one that a person named. */
  files(scheduled: Scheduled, file: string): readonly NewFile[];
  /** What to do with the files. */
  next(file: string, taskName: string): string;
  /** How the mail password comes to the runs. */
  password(variable: string, environmentFile: string): string;
  /** @param real Their real paths, where those matter. */
  warnings(
    roots: readonly string[],
    real: readonly (string | null)[],
  ): readonly string[];
}

const WAYS: Readonly<Record<Scheduler, Way>> = {
  windows: {
    text: (scheduled) => printedXml(taskXml(scheduled)),
    files: (scheduled, file) => [[file, utf16(taskXml(scheduled))]],
    next: (file, taskName) =>
      `schtasks /Create /TN ${taskName} /XML "${printable(file)}"`,
    password: (variable) =>
      "put it into the config instead, as email.password, and let nobody but " +
      `the task's account read that; setx ${variable} would hide nothing: it ` +
      "keeps it readably in the registry, for every program of that account",
    warnings: (roots, real) =>
      driveWarnings(roots, roots.map((_, n) => real[n] ?? null)),
  },
  cron: {
    text: cronLine,
    files: (scheduled, file) => [[file, utf8(cronLine(scheduled))]],
    next: () => "add what it holds with crontab -e.",
    password: (variable) =>
      `write ${variable}=… in a line of its own above, in the crontab`,
    warnings: () => [],
  },
  systemd: {
    text(scheduled) {
      const { service, timer } = systemdUnits(scheduled);
      return `# office-sync.service\n${service}\n# office-sync.timer\n${timer}`;
    },
    files(scheduled, file) {
      const names = unitNames(file);
      if (names === null) {
        throw new UsageError(
          `--write: ${quoted(file)} is not allowed; for systemd a name of ` +
            "letters, digits, - and _ that ends in .service or .timer: both " +
            "files are written.",
        );
      }
      const { service, timer } = systemdUnits(scheduled);
      return [[names.service, utf8(service)], [names.timer, utf8(timer)]];
    },
    next: (file) =>
      "put both into ~/.config/systemd/user, then: systemctl --user " +
      "daemon-reload && systemctl --user enable --now " +
      basename(unitNames(file)?.timer ?? file),
    password: (variable, file) =>
      `write ${variable}=… into ${file}, which the service reads, and let ` +
      `nobody else read it: chmod 600 ${shellQuoted(file, false) ?? file}`,
    warnings: () => [
      "A user's timers run only while that user is logged in. To let them " +
      "run at any time: loginctl enable-linger",
    ],
  },
};

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Little-endian, with a mark: what Windows itself writes. */
function utf16(text: string): Uint8Array {
  const marked = `\ufeff${text}`;
  const bytes = new DataView(new ArrayBuffer(2 * marked.length));
  for (let at = 0; at < marked.length; at++) {
    bytes.setUint16(2 * at, marked.charCodeAt(at), true);
  }
  return new Uint8Array(bytes.buffer);
}

/** All or none: one of two would look as if it were done. */
function writeAll(files: readonly NewFile[]): void {
  const written: string[] = [];
  for (const [file, bytes] of files) {
    try {
      Deno.writeFileSync(file, bytes, { createNew: true });
      written.push(file);
    } catch (error) {
      for (const file of written) Deno.removeSync(file);
      throw cantMake(file, error);
    }
  }
}

/** Each config of a PC has a task of its own. */
function taskName(configFile: string): string {
  const stem = ownFiles(configFile).state_db.replace(/\.db$/, "");
  if (stem === "config") return "office-sync";
  // What no task may be called, or a command line would take for its own.
  const name = `office-sync-${stem}`.replaceAll(/[\\/:*?"<>|%]/g, "-");
  return /^[\p{L}\p{N}._-]+$/u.test(name) ? name : `"${name}"`;
}
