import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { takeLock } from "../lib/state_db.ts";
import { MailOffice, PASSWORD } from "./support/mail_server.ts";
import { file } from "./support/support.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** As if so much time had gone by since what was mailed. */
function passTime(stateDb: string, ms: number): void {
  using db = new DatabaseSync(stateDb);
  db.exec(`
    UPDATE outbox SET created_at = created_at - ${ms};
    UPDATE mailed_troubles SET trouble = json_set(
      trouble, '$.mailedAtMs', trouble ->> '$.mailedAtMs' - ${ms})`);
}

/** An office that has run once, and now misses its Right. */
async function unmounted(settings = ""): Promise<MailOffice> {
  const place = await MailOffice.start(settings);
  place.office.write({ left: { "a.txt": "one" } });
  await place.office.settle();
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
    const result = await place.command();
    assert.equal(result.code, code, result.stderr);
    return server.take().map(({ subject }) => subject);
  };
  const result = await place.command();
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
  await office.settle();
  office.write({ left: { sub: { "b.txt": "two", "c.txt": "three" } } });
  Deno.chmodSync(`${office.right}/sub`, 0o555);
  const run = async () => (await office.humbleCommand()).code;
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
  assert.equal((await place.command()).code, 4);
  assert.equal(place.server.connections, 0);
});

Deno.test("a damaged state DB is mailed once, though nothing can wait in it, and once when it is over", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.write({ left: { "a.txt": "one" } });
  await office.settle();
  Deno.writeTextFileSync(office.stateDb, "not a database".repeat(999));
  const { code, stderr } = await place.command();
  assert.equal(code, 3, stderr);
  const [mail] = server.take();
  assert.match(mail?.subject ?? "", /stopped by the guard "state"$/);
  assert.equal((await place.command()).code, 3);
  assert.deepEqual(server.take(), [], "told already");
  Deno.removeSync(office.stateDb);
  assert.equal((await place.command()).code, 0);
  const [clear] = server.take();
  assert.equal(
    clear?.subject,
    "office-sync syncs again: The record of earlier runs was lost",
  );
  assert.match(clear?.text ?? "", /Over[^]*the guard "state"/);
  assert.equal((await place.command()).code, 0);
  assert.deepEqual(server.take(), []);
});

Deno.test("a damaged state DB that could not be mailed is mailed by a later run", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  Deno.writeTextFileSync(office.stateDb, "not a database".repeat(999));
  server.refusesLogin = true;
  const { code, stderr } = await place.command();
  assert.equal(code, 3);
  assert.match(stderr, /E-mail could not be sent: /);
  server.refusesLogin = false;
  assert.equal((await place.command()).code, 3);
  assert.equal(server.take().length, 1);
});

Deno.test("a run that ends with an unforeseen error is mailed", async () => {
  await using place = await MailOffice.start("");
  const { office, server } = place;
  office.write({ left: { "a.txt": "one" } });
  await office.settle();
  {
    using db = new DatabaseSync(office.stateDb);
    db.exec("DROP TABLE moves");
  }
  const { code } = await place.command();
  assert.equal(code, 5);
  const [mail] = server.take();
  assert.equal(
    mail?.subject,
    "office-sync does not sync: The run ended with an error",
  );
  assert.equal((await place.command()).code, 5);
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
  const { stdout, stderr, code } = await place.command("--json", "--verbose");
  assert.equal(code, 0);
  assert.match(stderr, /wrong password/, "the server said it");
  const log = Deno.readTextFileSync(office.log);
  assert.match(log, /wrong password/);
  server.refusesLogin = false;
  const again = await place.command();
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
