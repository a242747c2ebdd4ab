/**
 * This thread as somebody whom permission bits bind, root as well, who may
 * read and write everything otherwise. Only what the thread does itself is
 * bound: not what it leaves to others by an asynchronous call, nor a program
 * that it starts.
 *
 * @module
 */

/** CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER. */
const BEYOND_BITS = 1 << 1 | 1 << 2 | 1 << 3;

/** _LINUX_CAPABILITY_VERSION_3, of the thread that asks. */
const OF_THIS_THREAD = new Uint32Array([0x20080522, 0]);

/** Takes the capabilities that put root above permission bits, for a while. */
export function humble(): Disposable {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    return { [Symbol.dispose]() {} };
  }
  const call = { parameters: ["buffer", "buffer"], result: "i32" } as const;
  const libc = Deno.dlopen("libc.so.6", { capget: call, capset: call });
  const { capget, capset } = libc.symbols;
  // Twice: effective, permitted, inheritable.
  const had = new Uint32Array(6);
  const set = (to: Uint32Array<ArrayBuffer>) => {
    if (capset(OF_THIS_THREAD, to) !== 0) throw new Error("capset failed");
  };
  if (capget(OF_THIS_THREAD, had) !== 0) throw new Error("capget failed");
  set(had.with(0, had[0]! & ~BEYOND_BITS));
  return {
    [Symbol.dispose]() {
      set(had);
      libc.close();
    },
  };
}
