/**
 * Folders that stand on one side only, because of what they hold: they are
 * forgotten and told, and no action fails in every run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { reportSections } from "../lib/report_html.ts";
import { jsonReport } from "../lib/report_json.ts";
import { reportText } from "../lib/report_text.ts";
import type { RunResult } from "../lib/run_types.ts";
import { snapshot } from "./support/snapshot.ts";
import {
  actions,
  describe,
  Office,
  type Tree,
  write,
} from "./support/support.ts";
import { intercept } from "./support/two_roots.ts";

const IGNORE = "ignore: {extensions: [tmp], filenames_exact: [skip]}\n";
const FOREIGN = ".office-sync-tmp-others-20990101-000000-abcd-1";

type Side = "left" | "right";

/** An office that agrees; what happens in it may be mirrored. */
class LoneOffice extends Office {
  constructor(readonly isMirrored: boolean, settings = IGNORE) {
    super(settings);
  }

  at(side: Side, path: string): string {
    const isLeft = (side === "left") !== this.isMirrored;
    return `${isLeft ? this.left : this.right}/${path}`;
  }

  async agreed(tree: Tree): Promise<this> {
    write(this.at("left", ""), { "keep.txt": "keep", ...tree });
    await this.agree();
    return this;
  }

  /** What is told as left alone: side, path and why. */
  told(result: RunResult): string[] {
    return result.problems.filter(({ kind }) => kind === "lone")
      .map(({ side, path, reason }) => {
        const isLeft = (side === "left") !== this.isMirrored;
        return `${isLeft ? "left" : "right"} ${path}: ${reason}`;
      });
  }

  /** A run more does nothing, and tells the same. */
  async rests(before: RunResult, exitCode = 0): Promise<void> {
    const trees = [snapshot(this.left), snapshot(this.right)];
    const again = await this.run();
    assert.deepEqual(actions(again), [], describe(again));
    assert.equal(again.exitCode, exitCode, describe(again));
    assert.deepEqual(this.told(again), this.told(before));
    assert.deepEqual([snapshot(this.left), snapshot(this.right)], trees);
  }
}

/** What keeps a folder: how it gets into it, and what is said of it. */
const KEEPERS: Readonly<
  Record<string, { make: (folder: string) => void; says: RegExp }>
> = {
  "another root's own folder": {
    make: (folder) =>
      write(folder, { ".office-sync": { "root.json": "{}", deleted: {} } }),
    says: /\.office-sync \(.*office-sync itself/,
  },
  "its own folder in capitals": {
    make: (folder) => write(folder, { ".Office-Sync": "a file" }),
    says: /\.Office-Sync \(.*office-sync itself/,
  },
  "another PC's temporary file": {
    make: (folder) => write(folder, { [FOREIGN]: "half" }),
    says: /-tmp-others-.* \(.*another PC/,
  },
  "a folder with a temporary name": {
    make: (folder) => write(folder, { ".office-sync-tmp-x": { a: "a" } }),
    says: /-tmp-x \(a temporary folder of another PC/,
  },
  "an ignored file": {
    make: (folder) => write(folder, { "a.tmp": "a" }),
    says: /a\.tmp \(ignored by the config\)/,
  },
  "an ignored folder": {
    make: (folder) => write(folder, { skip: { "a.txt": "a" } }),
    says: /skip \(ignored by the config\)/,
  },
  "a link": {
    make: (folder) => Deno.symlinkSync("nowhere", `${folder}/link`),
    says: /link \(a symbolic link/,
  },
  "a pipe": {
    make: (folder) =>
      void new Deno.Command("mkfifo", { args: [`${folder}/pipe`] })
        .outputSync(),
    says: /pipe \(neither a file nor a folder\)/,
  },
};

for (const isMirrored of [false, true]) {
  const side = isMirrored ? "right" : "left";
  for (const [what, { make, says }] of Object.entries(KEEPERS)) {
    Deno.test(`a folder removed on ${side} that holds ${what} is forgotten and told`, async () => {
      using office = await new LoneOffice(isMirrored)
        .agreed({ d: { "a.txt": "a", in: { "b.txt": "b" } } });
      make(office.at("right", "d/in"));
      Deno.removeSync(office.at("left", "d"), { recursive: true });
      const result = await office.agree();
      assert.equal(actions(result).length, 2, "the two files");
      const [told = "", ...more] = office.told(result);
      assert.deepEqual(more, [], "once");
      assert.match(told, /^right d: /);
      assert.match(told, says);
      assert.match(told, isMirrored ? /only Left has it/ : /only Right has it/);
      await office.rests(result);
    });

    Deno.test(`a new folder on ${side} that only holds ${what} is not created, and told`, async () => {
      using office = await new LoneOffice(isMirrored).agreed({});
      Deno.mkdirSync(office.at("left", "n/in"), { recursive: true });
      make(office.at("left", "n/in"));
      const result = await office.agree();
      assert.deepEqual(actions(result), []);
      const told = office.told(result);
      assert.equal(told.length, 1);
      assert.match(told[0]!, /^left n: /);
      assert.match(told[0]!, says);
      await office.rests(result);
    });

    Deno.test(`a file on ${side} that takes the name of a folder with ${what} is resolved`, async () => {
      using office = await new LoneOffice(isMirrored)
        .agreed({ d: { "a.txt": "a" } });
      make(office.at("right", "d"));
      Deno.removeSync(office.at("left", "d"), { recursive: true });
      Deno.writeTextFileSync(office.at("left", "d"), "a file");
      const result = await office.agree();
      const names = [...Deno.readDirSync(office.at("left", ""))]
        .map(({ name }) => name).filter((name) => name.startsWith("d"));
      assert.match(`${names.sort()}`, /^d\.clash-[-\da-z]+$/);
      assert.equal(
        Deno.readTextFileSync(office.at("right", names[0]!)),
        "a file",
      );
      await office.rests(result);
    });
  }
}

for (const policy of ["overwrite"]) {
  Deno.test(`a file against such a folder is resolved under ${policy}, and lost nowhere`, async () => {
    const policies =
      `conflict_policy: {modify_modify: ${policy}, new_new: ${policy}}\n`;
    using office = await new LoneOffice(false, IGNORE + policies)
      .agreed({ d: { "a.txt": "a" } });
    KEEPERS["another root's own folder"]!.make(office.at("right", "d"));
    Deno.removeSync(office.at("left", "d"), { recursive: true });
    Deno.writeTextFileSync(office.at("left", "d"), "a file");
    const result = await office.agree();
    const everywhere = [office.left, office.right].map((root) =>
      JSON.stringify(snapshot(root))
    ).join();
    assert.match(everywhere, /a file/, describe(result));
    assert.ok(existsSync(`${office.right}/d/.office-sync/root.json`));
    await office.rests(result);
  });
}

Deno.test("a file against such a folder stays open under notify", async () => {
  using office = await new LoneOffice(
    false,
    IGNORE + "conflict_policy: {modify_modify: notify, new_new: notify}\n",
  ).agreed({ d: { "a.txt": "a" } });
  KEEPERS["another root's own folder"]!.make(office.at("right", "d"));
  Deno.removeSync(office.at("left", "d"), { recursive: true });
  Deno.writeTextFileSync(office.at("left", "d"), "a file");
  const result = await office.run();
  const { openConflicts } = (jsonReport(result, false) as {
    summary: { openConflicts: number };
  }).summary;
  assert.equal(openConflicts, 1, describe(result));
});

Deno.test("what is left alone is named in text, page and JSON, and nobody says that all agrees", async () => {
  using office = await new LoneOffice(false).agreed({ d: { "a.txt": "a" } });
  write(office.right, { d: { "1.tmp": "", "2.tmp": "", "3.tmp": "" } });
  write(office.right, { d: { "4.tmp": "", "5.tmp": "" } });
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  for (const result of [await office.agree(), await office.agree()]) {
    const options = {
      roots: { left: office.left, right: office.right },
      logFile: office.log,
      isVerbose: false,
    };
    const text = reportText(result, options);
    assert.match(text, /Right: d: .*1\.tmp.*and 2 more/);
    assert.doesNotMatch(text, /4\.tmp|Both sides agree[;.]/);
    assert.match(text, /but for what is unknown/);
    const { problems } = jsonReport(result, false) as {
      problems: { side: string; path: string }[];
    };
    assert.deepEqual(problems.map(({ side, path }) => [side, path]), [
      ["right", "d"],
    ]);
    const alone = reportSections(result, { ...options, listsUnchanged: false })
      .find(({ id }) => id === "unknown");
    assert.deepEqual(
      alone?.rows.map(({ path, cells }) => [
        path,
        cells.right?.isFolder,
      ]),
      [["d", true]],
    );
  }
});

Deno.test("names that are ignored themselves are nobody's concern", async () => {
  using office = await new LoneOffice(false).agreed({ d: { "a.txt": "a" } });
  write(office.right, { "x.tmp": "", skip: { a: "" }, d: { "y.tmp": "" } });
  write(office.right, { d: { ".office-sync": {}, [FOREIGN]: "" } });
  const result = await office.agree();
  assert.deepEqual(result.problems.filter(({ kind }) => kind === "lone"), []);
  const text = reportText(result, {
    roots: { left: office.left, right: office.right },
    logFile: office.log,
    isVerbose: false,
  });
  assert.match(text, /Both sides agree/);
  assert.doesNotMatch(text, /left alone/i);
});

Deno.test("a folder that one side alone has comes back to life with the first file in it", async () => {
  using office = await new LoneOffice(false).agreed({ d: { "a.txt": "a" } });
  write(office.right, { d: { ".office-sync": { "root.json": "{}" } } });
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  await office.agree();
  write(office.right, { d: { "new.txt": "new" } });
  assert.deepEqual(actions(await office.agree()), [
    "CREATE_DIR_LEFT d",
    "COPY_RIGHT_TO_LEFT d/new.txt",
  ]);
  const result = await office.agree();
  assert.deepEqual(office.told(result), []);
});

Deno.test("a temporary file of this pair, or an old one, keeps no folder", async () => {
  using office = await new LoneOffice(false).agreed({ d: { "a.txt": "a" } });
  write(office.right, { d: { [FOREIGN]: "half" } });
  const old = Date.now() / 1000 - 8 * 24 * 60 * 60;
  Deno.utimeSync(`${office.right}/d/${FOREIGN}`, old, old);
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  const result = await office.agree();
  assert.deepEqual(actions(result), [
    "SOFT_DELETE_RIGHT d/a.txt",
    "REMOVE_DIR_RIGHT d",
  ]);
  assert.deepEqual(office.told(result), []);
});

Deno.test("what comes into a folder in the last moment keeps it, and is named", async () => {
  using office = await new LoneOffice(false).agreed({ d: { "a.txt": "a" } });
  Deno.removeSync(`${office.left}/d`, { recursive: true });
  const folder = `${office.right}/d`;
  const program = intercept("removeSync", (real, path) => {
    if (path === folder) {
      for (const name of ["1", "2", "3", "4"]) write(folder, { [name]: name });
    }
    return real(path);
  });
  const result = await office.run();
  program[Symbol.dispose]();
  assert.equal(result.exitCode, 1, describe(result));
  // A file that was young when it was recorded may be learned anew after it.
  const { detail } = result.outcomes.find(({ action }) =>
    action.name === "REMOVE_DIR_RIGHT"
  )!;
  assert.match(
    detail!,
    /^it holds "\d", "\d", "\d" and 1 more by now; the next run/,
  );
  await office.agree();
  assert.equal(Object.keys(office.trees().left.d!).length, 4);
});

for (const what of ["a file", "a link"]) {
  Deno.test(`where ${what} is in the place of the soft-delete folder, it says what to do`, async () => {
    using office = await new LoneOffice(false).agreed({ "a.txt": "a" });
    const place = `${office.right}/.office-sync/deleted`;
    if (what === "a file") Deno.writeTextFileSync(place, "");
    else Deno.symlinkSync(office.folder, place);
    Deno.removeSync(`${office.left}/a.txt`);
    const result = await office.run();
    assert.equal(result.exitCode, 1);
    assert.match(
      result.outcomes[0]!.detail!,
      /deleted is no folder; move away what has its name/,
    );
    Deno.removeSync(place);
    assert.deepEqual(actions(await office.agree()), [
      "SOFT_DELETE_RIGHT a.txt",
    ]);
  });
}
