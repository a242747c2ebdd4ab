/**
 * What system a program is for, by its first bytes. Pure.
 *
 * @module
 */

/** A system and the processor it runs on. */
export interface Platform {
  readonly system: "windows" | "macos" | "linux";
  /** Null where it is another than Deno has. */
  readonly processor: "x86_64" | "aarch64" | null;
}

/** As many bytes tell all there is to know. */
export const HEAD_BYTES = 4096;

const PROCESSORS: Readonly<Record<number, Platform["processor"]>> = {
  // ELF
  0x3e: "x86_64",
  0xb7: "aarch64",
  // PE
  0x8664: "x86_64",
  0xaa64: "aarch64",
  // Mach-O
  0x01000007: "x86_64",
  0x0100000c: "aarch64",
};

/**
 * What system a program is for.
 *
 * @param head Its first bytes.
 * @returns Null for what is no program.
 *
 * @example
 * ```ts
 * import { platformOf } from "./executables.ts";
 * platformOf(new TextEncoder().encode("#!/bin/sh")); // null
 * ```
 */
export function platformOf(head: Uint8Array): Platform | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.byteLength < 64) return null;
  const processor = (code: number) => PROCESSORS[code] ?? null;
  switch (view.getUint32(0)) {
    case 0x7f454c46: // ELF
      return {
        system: "linux",
        processor: processor(view.getUint16(18, true)),
      };
    case 0xcffaedfe: // Mach-O, 64 bits
      return {
        system: "macos",
        processor: processor(view.getUint32(4, true)),
      };
  }
  if (view.getUint16(0) !== 0x4d5a) return null; // MZ
  const at = view.getUint32(0x3c, true);
  const isTold = at + 6 <= head.byteLength &&
    view.getUint32(at) === 0x50450000; // PE
  const code = isTold ? view.getUint16(at + 4, true) : 0;
  return { system: "windows", processor: processor(code) };
}

/**
 * The platform that a target of `deno compile` names.
 *
 * @param target Such as `x86_64-pc-windows-msvc`.
 * @returns Null for a name that tells nothing.
 */
export function platformNamed(target: string): Platform | null {
  const system = (["windows", "darwin", "linux"] as const).find((name) =>
    target.includes(name)
  );
  if (system === undefined) return null;
  const processor = (["x86_64", "aarch64"] as const).find((name) =>
    target.startsWith(name)
  );
  return {
    system: system === "darwin" ? "macos" : system,
    processor: processor ?? null,
  };
}

/**
 * A platform in words.
 *
 * @param platform The platform; null for what is none.
 */
export function platformWords(platform: Platform | null): string {
  if (platform === null) return "no program at all";
  const { system, processor } = platform;
  const name = { windows: "Windows", macos: "macOS", linux: "Linux" }[system];
  return `for ${name}${processor === null ? "" : ` (${processor})`}`;
}
