import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { LONG_AGO, scenario, Stage, SWAPPED } from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";
import {
  describe,
  file,
  MemoryOffice,
  read,
  softDeleted,
  type Tree,
  write,
} from "./support/support.ts";
import { intercept, systemError } from "./support/two_roots.ts";

const LIMIT = 20 * 1_048_576;
const DELETED = ".office-sync/deleted";

/** Soft-deleted files of a side with their run's folders. */
function softDeletedPaths(stage: Stage, side: "left" | "right"): string[] {
  return Object.entries(snapshot(stage.root(side)))
    .filter(([path, what]) =>
      path.startsWith(DELETED) && what.startsWith("file")
    )
    .map(([path]) => path);
}

/** A file of nothing but zeros that takes no room. */
function makeSparse(path: string, sizeBytes: number): void {
  Deno.writeTextFileSync(path, "");
  Deno.truncateSync(path, sizeBytes);
  Deno.utimeSync(path, LONG_AGO / 1000, LONG_AGO / 1000);
}

scenario(
  "a file over the limit deleted on left is hard-deleted, one of 20 MB is soft-deleted (R 5.7)",
  async (stage) => {
    makeSparse(stage.at("left", "at.bin"), LIMIT);
    makeSparse(stage.at("left", "over.bin"), LIMIT + 1);
    await stage.office.agree();
    stage.remove("left", "at.bin", "over.bin");
    const { document } = await stage.does([
      "5.7 DELETE_RIGHT over.bin",
      "5.7 SOFT_DELETE_RIGHT at.bin -> deleted/at.bin",
    ]);
    const { DELETE_RIGHT, SOFT_DELETE_RIGHT } = document.summary;
    assert.deepEqual([DELETE_RIGHT, SOFT_DELETE_RIGHT], [1, 1]);
    stage.holds({});
    const [path, ...others] = softDeletedPaths(stage, "right");
    assert.deepEqual(others, []);
    assert.equal(Deno.statSync(stage.at("right", path!)).size, LIMIT);
  },
);

scenario("the limit is the one of the config, to the byte", async (stage) => {
  await stage.begin({
    "at.txt": "a".repeat(1024),
    "over.txt": "o".repeat(1025),
  });
  stage.remove("left", "at.txt", "over.txt");
  const { document } = await stage.does([
    "5.7 SOFT_DELETE_RIGHT at.txt -> deleted/at.txt",
    "5.7 DELETE_RIGHT over.txt",
  ]);
  const over = document.actions.find(({ path }) => path === "over.txt");
  assert.match(over!.reason, /too large for soft delete/);
}, {
  settings: `soft_delete:\n  max_size_mb: ${1024 / 1_048_576}\n`,
  isMirrored: false,
});

scenario(
  "a soft-deleted file keeps path, time and mode in a folder of its run",
  async (stage) => {
    await stage.begin({ closed: { "a.txt": file("gone", { mode: 0o640 }) } });
    Deno.chmodSync(stage.at("right", "closed"), 0o750);
    stage.remove("left", "closed/a.txt");
    const { document } = await stage.ends(0);
    const { newPath } = document.actions[0]!;
    const mark = document.run.id.slice(0, "YYYYMMDD-HHMMSS".length);
    const place = new RegExp(`^${DELETED}/${mark}-[0-9a-z]+/closed/a\\.txt$`);
    assert.match(newPath!, place);
    const kept = Deno.statSync(stage.at("right", newPath!));
    assert.equal((kept.mode ?? 0) & 0o777, 0o640);
    assert.equal(kept.mtime?.getTime(), LONG_AGO);
    assert.equal(Deno.readTextFileSync(stage.at("right", newPath!)), "gone");
    const parent = Deno.statSync(
      stage.at("right", newPath!.replace("/a.txt", "")),
    );
    assert.equal((parent.mode ?? 0) & 0o777, 0o750);
  },
  { isMirrored: false },
);

scenario("a taken soft-delete name gets -2", async (stage) => {
  await stage.begin({ d: { "a.txt": "first" }, "b.txt": "b" });
  stage.remove("left", "d/a.txt");
  const { outcomes } = await stage.office.agree();
  const pair = /-([0-9a-z]+)\/d\/a\.txt$/.exec(outcomes[0]!.newPath!)![1]!;
  stage.write({ left: { d: { "a.txt": "second" } } });
  await stage.office.agree();
  stage.remove("left", "d/a.txt");
  // Whatever second the run starts in: the name is taken.
  for (let ahead = 0; ahead < 60; ahead++) {
    const at = new Date(Date.now() + ahead * 1000).toISOString();
    const mark = at.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
    const taken = stage.at("right", `${DELETED}/${mark}-${pair}/d`);
    Deno.mkdirSync(taken, { recursive: true });
    Deno.writeTextFileSync(`${taken}/a.txt`, "taken");
  }
  await stage.does(["5.7 SOFT_DELETE_RIGHT d/a.txt -> deleted/d/a-2.txt"]);
  const kept = softDeletedPaths(stage, "right").filter((path) =>
    path.endsWith("a-2.txt")
  );
  assert.equal(kept.length, 1);
  assert.equal(Deno.readTextFileSync(stage.at("right", kept[0]!)), "second");
  stage.holds({ "b.txt": "b", d: {} });
}, { isMirrored: false });

scenario(
  "a soft-deleted file put back by hand is new on right (R 5.10)",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "precious" }, "b.txt": "b" });
    stage.remove("left", "d/a.txt");
    await stage.office.agree();
    const [path] = softDeletedPaths(stage, "right");
    stage.rename("right", path!, "d/a.txt");
    await stage.does(["5.10 COPY_RIGHT_TO_LEFT d/a.txt"]);
    stage.holds({ "b.txt": "b", d: { "a.txt": "precious" } });
    assert.equal(
      Deno.statSync(stage.at("left", "d/a.txt")).mtime?.getTime(),
      LONG_AGO,
    );
  },
);

scenario("soft-deleted files are never synced", async (stage) => {
  await stage.begin({ "a.txt": "gone", "b.txt": "b" });
  stage.remove("left", "a.txt");
  await stage.office.agree();
  const { document } = await stage.does([]);
  assert.equal(document.summary.NOOP, 1);
  assert.deepEqual([stage.softDeleted("left"), stage.softDeleted("right")], [
    {},
    { "a.txt": "gone" },
  ]);
}, { isMirrored: false });

// Versions that perhaps nobody meant, and metadata that prove nothing.

const HOUR = 3_600_000;
/** `count` files, their contents of one length. */
function files(
  count: number,
  content: (n: number) => string,
  mtime = LONG_AGO,
): Record<string, ReturnType<typeof file>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `f${String(n).padStart(3, "0")}.txt`,
      file(content(n), { mtime }),
    ]),
  );
}

Deno.test("30 of 50 files changed on one side: what they replace is soft-deleted and told; 29 are edits like any", async () => {
  for (const changed of [29, 30]) {
    using office = new MemoryOffice("safety:\n  max_change_percent: 50\n");
    office.write({ left: files(50, (n) => `good ${n}`) });
    await office.agree();
    write(office.left, files(changed, (n) => `XXXX ${n}`, LONG_AGO + HOUR));
    const result = await office.run();
    assert.equal(result.exitCode, 0, describe(result));
    const kept = Object.keys(softDeleted(office.right)).length;
    assert.equal(kept, changed === 30 ? 30 : 0, `${changed} changed`);
  }
});

Deno.test("30 of 60 files changed are half of them, not more: nothing is soft-deleted", async () => {
  using office = new MemoryOffice();
  office.write({ left: files(60, (n) => `good ${n}`) });
  await office.agree();
  write(office.left, files(30, (n) => `XXXX ${n}`, LONG_AGO + HOUR));
  await office.run();
  assert.deepEqual(softDeleted(office.right), {});
});

Deno.test("with --allow-changes, what 250 changed files replace is soft-deleted as well", async () => {
  using office = new MemoryOffice();
  office.write({ left: files(250, (n) => `good ${n}`) });
  await office.agree();
  write(office.left, files(250, (n) => `XXXX ${n}`, LONG_AGO + HOUR));
  const stopped = await office.run();
  assert.equal(stopped.stop?.name, "mass change");
  const allowed = { deletes: false, changes: true };
  const result = await office.run({ allowed });
  assert.equal(result.exitCode, 0, describe(result));
  assert.equal(Object.keys(softDeleted(office.right)).length, 250);
});

/** A second name outside of the root: a file with two names has no id. */
function withoutIds(stage: Stage, ...names: string[]): void {
  for (const name of names) {
    const outside = `${stage.office.folder}/outside-${
      name.replaceAll("/", "_")
    }`;
    Deno.linkSync(stage.at("left", name), outside);
  }
}

async function beginWithoutIds(stage: Stage): Promise<void> {
  stage.write({
    left: {
      "a.txt": file("of a", { mtime: LONG_AGO }),
      "b.txt": file("of b", { mtime: LONG_AGO }),
      d: { "c.txt": file("of c", { mtime: LONG_AGO }) },
    },
  });
  withoutIds(stage, "a.txt", "b.txt", "d/c.txt");
  await stage.office.agree();
}

scenario(
  "without ids, a file with the metadata of one that is gone on left is read (R 5.3)",
  async (stage) => {
    await beginWithoutIds(stage);
    stage.rename("left", "a.txt", "e.txt");
    stage.rename("left", "b.txt", "a.txt");
    await stage.does([
      "5.3 COPY_LEFT_TO_RIGHT a.txt",
      "5.9 COPY_LEFT_TO_RIGHT e.txt",
      "5.7 SOFT_DELETE_RIGHT b.txt -> deleted/b.txt",
    ]);
  },
);

scenario(
  "without ids, a file of another folder with such metadata on left is read too (R 5.3)",
  async (stage) => {
    await beginWithoutIds(stage);
    stage.rename("left", "b.txt", "d/c.txt");
    await stage.does([
      "5.3 COPY_LEFT_TO_RIGHT d/c.txt",
      "5.7 SOFT_DELETE_RIGHT b.txt -> deleted/b.txt",
    ]);
  },
);

scenario(
  "without ids, a file with the metadata of a new one on left is read, and stays where it is the same (R 5.9)",
  async (stage) => {
    await beginWithoutIds(stage);
    stage.write({ left: { "n.txt": file("of n", { mtime: LONG_AGO }) } });
    withoutIds(stage, "n.txt");
    await stage.does(["5.9 COPY_LEFT_TO_RIGHT n.txt"]);
  },
);

scenario(
  "without ids, what may be another file on left is never deleted for right's sake (R 5.6)",
  async (stage) => {
    await beginWithoutIds(stage);
    stage.rename("left", "b.txt", "a.txt");
    stage.remove("right", "a.txt");
    await stage.does([
      "5.6 COPY_LEFT_TO_RIGHT a.txt",
      "5.7 SOFT_DELETE_RIGHT b.txt -> deleted/b.txt",
    ]);
    stage.holds({ "a.txt": "of b", d: { "c.txt": "of c" } });
  },
);

/** What keeps a run from resolving a.txt, and how that ends. */
const HINDRANCES: readonly {
  readonly what: string;
  readonly settings: string;
  readonly exitCode: number;
  begin(stage: Stage): void;
  end(stage: Stage): void;
}[] = [
  {
    what: "a conflict that is left open",
    settings: "conflict_policy:\n  modify_modify: notify\n",
    exitCode: 1,
    begin: (stage) => stage.write({ right: { "a.txt": "edited there" } }),
    end: (stage) =>
      stage.office.configure("conflict_policy:\n  modify_modify: clash\n"),
  },
  {
    what: "a save on right that is given up",
    settings: "",
    exitCode: 0,
    begin: (stage) => stage.rename("right", "a.txt", "a.txt~"),
    end: (stage) => stage.rename("right", "a.txt~", "a.txt"),
  },
  {
    what: "a save on right that ends with another version",
    settings: "",
    exitCode: 0,
    begin: (stage) => stage.rename("right", "a.txt", "a.txt~"),
    end: (stage) => {
      stage.write({ right: { "a.txt": "saved there" } });
      stage.remove("right", "a.txt~");
    },
  },
  {
    what: "a save on right that ends with nothing",
    settings: "",
    exitCode: 0,
    begin: (stage) => stage.rename("right", "a.txt", "a.txt~"),
    end: (stage) => stage.remove("right", "a.txt~"),
  },
];

for (const { what, settings, exitCode, begin, end } of HINDRANCES) {
  Deno.test(`without ids, what may be another file is read in later runs too, after ${what}`, async () => {
    for (const isMirrored of [false, true]) {
      const never = "soft_delete:\n  enabled: false\n";
      using stage = new Stage(settings + never, isMirrored);
      await beginWithoutIds(stage);
      // Only left has this content once right's half of it was removed.
      stage.rename("left", "b.txt", "a.txt");
      begin(stage);
      for (const _ of [1, 2]) {
        const result = await stage.office.run();
        assert.equal(result.exitCode, exitCode, describe(result));
      }
      assert.equal(stage.trees().left["a.txt"], "of b");
      end(stage);
      await stage.office.agree();
      for (const tree of Object.values(stage.trees())) {
        assert.ok(Object.values(tree).includes("of b"), JSON.stringify(tree));
      }
      await stage.rests(0);
    }
  });
}

Deno.test("without ids, what may be another file is read in later runs too, after a copy that failed", async () => {
  for (const isMirrored of [false, true]) {
    using stage = new Stage("", isMirrored);
    await beginWithoutIds(stage);
    stage.rename("left", "b.txt", "a.txt");
    {
      const broken = stage.at("right", "a.txt");
      using stack = new DisposableStack();
      for (const call of ["renameSync", "linkSync"] as const) {
        stack.use(intercept(call, (real, from, to) => {
          if (from === broken || to === broken) throw systemError("EIO");
          return real(from, to);
        }));
      }
      const result = await stage.office.run();
      assert.equal(result.exitCode, 1, describe(result));
    }
    await stage.office.agree();
    stage.holds({ "a.txt": "of b", d: { "c.txt": "of c" } });
    await stage.rests(0);
  }
});

for (
  const [what, move, expected] of [
    [
      "over the name of another that is gone",
      (stage: Stage) => stage.rename("left", "b.txt", "a.txt"),
      { "a.txt": "of b" },
    ],
    [
      "over the name of one that has a new name",
      (stage: Stage) => {
        stage.rename("left", "a.txt", "n.txt");
        stage.rename("left", "b.txt", "a.txt");
      },
      { "a.txt": "of b", "n.txt": "of a" },
    ],
  ] as const
) {
  for (const lost of [["a.txt", "b.txt"], ["a.txt"], ["b.txt"]]) {
    scenario(
      `a file whose id ${
        lost.join(" and ")
      } lost since is read on left where it was moved ${what} (R 5.3)`,
      async (stage) => {
        await stage.begin({ "a.txt": "of a", "b.txt": "of b" });
        withoutIds(stage, ...lost);
        move(stage);
        await stage.ends(0);
        stage.holds(expected);
      },
    );
  }
}

// Folders that got another name: one rename, and what was done inside.

/** Files of one folder, all different. */
const IN: Tree = { "a.txt": "of a", "b.txt": "of b", e: { "c.txt": "of c" } };

/** What a run does: `RENAME_RIGHT P -> Q (3)`. */
type Lines = readonly string[];

/**
 * Plays it in process, as written and mirrored; it ends with a run that finds
 * nothing to do, and with both sides the same.
 */
function folders(
  name: string,
  play: (stage: Play) => Promise<void>,
  options: { readonly settings?: string; readonly leavesAlone?: boolean } = {},
): void {
  Deno.test(name, async () => {
    for (const isMirrored of [false, true]) {
      using stage = new Play(options.settings ?? "", isMirrored);
      await play(stage);
      if (options.leavesAlone) continue;
      await stage.rests(0);
      stage.agrees();
    }
  });
}

class Play extends Stage {
  /** A run; requires what it does. */
  async makes(lines: Lines, exitCode = 0): Promise<void> {
    const result = await this.office.run();
    const swap = (text: string) =>
      this.isMirrored
        ? text.replaceAll(
          /LEFT|RIGHT/g,
          (it) => it === "LEFT" ? "RIGHT" : "LEFT",
        )
        : text;
    const done = result.outcomes.filter(({ action }) => action.name !== "NOOP")
      .map(({ action, kind }) => {
        const { name, path, newPath, files } = action;
        const to = newPath !== null && name.startsWith("RENAME")
          ? ` -> ${newPath}`
          : "";
        const how = kind === "done" ? "" : `${kind}: `;
        return `${how}${swap(name)} ${path}${to}` +
          (files === null ? "" : ` (${files})`);
      });
    assert.deepEqual(done.sort(), [...lines].sort(), describe(result));
    assert.equal(result.exitCode, exitCode, describe(result));
  }

  /** Makes folders on a side. */
  folders(side: "left" | "right", ...paths: string[]): void {
    for (const path of paths) Deno.mkdirSync(this.at(side, path));
  }
}

for (const take of ["left", "right"] as const) {
  folders(
    `of two new names a person chooses that of ${take} (R 5.13)`,
    async (stage) => {
      await stage.begin({ P: IN });
      stage.rename("left", "P", "Q");
      stage.rename("right", "P", "R");
      await stage.makes([], 1);
      const name = stage.isMirrored ? "R" : "Q";
      const { code, stdout } = await stage.office.commandHere(
        "conflicts",
        "resolve",
        name,
        take,
      );
      assert.equal(code, 0, stdout);
      const isLeft = (take === "left") !== stage.isMirrored;
      stage.holds({ [isLeft ? "Q" : "R"]: IN });
    },
    { settings: "conflict_policy:\n  metadata_conflict: notify\n" },
  );
}

for (const code of ["EBUSY", "EACCES", "EPERM", "EXDEV"]) {
  folders(
    `a folder that may not be renamed (${code}) has its files renamed one by one`,
    async (stage) => {
      await stage.begin({ P: { ...IN, empty: {} } });
      stage.rename("left", "P", "Q");
      using _ = intercept("renameSync", (real, from, to) => {
        if (from === stage.at("right", "P")) throw systemError(code);
        real(from, to);
      });
      const result = await stage.office.run();
      assert.equal(result.exitCode, 0, describe(result));
      const [outcome] = result.outcomes;
      assert.match(outcome?.detail ?? "", /file by file .*: 3 renamed/);
      stage.holds({ Q: { ...IN, empty: {} } });
    },
  );
}

folders(
  "what is another program's root in such a folder goes along as it is, and nobody looks into it",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    const own = { "root.json": "{}", ".Office-Sync": { a: "1" } };
    write(stage.at("right", "P"), { ".office-sync": own });
    using _ = intercept("renameSync", (real, from, to) => {
      if (from === stage.at("right", "P")) throw systemError("EBUSY");
      real(from, to);
    });
    using __ = intercept("lstatSync", (real, path) => {
      assert.doesNotMatch(path!, /P\/\.office-sync\/./);
      return real(path);
    });
    const result = await stage.office.run();
    const [outcome] = result.outcomes;
    assert.equal(outcome?.kind, "done", describe(result));
    const listed = (path: string) =>
      [...Deno.readDirSync(stage.at("right", path))].map((it) => it.name)
        .sort();
    assert.deepEqual(listed(""), [".office-sync", "Q"]);
    assert.deepEqual(listed("Q/.office-sync"), [".Office-Sync", "root.json"]);
  },
);

folders(
  "what can't go with such a folder keeps its name, is told, and goes with a later run",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    {
      const busy = [stage.at("right", "P"), stage.at("right", "P/b.txt")];
      using _ = intercept("renameSync", (real, from, to) => {
        if (busy.includes(String(from))) throw systemError("EACCES");
        real(from, to);
      });
      using __ = intercept("linkSync", (real, from, to) => {
        if (busy.includes(String(from))) throw systemError("EACCES");
        real(from, to);
      });
      const result = await stage.office.run();
      assert.equal(result.exitCode, 1, describe(result));
      const [outcome] = result.outcomes;
      assert.match(
        outcome?.detail ?? "",
        /2 renamed, 1 not: P\/b\.txt \(.*EACCES/,
      );
    }
    assert.deepEqual(stage.trees().right, {
      P: { "b.txt": "of b" },
      Q: { "a.txt": "of a", e: { "c.txt": "of c" } },
    });
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    stage.holds({ Q: IN });
  },
);

folders(
  "names given in such a folder are flushed before they are recorded",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    const flushed = new Set<string>();
    using _ = intercept("renameSync", (real, from, to) => {
      if (from === stage.at("right", "P")) throw systemError("EXDEV");
      real(from, to);
    });
    using __ = intercept("openSync", (real, path, options) => {
      flushed.add(path);
      return real(path, options);
    });
    await stage.makes(["RENAME_RIGHT P -> Q (3)"]);
    const named = [
      stage.root("right"),
      ...["Q", "Q/e"].map((path) => stage.at("right", path)),
    ];
    const missing = named.filter((path) => !flushed.has(path));
    assert.deepEqual(missing, []);
  },
);

/** As Windows does with a folder in which a command prompt is. */
function heldFolder(path: string, code: string): Disposable {
  const held = new DisposableStack();
  for (const call of ["renameSync", "removeSync"] as const) {
    held.use(intercept(call, (real, from, to) => {
      if (from === path) throw systemError(code);
      real(from, to);
    }));
  }
  return held;
}

for (const code of ["EBUSY", "EACCES", "EPERM"]) {
  for (const inside of ["", "/e"]) {
    folders(
      `a folder that is in use is emptied, is told, and a later run removes it: P${inside}, ${code}`,
      async (stage) => {
        await stage.begin({ P: IN });
        stage.rename("left", "P", "Q");
        const empty: Tree = inside === "" ? { P: {} } : { P: { e: {} } };
        {
          using _ = heldFolder(stage.at("right", "P"), code);
          using __ = heldFolder(stage.at("right", `P${inside}`), code);
          const result = await stage.office.run();
          assert.equal(result.exitCode, 1, describe(result));
          const [outcome] = result.outcomes;
          assert.match(
            outcome?.detail ?? "",
            new RegExp(
              `: 3 renamed, 1 not: P${inside} \\(.*${code}`,
            ),
          );
          assert.deepEqual(stage.trees().right, { Q: IN, ...empty });
          const how = code === "EBUSY" ? "skipped" : "failed";
          await stage.makes([
            `${how}: REMOVE_DIR_RIGHT P${inside}`,
            ...inside === "" ? [] : ["skipped: REMOVE_DIR_RIGHT P"],
          ], 1);
          assert.deepEqual(stage.trees().left, { Q: IN });
        }
        await stage.makes([
          ...inside === "" ? [] : ["REMOVE_DIR_RIGHT P/e"],
          "REMOVE_DIR_RIGHT P",
        ]);
        stage.holds({ Q: IN });
      },
    );
  }
}

folders(
  "a folder in such a folder that can't go keeps its name with all that is in it, and goes with a later run",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    {
      using _ = heldFolder(stage.at("right", "P"), "EACCES");
      using __ = intercept("mkdirSync", (real, path, options) => {
        if (path === stage.at("right", "Q/e")) throw systemError("ENOSPC");
        real(path, options);
      });
      const result = await stage.office.run();
      assert.equal(result.exitCode, 1, describe(result));
      const [outcome] = result.outcomes;
      assert.match(outcome?.detail ?? "", /2 renamed, 1 not: P\/e \(.*ENOSPC/);
    }
    assert.deepEqual(stage.trees().right, {
      P: { e: { "c.txt": "of c" } },
      Q: { "a.txt": "of a", "b.txt": "of b" },
    });
    await stage.makes(["RENAME_RIGHT P/e -> Q/e (1)", "REMOVE_DIR_RIGHT P"]);
    stage.holds({ Q: IN });
  },
);

folders(
  "a rename of a folder that fails when it is done: the record follows, and the next run finds both sides the same",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    {
      using _ = intercept("renameSync", (real, from, to) => {
        real(from, to);
        if (from === stage.at("right", "P")) throw systemError("EIO");
      });
      assert.equal((await stage.office.run()).exitCode, 1);
    }
    await stage.makes([]);
    stage.holds({ Q: IN });
  },
);

folders(
  "a rename of a folder that fails is done by the next run",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    {
      using _ = intercept("renameSync", (real, from, to) => {
        if (from === stage.at("right", "P")) throw systemError("EIO");
        real(from, to);
      });
      assert.equal((await stage.office.run()).exitCode, 1);
    }
    await stage.makes(["RENAME_RIGHT P -> Q (3)"]);
  },
);

folders(
  "an edit in a folder at the moment it is renamed goes along, and the next run finds it",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    {
      using _ = intercept("renameSync", (real, from, to) => {
        if (from === stage.at("right", "P")) {
          Deno.writeTextFileSync(`${from}/a.txt`, "edited just now");
        }
        real(from, to);
      });
      await stage.makes(["RENAME_RIGHT P -> Q (3)"]);
    }
    await stage.makes(["COPY_RIGHT_TO_LEFT Q/a.txt"]);
  },
);

folders(
  "a folder whose name was taken just now on right stays, and nothing is replaced",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    {
      // In the moment before both names are looked at.
      using _ = intercept("lstatSync", (real, path) => {
        const taken = stage.at("right", "Q");
        if (path === stage.at("right", "P")) {
          Deno.mkdirSync(taken, { recursive: true });
          Deno.writeTextFileSync(`${taken}/z.txt`, "z");
        }
        return real(path);
      });
      const result = await stage.office.run();
      assert.equal(result.exitCode, 1, describe(result));
    }
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    stage.holds({ Q: { ...IN, "z.txt": "z" } });
  },
);

folders(
  "a folder on a side without ids (another disk, mounted anew) goes by its files",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    using db = new DatabaseSync(stage.office.stateDb);
    db.exec(
      "UPDATE directories SET ino_left = NULL, ino_right = NULL; " +
        "UPDATE files SET ino_left = NULL, ino_right = NULL",
    );
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    stage.holds({ Q: IN });
  },
);

folders(
  "a folder on a server that tells another time of creation after each change is renamed all the same (R 5.11)",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    using db = new DatabaseSync(stage.office.stateDb);
    const there = stage.isMirrored ? "left" : "right";
    db.exec(`UPDATE directories SET birth_${there} = birth_${there} - 1000`);
    await stage.makes(["RENAME_RIGHT P -> Q (3)"]);
  },
);

folders(
  "a folder that went file by file and was cut off in the middle goes on",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    stage.folders("right", "Q");
    stage.rename("right", "P/a.txt", "Q/a.txt");
    using db = new DatabaseSync(stage.office.stateDb);
    const there = stage.isMirrored ? "left" : "right";
    db.exec(`INSERT INTO moves VALUES ('${there}', 'P', 'Q', 'Q')`);
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    stage.holds({ Q: IN });
  },
);

scenario(
  "a folder of the product's own name is never seen, at any depth, in any case",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "a" } });
    for (const name of [".office-sync", ".Office-Sync"]) {
      const folder = stage.at("left", `d/${name}`);
      Deno.mkdirSync(folder);
      Deno.writeTextFileSync(`${folder}/x.txt`, "x");
    }
    const { document } = await stage.does([]);
    assert.deepEqual(document.problems, []);
    const names = [...Deno.readDirSync(stage.at("right", "d"))];
    assert.deepEqual(names.map(({ name }) => name), ["a.txt"]);
  },
  { leavesAlone: true, isMirrored: false },
);

/** Links and a pipe on Left; beside the link `taken`, a file on Right. */
function makeOddThings(stage: Stage): void {
  const outside = `${stage.office.folder}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret.txt`, "secret");
  Deno.symlinkSync(outside, stage.at("left", "to-folder"));
  Deno.symlinkSync(`${outside}/secret.txt`, stage.at("left", "to-file"));
  Deno.symlinkSync("nowhere", stage.at("left", "dangling"));
  Deno.symlinkSync("a.txt", stage.at("left", "taken"));
  const { success } = new Deno.Command("mkfifo", {
    args: [stage.at("left", "pipe")],
  }).outputSync();
  assert.ok(success, "mkfifo");
}

scenario(
  "symlinks and special files on left are warned of and never touched",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    makeOddThings(stage);
    stage.write({
      right: { taken: "a real file", "to-folder": { "in.txt": "x" } },
    });
    const before = stage.snapshots();
    const { document } = await stage.does([]);
    assert.deepEqual(
      document.problems.filter(({ side }) => side === "left")
        .map(({ path }) => path).sort(),
      ["dangling", "pipe", "taken", "to-file", "to-folder"],
    );
    assert.deepEqual(stage.snapshots(), before);
    const log = Deno.readTextFileSync(stage.office.log);
    assert.match(log, / WARNING .*path="pipe"/);
  },
  { leavesAlone: true, by: "program" },
);

scenario(
  "an unreadable folder on left is unknown on both sides until it can be read",
  async (stage) => {
    await stage.begin({
      d: { "gone.txt": "g", "edited.txt": "e", in: { "x.txt": "x" } },
      "a.txt": "a",
    });
    stage.remove("right", "d/gone.txt", "d/in");
    stage.write({ right: { d: { "edited.txt": "edited" }, "new.txt": "new" } });
    Deno.chmodSync(stage.at("left", "d"), 0o000);
    const theirs = () =>
      Object.entries(snapshot(stage.root("right"))).filter(([path]) =>
        !path.startsWith(".office-sync/")
      );
    const right = theirs();
    const told = stage.told(await stage.office.humbleHere("--json"));
    Deno.chmodSync(stage.at("left", "d"), 0o755);
    assert.equal(told.code, 1);
    assert.deepEqual(told.lines, ["5.10 COPY_RIGHT_TO_LEFT new.txt"]);
    const { problems, summary } = told.document;
    assert.deepEqual(
      problems.map(({ side, path }) => `${side} ${path}`),
      ["left d"],
    );
    assert.equal(summary.unknown, 1);
    assert.deepEqual(theirs(), right);
    await stage.does([
      "5.4 COPY_RIGHT_TO_LEFT d/edited.txt",
      "5.8 SOFT_DELETE_LEFT d/gone.txt -> deleted/d/gone.txt",
      "5.8 SOFT_DELETE_LEFT d/in/x.txt -> deleted/d/in/x.txt",
      "REMOVE_DIR_LEFT d/in",
    ]);
  },
);

scenario(
  "an unreadable new file on left stops nothing else, and is copied once it can be read (R 5.9)",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({
      left: { "closed.txt": file("c", { mode: 0o000 }), "new.txt": "n" },
    });
    const told = stage.told(await stage.office.humbleHere("--json"));
    assert.equal(told.code, 1);
    const there = read(stage.root("right"));
    assert.deepEqual(there, { "a.txt": "a", "new.txt": "n" });
    const { skipped, failed, unknown } = told.document.summary;
    assert.equal(skipped! + failed! + unknown!, 1);
    Deno.chmodSync(stage.at("left", "closed.txt"), 0o644);
    await stage.does(["5.9 COPY_LEFT_TO_RIGHT closed.txt"]);
  },
  { isMirrored: false },
);

scenario(
  "a folder on right that can't be written to fails alone, exit 1 (R 5.9)",
  async (stage) => {
    await stage.begin({ d: { "a.txt": "a" } });
    stage.write({ left: { d: { "b.txt": "b" }, "c.txt": "c" } });
    Deno.chmodSync(stage.at("right", "d"), 0o555);
    const told = stage.told(await stage.office.humbleHere("--json"));
    Deno.chmodSync(stage.at("right", "d"), 0o755);
    assert.equal(told.code, 1);
    assert.deepEqual(stage.trees().right, {
      "c.txt": "c",
      d: { "a.txt": "a" },
    });
    assert.match(
      Deno.readTextFileSync(stage.office.log),
      /(?:WARNING|ERROR) .*d\/b\.txt/,
    );
    await stage.does(["5.9 COPY_LEFT_TO_RIGHT d/b.txt"]);
  },
  { isMirrored: false },
);

Deno.test("a folder whose new name can't be looked into is left alone with all below it, and told by name", async () => {
  for (const isMirrored of [false, true]) {
    using stage = new Stage("", isMirrored, "run", new MemoryOffice());
    await stage.begin({
      d: { "a.txt": "a", e: { "b.txt": "b", empty: {} } },
      "x.txt": "x",
    });
    stage.rename("left", "d", "gone");
    Deno.chmodSync(stage.at("left", "gone"), 0);
    const before = read(stage.root("right"));
    const { code, stdout } = await stage.office.humbleHere();
    Deno.chmodSync(stage.at("left", "gone"), 0o755);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /d: it is now gone, which is left alone/);
    assert.deepEqual(read(stage.root("right")), before);
    // With its old name back all is as it was.
    stage.rename("left", "gone", "d");
    await stage.rests(0);
    stage.agrees();
  }
});

// What programs do while they save: the path is gone for a moment.

const BAK = 'ignore:\n  extensions: [bak]\n  filenames_prefix: ["~$"]\n';

scenario(
  "a document that is being saved on left waits, and that is what is said",
  async (stage) => {
    await stage.begin({ "Brief.docx": "agreed", "other.txt": "other" });
    stage.rename("left", "Brief.docx", "~WRL0001.tmp");
    stage.write({ right: { "Brief.docx": "edited there" } });
    const { document, lines } = await stage.ends(0);
    assert.deepEqual(lines, []);
    assert.equal(document.summary.waiting, 1);
    assert.equal(document.summary.unknown, 0);
    const told = await stage.office.commandHere();
    assert.match(told.stdout, /agree but for what is being saved/);
    assert.match(told.stdout, /Waiting for the next run: 1/);
    for (const name of ["Brief.docx", "~WRL0001.tmp"]) {
      const why = await stage.office.commandHere("why", name);
      assert.match(why.stdout, /being saved/);
    }
    stage.rename("left", "~WRL0001.tmp", "Brief.docx");
    await stage.does(["5.4 COPY_RIGHT_TO_LEFT Brief.docx"]);
  },
);

for (const isEdited of [false, true]) {
  Deno.test(`an ignored name is a deletion once runs ten minutes apart have met it${isEdited ? ", also where the ignored file was edited" : ""} (R 5.7)`, async () => {
    using office = new MemoryOffice(BAK);
    office.write({ left: { "a.txt": file("agreed"), "b.txt": file("b") } });
    await office.agree();
    Deno.renameSync(`${office.left}/a.txt`, `${office.left}/a.bak`);
    if (isEdited) write(office.left, { "a.bak": "edited since" });
    const at = async (minutes: number) => {
      const startedAtMs = Date.now() + minutes * 60_000;
      const result = await office.run({ startedAtMs });
      assert.equal(result.exitCode, 0, describe(result));
      return result.outcomes.map(({ action }) => action.name)
        .filter((name) => name !== "NOOP");
    };
    assert.deepEqual(await at(0), []);
    assert.deepEqual(await at(9), []);
    assert.deepEqual(await at(10.1), ["SOFT_DELETE_RIGHT"]);
    assert.deepEqual(await at(30), []);
  });
}

Deno.test("a save that ended in between is no reason to count on", async () => {
  using office = new MemoryOffice();
  office.write({ left: { "a.txt": file("agreed") } });
  await office.agree();
  const names = async (minutes: number) => {
    const startedAtMs = Date.now() + minutes * 60_000;
    const { outcomes } = await office.run({ startedAtMs });
    return outcomes.map(({ action }) => action.name)
      .filter((name) => name !== "NOOP");
  };
  const rename = (from: string, to: string) =>
    Deno.renameSync(`${office.left}/${from}`, `${office.left}/${to}`);
  rename("a.txt", "a.txt~");
  assert.deepEqual(await names(0), []);
  rename("a.txt~", "a.txt");
  assert.deepEqual(await names(8), []);
  rename("a.txt", "a.txt~");
  assert.deepEqual(await names(16), [], "the ten minutes begin anew");
});

// What somebody has open, and who that is said to be.

scenario(
  "who has a document open on right is said by summary, plan, log, page and why",
  async (stage) => {
    const owner = "Anna Berg,anna,pc-7,30.11.2026 09:12,;";
    await stage.begin({ d: { "Plan.odt": "agreed", "Plan.xlsx": "agreed" } });
    stage.write({
      left: { d: { "Plan.odt": "edited here" } },
      right: { d: { ".~lock.Plan.odt#": owner } },
    });
    const { document } = await stage.ends(0);
    assert.equal(document.summary.waiting, 1);
    assert.deepEqual(document.problems, []);
    const says = /open by Anna Berg \(LibreOffice\) since \d\d:\d\d/;
    const page = `${stage.office.folder}/page.html`;
    const told = await stage.office.commandHere("--report", page);
    assert.match(told.stdout, says);
    assert.match(told.stdout, /agree but for what is open, listed above/);
    assert.match(Deno.readTextFileSync(page), says);
    assert.match(Deno.readTextFileSync(stage.office.log), says);
    const plan = await stage.office.commandHere("plan");
    assert.match(plan.stdout, says);
    for (const path of ["d/Plan.odt", "d/.~lock.Plan.odt#"]) {
      const why = await stage.office.commandHere("why", path);
      assert.match(why.stdout, says, path);
      assert.match(why.stdout, /^ {2}Waits: d\/Plan\.odt: /m);
      assert.match(why.stdout, /Config: open_documents: wait \(default\)/);
    }
    stage.remove("right", "d/.~lock.Plan.odt#");
    await stage.does(["5.3 COPY_LEFT_TO_RIGHT d/Plan.odt"]);
  },
);

scenario(
  "a conflict whose document is open is resolved where that changes nothing under its program",
  async (stage) => {
    await stage.begin({ "Plan.xlsx": "agreed" });
    stage.write({
      left: { "Plan.xlsx": "edited here" },
      right: { "Plan.xlsx": "edited there, too" },
    });
    await stage.ends(1);
    stage.write({ right: { "~$Plan.xlsx": "owner" } });
    const { code, stderr, stdout } = await resolves(stage, "left");
    assert.equal(code, 1);
    assert.match(stdout + stderr, /Plan\.xlsx is open in Excel since/);
    assert.match(stdout + stderr, /Have it closed there/);
    const saved = await resolves(stage, "right");
    assert.equal(saved.code, 0, saved.stderr);
    stage.remove("right", "~$Plan.xlsx");
    stage.holds({ "Plan.xlsx": "edited there, too" });
  },
  { settings: "conflict_policy: { modify_modify: notify }\n" },
);

function resolves(stage: Stage, take: "left" | "right") {
  const side = stage.isMirrored ? SWAPPED[take]! : take;
  const words = ["conflicts", "resolve", "Plan.xlsx", side];
  return stage.office.commandHere(...words);
}
