/**
 * What the metadata were measured on.
 *
 * @module
 */
import type { Place } from "./bench.ts";
import { type Tool, versionOf } from "./tools.ts";

/**
 * Lines about the machine, the programs and the day.
 *
 * @param places Where trees are built.
 * @param tools The programs.
 */
export function machineLines(
  places: readonly Place[],
  tools: readonly Tool[],
): string[] {
  const cpu = /model name\s*:\s*(.+)/.exec(read("/proc/cpuinfo"))?.[1] ?? "?";
  const memory = /MemTotal:\s+(\d+)/.exec(read("/proc/meminfo"))?.[1] ?? 0;
  const system = /PRETTY_NAME="(.+)"/.exec(read("/etc/os-release"))?.[1] ?? "?";
  const kinds = places.map(({ name, folder }) => `${name}: ${kindOf(folder)}`);
  return [
    `${cpu.trim()}, ${navigator.hardwareConcurrency} cores, ` +
    `${Math.round(Number(memory) * 1024 / 1e9)} GB`,
    `${system}, Linux ${Deno.osRelease()}; ${kinds.join(", ")}`,
    `Deno ${Deno.version.deno}; ${tools.map(versionOf).join("; ")}`,
    `measured on ${new Date().toISOString().slice(0, 10)}`,
  ];
}

function read(file: string): string {
  return Deno.readTextFileSync(file);
}

/** The kind of file system a folder is on. */
function kindOf(folder: string): string {
  const { stdout } = new Deno.Command("findmnt", {
    args: ["-n", "-o", "FSTYPE", "-T", folder],
  }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}
