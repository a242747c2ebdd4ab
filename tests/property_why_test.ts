/**
 * Random edits: whatever a plan does with a path, `why` says just that.
 * `OFFICE_SYNC_RUNS`, `OFFICE_SYNC_SEED` and `OFFICE_SYNC_PATH` run it longer,
 * or again.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import { ignoreSettings } from "../lib/config_ignore.ts";
import { loadConfig } from "../lib/config_loader.ts";
import { isOwnName } from "../lib/names.ts";
import { isWithin } from "../lib/paths.ts";
import { explain } from "../lib/plan_explain.ts";
import { waitingWords } from "../lib/plan_open.ts";
import { type Cell, RECORDED, UNRECORDED } from "../lib/plan_rules.ts";
import type { Action } from "../lib/plan_types.ts";
import { filesHere } from "../lib/files_handlers.ts";
import { newRunId, runSync } from "../lib/run.ts";
import { type Decided, isTold, type RunResult } from "../lib/run_types.ts";
import {
  assertCases,
  configLines,
  Editor,
  edits,
  HIDING_KINDS,
  isIgnored,
  KINDS,
  type Scenario,
  scenarios,
  snapshot,
} from "./support/random_cases.ts";
import { ALLOWED } from "./support/random_runs.ts";
import { MemoryOffice, type Office, write } from "./support/support.ts";

/** The decision that `why` looks into. */
async function decidedOf(office: Office): Promise<Decided> {
  const seen: Decided[] = [];
  const config = await loadConfig(office.config);
  await runSync(newRunId(Date.now()), config, {
    files: filesHere(config.roots),
    isDryRun: true,
    acceptRoots: false,
    listUnchanged: true,
    ...ALLOWED,
  }, {
    onOutcome() {},
    onProblem() {},
    onWarning() {},
    onDecided: (decided) => seen.push(decided),
  });
  return seen[0]!;
}

/** Without what only the whole plan knows. */
function plain(actions: readonly Action[]): string[] {
  // What is merely recorded may be recorded by the folder, and is no action.
  return actions.filter(({ name, reason }) =>
    reason !== "nothing changed" &&
    !(name === "NOOP" && reason === "same content")
  )
    .map(({ name, path, newPath, rule, side, reason }) =>
      JSON.stringify([name, path, newPath, rule, side, reason])
    ).sort();
}

async function assertWhyIsPlan(office: Office): Promise<void> {
  const planned = await office.run({ isDryRun: true, ...ALLOWED });
  const actions = planned.outcomes.map(({ action }) => action);
  const decided = await decidedOf(office);
  const { pairs, plan, merged, settings } = decided;
  const { folders } = merged;
  const { folding } = settings;
  const { ignore: said } = await loadConfig(office.config);
  const ignore = await ignoreSettings(said, folding.ignoresCase);
  const basis = { plan, pairs, folders, folding, ignore };
  const paths = new Set([
    ...actions.flatMap(({ path, newPath }) => newPath ? [path, newPath] : path),
    ...[office.left, office.right].flatMap((root) => {
      const { files, folders } = snapshot(root);
      return [...files.keys(), ...folders];
    }),
  ]);
  for (const path of paths) {
    const why = explain(path, basis);
    const mine = actions.filter((it) =>
      it.path === path || it.newPath === path
    );
    const told = plain(why.actions);
    for (const line of plain(mine)) {
      assert.ok(told.includes(line), `${path}: ${line} is not told: ${told}`);
    }
    for (const line of told) {
      assert.ok(plain(actions).includes(line), `${path}: ${line} is made up`);
    }
    assertRule(path, why);
  }
  for (const path of onOneSide(office)) {
    const { actions, problem } = explain(path, basis);
    const isTold = problem !== null ||
      actions.some(({ name, conflict }) =>
        name !== "NOOP" || conflict !== null
      );
    assert.ok(isTold, `${path}: stands on one side, and nobody says why`);
  }
}

/**
 * A run that ends with 0 names all that stands on one side only, but for what
 * is ignored.
 */
function assertNamed(office: Office, result: RunResult): void {
  if (result.exitCode !== 0) return;
  const told = result.problems.filter(isTold).map(({ path }) => path);
  const waiting = result.waiting.flatMap(({ path, as, others }) =>
    [path, as, ...others].filter((it) => it !== null)
  );
  // What is in a folder that got another name goes along, and was told before.
  const moves = result.outcomes.flatMap(({ kind, action: { path, newPath } }) =>
    kind === "done" && newPath !== null ? [{ from: path, to: newPath }] : []
  );
  for (const now of onOneSide(office)) {
    const names = moves.filter(({ to }) => isWithin(now, to))
      .map(({ from, to }) => from + now.slice(to.length));
    const isNamed = [now, ...names].some((path) =>
      isIgnored(path) || path.split("/").some(isOwnName) ||
      told.some((it) => isWithin(path, it)) ||
      waiting.some((it) => isWithin(it, path) || isWithin(path, it))
    );
    assert.ok(isNamed, `${now}: on one side, and not named`);
  }
}

/** Whatever stands on one side only, of any kind, at any depth. */
function onOneSide(office: Office): string[] {
  const [left, right] = [office.left, office.right].map(everything);
  return [...left!].filter((it) => !right!.has(it))
    .concat([...right!].filter((it) => !left!.has(it)));
}

function everything(root: string): Set<string> {
  const found = new Set<string>();
  const walk = (folder: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(`${root}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (path === ".office-sync") continue;
      found.add(path);
      if (isDirectory) walk(path);
    }
  };
  walk("");
  return found;
}

/** The rule is the plan's, and that of the cell in the tables. */
function assertRule(path: string, why: ReturnType<typeof explain>): void {
  const rules = why.actions.map(({ rule }) => rule);
  if (rules.some((rule) => rule !== null)) {
    assert.ok(rules.includes(why.rule), `${path}: ${why.rule} of ${rules}`);
  } else assert.equal(why.rule, null, path);
  if (why.change === null) return;
  const { left, right } = why.change;
  const table: Readonly<Record<string, Readonly<Record<string, Cell>>>> =
    why.isRecorded ? RECORDED : UNRECORDED;
  const cell = table[left]![right]!;
  if (!("rule" in cell)) return;
  const isNamed = ["5.11", "5.12", "5.13", null].includes(why.rule);
  const isClaimed = why.actions.some(({ name }) => name === "CLASH_CREATE");
  // A file against a folder: a conflict, which the tables of files can't tell.
  const isAgainstFolder = why.folder !== null &&
    ["5.1", "5.2"].includes(why.rule ?? "");
  assert.ok(
    isNamed || isClaimed || isAgainstFolder || why.rule === cell.rule,
    `${path}: ${why.rule}, but the table says ${cell.rule}`,
  );
}

async function play({ settings, rounds }: Scenario): Promise<void> {
  using office = new MemoryOffice(configLines(settings));
  const editor = new Editor(office, settings);
  for (const edits of rounds) {
    edits.forEach((edit) => editor.apply(edit));
    await assertWhyIsPlan(office);
    assertNamed(office, await office.run(ALLOWED));
    await assertWhyIsPlan(office);
  }
}

Deno.test("why: rule and actions are those of the plan, whatever is edited", async () => {
  const hiding = fc.array(edits([...KINDS, ...HIDING_KINDS]), {
    maxLength: 10,
  });
  const scenario = fc.tuple(
    scenarios({ isMirrored: false, leavesOpen: true }),
    hiding,
  ).map(([it, last]) => ({ ...it, rounds: [...it.rounds, last] }));
  await assertCases(scenario, play);
});

/** What is done to a side that agrees with the other, by what it leaves. */
const LEAVING: Readonly<Record<string, (root: string) => void>> = {
  "a file that got an ignored name": (root) => {
    Deno.renameSync(`${root}/d/a.txt`, `${root}/d/~$a.txt`);
  },
  "a file that got an ignored name elsewhere": (root) => {
    Deno.renameSync(`${root}/d/a.txt`, `${root}/~$a.txt`);
  },
  "a folder that got an ignored name": (root) => {
    Deno.renameSync(`${root}/d`, `${root}/~$d`);
  },
  "a new folder below an ignored one": (root) => {
    write(root, { "~$trash": { in: { "x.txt": "x" } } });
  },
  "a folder, and its parents, kept for an ignored file": (root) => {
    write(root, { d: { in: { "~$x": "x" } } });
  },
  "new folders that hold ignored files only": (root) => {
    write(root, { n: { in: { "~$x": "x" }, too: { "~$y": "y" } } });
  },
  "a copy of a root": (root) => {
    write(root, { copy: { ".office-sync": { deleted: { "a.txt": "a" } } } });
  },
  "a temporary file of another PC": (root) => {
    write(root, { n: { ".office-sync-tmp-others-1-1": "half" } });
  },
  "a folder in the middle of a rename": (root) => {
    write(root, { n: { ".office-sync-mv-12345678": { "a.txt": "a" } } });
  },
  "a link, in a new folder too": (root) => {
    write(root, { n: {} });
    Deno.symlinkSync("nowhere", `${root}/link`);
    Deno.symlinkSync("nowhere", `${root}/n/link`);
  },
  "a file that became a link": (root) => {
    Deno.renameSync(`${root}/d/a.txt`, `${root}/elsewhere.txt`);
    Deno.symlinkSync("../elsewhere.txt", `${root}/d/a.txt`);
  },
  "a folder that became a link": (root) => {
    Deno.renameSync(`${root}/d`, `${root}/e`);
    Deno.symlinkSync("e", `${root}/d`);
  },
  "a pipe": (root) => {
    new Deno.Command("mkfifo", { args: [`${root}/pipe`] }).outputSync();
  },
};

for (const [what, leave] of Object.entries(LEAVING)) {
  for (const side of ["left", "right"] as const) {
    for (const isRemoved of [false, true]) {
      const how = isRemoved ? ", whose folder is removed there" : "";
      Deno.test(`why: has a reason for ${what} on ${side}${how}`, async () => {
        using office = new MemoryOffice("ignore: {filenames_prefix: ['~$']}\n");
        write(office.left, { "k.txt": "k", d: { "a.txt": "a", in: {} } });
        await office.agree();
        leave(office[side]);
        if (isRemoved) {
          const other = side === "left" ? office.right : office.left;
          Deno.removeSync(`${other}/d`, { recursive: true });
        }
        for (let round = 0; round < 2; round++) {
          await assertWhyIsPlan(office);
          assertNamed(office, await office.run(ALLOWED));
        }
      });
    }
  }
}

for (const isOpen of [false, true]) {
  const what = isOpen ? "open" : "being saved";
  Deno.test(`why: what is ${what} waits under the name that the other side gave it, too`, async () => {
    using office = new MemoryOffice("ignore: {filenames_prefix: ['~$']}\n");
    write(office.left, { "b.docx": "b" });
    await office.agree();
    Deno.renameSync(`${office.left}/b.docx`, `${office.left}/a.docx`);
    const owner = `${office.right}/~$b.docx`;
    if (isOpen) Deno.writeTextFileSync(owner, "");
    else Deno.renameSync(`${office.right}/b.docx`, owner);
    for (let round = 0; round < 2; round++) {
      await assertWhyIsPlan(office);
      const result = await office.run(ALLOWED);
      assert.equal(result.exitCode, 0);
      assertNamed(office, result);
      assert.match(
        result.waiting.map(waitingWords).join(),
        /; waiting with it: a\.docx$/,
      );
    }
  });
}

Deno.test("why: what is being saved waits with all that the other side has in a folder of its name", async () => {
  using office = new MemoryOffice("ignore: {filenames_prefix: ['~$']}\n");
  write(office.left, { a: "a", b: "b" });
  await office.agree();
  Deno.removeSync(`${office.left}/a`);
  write(office.left, { a: { in: "in" } });
  Deno.renameSync(`${office.left}/b`, `${office.left}/a/b`);
  Deno.renameSync(`${office.right}/a`, `${office.right}/~$a`);
  for (let round = 0; round < 2; round++) {
    await assertWhyIsPlan(office);
    const result = await office.run(ALLOWED);
    assert.deepEqual(
      result.waiting.map(({ path, others }) => [path, others]),
      [["a", ["b"]]],
    );
    assertNamed(office, result);
  }
});

Deno.test("why: a folder with two new names, and what is in it, is told by either name", async () => {
  using office = new MemoryOffice(
    "conflict_policy: {metadata_conflict: notify}\n",
  );
  write(office.left, { a: { in: "in", d: { deeper: "deeper" } } });
  await office.agree();
  Deno.renameSync(`${office.left}/a`, `${office.left}/b`);
  Deno.renameSync(`${office.right}/a`, `${office.right}/A`);
  for (let round = 0; round < 2; round++) {
    await assertWhyIsPlan(office);
    assert.equal((await office.run(ALLOWED)).exitCode, 1);
  }
});

Deno.test("why: a folder that only one side has is told though a file of its name is gone", async () => {
  using office = new MemoryOffice("ignore: {filenames_prefix: ['~$']}\n");
  write(office.left, { a: "a" });
  await office.agree();
  for (const root of [office.left, office.right]) Deno.removeSync(`${root}/a`);
  write(office.left, { a: { "~$x": "x" } });
  for (let round = 0; round < 2; round++) {
    await assertWhyIsPlan(office);
    assertNamed(office, await office.run(ALLOWED));
  }
});

Deno.test("why: a link that goes along in a folder that got another name is named", async () => {
  using office = new MemoryOffice();
  write(office.left, { a: {} });
  await office.agree();
  Deno.symlinkSync("nowhere", `${office.left}/a/link`);
  Deno.renameSync(`${office.right}/a`, `${office.right}/A`);
  for (let round = 0; round < 2; round++) {
    await assertWhyIsPlan(office);
    assertNamed(office, await office.run(ALLOWED));
  }
  assert.ok(Deno.lstatSync(`${office.left}/A/link`).isSymlink);
});

Deno.test("why: a file that is gone behind a folder of its name is gone for every plan", async () => {
  using office = new MemoryOffice("ignore: {filenames_prefix: ['~$']}\n");
  write(office.left, { a: "a" });
  await office.agree();
  Deno.renameSync(`${office.right}/a`, `${office.right}/~$a`);
  Deno.removeSync(`${office.left}/a`);
  write(office.left, { a: {} });
  for (let round = 0; round < 2; round++) {
    await assertWhyIsPlan(office);
    await office.run(ALLOWED);
  }
});
