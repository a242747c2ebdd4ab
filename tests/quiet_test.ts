import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { FaultyMailServer, MailOffice } from "./support/mail_server.ts";
import { file, MemoryOffice, type Office } from "./support/support.ts";

const OLD = Date.UTC(2026, 0, 1);
const NEW = Date.UTC(2026, 0, 2);

/** Gives both sides a file of their own under one name. */
function conflict(office: Office, name = "plan.txt"): void {
  office.write({
    left: { [name]: file("one", { mtime: OLD }) },
    right: { [name]: file("three", { mtime: NEW }) },
  });
}

async function quiet(office: Office, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await office.commandHere("--quiet", ...args);
  assert.equal(code, 0, stderr);
  assert.equal(args.includes("--json") || stdout === "", true, stdout);
  return stderr;
}

const LOSING: readonly (readonly [string, string, RegExp])[] = [
  ["a clash", "", /Left's version .* is kept on both sides as plan\.clash-/],
  [
    "overwrite",
    "conflict_policy:\n  new_new: overwrite\n",
    /Left's version .* is replaced, soft-deleted as .*\.office-sync\/deleted/,
  ],
  [
    "overwrite without soft delete",
    "conflict_policy:\n  new_new: overwrite\nsoft_delete:\n  enabled: false\n",
    /Left's version .* is replaced, not kept/,
  ],
];

for (const [name, settings, words] of LOSING) {
  Deno.test(`--quiet tells which version lost where nobody is mailed: ${name}`, async () => {
    using office = new MemoryOffice(settings);
    conflict(office);
    const stderr = await quiet(office);
    assert.match(stderr, /^1 conflict resolved, and mailed to nobody:/);
    assert.match(stderr, words);
    assert.equal(await quiet(office), "", "once");
  });
}

Deno.test("--quiet tells which version lost beside --json too, and of very many a few", async () => {
  using office = new MemoryOffice();
  for (let n = 0; n < 30; n++) conflict(office, `${n}.txt`);
  const stderr = await quiet(office, "--json");
  assert.match(stderr, /^30 conflicts resolved/);
  assert.match(stderr, /… and 10 more \("deno task sync history \S+" lists/);
});

Deno.test("which version lost is told where the run ends with an error after that", async () => {
  using office = new MemoryOffice();
  office.write({ left: { "a.txt": "one" } });
  await office.agree();
  {
    using db = new DatabaseSync(office.stateDb);
    db.exec(
      "CREATE TRIGGER no BEFORE UPDATE ON runs " +
        "BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
  }
  conflict(office);
  const { code, stderr } = await office.commandHere("--quiet");
  assert.equal(code, 5);
  assert.match(stderr, /^1 conflict resolved, and mailed to nobody:/m);
  assert.match(stderr, /plan\.clash-/);
});

Deno.test("--quiet says nothing of what is mailed, nor of copies and deletions", async () => {
  await using place = await MailOffice.start("");
  const { office } = place;
  office.write({ left: { "a.txt": "one", "b.txt": "two" } });
  assert.equal(await quiet(office), "");
  Deno.removeSync(`${office.left}/a.txt`);
  conflict(office);
  assert.equal(await quiet(office), "");
  assert.equal(place.server.take().length, 1);
  conflict(office, "more.txt");
  assert.match(await quiet(office, "--no-email"), /mailed to nobody/);
});

Deno.test("--quiet says once a day that no mail gets out, and each time which version lost", async () => {
  await using place = await MailOffice.start("");
  const { office } = place;
  await place.server[Symbol.asyncDispose]();
  delete office.env.DENO_CERT;
  conflict(office);
  const stderr = await quiet(office);
  assert.match(stderr, /^E-mail waits for the next run: /);
  assert.match(stderr, /plan\.clash-/);
  assert.equal(await quiet(office), "");
  conflict(office, "other.txt");
  const again = await quiet(office);
  assert.doesNotMatch(again, /E-mail/);
  assert.match(again, /other\.clash-/);
  const log = Deno.readTextFileSync(office.log);
  assert.equal(log.match(/WARNING \S+ E-mail waits/g)?.length, 3);
});

Deno.test("--quiet says once a day that no mail gets out, where the server names each try otherwise", async () => {
  let tries = "";
  using server = new FaultyMailServer({
    replies: { RCPT: () => `450 4.2.0 Greylisted, id ${tries += "x"}` },
  });
  using office = new MemoryOffice(
    `email: {smtp_host: localhost, smtp_port: ${server.port}, ` +
      "security: none, from: a@b.example, to: c@b.example}\n",
  );
  conflict(office);
  assert.match(await quiet(office), /Greylisted, id x"\n/);
  assert.equal(await quiet(office), "");
  assert.equal(tries, "xx", "it is tried in each run");
});

for (const settings of ["", "email"]) {
  const how = settings === "" ? "without mail" : "with mail";
  Deno.test(`--quiet tells of a lost record, ${how}`, async () => {
    await using place = await MailOffice.start("");
    const { office, server } = place;
    if (settings === "") office.configure("");
    office.write({ left: { "a.txt": "one", "b.txt": "two" } });
    assert.equal(await quiet(office), "");
    Deno.removeSync(`${office.left}/a.txt`);
    Deno.removeSync(office.stateDb);
    assert.match(await quiet(office), /deleted on one side .* come back/);
    assert.equal(server.take().length, settings === "" ? 0 : 1);
    assert.equal(await quiet(office), "");
    assert.deepEqual(server.take(), []);
  });
}

Deno.test("more than ten versions that perhaps nobody meant are mailed, and told with --quiet; the command brings one back", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  const names = Array.from({ length: 33 }, (_, n) => `${n}.txt`);
  office.write({
    left: Object.fromEntries(
      names.map((name) => [name, file(`good ${name}`, { mtime: OLD })]),
    ),
  });
  assert.equal(await quiet(office), "");
  const empty = (from: number, to: number) =>
    names.slice(from, to).forEach((name) =>
      Deno.writeTextFileSync(`${office.left}/${name}`, "")
    );
  empty(0, 10);
  assert.equal(await quiet(office), "");
  assert.deepEqual(server.take(), [], "ten are few");
  empty(10, 21);
  assert.match(await quiet(office), /^11 files went across.*\n?.*restore/);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.match(mail!.subject ?? "", /11 files went across/);
  const [, run = ""] = /(history \S+)" lists all/.exec(mail!.text!) ?? [];
  const { stdout } = await office.commandHere(...run.split(" "));
  assert.match(
    stdout,
    /12\.txt .*before was soft-deleted as \.office-sync\/deleted/,
  );
  const back = await office.commandHere("restore", "--force", "12.txt");
  assert.equal(back.code, 0, back.stderr);
  assert.equal(Deno.readTextFileSync(`${office.left}/12.txt`), "good 12.txt");
  assert.equal(await quiet(office), "");
  assert.deepEqual(server.take(), [], "there is nothing to be over");
});
