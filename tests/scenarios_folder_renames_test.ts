/** Folders that got another name: one rename, and what was done inside. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Stage } from "./support/scenario.ts";
import { actions, describe, type Tree } from "./support/support.ts";
import { intercept, systemError } from "./support/two_roots.ts";

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

folders(
  "a folder that was renamed on left is one rename on right (R 5.11)",
  async (stage) => {
    await stage.begin({ P: IN, "x.txt": "x" });
    const inode = Deno.statSync(stage.at("right", "P/a.txt")).ino;
    stage.rename("left", "P", "Q");
    await stage.makes(["RENAME_RIGHT P -> Q (3)"]);
    assert.equal(Deno.statSync(stage.at("right", "Q/a.txt")).ino, inode);
    stage.holds({ Q: IN, "x.txt": "x" });
  },
);

folders(
  "what was edited, renamed, made and removed in it, here and there, is decided under the new name",
  async (stage) => {
    await stage.begin({
      P: {
        "here.txt": "1",
        "there.txt": "2",
        "renamed here.txt": "3",
        "renamed there.txt": "4",
        "gone here.txt": "5",
        "gone there.txt": "6",
        e: { "f.txt": "7" },
      },
    });
    stage.write({
      left: { P: { "here.txt": "edited here", "new here.txt": "new" } },
      right: { P: { "there.txt": "edited there", "new there.txt": "also" } },
    });
    stage.rename("left", "P/renamed here.txt", "P/name here.txt");
    stage.rename("right", "P/renamed there.txt", "P/name there.txt");
    stage.remove("left", "P/gone here.txt");
    stage.remove("right", "P/gone there.txt");
    stage.rename("left", "P", "Q");
    await stage.makes([
      "RENAME_RIGHT P -> Q (7)",
      "COPY_LEFT_TO_RIGHT Q/here.txt",
      "COPY_RIGHT_TO_LEFT Q/there.txt",
      "COPY_LEFT_TO_RIGHT Q/new here.txt",
      "COPY_RIGHT_TO_LEFT Q/new there.txt",
      "RENAME_RIGHT Q/renamed here.txt -> Q/name here.txt",
      "RENAME_LEFT Q/renamed there.txt -> Q/name there.txt",
      "SOFT_DELETE_RIGHT Q/gone here.txt",
      "SOFT_DELETE_LEFT Q/gone there.txt",
    ]);
    assert.equal(Object.keys(stage.trees().left).join(), "Q");
  },
);

folders(
  "a file in it that both sides edited is a conflict under the new name (R 5.1)",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.write({
      left: { P: { "a.txt": "edited here" } },
      right: { P: { "a.txt": "edited there" } },
    });
    stage.rename("left", "P", "Q");
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    for (const tree of Object.values(stage.trees())) {
      const contents = Object.values(tree.Q as Tree);
      assert.ok(contents.includes("edited here"));
      assert.ok(contents.includes("edited there"));
    }
  },
);

folders(
  "a folder that was moved into another one, new or old",
  async (stage) => {
    await stage.begin({ P: IN, R: IN, old: { "x.txt": "x" } });
    stage.folders("left", "new");
    stage.rename("left", "P", "new/P");
    stage.rename("left", "R", "old/S");
    await stage.makes([
      "CREATE_DIR_RIGHT new",
      "RENAME_RIGHT P -> new/P (3)",
      "RENAME_RIGHT R -> old/S (3)",
    ]);
    stage.holds({ new: { P: IN }, old: { S: IN, "x.txt": "x" } });
  },
);

folders(
  "a folder that was moved into one that was renamed itself",
  async (stage) => {
    await stage.begin({ A: IN, C: IN });
    stage.rename("left", "A", "B");
    stage.rename("left", "C", "B/C");
    await stage.makes(["RENAME_RIGHT A -> B (3)", "RENAME_RIGHT C -> B/C (3)"]);
    stage.holds({ B: { ...IN, C: IN } });
  },
);

folders("nested renames on both sides", async (stage) => {
  await stage.begin({ A: { x: IN, "n.txt": "n" } });
  stage.rename("left", "A", "B");
  stage.rename("right", "A/x", "A/y");
  await stage.makes(["RENAME_RIGHT A -> B (4)", "RENAME_LEFT B/x -> B/y (3)"]);
  stage.holds({ B: { y: IN, "n.txt": "n" } });
});

folders(
  "a folder that was taken out of one that the other side renamed",
  async (stage) => {
    await stage.begin({ A: { x: IN, "n.txt": "n" } });
    stage.rename("left", "A/x", "x");
    stage.rename("right", "A", "B");
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    stage.holds({ B: { "n.txt": "n" }, x: IN });
  },
);

folders(
  "renamed on left, removed on right: the files come back under the new name (R 5.6)",
  async (stage) => {
    await stage.begin({ P: IN, "x.txt": "x" });
    stage.rename("left", "P", "Q");
    stage.remove("right", "P");
    await stage.makes([
      "CREATE_DIR_RIGHT Q",
      "CREATE_DIR_RIGHT Q/e",
      "COPY_LEFT_TO_RIGHT Q/a.txt",
      "COPY_LEFT_TO_RIGHT Q/b.txt",
      "COPY_LEFT_TO_RIGHT Q/e/c.txt",
    ]);
    stage.holds({ Q: IN, "x.txt": "x" });
  },
);

folders("archived and made anew", async (stage) => {
  await stage.begin({ P: IN });
  stage.rename("left", "P", "P_alt");
  stage.folders("left", "P");
  stage.write({ left: { P: { "a.txt": "a new one" } } });
  await stage.makes([
    "RENAME_RIGHT P -> P_alt (3)",
    "CREATE_DIR_RIGHT P",
    "COPY_LEFT_TO_RIGHT P/a.txt",
  ]);
  stage.holds({ P_alt: IN, P: { "a.txt": "a new one" } });
});

folders(
  "two folders swapped: by their files, with the right contents",
  async (stage) => {
    const other: Tree = { "a.txt": "other a", "d.txt": "other d" };
    await stage.begin({ P: IN, Q: other });
    stage.rename("left", "P", "tmp");
    stage.rename("left", "Q", "P");
    stage.rename("left", "tmp", "Q");
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    stage.holds({ P: other, Q: IN });
  },
);

folders(
  "a chain of names, P is Q now and Q is R: by their files",
  async (stage) => {
    const other: Tree = { "d.txt": "other d" };
    await stage.begin({ P: IN, Q: other });
    stage.rename("left", "Q", "R");
    stage.rename("left", "P", "Q");
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    stage.holds({ Q: IN, R: other });
  },
);

folders(
  "A went into B here and B into A there: by their files, with the right contents",
  async (stage) => {
    await stage.begin({
      A: { "a.txt": "a" },
      B: { "b.txt": "b" },
      "x.txt": "x",
    });
    stage.rename("left", "A", "B/A");
    stage.rename("right", "B", "A/B");
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    const text = JSON.stringify(stage.trees());
    for (const content of ["a", "b"]) {
      assert.ok(text.split(`"${content}"`).length > 2, text);
    }
  },
);

folders(
  "the same new name on both sides: only the record follows",
  async (stage) => {
    await stage.begin({ P: IN });
    for (const side of ["left", "right"] as const) stage.rename(side, "P", "Q");
    stage.write({ right: { Q: { "a.txt": "edited there" } } });
    await stage.makes(["COPY_RIGHT_TO_LEFT Q/a.txt"]);
  },
);

folders(
  "two new names: one conflict of the folder, Left's is taken (R 5.13)",
  async (stage) => {
    await stage.begin({ P: IN });
    const [left, right] = stage.isMirrored ? ["R", "Q"] : ["Q", "R"];
    stage.rename("left", "P", left);
    stage.rename("right", "P", right);
    const result = await stage.office.run();
    assert.equal(result.exitCode, 0, describe(result));
    assert.deepEqual(actions(result), ["RENAME_RIGHT R -> Q"]);
    const [outcome] = result.outcomes.filter(({ action }) => action.conflict);
    assert.equal(outcome?.action.conflict?.kind, "metadata_conflict");
    stage.holds({ Q: IN });
  },
);

folders(
  "two new names under notify: all below waits for a person (R 5.13)",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "Q");
    stage.rename("right", "P", "R");
    stage.write({ left: { Q: { "a.txt": "edited here" } } });
    await stage.makes([], 1);
    assert.deepEqual(stage.trees(), {
      left: { Q: { ...IN, "a.txt": "edited here" } },
      right: { R: IN },
    });
    // Put back on one side it is settled.
    stage.rename("right", "R", "P");
    await stage.makes([
      "RENAME_RIGHT P -> Q (3)",
      "COPY_LEFT_TO_RIGHT Q/a.txt",
    ]);
  },
  { settings: "conflict_policy:\n  metadata_conflict: notify\n" },
);

for (const take of ["left", "right"] as const) {
  folders(
    `of two new names a person chooses that of ${take} (R 5.13)`,
    async (stage) => {
      await stage.begin({ P: IN });
      stage.rename("left", "P", "Q");
      stage.rename("right", "P", "R");
      await stage.makes([], 1);
      const name = stage.isMirrored ? "R" : "Q";
      const { code, stdout } = await stage.office.command(
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

folders("the new name is taken on right: by its files", async (stage) => {
  await stage.begin({ P: IN });
  stage.rename("left", "P", "Q");
  stage.folders("right", "Q");
  stage.write({ right: { Q: { "z.txt": "z" } } });
  const result = await stage.office.run();
  assert.equal(result.exitCode, 0, describe(result));
  stage.holds({ Q: { ...IN, "z.txt": "z" } });
});

folders(
  "a folder that got an ignored name was deleted (R 5.7)",
  async (stage) => {
    await stage.begin({ P: IN, "x.txt": "x" });
    stage.rename("left", "P", "~$P");
    await stage.makes([
      "SOFT_DELETE_RIGHT P/a.txt",
      "SOFT_DELETE_RIGHT P/b.txt",
      "SOFT_DELETE_RIGHT P/e/c.txt",
      "REMOVE_DIR_RIGHT P/e",
      "REMOVE_DIR_RIGHT P",
    ]);
  },
  {
    settings:
      'ignore:\n  filenames_prefix: ["~$"]\nsafety:\n  max_delete_files: 100\n',
    leavesAlone: true,
  },
);

folders(
  "a folder that went into a trash was deleted, and is kept (R 5.7)",
  async (stage) => {
    await stage.begin({ P: { "a.txt": "a" }, "#recycle": {} });
    stage.rename("left", "P", "#recycle/P");
    await stage.makes([
      "CREATE_DIR_RIGHT #recycle/P",
      "COPY_LEFT_TO_RIGHT #recycle/P/a.txt",
      "SOFT_DELETE_RIGHT P/a.txt",
      "REMOVE_DIR_RIGHT P",
    ]);
  },
);

folders("open conflicts and what is unknown in it go along", async (stage) => {
  await stage.begin({ P: IN });
  stage.write({
    left: { P: { "a.txt": "edited here" } },
    right: { P: { "a.txt": "edited there" } },
  });
  Deno.symlinkSync("a.txt", stage.at("right", "P/link"));
  await stage.makes([], 1);
  stage.rename("left", "P", "Q");
  await stage.makes(["RENAME_RIGHT P -> Q (3)"], 1);
  assert.deepEqual(
    stage.trees().right,
    { Q: { ...IN, "a.txt": "edited there", link: "-> a.txt" } },
  );
}, {
  settings: "conflict_policy:\n  modify_modify: notify\n",
  leavesAlone: true,
});

folders("a renamed folder of 40 files is no mass deletion", async (stage) => {
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, n) => [`f${n}.txt`, `of ${n}`]),
  );
  await stage.begin({ P: files });
  stage.rename("left", "P", "Q");
  await stage.makes(["RENAME_RIGHT P -> Q (40)"]);
});

folders("an empty folder that was renamed", async (stage) => {
  await stage.begin({ P: {}, "x.txt": "x" });
  stage.rename("left", "P", "Q");
  await stage.makes(["RENAME_RIGHT P -> Q (0)"]);
  stage.holds({ Q: {}, "x.txt": "x" });
});

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
      assert.match(outcome?.detail ?? "", /2 renamed, 1 not: b.txt/);
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
  "a folder whose new name is a date, eight digits, is renamed like any (R 5.11)",
  async (stage) => {
    await stage.begin({ P: IN });
    stage.rename("left", "P", "20240115");
    await stage.makes(["RENAME_RIGHT P -> 20240115 (3)"]);
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
