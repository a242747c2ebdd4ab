import assert from "node:assert/strict";
import type { RunResult } from "../../lib/run_types.ts";
import type { Side } from "../../lib/types.ts";
import { describe, read, type Tree } from "../support/support.ts";
import { replaceCall } from "../support/system_calls.ts";
import { Locked, Office, old, respell, SHARE } from "./support.ts";

const IN: Tree = { a: "1", b: "22", e: { c: "333" } };
const IN_USE = "it is in use by another program (EBUSY)";
const IN_IT = "something in it is in use, or it is protected (EPERM)";

/**
 * Both sides hold a folder, each made it itself: wine tells its last change as
 * the time it was made, so that one which a run made and filled passes for
 * another.
 */
async function officeWith(name: string): Promise<Office> {
  const tree = { a: old("1"), b: old("22"), e: { c: old("333") } };
  const both = { [name]: tree };
  const office = new Office().write({ left: both, right: both });
  await office.rests();
  return office;
}

/** P has become Q everywhere but on a side. */
async function renamedFor(on: Side): Promise<Office> {
  const office = await officeWith("P");
  const other = on === "left" ? "right" : "left";
  Deno.renameSync(office.at(other, "P"), office.at(other, "Q"));
  return office;
}

/** As Windows, and not wine: no folder is renamed in which a file is open. */
function refused(folder: string): Disposable {
  return replaceCall(Deno, "renameSync", (real, from, to) => {
    if (from.replaceAll("/", "\\") === folder) {
      const denied = "Access is denied. (os error 5)";
      const error = new Deno.errors.PermissionDenied(denied);
      throw Object.assign(error, { code: "EPERM" });
    }
    real(from, to);
  });
}

/** A run that leaves something, and why. */
async function leaves(office: Office, lines: readonly string[]): Promise<void> {
  const result = await office.run();
  assert.deepEqual(
    notDone(result).map((it) => it.replace(/\.office-sync-tmp-[^"]*/, "…")),
    lines,
  );
  assert.equal(result.exitCode, 1, describe(result));
}

function notDone({ outcomes }: RunResult): string[] {
  return outcomes.filter(({ kind }) => kind !== "done").map(
    ({ kind, action: { name, path }, detail }) =>
      `${kind} ${name} ${path}: ${detail}`,
  );
}

/** The next run, for which nothing is in use, finishes it. */
async function finishes(office: Office, lines: readonly string[]) {
  await office.does(lines);
  office.holds({ Q: IN });
  await office.rests();
}

for (const on of ["left", "right"] as const) {
  const SIDE = on.toUpperCase();

  for (const share of ["nothing", "allButRemoval"] as const) {
    Deno.test(`a renamed folder with a file that is open on ${on} (others may do ${share}): the others go, the file when it is closed`, async () => {
      using office = await renamedFor(on);
      {
        using _program = new Locked(office.at(on, "P\\b"), SHARE[share]);
        using _system = refused(office.at(on, "P"));
        await leaves(office, [
          `skipped RENAME_${SIDE} P: file by file (${IN_IT}): ` +
          `2 renamed, 1 not: P/b (${IN_USE})`,
        ]);
        await leaves(office, [
          `skipped RENAME_${SIDE} P/b: ${IN_USE}`,
          `skipped REMOVE_DIR_${SIDE} P: waits for P/b`,
        ]);
      }
      const there = { P: { b: "22" }, Q: { a: "1", e: { c: "333" } } };
      assert.deepEqual(read(office[on]), there);
      await finishes(office, [
        `RENAME_${SIDE} P/b -> Q/b`,
        `REMOVE_DIR_${SIDE} P`,
      ]);
    });
  }

  Deno.test(`a renamed folder with a file that is open on ${on} (others may do all) goes with that file`, async () => {
    using office = await renamedFor(on);
    {
      using _program = new Locked(office.at(on, "P\\b"), SHARE.all);
      using _system = refused(office.at(on, "P"));
      // On such disks a removed name stays until the file is closed.
      await leaves(office, [
        `skipped RENAME_${SIDE} P: file by file (${IN_IT}): 3 renamed, ` +
        '1 not: P (it holds "…" by now; the next run looks at that)',
      ]);
      const { Q } = read(office[on]);
      assert.deepEqual(Q, IN);
    }
    await finishes(office, [`REMOVE_DIR_${SIDE} P`]);
  });

  for (const inside of ["", "/e"]) {
    Deno.test(`a renamed folder that is open on ${on} (P${inside}) is emptied and told, and removed when it is closed`, async () => {
      using office = await renamedFor(on);
      const path = `P${inside}`;
      {
        using _program = new Locked(
          office.at(on, path.replace("/", "\\")),
          SHARE.allButRemoval,
        );
        using _system = inside === "" ? null : refused(office.at(on, "P"));
        const why = inside === "" ? IN_USE : IN_IT;
        await leaves(office, [
          `skipped RENAME_${SIDE} P: file by file (${why}): ` +
          `3 renamed, 1 not: ${path} (${IN_USE})`,
        ]);
        await leaves(office, [
          `skipped REMOVE_DIR_${SIDE} ${path}: ${IN_USE}`,
          ...inside === "" ? [] : [
            `skipped REMOVE_DIR_${SIDE} P: waits for P/e`,
          ],
        ]);
        const there = inside === "" ? { P: {} } : { P: { e: {} } };
        assert.deepEqual(read(office[on]), { ...there, Q: IN });
      }
      await finishes(office, [
        ...inside === "" ? [] : [`REMOVE_DIR_${SIDE} P/e`],
        `REMOVE_DIR_${SIDE} P`,
      ]);
    });
  }

  Deno.test(`a renamed folder in which a command prompt is on ${on}: the real command empties and tells it, and removes it later`, async () => {
    using office = await renamedFor(on);
    const prompt = new Deno.Command("cmd.exe", {
      cwd: office.at(on, "P"),
      stdin: "piped",
      stdout: "null",
    }).spawn();
    try {
      const { actions: [action, ...more] } = await office.ends(1);
      assert.deepEqual(more, []);
      assert.deepEqual([action?.action, action?.path, action?.outcome], [
        `RENAME_${SIDE}`,
        "P",
        "skipped",
      ]);
      assert.equal(
        action?.detail,
        `file by file (${IN_USE}): 3 renamed, 1 not: P (${IN_USE})`,
      );
      assert.deepEqual(read(office[on]), { P: {}, Q: IN });
    } finally {
      await prompt.stdin.close();
      await prompt.status;
    }
    await office.ends(0);
    office.holds({ Q: IN });
    await office.rests();
  });

  Deno.test(`another spelling of a folder that is in use on ${on} waits whole until it is not`, async () => {
    using office = await officeWith("docs");
    respell(office[on === "left" ? "right" : "left"], "docs", "Docs");
    {
      using _program = new Locked(office.at(on, "docs"), SHARE.allButRemoval);
      await leaves(office, [`skipped RENAME_${SIDE} docs: ${IN_USE}`]);
    }
    assert.deepEqual(read(office[on]), { docs: IN });
    {
      using _system = refused(office.at(on, "docs"));
      await leaves(office, [`failed RENAME_${SIDE} docs: ${IN_IT}`]);
    }
    assert.deepEqual(read(office[on]), { docs: IN });
    await office.does([`RENAME_${SIDE} docs -> Docs`]);
    office.holds({ Docs: IN });
    await office.rests();
  });
}
