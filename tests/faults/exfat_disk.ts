/**
 * A file system with traits of its own, mounted over a folder.
 *
 * @module
 */
import assert from "node:assert/strict";
import { tool, until } from "./support.ts";

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
    assert.match(folder, /office-sync-test-/, "only ever a test's own folder");
    const disk = new ExfatDisk(folder);
    try {
      tool("truncate", "-s", "64M", disk.#image);
      tool("mkfs.exfat", disk.#image);
      disk.mount();
      return disk;
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Mounts it, on whichever loop device is free. */
  mount(): void {
    this.#device = tool("losetup", "-f", "--show", this.#image);
    const options = ["-o", "allow_other", this.#device, this.#folder];
    tool("mount.exfat-fuse", ...options);
  }

  /** Takes it off; what is on it stays. */
  async unmount(): Promise<void> {
    // It may be in use for a moment longer.
    await until("the disk is taken off", () => {
      const { success, stderr } = new Deno.Command("umount", {
        args: [this.#folder],
      }).outputSync();
      return success || /not mounted/.test(new TextDecoder().decode(stderr));
    });
    if (this.#device !== null) tool("losetup", "-d", this.#device);
    this.#device = null;
  }

  /** Takes it off and destroys it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
    await Deno.remove(this.#image).catch(() => {});
  }
}
