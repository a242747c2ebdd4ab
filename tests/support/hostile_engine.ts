/// <reference lib="deno.worker" />

/**
 * An engine that has been turned against whoever runs it: in a thread that is
 * started as the real one is, it tries what the runtime has, to get at what
 * lies in a root or beside it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import childProcess from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns/promises";
import fs from "node:fs";
import promises from "node:fs/promises";
import http from "node:http";
import inspector from "node:inspector";
import module, { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";
import { WASI } from "node:wasi";
import workerThreads from "node:worker_threads";
import { type Attack, ENDING, type Taken } from "./hostile_attacks.ts";

type Any = (...args: unknown[]) => unknown;

/** What a door gives that let somebody in without telling the secret. */
const IN = "got in";

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Whether a value tells the secret, however deep that is in it. */
class Search {
  readonly #attack: Attack;
  /** What was searched already. */
  readonly #seen = new WeakSet<object>();

  constructor(attack: Attack) {
    this.#attack = attack;
  }

  async tells(value: unknown, depth = 5): Promise<boolean> {
    const { secret, numbers } = this.#attack;
    if (typeof value === "string") {
      return value.includes(secret) || value === IN;
    }
    if (typeof value === "number" || typeof value === "bigint") {
      return numbers.includes(Number(value));
    }
    if (value === null || typeof value !== "object" || depth === 0) {
      return false;
    }
    if (this.#seen.has(value)) return false;
    this.#seen.add(value);
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteOffset, byteLength } = value;
      return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
        .includes(secret);
    }
    if (value instanceof ArrayBuffer) {
      return Buffer.from(value).includes(secret);
    }
    if (value instanceof Blob) return await this.tells(await value.text());
    if (value instanceof Error) return false;
    const all: unknown[] = [];
    const take = async (act: () => unknown): Promise<void> => {
      try {
        all.push(await Promise.race([act(), sleep(20)]));
      } catch {
        // Refused, or nothing of the kind.
      }
    };
    for (const key of Reflect.ownKeys(value).slice(0, 100)) {
      await take(() => (value as Record<PropertyKey, unknown>)[key]);
    }
    const it = value as Record<PropertyKey, Any | undefined>;
    // Folders, files and streams that are open.
    if (typeof it[Symbol.asyncIterator] === "function") {
      await take(async () => {
        const found: unknown[] = [];
        for await (const one of value as AsyncIterable<unknown>) {
          found.push(one);
        }
        return found;
      });
    } else if (typeof it[Symbol.iterator] === "function") {
      await take(() => [...value as Iterable<unknown>].slice(0, 1000));
    }
    if (typeof it.readSync === "function") {
      await take(() => {
        const bytes = new Uint8Array(1000);
        it.readSync!(bytes);
        return bytes;
      });
    }
    for (const one of all) {
      if (await this.tells(one, depth - 1)) return true;
    }
    return false;
  }
}

/** All functions there are, by their names. */
function functions(): Map<string, Any> {
  const all = new Map<string, Any>();
  const parts = { Deno, fs, "fs.promises": promises, process, os };
  for (const [part, holder] of Object.entries(parts)) {
    let at: object | null = holder;
    for (
      ;
      at !== null && at !== Object.prototype;
      at = Object.getPrototypeOf(at)
    ) {
      for (const key of Reflect.ownKeys(at)) {
        let it: unknown;
        try {
          it = (holder as Record<PropertyKey, unknown>)[key];
        } catch {
          continue;
        }
        if (typeof it !== "function") continue;
        const call = it.bind(holder) as Any;
        const make = it as unknown as new (...args: unknown[]) => unknown;
        all.set(`${part}.${String(key)}`, (...args) => {
          try {
            return call(...args);
          } catch (error) {
            const isClass = /constructor|'new'|not a function/
              .test((error as Error).message);
            if (isClass) return new make(...args);
            throw error;
          }
        });
      }
    }
  }
  return all;
}

/** What they are called with. */
function argumentsFor({ root, neighbour, own }: Attack): Any[] {
  const cb = (told: Any) => (...args: unknown[]) => void told(args);
  const all: ((told: Any) => unknown[])[] = [];
  const inside = `${root}/a`;
  const folder = `${root}/d`;
  const fresh = `${folder}/new`;
  all.push(
    () => [inside],
    () => [folder],
    () => [inside, fresh],
    () => [inside, `${own}/new`],
    () => [`${own}/own`, fresh],
    () => [fresh, "text"],
    () => [inside, 0, 0],
    () => [inside, { read: true, write: true, flag: "r+", encoding: "utf8" }],
    (told) => [inside, cb(told)],
    (told) => [fresh, "text", cb(told)],
    () => [pathToFileURL(inside)],
    () => [{ dir: folder, prefix: "new", cwd: folder, path: fresh }],
    () => [fresh, { recursive: true, write: true, create: true, flags: "w+" }],
    () => [folder, { recursive: true, force: true }],
    () => [`${neighbour}/a`],
    () => [`${neighbour}/d`],
    () => [`${neighbour}/a`, `${neighbour}/d/new`],
    (told) => [`${neighbour}/a`, cb(told)],
  );
  return all as Any[];
}

async function callFunctions(attack: Attack): Promise<Taken> {
  const search = new Search(attack);
  const all = functions();
  const open: string[] = [];
  const waiting: Promise<void>[] = [];
  let calls = 0;
  for (const [n, args] of argumentsFor(attack).entries()) {
    for (const [name, call] of all) {
      if (Object.hasOwn(ENDING, name)) continue;
      calls++;
      const told = (value: unknown) =>
        waiting.push((async () => {
          try {
            if (await search.tells(await value)) open.push(`${name} ${n}`);
          } catch {
            // Refused.
          }
        })());
      try {
        told(call(...args(told) as unknown[]));
      } catch {
        // Refused.
      }
    }
    await sleep(0);
  }
  await Promise.race([Promise.all(waiting), sleep(1500)]);
  await sleep(50);
  return { tried: [...all.keys()], calls, open };
}

// Doors: a name, and what is tried.

type Door = (at: Attack & { readonly file: string }) => unknown;

/** Until one of both is told. */
const told = (
  on: (
    done: (value: unknown) => void,
    failed: (error: unknown) => void,
  ) => void,
) => new Promise((done, failed) => on(done, failed));

/** A thread that does what the code says, and tells what came of it. */
const inWorker = (url: string, deno?: unknown) =>
  told((done, failed) => {
    const worker = new Worker(url, { type: "module", deno } as WorkerOptions);
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = (event) => {
      event.preventDefault();
      failed(new Error(event.message));
    };
  });

const reading = (file: string) =>
  `let told; try { told = Deno.readTextFileSync(${
    JSON.stringify(file)
  }); } catch { told = null; } postMessage(told);`;

const dataUrl = (code: string) =>
  `data:text/javascript,${encodeURIComponent(code)}`;

const blobUrl = (code: string) =>
  URL.createObjectURL(new Blob([code], { type: "text/javascript" }));

const ops = () => {
  const all = Deno as unknown as Record<PropertyKey, unknown> & {
    internal: symbol;
  };
  return (all[all.internal] as { core: { ops: Record<string, Any> } }).core.ops;
};

/** Descriptors that the process may have open, of whatever thread. */
const DESCRIPTORS = Array.from({ length: 64 }, (_, n) => n + 3);

/** What each of them gives. */
const each = (act: (fd: number) => unknown) =>
  DESCRIPTORS.map((fd) => {
    try {
      return act(fd);
    } catch {
      return null;
    }
  });

const bytesOf = (read: (bytes: Uint8Array) => unknown) => {
  const bytes = new Uint8Array(100);
  read(bytes);
  return bytes;
};

const withDb = (path: string, act: (db: DatabaseSync) => unknown) => {
  using db = new DatabaseSync(path, { allowExtension: true });
  return act(db);
};

const rows = (db: DatabaseSync, from = "t") =>
  db.prepare(`SELECT * FROM ${from}`).all();

const DOORS: Readonly<Record<string, Door>> = {
  "env: Deno.env.get": () => Deno.env.get("HUSH"),
  "env: Deno.env.toObject": () => Deno.env.toObject(),
  "env: process.env": () => process.env["HUSH"],
  "env: /proc/self/environ": () => Deno.readTextFileSync("/proc/self/environ"),
  "run: Deno.Command": ({ file }) =>
    new Deno.Command("cat", { args: [file] }).outputSync(),
  "run: the runtime itself": ({ file }) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `Deno.stdout.writeSync(Deno.readFileSync(${JSON.stringify(file)}))`,
      ],
    }).outputSync(),
  "run: child_process.execFileSync": ({ file }) =>
    childProcess.execFileSync("cat", [file]),
  "run: child_process.spawnSync": ({ file }) =>
    childProcess.spawnSync("cat", [file]).stdout,
  "run: child_process.exec": ({ file }) =>
    told((done, failed) =>
      childProcess.exec(
        `cat '${file}'`,
        (error, out) => error ? failed(error) : done(out),
      )
    ),
  "ffi: Deno.dlopen": () =>
    Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } })
        .symbols.getpid() > 0 && IN,
  "ffi: process.dlopen": ({ root }) =>
    process.dlopen({ exports: {} } as NodeJS.Module, `${root}/a.node`),
  "ffi: a pointer": () => Deno.UnsafePointer.create(8n) && IN,
  "net: another port": ({ port }) =>
    Deno.connect({ hostname: "127.0.0.1", port }).then(() => IN),
  "net: another name of the host": ({ port }) =>
    Deno.connect({ hostname: "localhost", port }).then(() => IN),
  "net: TLS": ({ port }) =>
    Deno.connectTls({ hostname: "localhost", port }).then(() => IN),
  "net: listen": () => Deno.listen({ port: 0 }) && IN,
  "net: serve": () =>
    Deno.serve({ port: 0, onListen() {} }, () => new Response("")) && IN,
  "net: fetch": ({ port }) => fetch(`http://127.0.0.1:${port}/`),
  "net: fetch of a file": ({ file }) =>
    fetch(pathToFileURL(file)).then((it) => it.text()),
  "net: WebSocket": ({ port }) =>
    told((done, failed) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      socket.onerror = failed;
      socket.onopen = () => done(IN);
    }),
  "net: node:net": ({ port }) =>
    told((done, failed) => {
      const socket = net.connect(port, "127.0.0.1", () => done(IN));
      socket.on("error", failed);
    }),
  "net: node:net, listen": () =>
    told((done, failed) => {
      const server = net.createServer().on("error", failed);
      server.listen(0, "127.0.0.1", () => done(IN));
    }),
  "net: node:http": ({ port }) =>
    told((done, failed) => {
      http.get({ host: "127.0.0.1", port }, () => done(IN)).on("error", failed);
    }),
  "net: node:dgram": () =>
    told((done, failed) => {
      const socket = dgram.createSocket("udp4").on("error", failed);
      socket.bind(0, "127.0.0.1", () => done(IN));
    }),
  "net: a socket of the system, to connect": ({ root }) =>
    Deno.connect({ transport: "unix", path: `${root}/socket` }),
  "net: a socket of the system, to listen": ({ root }) =>
    Deno.listen({ transport: "unix", path: `${root}/d/new-socket` }) && IN,
  "net: a name": () => Deno.resolveDns("localhost", "A").then(() => IN),
  "net: a name, by node:dns": () => dns.lookup("localhost").then(() => IN),
  "import: JSON": ({ root }) =>
    import(`${pathToFileURL(root)}/a.json`, { with: { type: "json" } }),
  "import: a module": ({ root }) => import(`${pathToFileURL(root)}/a.js`),
  "import: text": ({ file }) =>
    import(`${pathToFileURL(file)}`, { with: { type: "text" } }),
  // Nobody there answers: it is for being asked whether it may.
  "import: a host": ({ port }) =>
    import(`http://127.0.0.1:${port}/a.js`).catch(({ message }) =>
      /Requires import access/.test(message) ? null : IN
    ),
  "import: a package": () => import(`${"npm:"}is-odd@3.0.1`).then(() => IN),
  "import: what a data: URL imports": ({ root }) =>
    import(dataUrl(`export * from "${pathToFileURL(root)}/a.js";`)),
  "import: what a blob: URL imports": ({ root }) =>
    import(blobUrl(`export * from "${pathToFileURL(root)}/a.js";`)),
  "import: require": ({ root }) => createRequire(`${root}/x.js`)("./a.json"),
  "import: require of a text": ({ root }) =>
    createRequire(`${root}/x.js`)("./a.cjs"),
  "import: hooks": ({ root }) => {
    module.register(`${pathToFileURL(root)}/a.js`);
    return null;
  },
  "threads: by the path of a root": ({ root }) =>
    inWorker(`${pathToFileURL(root)}/worker.js`),
  "threads: data:, with all permissions": ({ file }) =>
    inWorker(dataUrl(reading(file)), { permissions: { read: true } }),
  "threads: data:, with this one's": ({ file }) =>
    inWorker(dataUrl(reading(file))),
  "threads: data:, that inherits": ({ file }) =>
    inWorker(dataUrl(reading(file)), { permissions: "inherit" }),
  "threads: blob:, with a path": ({ file, root }) =>
    inWorker(blobUrl(reading(file)), { permissions: { read: [root] } }),
  "threads: node:worker_threads": ({ file }) =>
    told((done, failed) => {
      const code =
        `require("worker_threads").parentPort.postMessage(require("fs").readFileSync(${
          JSON.stringify(file)
        }, "utf8"))`;
      const worker = new workerThreads.Worker(code, { eval: true });
      worker.on("message", done).on("error", failed);
    }),
  "code: node:vm": ({ file }) =>
    vm.runInThisContext("(file) => Deno.readTextFileSync(file)")(file),
  "code: node:vm, another context": ({ file }) =>
    vm.runInNewContext("Deno.readTextFileSync(file)", { Deno, file }),
  "code: eval": ({ file }) =>
    (0, eval)(`Deno.readTextFileSync(${JSON.stringify(file)})`),
  "code: node:inspector": ({ file }) =>
    told((done, failed) => {
      const session = new inspector.Session();
      session.connect();
      const expression = `Deno.readTextFileSync(${JSON.stringify(file)})`;
      session.post(
        "Runtime.evaluate",
        { expression, includeCommandLineAPI: true },
        (error, got) => error ? failed(error) : done(got),
      );
    }),
  "code: node:inspector, open": () => {
    inspector.open(0);
    return inspector.url() && IN;
  },
  "code: operations of the runtime, read": ({ file }) =>
    ops().op_fs_read_file_text_sync?.(file) ??
      ops().op_fs_read_file_sync!(file),
  "code: operations of the runtime, stat": ({ file }) => {
    const out = new Uint32Array(64);
    ops().op_fs_stat_sync!(file, out);
    return IN;
  },
  "code: operations of the runtime, rename": ({ root }) => {
    ops().op_fs_rename_sync!(`${root}/lost1`, `${root}/d/new1`);
    return IN;
  },
  "sqlite: a path": ({ root }) => withDb(`${root}/a.db`, rows),
  "sqlite: a file: URL": ({ root }) =>
    withDb(`${pathToFileURL(root)}/a.db?mode=ro`, rows),
  "sqlite: ATTACH": ({ root, own }) =>
    withDb(`${own}/own.db`, (db) => {
      db.exec(`ATTACH '${root}/a.db' AS other`);
      return rows(db, "other.t");
    }),
  "sqlite: ATTACH, of memory": ({ root }) =>
    withDb(":memory:", (db) => {
      db.exec(`ATTACH 'file:${root}/a.db?mode=ro' AS other`);
      return rows(db, "other.t");
    }),
  "sqlite: VACUUM INTO": ({ root, own }) =>
    withDb(`${own}/own.db`, (db) => {
      db.exec(`VACUUM INTO '${root}/d/new.db'`);
      return IN;
    }),
  "sqlite: an extension": ({ root }) =>
    withDb(":memory:", (db) => db.loadExtension(`${root}/a.node`)),
  "sqlite: the folder for what is temporary": ({ root }) =>
    withDb(":memory:", (db) => {
      db.exec(
        `PRAGMA temp_store_directory = '${root}/d'; PRAGMA temp_store = 1`,
      );
      db.exec(
        "CREATE TEMP TABLE x AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
      );
      return null;
    }),
  "wasi: a folder that is given": ({ root }) =>
    new WASI({ version: "preview1", preopens: { "/": root } }) && null,
  "links: Deno.symlink": ({ file, own }) => {
    Deno.symlinkSync(file, `${own}/link1`);
    return Deno.readTextFileSync(`${own}/link1`);
  },
  "links: fs.symlink": ({ root, own }) => {
    fs.symlinkSync(root, `${own}/link2`);
    return fs.readFileSync(`${own}/link2/a`);
  },
  "links: Deno.link": ({ file, own }) => {
    Deno.linkSync(file, `${own}/link3`);
    return Deno.readTextFileSync(`${own}/link3`);
  },
  "links: fs.link": ({ file, own }) => {
    fs.linkSync(file, `${own}/link4`);
    return fs.readFileSync(`${own}/link4`);
  },
  "links: into a root": ({ root, own }) => {
    Deno.linkSync(`${own}/own`, `${root}/d/new3`);
    return IN;
  },
  "copies: fs.cp": ({ root, own }) => {
    fs.cpSync(root, `${own}/copy`, { recursive: true });
    return fs.readFileSync(`${own}/copy/a`);
  },
  "copies: Deno.rename": ({ root, own }) => {
    Deno.renameSync(`${root}/lost2`, `${own}/moved`);
    return IN;
  },
  "where: Deno.chdir": ({ root }) => {
    Deno.chdir(root);
    return Deno.readTextFileSync("a");
  },
  "where: process.chdir": ({ root }) => {
    process.chdir(root);
    return fs.readFileSync("a");
  },
  "where: up from the own folder": ({ root, own }) =>
    Deno.readTextFileSync(`${own}/../${root.split(/[\\/]/).at(-1)}/a`),
  "where: /proc/self/root": ({ file }) =>
    Deno.readTextFileSync(`/proc/self/root${file}`),
  "where: /proc/self/cwd": () =>
    [...Deno.readDirSync("/proc/self/cwd/")].length > 0 && IN,
  "where: /proc/self/task": ({ file }) =>
    Deno.readTextFileSync(`/proc/self/task/../root${file}`),
  "memory: /proc/self/mem": () => Deno.openSync("/proc/self/mem") && IN,
  "memory: /proc/self/maps": () =>
    Deno.readTextFileSync("/proc/self/maps") && IN,
  "descriptors: /proc/self/fd": () =>
    each((fd) => Deno.readTextFileSync(`/proc/self/fd/${fd}`)),
  "descriptors: /dev/fd": () => each((fd) => fs.readFileSync(`/dev/fd/${fd}`)),
  "descriptors: fs.readSync": () =>
    each((fd) => bytesOf((bytes) => fs.readSync(fd, bytes, 0, 100, 0))),
  "descriptors: fs.fstatSync": () => each((fd) => fs.fstatSync(fd)),
  "descriptors: fs.readFileSync": () => each((fd) => fs.readFileSync(fd)),
  "descriptors: fs.readv": () =>
    each((fd) => bytesOf((bytes) => fs.readvSync(fd, [bytes], 0))),
  "descriptors: fs.writeSync": () => each((fd) => fs.writeSync(fd, "x", 0)),
  "descriptors: fs.ftruncateSync": () => each((fd) => fs.ftruncateSync(fd, 1)),
  "descriptors: fs.fchmodSync": () => each((fd) => fs.fchmodSync(fd, 0o777)),
  "descriptors: fs.createReadStream": async () => {
    const all = DESCRIPTORS.map((fd) =>
      told((done) => {
        const stream = fs.createReadStream("", { fd, autoClose: false });
        stream.on("data", done).on("error", done).on("end", () => done(null));
      })
    );
    return await Promise.all(all.map((it) => Promise.race([it, sleep(200)])));
  },
  "descriptors: net.Socket": () =>
    each((fd) => void new net.Socket({ fd }).on("error", () => {})),
  "descriptors: FsFile": () =>
    each((fd) => {
      const Made = Deno.FsFile as unknown as new (
        rid: number,
        key: symbol,
      ) => Deno.FsFile;
      return bytesOf((bytes) => new Made(fd, Symbol.for("x")).readSync(bytes));
    }),
  "descriptors: operations of the runtime": () =>
    each((fd) => bytesOf((bytes) => ops().op_read_sync!(fd, bytes))),
  "permissions: request": async ({ root }) =>
    (await Deno.permissions.request({ name: "read", path: root })).state ===
      "granted" && IN,
  "permissions: query": ({ root }) =>
    Deno.permissions.querySync({ name: "read", path: root }).state ===
      "granted" && IN,
  "system: its release": () => Deno.osRelease() && IN,
  "system: its memory": () => Deno.systemMemoryInfo() && IN,
  "system: interfaces": () => Deno.networkInterfaces().length > 0 && IN,
  "system: a signal to the parent": () => {
    Deno.kill(Deno.ppid, "SIGCONT");
    return IN;
  },
  "system: os.setPriority": () => {
    os.setPriority(0, 19);
    return IN;
  },
  "files: fs.openAsBlob": ({ file }) => fs.openAsBlob(file),
  "files: process.loadEnvFile": ({ root }) => {
    process.loadEnvFile(`${root}/.env`);
    return process.env["HUSHED"];
  },
  "files: v8.writeHeapSnapshot": ({ root }) =>
    v8.writeHeapSnapshot(`${root}/d/new.heap`) && IN,
  "files: Deno.makeTempFile": ({ root }) =>
    Deno.makeTempFileSync({ dir: `${root}/d` }) && IN,
  "files: fs.glob": ({ root }) =>
    fs.globSync("*", { cwd: root }).length > 0 && IN,
  "files: Deno.watchFs": ({ root }) => Deno.watchFs(root) && IN,
  "files: fs.existsSync": ({ file }) => fs.existsSync(file) && IN,
  "messages: a function": ({ file }) =>
    structuredClone(() => Deno.readTextFileSync(file)),
  "messages: a file that is open": ({ own }) =>
    structuredClone(Deno.openSync(`${own}/own`)),
};

async function tryDoors(attack: Attack): Promise<Taken> {
  const search = new Search(attack);
  const at = { ...attack, file: `${attack.root}/a` };
  // There a number that is no descriptor ends the process.
  const doors = Object.entries(DOORS).filter(([name]) =>
    Deno.build.os !== "windows" || !name.startsWith("descriptors: ")
  );
  const open: string[] = [];
  await Promise.all(
    doors.map(async ([name, door]) => {
      try {
        const given = await Promise.race([door(at), sleep(3000)]);
        if (await search.tells(given)) open.push(name);
      } catch {
        // Refused.
      }
    }),
  );
  return { tried: doors.map(([name]) => name), calls: open.length, open };
}

/** How often each way is tried. */
const RACES = 300;

/**
 * Paths that are another one when they are used than when they were looked
 * at: in memory to which another thread writes, or by what a getter gives.
 */
function race({ root, own, secret, path }: Attack): Taken {
  const inside = `${root}/a`;
  const allowed = `${own}/own`;
  let turn = 0;
  const next = () => ++turn % 2 === 0 ? inside : allowed;
  const text = { toString: next, [Symbol.toPrimitive]: next };
  class Lying extends URL {
    override get pathname() {
      return pathToFileURL(next()).pathname;
    }
    override get href() {
      return pathToFileURL(next()).href;
    }
    override toString() {
      return this.href;
    }
  }
  const url = new Lying(pathToFileURL(allowed));
  const bytes = Buffer.from(path!);
  const ways: Readonly<Record<string, () => unknown>> = {
    "bytes that another thread writes to": () => fs.readFileSync(bytes),
    "bytes, opened": () => {
      const fd = fs.openSync(bytes, "r");
      try {
        return fs.readFileSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    },
    "an object, Deno": () => Deno.readTextFileSync(text as unknown as string),
    "an object, node": () => fs.readFileSync(text as unknown as string),
    "a URL, Deno": () => Deno.readTextFileSync(url),
    "a URL, node": () => fs.readFileSync(url),
    "an object, to be renamed": () =>
      Deno.renameSync(text as unknown as string, `${own}/moved`),
    "a URL, to be written": () => fs.writeFileSync(url, "own"),
  };
  const open = new Set<string>();
  let calls = 0;
  for (const [name, way] of Object.entries(ways)) {
    for (let n = 0; n < RACES; n++) {
      calls++;
      try {
        if (`${way()}`.includes(secret)) open.add(name);
      } catch {
        // Refused.
      }
    }
  }
  return { tried: Object.keys(ways), calls, open: [...open] };
}

// Thousands of errors are thrown, and nobody looks where from.
Error.stackTraceLimit = 0;
self.addEventListener("unhandledrejection", (event) => event.preventDefault());
self.addEventListener("error", (event) => event.preventDefault());
process.on("uncaughtException", () => {});

self.onmessage = async ({ data }: MessageEvent<Attack>) => {
  switch (data.what) {
    case "functions":
      return self.postMessage(await callFunctions(data));
    case "doors":
      return self.postMessage(await tryDoors(data));
    case "races":
      return self.postMessage(race(data));
    case "ending":
      return functions().get(data.name!)!(`${data.root}/a`);
  }
};
