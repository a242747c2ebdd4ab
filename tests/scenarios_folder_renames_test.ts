/** Folders that got another name: one rename, and what was done inside. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Stage } from "./support/scenario.ts";
import type { describe, Tree } from "./support/support.ts";
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
