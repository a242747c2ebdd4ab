/**
 * Runs that are killed just before or after a system call.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { Office } from "../support/support.ts";
import { type Disturbance, disturbed, type Ended } from "./support.ts";

/** How long a call is held up at most, in s. */
const HELD_S = 60;

/** Which calls count, and what is started. */
export interface Killed extends Pick<Disturbance, "program" | "command"> {
  /** Absolute; calls to do with it alone count. */
  readonly path?: string;
}

/** How often it is looked whether a call is held up, in ms. */
const LOOK_MS = 3;

/**
 * Makes a run in a process of its own that is killed before the n-th call of
 * a kind that one of its threads makes.
 *
 * The kernel stops it at these calls alone, which takes a third of the time of
 * watching all it does. A signal can't be had at such a stop: so the call is
 * held up, and the process killed meanwhile.
 *
 * @param office Whose run.
 * @param call One that a process makes hardly ever when it starts.
 * @param n Which of these calls, from 1.
 * @returns With the exit code of a run that made fewer calls.
 */
export function killedRun(
  office: Office,
  call: string,
  n: number,
  how: Killed = {},
): Promise<Ended> {
  return killed(office, "enter", call, n, how);
}

/** As {@linkcode killedRun}, but when the call is done. */
export function killedAfter(
  office: Office,
  call: string,
  n: number,
  how: Killed = {},
): Promise<Ended> {
  return killed(office, "exit", call, n, how);
}

async function killed(
  office: Office,
  when: "enter" | "exit",
  call: string,
  n: number,
  { path, ...what }: Killed,
): Promise<Ended> {
  const trace = `${office.folder}/trace`;
  const run = disturbed(office, {
    isKilled: true,
    ...what,
    through: [
      ...["strace", "-f", "--seccomp-bpf", "-qq", "-o", trace],
      ...[`--trace=${call}`, ...path ? ["-P", path] : []],
      `--inject=${call}:delay_${when}=${HELD_S * 1e6}:when=${n}`,
    ],
  });
  let isOver = false;
  const over = run.finally(() => isOver = true);
  while (!isOver) {
    const thread = when === "enter" ? whoMade(n, trace) : whoIsHeld(trace);
    if (thread !== null) {
      kill(thread);
      break;
    }
    await Promise.race([
      over,
      new Promise((resolve) => setTimeout(resolve, LOOK_MS)),
    ]);
  }
  return await run;
}

/** Kills a process and what watches it, which would wait until the call ends. */
function kill(thread: number): void {
  const status = Deno.readTextFileSync(`/proc/${thread}/status`);
  const watcher = Number(/^TracerPid:\s*([1-9]\d*)$/m.exec(status)?.[1]);
  Deno.kill(thread, "SIGKILL");
  Deno.kill(watcher, "SIGKILL");
}

/** The thread that began n calls: the last is held up. */
function whoMade(n: number, trace: string): number | null {
  if (!existsSync(trace)) return null;
  const made = new Map<string, number>();
  for (
    const [, thread = ""] of Deno.readTextFileSync(trace)
      .matchAll(/^(\d+) +\w+\(/gm)
  ) {
    const count = (made.get(thread) ?? 0) + 1;
    if (count === n) return Number(thread);
    made.set(thread, count);
  }
  return null;
}

/** The thread whose call is done, and held up. */
function whoIsHeld(trace: string): number | null {
  if (!existsSync(trace)) return null;
  const [, thread] = /^(\d+) .*\(DELAYED\)$/m.exec(
    Deno.readTextFileSync(trace),
  ) ?? [];
  return thread === undefined ? null : Number(thread);
}
