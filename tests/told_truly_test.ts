/**
 * What is said of a conflict is true, wherever it is said: "newer" only of a
 * version that is, "changed" only of what was.
 */
import assert from "node:assert/strict";
import { MailOffice } from "./support/mail_server.ts";
import { file, type Tree } from "./support/support.ts";

const OLD = Date.UTC(2026, 0, 5, 9, 0, 0);
const HOUR = 60 * 60 * 1000;

interface Told {
  readonly before?: { readonly left: Tree; readonly right: Tree };
  /** What happens after the first run. */
  readonly edit: (left: string, right: string) => void;
  readonly settings?: string;
  readonly path: string;
  readonly says: RegExp;
  readonly never: RegExp;
}

const NEWER = /\b(newer|older|later time)\b/;

/** Rewrites a file, with an mtime of ms since 1970. */
function rewrite(path: string, content: string, mtimeMs: number): void {
  Deno.writeTextFileSync(path, content);
  Deno.utimeSync(path, mtimeMs / 1000, mtimeMs / 1000);
}

function versions(left: number, right: number): Told["edit"] {
  return (leftRoot, rightRoot) => {
    rewrite(`${leftRoot}/a.txt`, "left's", left);
    rewrite(`${rightRoot}/a.txt`, "right's", right);
  };
}

const TOLD: Readonly<Record<string, Told>> = {
  "a tie": {
    edit: versions(OLD, OLD),
    path: "a.txt",
    says: /changed on both sides; both have the same time, so Left wins/,
    never: NEWER,
  },
  "a tie that overwrites": {
    edit: versions(OLD, OLD),
    settings: "conflict_policy: {modify_modify: overwrite}\n",
    path: "a.txt",
    says: /so Left wins; the other version goes to soft delete/,
    never: NEWER,
  },
  "a side that always wins": {
    edit: versions(OLD, OLD + HOUR),
    settings: "conflict_policy: {modify_modify: left}\n",
    path: "a.txt",
    says: /Left always wins here; the other version goes to soft delete/,
    never: NEWER,
  },
  "a time before 1980": {
    edit: versions(Date.UTC(1970, 0, 2), OLD),
    path: "a.txt",
    says: /the time on Left can't be right, so Right wins/,
    never: NEWER,
  },
  "a time of the next century": {
    edit: versions(OLD, Date.UTC(2106, 0, 1)),
    settings: "conflict_policy: {modify_modify: overwrite}\n",
    path: "a.txt",
    says: /the time on Right can't be right, so Left wins; the other version/,
    never: NEWER,
  },
  "two times that can't be right": {
    edit: versions(Date.UTC(1970, 0, 2), Date.UTC(2106, 0, 1)),
    path: "a.txt",
    says: /neither time can be right; Right has the later one and wins/,
    never: /\b(newer|older)\b/,
  },
  "two names of one file": {
    edit: (left, right) => {
      Deno.renameSync(`${left}/a.txt`, `${left}/b.txt`);
      Deno.renameSync(`${right}/a.txt`, `${right}/c.txt`);
    },
    path: "b.txt",
    says: /name or properties changed on both sides; both have the same time/,
    never: NEWER,
  },
  "a newer version": {
    edit: versions(OLD, OLD + HOUR),
    path: "a.txt",
    says: /changed on both sides; Right is newer/,
    never: /same time|can't be right/,
  },
  "a new file against a folder that holds what is ignored": {
    before: {
      left: { plan: { "x.txt": file("x", { mtime: OLD }) } },
      right: {},
    },
    edit: (left, right) => {
      Deno.removeSync(`${left}/plan`, { recursive: true });
      rewrite(`${left}/plan`, "now a file", OLD);
      rewrite(`${right}/plan/keep.bak`, "ignored", OLD);
    },
    settings: "ignore: {extensions: [bak]}\n",
    path: "plan",
    says:
      /a file on Left, a folder on Right; (?:the|Right's) folder keeps the name/,
    never: /\b(newer|older)\b|(changed|new) on both sides|changed the same/,
  },
};

for (const [what, told] of Object.entries(TOLD)) {
  Deno.test(`what is said of ${what} is true in plan, log, mail, page and document`, async () => {
    await using place = await MailOffice.start(told.settings ?? "");
    const { office, server } = place;
    office.write(
      told.before ??
        { left: { "a.txt": file("base", { mtime: OLD - HOUR }) } },
    );
    await office.agree();
    told.edit(office.left, office.right);
    const page = `${office.folder}/page.html`;
    const plan = await office.commandHere("plan", "--verbose");
    const { stdout } = await place.commandHere("--json", "--report", page);
    const [mail] = server.take();
    const document = JSON.parse(stdout);
    const reasons: string[] = document.actions.map((
      { reason }: { reason: string },
    ) => reason);
    assert.match(plan.stdout, told.says);
    assert.ok(reasons.some((it) => told.says.test(it)), stdout);
    const log = Deno.readTextFileSync(office.log);
    assert.match(log, told.says);
    const shown = Deno.readTextFileSync(page).replaceAll("&#39;", "'")
      .replace(/<(style|script)[\s\S]*?<\/\1>/g, "");
    for (
      const text of [plan.stdout, stdout, log, mail?.text ?? "newer", shown]
    ) {
      assert.doesNotMatch(text, told.never);
    }
  });
}

Deno.test("a mail says what kinds of conflicts it tells of", async () => {
  await using place = await MailOffice.start(
    "conflict_policy: {modify_modify: notify, new_new: notify}\n",
  );
  const { office, server } = place;
  office.write({ left: { "a.txt": file("base", { mtime: OLD - HOUR }) } });
  await office.agree();
  versions(OLD, OLD + HOUR)(office.left, office.right);
  rewrite(`${office.left}/n`, "file", OLD);
  Deno.mkdirSync(`${office.right}/n`);
  rewrite(`${office.right}/n/x`, "in the folder", OLD);
  const { code } = await place.commandHere();
  assert.equal(code, 1);
  const text = server.take()[0]?.text ?? "";
  assert.match(text, /both changed the same files since they last agreed/);
  assert.match(text, /have a file and a folder of the same name/);
  assert.match(text, /\(a file on Left, a folder on Right\)/);
  // What would be refused is not proposed.
  assert.match(text, /resolve n right/);
  assert.match(text, /resolve n both/);
  assert.doesNotMatch(text, /resolve n left/);
});
