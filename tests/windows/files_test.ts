import assert from "node:assert/strict";
import { actions, describe, read } from "../support/support.ts";
import { replaceCall } from "../support/system_calls.ts";
import { systemError } from "../support/two_roots.ts";
import { Locked, LONG_AGO, Office, old } from "./support.ts";

const IN_USE = /it is in use by another program/;

/** What is done while another program has a file open, by what is open. */
const LOCKED: readonly [string, "left" | "right", string, string][] = [
  ["the file to be copied", "left", "edited", "COPY_LEFT_TO_RIGHT"],
  ["the file to be replaced", "right", "edited", "COPY_LEFT_TO_RIGHT"],
  ["the file to be removed", "right", "gone", "SOFT_DELETE_RIGHT"],
  ["the file to be renamed", "right", "name", "RENAME_RIGHT"],
  ["a new file", "left", "new", "COPY_LEFT_TO_RIGHT"],
];

Deno.test("what another program has open is skipped with the reason, and done at the next run", async (t) => {
  for (const [what, side, path, action] of LOCKED) {
    await t.step(what, async () => {
      using office = new Office().write({
        left: {
          edited: old("1"),
          gone: old("22"),
          name: old("333"),
        },
      });
      await office.agrees();
      office.write({ left: { edited: "longer", new: old("4444") } });
      Deno.removeSync(office.at("left", "gone"));
      Deno.renameSync(office.at("left", "name"), office.at("left", "renamed"));
      {
        using _program = new Locked(office.at(side, path));
        const result = await office.run();
        assert.equal(result.exitCode, 1, describe(result));
        const [skipped, ...more] = result.outcomes.filter(({ kind }) =>
          kind !== "done"
        );
        assert.deepEqual(more, []);
        const { kind, action: { name }, detail } = skipped!;
        assert.deepEqual([kind, name], ["skipped", action]);
        assert.match(detail ?? "", IN_USE);
      }
      const after = await office.run();
      assert.equal(after.exitCode, 0, describe(after));
      assert.equal(actions(after).length, 1);
      office.holds({ edited: "longer", new: "4444", renamed: "333" });
      assert.deepEqual(office.softDeleted("right"), { gone: "22" });
      await office.does([]);
    });
  }
});

Deno.test("a file that is in use is told by the real command, with exit code 1", async () => {
  using office = new Office().write({ left: { a: "1", b: "22" } });
  {
    using _program = new Locked(office.at("left", "a"));
    const told = await office.ends(1);
    const [skipped] = told.actions.filter(({ outcome }) =>
      outcome === "skipped"
    );
    assert.equal(skipped?.path, "a");
    assert.match(skipped?.detail ?? "", IN_USE);
  }
  await office.does(["COPY_LEFT_TO_RIGHT a"]);
});

Deno.test("read-only files are copied, replaced and removed like others", async () => {
  const tree = {
    a: old("1"),
    b: old("22"),
    c: old("333"),
  };
  using office = new Office().write({ left: tree, right: tree });
  for (const name of ["a", "b", "c"]) {
    Deno.chmodSync(office.at("right", name), 0o444);
  }
  Deno.chmodSync(office.at("left", "c"), 0o444);
  await office.does([]);
  office.write({ left: { a: "longer" } });
  for (const name of ["b", "c"]) Deno.removeSync(office.at("left", name));
  await office.does([
    "COPY_LEFT_TO_RIGHT a",
    "SOFT_DELETE_RIGHT b",
    "SOFT_DELETE_RIGHT c",
  ]);
  office.holds({ a: "longer" });
  assert.deepEqual(office.softDeleted("right"), { b: "22", c: "333" });
  await office.rests();
});

Deno.test("a file that is made read-only is as before: an edit, a name, a time and a deletion get there, the bit is carried nowhere", async () => {
  const names = ["edited", "renamed", "touched", "gone", "large", "kept"];
  const tree = Object.fromEntries(
    names.map((name, n) => [name, old("x".repeat(n + 1))]),
  );
  using office = new Office("soft_delete: { enabled: false }\n").write({
    left: { ...tree, d: { e: old("1") } },
  });
  await office.run();
  for (const name of names) Deno.chmodSync(office.at("right", name), 0o444);
  Deno.chmodSync(office.at("right", "d"), 0o444);
  Deno.chmodSync(office.at("left", "kept"), 0o444);
  await office.does([]);
  office.write({ left: { edited: old("edited on Left") } });
  Deno.renameSync(office.at("left", "renamed"), office.at("left", "new name"));
  const later = new Date(LONG_AGO + 60_000);
  Deno.utimeSync(office.at("left", "touched"), later, later);
  for (const name of ["gone", "large", "d\\e"]) {
    Deno.removeSync(office.at("left", name));
  }
  Deno.removeSync(office.at("left", "d"));
  // As a share does it; the system itself helps only with its own disks.
  using _share = replaceCall(Deno, "removeSync", (real, path, ...rest) => {
    const { mode } = Deno.lstatSync(path!);
    if (((mode ?? 0) & 0o200) === 0) throw systemError("EPERM");
    return real(path, ...rest);
  });
  await office.does([
    "COPY_LEFT_TO_RIGHT edited",
    "RENAME_RIGHT renamed -> new name",
    "RENAME_RIGHT touched",
    "DELETE_RIGHT gone",
    "DELETE_RIGHT large",
    "DELETE_RIGHT d\\e".replaceAll("\\", "/"),
    "REMOVE_DIR_RIGHT d",
  ]);
  office.holds({
    edited: "edited on Left",
    "new name": "xx",
    touched: "xxx",
    kept: "xxxxxx",
  });
  const { mtime } = Deno.lstatSync(office.at("right", "touched"));
  assert.equal(mtime?.getTime(), later.getTime());
  assert.deepEqual(
    ["new name", "touched", "kept"].map((name) =>
      ["left", "right"].map((side) =>
        ((Deno.lstatSync(office.at(side as "left", name)).mode ?? 0) &
          0o200) ===
          0
      )
    ),
    [[false, true], [false, true], [true, true]],
  );
  await office.rests();
  // So that they can be removed after the test.
  for (const name of ["new name", "touched", "kept"]) {
    for (const side of ["left", "right"] as const) {
      Deno.chmodSync(office.at(side, name), 0o666);
    }
  }
});

Deno.test("a conflict on a name that a NAS behind the drive takes, and no longer one, is resolved at once", async () => {
  // 240 bytes, as most disks of a NAS count, and 124 letters.
  const name = "\u00fc".repeat(116) + ".docx";
  using office = new Office().write({
    left: { [name]: old("older") },
    right: { [name]: old("the newer", 1) },
  });
  const result = await office.run();
  assert.equal(result.exitCode, 0, describe(result));
  const [clash = ""] = Object.keys(read(office.left)).filter((it) =>
    it !== name
  );
  assert.match(clash, /^\u00fc+\.clash-20240115-083000-left\.docx$/);
  office.holds({ [name]: "the newer", [clash]: "older" });
  await office.rests();
});

Deno.test("paths of more than 260 characters are synced both ways", async () => {
  const names = ["l", "m", "n", "o"].map((it) => it.repeat(90));
  const tree = (text: string) => ({
    [names[0]!]: { [names[1]!]: { [names[2]!]: { [names[3]!]: text } } },
  });
  const path = names.join("/");
  using office = new Office().write({ left: tree("1") });
  // Without the sandbox: wine can't tell the real path of such a file.
  await office.agrees();
  office.holds(tree("1"));
  office.write({ right: tree("longer") });
  await office.does([`COPY_RIGHT_TO_LEFT ${path}`]);
  office.holds(tree("longer"));
  Deno.removeSync(office.at("left", path));
  await office.does([`SOFT_DELETE_RIGHT ${path}`]);
  assert.deepEqual(office.softDeleted("right"), { [path]: "longer" });
  await office.rests();
});
