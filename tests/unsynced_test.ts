/**
 * What stays unsynced is mailed when every run for a day has met it, again each
 * week, and once more when all of it is synced.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dueUnsynced } from "../lib/email_notifications.ts";
import type { KnownUnsynced } from "../lib/mail_outbox.ts";
import { type Unsynced, unsyncedIn } from "../lib/report_text.ts";
import type { Problem, ProblemKind } from "../lib/types.ts";
import { resultOf } from "./support/fake_result.ts";
import { file as fake } from "./support/literal_plans.ts";
import { mailedRun, MailOffice, MailServer } from "./support/mail_server.ts";
import { write } from "./support/support.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const PLAIN = { security: "none", needsLogin: false } as const;
const NOTIFY = "conflict_policy: { modify_modify: notify, new_new: notify }\n";

/** Runs, so many hours after the first one; gives the mails about what stays. */
async function mails(place: MailOffice, hours: number) {
  await mailedRun(place.office, { atMs: hours * HOUR });
  return place.server.take()
    .filter(({ subject }) => /synced/.test(subject ?? ""));
}

/** How many of them each run sent, at so many hours. */
async function counts(place: MailOffice, ...hours: readonly number[]) {
  const sent: number[] = [];
  for (const each of hours) sent.push((await mails(place, each)).length);
  return sent;
}

/** Both sides have a file of their own, of one name. */
function conflict(place: MailOffice, name = "Plan.xlsx", what = ""): void {
  write(place.office.left, { [name]: `here${what}` });
  write(place.office.right, { [name]: `there, too${what}` });
}

function opens(place: MailOffice, name: string): void {
  const owner = "Anna Berg,anna,pc-7,30.11.2026 09:12,;";
  write(place.office.right, { [`.~lock.${name}#`]: owner });
}

Deno.test("what every run left unsynced for a day is one mail, with what to do for each", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const { office } = place;
  write(office.left, { "a.txt": "a", "Plan.odt": "agreed" });
  await mails(place, -1);
  conflict(place);
  write(office.left, { "Plan.odt": "edited", "a:b.txt": "named so" });
  Deno.symlinkSync("elsewhere", `${office.left}/link`);
  opens(place, "Plan.odt");
  assert.deepEqual(await counts(place, 0, 12, 23), [0, 0, 0]);
  const [mail, ...others] = await mails(place, 24);
  assert.deepEqual(others, []);
  const { subject } = mail!;
  assert.match(subject!, /^office-sync: not synced for long: 2 paths, Plan/);
  for (const form of [mail!.text, mail!.html].map(String)) {
    assert.match(form, /open by Anna Berg \(LibreOffice\) since/);
    assert.match(form, /Have it saved and closed there\./);
    assert.match(form, /conflicts resolve Plan\.xlsx left/);
    assert.match(form, /2026-06-01 \d\d:00:00/, "since when");
    assert.doesNotMatch(
      form,
      /a\.txt|link/,
      "what is synced, or nobody's concern",
    );
  }
  assert.deepEqual(await counts(place, 25, 48, 6 * 24), [0, 0, 0]);
});

Deno.test("it is told again each week, and once more when all of it is synced", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const week = 7 * 24;
  conflict(place);
  assert.deepEqual(
    await counts(place, 0, 24, 24 + week - 1, 24 + week, 24 + 2 * week),
    [0, 1, 0, 1, 1],
  );
  write(place.office.right, { "Plan.xlsx": "here" });
  const [mail] = await mails(place, 25 + 2 * week);
  assert.match(mail!.subject!, /what was not synced for long is synced again/);
  assert.deepEqual(await counts(place, 26 + 2 * week, 24 + 4 * week), [0, 0]);
});

Deno.test("what a run did not meet begins anew, and a run that a guard stopped changes nothing", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const { office } = place;
  conflict(place);
  assert.deepEqual(await counts(place, 0, 12), [0, 0]);
  write(office.right, { "Plan.xlsx": "here" });
  assert.deepEqual(await counts(place, 13), [0]);
  conflict(place, "Plan.xlsx", " again");
  assert.deepEqual(await counts(place, 14, 25), [0, 0]);
  Deno.renameSync(office.right, `${office.right}-away`);
  assert.deepEqual(await counts(place, 26), [0]);
  Deno.renameSync(`${office.right}-away`, office.right);
  assert.deepEqual(await counts(place, 37, 38, 39), [0, 1, 0]);
});

Deno.test("what lasts later is told a day after the last mail at the soonest, with all that lasts still", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  conflict(place, "first.txt");
  assert.deepEqual(await counts(place, 0), [0]);
  conflict(place, "second.txt");
  assert.deepEqual(await counts(place, 6, 24, 30, 40), [0, 1, 0, 0]);
  const [mail] = await mails(place, 48);
  assert.match(mail!.text!, /first\.txt[^]*second\.txt/);
  // Some of it, not all.
  write(place.office.right, { "first.txt": "here" });
  assert.deepEqual(await counts(place, 72, 96), [0, 0]);
  write(place.office.right, { "second.txt": "here" });
  assert.deepEqual(await counts(place, 97), [1]);
});

for (
  const [line, hours, sent] of [
    ["tell_after_hours: 0", [0, 24, 400], [0, 0, 0]],
    ["tell_after_hours: 2", [0, 1, 2, 3], [0, 0, 1, 0]],
    ["remind_days: 0", [0, 24, 24 + 7 * 24, 5000], [0, 1, 0, 0]],
    ["remind_days: 1", [0, 24, 48, 49], [0, 1, 1, 0]],
  ] as const
) {
  Deno.test(`email.${line} is obeyed`, async () => {
    await using place = await MailOffice.start(NOTIFY, PLAIN);
    place.office.configure(`${NOTIFY}${place.server.config()}  ${line}\n`);
    conflict(place);
    assert.deepEqual(await counts(place, ...hours), [...sent]);
  });
}

Deno.test("what nobody was told yet is told as it is by then, or not at all", async () => {
  await using place = await MailOffice.start(NOTIFY, PLAIN);
  const { port } = place.server;
  const stop = () => place.server[Symbol.asyncDispose]();
  const start = async () => {
    place.server = await new MailServer({ ...PLAIN, port }).start();
  };
  conflict(place, "first.txt");
  conflict(place, "second.txt");
  await mails(place, 0);
  await stop();
  await mailedRun(place.office, { atMs: 24 * HOUR });
  write(place.office.right, { "first.txt": "here" });
  await start();
  const [mail, ...others] = await mails(place, 25);
  assert.deepEqual(others, []);
  assert.match(mail!.text!, /second\.txt/);
  assert.doesNotMatch(mail!.text!, /first\.txt/);
  await stop();
  write(place.office.right, { "second.txt": "here" });
  await mailedRun(place.office, { atMs: 26 * HOUR });
  await start();
  const [over, ...more] = await mails(place, 27);
  assert.deepEqual(more, []);
  assert.match(over!.subject!, /synced again/);
  await stop();
  conflict(place, "third.txt");
  for (const hours of [30, 54]) {
    await mailedRun(place.office, { atMs: hours * HOUR });
  }
  write(place.office.right, { "third.txt": "here" });
  await start();
  assert.deepEqual(await counts(place, 55, 56), [0, 0], "nobody knew of it");
});

Deno.test("whatever keeps a run from ending well, or waits, is told once, with what to do", () => {
  const both = resultOf(
    {
      left: { a: fake("new"), b: fake("new"), c: fake("left") },
      right: { c: fake("right, newer") },
    },
    {},
    { policies: { new_new: "notify" } },
  );
  const of = (path: string, kind: "skipped" | "failed") =>
    both.outcomes.filter(({ action }) => action.path === path)
      .map((it) => ({ ...it, kind, detail: `why ${path}` }));
  const problem = (kind: ProblemKind, path: string): Problem => {
    return { side: "left", path, kind, reason: "why", metadata: null };
  };
  const left = unsyncedIn({
    outcomes: [
      ...of("a", "skipped"),
      ...of("b", "failed"),
      ...both.outcomes.filter(({ action }) => action.path === "c"),
    ],
    problems: [
      problem("unreadable", "u"),
      problem("name", "n"),
      ...(["ignored", "own", "owner", "symlink", "special", "lone"] as const)
        .map((kind) => problem(kind, kind)),
    ],
    waiting: [{
      ...{ kind: "saved", side: "left", path: "w", as: "w~", others: [] },
      ...{ owner: null, sinceMs: 0, isOver: false },
    }],
  });
  assert.deepEqual(left.map(({ path, what, hint }) => [path, what, hint]), [
    ["c", "open conflict", ""],
    [
      "a",
      "skipped: copy to Right",
      "Remove the cause: each run tries it again.",
    ],
    [
      "b",
      "failed: copy to Right",
      "Remove the cause: each run tries it again.",
    ],
    [
      "u",
      "left alone, as nobody can tell what it is on Left",
      "Let the account that runs office-sync read it.",
    ],
    [
      "n",
      "left alone, as nobody can tell what it is on Left",
      "Do what the reason says.",
    ],
    [
      "w",
      "waits, as a program works on it on Left",
      "Have it saved and closed there.",
    ],
  ]);
});

const KNOWN: KnownUnsynced = { key: "a", sinceMs: 0, toldAtMs: null };
const NOW: Unsynced = {
  ...{ key: "a", path: "a", what: "", why: "", hint: "", conflict: null },
};
const HOW = { tellAfterHours: 24, remindDays: 7 };

Deno.test("a clock that was put back keeps nothing from being told", () => {
  const at = (nowMs: number, known: KnownUnsynced) =>
    dueUnsynced([known], [NOW], HOW, false, nowMs).left?.length;
  assert.equal(at(DAY, KNOWN), 1);
  assert.equal(at(DAY - 1, KNOWN), undefined);
  assert.equal(at(-DAY, KNOWN), 1);
  const told = { ...KNOWN, toldAtMs: 1000 * DAY };
  assert.equal(at(10 * DAY, told), 1);
});
