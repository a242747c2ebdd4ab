/**
 * Runs a program and measures it from start to exit.
 *
 * @module
 */
import type { Sample } from "./results.ts";

/** How a program is started. */
export interface Call {
  readonly args: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Exit codes that mean success; 0 by default. */
  readonly goodCodes?: readonly number[];
}

/**
 * Runs a program under GNU time, which knows the peak of its largest process,
 * those it starts included.
 *
 * @param call How it is started.
 * @param scratch A folder for a file.
 * @throws {Error} It ends with another exit code than it should.
 */
export async function measured(call: Call, scratch: string): Promise<Sample> {
  const file = `${scratch}/measured`;
  const command = new Deno.Command("/usr/bin/time", {
    args: ["--quiet", "-f", "%U %S %M", "-o", file, ...call.args],
    ...(call.env && { env: { ...call.env } }),
    ...(call.cwd !== undefined && { cwd: call.cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const startedMs = performance.now();
  const { code, stdout, stderr } = await command.output();
  const seconds = (performance.now() - startedMs) / 1000;
  if (!(call.goodCodes ?? [0]).includes(code)) {
    const said = [stderr, stdout].map((it) => new TextDecoder().decode(it));
    throw new Error(`exit code ${code}: ${said.join("\n").slice(0, 500)}`);
  }
  return sampleOf(Deno.readTextFileSync(file), seconds);
}

/** What GNU time wrote: `user system kilobytes`. */
export function sampleOf(text: string, seconds: number): Sample {
  const [user = NaN, system = NaN, kilobytes = NaN] = text.trim().split(" ")
    .map(Number);
  return {
    seconds,
    cpuSeconds: user + system,
    peakBytes: kilobytes * 1024,
  };
}

/** Writes out what is waiting to be written, so that no run pays for it. */
export function flush(folder: string): void {
  new Deno.Command("sync", { args: ["-f", folder] }).outputSync();
}
