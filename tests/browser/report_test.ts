/// <reference lib="dom" />
import assert from "node:assert/strict";
import axe from "npm:axe-core@4.14.1";
import type { Page } from "npm:playwright-core@1.65.1";
import { file, MemoryOffice, type Office } from "../support/support.ts";
import { Browser, type Opened } from "./support.ts";

Deno.test.beforeAll(Browser.launch);
Deno.test.afterAll(Browser.quit);

const EVIL = "<img src=x onerror=document.title='hacked'>.txt";

/** An office with an open and a resolved conflict, and some of all else. */
async function eventful(): Promise<Office> {
  const office = new MemoryOffice("conflict_policy: { new_new: notify }\n");
  const old = { mtime: "2026-01-05T08:00:00Z" };
  office.write({
    left: {
      Offers: { "Baker.docx": file("Baker", old) },
      "Budget.xlsx": file("1000", old),
      "Old.txt": file("old", old),
    },
  });
  await office.agree();
  Deno.removeSync(`${office.right}/Old.txt`);
  office.write({
    left: {
      [EVIL]: "evil",
      "two\nlines.txt": "line",
      "Budget.xlsx": file("1200", { mtime: "2026-02-05T08:00:00Z" }),
      "To do.txt": "Miller",
      Offers: { "Cooper.docx": file("Cooper", old) },
    },
    right: {
      "Budget.xlsx": file("1500!", { mtime: "2026-02-05T09:00:00Z" }),
      "To do.txt": "Paper",
      Minutes: { "11.txt": "November" },
    },
  });
  return office;
}

/** Runs a command and opens the page that it writes. */
async function reported(
  browser: Browser,
  office: Office,
  ...args: string[]
): Promise<Opened> {
  const file = `${office.folder}/page.html`;
  const { stderr } = await office.commandHere(...args, "--report", file);
  assert.equal(stderr, "");
  return await browser.open(file);
}

/** The rows that can be seen: their action and what Left and Right had. */
async function rows(page: Page): Promise<string[]> {
  const seen = await page.locator("tr[data-kind]:visible").evaluateAll((all) =>
    all.map((row) =>
      ["td:nth-child(2)", "td bdi"].map((it) =>
        row.querySelector(it)?.textContent
      ).join(": ")
    )
  );
  return seen.map((row) => row.replace(/^\S+(?: [✕+~→])? /, ""));
}

/** Ticks and unticks until only these kinds are shown. */
async function only(page: Page, ...words: string[]): Promise<void> {
  await page.getByRole("button", { name: "Show none" }).click();
  for (const word of words) await page.getByLabel(word).check();
}

function status(page: Page): Promise<string> {
  return page.getByRole("status").innerText();
}

Deno.test("the page of a run shows conflicts first, then what was done by folder, and loads nothing", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  const { page, complaints, requests } = await reported(browser, office);
  assert.deepEqual(await page.locator("h2").allTextContents(), [
    "Open conflicts, for a person to resolve 1",
    "Conflicts resolved 1",
    "What was done 8",
  ]);
  assert.deepEqual(await rows(page), [
    "open conflict: To do.txt",
    "Right wins: Budget.xlsx",
    `copied to Right: ${EVIL}`,
    "kept as clash copy: Budget.xlsx",
    "copied to Left: Budget.xlsx",
    "folder created on Left: Minutes/",
    "soft-deleted on Left: Old.txt",
    "copied to Right: two\\nlines.txt",
    "copied to Left: 11.txt",
    "copied to Right: Cooper.docx",
  ]);
  assert.deepEqual(complaints, []);
  assert.deepEqual(requests, [`file://${office.folder}/page.html`]);
});

Deno.test("names that look like HTML stay text, and run nothing", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  const { page } = await reported(browser, office, "plan");
  assert.equal(await page.locator("img").count(), 0);
  assert.match(await page.title(), /^office-sync: Plan of /);
  assert.equal(await page.getByText(EVIL).count(), 1);
});

Deno.test("the policy of the page keeps out what is not its own", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  const { page, complaints } = await reported(browser, office, "plan");
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'hacked'";
    document.body.append(script);
    const image = document.createElement("img");
    image.src = "file:///etc/hostname";
    document.body.append(image);
  });
  assert.match(await page.title(), /^office-sync: Plan of /);
  assert.equal(complaints.length, 2, complaints.join("\n"));
  for (const line of complaints) assert.match(line, /Content Security Policy/);
});

Deno.test("filters by action show those rows only, and hide empty groups", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  const { page, complaints } = await reported(browser, office);
  assert.equal(await status(page), "10 of 10 shown");
  await only(page, "soft-deleted on Left");
  assert.deepEqual(await rows(page), ["soft-deleted on Left: Old.txt"]);
  assert.equal(await status(page), "1 of 10 shown");
  const open = await page.locator("h2:visible, summary:visible")
    .allInnerTexts();
  assert.deepEqual(open, ["What was done 8", "(the root folder) 6"]);
  await page.getByRole("button", { name: "Show all" }).click();
  assert.equal((await rows(page)).length, 10);
  await page.getByLabel("Name contains").fill("OFFERS/coop");
  await page.getByText("1 of 10 shown").waitFor();
  assert.deepEqual(await rows(page), ["copied to Right: Cooper.docx"]);
  assert.deepEqual(complaints, []);
});

Deno.test("the keyboard reaches the filters, and sees where it is", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  const { page } = await reported(browser, office);
  const reached: string[] = [];
  for (let tab = 0; tab < 14; tab++) {
    await page.keyboard.press("Tab");
    const focused = page.locator(":focus");
    reached.push(await focused.evaluate((it) => it.tagName));
    const width = await focused.evaluate((it) =>
      getComputedStyle(it).outlineWidth
    );
    assert.equal(width, "3px");
  }
  const [boxes, rest] = [reached.slice(0, 6), reached.slice(6)];
  assert.deepEqual(new Set(boxes), new Set(["INPUT"]));
  assert.deepEqual(rest.slice(0, 5), [
    "INPUT",
    "BUTTON",
    "BUTTON",
    "BUTTON",
    "BUTTON",
  ]);
  assert.deepEqual(rest.slice(5, 8), ["SUMMARY", "SUMMARY", "SUMMARY"]);
  await page.getByLabel("in conflict").focus();
  await page.keyboard.press("Space");
  assert.equal(await status(page), "8 of 10 shown");
});

Deno.test("without script there is all to read, and no filter that does nothing", async () => {
  await using browser = await Browser.start({ javaScriptEnabled: false });
  using office = await eventful();
  const { page } = await reported(browser, office);
  assert.equal(await page.locator("tr[data-kind]:visible").count(), 10);
  assert.equal(await page.getByRole("checkbox", { disabled: true }).count(), 6);
  assert.equal(await page.getByRole("button").count(), 0);
});

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test(`a screen reader and weak eyes find nothing missing, ${colorScheme}`, async () => {
    await using browser = await Browser.start({ bypassCSP: true });
    using office = await eventful();
    const { page } = await reported(browser, office);
    await page.emulateMedia({ colorScheme });
    const paper = await page.locator("body").evaluate((it) =>
      getComputedStyle(it).backgroundColor
    );
    const expected = { light: "rgb(255, 255, 255)", dark: "rgb(22, 24, 27)" };
    assert.equal(paper, expected[colorScheme]);
    await page.evaluate(axe.source);
    const { violations, passes } = await page.evaluate(() =>
      // deno-lint-ignore no-explicit-any
      (globalThis as any).axe.run()
    );
    const told = violations.map(({ id, nodes }: axe.Result) =>
      `${id}: ${nodes.map(({ html }) => html).join(" ")}`
    );
    assert.deepEqual(told, []);
    assert.ok(passes.length > 20, `${passes.length} checks`);
  });
}

Deno.test("the browser itself tells a screen reader of tables with named columns", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  const { page } = await reported(browser, office);
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const named = (role: string) =>
    nodes.filter((node) => node.role?.value === role && !node.ignored)
      .map((node) => String(node.name?.value ?? ""));
  assert.deepEqual(named("table"), [
    "Open conflicts, for a person to resolve",
    "Conflicts resolved",
    "(the root folder)",
    "Minutes",
    "Offers",
  ]);
  assert.deepEqual(named("columnheader").slice(0, 4), [
    "Left",
    "Action",
    "Right",
    "Why",
  ]);
  assert.equal(named("cell").length, 4 * 10);
});

Deno.test("on paper closed folders are open, and there are no controls", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  const { page } = await reported(browser, office);
  await page.getByRole("button", { name: "Close folders" }).click();
  assert.equal(await page.getByText("Cooper.docx").isVisible(), false);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await page.getByText("Cooper.docx").isVisible(), true);
  assert.equal(await page.locator("input:visible, button:visible").count(), 0);
  const paper = await page.locator("body").evaluate((it) =>
    getComputedStyle(it).backgroundColor
  );
  assert.equal(paper, "rgb(255, 255, 255)");
  const pdf = await page.pdf();
  assert.equal(new TextDecoder().decode(pdf.subarray(0, 5)), "%PDF-");
});

Deno.test("a guard that stopped a run has a page too: what it saw and what to do", async () => {
  await using browser = await Browser.start();
  using office = await eventful();
  Deno.renameSync(office.right, `${office.folder}/away`);
  const file = `${office.folder}/page.html`;
  const args = ["--quiet", "--report", file];
  assert.equal((await office.commandHere(...args)).code, 3);
  const { page, complaints } = await browser.open(file);
  const stop = page.getByRole("region", {
    name: "Stopped by the guard “roots”",
  });
  assert.match(await stop.innerText(), /does not exist.*\n+What to do: Make /);
  assert.deepEqual(complaints, []);
});
