import assert from "node:assert/strict";
import { MailOffice } from "./support/mail_server.ts";
import { file } from "./support/support.ts";

const OLD = Date.UTC(2026, 0, 5, 9, 0, 0);
const NEW = Date.UTC(2026, 0, 5, 10, 30, 0);

/** An office in which both sides edited Plan.txt since they agreed. */
async function edited(settings: string): Promise<MailOffice> {
  const place = await MailOffice.start(settings);
  const { office } = place;
  office.env.TZ = "Europe/Berlin";
  office.write({ left: { "My plan.txt": file("base", { mtime: OLD - 1e9 }) } });
  await office.settle();
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
  await using place = await edited("");
  const { office, server } = place;
  const { code, stderr } = await place.command();
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.equal(mail!.subject, "office-sync: 1 conflict: My plan.txt");
  assert.deepEqual(mail!.recipients, ["anna@example.com"]);
  assert.equal(mail!.from?.text, '"Office Sync" <sync@example.com>');
  assert.equal(mail!.isEncrypted, true);
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
  assert.equal((await place.command()).code, 0);
  assert.deepEqual(server.take(), [], "told once");
});

Deno.test("overwrite is mailed: the older version is where the mail says, and its command brings it back", async () => {
  await using place = await edited(
    "conflict_policy:\n  modify_modify: overwrite\n",
  );
  const { office, server } = place;
  assert.equal((await place.command()).code, 0);
  const [mail] = server.take();
  const kept = lineWith(mail!.text, ".office-sync/deleted/")
    .replace(/^Left's is now: +/, "");
  assert.equal(Deno.readTextFileSync(kept), "older");
  const command = lineWith(mail!.text, "deno task sync restore");
  assert.equal(command, 'deno task sync restore --force "My plan.txt"');
  const { code, stderr } = await place.command(
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
  assert.equal((await place.command()).code, 0);
  const [mail] = place.server.take();
  assert.match(mail!.text ?? "", /Left's is now: +gone: soft delete is off/);
  assert.doesNotMatch(mail!.text ?? "", /restore/);
});

Deno.test("notify is mailed once per pair of versions, with commands that settle it", async () => {
  await using place = await edited(
    "conflict_policy:\n  modify_modify: notify\n",
  );
  const { office, server } = place;
  assert.equal((await place.command()).code, 1);
  const [first] = server.take();
  assert.equal(
    first!.subject,
    "office-sync: 1 conflict: My plan.txt, for you to settle",
  );
  assert.match(first!.text ?? "", /Nothing was touched/);
  assert.equal((await place.command()).code, 1);
  assert.deepEqual(server.take(), [], "the same pair");
  office.write({
    left: { "My plan.txt": file("another", { mtime: NEW + 5e3 }) },
  });
  assert.equal((await place.command()).code, 1);
  const [second, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.match(second!.text ?? "", /, 7 bytes/);
  const line = lineWith(second!.text, "resolve").replace(
    /^deno task sync /,
    "",
  );
  assert.equal(line, 'conflicts resolve "My plan.txt" left');
  const settled = await place.command(
    "conflicts",
    "resolve",
    "My plan.txt",
    "left",
  );
  assert.equal(settled.code, 0, settled.stderr);
  assert.equal((await place.command()).code, 0);
  assert.deepEqual(server.take(), [], "settled by a person, who knows");
  assert.equal(Deno.readTextFileSync(`${office.right}/My plan.txt`), "another");
});

Deno.test("a conflict of names is mailed, with both names", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.write({ left: { "a.txt": file("a text", { mtime: OLD }) } });
  await office.settle();
  Deno.renameSync(`${office.left}/a.txt`, `${office.left}/left name.txt`);
  Deno.renameSync(`${office.right}/a.txt`, `${office.right}/right name.txt`);
  assert.equal((await place.command()).code, 0);
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
  await office.settle();
  office.write({
    left: { "b.txt": file("one", { mtime: OLD }), "new.txt": "one" },
    right: { "b.txt": file("three", { mtime: NEW }), "new.txt": "three" },
  });
  assert.equal((await place.command()).code, 1);
  const [mail, ...others] = server.take();
  assert.deepEqual(others, []);
  assert.equal(
    mail!.subject,
    "office-sync: 2 conflicts: in several files, 1 for you to settle",
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
  assert.equal((await place.command()).code, 0);
  assert.equal((await place.command()).code, 0);
  assert.equal(place.server.connections, 0);
});

Deno.test("plan sends no mail, --no-email neither, and nothing waits from either", async () => {
  await using place = await edited("");
  const { server } = place;
  assert.equal((await place.command("plan")).code, 0);
  assert.equal((await place.command("--no-email")).code, 0);
  assert.equal((await place.command()).code, 0);
  assert.equal(server.connections, 0);
});

Deno.test("what --no-email left open is mailed by the next run with mail", async () => {
  await using place = await edited(
    "conflict_policy:\n  modify_modify: notify\n",
  );
  assert.equal((await place.command("--no-email")).code, 1);
  assert.equal((await place.command()).code, 1);
  assert.equal(place.server.take().length, 1);
});
