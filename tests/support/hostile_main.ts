/**
 * The main thread of a program whose engine is a hostile one, and which has a
 * file of a root open, as threads that touch files have. Prints what came of
 * each attack.
 *
 * @module
 */
import fs from "node:fs";
import type { Sandbox } from "../../lib/sandbox_permissions.ts";
import { threadOptions } from "../../lib/sandbox_threads.ts";
import type { Attack, Taken } from "./hostile_attacks.ts";

/** What the program is told. */
export interface Attacks {
  /** Of the engine; "all": it is not held at all. */
  readonly permissions: Sandbox["engine"] | "all";
  readonly attacks: readonly Attack[];
}

// Whatever becomes of threads that threads have started.
for (const kind of ["error", "unhandledrejection"]) {
  addEventListener(kind, (event) => event.preventDefault());
}

if (import.meta.main) {
  const told = await new Response(Deno.stdin.readable).text();
  const { permissions, attacks }: Attacks = JSON.parse(told);
  const open = [
    Deno.openSync(`${attacks[0]!.root}/a`, { read: true, write: true }),
    fs.openSync(`${attacks[0]!.root}/a`, "r+"),
  ];
  // Each by a thread of its own; at once they would only wait for each other.
  const taken: (Taken | null)[] = [];
  for (const attack of attacks) taken.push(await attacked(permissions, attack));
  const came = JSON.stringify({ taken, open: open.length });
  Deno.stdout.writeSync(new TextEncoder().encode(came));
  Deno.exit();
}

/** Null: the thread ended. */
function attacked(
  permissions: Attacks["permissions"],
  attack: Attack,
): Promise<Taken | null> {
  const url = new URL("./hostile_engine.ts", import.meta.url);
  const worker = new Worker(url, threadOptions(permissions));
  return new Promise((done) => {
    const ends = [() => worker.terminate()];
    const end = (taken: Taken | null) => {
      for (const it of ends) it();
      done(taken);
    };
    worker.onmessage = ({ data }) => end(data);
    worker.onerror = (event) => {
      event.preventDefault();
      end(null);
    };
    // One that ends itself tells nobody.
    const most = attack.what === "ending" ? 300 : 60_000;
    setTimeout(() => end(null), most);
    if (attack.what !== "races") return worker.postMessage(attack);
    const { path, rest } = changingPath(attack);
    ends.push(rest);
    worker.postMessage({ ...attack, path });
  });
}

/** A path that another thread changes all the time: in a root, and not. */
function changingPath({ root, own }: Attack): {
  readonly path: SharedArrayBuffer;
  /** Ends the changes. */
  readonly rest: () => void;
} {
  const paths = [`${root}/a`, `${own}/own`];
  const most = Math.max(...paths.map(({ length }) => length));
  const [inside, allowed] = paths.map((path) =>
    // More slashes at the end of the folder mean no other one.
    path.replace(/\/(?=[^/]*$)/, "/".repeat(1 + most - path.length))
  );
  const code = `onmessage = ({ data: [isOver, buffer, ...all] }) => {
    const bytes = new Uint8Array(buffer);
    const paths = all.map((it) => new TextEncoder().encode(it));
    for (let n = 0; !Atomics.load(isOver, 0); n++) bytes.set(paths[n % 2]);
  };`;
  const url = `data:text/javascript,${encodeURIComponent(code)}`;
  const path = new SharedArrayBuffer(most);
  new Uint8Array(path).set(new TextEncoder().encode(allowed));
  const changer = new Worker(url, { type: "module" });
  const isOver = new Int32Array(new SharedArrayBuffer(4));
  changer.postMessage([isOver, path, inside, allowed]);
  // A thread that is terminated goes on for two seconds.
  return { path, rest: () => void Atomics.store(isOver, 0, 1) };
}
