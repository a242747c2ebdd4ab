import assert from "node:assert/strict";
import {
  cacheWarnings,
  cronLine,
  driveWarnings,
  minutesOf,
  systemdUnits,
  taskXml,
} from "../lib/schedule_text.ts";
import { StateDb, takeLock, wasSaid } from "../lib/state_db.ts";
import { MemoryOffice, Office } from "./support/support.ts";

/** A folder whose name means something to every scheduler. */
class OddOffice extends Office {
  readonly odd: string;

  constructor(name: string) {
    super();
    this.odd = `${this.folder}/${name}`;
    Deno.mkdirSync(this.odd);
    Deno.writeTextFileSync(
      `${this.odd}/config.yaml`,
      "left_root: ../left\nright_root: ../right\n",
    );
    (this as { config: string }).config = `${this.odd}/config.yaml`;
  }
}

interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: Element[];
}

/** Reads XML without what a task has no need of; anything else is an error. */
function parse(xml: string): Element {
  const root: Element = { name: "", text: "", children: [] };
  const open = [root];
  const body = xml.replace(
    /^<\?xml version="1\.0" encoding="UTF-16"\?>\r\n/,
    "",
  );
  assert.notEqual(body, xml);
  const parts = body.matchAll(/<(\/?)(\w+)((?: \w+="[^"<&]*")*)>|([^<]+)/g);
  let length = 0;
  for (const [all, slash, name = "", , text] of parts) {
    length += all.length;
    const top = open.at(-1)!;
    if (text !== undefined) (top as { text: string }).text += unescaped(text);
    else if (slash) assert.equal(open.pop()!.name, name);
    else {
      const element = { name, text: "", children: [] };
      top.children.push(element);
      open.push(element);
    }
  }
  assert.equal(length, body.length);
  assert.equal(open.length, 1);
  return root.children[0]!;
}

function unescaped(text: string): string {
  assert.doesNotMatch(text, /&(?!(?:amp|lt|gt);)/);
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** The types of the documented schema, as far as one task may have them. */
const SCHEMA: Readonly<
  Record<string, { readonly order: boolean; readonly names: string[] }>
> = {
  Task: {
    order: false,
    names: [
      "RegistrationInfo",
      "Triggers",
      "Settings",
      "Data",
      "Principals",
      "Actions",
    ],
  },
  RegistrationInfo: {
    order: false,
    names: ["URI", "Source", "Author", "Date", "Description", "Documentation"],
  },
  TimeTrigger: {
    order: true,
    names: [
      "Enabled",
      "StartBoundary",
      "EndBoundary",
      "Repetition",
      "ExecutionTimeLimit",
      "RandomDelay",
    ],
  },
  Repetition: {
    order: false,
    names: ["Interval", "Duration", "StopAtDurationEnd"],
  },
  Principal: {
    order: false,
    names: ["UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"],
  },
  Settings: {
    order: false,
    names: [
      "AllowStartOnDemand",
      "RestartOnFailure",
      "MultipleInstancesPolicy",
      "DisallowStartIfOnBatteries",
      "StopIfGoingOnBatteries",
      "AllowHardTerminate",
      "StartWhenAvailable",
      "NetworkProfileName",
      "RunOnlyIfNetworkAvailable",
      "WakeToRun",
      "Enabled",
      "Hidden",
      "DeleteExpiredTaskAfter",
      "IdleSettings",
      "NetworkSettings",
      "ExecutionTimeLimit",
      "Priority",
      "RunOnlyIfIdle",
    ],
  },
  Exec: { order: false, names: ["Command", "Arguments", "WorkingDirectory"] },
};

function check(element: Element): void {
  const type = SCHEMA[element.name];
  const names = element.children.map(({ name }) => name);
  if (type) {
    const places = names.map((name) => type.names.indexOf(name));
    assert.ok(!places.includes(-1), `${element.name}: ${names}`);
    assert.equal(new Set(names).size, names.length, element.name);
    if (type.order) assert.deepEqual(places, places.toSorted((a, b) => a - b));
  }
  element.children.forEach(check);
}

function at(element: Element, ...names: string[]): Element {
  return names.reduce(
    (it, name) => it.children.find((child) => child.name === name)!,
    element,
  );
}

/** A command line as a Windows program reads its arguments. */
function windowsArguments(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\(?!")|\\")*)"|[^ "]+/g)].map(
    ([all, quoted]) => quoted?.replace(/(?:\\\\)+$/, "\\") ?? all,
  );
}

/**
 * What schedule says besides where this very Deno is: whoever has nothing but
 * Node.js runs these tests from the cache of npx, and is told so.
 */
function besidesTheCache(stderr: string): string {
  const told = cacheWarnings(Deno.execPath()).map((line) => `${line}\n`).join(
    "",
  );
  assert.ok(stderr.endsWith(told), stderr);
  return stderr.slice(0, stderr.length - told.length);
}

Deno.test("schedule windows prints a task that is true in whatever encoding a shell keeps it, as the one that is written", async () => {
  using office = new OddOffice("Büro 😀 & Söhne");
  const file = `${office.folder}/task.xml`;
  for (const write of [[], ["--write", file]]) {
    const { code, stdout, stderr } = await office.commandHere(
      ...["schedule", "windows", ...write],
    );
    assert.equal(code, 0, stderr);
    if (write.length > 0) continue;
    assert.match(stdout, /^<\?xml version="1\.0"\?>\r\n<Task /);
    assert.match(stdout, /^\p{ASCII}*$/u);
    Deno.writeTextFileSync(`${file}.printed`, stdout);
  }
  const printed = Deno.readTextFileSync(`${file}.printed`);
  const written = new TextDecoder("utf-16le").decode(Deno.readFileSync(file));
  const read = printed.replaceAll(
    /&#(\d+);/g,
    (_, code) => String.fromCodePoint(Number(code)),
  ).replace('"1.0"', '"1.0" encoding="UTF-16"');
  assert.equal(read.trimEnd(), written.trimEnd());
  assert.match(read, /Büro 😀 &amp; Söhne/);
});

Deno.test("schedule windows writes a task in UTF-16 that keeps to the schema", async () => {
  using office = new OddOffice("Müller & Söhne <office>");
  const file = `${office.folder}/task.xml`;
  const { code, stdout, stderr } = await office.commandHere(
    ...["schedule", "windows", "--every", "30m", "--write", file],
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Written: .*\nNext: schtasks \/Create .*task\.xml"\n$/);
  const bytes = Deno.readFileSync(file);
  assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xfe]);
  const text = new TextDecoder("utf-16le").decode(bytes);
  assert.match(
    text,
    /\r\n<Task version="1\.2" xmlns="http:\/\/schemas\.microsoft\.com\/windows\/2004\/02\/mit\/task">\r\n/,
  );
  const task = parse(text);
  check(task);
  const { text: interval } = at(
    task,
    "Triggers",
    "TimeTrigger",
    "Repetition",
    "Interval",
  );
  assert.equal(interval, "PT30M");
  const settings = Object.fromEntries(
    at(task, "Settings").children.map(({ name, text }) => [name, text]),
  );
  assert.equal(settings.MultipleInstancesPolicy, "IgnoreNew");
  assert.equal(settings.StartWhenAvailable, "true");
  assert.equal(settings.ExecutionTimeLimit, "PT12H");
  const exec = at(task, "Actions", "Exec");
  assert.equal(at(exec, "WorkingDirectory").text, office.odd);
  assert.equal(at(exec, "Command").text, Deno.execPath());
  const args = windowsArguments(at(exec, "Arguments").text);
  assert.deepEqual(args.slice(-3), ["--config", office.config, "--quiet"]);
  assert.ok(args.at(-4)?.endsWith("/main.ts"));
});

Deno.test("schedule windows names a task for each config", async () => {
  for (
    const [config, task] of [
      ["config.yaml", "office-sync"],
      ["plans.yaml", "office-sync-plans"],
      ["Plans 2.0.yml", '"office-sync-Plans 2.0"'],
      ["Pläne.yaml", "office-sync-Pläne"],
      ['a"&|b:.yaml', '"office-sync-a-&-b-"'],
    ] as const
  ) {
    using office = new MemoryOffice();
    const path = `${office.folder}/${config}`;
    Deno.renameSync(office.config, path);
    (office as { config: string }).config = path;
    const file = `${office.folder}/task.xml`;
    const { stdout, stderr } = await office.commandHere(
      ...["schedule", "windows", "--write", file],
    );
    const next = `Next: schtasks /Create /TN ${task} /XML "${file}"\n`;
    assert.ok(stdout.endsWith(next), stdout + stderr);
  }
});

Deno.test("schedule refuses to write over a file", async () => {
  using office = new MemoryOffice();
  const file = `${office.folder}/task.xml`;
  Deno.writeTextFileSync(file, "mine");
  const { code, stderr } = await office.commandHere(
    ...["schedule", "windows", "--write", file],
  );
  assert.equal(code, 2);
  assert.match(stderr, /^".*" is there already, and stays as it is\.\n$/);
  assert.equal(Deno.readTextFileSync(file), "mine");
});

for (const named of ["service", "timer"]) {
  Deno.test(`schedule systemd writes service and timer, whichever is named: .${named}`, async () => {
    using office = new MemoryOffice();
    const at = (ending: string) => `${office.folder}/my-sync.${ending}`;
    const { code, stdout, stderr } = await office.commandHere(
      ...["schedule", "systemd", "--every", "1h", "--write", at(named)],
    );
    assert.equal(code, 0);
    assert.match(besidesTheCache(stderr), /^[^\n]* loginctl enable-linger\n$/);
    assert.equal(
      stdout,
      `Written: ${at("service")} and ${at("timer")}.\n` +
        "Next: put both into ~/.config/systemd/user, then: systemctl --user " +
        "daemon-reload && systemctl --user enable --now my-sync.timer\n",
    );
    assert.match(Deno.readTextFileSync(at("service")), /^ExecStart=/m);
    assert.match(Deno.readTextFileSync(at("timer")), /^OnCalendar=0\/1:00$/m);
  });

  Deno.test(`schedule systemd writes neither file where the .${named} is there`, async () => {
    using office = new MemoryOffice();
    const at = (ending: string) => `${office.folder}/s.${ending}`;
    Deno.writeTextFileSync(at(named), "mine");
    const { code, stderr } = await office.commandHere(
      ...["schedule", "systemd", "--write", at("service")],
    );
    assert.equal(code, 2);
    assert.match(stderr, /^".*" is there already, and stays as it is\.\n$/);
    assert.ok(stderr.includes(at(named)));
    assert.equal(Deno.readTextFileSync(at(named)), "mine");
    const other = named === "timer" ? "service" : "timer";
    assert.throws(() => Deno.statSync(at(other)), Deno.errors.NotFound);
  });
}

Deno.test("schedule systemd refuses a name that is neither of the two", async () => {
  using office = new MemoryOffice();
  for (const name of ["units.txt", ".service", "a b.timer"]) {
    const { code, stderr } = await office.commandHere(
      ...["schedule", "systemd", "--write", `${office.folder}/${name}`],
    );
    assert.equal(code, 2);
    assert.match(stderr, /ends in \.service or \.timer: both files are writt/);
  }
});

Deno.test("a task quotes what Windows needs quoted", () => {
  const command = ["C:\\a b\\deno.exe", "run", "C:\\x\\", "C:\\my x\\", "a&b"];
  const folder = "C:\\a b";
  const text = taskXml({
    command,
    folder,
    everyMinutes: 1440,
    description: "<&>",
  });
  const task = parse(text);
  const exec = at(task, "Actions", "Exec");
  assert.equal(
    at(exec, "Arguments").text,
    'run C:\\x\\ "C:\\my x\\\\" "a&b"',
  );
  assert.equal(at(exec, "Command").text, command[0]);
  assert.match(text, /<Interval>P1D<\/Interval>/);
});

Deno.test({
  name: "the line of schedule cron runs a sync, from any folder's name",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using office = new OddOffice('it\'s 100% $HOME & "more"');
    office.write({ left: { a: "1" } });
    const { code, stdout } = await office.commandHere(
      ...["schedule", "cron", "--every", "2h"],
    );
    assert.equal(code, 0);
    const [, line = ""] = /^0 \*\/2 \* \* \* (.*)\n$/.exec(stdout) ?? [];
    // As cron does: a % is the end of the line, but after a backslash.
    assert.doesNotMatch(line, /(?<!\\)%/);
    const shell = new Deno.Command("sh", {
      args: ["-c", line.replaceAll("\\%", "%")],
      cwd: "/",
    });
    const ran = await shell.output();
    assert.deepEqual(
      [ran.code, new TextDecoder().decode(ran.stdout)],
      [0, ""],
      new TextDecoder().decode(ran.stderr),
    );
    assert.deepEqual(office.trees().right, { a: "1" });
  },
});

Deno.test("schedule windows refuses a % in a path, in one line", async () => {
  using office = new OddOffice("100%");
  const { code, stdout, stderr } = await office.commandHere(
    "schedule",
    "windows",
  );
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^".*100%.*": Task Scheduler takes % .*\.\n$/);
});

Deno.test("a unit says what systemd takes for something else so that it is taken as it is", () => {
  const { service } = systemdUnits({
    command: ["/my deno", '/100%n/$HOME/"x"/\\', "--quiet"],
    folder: "/100%n/a b",
    everyMinutes: 15,
    description: "100%n",
  });
  assert.match(service, /^Description=100%%n$/m);
  assert.match(service, /^WorkingDirectory=\/100%%n\/a b$/m);
  const line = service.split("\n").find((it) => it.startsWith("ExecStart="));
  assert.equal(
    line,
    'ExecStart="/my deno" "/100%%n/$$HOME/\\"x\\"/\\\\" --quiet',
  );
});

Deno.test("schedule tells of the variable that scheduled runs need", async () => {
  using office = new MemoryOffice(
    "email: { smtp_host: h, username: u, password_env: MAIL_PW, from: a@b.c, to: a@b.c }\n",
  );
  const { code, stderr } = await office.commandHere("schedule", "cron");
  assert.equal(code, 0);
  assert.match(stderr, /the variable MAIL_PW: /);
});

Deno.test("a Deno that npx fetched is told, as what may be gone tomorrow", () => {
  for (
    const deno of [
      "/home/anna/.npm/_npx/ffb2962e9c35ffe8/node_modules/deno/deno",
      "C:\\Users\\anna\\npm-cache\\_npx\\ffb2\\node_modules\\deno\\deno.exe",
    ]
  ) {
    const [warning = "", ...more] = cacheWarnings(deno);
    assert.deepEqual(more, []);
    assert.ok(warning.startsWith(`${deno} is in a cache of npx, `), warning);
  }
  for (const deno of ["/usr/bin/deno", "/opt/my_npx/deno", "C:\\deno.exe"]) {
    assert.deepEqual(cacheWarnings(deno), []);
  }
});

Deno.test("a mapped drive is told, with the path that is always there", () => {
  const [warning, ...more] = driveWarnings(
    ["C:\\office", "P:\\team"],
    ["\\\\?\\C:\\office", "\\\\?\\UNC\\server\\share\\team"],
  );
  assert.deepEqual(more, []);
  assert.match(warning!, /^P:\\team is on a mapped drive\. P: is there only /);
  assert.match(warning!, / write \\\\server\\share\\team into the config /);
  assert.deepEqual(driveWarnings(["\\\\s\\x"], ["\\\\s\\x"]), []);
});

Deno.test("a mapped drive is told also where its real path may not be seen", () => {
  const [warning = ""] = driveWarnings(["P:\\"], ["\\\\"]);
  assert.match(warning, /^P:\\ is on a mapped drive\. P: is there only /);
  assert.match(warning, /write its path as \\\\server\\share into the config/);
});

Deno.test("a drive that can't be looked at may be a mapped one, but for C:", () => {
  const warnings = driveWarnings(["C:\\office", "p:\\"], [null, null]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^If P: is a mapped drive, it is there only /);
  assert.deepEqual(driveWarnings(["D:\\x"], ["D:\\x"]), []);
});

Deno.test("schedule windows tells of a drive that this system can't look at", async () => {
  using office = new MemoryOffice();
  Deno.writeTextFileSync(
    office.config,
    "left_root: C:\\l\nright_root: P:\\\n",
  );
  const { code, stderr } = await office.commandHere("schedule", "windows");
  assert.equal(code, 0);
  assert.match(
    besidesTheCache(stderr),
    /^If P: is a mapped drive, [^\n]*\\\\server\\share [^\n]*\n$/,
  );
});

Deno.test("an interval divides a day", () => {
  const allowed = {
    ...{ "1m": 1, "15m": 15, "30m": 30, "45m": 45, "60m": 60, "90m": 90 },
    ...{ "1h": 60, "12h": 720, "24h": 1440, "1440m": 1440, "1d": 1440 },
  };
  for (const [words, minutes] of Object.entries(allowed)) {
    assert.equal(minutesOf(words), minutes, words);
  }
  for (
    const words of ["", "0m", "7m", "50m", "5h", "48h", "2d", "15", "1.5h"]
  ) {
    assert.equal(minutesOf(words), null, words);
  }
});

/** The minutes of a day at which a line of a crontab starts something. */
function startsOf(line: string): number[] {
  const [minutes = "", hours = ""] = line.split(" ");
  const all = (field: string, end: number): number[] => {
    const [, first, last, step] = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(
      field,
    )!;
    const from = Number(first ?? 0);
    const to = first === undefined || last !== undefined
      ? Number(last ?? end - 1)
      : from;
    const found: number[] = [];
    for (let at = from; at <= to; at += Number(step ?? 1)) found.push(at);
    return found;
  };
  return all(hours, 24).flatMap((hour) =>
    all(minutes, 60).map((minute) => hour * 60 + minute)
  );
}

Deno.test("cron starts at every allowed interval, at the same times each day", () => {
  const scheduled = { command: ["/x"], folder: "/", description: "" };
  for (let everyMinutes = 1; everyMinutes <= 1440; everyMinutes++) {
    if (1440 % everyMinutes !== 0) continue;
    const text = cronLine({ ...scheduled, everyMinutes }).trimEnd();
    const starts = text.split("\n").flatMap(startsOf).sort((a, b) => a - b);
    assert.equal(starts.length, 1440 / everyMinutes, `${everyMinutes}`);
    for (const [n, start] of starts.entries()) {
      assert.equal(start, starts[0]! + n * everyMinutes, text);
    }
  }
});

for (const scheduler of ["windows", "systemd", "cron"]) {
  Deno.test(`schedule ${scheduler} takes 90m, 60m and 24h; of another, one line says what is allowed`, async () => {
    using office = new MemoryOffice();
    for (const every of ["90m", "60m", "24h"]) {
      const { code, stdout } = await office.commandHere(
        ...["schedule", scheduler, "--every", every],
      );
      assert.equal(code, 0);
      assert.notEqual(stdout, "");
    }
    const { code, stderr } = await office.commandHere(
      ...["schedule", scheduler, "--every", "50m"],
    );
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^--every: "50m" is not allowed; .* divide a day \(.*\)/,
    );
  });
}

Deno.test("schedule tells how the mail password comes to scheduled runs, and how systemd's run at any time", async () => {
  using office = new MemoryOffice(
    "email: {smtp_host: localhost, from: a@b.example, to: c@d.example, " +
      "username: a, password_env: MAIL_PASSWORD}\n",
  );
  const systemd = await office.commandHere("schedule", "systemd");
  const file = `${office.folder}/config.env`;
  assert.match(systemd.stdout, new RegExp(`^EnvironmentFile=-${file}$`, "m"));
  assert.match(systemd.stdout, /^SuccessExitStatus=1 4$/m);
  assert.match(systemd.stderr, /loginctl enable-linger/);
  assert.ok(systemd.stderr.includes(`MAIL_PASSWORD=… into ${file}`));
  assert.match(systemd.stderr, /chmod 600/);
  const cron = await office.commandHere("schedule", "cron");
  assert.match(cron.stderr, /MAIL_PASSWORD=… in a line of its own/);
  assert.doesNotMatch(cron.stderr, /linger/);
  const windows = await office.commandHere("schedule", "windows");
  assert.match(
    windows.stderr,
    /MAIL_PASSWORD: .* into the config instead, .* setx .* hide nothing/,
  );
});

Deno.test("under cron a run says once what stays as it is, again when it changes, and anew after it was well", async () => {
  using office = new MemoryOffice("conflict_policy: {new_new: notify}\n");
  const run = async () => {
    const { code, stdout, stderr } = await office.commandHere(
      ...["--quiet", "--only-new"],
    );
    return [code, stdout + stderr === "" ? "silent" : "says"];
  };
  office.write({ left: { a: "1" }, right: { a: "two" } });
  assert.deepEqual(await run(), [1, "says"]);
  assert.deepEqual(await run(), [1, "silent"]);
  office.write({ left: { b: "1" }, right: { b: "two" } });
  assert.deepEqual(await run(), [1, "says"]);
  assert.deepEqual(await run(), [1, "silent"]);
  Deno.renameSync(office.right, `${office.right}.away`);
  assert.deepEqual(await run(), [3, "says"]);
  assert.deepEqual(await run(), [3, "silent"]);
  Deno.renameSync(`${office.right}.away`, office.right);
  assert.deepEqual(await run(), [1, "says"]);
  {
    using _lock = takeLock(office.stateDb);
    assert.deepEqual(await run(), [4, "says"]);
    assert.deepEqual(await run(), [4, "silent"]);
  }
  assert.deepEqual(await run(), [1, "silent"], "an overlap is another thing");
  Deno.removeSync(`${office.right}/a`);
  Deno.removeSync(`${office.right}/b`);
  assert.deepEqual(await run(), [0, "silent"]);
  Deno.renameSync(office.right, `${office.right}.away`);
  assert.deepEqual(await run(), [3, "says"]);
});

Deno.test("what was said is said again after a day, and where there is no state DB none is made", () => {
  using office = new MemoryOffice();
  assert.equal(wasSaid(office.stateDb, "left", "x", 0), false);
  assert.throws(() => Deno.statSync(office.stateDb), Deno.errors.NotFound);
  new StateDb(office.stateDb, { isReadOnly: false })[Symbol.dispose]();
  const day = 24 * 60 * 60 * 1000;
  assert.equal(wasSaid(office.stateDb, "left", "x", day), false);
  assert.equal(wasSaid(office.stateDb, "left", "x", 2 * day - 1), true);
  assert.equal(wasSaid(office.stateDb, "left", "x", 2 * day), false);
  assert.equal(wasSaid(office.stateDb, "left", "y", 2 * day), false);
});
