import assert from "node:assert/strict";
import {
  dueAlerts,
  retold,
  unexpectedAlert,
} from "../lib/email_notifications.ts";
import type { KnownAlert } from "../lib/mail_texts.ts";
import type { Alert } from "../lib/run_types.ts";

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
