/** Versions that perhaps nobody meant, and metadata that prove nothing. */
import assert from "node:assert/strict";
import { LONG_AGO, scenario, Stage } from "./support/scenario.ts";
import {
  describe,
  file,
  Office,
  softDeleted,
  write,
} from "./support/support.ts";
import { intercept, systemError } from "./support/two_roots.ts";

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

Deno.test("30 of 50 files changed on one side: what they replace is kept and told; 29 are edits like any", async () => {
  for (const changed of [29, 30]) {
    using office = new Office("safety:\n  max_change_percent: 50\n");
    office.write({ left: files(50, (n) => `good ${n}`) });
    await office.settle();
    write(office.left, files(changed, (n) => `XXXX ${n}`, LONG_AGO + HOUR));
    const result = await office.run();
    assert.equal(result.exitCode, 0, describe(result));
    const kept = Object.keys(softDeleted(office.right)).length;
    assert.equal(kept, changed === 30 ? 30 : 0, `${changed} changed`);
  }
});

Deno.test("30 of 60 files changed are half of them, not more: nothing is kept", async () => {
  using office = new Office();
  office.write({ left: files(60, (n) => `good ${n}`) });
  await office.settle();
  write(office.left, files(30, (n) => `XXXX ${n}`, LONG_AGO + HOUR));
  await office.run();
  assert.deepEqual(softDeleted(office.right), {});
});

Deno.test("with --allow-changes, what 250 changed files replace is kept as well", async () => {
  using office = new Office();
  office.write({ left: files(250, (n) => `good ${n}`) });
  await office.settle();
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
  await stage.office.settle();
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

/** What keeps a run from settling a.txt, and how that ends. */
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
      await stage.office.settle();
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
    await stage.office.settle();
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
