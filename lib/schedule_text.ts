/**
 * A sync at regular intervals, in the words of Task Scheduler, systemd and
 * cron. Pure.
 *
 * @module
 */
import { shellQuoted } from "./shell_words.ts";

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
}

const HOUR = 60;
const DAY = 24 * HOUR;

/** A first run may have a share to copy; none takes longer. */
const LIMIT_HOURS = 12;

/**
 * An interval, from words. Only those that divide an hour or a day: cron knows
 * no others.
 *
 * @param words A number and m, h or d.
 * @returns Minutes; null for an interval that is not allowed.
 *
 * @example
 * ```ts
 * import { minutesOf } from "./schedule_text.ts";
 * minutesOf("15m"); // 15
 * minutesOf("2h"); // 120
 * minutesOf("7m"); // null
 * ```
 */
export function minutesOf(words: string): number | null {
  const [, digits, unit] = /^(\d{1,2})([mhd])$/.exec(words) ?? [];
  const count = Number(digits);
  if (unit === "m" && count < HOUR && HOUR % count === 0) return count;
  if (unit === "h" && count < 24 && 24 % count === 0) return count * HOUR;
  return unit === "d" && count === 1 ? DAY : null;
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

/** The two files that systemd wants. */
export interface Units {
  readonly service: string;
  readonly timer: string;
}

/**
 * A service and its timer for systemd.
 *
 * @param scheduled What is to be run.
 */
export function systemdUnits(scheduled: Scheduled): Units {
  const { command, folder, everyMinutes, description } = scheduled;
  const calendar = everyMinutes === DAY
    ? "12:00"
    : everyMinutes < HOUR
    ? `*:0/${everyMinutes}`
    : `0/${everyMinutes / HOUR}:00`;
  const service = `[Unit]
Description=${specifier(description)}

[Service]
Type=oneshot
WorkingDirectory=${specifier(folder)}
ExecStart=${command.map(systemdQuoted).join(" ")}
TimeoutStartSec=${LIMIT_HOURS}h
# The first process passes the signal on.
KillMode=mixed
`;
  const timer = `[Unit]
Description=${specifier(description)}

[Timer]
OnCalendar=${calendar}
# After a start that was missed.
Persistent=true

[Install]
WantedBy=timers.target
`;
  return { service, timer };
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
 * A line for a user's crontab.
 *
 * @param scheduled What is to be run.
 */
export function cronLine(scheduled: Scheduled): string {
  const { command, folder, everyMinutes } = scheduled;
  const hours = everyMinutes / HOUR;
  const when = everyMinutes === DAY
    ? "0 12 * * *"
    : everyMinutes < HOUR
    ? `*/${everyMinutes} * * * *`
    : `0 */${hours} * * *`;
  const [cd, ...words] = [folder, ...command].map((word) =>
    shellQuoted(word, false) ?? ""
  );
  const line = `cd ${cd} && ${words.join(" ")}`;
  // Cron reads a % as the end of the line.
  return `${when} ${line.replaceAll("%", "\\%")}\n`;
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
