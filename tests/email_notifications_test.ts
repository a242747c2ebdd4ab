import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  dueAlerts,
  retold,
  unexpectedAlert,
  versionsKey,
} from "../lib/email_notifications.ts";
import type { KnownAlert } from "../lib/mail_texts.ts";
import {
  type Alert,
  doneConflicts,
  openConflicts,
  type RunResult,
} from "../lib/run_types.ts";
import { takeLock } from "../lib/state_db.ts";
import { mailedRun, MailOffice, PASSWORD } from "./support/mail_server.ts";
import { file, MemoryOffice, type Office } from "./support/support.ts";

const HOUR_MS = 60 * 60 * 1000;

function alert(key: string, isStop = false): Alert {
  return { key, isStop, title: key, reason: "", hint: "" };
}

/** Runs one after the other: what each has wrong, and what it mails. */
function play(
  runs: readonly { readonly has: readonly Alert[]; readonly atH: number }[],
): string[] {
  let known: readonly KnownAlert[] = [];
  return runs.map(({ has, atH }) => {
    const due = dueAlerts(known, has, atH * HOUR_MS);
    known = due.known;
    const { news } = due;
    if (news === null) return "";
    const keys = (all: readonly Alert[]) => all.map(({ key }) => key).join();
    return `new ${keys(news.fresh)}; still ${keys(news.lasting)}; over ${
      keys(news.over)
    }`;
  });
}

const [a, b] = [alert("a"), alert("b")];
const stop = alert("stop", true);
const event: Alert = { ...alert("event"), isEvent: true };

const PLAYS: readonly (readonly [
  string,
  readonly (readonly [number, readonly Alert[], string])[],
])[] = [
  ["is mailed once, and once when it is over", [
    [0, [a], "new a; still ; over "],
    [1, [a], ""],
    [2, [], "new ; still ; over a"],
    [3, [], ""],
  ]],
  ["is mailed again each day while it lasts", [
    [0, [a], "new a; still ; over "],
    [23.5, [a], ""],
    [23.9, [a], "new ; still a; over "],
    [47.5, [a], ""],
    [48, [a], "new ; still a; over "],
  ]],
  ["that is new is mailed with those known before", [
    [0, [a], "new a; still ; over "],
    [1, [a, b], "new b; still a; over "],
    [24, [a, b], ""],
    [25, [a, b], "new ; still a,b; over "],
  ]],
  ["among others that is over is told with the last of them", [
    [0, [a, b], "new a,b; still ; over "],
    [1, [b], ""],
    [2, [], "new ; still ; over a,b"],
  ]],
  ["that comes back before it was told to be over is not new", [
    [0, [a, b], "new a,b; still ; over "],
    [1, [b], ""],
    [2, [a, b], ""],
  ]],
  ["is not over because a guard keeps the run from meeting it", [
    [0, [a], "new a; still ; over "],
    [1, [stop], "new stop; still a; over "],
    [2, [stop], ""],
    [3, [a], "new ; still a; over stop"],
    [4, [], "new ; still ; over a"],
  ]],
  ["of a guard that is over is told at once", [
    [0, [stop], "new stop; still ; over "],
    [1, [a], "new a; still ; over stop"],
  ]],
  ["that happened once is never over", [
    [0, [event], "new event; still ; over "],
    [1, [], ""],
    [30, [], ""],
    [31, [event], "new event; still ; over "],
  ]],
  ["that happens again and again is mailed once a day", [
    [0, [event], "new event; still ; over "],
    [1, [event], ""],
    [2, [], ""],
    [3, [event], ""],
    [24, [event], "new ; still event; over "],
    [25, [event], ""],
  ]],
  ["that happened once keeps no other one from being over", [
    [0, [event, a], "new event,a; still ; over "],
    [1, [], "new ; still ; over a"],
  ]],
  ["is mailed again after the clock was put back", [
    [1000, [a], "new a; still ; over "],
    [0, [a], "new ; still a; over "],
  ]],
];

for (const [name, runs] of PLAYS) {
  Deno.test(`dueAlerts(): an alert ${name}`, () => {
    const expected = runs.map(([, , mails]) => mails);
    assert.deepEqual(play(runs.map(([atH, has]) => ({ atH, has }))), expected);
  });
}

Deno.test("an alert stays the same when only its numbers change", () => {
  const key = (words: string) => unexpectedAlert(words, "").key;
  assert.equal(key("12 of 20 files are gone"), key("13 of 20 files are gone"));
  assert.notEqual(key("Left is missing"), key("Right is missing"));
  assert.equal(
    key("no such file: .office-sync-tmp-ab12cd-20260520-120000-1f2e3d4c-7"),
    key("no such file: .office-sync-tmp-ab12cd-20260521-093000-a0b1c2d3-12"),
  );
});

Deno.test("a mail that nobody has got is told as it is by then", () => {
  const first = dueAlerts([], [a, b, event], 0);
  const untold = first.news!;
  const keys = (of: readonly Alert[]) => of.map(({ key }) => key).join();
  const same = dueAlerts(first.known, [a, b], HOUR_MS);
  assert.equal(retold(untold, same), null, "all of it is true");
  const one = dueAlerts(first.known, [a], HOUR_MS);
  const later = retold(untold, one)!;
  assert.equal(keys(later.fresh), "a,event");
  assert.equal(keys(later.over), "b");
  const stopped = retold(untold, dueAlerts(first.known, [stop], HOUR_MS))!;
  assert.equal(keys(stopped.fresh), "a,b,event,stop", "as far as is known");
  const none = retold(untold, dueAlerts(first.known, [], HOUR_MS))!;
  assert.equal(keys(none.fresh), "event");
  assert.equal(keys(none.over), "a,b");
});

/** A run that meets one conflict, of a file or of whatever a test makes. */
async function clashed(settings = ""): Promise<RunResult> {
  using office = new MemoryOffice(settings);
  office.write({
    left: { "a.txt": file("one", { mtime: Date.UTC(2026, 0, 1) }) },
    right: { "a.txt": file("three", { mtime: Date.UTC(2026, 0, 2) }) },
  });
  return await office.run();
}

Deno.test("doneConflicts() tells a conflict once, whatever number of actions it took", async () => {
  const { outcomes } = await clashed();
  const [told, ...others] = doneConflicts(outcomes);
  assert.deepEqual(others, []);
  assert.deepEqual(told!.done!.actions, ["CLASH_CREATE", "COPY_RIGHT_TO_LEFT"]);
  assert.equal(told!.done!.clashPath, "a.clash-20260101-000000-left.txt");
  assert.equal(told!.done!.cutOff, null);
});

for (const kind of ["skipped", "failed"] as const) {
  for (const name of ["CLASH_CREATE", "COPY_RIGHT_TO_LEFT"]) {
    Deno.test(`doneConflicts() does not tell a conflict whose ${name} was ${kind}: the run that does it will`, async () => {
      const { outcomes } = await clashed();
      const changed = outcomes.map((outcome) =>
        outcome.action.name === name ? { ...outcome, kind } : outcome
      );
      assert.deepEqual(doneConflicts(changed), []);
    });
  }
}

Deno.test("doneConflicts() tells where a replaced version is, and null where it is gone", async () => {
  const overwrite = "conflict_policy:\n  new_new: overwrite\n";
  const [kept] = doneConflicts((await clashed(overwrite)).outcomes);
  assert.match(
    kept!.done!.softDeletedPath ?? "",
    /^\.office-sync\/deleted\/[^/]+\/a\.txt$/,
  );
  assert.equal(kept!.done!.clashPath, null);
  const off = `${overwrite}soft_delete:\n  enabled: false\n`;
  const [gone] = doneConflicts((await clashed(off)).outcomes);
  assert.equal(gone!.done!.softDeletedPath, null);
});

Deno.test("doneConflicts() of a plan tells what it means to do", async () => {
  const { outcomes } = await clashed();
  const planned = outcomes.map((it) => ({ ...it, kind: "planned" as const }));
  assert.deepEqual(doneConflicts(planned), doneConflicts(outcomes));
});

Deno.test("open conflicts are not told as done, and another version is another pair", async () => {
  const notify = "conflict_policy:\n  new_new: notify\n";
  const { outcomes } = await clashed(notify);
  assert.deepEqual(doneConflicts(outcomes), []);
  const [open] = openConflicts(outcomes);
  const { left, right } = open!.versions;
  const key = versionsKey(open!);
  for (const change of [{ sizeBytes: 99 }, { mtimeMs: 1 }, { path: "A.txt" }]) {
    for (
      const versions of [
        { left: { ...left!, ...change }, right },
        { left, right: { ...right!, ...change } },
      ]
    ) {
      assert.notEqual(versionsKey({ ...open!, versions }), key);
    }
  }
});

function clash(office: Office): void {
  office.write({
    left: { "a.txt": file("one", { mtime: Date.UTC(2026, 0, 1) }) },
    right: { "a.txt": file("three", { mtime: Date.UTC(2026, 0, 2) }) },
  });
}

Deno.test("what a run resolved before it was cut off is mailed by the next run, once", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  clash(office);
  // All is done, and nothing was told: as after a loss of power.
  await mailedRun(office, {
    change: () => ({ onEnd: () => Promise.resolve() }),
  });
  assert.equal(Deno.readTextFileSync(`${office.left}/a.txt`), "three");
  assert.equal((await place.commandHere()).code, 0);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.match(mail!.text ?? "", /was cut off while it resolved this/);
  assert.match(mail!.text ?? "", /a\.clash-20260101-000000-left\.txt/);
  assert.equal((await place.commandHere()).code, 0);
  assert.deepEqual(server.take(), []);
});

Deno.test("a conflict that a cut-off run did not resolve is told by the run that does", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  clash(office);
  await assert.rejects(mailedRun(office, {
    change: () => ({
      onOutcome() {
        throw new Error("cut off");
      },
      onEnd: () => Promise.resolve(),
    }),
  }));
  assert.equal((await place.commandHere()).code, 0);
  const mails = server.take();
  assert.equal(mails.length, 1);
  const about = mails[0]!.text?.match(/^a\.txt$/gm);
  assert.equal(about?.length, 1, "once, and not as cut off as well");
});

Deno.test("a guard that stops a run resolves nothing, and no mail says so", async () => {
  await using place = await MailOffice.start(
    "safety:\n  max_change_files: 0\n  max_change_percent: 0\n",
  );
  const { office, server } = place;
  office.write({ left: { "a.txt": file("base", { mtime: 1e12 }) } });
  await office.agree();
  clash(office);
  assert.equal((await place.commandHere()).code, 3);
  const subjects = server.take().map(({ subject }) => subject);
  assert.deepEqual(subjects, [
    'office-sync does not sync: The run was stopped by the guard "mass change"',
  ]);
});

/** A server that says some lines, and then nothing any more. */
function muteAfter(lines: readonly string[]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(4096);
    for (const line of lines) {
      await connection.write(new TextEncoder().encode(line));
      if (await connection.read(buffer) === null) return;
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      held.push(connection);
      serve(connection).catch(() => {});
    }
  })().catch(() => {});
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      for (const connection of held) connection.close();
      listener.close();
      await accepting;
    },
  };
}

const GREETING = "220 mail.example.com ESMTP\r\n";
const STARTS = "250-mail.example.com\r\n250 STARTTLS\r\n";
const PHASES: readonly [string, string, readonly string[]][] = [
  ["before its greeting", "none", []],
  ["in the middle of its greeting", "none", ["220 ma"]],
  ["before TLS begins", "tls", []],
  ["after STARTTLS", "starttls", [GREETING, STARTS, "220 go ahead\r\n"]],
  ["after the sender", "none", [GREETING, "250 hello\r\n"]],
  ["after the mail", "none", [
    GREETING,
    "250 hello\r\n",
    "250 sender\r\n",
    "250 recipient\r\n",
    "354 go on\r\n",
  ]],
];

for (const [name, security, lines] of PHASES) {
  Deno.test(`a server that falls silent ${name} holds a run up no longer than the bound`, async () => {
    await using server = muteAfter(lines);
    using office = new MemoryOffice(
      `email:\n  smtp_host: localhost\n  smtp_port: ${server.port}\n` +
        `  security: ${security}\n  from: a@example.com\n  to: b@example.com\n`,
    );
    clash(office);
    const started = performance.now();
    const warnings = (await mailedRun(office, { boundMs: 700 })).all;
    const ms = performance.now() - started;
    assert.match(
      warnings.join("\n"),
      /localhost did not take it within 0\.7 s/,
    );
    assert.ok(ms > 650 && ms < 4000, `${ms} ms`);
  });
}

Deno.test("many mails together hold a run up no longer than the bound", async () => {
  await using place = await MailOffice.start("", {
    security: "none",
    needsLogin: false,
  });
  const { office, server } = place;
  server.refused.add("anna@example.com");
  for (let n = 0; n < 3; n++) {
    clash(office);
    Deno.writeTextFileSync(`${office.left}/a.txt`, `another ${n}`);
    await mailedRun(office);
  }
  assert.deepEqual(server.take(), []);
  server.refused.clear();
  server.beforeAcknowledged = () =>
    new Promise((done) => setTimeout(done, 500));
  const started = performance.now();
  const warnings = (await mailedRun(office, { boundMs: 900 })).all;
  assert.ok(performance.now() - started < 5000);
  assert.match(warnings.join("\n"), /within [\d.]+ s/);
  assert.ok(server.take().length < 3);
  server.beforeAcknowledged = () => {};
  assert.deepEqual((await mailedRun(office)).all, []);
  assert.deepEqual((await mailedRun(office)).all, []);
});

const OLD = Date.UTC(2026, 0, 5, 9, 0, 0);
const NEW = Date.UTC(2026, 0, 5, 10, 30, 0);

/** An office in which both sides edited Plan.txt since they agreed. */
async function edited(
  settings: string,
  start = MailOffice.start,
): Promise<MailOffice> {
  const place = await start(settings);
  const { office } = place;
  office.env.TZ = "Europe/Berlin";
  office.write({ left: { "My plan.txt": file("base", { mtime: OLD - 1e9 }) } });
  await office.agree();
  office.write({
    left: { "My plan.txt": file("older", { mtime: OLD }) },
    right: { "My plan.txt": file("the newer", { mtime: NEW }) },
  });
  return place;
}

/** The lines of a mail that hold something. */
function lineWith(text: string | undefined, part: string): string {
  const line = text?.split("\n").find((it) => it.includes(part));
  assert.ok(line !== undefined, `no ${part} in:\n${text}`);
  return line.trim();
}

Deno.test("a clash is mailed: path, times with zone, sizes, rule, what was done, where both are, what to do", async () => {
  await using place = await edited("", MailOffice.onDisk);
  const { office, server } = place;
  // The zone is the process's.
  const { code, stderr } = await place.command();
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.equal(mail!.subject, "office-sync: 1 conflict: My plan.txt");
  assert.deepEqual(mail!.recipients, ["anna@example.com"]);
  assert.equal(mail!.from?.text, '"Office Sync" <sync@example.com>');
  assert.equal(mail!.login, "office");
  const { text } = mail!;
  assert.match(text ?? "", /Left: +2026-01-05 10:00:00 UTC\+01:00, 5 bytes/);
  assert.match(text ?? "", /Right: +2026-01-05 11:30:00 UTC\+01:00, 9 bytes/);
  assert.match(text ?? "", /5\.1 \(changed on both sides\), policy clash/);
  assert.match(text ?? "", /Right's version, the newer, is the file on both/);
  assert.match(text ?? "", /CLASH_CREATE, COPY_RIGHT_TO_LEFT/);
  assert.match(text ?? "", /delete the other on one side/);
  const copy = "My plan.clash-20260105-090000-left.txt";
  for (const root of [office.left, office.right]) {
    lineWith(text, `${root}/My plan.txt`);
    lineWith(text, `${root}/${copy}`);
    assert.equal(Deno.readTextFileSync(`${root}/My plan.txt`), "the newer");
    assert.equal(Deno.readTextFileSync(`${root}/${copy}`), "older");
  }
  assert.match(String(mail!.html), /<h2[^>]*>My plan\.txt<\/h2>/);
  assert.match(String(mail!.html), new RegExp(copy));
  assert.equal((await place.commandHere()).code, 0);
  assert.deepEqual(server.take(), [], "told once");
});

Deno.test("overwrite is mailed: the older version is where the mail says, and its command brings it back", async () => {
  await using place = await edited(
    "conflict_policy:\n  modify_modify: overwrite\n",
  );
  const { office, server } = place;
  assert.equal((await place.commandHere()).code, 0);
  const [mail] = server.take();
  const kept = lineWith(mail!.text, ".office-sync/deleted/")
    .replace(/^Left's is now: +/, "");
  assert.equal(Deno.readTextFileSync(kept), "older");
  const command = lineWith(mail!.text, "deno task sync restore");
  assert.equal(command, 'deno task sync restore --force "My plan.txt"');
  const { code, stderr } = await place.commandHere(
    "restore",
    "--force",
    "My plan.txt",
  );
  assert.equal(code, 0, stderr);
  assert.equal(Deno.readTextFileSync(`${office.right}/My plan.txt`), "older");
});

Deno.test("overwrite is mailed: it says where the older version is not kept", async () => {
  await using place = await edited(
    "soft_delete:\n  enabled: false\n" +
      "conflict_policy:\n  modify_modify: overwrite\n",
  );
  assert.equal((await place.commandHere()).code, 0);
  const [mail] = place.server.take();
  assert.match(mail!.text ?? "", /Left's is now: +gone: soft delete is off/);
  assert.doesNotMatch(mail!.text ?? "", /restore/);
});

Deno.test("notify is mailed once per pair of versions, with commands that resolve it", async () => {
  await using place = await edited(
    "conflict_policy:\n  modify_modify: notify\n",
  );
  const { office, server } = place;
  assert.equal((await place.commandHere()).code, 1);
  const [first] = server.take();
  assert.equal(
    first!.subject,
    "office-sync: 1 conflict: My plan.txt, for you to resolve",
  );
  assert.match(first!.text ?? "", /Nothing was touched/);
  assert.equal((await place.commandHere()).code, 1);
  assert.deepEqual(server.take(), [], "the same pair");
  office.write({
    left: { "My plan.txt": file("another", { mtime: NEW + 5e3 }) },
  });
  assert.equal((await place.commandHere()).code, 1);
  const [second, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.match(second!.text ?? "", /, 7 bytes/);
  const line = lineWith(second!.text, "conflicts resolve").replace(
    /^deno task sync /,
    "",
  );
  assert.equal(line, 'conflicts resolve "My plan.txt" left');
  const resolved = await place.commandHere(
    "conflicts",
    "resolve",
    "My plan.txt",
    "left",
  );
  assert.equal(resolved.code, 0, resolved.stderr);
  assert.equal((await place.commandHere()).code, 0);
  assert.deepEqual(server.take(), [], "resolved by a person, who knows");
  assert.equal(Deno.readTextFileSync(`${office.right}/My plan.txt`), "another");
});

Deno.test("a conflict of names is mailed, with both names", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.write({ left: { "a.txt": file("a text", { mtime: OLD }) } });
  await office.agree();
  Deno.renameSync(`${office.left}/a.txt`, `${office.left}/left name.txt`);
  Deno.renameSync(`${office.right}/a.txt`, `${office.right}/right name.txt`);
  assert.equal((await place.commandHere()).code, 0);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.match(mail!.text ?? "", /5\.13 \(name or properties/);
  assert.match(
    mail!.text ?? "",
    /right name\.txt is called left name\.txt now/,
  );
  lineWith(mail!.text, `${office.right}/left name.txt`);
});

Deno.test("one mail tells all conflicts of a run, new files and open ones too", async () => {
  await using place = await MailOffice.start(
    "conflict_policy:\n  new_new: notify\n",
  );
  const { office, server } = place;
  office.write({ left: { "b.txt": file("base", { mtime: OLD - 1e9 }) } });
  await office.agree();
  office.write({
    left: { "b.txt": file("one", { mtime: OLD }), "new.txt": "one" },
    right: { "b.txt": file("three", { mtime: NEW }), "new.txt": "three" },
  });
  assert.equal((await place.commandHere()).code, 1);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.equal(
    mail!.subject,
    "office-sync: 2 conflicts: in several files, 1 for you to resolve",
  );
  assert.match(mail!.text ?? "", /5\.2 \(new on both sides\), policy notify/);
  assert.match(
    mail!.text ?? "",
    /5\.1 \(changed on both sides\), policy clash/,
  );
});

Deno.test("a run without conflicts or failures sends no mail, and asks no server", async () => {
  await using place = await MailOffice.start("");
  place.office.write({ left: { "a.txt": "one" } });
  assert.equal((await place.commandHere()).code, 0);
  assert.equal((await place.commandHere()).code, 0);
  assert.equal(place.server.connections, 0);
});

Deno.test("plan sends no mail, --no-email neither, and nothing waits from either", async () => {
  await using place = await edited("");
  const { server } = place;
  assert.equal((await place.commandHere("plan")).code, 0);
  assert.equal((await place.commandHere("--no-email")).code, 0);
  assert.equal((await place.commandHere()).code, 0);
  assert.equal(server.connections, 0);
});

Deno.test("what --no-email left open is mailed by the next run with mail", async () => {
  await using place = await edited(
    "conflict_policy:\n  modify_modify: notify\n",
  );
  assert.equal((await place.commandHere("--no-email")).code, 1);
  assert.equal((await place.commandHere()).code, 1);
  assert.equal(place.server.take().length, 1);
});

const DAY_MS = 24 * 60 * 60 * 1000;

/** As if so much time had gone by since what was mailed. */
function passTime(stateDb: string, ms: number): void {
  using db = new DatabaseSync(stateDb);
  db.exec(`
    UPDATE outbox SET created_at = created_at - ${ms};
    UPDATE mailed_alerts SET alert = json_set(
      alert, '$.mailedAtMs', alert ->> '$.mailedAtMs' - ${ms})`);
}

/** An office that has run once, and now misses its Right. */
async function unmounted(settings = ""): Promise<MailOffice> {
  const place = await MailOffice.start(settings);
  place.office.write({ left: { "a.txt": "one" } });
  await place.office.agree();
  Deno.renameSync(place.office.right, `${place.office.folder}/elsewhere`);
  return place;
}

function mount({ office }: MailOffice): void {
  Deno.renameSync(`${office.folder}/elsewhere`, office.right);
}

Deno.test("a guard is mailed once, again after a day, and once when it is over", async () => {
  await using place = await unmounted();
  const { office, server } = place;
  const subjects = async (code: number) => {
    const result = await place.commandHere();
    assert.equal(result.code, code, result.stderr);
    return server.take().map(({ subject }) => subject);
  };
  const result = await place.commandHere();
  assert.equal(result.code, 3, result.stderr);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.equal(
    mail!.subject,
    'office-sync does not sync: The run was stopped by the guard "roots"',
  );
  assert.match(mail!.text ?? "", /Why: +.*right/);
  assert.match(mail!.text ?? "", /To do: +\S/);
  assert.deepEqual(await subjects(3), [], "told already");
  passTime(office.stateDb, DAY_MS - 60 * 60 * 1000);
  assert.deepEqual(await subjects(3), [], "not a day yet");
  passTime(office.stateDb, 60 * 60 * 1000);
  assert.deepEqual(await subjects(3), [
    'office-sync still does not sync: The run was stopped by the guard "roots"',
  ]);
  assert.deepEqual(await subjects(3), [], "told again already");
  mount(place);
  assert.deepEqual(await subjects(0), ["office-sync syncs again: all clear"]);
  assert.deepEqual(await subjects(0), [], "over and told");
});

Deno.test("a failed action is mailed once, and once when nothing fails any more", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.write({ left: { sub: { "a.txt": "one" } } });
  await office.agree();
  office.write({ left: { sub: { "b.txt": "two", "c.txt": "three" } } });
  Deno.chmodSync(`${office.right}/sub`, 0o555);
  const run = async () => (await office.humbleHere()).code;
  assert.equal(await run(), 1);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.equal(mail!.subject, "office-sync: 2 actions failed");
  assert.match(mail!.text ?? "", /COPY_LEFT_TO_RIGHT sub\/b\.txt/);
  assert.match(mail!.text ?? "", /rule 5\.9; /);
  assert.equal(await run(), 1);
  assert.deepEqual(server.take(), [], "told already");
  Deno.removeSync(`${office.left}/sub/b.txt`);
  assert.equal(await run(), 1);
  assert.deepEqual(server.take(), [], "one of two is still left");
  Deno.chmodSync(`${office.right}/sub`, 0o755);
  assert.equal(await run(), 0);
  const [clear] = server.take();
  assert.equal(
    clear!.subject,
    "office-sync: all clear, nothing fails any more",
  );
  assert.match(clear!.text ?? "", /sub\/b\.txt[^]*sub\/c\.txt/);
});

Deno.test("a run that another one keeps away sends no mail", async () => {
  await using place = await unmounted();
  using _run = takeLock(place.office.stateDb);
  assert.equal((await place.commandHere()).code, 4);
  assert.equal(place.server.connections, 0);
});

Deno.test("a damaged state DB is mailed once, though nothing can wait in it, and once when it is over", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.write({ left: { "a.txt": "one" } });
  await office.agree();
  Deno.writeTextFileSync(office.stateDb, "not a database".repeat(999));
  const { code, stderr } = await place.commandHere();
  assert.equal(code, 3, stderr);
  const [mail] = server.take();
  assert.match(mail?.subject ?? "", /stopped by the guard "state"$/);
  assert.equal((await place.commandHere()).code, 3);
  assert.deepEqual(server.take(), [], "told already");
  Deno.removeSync(office.stateDb);
  assert.equal((await place.commandHere()).code, 0);
  const [clear] = server.take();
  assert.equal(
    clear?.subject,
    "office-sync syncs again: The record of earlier runs was lost",
  );
  assert.match(clear?.text ?? "", /Over[^]*The state DB could not be used/);
  assert.equal((await place.commandHere()).code, 0);
  assert.deepEqual(server.take(), []);
});

Deno.test("a damaged state DB that could not be mailed is mailed by a later run", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  Deno.writeTextFileSync(office.stateDb, "not a database".repeat(999));
  server.refused.add("anna@example.com").add("bob@example.com");
  const { code, stderr } = await place.commandHere();
  assert.equal(code, 3);
  assert.match(stderr, /E-mail could not be sent: /);
  server.refused.clear();
  assert.equal((await place.commandHere()).code, 3);
  assert.equal(server.take().length, 1);
});

Deno.test("a run that ends with an unforeseen error is mailed", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.write({ left: { "a.txt": "one" } });
  await office.agree();
  {
    using db = new DatabaseSync(office.stateDb);
    db.exec("DROP TABLE moves");
  }
  const { code } = await place.commandHere();
  assert.equal(code, 5);
  const [mail] = server.take();
  assert.equal(
    mail?.subject,
    "office-sync does not sync: The run ended with an error",
  );
  assert.equal((await place.commandHere()).code, 5);
  assert.deepEqual(server.take(), [], "told already");
});

Deno.test("the password is nowhere but in the config", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  server.refusesLogin = true;
  office.write({
    left: { "a.txt": file("one", { mtime: Date.UTC(2026, 0, 1) }) },
    right: { "a.txt": "three" },
  });
  const { stdout, stderr, code } = await place.commandHere(
    "--json",
    "--verbose",
  );
  assert.equal(code, 0);
  assert.match(stderr, /wrong password/, "the server said it");
  const log = Deno.readTextFileSync(office.log);
  assert.match(log, /wrong password/);
  server.refusesLogin = false;
  const again = await place.commandHere();
  const [mail] = server.take();
  assert.ok(mail, again.stderr);
  const db = new TextDecoder("latin1").decode(
    Deno.readFileSync(office.stateDb),
  );
  const places = { stdout, stderr, log, db, mail: JSON.stringify(mail) };
  const bytes = new TextEncoder().encode(PASSWORD);
  const secrets = [
    PASSWORD,
    JSON.stringify(PASSWORD).slice(1, -1),
    new TextDecoder("latin1").decode(bytes),
    btoa(String.fromCharCode(...bytes)),
    "$ecret",
  ];
  for (const [name, text] of Object.entries(places)) {
    for (const secret of secrets) {
      assert.ok(!text.includes(secret), `${name} holds ${secret}`);
    }
  }
});
