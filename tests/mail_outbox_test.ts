import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { SyncListener } from "../lib/run_types.ts";
import {
  mailedRun,
  MailOffice,
  MailServer,
  refusal,
  type Said,
} from "./support/mail_server.ts";
import { file, type Office } from "./support/support.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** What stays unsynced is another test's. */
const PLAIN = {
  security: "none",
  needsLogin: false,
  keys: { tell_after_hours: "0" },
} as const;

/** Runs with mails in this process, at any time. */
function run(
  { office }: MailOffice,
  atMs = 0,
  boundMs?: number,
  change?: (listener: SyncListener) => Partial<SyncListener>,
): Promise<Said> {
  const how = { atMs, ...boundMs && { boundMs }, ...change && { change } };
  return mailedRun(office, how);
}

const NOTIFY = "conflict_policy:\n  modify_modify: notify\n  new_new: notify\n";

/** Gives both sides a file of their own under one name. */
function conflict(office: Office, name: string, left = "one"): void {
  office.write({
    left: { [name]: file(left, { mtime: Date.UTC(2026, 0, 1) }) },
    right: { [name]: file("three", { mtime: Date.UTC(2026, 0, 2) }) },
  });
}

async function stop(place: MailOffice): Promise<number> {
  const { port } = place.server;
  await place.server[Symbol.asyncDispose]();
  return port;
}

async function restart(place: MailOffice, port: number): Promise<void> {
  place.server = await new MailServer({ ...PLAIN, port }).start();
}

function waiting({ office }: MailOffice): number {
  using db = new DatabaseSync(office.stateDb, { readOnly: true });
  return Number(db.prepare("SELECT count(*) AS n FROM outbox").get()?.n);
}

Deno.test("an open conflict is told when the server is back, however long that takes", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const port = await stop(place);
  conflict(place.office, "plan.txt");
  for (const day of [0, 1, 13, 15, 40]) await run(place, day * DAY_MS);
  await restart(place, port);
  await run(place, 41 * DAY_MS);
  const [mail, ...others] = place.server.take();
  assert.deepEqual(others, []);
  assert.match(mail!.text ?? "", /conflicts resolve plan\.txt left/);
  await run(place, 42 * DAY_MS);
  assert.deepEqual(place.server.take(), [], "told once");
});

Deno.test("a version that lost is told when the server is back, however long that takes", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const port = await stop(place);
  conflict(place.office, "plan.txt");
  for (const day of [0, 15]) await run(place, day * DAY_MS);
  await restart(place, port);
  await run(place, 40 * DAY_MS);
  const [mail] = place.server.take();
  assert.match(mail?.text ?? "", /plan\.clash-20260101-000000-left\.txt/);
});

Deno.test("what was resolved, edited or removed while no mail went out is not told as open", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const { office } = place;
  const port = await stop(place);
  const names = ["same.txt", "gone.txt", "edited.txt", "open.txt"];
  for (const name of names) conflict(office, name);
  await run(place);
  office.write({ left: { "same.txt": "three" } });
  Deno.removeSync(`${office.left}/gone.txt`);
  Deno.removeSync(`${office.right}/gone.txt`);
  conflict(office, "edited.txt", "another one");
  await run(place, HOUR_MS);
  await restart(place, port);
  await run(place, 2 * HOUR_MS);
  const told = place.server.take().flatMap(({ text }) =>
    [...(text ?? "").matchAll(/resolve (\S+) left/g)].map(([, name]) => name)
  );
  assert.deepEqual(told.toSorted(), ["edited.txt", "open.txt"]);
});

Deno.test("a mail of which nothing is true any more is not sent", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const port = await stop(place);
  conflict(place.office, "plan.txt");
  await run(place);
  place.office.write({ left: { "plan.txt": "three" } });
  await restart(place, port);
  await run(place, HOUR_MS);
  assert.deepEqual(place.server.take(), []);
  assert.equal(waiting(place), 0);
});

Deno.test("a guard that came and went while no mail went out is told as over, in one mail", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office } = place;
  office.write({ left: { "a.txt": "one" } });
  await run(place);
  const port = await stop(place);
  Deno.renameSync(office.right, `${office.folder}/elsewhere`);
  for (const day of [0, 1, 2]) await run(place, day * DAY_MS);
  assert.equal(waiting(place), 1, "not a mail for each day");
  Deno.renameSync(`${office.folder}/elsewhere`, office.right);
  await restart(place, port);
  await run(place, 3 * DAY_MS);
  const subjects = place.server.take().map(({ subject }) => subject);
  assert.deepEqual(subjects, ["office-sync syncs again: all clear"]);
});

Deno.test("a guard that lasts is told as new by the first mail that goes out", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office } = place;
  office.write({ left: { "a.txt": "one" } });
  await run(place);
  const port = await stop(place);
  Deno.renameSync(office.right, `${office.folder}/elsewhere`);
  for (const day of [0, 1, 20]) await run(place, day * DAY_MS);
  await restart(place, port);
  await run(place, 20 * DAY_MS + HOUR_MS);
  const [mail, ...others] = place.server.take();
  assert.deepEqual(others, []);
  assert.match(mail!.subject ?? "", /^office-sync does not sync: /);
  assert.match(mail!.text ?? "", /Since: +2026-06-01/);
});

Deno.test("a mail that the server refuses for good is tried once, and keeps no other one", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  let tries = 0;
  server.takes = ({ subject }) => {
    if (!subject?.includes("bad")) return;
    tries++;
    throw refusal(554, "looks like spam");
  };
  conflict(office, "bad.txt");
  const said = await run(place);
  assert.match(said.grave.join("\n"), /given up.*bad\.txt/);
  conflict(office, "good.txt");
  await run(place, HOUR_MS);
  assert.match(server.take()[0]?.subject ?? "", /good\.txt/);
  await run(place, 2 * DAY_MS);
  assert.equal(tries, 1);
  assert.equal(waiting(place), 0);
});

Deno.test("an open conflict whose mail is refused for good is told again a day later, and at once by other settings", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const { office, server } = place;
  let tries = 0;
  server.takes = () => {
    tries++;
    throw refusal(552, "too big");
  };
  conflict(office, "plan.txt");
  for (let hour = 0; hour < 24; hour += 3) await run(place, hour * HOUR_MS);
  assert.equal(tries, 1);
  await run(place, DAY_MS);
  assert.equal(tries, 2);
  server.takes = () => {};
  await run(place, DAY_MS + HOUR_MS);
  assert.deepEqual(server.take(), []);
  office.configure(NOTIFY + server.config({ to: "bob@example.com" }));
  await run(place, DAY_MS + 2 * HOUR_MS);
  const [mail] = server.take();
  assert.deepEqual(mail?.recipients, ["bob@example.com"]);
  assert.match(mail?.text ?? "", /resolve plan\.txt/);
});

for (const code of [451, 550]) {
  Deno.test(`50 mails refused with ${code} keep no later one from going out`, async () => {
    await using place = await MailOffice.start("", PLAIN);
    const { office, server } = place;
    conflict(office, "first.txt");
    server.refused.add("anna@example.com");
    await run(place);
    {
      using db = new DatabaseSync(office.stateDb);
      const insert = db.prepare(
        "INSERT INTO outbox (created_at, message_id, subject, text, html, " +
          "delivered) VALUES (?, ?, ?, 'text', 'text', '[]')",
      );
      for (let n = 0; n < 50; n++) insert.run(0, `old-${n}`, `old ${n}`);
    }
    server.refused.clear();
    server.takes = ({ subject }) => {
      if (!subject?.includes("new.txt")) throw refusal(code, "not this one");
    };
    conflict(office, "new.txt");
    await run(place, HOUR_MS);
    const subjects = server.take().map(({ subject }) => subject);
    assert.deepEqual(subjects, ["office-sync: 1 conflict: new.txt"]);
  });
}

/** Never says whether it takes such a mail. */
function hangOn({ server }: MailOffice, word: string): void {
  server.takes = ({ subject }) =>
    subject?.includes(word) ? new Promise(() => {}) : undefined;
}

Deno.test("a mail that the server never ends leaves time for others, in the same run", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  office.write({ left: { "a.txt": "one" } });
  await run(place);
  Deno.removeSync(office.stateDb);
  conflict(office, "big.txt");
  hangOn(place, "big");
  const started = performance.now();
  await run(place, 0, 2000);
  assert.ok(performance.now() - started < 6000);
  const subjects = server.take().map(({ subject }) => subject);
  assert.deepEqual(subjects, [
    "office-sync: The record of earlier runs was lost",
  ]);
});

Deno.test("mails that the server never ends come after those that were not tried yet", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  hangOn(place, "big");
  for (const name of ["big 1.txt", "big 2.txt", "big 3.txt"]) {
    conflict(office, name);
    await run(place, 0, 400);
  }
  conflict(office, "small.txt");
  await run(place, HOUR_MS, 1500);
  const subjects = server.take().map(({ subject }) => subject);
  assert.deepEqual(subjects, ["office-sync: 1 conflict: small.txt"]);
  assert.equal(waiting(place), 3);
  server.takes = () => {};
  await run(place, 2 * HOUR_MS);
  // One that was given up may arrive all the same.
  const others = new Set(server.take().map(({ subject }) => subject));
  assert.equal(others.size, 3, "none is lost");
});

Deno.test("an open conflict is told however long all recipients were refused", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const { server } = place;
  server.refused.add("anna@example.com");
  conflict(place.office, "plan.txt");
  for (const day of [0, 1, 13, 15, 40]) await run(place, day * DAY_MS);
  server.refused.clear();
  await run(place, 42 * DAY_MS);
  assert.match(server.take()[0]?.text ?? "", /resolve plan\.txt left/);
});

Deno.test("more than a few mails that wait become one, which tells all that they would have", async () => {
  await using place = await MailOffice.start(
    "conflict_policy:\n  new_new: clash\n  modify_modify: notify\n",
    PLAIN,
  );
  const { office } = place;
  office.write({
    left: { "open.txt": file("base", { mtime: Date.UTC(2025, 0, 1) }) },
  });
  await run(place);
  const port = await stop(place);
  conflict(office, "open.txt");
  for (let n = 0; n < 6; n++) {
    conflict(office, `file ${n}.txt`);
    await run(place, n * HOUR_MS);
  }
  await restart(place, port);
  conflict(office, "now.txt");
  await run(place, DAY_MS);
  const mails = place.server.take();
  assert.ok(mails.length <= 4, `${mails.length} mails`);
  const text = mails.map((mail) => mail.text).join("\n");
  for (let n = 0; n < 6; n++) {
    assert.match(text, new RegExp(`file ${n}\\.clash-20260101-000000-left`));
  }
  assert.match(
    text,
    /open\.txt: changed on both sides, and nothing was touched/,
  );
  assert.match(text, /deno task sync conflicts$/m);
  assert.match(text, /now\.clash-/);
  await run(place, 2 * DAY_MS);
  assert.deepEqual(place.server.take(), []);
});

Deno.test("300 mails go out as one, which names the newest conflicts", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  await run(place);
  {
    using db = new DatabaseSync(office.stateDb);
    const insert = db.prepare(
      "INSERT INTO outbox (created_at, message_id, subject, text, html, " +
        "delivered, news) VALUES (?, ?, '', '', '', '[]', ?)",
    );
    for (let n = 0; n < 300; n++) {
      const version = { path: `${n}.txt`, sizeBytes: 1, mtimeMs: 0 };
      const news = {
        kind: "conflicts",
        run: { id: "x", startedAtMs: 0 },
        conflicts: [{
          kind: "new_new",
          rule: "5.2",
          policy: "clash",
          path: `${n}.txt`,
          versions: { left: version, right: version },
          winner: "left",
          isNewer: true,
          done: {
            actions: [],
            softDeletedPath: null,
            renamed: null,
            cutOff: null,
          },
        }],
      };
      insert.run(1e12 + n, `id-${n}`, JSON.stringify(news));
    }
  }
  await run(place);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.match(mail!.subject ?? "", /: 300 conflicts$/);
  assert.match(mail!.text ?? "", /^299\.txt: new on both sides/m);
  assert.match(mail!.text ?? "", /And 200 more\./);
  assert.ok((mail!.text ?? "").length < 50_000);
});

Deno.test("a mail that an older version worded goes out as it is", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  await run(place);
  {
    using db = new DatabaseSync(office.stateDb);
    db.exec(
      "INSERT INTO outbox (created_at, message_id, subject, text, html, " +
        "delivered) VALUES (0, 'old', 'old subject', 'old text', 'x', '[]')",
    );
  }
  await run(place);
  const [mail] = server.take();
  assert.equal(mail?.subject, "old subject");
  assert.match(mail?.text ?? "", /old text/);
});

Deno.test("a wrong password is tried a few times a day, and told once a day", async () => {
  await using place = await MailOffice.start("", { security: "none" });
  const { office, server } = place;
  server.refusesLogin = true;
  conflict(office, "plan.txt");
  let grave = 0;
  for (let n = 0; n < 48; n++) {
    grave += (await run(place, n * HOUR_MS / 2)).grave.length;
  }
  const firstDay = server.logins.length;
  assert.ok(firstDay >= 2 && firstDay <= 8, `${firstDay} logins`);
  assert.equal(grave, 1);
  for (let n = 0; n < 8; n++) await run(place, DAY_MS + 3 * n * HOUR_MS);
  assert.ok(server.logins.length - firstDay <= 2);
  // Another password is tried at once.
  server.refusesLogin = false;
  const before = server.logins.length;
  const settings = server.config();
  office.configure(settings.replace(/password: .*/, "password: other"));
  await run(place, 2 * DAY_MS);
  assert.equal(server.logins.length, before + 1);
  office.configure(settings);
  await run(place, 2 * DAY_MS + 1);
  assert.equal(server.take().length, 1);
});

Deno.test("a wrong password is tried a few times a day where there is no state DB either", async () => {
  await using place = await MailOffice.start("", { security: "none" });
  const { office, server } = place;
  Deno.writeTextFileSync(office.stateDb, "not a database".repeat(999));
  server.refusesLogin = true;
  for (let n = 0; n < 20; n++) await run(place, n * HOUR_MS / 4);
  assert.ok(server.logins.length <= 6, `${server.logins.length} logins`);
  server.refusesLogin = false;
  await run(place, 3 * DAY_MS);
  assert.equal(server.take().length, 1);
  await run(place, 3 * DAY_MS + HOUR_MS);
  assert.deepEqual(server.take(), [], "told");
  const noted = JSON.parse(Deno.readTextFileSync(`${office.stateDb}.lock`));
  assert.deepEqual(Object.keys(noted), ["withoutDb", "lostRecord"]);
});

Deno.test("a lost record is mailed although a mail without the state DB has just gone out, and both once", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  office.write({ left: { "a.txt": "one" } });
  await run(place);
  const subjects = async (hour: number) => {
    await run(place, hour * HOUR_MS);
    return server.take().map(({ subject }) => subject);
  };
  Deno.removeSync(office.stateDb);
  const lost = "office-sync: The record of earlier runs was lost";
  assert.deepEqual(await subjects(0), [lost]);
  Deno.writeTextFileSync(office.stateDb, "not a database".repeat(999));
  const stopped = 'The run was stopped by the guard "state"';
  assert.deepEqual(
    await subjects(1),
    [`office-sync does not sync: ${stopped}`],
  );
  assert.deepEqual(await subjects(2), []);
  Deno.removeSync(office.stateDb);
  const again = "office-sync syncs again: The record of earlier runs was lost";
  assert.deepEqual(await subjects(3), [again]);
  assert.deepEqual(await subjects(4), []);
  Deno.removeSync(office.stateDb);
  assert.deepEqual(await subjects(5), []);
  Deno.removeSync(office.stateDb);
  assert.deepEqual(await subjects(27), [lost]);
});

Deno.test("that mail can't get out is said once a day, each reason", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const port = await stop(place);
  conflict(place.office, "plan.txt");
  const graveAt = async (hour: number) =>
    (await run(place, hour * HOUR_MS)).grave.length;
  assert.deepEqual(
    [await graveAt(0), await graveAt(1), await graveAt(20), await graveAt(24)],
    [1, 0, 0, 1],
  );
  await restart(place, port);
  place.server.refused.add("anna@example.com");
  assert.equal(await graveAt(25), 1, "another reason");
  assert.equal(await graveAt(26), 0);
});

Deno.test("a lost record is mailed once a day, however often it is lost, and is never over", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  office.write({ left: { "a.txt": "one", "b.txt": "two" } });
  await run(place);
  const lose = async (hour: number) => {
    Deno.removeSync(office.stateDb);
    const { grave } = await run(place, hour * HOUR_MS);
    assert.match(grave.join("\n"), /knows nothing of it/);
    return server.take();
  };
  Deno.removeSync(`${office.left}/a.txt`);
  const [mail, ...others] = await lose(0);
  assert.deepEqual(others, []);
  assert.match(mail!.subject ?? "", /record of earlier runs was lost/);
  assert.match(mail!.text ?? "", /1 file that only one side had was copied/);
  const [, command = ""] = /"(?:.*) (history \S+)" lists/.exec(mail!.text!)!;
  const { stdout } = await office.commandHere(...command.split(" "));
  assert.match(stdout, /COPY_RIGHT_TO_LEFT a\.txt/);
  await run(place, 1);
  assert.deepEqual(server.take(), [], "there is nothing to be over");
  assert.deepEqual(await lose(2), []);
  assert.equal((await lose(25)).length, 1);
});

Deno.test("a lost record is mailed by the next run where its own was cut off", async () => {
  await using place = await MailOffice.start("", PLAIN);
  const { office, server } = place;
  office.write({ left: { "a.txt": "one" } });
  await run(place);
  Deno.removeSync(office.stateDb);
  await run(place, 0, 20_000, () => ({ onEnd: () => Promise.resolve() }));
  await run(place);
  assert.match(server.take()[0]?.subject ?? "", /record of earlier runs/);
});

Deno.test("who refuses a mail for two weeks gets it no more, and that is told", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const { office, server } = place;
  office.configure(
    NOTIFY + server.config({ to: "[anna@example.com, bob@example.com]" }),
  );
  server.refused.add("bob@example.com");
  conflict(office, "plan.txt");
  await run(place);
  assert.equal(server.take().length, 1);
  await run(place, 13 * DAY_MS);
  assert.equal(waiting(place), 1);
  const { grave } = await run(place, 14 * DAY_MS + 1);
  assert.match(grave.join("\n"), /dropped after 14 days.*plan\.txt/);
  assert.equal(waiting(place), 0);
  assert.deepEqual(server.take(), [], "anna has it");
});

/** Files enough that a guard minds when all are gone, or changed. */
const MANY = Array.from({ length: 12 }, (_, n) => `${n}.txt`);

/** What stops a run, and what ends it. */
const GUARDS: readonly (readonly [
  string,
  (office: Office) => void,
  (office: Office) => void,
])[] = [
  [
    "roots",
    ({ right, folder }) => Deno.renameSync(right, `${folder}/away`),
    ({ right, folder }) => Deno.renameSync(`${folder}/away`, right),
  ],
  [
    "identity",
    ({ right, folder }) =>
      Deno.renameSync(`${right}/.office-sync/root.json`, `${folder}/id`),
    ({ right, folder }) =>
      Deno.renameSync(`${folder}/id`, `${right}/.office-sync/root.json`),
  ],
  [
    "mass deletion",
    ({ left }) => MANY.forEach((name) => Deno.removeSync(`${left}/${name}`)),
    (office) => office.write({ left: manyFiles("good") }),
  ],
  [
    "mass change",
    (office) => office.write({ left: manyFiles("encrypted") }),
    (office) => office.write({ left: manyFiles("good") }),
  ],
  [
    "state",
    ({ stateDb }) => setVersion(stateDb, (version) => version + 100),
    ({ stateDb }) => setVersion(stateDb, (version) => version - 100),
  ],
];

function manyFiles(content: string) {
  return Object.fromEntries(
    MANY.map((name) => [name, file(content, { mtime: Date.UTC(2026, 0, 1) })]),
  );
}

function setVersion(stateDb: string, change: (now: number) => number): void {
  using db = new DatabaseSync(stateDb);
  const { user_version } = db.prepare("PRAGMA user_version").get()!;
  db.exec(`PRAGMA user_version = ${change(Number(user_version))}`);
}

for (const [guard, trip, clear] of GUARDS) {
  Deno.test(`the guard "${guard}" is mailed once, again after a day, and once when it is over`, async () => {
    await using place = await MailOffice.start(
      "safety:\n  max_change_files: 5\n  max_delete_files: 5\n",
      PLAIN,
    );
    const { office, server } = place;
    office.write({ left: manyFiles("good") });
    await run(place);
    const subjectsAt = async (hour: number) => {
      await run(place, hour * HOUR_MS);
      return server.take().map(({ subject }) => subject);
    };
    trip(office);
    const what = `does not sync: The run was stopped by the guard "${guard}"`;
    assert.deepEqual(await subjectsAt(0), [`office-sync ${what}`]);
    assert.deepEqual(await subjectsAt(1), []);
    assert.deepEqual(await subjectsAt(24), [`office-sync still ${what}`]);
    assert.deepEqual(await subjectsAt(25), []);
    clear(office);
    assert.deepEqual(await subjectsAt(26), [
      "office-sync syncs again: all clear",
    ]);
    assert.deepEqual(await subjectsAt(27), []);
  });
}

Deno.test("who was refused for long gets what the others have in a few mails, as far as it is true", async () => {
  await using place = await MailOffice.start(
    "conflict_policy:\n  modify_modify: notify\n",
    PLAIN,
  );
  const { office, server } = place;
  const to = { to: "[anna@example.com, bob@example.com]" };
  office.configure(server.config(to));
  server.refused.add("bob@example.com");
  office.write({ left: { "a.txt": "one" } });
  await run(place);
  for (let n = 0; n < 6; n++) {
    conflict(office, `file ${n}.txt`);
    await run(place, n * HOUR_MS);
  }
  Deno.renameSync(office.right, `${office.folder}/away`);
  await run(place, 6 * HOUR_MS);
  Deno.renameSync(`${office.folder}/away`, office.right);
  await run(place, 7 * HOUR_MS);
  assert.equal(server.take().length, 8, "anna has got all, each once");
  await run(place, 8 * HOUR_MS);
  assert.deepEqual(server.take(), []);
  server.refused.clear();
  await run(place, 9 * HOUR_MS);
  const mails = server.take();
  assert.ok(mails.length <= 4, `${mails.length} mails`);
  assert.ok(mails.every((it) => it.recipients.join() === "bob@example.com"));
  const text = mails.map((mail) => mail.text).join("\n");
  for (let n = 0; n < 6; n++) {
    assert.match(text, new RegExp(`file ${n}\\.clash`));
  }
  const about = mails.map(({ subject }) => subject).filter((it) =>
    !it?.includes("conflict")
  );
  assert.deepEqual(about, ["office-sync syncs again: all clear"]);
  await run(place, 10 * HOUR_MS);
  assert.equal(waiting(place), 0);
});
