import { takeLock } from "../lib/state_db.ts";

/** Starts one process after the other. */
const STARTING = `for (;;) new Deno.Command(Deno.execPath(), {
  args: ["--version"], stdin: "null", stdout: "null", stderr: "null",
}).outputSync();`;

Deno.test("a lock is free at once, also while another process is being started", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  const url = URL.createObjectURL(new Blob([STARTING]));
  const starting = new Worker(url, { type: "module" });
  try {
    const endMs = performance.now() + 1500;
    while (performance.now() < endMs) {
      for (let n = 0; n < 100; n++) takeLock(`${folder}/db`)[Symbol.dispose]();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } finally {
    starting.terminate();
    URL.revokeObjectURL(url);
    Deno.removeSync(folder, { recursive: true });
  }
});
