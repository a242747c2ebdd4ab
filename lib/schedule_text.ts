/**
 * A sync at regular intervals, in the words of Task Scheduler, systemd and
 * cron. Pure.
 *
 * @module
 */
import { shellQuoted } from "./text.ts";

/** What starts runs. */
export type Scheduler = "windows" | "systemd" | "cron";

/** All of them. */
export const SCHEDULERS: readonly Scheduler[] = ["windows", "systemd", "cron"];

/** What is to be run, and how often. */
export interface Scheduled {
  /** The program and its arguments; paths are absolute. */
  readonly command: readonly string[];
  /** The folder to start in. */
  readonly folder: string;
  /** As {@linkcode minutesOf} allows it. */
  readonly everyMinutes: number;
  /** What is synced, for people. */
  readonly description: string;
  /** Absolute path of a file with the mail password's variable. Left out: none. */
  readonly environmentFile?: string | null;
}

const HOUR = 60;
const DAY = 24 * HOUR;

/** A first run may have a share to copy; none takes longer. */
const LIMIT_HOURS = 12;

/**
 * An interval, from words. Only those that divide a day: each day then has the
 * same times, and all schedulers can be told them.
 *
 * @param words A number and m, h or d.
 * @returns Minutes; null for an interval that is not allowed.
 *
 * @example
 * ```ts
 * import { minutesOf } from "./schedule_text.ts";
 * minutesOf("15m"); // 15
 * minutesOf("90m"); // 90
 * minutesOf("24h"); // 1440
 * minutesOf("7m"); // null
 * ```
 */
export function minutesOf(words: string): number | null {
  const [, digits, unit = ""] = /^(\d{1,4})([mhd])$/.exec(words) ?? [];
  const minutes = Number(digits) * ({ m: 1, h: HOUR, d: DAY }[unit] ?? 0);
  return minutes > 0 && DAY % minutes === 0 ? minutes : null;
}

/** What `--every` takes, for people. */
export const EVERY_WORDS =
  "minutes or hours that divide a day (15m, 90m, 2h, 24h), or 1d";

/**
 * An interval as times of a day, all of a minute in one: from an hour on, every
 * so many hours; null where it divides an hour.
 */
function timesOf(everyMinutes: number) {
  if (everyMinutes < HOUR && HOUR % everyMinutes === 0) return null;
  if (everyMinutes === DAY) {
    return [{ minute: 0, firstHour: 12, stepHours: 24 }];
  }
  // After so many starts the minutes come round again.
  let starts = 1;
  while (starts * everyMinutes % HOUR !== 0) starts++;
  return Array.from({ length: starts }, (_, n) => ({
    minute: n * everyMinutes % HOUR,
    firstHour: Math.floor(n * everyMinutes / HOUR),
    stepHours: starts * everyMinutes / HOUR,
  }));
}

/**
 * A task for the Task Scheduler of Windows, in the order of its schema. It is
 * run by who imports it, while logged on: drives are mapped then.
 *
 * @param scheduled What is to be run.
 * @returns XML, to be written as UTF-16, as its first line says.
 */
export function taskXml(scheduled: Scheduled): string {
  const { command, folder, everyMinutes, description } = scheduled;
  const [program = "", ...args] = command;
  const interval = everyMinutes === DAY ? "P1D" : `PT${everyMinutes}M`;
  const start = everyMinutes === DAY ? "12:00:00" : "00:00:00";
  const lines = `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>${xml(description)}</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>2026-01-01T${start}</StartBoundary>
      <Repetition>
        <Interval>${interval}</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <Enabled>true</Enabled>
    <ExecutionTimeLimit>PT${LIMIT_HOURS}H</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${xml(program)}</Command>
      <Arguments>${xml(args.map(windowsQuoted).join(" "))}</Arguments>
      <WorkingDirectory>${xml(folder)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>`;
  return `${lines.replaceAll("\n", "\r\n")}\r\n`;
}

/**
 * A task to be printed. Nobody knows in which encoding a shell puts that into a
 * file, and Windows takes no file that is in another one than it says: so it
 * says none, and holds letters only that all of them have in common.
 *
 * @param task What {@linkcode taskXml} gives.
 */
export function printedXml(task: string): string {
  return task.replace(' encoding="UTF-16"', "").replaceAll(
    /\P{ASCII}/gu,
    (letter) => `&#${letter.codePointAt(0)};`,
  );
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** No name holds a double quote there; a backslash before one doubles. */
function windowsQuoted(word: string): string {
  if (/^[\p{L}\p{N}_.:\\/=-]+$/u.test(word)) return word;
  return `"${word.replace(/\\+$/, "$&$&")}"`;
}

/**
 * A service and its timer for systemd.
 *
 * @param scheduled What is to be run.
 */
export function systemdUnits(
  scheduled: Scheduled,
): { readonly service: string; readonly timer: string } {
  const { command, folder, everyMinutes, description } = scheduled;
  const { environmentFile = null } = scheduled;
  const two = (value: number) => String(value).padStart(2, "0");
  const calendar =
    timesOf(everyMinutes)?.map(({ minute, firstHour, stepHours }) =>
      stepHours >= 24
        ? `${two(firstHour)}:${two(minute)}`
        : `${firstHour}/${stepHours}:${two(minute)}`
    ) ?? [`*:0/${everyMinutes}`];
  const service = `[Unit]
Description=${specifier(description)}

[Service]
Type=oneshot
WorkingDirectory=${specifier(folder)}
${
    environmentFile === null
      ? ""
      : `# Holds the mail password: NAME=value, for nobody else to read.
EnvironmentFile=-${environmentPath(environmentFile)}
`
  }ExecStart=${command.map(systemdQuoted).join(" ")}
# 1: done, but something is left for a person; 4: another run was active.
SuccessExitStatus=1 4
TimeoutStartSec=${LIMIT_HOURS}h
# The first process passes the signal on.
KillMode=mixed
`;
  const timer = `[Unit]
Description=${specifier(description)}

[Timer]
${calendar.map((it) => `OnCalendar=${it}`).join("\n")}
# After a start that was missed.
Persistent=true

[Install]
WantedBy=timers.target
`;
  return { service, timer };
}

/** It is taken for a pattern. */
function environmentPath(path: string): string {
  return specifier(path).replaceAll(/[*?[\]\\]/g, "\\$&");
}

function specifier(text: string): string {
  return text.replaceAll("%", "%%");
}

function systemdQuoted(word: string): string {
  const escaped = specifier(word).replaceAll(/["\\]/g, "\\$&")
    .replaceAll("$", "$$$$");
  return /^[\p{L}\p{N}_./:=%@+,-]+$/u.test(escaped) ? escaped : `"${escaped}"`;
}

/**
 * Lines for a user's crontab: more than one where no single one can say the
 * times. Cron mails what a run prints: it prints what is new only.
 *
 * @param scheduled What is to be run.
 */
export function cronLine(scheduled: Scheduled): string {
  const { command, folder, everyMinutes } = scheduled;
  const often = everyMinutes === 1 ? "*" : `*/${everyMinutes}`;
  const whens =
    timesOf(everyMinutes)?.map(({ minute, firstHour, stepHours }) =>
      `${minute} ${hours(firstHour, stepHours)} * * *`
    ) ?? [`${often} * * * *`];
  const [cd, ...words] = [folder, ...command, "--only-new"].map((word) =>
    shellQuoted(word, false) ?? ""
  );
  // Cron reads a % as the end of the line.
  const line = `cd ${cd} && ${words.join(" ")}`.replaceAll("%", "\\%");
  return whens.map((when) => `${when} ${line}\n`).join("");
}

function hours(first: number, step: number): string {
  if (step >= 24) return String(first);
  if (step === 1) return "*";
  return first === 0 ? `*/${step}` : `${first}-23/${step}`;
}

/**
 * What there is to know about roots on mapped drives, which Windows takes away
 * when nobody is logged on.
 *
 * @param roots The roots as the config names them.
 * @param realRoots The same as the system sees them, in the same order; null
 *   for one that can't be looked at, `\\\\` for one on the network that may not.
 * @returns A line for each root that is or may be on one.
 */
export function driveWarnings(
  roots: readonly string[],
  realRoots: readonly (string | null)[],
): string[] {
  return roots.flatMap((root, n) => {
    const drive = /^[a-z]:/i.exec(root)?.[0].toUpperCase();
    if (drive === undefined) return [];
    const real = realRoots[n]
      ?.replace(/^\\\\\?\\UNC\\/i, "\\\\").replace(/^\\\\\?\\/, "") ?? null;
    // Windows itself is on C:.
    if (real === null ? drive === "C:" : !real.startsWith("\\\\")) return [];
    const path = real === null || real === "\\\\"
      ? "its path as \\\\server\\share"
      : real;
    const is = real === null
      ? `If ${drive} is a mapped drive, it`
      : `${root} is on a mapped drive. ${drive}`;
    return [
      `${is} is there only while you are logged on, and the task runs only ` +
      `then. To let it run at other times as well, write ${path} into the ` +
      "config and allow that in the task.",
    ];
  });
}

/**
 * What there is to know about the place of the Deno that a schedule starts.
 *
 * @param deno The executable.
 * @returns A line if it is where npx keeps what it has fetched.
 */
export function cacheWarnings(deno: string): string[] {
  if (!/[\\/]_npx[\\/]/.test(deno)) return [];
  return [
    `${deno} is in a cache of npx, which may be cleared; install Deno and ` +
    "call schedule with it.",
  ];
}
