/** Section 4: clash names, when they are reused, and files against folders. */
import assert from "node:assert/strict";
import { decided } from "./support/fake_merge.ts";
import { acts } from "./support/fake_plan.ts";
import { situationOf, testRows } from "./support/plan_rows.ts";
import {
  but,
  type FakeFile,
  file,
  folder,
  HOUR,
  OLD,
  problem,
  row,
  type SideTree,
} from "./support/fake_tree.ts";

const BASE = file("one");
const NEWER = file("newer", { mtimeMs: OLD + HOUR });
const OLDER = file("older one");
const CLASH = "a.clash-20260510-120000-right.txt";
const SECOND = "a.clash-20260510-120000-right-2.txt";
const COPY = "COPY_LEFT_TO_RIGHT a.txt (5.1)";

/** What else stands on a side beside the conflict at `a.txt`. */
function beside(
  record: Record<string, FakeFile>,
  left: SideTree,
  right: SideTree,
) {
  return {
    record: { "a.txt": BASE, ...record },
    left: { "a.txt": NEWER, ...left },
    right: { "a.txt": OLDER, ...right },
  };
}

testRows([
  {
    it: "makes the clash copy before the newer goes over the older (section 4)",
    ...beside({}, {}, {}),
    acts: [`CLASH_CREATE a.txt -> ${CLASH} (5.1)`, COPY],
  },
  {
    it: "replaces an older mark in the name (section 4)",
    record: { [CLASH]: BASE },
    left: { [CLASH]: NEWER },
    right: { [CLASH]: but(OLDER, { mtimeMs: OLD + 60_000 }) },
    acts: [
      `CLASH_CREATE ${CLASH} -> a.clash-20260510-120100-right.txt (5.1)`,
      `COPY_LEFT_TO_RIGHT ${CLASH} (5.1)`,
    ],
  },
  {
    it: "replaces an older mark in a name without extension (section 4)",
    record: { "a.clash-20250101-000000-left": BASE },
    left: { "a.clash-20250101-000000-left": NEWER },
    right: { "a.clash-20250101-000000-left": OLDER },
    acts: [
      "CLASH_CREATE a.clash-20250101-000000-left -> a.clash-20260510-120000-right (5.1)",
      "COPY_LEFT_TO_RIGHT a.clash-20250101-000000-left (5.1)",
    ],
  },
  {
    it: "takes the next number where the name holds other content (section 4)",
    ...beside({}, { [CLASH]: file("else") }, {}),
    acts: [
      `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
      `COPY_LEFT_TO_RIGHT ${CLASH} (5.9)`,
      COPY,
    ],
    asked: [],
  },
  {
    it: "counts on past several names with other content (section 4)",
    ...beside(
      { [CLASH]: file("else"), [SECOND]: file("elsewhere") },
      { [CLASH]: file("else"), [SECOND]: file("elsewhere") },
      { [CLASH]: file("else"), [SECOND]: file("elsewhere") },
    ),
    acts: [
      "CLASH_CREATE a.txt -> a.clash-20260510-120000-right-3.txt (5.1)",
      COPY,
    ],
  },
  {
    it:
      "reads a file of equal size at the name before it counts on (section 4)",
    ...beside({}, { [CLASH]: file("other one") }, {}),
    acts: [
      `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
      `COPY_LEFT_TO_RIGHT ${CLASH} (5.9)`,
      COPY,
    ],
    asked: [`compare right/a.txt left/${CLASH}`],
  },
  {
    it: "reuses a clash copy that one side holds already (section 4)",
    ...beside({}, { [CLASH]: OLDER }, {}),
    acts: [`CLASH_CREATE a.txt -> ${CLASH} (5.1)`, COPY],
  },
  {
    it:
      "reuses a clash copy that the version's own side holds already (section 4)",
    ...beside({}, {}, { [CLASH]: OLDER }),
    acts: [`CLASH_CREATE a.txt -> ${CLASH} (5.1)`, COPY],
  },
  {
    it: "reuses a clash copy that both sides hold, new on both (section 4)",
    ...beside({}, { [CLASH]: OLDER }, { [CLASH]: OLDER }),
    acts: [`CLASH_CREATE a.txt -> ${CLASH} (5.1)`, COPY],
  },
  {
    it: "reuses a clash copy that is recorded and unchanged (section 4)",
    ...beside({ [CLASH]: OLDER }, { [CLASH]: OLDER }, { [CLASH]: OLDER }),
    acts: [`CLASH_CREATE a.txt -> ${CLASH} (5.1)`, COPY],
  },
  {
    it: "reuses no name where the sides hold different contents (section 4)",
    ...beside({}, { [CLASH]: OLDER }, { [CLASH]: file("else") }),
    options: { policies: { new_new: "notify" } },
    acts: [
      `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
      COPY,
      `OPEN ${CLASH} (5.2)`,
    ],
  },
  {
    it: "takes no name that another action writes: a deletion (section 4)",
    ...beside({ [CLASH]: OLDER }, { [CLASH]: OLDER }, {}),
    acts: [
      `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
      COPY,
      `SOFT_DELETE_LEFT ${CLASH} (5.8)`,
    ],
  },
  {
    it: "takes no name that another action reads: a rename (section 4)",
    ...beside(
      { b: but(OLDER, { ino: 7 }) },
      { [CLASH]: but(OLDER, { ino: 7 }) },
      { b: but(OLDER, { ino: 7 }) },
    ),
    acts: [
      `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
      `RENAME_RIGHT b -> ${CLASH} (5.11)`,
      COPY,
    ],
  },
  {
    it: "takes no name that a folder has on either side (section 4)",
    ...beside({}, { [CLASH]: folder() }, {}),
    acts: [
      `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
      `CREATE_DIR_RIGHT ${CLASH} (5.9)`,
      COPY,
    ],
  },
  {
    it: "takes no name that must be left alone (section 4)",
    ...beside({}, { [CLASH]: problem("symlink") }, {}),
    acts: [`CLASH_CREATE a.txt -> ${SECOND} (5.1)`, COPY],
    problems: [`left/${CLASH}: symlink`],
  },
  {
    it: "takes no name of another spelling where case is ignored (section 4)",
    ...beside({}, { [CLASH.toUpperCase()]: OLDER }, {}),
    options: { traits: { right: { ignoresCase: true } } },
    acts: [
      `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
      `COPY_LEFT_TO_RIGHT ${CLASH.toUpperCase()} (5.9)`,
      COPY,
    ],
  },
]);

Deno.test("decide() takes no name that holds the content here and a folder there (section 4)", () => {
  const it = beside({}, { [CLASH]: OLDER }, { [CLASH]: folder() });
  const { plan } = decided(situationOf(it));
  assert.deepEqual(acts(plan), [
    `CLASH_CREATE ${CLASH} -> a.clash-20260510-120000-left.txt (5.2)`,
    `CLASH_CREATE a.txt -> ${SECOND} (5.1)`,
    `CREATE_DIR_LEFT ${CLASH} (5.10)`,
    COPY,
  ]);
});

Deno.test("decide() gives no two conflicts one clash name (section 4)", () => {
  // All of these clash names are the same but for the number.
  const marks = [
    "",
    ".clash-20200101-000000-left",
    ".clash-20200101-000001-right-4",
  ];
  const names = marks.map((mark) => `a${mark}.txt`);
  const every = (file: FakeFile) =>
    Object.fromEntries(names.map((name) => [name, file]));
  const it = { record: every(BASE), left: every(NEWER), right: every(OLDER) };
  const { plan } = decided(situationOf(it));
  const clashes = plan.actions.filter(({ name }) => name === "CLASH_CREATE");
  assert.deepEqual(clashes.map(({ newPath }) => newPath).sort(), [
    "a.clash-20260510-120000-right-2.txt",
    "a.clash-20260510-120000-right-3.txt",
    CLASH,
  ]);
});

const AGAINST = { record: { z: BASE }, left: { z: BASE }, right: { z: BASE } };

testRows([
  ...(["clash", "overwrite"] as const).map((policy) => ({
    it: `moves a file out of a folder's way, mirrored, under ${policy} (R 5.2)`,
    record: AGAINST.record,
    left: { ...AGAINST.left, "a.txt": OLDER },
    right: { ...AGAINST.right, "a.txt/x": BASE },
    options: { policies: { new_new: policy } },
    acts: [
      "CLASH_CREATE a.txt -> a.clash-20260510-120000-left.txt (5.2)",
      "CREATE_DIR_LEFT a.txt (5.10)",
      "COPY_RIGHT_TO_LEFT a.txt/x (5.10)",
    ],
  })),
  {
    it:
      "leaves everything below unknown while a file against a folder is open (R 5.1)",
    record: { "d/x": BASE, "d/y": BASE },
    left: { d: OLDER },
    right: { "d/x": NEWER, "d/y": BASE, "d/e/new": BASE },
    options: { policies: { modify_modify: "notify" } },
    acts: ["OPEN d (5.1)"],
    records: [],
  },
  {
    it: "is no conflict where only one side made a folder of the file (R 5.7)",
    record: { a: row(BASE, BASE) },
    left: { "a/x": NEWER },
    right: { a: BASE },
    acts: [
      "SOFT_DELETE_RIGHT a (5.7)",
      "CREATE_DIR_RIGHT a (5.9)",
      "COPY_LEFT_TO_RIGHT a/x (5.9)",
    ],
  },
  {
    it: "is no conflict where only one side made a file of the folder (R 5.8)",
    record: { "d/x": BASE, "d/e/y": BASE },
    left: { "d/x": BASE, "d/e/y": BASE },
    right: { d: NEWER },
    acts: [
      "SOFT_DELETE_LEFT d/x (5.8)",
      "SOFT_DELETE_LEFT d/e/y (5.8)",
      "REMOVE_DIR_LEFT d/e (5.8)",
      "REMOVE_DIR_LEFT d (5.8)",
      "COPY_RIGHT_TO_LEFT d (5.10)",
    ],
  },
  {
    it: "moves a file out of the way of a folder that holds an edit (R 5.1)",
    record: { "d/x": BASE, "d/y": BASE },
    left: { d: OLDER },
    right: { "d/x": NEWER, "d/y": BASE },
    acts: [
      "CLASH_CREATE d -> d.clash-20260510-120000-left (5.1)",
      "CREATE_DIR_LEFT d (5.5)",
      "COPY_RIGHT_TO_LEFT d/x (5.5)",
      "SOFT_DELETE_RIGHT d/y (5.7)",
    ],
  },
]);
