/// <reference lib="dom" />
import assert from "node:assert/strict";
import axe from "npm:axe-core@4.14.1";
import type { Page } from "npm:playwright-core@1.65.1";
import { entryPage, type PanelServer } from "../../lib/panel_server.ts";
import { takeLock } from "../../lib/state_db.ts";
import { enter, serving } from "../support/panel.ts";
import { file, MemoryOffice, Office } from "../support/support.ts";
import { Browser, type Opened } from "./support.ts";

Deno.test.beforeAll(Browser.launch);
Deno.test.afterAll(Browser.quit);

const NOTIFY = "conflict_policy: { modify_modify: notify }\n";
const EVIL = "<img src=x onerror=document.title='hacked'>.txt";
const PAGES = ["Clash copies", "Deleted files", "Runs", "Why", "Next run"];

/** An office with three conflicts, a clash copy and a deleted file. */
async function eventful(
  office: Office = new MemoryOffice(NOTIFY),
): Promise<Office> {
  const texts = (text: string, mtime: string) => ({
    "plan.txt": file(text, { mtime }),
    "second.txt": file(text, { mtime }),
    [EVIL]: file(`<script>document.title="hacked"</script>${text}`, { mtime }),
  });
  const old = texts("one\ntwo\n", "2024-01-01");
  office.write({ left: { ...old, "gone.txt": "gone" } });
  await office.agree();
  Deno.removeSync(`${office.left}/gone.txt`);
  const added = (text: string, mtime: string) => ({
    ...texts(text, mtime),
    "new.txt": file(text, { mtime }),
  });
  office.write({
    left: added("one\nof Left\n", "2024-02-01"),
    right: added("one\nof Right\n", "2024-03-01"),
  });
  assert.equal((await office.run()).exitCode, 1);
  return office;
}

/** Lets a browser in by the file, as a person's double click does. */
async function inside(
  browser: Browser,
  server: PanelServer,
  { folder }: Office,
): Promise<Opened> {
  const entry = `${folder}/entry-${server.port}.html`;
  Deno.writeTextFileSync(entry, entryPage(server));
  const opened = await browser.open(entry);
  await heading(opened.page, "Conflicts");
  return opened;
}

async function heading(page: Page, name: string): Promise<void> {
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
}

async function goTo(page: Page, name: string): Promise<void> {
  const bar = page.getByRole("navigation", { name: "Panel", exact: true });
  await bar.getByRole("link", { name, exact: true }).click();
  await heading(page, name);
}

function press(page: Page, name: string): Promise<void> {
  return page.getByRole("button", { name, exact: true }).click();
}

/** What was said after a button. */
async function said(page: Page, words: RegExp): Promise<void> {
  await page.getByRole("status").filter({ hasText: words }).waitFor();
}

Deno.test("each button of the panel does what it says, and says what it did", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  await using server = await serving(office);
  const { page, complaints, requests } = await inside(browser, server, office);
  await page.getByRole("link", { name: "plan.txt" }).click();
  assert.equal(await page.locator("ins").innerText(), "of Right");
  await press(page, "Left");
  await said(page, /^Resolved: plan\.txt.*Left's version.* is the file/);
  await page.getByRole("link", { name: "second.txt" }).click();
  await press(page, "Both");
  await said(
    page,
    /^Resolved: second\.txt.*kept on both sides as second\.clash/,
  );
  // The third has a name and a text that look like HTML.
  await page.getByRole("link", { name: EVIL }).click();
  assert.match(
    await page.locator("ins, del").first().innerText(),
    /^(?:<script>|of)/,
  );
  await press(page, "Right");
  await said(page, /^Resolved: <img/);
  assert.match(await page.title(), /office-sync$/);
  await goTo(page, "Clash copies");
  await page.getByRole("link", { name: /^new\.clash/ }).click();
  await press(page, "File");
  await said(page, /^Settled: new\.clash.*the clash copy goes to soft delete/);
  await page.getByRole("link", { name: /^second\.clash/ }).click();
  await press(page, "Copy");
  await said(page, /^Settled: second\.clash.*becomes the file/);
  await goTo(page, "Deleted files");
  await page.getByLabel("Name contains").fill("gone");
  await press(page, "Search");
  await page.getByRole("button", { name: "Bring back gone.txt" }).click();
  await said(page, /^gone\.txt: brought back to Left and Right/);
  await goTo(page, "Runs");
  await page.locator(".rows a").first().click();
  await page.getByText(/^Run \d{8}-/).waitFor();
  await goTo(page, "Why");
  await page.getByLabel("Path").fill("plan.txt");
  await press(page, "Explain");
  await page.getByText(/Record: .*Left: /s).waitFor();
  await goTo(page, "Next run");
  assert.match(
    await page.locator(".command").innerText(),
    /^deno task sync --config /,
  );
  const { left } = office.trees() as { left: Record<string, unknown> };
  assert.deepEqual(
    ["plan.txt", "second.txt", "new.txt", "gone.txt"].map((it) => left[it]),
    ["one\nof Left\n", "one\nof Left\n", "one\nof Right\n", "gone"],
  );
  await press(page, "Close");
  await page.getByText("The panel is closed").waitFor();
  assert.deepEqual(complaints, []);
  const own = `http://127.0.0.1:${server.port}/`;
  assert.deepEqual(requests.slice(1).filter((it) => !it.startsWith(own)), []);
});

Deno.test("a button waits for a run in the background, and says so meanwhile", async () => {
  await using browser = await Browser.start();
  using office = await eventful(new Office(NOTIFY));
  await using server = await serving(office);
  const { page } = await inside(browser, server, office);
  await page.getByRole("link", { name: "plan.txt" }).click();
  const left = `${office.left}/plan.txt`;
  {
    using _run = takeLock(office.stateDb);
    await press(page, "Right");
    await said(page, /^At work …$/);
    assert.ok(await page.getByRole("button", { name: "Right" }).isDisabled());
    assert.equal(Deno.readTextFileSync(left), "one\nof Left\n");
  }
  await said(page, /^Resolved: plan\.txt/);
  assert.equal(Deno.readTextFileSync(left), "one\nof Right\n");
  // A real one: whoever comes first, the other waits for it, or says so.
  await page.getByRole("link", { name: "second.txt" }).click();
  const run = office.command("sync");
  await press(page, "Left");
  await said(page, /^Resolved: second\.txt/);
  assert.ok([0, 1, 4].includes((await run).code));
});

Deno.test("a conflict that changed meanwhile, a second panel, a run and a share that goes away", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  await using server = await serving(office);
  await using other = await serving(office);
  const { page } = await inside(browser, server, office);
  const { page: second } = await inside(browser, other, office);
  for (const it of [page, second]) {
    await it.getByRole("link", { name: "plan.txt" }).click();
  }
  await press(page, "Right");
  await said(page, /^Resolved: plan/);
  await press(second, "Left");
  await said(
    second,
    /plan\.txt is not as it was when it was listed.*Run sync again/s,
  );
  await page.getByRole("link", { name: "second.txt" }).click();
  office.write({
    left: { "second.txt": file("edited", { mtime: "2024-05-01" }) },
  });
  await office.run();
  await press(page, "Right");
  await said(page, /second\.txt is not as it was/);
  Deno.renameSync(office.right, `${office.right}-away`);
  await page.getByRole("link", { name: "second.txt" }).click();
  await said(page, /right_root.*does not exist/);
  await goTo(page, "Conflicts");
  Deno.renameSync(`${office.right}-away`, office.right);
});

Deno.test("a code that is used, old or wrong lets nobody in, nor does a page from elsewhere", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  await using server = await serving(office);
  await inside(browser, server, office);
  await using late = await serving(office, { codeMs: 1, idleMs: 60_000 });
  await late.entered;
  const { port } = late;
  const wrong = { port, code: "0".repeat(32) } as PanelServer;
  for (const it of [server, late, wrong]) {
    const entry = `${office.folder}/entry.html`;
    Deno.writeTextFileSync(entry, entryPage(it));
    const { page } = await browser.open(entry);
    await page.getByText("was used up, or is older than a minute").waitFor();
  }
  assert.equal((await enter(server, server.code)).status, 403);
  // This browser has a cookie, which it sends to each port of the address.
  const { page } = await browser.open(`${office.folder}/entry.html`);
  await page.goto(`http://127.0.0.1:${late.port}/`);
  await page.getByText("does not belong to the panel that runs now").waitFor();
  // Another port's page must not use it.
  await using evil = Deno.serve({ port: 0, onListen() {} }, () =>
    new Response(
      `<form method="post" action="http://127.0.0.1:${server.port}/close"><button>Win</button></form>`,
      { headers: { "content-type": "text/html" } },
    ));
  await page.goto(`http://127.0.0.1:${evil.addr.port}/`);
  await press(page, "Win");
  await page.getByText("answers to nobody but its own pages").waitFor();
  for (const name of ["localhost", "rebind.example"]) {
    await page.goto(`http://${name}:${server.port}/`);
    await page.getByText("answers to nobody but its own pages").waitFor();
  }
});

// Colors and widths have nothing to do with each other.
for (const [colorScheme, width] of [["light", 360], ["dark", 1400]] as const) {
  Deno.test(`axe has nothing against the panel, ${colorScheme}, ${width} wide, and nothing is wider than that`, async () => {
    const viewport = { width, height: 900 };
    await using browser = await Browser.start({ colorScheme, viewport });
    using office = await eventful();
    Deno.symlinkSync("/nowhere", `${office.left}/link`);
    await office.run();
    await using server = await serving(office);
    const { page } = await inside(browser, server, office);
    const look = async () => {
      // As axe has to be put in, where the page lets in nothing.
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() =>
        (globalThis as unknown as { axe: typeof axe }).axe.run()
      );
      assert.deepEqual(
        violations.map(({ id, nodes }) => [id, nodes.map((it) => it.html)]),
        [],
      );
      const wide = await page.evaluate(() =>
        document.documentElement.scrollWidth
      );
      assert.ok(wide <= width, `${await page.title()}: ${wide}`);
    };
    await look();
    await page.getByRole("link", { name: "plan.txt" }).click();
    await page.getByText("Choose").waitFor();
    await look();
    for (const name of PAGES) {
      await goTo(page, name);
      await look();
    }
    await page.goto(`http://127.0.0.1:${server.port}/why?path=plan.txt`);
    await page.getByText(/Record: /).waitFor();
    await look();
    await goTo(page, "Runs");
    await page.locator(".rows a").last().click();
    await page.getByText(/^Run \d{8}-/).waitFor();
    await look();
    await goTo(page, "Clash copies");
    await page.getByRole("link", { name: /^new\.clash/ }).click();
    await page.getByText("Choose").waitFor();
    await look();
    await press(page, "Both");
    await said(page, /^Settled: /);
    await look();
    await goTo(page, "Conflicts");
    await page.getByRole("link", { name: "plan.txt" }).click();
    office.write({ left: { "plan.txt": "edited" } });
    await press(page, "Left");
    await said(page, /is not as it was/);
    await look();
    await press(page, "Close");
    await page.getByText("The panel is closed").waitFor();
    await look();
  });
}

Deno.test("the panel needs no mouse", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  await using server = await serving(office);
  const { page } = await inside(browser, server, office);
  const tabTo = async (words: string): Promise<void> => {
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press("Tab");
      const name = await page.evaluate(() => {
        const it = document.activeElement!;
        return it.ariaLabel ?? (it.closest("label") ?? it).textContent.trim();
      });
      if (name === words) return;
    }
    assert.fail(words);
  };
  const enter = async (words: string): Promise<void> => {
    await tabTo(words);
    await page.keyboard.press("Enter");
  };
  await enter("plan.txt");
  await page.getByText("Choose").waitFor();
  await enter("Right");
  await said(page, /^Resolved: plan\.txt/);
  await enter("Clash copies");
  await heading(page, "Clash copies");
  await enter("new.clash-20240201-000000-left.txt");
  await page.getByText("Choose").waitFor();
  await enter("File");
  await said(page, /^Settled: new\.clash/);
  await enter("Deleted files");
  await heading(page, "Deleted files");
  await tabTo("Name contains");
  await page.keyboard.type("gone");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=gone/);
  await enter("Bring back gone.txt");
  await said(page, /^gone\.txt: brought back/);
  await enter("Close");
  await page.getByText("The panel is closed").waitFor();
});

/** Pages with much on them, and where a row of it stands. */
const LONG = [
  ["Conflicts", ".rows li"],
  ["Deleted files", ".rows li"],
  ["Runs", ".rows li"],
  // All files of a folder changed: a guard stops it.
  ["Next run", ".stop"],
] as const;

Deno.test("10,000 deleted files and conflicts: the first rows come at once, the others page by page", async () => {
  await using browser = await Browser.start();
  using office = new MemoryOffice(NOTIFY);
  const names = Array.from({ length: 10_000 }, (_, n) => `${n}.txt`);
  const all = (text: string, of = names) =>
    Object.fromEntries(of.map((it) => [it, text]));
  office.write({ left: { gone: all("x"), open: all("x") } });
  await office.agree();
  Deno.removeSync(`${office.left}/gone`, { recursive: true });
  office.write({ left: { open: all("left") }, right: { open: all("right") } });
  const allowed = { deletes: true, changes: true };
  assert.equal((await office.run({ allowed })).exitCode, 1);
  await using server = await serving(office);
  const { page } = await inside(browser, server, office);
  const told: string[] = [];
  for (const [name, row] of LONG) {
    const bar = page.getByRole("navigation", { name: "Panel", exact: true });
    const began = performance.now();
    await bar.getByRole("link", { name, exact: true }).click();
    await heading(page, name);
    await page.locator(row).first().waitFor();
    const ms = performance.now() - began;
    const bytes = await page.evaluate(() =>
      ["navigation", "resource"].flatMap((it) =>
        performance.getEntriesByType(it) as PerformanceResourceTiming[]
      ).reduce((sum, it) => sum + it.encodedBodySize, 0)
    );
    told.push(`${name}: ${Math.round(bytes / 1000)} KB, ${Math.round(ms)} ms`);
    assert.ok(ms < 10_000, told.at(-1));
    assert.ok(bytes > 10_000 && bytes < 4_000_000, told.at(-1));
  }
  const text = `What is loaded, until the first row: ${told.join("; ")}\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
  await goTo(page, "Deleted files");
  await page.getByText("1 to 100 of 10,000").waitFor();
  await page.getByRole("link", { name: "Next", exact: true }).click();
  await page.getByText("101 to 200 of 10,000").waitFor();
  await page.getByLabel("Name contains").fill("9999");
  await press(page, "Search");
  await page.getByRole("button", { name: "Bring back gone/9999.txt" })
    .waitFor();
});
