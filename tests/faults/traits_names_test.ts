import assert from "node:assert/strict";
import { Office, write } from "../support/support.ts";
import { ExfatDisk } from "./exfat_disk.ts";
import {
  at,
  isThere,
  pathsBelow,
  rests,
  temporaries,
  told,
  why,
} from "./support.ts";

const NFC = "caf\u00e9.txt";
const NFD = "cafe\u0301.txt";

/** Left on ext4, Right on exFAT. */
function officeTest(
  name: string,
  play: (office: Office) => Promise<void>,
): void {
  Deno.test(name, async () => {
    using office = new Office();
    await using _disk = await ExfatDisk.over(office.right);
    await play(office);
    for (const root of [office.left, office.right]) {
      assert.deepEqual(temporaries(root), []);
    }
  });
}

officeTest(
  "exFAT: two names that differ in case only are reported, neither is lost",
  async (office) => {
    office.write({
      left: {
        "Plan.txt": at(2024, "capital"),
        "plan.txt": at(2024, "small"),
        "other.txt": at(2024, "other"),
      },
    });
    for (let n = 0; n < 2; n++) {
      const ran = await told(office.config);
      assert.equal(ran.code, 1, why(ran));
      const reasons = ran.document.problems.map(({ reason }) => reason);
      assert.ok(reasons.some((it) => /one name/.test(it)), why(ran));
      assert.deepEqual(pathsBelow(office.right), ["other.txt"]);
      const { left } = office.trees();
      assert.deepEqual(left, {
        "Plan.txt": "capital",
        "other.txt": "other",
        "plan.txt": "small",
      });
    }
    Deno.renameSync(`${office.left}/plan.txt`, `${office.left}/plan 2.txt`);
    const ran = await told(office.config);
    assert.equal(ran.code, 0, why(ran));
    assert.deepEqual(office.trees().right, office.trees().left);
    await rests(office.config);
  },
);

officeTest(
  "exFAT: a name that gets a twin in other case later freezes, nothing is deleted",
  async (office) => {
    office.write({ left: { "plan.txt": at(2024, "small") } });
    assert.equal((await told(office.config)).code, 0);
    office.write({
      left: { "PLAN.txt": at(2024, "capital") },
    });
    const ran = await told(office.config);
    assert.equal(ran.code, 1, why(ran));
    assert.deepEqual(ran.lines, []);
    assert.deepEqual(office.trees().right, { "plan.txt": "small" });
    // The one that was synced goes: the other takes its place.
    Deno.removeSync(`${office.left}/plan.txt`);
    const after = await told(office.config);
    assert.equal(after.code, 0, why(after));
    assert.deepEqual(office.trees().right, { "PLAN.txt": "capital" });
    await rests(office.config);
  },
);

for (const side of ["left", "right"] as const) {
  officeTest(
    `exFAT: case-only renames of file and folder on ${side} reach the other side`,
    async (office) => {
      office.write({
        left: {
          "plan.txt": at(2024, "plan"),
          docs: { "a.txt": at(2024, "a"), sub: {} },
        },
      });
      assert.equal((await told(office.config)).code, 0);
      const root = office[side];
      Deno.renameSync(`${root}/plan.txt`, `${root}/Plan.TXT`);
      Deno.renameSync(`${root}/docs`, `${root}/Docs`);
      const ran = await told(office.config);
      assert.equal(ran.code, 0, why(ran));
      const expected = ["Docs", "Docs/a.txt", "Docs/sub", "Plan.TXT"];
      assert.deepEqual(pathsBelow(office.left), expected);
      assert.deepEqual(pathsBelow(office.right), expected);
      assert.ok(ran.lines.every((line) => line.startsWith("RENAME")), why(ran));
      await rests(office.config);
    },
  );
}

/** Names that Windows can't hold, and what they are renamed to. */
const FORBIDDEN: readonly (readonly [string, string])[] = [
  ["a:b.txt", "a-b.txt"],
  ["what?.txt", "what.txt"],
  ['say "hi".txt', "say hi.txt"],
  ["new\nline.txt", "new line.txt"],
  ["CON", "CON_"],
  ["aux.txt", "aux_.txt"],
  ["trailing dot.", "trailing dot"],
  ["trailing space ", "trailing space"],
];

officeTest(
  "exFAT: names that Windows can't hold are reported, left alone, and synced when renamed",
  async (office) => {
    const folder = (content: string) => ({
      "in.txt": at(2024, content),
    });
    office.write({ left: { "fine.txt": "fine", "x:y": folder("in") } });
    for (const [name] of FORBIDDEN) {
      write(office.left, { [name]: at(2024, name) });
    }
    for (let n = 0; n < 2; n++) {
      const ran = await told(office.config);
      assert.equal(ran.code, 1, why(ran));
      assert.deepEqual(pathsBelow(office.right), ["fine.txt"]);
      for (const [name] of [...FORBIDDEN, ["x:y"]]) {
        const problem = ran.document.problems.find(({ path }) => path === name);
        assert.ok(problem, `${JSON.stringify(name)} is reported: ${why(ran)}`);
        assert.match(problem.reason, /can't hold/);
        assert.ok(isThere(`${office.left}/${name}`));
      }
    }
    for (const [name, better] of [...FORBIDDEN, ["x:y", "x-y"]] as const) {
      Deno.renameSync(`${office.left}/${name}`, `${office.left}/${better}`);
    }
    const after = await told(office.config);
    assert.equal(after.code, 0, why(after));
    assert.deepEqual(pathsBelow(office.right), pathsBelow(office.left));
    await rests(office.config);
  },
);

officeTest(
  "exFAT: composed and decomposed names are two files on both sides",
  async (office) => {
    office.write({
      left: {
        [NFC]: at(2024, "composed"),
        [NFD]: at(2024, "decomposed"),
      },
    });
    const ran = await told(office.config);
    assert.equal(ran.code, 0, why(ran));
    assert.deepEqual(office.trees().right, {
      [NFD]: "decomposed",
      [NFC]: "composed",
    });
    await rests(office.config);
  },
);

Deno.test("composed and decomposed names are two files on both sides", async () => {
  using office = new Office();
  office.write({ left: { [NFC]: "composed" }, right: { [NFD]: "decomposed" } });
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  const { left, right } = office.trees();
  assert.deepEqual(left, { [NFD]: "decomposed", [NFC]: "composed" });
  assert.deepEqual(right, left);
  await rests(office.config);
});
