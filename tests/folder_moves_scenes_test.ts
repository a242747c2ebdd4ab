import assert from "node:assert/strict";
import fc from "fast-check";
import {
  agreed,
  assertAgreed,
  files,
  foldersRenamed,
} from "./moving_folders.ts";
import { actions, file, type Office, type Tree } from "./support.ts";
import { intercept, systemError } from "./two_roots.ts";
import type { Side } from "../lib/types.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

/** Something that somebody may do to a folder of many files. */
interface Edit {
  readonly side: Side;
  readonly what: "edit" | "delete" | "new" | "rename" | "new folder";
  readonly at: string;
  readonly n: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  side: fc.constantFrom<Side>("left", "left", "left", "right"),
  what: fc.constantFrom<Edit["what"]>(
    "edit",
    "delete",
    "new",
    "new",
    "rename",
    "new folder",
  ),
  at: fc.constantFrom("", "in/", "in/deep/"),
  n: fc.integer({ min: 0, max: 5 }),
});
const scene = fc.record({
  to: fc.constantFrom("is", "apart/is", "new/is"),
  edits: fc.array(edit, { maxLength: 3 }),
});

function carryOut(
  office: Office,
  { to, edits }: {
    to: string;
    edits: readonly Edit[];
  },
): void {
  Deno.mkdirSync(`${office.left}/new`);
  Deno.renameSync(`${office.left}/was`, `${office.left}/${to}`);
  for (const { side, what, at, n } of edits) {
    const folder = `${office[side]}/${side === "left" ? to : "was"}/${at}`;
    const path = `${folder}f${n}`;
    try {
      if (what === "edit") Deno.writeTextFileSync(path, `edited on ${side}`);
      else if (what === "delete") Deno.removeSync(path);
      else if (what === "rename") Deno.renameSync(path, `${folder}g${n}`);
      else if (what === "new") Deno.writeTextFileSync(`${folder}n${n}`, "new");
      else Deno.mkdirSync(`${folder}d${n}`);
    } catch (error) {
      // Two edits of one file.
      if (
        !(error instanceof Deno.errors.NotFound) &&
        !(error instanceof Deno.errors.AlreadyExists)
      ) throw error;
    }
  }
}

Deno.test("whether a folder moves as a whole or file by file makes no difference to what comes of it", async () => {
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(scene, async (scene) => {
      const old = (content: string) =>
        file(content, { mtime: 1_577_836_922_202 });
      const some = (count: number): Tree =>
        Object.fromEntries(
          Object.entries(files(count)).map((
            [name, content],
          ) => [name, old(content)]),
        );
      const tree: Tree = {
        was: { ...some(14), in: { ...some(6), deep: some(6) } },
        apart: {},
      };
      using together = await agreed(tree);
      using single = await agreed(tree);
      carryOut(together, scene);
      carryOut(single, scene);
      let told: string[] = [];
      whole += (await foldersRenamed(together, async () => {
        told = actions(await together.settle());
      })).length;
      {
        using _ = intercept("renameSync", (real, from, to) => {
          if (Deno.lstatSync(from!).isDirectory) throw systemError("EACCES");
          real(from, to);
        });
        assert.deepEqual(actions(await single.settle()), told);
      }
      assert.deepEqual(together.trees(), single.trees());
      await assertAgreed(together);
    }),
    { numRuns: 12 },
  );
  assert.ok(whole > 3, `${whole} folders`);
});
