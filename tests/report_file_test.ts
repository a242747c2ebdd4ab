import assert from "node:assert/strict";
import { writeReport } from "../lib/report_html.ts";
import { resultOf } from "./support/fake_result.ts";
import { file, Office } from "./support/support.ts";

const PAGE = /^<!DOCTYPE html>[^]*<\/html>\n$/;

Deno.test("--report writes a page of a plan and of a run, where the command was started", async () => {
  using office = new Office().write({ left: { "a.txt": "a" } });
  for (const [command, title] of [["plan", "Plan"], ["sync", "Run"]]) {
    const told = await office.command(command!, "--report", "page.html");
    assert.deepEqual([told.code, told.stderr], [0, ""]);
    const page = Deno.readTextFileSync(`${office.folder}/page.html`);
    assert.match(page, PAGE);
    assert.match(page, new RegExp(`<title>office-sync: ${title} of `));
    assert.match(page, /a\.txt/);
  }
  const names = [...Deno.readDirSync(office.folder)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.includes("page")), [
    "page.html",
  ]);
});

Deno.test("--report replaces a longer page", async () => {
  using office = new Office();
  const page = `${office.folder}/page.htm`;
  Deno.writeTextFileSync(page, "x".repeat(100_000));
  assert.equal((await office.command("--report", "page.htm")).code, 0);
  assert.match(Deno.readTextFileSync(page), PAGE);
});

Deno.test("--report shows a run that a guard stopped: what it saw and what to do", async () => {
  using office = new Office();
  Deno.removeSync(office.right);
  const { code } = await office.command("--report", "page.html");
  assert.equal(code, 3);
  const page = Deno.readTextFileSync(`${office.folder}/page.html`);
  assert.match(page, /Stopped by the guard “roots”[^]*does not exist/);
  assert.match(page, /What to do:<\/strong> Make sure/);
});

Deno.test("a report that can't be written is told, and fails no sync", async () => {
  using office = new Office().write({ left: { "a.txt": "a" } });
  const args = ["--report", "nowhere/page.html"];
  const { code, stdout, stderr } = await office.command(...args);
  const line = 'The report "nowhere/page.html" could not be written: ' +
    "its folder does not exist.";
  assert.deepEqual([code, stderr], [1, `${line}\n`]);
  assert.match(stdout, /Both sides agree\. 1 action done/);
  assert.deepEqual(office.trees().right, { "a.txt": "a" });
  assert.ok(Deno.readTextFileSync(office.log).includes("could not be written"));
  const document = await office.json(...args);
  assert.equal(document.run.exitCode, 1);
});

Deno.test("a report that can't be written changes no other exit code", async () => {
  using office = new Office();
  Deno.removeSync(office.right);
  const { code } = await office.command("--report", "nowhere/page.html");
  assert.equal(code, 3);
});

Deno.test("a page that the disk has no room for is told", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const roots = { left: "/left", right: "/right" };
  const options = { roots, listsUnchanged: false };
  const told = writeReport("/dev/full", resultOf({}), options);
  assert.match(
    told ?? "",
    /^The report "\/dev\/full" could not be written: the disk is full.*ENOSPC/,
  );
});

Deno.test("a page that leads to a device is told, without words of Deno's", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  using office = new Office();
  Deno.symlinkSync("/dev/full", `${office.folder}/page.html`);
  const { code, stderr } = await office.command("--report", "page.html");
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^The report "page\.html" could not be written: the san/,
  );
  assert.doesNotMatch(stderr, /Requires |--allow-/);
});

for (
  const [name, complaint] of [
    ["left/page.html", "lies in left_root"],
    ["right/sub/../page.html", "lies in right_root"],
    ["page.txt", "a name that ends in .html"],
    ["config.yaml", "a name that ends in .html"],
  ] as const
) {
  Deno.test(`--report refuses ${name} before anything is done`, async () => {
    using office = new Office().write({ left: { "a.txt": file("a") } });
    const config = Deno.readTextFileSync(office.config);
    const { code, stderr } = await office.command("--report", name);
    assert.equal(code, 2);
    assert.ok(stderr.includes(complaint), stderr);
    assert.deepEqual(office.trees(), { left: { "a.txt": "a" }, right: {} });
    assert.equal(Deno.readTextFileSync(office.config), config);
  });
}
