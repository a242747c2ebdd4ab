import assert from "node:assert/strict";
import { basename } from "node:path";
import { Refused } from "../../lib/names.ts";
import { Root } from "../../lib/root_files.ts";
import { PLAIN_TRAITS } from "../../lib/root_traits.ts";
import { describe, read } from "../support/support.ts";
import { Office, old, respell, shortPath } from "./support.ts";

Deno.test("names that differ in case only are one file, and get the newer side's spelling", async () => {
  using office = new Office().write({
    left: { "PLAN.txt": old("same") },
    right: { "Plan.txt": old("same", 1) },
  });
  await office.does(["RENAME_LEFT PLAN.txt -> Plan.txt"]);
  office.holds({ "Plan.txt": "same" });
  await office.rests();
});

Deno.test("another spelling of a file and of a folder is brought to the other side, both ways", async () => {
  using office = new Office().write({
    left: {
      a: old("1"),
      d: { b: old("22") },
    },
  });
  await office.agrees();
  respell(office.left, "a", "A");
  respell(office.right, "d", "D");
  await office.does(["RENAME_RIGHT a -> A", "RENAME_LEFT d -> D"]);
  office.holds({ A: "1", D: { b: "22" } });
  await office.rests();
});

/** Such names come from other systems, and can be told by no plain path. */
const ODD = ["ends with a dot.", "ends with a space ", "aux.txt", "CON", "a:b"];

for (const name of ODD) {
  for (const side of ["left", "right"] as const) {
    Deno.test(`"${name}" on ${side} is left alone with a reason, and not taken for another file`, async () => {
      const other = side === "left" ? "right" : "left";
      const plain = name.replace(/[. ]$/, "");
      using office = new Office().write({ left: { b: "1" } });
      await office.agrees();
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

for (const long of ["left", "right"] as const) {
  const short = long === "left" ? "right" : "left";
  const where = long === "left" ? "Left" : "Right";

  for (const isFolder of [false, true]) {
    const what = isFolder ? "folder" : "file";
    const name = isFolder ? "Langer Ordner" : "Langer Dateiname.docx";
    const entry = (text: string) => {
      const one = old(text);
      return isFolder ? { a: one } : one;
    };
    const plain = (text: string) => isFolder ? { a: text } : text;

    Deno.test(`a ${what} of the short name that another has on ${where} is told, with the way out, and nothing is lost`, async () => {
      using office = new Office();
      office.write({ [long]: { [name]: entry("long") } });
      const alias = basename(shortPath(office.at(long, name)));
      assert.match(alias, /~/);
      office.write({ [short]: { [alias]: entry("another") } });
      for (let n = 0; n < 2; n++) {
        const result = await office.run();
        assert.equal(result.exitCode, 1, describe(result));
        const said = result.outcomes.map(({ detail }) => detail ?? "");
        const told = `on ${where} "${alias}" is a second name of "${name}": ` +
          "rename one of the two";
        assert.ok(said.includes(told), describe(result));
        assert.deepEqual(read(office[long]), { [name]: plain("long") });
        assert.deepEqual(read(office[short]), {
          [name]: plain("long"),
          [alias]: plain("another"),
        });
      }
      Deno.renameSync(office.at(short, alias), office.at(short, "other"));
      await office.agrees();
      office.holds({ [name]: plain("long"), other: plain("another") });
    });
  }

  Deno.test(`a file whose name became the short one of another on ${where} is gone there, and follows`, async () => {
    using office = new Office();
    const name = "Langer Dateiname.docx";
    office.write({ [long]: { [name]: "x" } });
    const alias = basename(shortPath(office.at(long, name)));
    Deno.removeSync(office.at(long, name));
    office.write({ left: { [alias]: old("own") } });
    await office.agrees();
    Deno.removeSync(office.at(long, alias));
    office.write({ [long]: { [name]: "a new one" } });
    await office.agrees();
    office.holds({ [name]: "a new one" });
    assert.deepEqual(office.softDeleted(short), { [alias]: "own" });
    await office.rests();
  });

  Deno.test(`a file that takes its own short name gets it on ${where} too`, async () => {
    using office = new Office();
    const name = "Langer Dateiname.docx";
    office.write({ left: { [name]: old("1") } });
    await office.agrees();
    const alias = basename(shortPath(office.at(long, name)));
    Deno.renameSync(office.at(short, name), office.at(short, "~"));
    Deno.renameSync(office.at(short, "~"), office.at(short, alias));
    await office.agrees();
    office.holds({ [alias]: "1" });
    await office.rests();
  });
}

Deno.test("the short name of the program's own folder leads nobody into it, nor does any other spelling", async () => {
  using office = new Office().write({ left: { a: old("1") } });
  await office.agrees();
  const alias = basename(shortPath(office.at("left", ".office-sync")));
  assert.match(alias, /~/);
  const root = new Root("left", office.left, PLAIN_TRAITS);
  const told = { name: "Skipped", message: /a second name of "\.office-sync"/ };
  for (const name of [alias, alias.toLowerCase()]) {
    // The system itself would go there.
    assert.ok(Deno.lstatSync(office.at("left", `${name}/root.json`)).isFile);
    assert.throws(() => root.absolute(name), told);
    assert.throws(() => root.absolute(`${name}/root.json`), told);
    assert.throws(() => root.look(`${name}/root.json`), told);
  }
  for (
    const name of [
      ".OFFICE-SYNC",
      ".office-sync.",
      ".office-sync ",
      ".office-sync. .",
      ".office-sync::$INDEX_ALLOCATION",
      `.\\.office-sync`,
      ".office-sync\\root.json",
    ]
  ) {
    assert.throws(() => root.absolute(name), Refused, name);
    assert.throws(() => root.look(`${name}/root.json`), Refused, name);
  }
});
