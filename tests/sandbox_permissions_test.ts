import fc from "fast-check";
import assert from "node:assert/strict";
import { posix } from "node:path";
import { SyncError } from "../lib/errors.ts";
import { isInside } from "../lib/paths.ts";
import {
  type Access,
  bareSandbox,
  type SandboxConfig,
  sandboxFlags,
  sandboxOf,
  type SandboxOptions,
  type ThreadPermissions,
} from "../lib/sandbox_permissions.ts";

const CONFIG: SandboxConfig = {
  file: "/office/config.yaml",
  roots: { left: "/left", right: "/right" },
  stateDb: "/office/sync.db",
  logging: { file: "/office/logs/sync.log", maxFiles: 3 },
  email: { smtpHost: "mail.example", smtpPort: 587, passwordEnv: "MAIL_PW" },
  networkRoots: "refuse",
};

const SYNC: SandboxOptions = {
  access: "sync",
  programFolder: "/app/lib",
  outputFile: null,
  realRoots: [],
};

/** The paths behind a flag. */
const pathsOf = (flags: readonly string[], name: string) =>
  flags.find((flag) => flag.startsWith(`${name}=`))?.slice(name.length + 1);

Deno.test("sandboxFlags() names what a run needs, and nothing else", () => {
  assert.deepEqual(sandboxFlags(CONFIG, SYNC), [
    "--no-prompt",
    "--ignore-env",
    "--allow-import=nowhere.invalid:1",
    "--allow-net=mail.example:587",
    "--allow-env=MAIL_PW",
    "--allow-sys=statfs,osUptime,hostname,userInfo,uid,gid",
    "--allow-read=/left,/right,/office/sync.db,/office/sync.db.lock,/office/logs,/office/config.yaml,/app/lib",
    "--allow-write=/left,/right,/office/sync.db,/office/sync.db.lock,/office/logs",
  ]);
});

Deno.test("sandboxFlags() lets a plan write logs only, and send nothing", () => {
  assert.deepEqual(sandboxFlags(CONFIG, { ...SYNC, access: "plan" }), [
    "--no-prompt",
    "--ignore-env",
    "--allow-import=nowhere.invalid:1",
    "--allow-sys=statfs,osUptime",
    "--allow-read=/left,/right,/office/sync.db,/office/logs,/office/config.yaml,/app/lib",
    "--allow-write=/office/logs",
  ]);
});

Deno.test("sandboxFlags() lets the doctor do what a sync does", () => {
  const flags = sandboxFlags(CONFIG, { ...SYNC, access: "doctor" });
  assert.deepEqual(flags, sandboxFlags(CONFIG, SYNC));
});

Deno.test("sandboxFlags() opens no host and no variable where no mail is sent", () => {
  const flags = sandboxFlags({ ...CONFIG, email: null }, SYNC).join(" ");
  assert.doesNotMatch(flags, /allow-net|allow-env/);
});

Deno.test("sandboxFlags() opens the monitor's host and port, and nothing else for it", () => {
  const net = (config: Partial<typeof CONFIG>, access: "sync" | "plan") =>
    sandboxFlags({ ...CONFIG, ...config }, { ...SYNC, access })
      .filter((flag) => flag.startsWith("--allow-net"));
  const monitor = { host: "hc-ping.com:443" };
  assert.deepEqual(net({ monitor, email: null }, "sync"), [
    "--allow-net=hc-ping.com:443",
  ]);
  assert.deepEqual(net({ monitor }, "sync"), [
    "--allow-net=mail.example:587,hc-ping.com:443",
  ]);
  assert.deepEqual(net({ monitor: { host: "mail.example:587" } }, "sync"), [
    "--allow-net=mail.example:587",
  ]);
  assert.deepEqual(net({ monitor }, "plan"), []);
  for (const host of ["a,b:1", "*:1", "a", "a:1,b:2"]) {
    assert.throws(
      () => net({ monitor: { host } }, "sync"),
      /monitor\.ping_url/,
    );
  }
});

Deno.test("sandboxFlags() opens no variable where the password is in the config", () => {
  const email = { ...CONFIG.email!, passwordEnv: null };
  const flags = sandboxFlags({ ...CONFIG, email }, SYNC).join(" ");
  assert.match(flags, /--allow-net=mail\.example:587/);
  assert.doesNotMatch(flags, /allow-env/);
});

Deno.test("sandboxFlags() lets an output file be written, not read", () => {
  for (const access of ["sync", "plan"] as const) {
    const outputFile = "/out/report.html";
    const flags = sandboxFlags(CONFIG, { ...SYNC, access, outputFile });
    assert.match(pathsOf(flags, "--allow-write") ?? "", /,\/out\/report.html$/);
    assert.doesNotMatch(pathsOf(flags, "--allow-read") ?? "", /report/);
  }
});

Deno.test("sandboxFlags() reads no program folder in a compiled binary", () => {
  const flags = sandboxFlags(CONFIG, { ...SYNC, programFolder: null });
  assert.doesNotMatch(pathsOf(flags, "--allow-read") ?? "", /app/);
});

const NONE: ThreadPermissions = {
  read: [],
  write: [],
  net: [],
  env: [],
  sys: [],
};
const STATE = ["/office/sync.db", "/office/sync.db.lock"];
const LOGS = ["/office/logs"];
const OWN = ["/office/config.yaml", "/app/lib"];
const ROOTS = ["/left", "/right"];
const ENGINE: ThreadPermissions = {
  read: [...STATE, ...LOGS, ...OWN],
  write: [...STATE, ...LOGS],
  net: ["mail.example:587"],
  env: ["MAIL_PW"],
  sys: ["osUptime", "hostname", "userInfo", "uid", "gid"],
};
const FILES: ThreadPermissions = {
  ...NONE,
  read: ROOTS,
  write: ROOTS,
  sys: ["statfs"],
};

/** The rows of the table in docs/sandbox.md, command by command. */
const THREADS: readonly {
  readonly access: Access;
  readonly engine: ThreadPermissions;
  readonly files: ThreadPermissions;
}[] = [
  {
    access: "sync",
    engine: ENGINE,
    files: FILES,
  },
  {
    access: "plan",
    engine: {
      ...NONE,
      read: ["/office/sync.db", ...LOGS, ...OWN],
      write: LOGS,
      sys: ["osUptime"],
    },
    files: { ...FILES, write: [] },
  },
  {
    access: "doctor",
    engine: {
      ...ENGINE,
      sys: ["osUptime", "statfs", "hostname", "userInfo", "uid", "gid"],
    },
    files: FILES,
  },
  {
    access: "panel",
    engine: { ...ENGINE, net: ["127.0.0.1:0"], env: [], sys: ["osUptime"] },
    files: { ...NONE, read: ROOTS, write: ROOTS, sys: ["statfs"] },
  },
];

for (const { access, engine, files } of THREADS) {
  Deno.test(`sandboxOf() gives each thread of a ${access} what it needs, and the process no more than both`, () => {
    const sandbox = sandboxOf(CONFIG, { ...SYNC, access });
    assert.deepEqual(sandbox.engine, engine);
    assert.deepEqual(sandbox.files, files);
    assert.deepEqual(sandbox.walls, { by: "permissions", network: [] });
    const flags = Object.fromEntries(
      sandbox.flags.map((it) => it.split("=")).map(([name, list = ""]) => [
        name!,
        list.split(",").toSorted(),
      ]),
    );
    for (const name of ["read", "write", "net", "env", "sys"] as const) {
      const both = [...new Set([...engine[name], ...files[name]])];
      const list = both.length === 0 ? undefined : both.toSorted();
      assert.deepEqual(flags[`--allow-${name}`], list, name);
    }
  });

  Deno.test(`sandboxOf() gives the engine of a ${access} no more where a root is on the network: only the process, and the threads that touch files, have all`, () => {
    const config = { ...CONFIG, networkRoots: "fence" } as const;
    const sandbox = sandboxOf(config, {
      ...SYNC,
      access,
      realRoots: REAL_ROOTS,
    });
    assert.deepEqual(sandbox, {
      flags: ["--no-prompt", "--allow-all"],
      engine,
      files: "all",
      walls: {
        by: "fence",
        network: [{
          side: "right",
          root: "/right",
          share: "\\\\server\\share\\office",
        }],
      },
    });
  });
}

Deno.test("sandboxOf() gives the engine a file to be written, in none of the threads that touch files", () => {
  const options = { ...SYNC, outputFile: "/out/page.html" };
  const { engine, files } = sandboxOf(CONFIG, options);
  assert.deepEqual(engine.write, [...ENGINE.write, "/out/page.html"]);
  assert.deepEqual(engine.read, ENGINE.read);
  assert.deepEqual(files, FILES);
});

Deno.test("sandboxOf() gives the engine no root, and no folder that holds one or lies in one, wherever all of them are", () => {
  const place = fc.array(fc.constantFrom("a", "b"), { maxLength: 4 })
    .map((names) => `/${names.join("/")}`);
  const apart = (left: string, right: string) =>
    !isInside(right, left) && !isInside(left, right);
  const layout = fc.record({
    left: place,
    right: place,
    own: place,
    state: place,
    log: place,
    link: fc.option(place),
    access: fc.constantFrom<Access>("sync", "plan", "doctor"),
  });
  fc.assert(
    fc.property(layout, ({ left, right, own, state, log, ...it }) => {
      const config: SandboxConfig = {
        ...CONFIG,
        file: posix.join(own, "config.yaml"),
        roots: { left, right },
        stateDb: posix.join(state, "sync.db"),
        logging: { file: posix.join(log, "sync.log"), maxFiles: 2 },
      };
      // The log's folder by another name, as the disk spells it.
      const onDisk = (path: string) =>
        it.link === null ? path : path.replace(log, it.link);
      const real = [left, right].flatMap((root) => [root, onDisk(root)]);
      // What lies in a root is refused before.
      const files = [config.file, config.stateDb, config.logging.file];
      fc.pre(
        apart(left, right) && log !== "/" && it.link !== "/" &&
          files.flatMap((file) => [file, onDisk(file)]).every((file) =>
            !real.some((root) => isInside(file, root))
          ),
      );
      const { engine } = sandboxOf(config, {
        ...SYNC,
        access: it.access,
        onDisk,
      });
      for (const path of [...engine.read, ...engine.write]) {
        for (const root of real) {
          assert.ok(apart(path, root), `${path}, ${root}`);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

const SHARED_LOGS: [beside: string, changes: Partial<SandboxConfig>][] = [
  ["the config", {}],
  ["the state DB", { file: "/c.yaml", stateDb: "/office/x/sync.db" }],
  ["the program", { file: "/c.yaml", stateDb: "/s.db" }],
];

for (const [beside, changes] of SHARED_LOGS) {
  Deno.test(`sandboxFlags() opens only the log files where they lie beside ${beside}`, () => {
    const logging = { file: "/office/sync.log", maxFiles: 3 };
    const flags = sandboxFlags({ ...CONFIG, ...changes, logging }, {
      ...SYNC,
      programFolder: beside === "the program" ? "/office/lib" : "/app/lib",
      access: "plan",
    });
    assert.equal(
      pathsOf(flags, "--allow-write"),
      "/office/sync.log,/office/sync.log.1,/office/sync.log.2",
    );
  });
}

Deno.test("sandboxFlags() names a path once", () => {
  const flags = sandboxFlags({
    ...CONFIG,
    roots: { left: "/left", right: "/left" },
  }, SYNC);
  assert.match(pathsOf(flags, "--allow-write") ?? "", /^\/left,\/office/);
});

Deno.test("sandboxFlags() keeps Windows paths, but for a backslash at the end", () => {
  const flags = sandboxFlags({
    ...CONFIG,
    file: "C:\\office\\config.yaml",
    roots: { left: "C:\\pdrive_local", right: "P:\\" },
    stateDb: "C:\\office\\sync.db",
    logging: { file: "C:\\office\\logs\\sync.log", maxFiles: 5 },
  }, { ...SYNC, programFolder: null });
  assert.equal(
    pathsOf(flags, "--allow-write"),
    "C:\\pdrive_local,P:/,C:\\office\\sync.db,C:\\office\\sync.db.lock,C:\\office\\logs",
  );
});

Deno.test("sandboxFlags() puts an IPv6 address in brackets", () => {
  const email = { ...CONFIG.email!, smtpHost: "2001:db8::1" };
  const flags = sandboxFlags({ ...CONFIG, email }, SYNC);
  assert.ok(flags.includes("--allow-net=[2001:db8::1]:587"));
});

Deno.test("sandboxFlags() refuses a host or variable that would open more than one", () => {
  const hosts = [
    "a,b",
    "*.example",
    "10.0.0.0/8",
    "a b",
    "",
    "a.de:25",
    "ü.de",
  ];
  const names = ["A,B", "*", "AWS_*", "", "A=B"];
  const emails = [
    ...hosts.map((smtpHost) => ({ ...CONFIG.email!, smtpHost })),
    ...names.map((passwordEnv) => ({ ...CONFIG.email!, passwordEnv })),
  ];
  for (const email of emails) {
    const make = () => sandboxFlags({ ...CONFIG, email }, SYNC);
    assert.throws(make, (error) => {
      assert.ok(error instanceof SyncError);
      assert.equal(error.exitCode, 2);
      return true;
    }, JSON.stringify(email));
  }
});

const REAL_ROOTS = ["C:\\pdrive_local", "\\\\server\\share\\office"];

Deno.test("sandboxFlags() refuses a root on the network, and says what to do", () => {
  const make = () => sandboxFlags(CONFIG, { ...SYNC, realRoots: REAL_ROOTS });
  assert.throws(make, (error) => {
    assert.ok(error instanceof SyncError);
    assert.equal(error.exitCode, 2);
    assert.match(error.message, /\\\\server\\share\\office/);
    assert.match(
      error.hint ?? "",
      /\nsandbox:\n {2}network_roots: fence\n/,
    );
    return true;
  });
});

Deno.test("sandboxFlags() opens everything for a root on the network only where the config says so", () => {
  const config = { ...CONFIG, networkRoots: "fence" } as const;
  assert.deepEqual(
    sandboxFlags(config, { ...SYNC, realRoots: REAL_ROOTS }),
    ["--no-prompt", "--allow-all"],
  );
  assert.ok(
    !sandboxFlags(config, { ...SYNC, realRoots: ["C:\\a", "D:\\b"] })
      .includes("--allow-all"),
  );
});

Deno.test("sandboxFlags() starts the doctor in the sandbox where a network root keeps a run from starting", () => {
  const options = { ...SYNC, access: "doctor" } as const;
  assert.deepEqual(
    sandboxFlags(CONFIG, { ...options, realRoots: REAL_ROOTS }),
    sandboxFlags(CONFIG, options),
  );
});

/** A disk that has other letters, and a link, than the config says. */
const onDisk = (path: string) =>
  path.replace(/^\/left/, "/disk/Left").replace(/^\/office/, "/disk/office");

Deno.test("sandboxFlags() names a path as it is written and as the disk spells it", () => {
  const { access: _, ...options } = SYNC;
  const written = pathsOf(
    sandboxFlags(CONFIG, { ...options, access: "sync", onDisk }),
    "--allow-write",
  )?.split(",") ?? [];
  for (const path of written) assert.ok(written.includes(onDisk(path)), path);
  assert.ok(written.includes("/left") && written.includes("/disk/Left"));
  const planned = sandboxFlags(CONFIG, { ...options, access: "plan", onDisk });
  assert.doesNotMatch(pathsOf(planned, "--allow-write") ?? "", /[Ll]eft/);
  for (const flags of [planned]) {
    const read = pathsOf(flags, "--allow-read")?.split(",") ?? [];
    for (const path of read) assert.ok(read.includes(onDisk(path)), path);
  }
});

Deno.test("sandboxFlags() opens only the log files where the log folder is the config's by another name", () => {
  const flags = sandboxFlags({
    ...CONFIG,
    file: "/office/config.yaml",
    stateDb: "/s.db",
    logging: { file: "/link/sync.log", maxFiles: 2 },
  }, {
    ...SYNC,
    access: "plan",
    programFolder: null,
    onDisk: (path) => path.replace(/^\/link/, "/office"),
  });
  assert.equal(
    pathsOf(flags, "--allow-write"),
    "/link/sync.log,/office/sync.log,/link/sync.log.1,/office/sync.log.1",
  );
});

Deno.test("sandboxFlags() keeps to what is written where the disk is on the network", () => {
  const config = { ...CONFIG, roots: { left: "/left", right: "P:\\" } };
  const options = { ...SYNC, access: "doctor" } as const;
  const real = (path: string) => path === "P:\\" ? "\\\\server\\share\\" : path;
  assert.deepEqual(
    sandboxFlags(config, { ...options, onDisk: real }),
    sandboxFlags(config, options),
  );
});

Deno.test("bareSandbox() gives the threads that touch files nothing", () => {
  const { engine, files } = bareSandbox("/out.yaml", ["/app/lib"]);
  const engineMay = {
    ...NONE,
    read: ["/out.yaml", "/app/lib"],
    write: ["/out.yaml"],
  };
  assert.deepEqual([engine, files], [engineMay, NONE]);
});

Deno.test("bareSandbox() names one file and the program at most", () => {
  const bareFlags = (...args: Parameters<typeof bareSandbox>) =>
    bareSandbox(...args).flags;
  const closed = [
    "--no-prompt",
    "--ignore-env",
    "--allow-import=nowhere.invalid:1",
  ];
  assert.deepEqual(bareFlags(null, []), closed);
  assert.deepEqual(bareFlags("/office/config.yaml", ["/app"]), [
    ...closed,
    "--allow-read=/office/config.yaml,/app",
    "--allow-write=/office/config.yaml",
  ]);
  assert.deepEqual(bareFlags("/office/config.yaml", [], onDisk).slice(-1), [
    "--allow-write=/office/config.yaml,/disk/office/config.yaml",
  ]);
});
