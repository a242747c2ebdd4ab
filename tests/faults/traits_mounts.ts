/**
 * File systems with traits of their own, mounted over a folder.
 *
 * @module
 */
import assert from "node:assert/strict";
import { must, need, start } from "./neighbours_program.ts";

/** What the tests with an exFAT root start. */
export const EXFAT_TOOLS = [
  "mkfs.exfat",
  "mount.exfat-fuse",
  "losetup",
  "umount",
  "strace",
];

/** An exFAT disk in a file, on a loop device, mounted over a folder. */
export class ExfatDisk implements AsyncDisposable {
  readonly #image: string;
  readonly #folder: string;
  #device: string | null = null;

  private constructor(folder: string) {
    this.#image = `${folder}.img`;
    this.#folder = folder;
  }

  /**
   * Makes a disk and mounts it.
   *
   * @param folder The empty folder over which it is mounted.
   */
  static async over(folder: string): Promise<ExfatDisk> {
    need(...EXFAT_TOOLS);
    assert.match(folder, /office-sync-test-/, "only ever a test's own folder");
    const disk = new ExfatDisk(folder);
    try {
      await must("truncate", "-s", "64M", disk.#image);
      await must("mkfs.exfat", disk.#image);
      await disk.mount();
      return disk;
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Mounts it, on whichever loop device is free. */
  async mount(): Promise<void> {
    this.#device = await must("losetup", "-f", "--show", this.#image);
    await must(
      "mount.exfat-fuse",
      "-o",
      "allow_other",
      this.#device,
      this.#folder,
    );
  }

  /** Takes it off; what is on it stays. */
  async unmount(): Promise<void> {
    for (let n = 0; n < 50; n++) {
      const { code, stderr } = await start("umount", [this.#folder]);
      if (code === 0 || /not mounted/.test(stderr)) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (this.#device !== null) await must("losetup", "-d", this.#device);
    this.#device = null;
  }

  /** Takes it off and destroys it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
    await Deno.remove(this.#image).catch(() => {});
  }
}

/** A file system in memory, mounted over a folder. */
export class Memory implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Mounts it.
   *
   * @param folder The empty folder over which it is mounted.
   */
  static async over(folder: string): Promise<Memory> {
    need("mount", "umount");
    assert.match(folder, /office-sync-test-/, "only ever a test's own folder");
    await must("mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", folder);
    return new Memory(folder);
  }

  /** Takes it off, with all that is in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await must("umount", this.#folder);
  }
}
