import assert from "node:assert/strict";
import { type MailFacts, mailOf } from "../lib/mail_texts.ts";
import type { Conflict } from "../lib/plan_types.ts";
import type { Alert } from "../lib/run_types.ts";

const FACTS: MailFacts = {
  roots: { left: "/srv/left", right: "/srv/right" },
  configFile: "/srv/office/config.yaml",
  logFile: "/srv/office/logs/office-sync.log",
};
const RUN = { id: "20260520-120000-ab12", startedAtMs: 0 };

function openAt(path: string): Conflict {
  const version = { path, sizeBytes: 3, mtimeMs: 1000 };
  return {
    kind: "modify_modify",
    rule: "5.1",
    policy: "notify",
    path,
    versions: { left: version, right: { ...version, sizeBytes: 5 } },
    winner: null,
    isNewer: false,
  };
}

function mailAbout(path: string, facts = FACTS) {
  return mailOfAll([openAt(path)], facts);
}

function mailOfAll(conflicts: readonly Conflict[], facts = FACTS) {
  return mailOf({ kind: "conflicts", conflicts, run: RUN }, facts);
}

Deno.test("a name can't become HTML, nor a line of its own", () => {
  const path =
    `<img src=x onerror="alert(1)">&\r\nBcc: all@example.com\u202etxt`;
  const { subject, text, html } = mailAbout(path);
  assert.doesNotMatch(html, /<img/);
  assert.match(html, /&lt;img src=x onerror=&quot;alert\(1\)&quot;&gt;&amp;/);
  for (const part of [subject, text, html]) {
    assert.doesNotMatch(part, /\r|\u202e|^Bcc/m);
    assert.match(part, /\\r\\nBcc: all@example\.com\\u202etxt/);
  }
});

Deno.test("a mail points to the panel, with the PC and the account it works on", () => {
  const place = () => "PC office-7, as anna";
  const { text } = mailAbout("a.txt", { ...FACTS, place });
  assert.match(
    text.replaceAll(/\s+/g, " "),
    /\(deno task sync panel\).*buttons, on PC office-7, as anna: .*resolve a\.txt left/,
  );
  assert.match(
    mailAbout("a.txt").text.replaceAll(/\s+/g, " "),
    /with the account that syncs/,
  );
});

Deno.test("headings, texts, facts and commands are in both forms", () => {
  const { text, html } = mailAbout("a.txt");
  const parts = ["a.txt", "Nothing was touched.", "About this mail"];
  const command = "deno task sync conflicts resolve a.txt left";
  for (const part of [...parts, "To resolve it, choose", "Rule", command]) {
    for (const form of [text, html]) assert.ok(form.includes(part), part);
  }
  assert.match(text, /^a\.txt\n-----\n$/m);
  assert.match(text, /^ {2}Rule: {7}5\.1/m);
  assert.match(text, new RegExp(`^ {4}${command}$`, "m"));
});

Deno.test("the page follows the reader's colours and loads nothing", () => {
  const { html } = mailAbout("a.txt");
  assert.match(html, /name="color-scheme" content="light dark"/);
  assert.doesNotMatch(html, /<(?:img|script|link|style)|https?:|url\(/);
  assert.doesNotMatch(html, /background|[^-]color:/);
});

Deno.test("a mail stays readable with very many open conflicts, and names the command that lists them", () => {
  const open = Array.from({ length: 5000 }, (_, n) => openAt(`${n}.txt`));
  const { text } = mailOfAll(open);
  assert.equal(text.match(/^\d+\.txt$/gm)?.length, 100);
  assert.match(text, /And 4900 more open conflicts/);
  assert.match(text, /^ +deno task sync conflicts$/m);
  assert.doesNotMatch(text, /history/);
});

function doneAt(path: string, cutOff: string | null = null): Conflict {
  return {
    ...openAt(path),
    policy: "clash",
    winner: "left",
    done: {
      actions: ["CLASH_CREATE", "COPY_LEFT_TO_RIGHT"],
      clashPath: `${path}.clash`,
      isKept: false,
      softDeletedPath: null,
      renamed: null,
      detail: null,
      cutOff,
    },
  };
}

Deno.test("a mail with very many conflicts that were done names the run that has them all", () => {
  const open = Array.from({ length: 60 }, (_, n) => openAt(`${n}.txt`));
  const done = Array.from({ length: 60 }, (_, n) => doneAt(`s${n}.txt`));
  const { text } = mailOfAll([...done, ...open]);
  assert.equal(text.match(/^s?\d+\.txt$/gm)?.length, 100);
  assert.match(text, /And 20 more conflicts that were resolved; to see all:/);
  assert.match(text, /^ +deno task sync history 20260520-120000-ab12$/m);
  assert.doesNotMatch(text, /sync conflicts$/m);
});

Deno.test("what a run did that was cut off is in no history, and no mail says so", () => {
  const done = Array.from({ length: 120 }, (_, n) => doneAt(`${n}`, "x"));
  const { text } = mailOfAll(done);
  assert.match(text, /20 of them, from a run that was cut off, the log/);
  assert.doesNotMatch(text, /history/);
});

Deno.test("a mail with very many failures names the command that shows them all", () => {
  const fresh = Array.from({ length: 130 }, (_, n): Alert => ({
    key: `${n}`,
    isStop: false,
    title: `COPY_LEFT_TO_RIGHT ${n}.txt`,
    reason: "no room",
    hint: "",
  }));
  const { text } = mailOf(
    { kind: "alerts", fresh, lasting: [], over: [], run: RUN },
    FACTS,
  );
  assert.match(text, /And 30 more\./);
  assert.match(text, /^ +deno task sync --verbose$/m);
});

Deno.test("a subject is never longer than a line", () => {
  assert.equal([...mailAbout("x".repeat(250)).subject].length, 120);
});

Deno.test("places are written as the system writes them", () => {
  const facts = {
    roots: { left: "C:\\pdrive_local", right: "P:\\" },
    configFile: "C:\\sync\\config.yaml",
    logFile: "C:\\sync\\logs\\office-sync.log",
  };
  const { text } = mailAbout("Offers/A.docx", facts);
  assert.match(text, /Left's is: +C:\\pdrive_local\\Offers\\A\.docx$/m);
  assert.match(text, /Right's is: +P:\\Offers\\A\.docx$/m);
  assert.match(
    text,
    /Type the commands .* in the folder of office-sync\. Add --config /,
  );
  assert.match(mailAbout("a/b").text, /Left's is: +\/srv\/left\/a\/b$/m);
});

Deno.test("what can't be typed is not offered as a command", () => {
  assert.doesNotMatch(mailAbout("a\nb").text, /conflicts resolve/);
  assert.match(mailAbout("a\nb").text, /can't be typed/);
  assert.match(mailAbout("-a").text, /resolve -- -a left|resolve -- "-a" left/);
});
