import fc from "fast-check";
import assert from "node:assert/strict";
import { type Draft, inOrder, type Place } from "../lib/plan_order.ts";
import type { Work } from "../lib/plan_types.ts";

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

type Kind = Work["kind"];

/** Kinds in the order of section 5. */
const RANKS: readonly (readonly Kind[])[] = [
  ["clash"],
  ["create-directory"],
  ["rename", "rename-directory"],
  ["copy"],
  ["remove"],
  ["remove-directory"],
];
const KINDS = RANKS.flat();

function draft(
  kind: Kind,
  path: string,
  links: Partial<Pick<Draft, "frees" | "takes" | "after">> = {},
): Draft {
  return {
    action: {
      name: "NOOP",
      path,
      newPath: null,
      rule: null,
      side: null,
      reason: "",
      bytes: null,
      files: null,
      // Only the kind of work counts for the order.
      work: { kind } as Work,
      conflict: null,
    },
    frees: [],
    takes: [],
    after: [],
    ...links,
  };
}

const at = (key: string): Place[] => [{ side: "left", key }];

function told(drafts: readonly Draft[]): string[] {
  return inOrder(drafts).map(({ work, path }) => `${work.kind} ${path}`);
}

Deno.test("inOrder(): clashes, directories, renames, copies, deletions, directories to remove (section 5)", () => {
  const drafts = KINDS.toReversed().map((kind) => draft(kind, "a"));
  const kinds = inOrder(drafts).map(({ work }) => work.kind);
  const rank = (kind: Kind) => RANKS.findIndex((it) => it.includes(kind));
  assert.deepEqual(kinds.map(rank), KINDS.map(rank));
});

for (const kind of KINDS) {
  const isDeepestFirst = kind === "remove-directory";
  const how = isDeepestFirst ? "deepest first" : "by path";
  Deno.test(`inOrder(): ${kind} ${how} (section 5)`, () => {
    const paths = ["a", "a/b", "a/b/c", "b"];
    const drafts = ["a/b", "b", "a", "a/b/c"].map((path) => draft(kind, path));
    const wanted = isDeepestFirst ? paths.toReversed() : paths;
    assert.deepEqual(inOrder(drafts).map(({ path }) => path), wanted);
  });
}

Deno.test("inOrder(): what frees a place comes before what takes it (section 5)", () => {
  const takes = draft("create-directory", "a", { takes: at("a") });
  const frees = draft("remove", "z", { frees: at("a") });
  assert.deepEqual(told([takes, frees]), ["remove z", "create-directory a"]);
  assert.deepEqual(inOrder([takes, frees])[1]?.needs, [0]);
});

Deno.test("inOrder(): a place of the other side is another place", () => {
  const takes = draft("create-directory", "a", { takes: at("a") });
  const frees = draft("remove", "z", { frees: [{ side: "right", key: "a" }] });
  assert.deepEqual(told([takes, frees]), ["create-directory a", "remove z"]);
  assert.deepEqual(inOrder([takes, frees]).map(({ needs }) => needs), [[], []]);
});

Deno.test("inOrder(): what builds on another comes after it and needs it (section 5)", () => {
  const last = draft("remove-directory", "z");
  const first = draft("clash", "a", { after: [last] });
  const [one, two] = inOrder([first, last]);
  assert.equal(one?.path, "z");
  assert.equal(two?.path, "a");
  assert.deepEqual(two?.needs, [0]);
});

Deno.test("inOrder(): one need is named once", () => {
  const frees = draft("remove", "a", { frees: at("a") });
  const takes = draft("copy", "a", {
    takes: at("a"),
    after: [frees, frees],
  });
  assert.deepEqual(inOrder([takes, frees])[1]?.needs, [0]);
});

Deno.test("inOrder(): what takes the place it frees needs nothing", () => {
  const rename = draft("rename", "a", { frees: at("a"), takes: at("a") });
  assert.deepEqual(inOrder([rename]).map(({ needs }) => needs), [[]]);
});

Deno.test("inOrder(): a chain of names is given from its free end", () => {
  const drafts = ["a", "b", "c"].map((key, index) =>
    draft("rename", key, { frees: at(key), takes: at("bcd"[index]!) })
  );
  assert.deepEqual(told(drafts), ["rename c", "rename b", "rename a"]);
});

/** Random drafts; each may wait for some of those made before it. */
const drafts = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    path: fc.constantFrom("a", "a/b", "b", "b/c", "c"),
    after: fc.array(fc.nat(20), { maxLength: 3 }),
  }),
  { maxLength: 15 },
).map((specs) => {
  const made: Draft[] = [];
  for (const { kind, path, after } of specs) {
    const before = after.flatMap((index) => made[index] ?? []);
    made.push(draft(kind, path, { after: before }));
  }
  return made;
});

Deno.test("inOrder() keeps every draft, and each needs just what it is after", () => {
  fc.assert(fc.property(drafts, (made) => {
    const actions = inOrder(made);
    assert.equal(actions.length, made.length);
    const position = new Map(
      made.map((
        it,
      ) => [it, actions.findIndex((a) => a.work === it.action.work)]),
    );
    for (const it of made) {
      const { needs } = actions[position.get(it)!]!;
      const wanted = new Set(it.after.map((other) => position.get(other)!));
      assert.deepEqual(new Set(needs), wanted);
      for (const need of needs) assert.ok(need < position.get(it)!);
    }
  }));
});

Deno.test("inOrder() does not depend on the order of the drafts", () => {
  const different = fc.uniqueArray(
    fc.tuple(fc.constantFrom(...KINDS), fc.constantFrom("a", "a/b", "b", "c")),
    { selector: ([kind, path]) => `${kind} ${path}` },
  );
  const shuffled = different.chain((specs) =>
    fc.tuple(
      fc.constant(specs),
      fc.shuffledSubarray(specs, { minLength: specs.length }),
    )
  );
  fc.assert(fc.property(shuffled, ([one, other]) => {
    const made = (specs: typeof one) =>
      specs.map(([kind, path]) => draft(kind, path));
    const isRename = (line: string) => line.startsWith("rename");
    const lines = told(made(one));
    const others = told(made(other));
    // Of a file and a folder renamed at one path either may come first.
    assert.deepEqual(
      others.filter((line) => !isRename(line)),
      lines.filter((line) => !isRename(line)),
    );
    assert.deepEqual(others.toSorted(), lines.toSorted());
  }));
});
