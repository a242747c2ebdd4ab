import assert from "node:assert/strict";
import { entryPage } from "../lib/panel_server.ts";
import { takeLock } from "../lib/state_db.ts";
import { sinceWords, timeWords } from "../lib/text.ts";
import { humble } from "./support/humble.ts";
import { enter, formOf, Guest, say, serving } from "./support/panel.ts";
import { file, MemoryOffice, Office, softDeleted } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

/** The panel: who is let in, what is shown, what its buttons do. */

const NOTIFY = "conflict_policy: { modify_modify: notify }\n";
const OLDER = "2024-03-01T10:00:05Z";
const NEWER = "2024-03-02T11:30:00Z";
const EVIL = "<img src=x onerror=alert(1)>.txt";

/** An office with an open conflict, a clash copy, and something deleted. */
async function eventful<O extends Office = MemoryOffice>(
  office: O = new MemoryOffice(NOTIFY) as Office as O,
): Promise<O> {
  office.write({
    left: {
      "plan.txt": file("one\ntwo\nthree\n", { mtime: "2024-01-01" }),
      [EVIL]: file("<b>old</b>\n", { mtime: "2024-01-01" }),
      "gone.txt": "gone",
    },
  });
  await office.agree();
  Deno.removeSync(`${office.left}/gone.txt`);
  office.write({
    left: {
      "plan.txt": file("one\n2 of <Left>\nthree\n", { mtime: OLDER }),
      [EVIL]: file("<b>left</b>\n", { mtime: OLDER }),
      "new.txt": file("new of Left", { mtime: OLDER }),
    },
    right: {
      "plan.txt": file("one\n2 of Right\nthree\n", { mtime: NEWER }),
      [EVIL]: file("<script>alert(1)</script>\n", { mtime: NEWER }),
      "new.txt": file("new of Right", { mtime: NEWER }),
    },
  });
  assert.equal((await office.run()).exitCode, 1);
  return office;
}

const CONFLICT = "/?path=plan.txt";
const BUTTONS = /<button[^>]*>(?:Left|Right|Both|File|Copy)<\/button>/;
const COPY = "new.clash-20240301-100005-left.txt";
const CLASH = `/clashes?path=${COPY}`;

Deno.test("the panel lets in who has the code, once, and within its time", async () => {
  using office = new MemoryOffice();
  await using server = await serving(office);
  assert.match(server.code, /^[0-9a-f]{32}$/);
  assert.match(entryPage(server), new RegExp(`value="${server.code}"`));
  assert.equal((await enter(server, "0".repeat(32))).status, 403);
  const reply = await enter(server, server.code);
  assert.equal(reply.status, 200);
  assert.match(
    reply.headers.get("set-cookie")!,
    new RegExp(
      `^office-sync-${server.port}=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Strict$`,
    ),
  );
  const again = await enter(server, server.code);
  assert.equal(again.status, 403);
  assert.match(again.text, /used up, or is older than a minute/);
  await server.entered;
  await using late = await serving(office, { codeMs: 1, idleMs: 60_000 });
  await late.entered;
  assert.equal((await enter(late, late.code)).status, 403);
});

Deno.test("a code comes from a file: from no other page, and by no link", async () => {
  using office = new MemoryOffice();
  await using server = await serving(office);
  const { code, port } = server;
  for (const origin of ["http://evil.example", `http://127.0.0.1:${port}`]) {
    assert.equal((await enter(server, code, origin)).status, 403);
  }
  assert.equal((await say(server, `/enter?code=${code}`, {})).status, 403);
  assert.equal((await enter(server, code)).status, 200);
});

/** [what is wrong, headers] */
const REFUSED: readonly [string, Readonly<Record<string, string>>][] = [
  ["a name that leads here", { host: "rebind.example:PORT" }],
  ["localhost", { host: "localhost:PORT" }],
  ["another port", { host: "127.0.0.1:1" }],
  ["no port", { host: "127.0.0.1" }],
  ["no cookie", { cookie: "" }],
  ["the cookie of another panel", { cookie: "office-sync-1=VALUE" }],
  ["another cookie", { cookie: `office-sync-PORT=${"0".repeat(32)}` }],
  ["a request of another page", { "sec-fetch-site": "cross-site" }],
  ["a request of another port", { "sec-fetch-site": "same-site" }],
  ["a client that does not say where from", { "sec-fetch-site": "" }],
];

/** What only stops a button. */
const REFUSED_POST: typeof REFUSED = [
  ["a foreign origin", { origin: "http://evil.example" }],
  ["the origin of another port", { origin: "http://127.0.0.1:1" }],
  ["no origin", { origin: "" }],
  ["a file's origin", { origin: "null" }],
];

Deno.test("the panel answers to its own pages only, and a button to its page's secret", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const before = office.trees();
  const { text } = await guest.get(CONFLICT);
  const [form] = /<form[^>]*action="\/"[^]*?<\/form>/.exec(text)!;
  const [path, body] = formOf(form);
  const filled = (headers: Readonly<Record<string, string>>) => {
    const [, value] = guest.cookie.split("=");
    const said = Object.entries(headers).map(([name, it]) => [
      name,
      it.replace("PORT", String(server.port)).replace("VALUE", value!),
    ]);
    return Object.fromEntries(said);
  };
  for (const [what, headers] of REFUSED) {
    const said = { ...guest.headers, ...filled(headers) };
    assert.equal((await say(server, "/", said)).status, 403, what);
    assert.equal((await say(server, "/panel.css", said)).status, 403, what);
  }
  for (const [what, headers] of [...REFUSED, ...REFUSED_POST]) {
    const reply = await guest.post(path, body, filled(headers));
    assert.equal(reply.status, 403, what);
  }
  const [, secret] = /secret=([0-9a-f]{32})/.exec(body)!;
  for (const other of ["", "0".repeat(32), secret!.slice(1)]) {
    const wrong = body.replace(secret!, other);
    assert.equal((await guest.post(path, wrong)).status, 403, other);
    assert.equal((await guest.post("/close", `secret=${other}`)).status, 403);
  }
  // A link presses no button.
  const link = `${path}?${body}`;
  await guest.get(link);
  assert.deepEqual(office.trees(), before);
  const big = `${body}&x=${"x".repeat(64 * 1024)}`;
  assert.equal((await guest.post(path, big)).status, 413);
  const type = { "content-type": "text/plain" };
  const headers = {
    ...guest.headers,
    origin: `http://127.0.0.1:${server.port}`,
  };
  assert.equal(
    (await say(server, path, { ...headers, ...type }, null)).status,
    200,
  );
  assert.deepEqual(office.trees(), before);
  assert.equal((await guest.post(path, body)).status, 200);
  assert.notDeepEqual(office.trees(), before);
});

Deno.test("whatever the panel says, nothing may keep it, frame it or look into it", async () => {
  using office = new MemoryOffice();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const replies = [
    ...await Promise.all(
      ["/", "/panel.css", "/panel.js", "/nowhere"].map((it) => guest.get(it)),
    ),
    await say(server, "/", {}),
    await enter(server, "x"),
  ];
  for (const { headers } of replies) {
    assert.equal(
      headers.get("content-security-policy"),
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src " +
        "'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
  }
});

Deno.test("the panel ends when nobody used it, and by its own button", async () => {
  using office = new MemoryOffice();
  await using server = await serving(office, { idleMs: 150, codeMs: 60_000 });
  await using other = await serving(office);
  const guest = await Guest.enter(server);
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.equal((await guest.get("/")).status, 200);
  }
  assert.equal(await server.ended, "idle");
  const second = await Guest.enter(other);
  const { text } = await second.press("/", "Close");
  assert.match(text, /The panel is closed/);
  assert.equal(await other.ended, "closed");
});

Deno.test("a conflict: both versions, what differs, and left is chosen", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  assert.match((await guest.get("/")).text, /plan\.txt/);
  const { text } = await guest.get(CONFLICT);
  assert.match(text, /<tr class="one"><td>2<td><td>.*<del>2 of &lt;Left&gt;/);
  assert.match(text, /<tr class="other"><td><td>2<td>.*<ins>2 of Right/);
  assert.match(text, /saved 2024-03-02.*newer/);
  const reply = await guest.press(CONFLICT, "Left");
  assert.deepEqual([reply.status, reply.text], [200, "/"]);
  const { text: after } = await guest.get("/");
  assert.match(after, /role="status" class="said"><p>Resolved: plan\.txt/);
  assert.doesNotMatch(after, /href="\/\?path=plan.txt"/);
  assert.deepEqual(softDeleted(office.right), {
    "plan.txt": "one\n2 of Right\nthree\n",
    "gone.txt": "gone",
  });
  // Said once.
  assert.doesNotMatch((await guest.get("/")).text, /Resolved:/);
});

Deno.test("never against a version that the page has not shown, listed by a run meanwhile or not", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const { text } = await guest.get(CONFLICT);
  const [form] = /<form[^>]*action="\/"[^]*?<\/form>/.exec(text)!;
  const copy = await guest.get(CLASH);
  const [other] = /<form[^>]*action="\/clashes"[^]*?<\/form>/.exec(copy.text)!;
  office.write({
    right: {
      "plan.txt": file("one\n3 of Right\nthree\n", { mtime: "2024-04-01" }),
      "new.txt": file("newer of Right", { mtime: "2024-04-01" }),
    },
  });
  for (const [page, name] of [[CONFLICT, "plan"], [CLASH, "new"]] as const) {
    const { text } = await guest.get(page);
    const why = `Right: ${name}.txt is not any more what the last run saw. Run`;
    assert.ok(text.includes(why), page);
    assert.doesNotMatch(text, BUTTONS, page);
  }
  for (const isListed of [false, true]) {
    if (isListed) await office.run();
    const before = office.trees();
    for (const it of [form, other]) {
      await guest.post(...formOf(it));
      assert.match(
        (await guest.get("/")).text,
        /class="stop"><p>[^<]* is not as it was when it was listed\. Nothing was changed\.<\/p>\s<p>Run sync again[^<]*<\/p><\/div>/,
      );
      assert.deepEqual(office.trees(), before);
    }
  }
  // What is listed now is shown, and may be chosen.
  assert.match((await guest.get(CONFLICT)).text, /<ins>3 of Right/);
  assert.match((await guest.get(CONFLICT)).text, BUTTONS);
  await guest.press(CONFLICT, "Both");
  assert.match((await guest.get("/")).text, /Resolved: plan\.txt/);
});

Deno.test("a clash copy beside its file, and taken for it", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  assert.match((await guest.get("/clashes")).text, /new\.clash.*new\.txt/s);
  assert.match((await guest.get(CLASH)).text, /<ins>new of Left<\/ins>/);
  const reply = await guest.press(CLASH, "Copy");
  assert.equal(reply.text, "/clashes");
  assert.match(
    (await guest.get("/clashes")).text,
    /Settled: new.*No clash copy is left/s,
  );
  for (const root of [office.left, office.right]) {
    assert.equal(Deno.readTextFileSync(`${root}/new.txt`), "new of Left");
  }
});

Deno.test("a clash copy whose file has not the name that the copy tells", async () => {
  using office = await eventful();
  for (const root of [office.left, office.right]) {
    Deno.removeSync(`${root}/new.txt`);
  }
  await office.run();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  for (const page of ["/clashes", CLASH]) {
    const { text } = await guest.get(page);
    assert.match(text, /not there under this name: gone, or/, page);
  }
});

for (
  const [kept, words] of Object.entries({
    "": "until somebody removes it<",
    "retention_days: 30": "30 more days at least<",
    "max_total_mb: 5":
      "until somebody removes it, or until its room is needed<",
    "retention_days: 30, max_total_mb: 5":
      "30 more days, or until its room is needed<",
  })
) {
  Deno.test(`a deleted file says how long it stays, with soft_delete {${kept}}`, async () => {
    using office = await eventful();
    office.configure(`soft_delete: {${kept}}\n`);
    await using server = await serving(office);
    const { text } = await (await Guest.enter(server)).get("/deleted");
    assert.ok(text.includes(`; stays ${words}`), text);
  });
}

Deno.test("deleted files are found by name, folder and run, and brought back", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const { text } = await guest.get("/deleted");
  const [, run] = /href="\/runs\?id=([^"]+)"/.exec(text)!;
  for (const query of ["q=GONE", "run=2", `run=${run}`, "folder="]) {
    const { text } = await guest.get(`/deleted?${query}`);
    assert.match(text, /gone\.txt/, query);
  }
  for (const query of ["q=other", "run=1", "folder=d"]) {
    const { text } = await guest.get(`/deleted?${query}`);
    assert.doesNotMatch(text, /gone\.txt/, query);
  }
  const reply = await guest.press("/deleted?q=gone", "Bring back");
  assert.equal(reply.text, "/deleted?q=gone");
  assert.match(
    (await guest.get("/deleted")).text,
    /gone\.txt: brought back to/,
  );
  assert.equal(Deno.readTextFileSync(`${office.left}/gone.txt`), "gone");
  office.write({
    left: { "gone.txt": file("newer", { mtime: "2030-01-01" }) },
  });
  await guest.press("/deleted?q=gone", "Bring back");
  assert.match(
    (await guest.get("/deleted")).text,
    /class="stop".*what is on Left is newer/,
  );
  assert.equal(Deno.readTextFileSync(`${office.left}/gone.txt`), "newer");
});

Deno.test("runs, why, what waits, and the next run with the command to be copied", async () => {
  using office = await eventful();
  office.write({ left: { "later.txt": "later" } });
  await Deno.symlink("/nowhere", `${office.left}/link`);
  await office.run();
  office.write({ left: { "last.txt": "last" } });
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const { text } = await guest.get("/runs");
  assert.match(text, /link.*Left: unknown: .*; since/s);
  const [, run] = /href="\/runs\?id=([^"]+)"/.exec(text)!;
  assert.match(
    (await guest.get(`/runs?id=${run}`)).text,
    /COPY_LEFT_TO_RIGHT later\.txt/,
  );
  assert.match(
    (await guest.get("/why?path=later.txt")).text,
    /Record: .*Rule: /s,
  );
  const { text: next } = await guest.get("/next");
  assert.match(next, /COPY_LEFT_TO_RIGHT.*last\.txt/s);
  assert.match(next, /class="command"[^>]*>deno task sync --config /);
  assert.doesNotMatch(next, /<button>(?:Run|Sync)/i);
});

Deno.test("what is open or being saved waits, with who has it open and since when, until it is done", async () => {
  using office = new MemoryOffice("ignore: { filenames_prefix: ['~$'] }\n");
  office.write({ left: { "a.docx": "a", "b.docx": "b" } });
  await office.agree();
  const opened = Date.now() - 60_000;
  office.write({
    left: { "a.docx": "edited" },
    right: {
      "~$a.docx": file("\x09Anna Berg", { mtime: opened }),
    },
  });
  Deno.renameSync(`${office.right}/b.docx`, `${office.right}/b.tmp`);
  const began = Date.now();
  await office.agree();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const { text } = await guest.get("/runs");

  const day = timeWords(began).slice(0, 10);
  assert.match(
    text,
    new RegExp(
      ">a\\.docx</bdi></a>\\s+<p>Right: waits: open by Anna Berg \\(Word\\) " +
        `since ${sinceWords(opened)}</p>`,
    ),
  );
  assert.match(
    text,
    new RegExp(
      ">b\\.docx</bdi></a>\\s+<p>Right: waits: it is being saved, and called " +
        `b\\.tmp meanwhile; since ${day} `,
    ),
  );
  Deno.renameSync(`${office.right}/b.tmp`, `${office.right}/b.docx`);
  Deno.removeSync(`${office.right}/~$a.docx`);
  await office.agree();
  assert.match(
    (await guest.get("/runs")).text,
    /The last run left nothing undone, unknown or waiting/,
  );
});

Deno.test("a plan that a guard would stop names the command that lets it through", async () => {
  using office = new MemoryOffice();
  const many = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`${n}`, "x"]),
  );
  office.write({ left: { d: many } });
  await office.agree();
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const { text } = await guest.get("/next");
  assert.match(text, /class="command"[^>]*>deno task sync .*--allow-deletes/);
});

Deno.test("a button waits for a run to end, and says so where that lasts", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const lock = takeLock(`${office.folder}/config.db`);
  const pressed = guest.press(CONFLICT, "Right");
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = office.trees();
  assert.match(JSON.stringify(before), /2 of <Left>/);
  lock[Symbol.dispose]();
  await pressed;
  assert.match((await guest.get("/")).text, /Resolved: plan\.txt/);
});

Deno.test("two panels at once: what one has settled, the other does not settle again", async () => {
  using office = await eventful();
  await using one = await serving(office);
  await using two = await serving(office);
  const [a, b] = [await Guest.enter(one), await Guest.enter(two)];
  const { text } = await b.get(CONFLICT);
  const [form] = /<form[^>]*action="\/"[^]*?<\/form>/.exec(text)!;
  await a.press(CONFLICT, "Right");
  await b.post(...formOf(form));
  assert.match(
    (await b.get("/")).text,
    /stop"><p>plan\.txt is not as it was/,
  );
  assert.equal(
    Deno.readTextFileSync(`${office.left}/plan.txt`),
    "one\n2 of Right\nthree\n",
  );
});

Deno.test("names and contents are text, never markup", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  const name = encodeURIComponent(EVIL);
  const pages = [
    "/",
    `/?path=${name}`,
    `/why?path=${name}`,
    "/next",
    `/deleted?q=${name}`,
    "/runs",
  ];
  for (const page of pages) {
    const { text } = await guest.get(page);
    assert.doesNotMatch(text, /<img|<script>|<b>old/, page);
  }
  assert.match((await guest.get(pages[1]!)).text, /<ins>&lt;script&gt;/);
  await guest.press(pages[1]!, "Both");
  assert.match((await guest.get("/")).text, /Resolved: &lt;img/);
});

Deno.test("the real command: in its sandbox, by its threads; the file that leads in is this account's alone, and goes", async () => {
  using office = await eventful(new Office(NOTIFY));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--frozen", "--allow-all"],
      ...[fromFileUrl(import.meta.resolve("../main.ts"))],
      ...["panel", "--no-browser", "--config", office.config],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let said = "";
  for await (const text of lines.values({ preventCancel: true })) {
    said += text;
    if (said.endsWith("html\n")) break;
  }
  const [, entry] = /open this file within a minute: (.*)\n/.exec(said)!;
  assert.equal(Deno.statSync(entry!).mode! & 0o777, 0o600);
  const page = Deno.readTextFileSync(entry!);
  const server = {
    port: Number(/127\.0\.0\.1:(\d+)/.exec(page)![1]),
    code: /name="code" value="(\w+)"/.exec(page)![1]!,
  };
  const guest = await Guest.enter(server);
  // The thread that shows has the root; the one that listens has it not.
  assert.match((await guest.get(CONFLICT)).text, /<ins>2 of Right/);
  await guest.press(CONFLICT, "Left");
  assert.match((await guest.get("/")).text, /Resolved: plan\.txt/);
  assert.throws(() => Deno.statSync(entry!), Deno.errors.NotFound);
  child.kill("SIGINT");
  assert.equal((await child.status).code, 130);
  await child.stdout.cancel().catch(() => {});
});

Deno.test({
  name: "an account that may not read the state DB is told so in one line",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  async fn() {
    using office = await eventful();
    await using server = await serving(office);
    const guest = await Guest.enter(server);
    Deno.chownSync(`${office.folder}/config.db`, 12_345, 23_456);
    Deno.chmodSync(`${office.folder}/config.db`, 0o600);
    using _humble = humble();
    for (const page of ["/", "/clashes", "/runs"]) {
      const { status, text } = await guest.get(page);
      assert.equal(status, 200);
      assert.match(
        text,
        /class="stop"><p>[^<]*config\.db[^<]*this account may not use it/,
      );
    }
  },
});

Deno.test("a root that is away is told on the page", async () => {
  using office = await eventful();
  await using server = await serving(office);
  const guest = await Guest.enter(server);
  Deno.renameSync(office.right, `${office.right}-away`);
  for (const page of [CONFLICT, "/deleted", "/next"]) {
    const { status, text } = await guest.get(page);
    assert.equal(status, 200);
    assert.match(text, /class="(?:said bad|stop)".*<p>right_root .*<p>/s, page);
  }
  Deno.renameSync(`${office.right}-away`, office.right);
});
