import assert from "node:assert/strict";
import { describe, file, read } from "../tests/support.ts";
import { Office } from "./support.ts";

const LONG_AGO = Date.UTC(2024, 0, 15, 8, 30);

Deno.test("names that differ in case only are one file, and get the newer side's spelling", async () => {
  using office = new Office().write({
    left: { "PLAN.txt": file("same", { mtime: LONG_AGO }) },
    right: { "Plan.txt": file("same", { mtime: LONG_AGO + 60_000 }) },
  });
  await office.does(["RENAME_LEFT PLAN.txt -> Plan.txt"]);
  office.holds({ "Plan.txt": "same" });
  await office.rests();
});

Deno.test("another spelling of a file and of a folder is brought to the other side, both ways", async () => {
  using office = new Office().write({
    left: {
      a: file("1", { mtime: LONG_AGO }),
      d: { b: file("22", { mtime: LONG_AGO }) },
    },
  });
  assert.equal((await office.run()).exitCode, 0);
  respell(office.left, "a", "A");
  respell(office.right, "d", "D");
  await office.does(["RENAME_RIGHT a -> A", "RENAME_LEFT d -> D"]);
  office.holds({ A: "1", D: { b: "22" } });
  await office.rests();
});

/** Through another name: wine does nothing in one step. */
function respell(folder: string, from: string, to: string): void {
  Deno.renameSync(`${folder}\\${from}`, `${folder}\\~`);
  Deno.renameSync(`${folder}\\~`, `${folder}\\${to}`);
}

/** Such names come from other systems, and can be told by no plain path. */
const ODD = ["ends with a dot.", "ends with a space ", "aux.txt", "CON", "a:b"];

for (const name of ODD) {
  for (const side of ["left", "right"] as const) {
    Deno.test(`"${name}" on ${side} is left alone with a reason, and not taken for another file`, async () => {
      const other = side === "left" ? "right" : "left";
      const plain = name.replace(/[. ]$/, "");
      using office = new Office().write({ left: { b: "1" } });
      assert.equal((await office.run()).exitCode, 0);
      // Last of all, as it is removed by its full name only.
      const odd = `\\\\?\\${office[side]}\\${name}`;
      Deno.writeTextFileSync(odd, "odd");
      if (plain !== name) office.write({ [side]: { [plain]: "another" } });
      office.write({ [other]: { b: "edited" } });
      try {
        for (let n = 0; n < 2; n++) {
          const result = await office.run();
          assert.equal(result.exitCode, 1, describe(result));
          assert.deepEqual(
            result.problems.map(({ side, path }) => [side, path]),
            [[side, name]],
          );
          assert.match(
            result.problems[0]!.reason,
            /^this system can't open .*: rename it on the machine that made it/,
          );
        }
        const copied = plain === name ? {} : { [plain]: "another" };
        assert.deepEqual(read(office[other]), { b: "edited", ...copied });
        assert.equal(Deno.readTextFileSync(odd), "odd");
      } finally {
        Deno.removeSync(odd);
      }
      await office.does([]);
    });
  }
}
