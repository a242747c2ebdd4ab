import assert from "node:assert/strict";
import {
  type Changes,
  changesOf,
  type RecordedChange,
  refOf,
  type Undecided,
} from "../lib/plan_changes.ts";
import {
  type Answer,
  Inquiry,
  type Pair,
  questionId,
} from "../lib/plan_types.ts";
import { SIDES } from "../lib/types.ts";
import {
  but,
  type FakeFile,
  file,
  hashOf,
  merged,
  OLD,
  row,
  settingsOf,
} from "./support/literal_plans.ts";
import { situationOf } from "./support/literal_disk.ts";

const A = file("one", { ino: 1 });
const SAME: Answer = { kind: "same", hash: null };
const DIFFERENT: Answer = { kind: "different" };
const COMPARE = "compare\nleft/a\nright/a";

/** The pair at `a` where Left and Right are as given. */
function pairOf(
  left: FakeFile | null,
  right: FakeFile | null,
  record = row(A, A),
): Pair {
  const it = situationOf({
    record: { a: record },
    left: left ? { a: left } : {},
    right: right ? { a: right } : {},
  });
  const pair = merged(it, { listUnchanged: true }).pairs[0];
  assert.ok(pair);
  return pair;
}

function found(
  pair: Pair,
  answers: Record<string, Answer> = {},
  alwaysRead: readonly string[] = [],
): Changes | Undecided {
  const inquiry = new Inquiry(new Map(Object.entries(answers)));
  return changesOf(pair, inquiry, settingsOf({ alwaysRead }, 1));
}

/** What metadata can say of one side, and what it comes to. */
const STATES: Record<string, {
  readonly file: FakeFile | null;
  /** The metadata can't tell. */
  readonly isOpen: boolean;
  /** Known to have changed, or to be gone. */
  readonly isLost: boolean;
  /** Against a side that is lost. */
  readonly whenLost: RecordedChange;
}> = {
  "the same": { file: A, isOpen: false, isLost: false, whenLost: "unchanged" },
  "another mode": {
    file: but(A, { mode: 0o600 }),
    isOpen: false,
    isLost: false,
    whenLost: "modified",
  },
  "another mtime": {
    file: but(A, { mtimeMs: OLD + 1 }),
    isOpen: true,
    isLost: false,
    whenLost: "modified",
  },
  "another id": {
    file: but(A, { ino: 9 }),
    isOpen: true,
    isLost: false,
    whenLost: "modified",
  },
  "another size": {
    file: but(A, { content: "three" }),
    isOpen: false,
    isLost: true,
    whenLost: "modified",
  },
  "gone": { file: null, isOpen: false, isLost: true, whenLost: "deleted" },
};

for (const [left, ofLeft] of Object.entries(STATES)) {
  for (const [right, ofRight] of Object.entries(STATES)) {
    const isLost = ofLeft.isLost || ofRight.isLost;
    const isRead = !isLost && (ofLeft.isOpen || ofRight.isOpen);
    const name = `changesOf(): ${left} on Left, ${right} on Right`;

    Deno.test(`${name}: ${isRead ? "" : "nothing "}is read (section 2)`, () => {
      const pair = pairOf(ofLeft.file, ofRight.file);
      const inquiry = new Inquiry(new Map());
      const { kind } = changesOf(pair, inquiry, settingsOf({}, 1));
      const areBothNew = ofLeft.file?.sizeBytes === 5 &&
        ofRight.file?.sizeBytes === 5;
      const asked = isRead || areBothNew ? [COMPARE] : [];
      assert.deepEqual([...inquiry.open.keys()], asked);
      assert.equal(kind, asked.length > 0 ? "pending" : "recorded");
    });

    Deno.test(`${name}: what it comes to (section 2)`, () => {
      const pair = pairOf(ofLeft.file, ofRight.file);
      for (const answer of [SAME, DIFFERENT]) {
        const it = found(pair, { [COMPARE]: answer });
        assert.ok(it.kind === "recorded");
        if (isLost) {
          const wanted = { left: ofLeft.whenLost, right: ofRight.whenLost };
          assert.deepEqual(it.change, wanted);
          continue;
        }
        const isOther = isRead && answer.kind === "different";
        for (const side of SIDES) {
          const state = side === "left" ? ofLeft : ofRight;
          const isTouched = state.isOpen || state.whenLost === "modified";
          const wanted = isOther && isTouched ? "modified" : "unchanged";
          assert.equal(it.change[side], wanted, `${side}, ${answer.kind}`);
        }
        assert.equal(it.isSame, !isOther);
      }
    });
  }
}

Deno.test("changesOf(): two modified sides are the same where their contents are (section 3)", () => {
  const pair = pairOf(
    but(A, { content: "three" }),
    but(A, { content: "three" }),
  );
  for (const answer of [SAME, DIFFERENT]) {
    const it = found(pair, { [COMPARE]: answer });
    assert.ok(it.kind === "recorded");
    assert.deepEqual(it.change, { left: "modified", right: "modified" });
    assert.equal(it.isSame, answer.kind === "same");
  }
});

Deno.test("changesOf(): a file that can't be read is told as that (section 2)", () => {
  const answer: Answer = {
    kind: "unreadable",
    side: "right",
    path: "a",
    reason: "access is denied",
  };
  const pair = pairOf(but(A, { mtimeMs: OLD + 1 }), A);
  const it = found(pair, { [COMPARE]: answer });
  assert.deepEqual(it, { kind: "unreadable", answer });
});

/** [what, recorded fresh on Left and Right, hash kept, asked] */
const FRESH: readonly [string, boolean, boolean, string | null, string[]][] = [
  ["Left was fresh", true, false, "h", ["hash\nleft/a"]],
  ["Right was fresh", false, true, "h", ["hash\nright/a"]],
  ["both were fresh", true, true, "h", ["hash\nleft/a"]],
  ["neither was fresh", false, false, "h", []],
  ["one was fresh and no hash is kept", true, false, null, [COMPARE]],
];

for (const [what, left, right, hash, wanted] of FRESH) {
  Deno.test(`changesOf() asks, one by one, what it has to where ${what} (section 2)`, () => {
    const record = row(
      but(A, { isFresh: left }),
      but(A, { isFresh: right }),
      hash,
    );
    const inquiry = new Inquiry(new Map());
    changesOf(pairOf(A, A, record), inquiry, settingsOf({}, 1));
    assert.deepEqual([...inquiry.open.keys()], wanted);
  });
}

Deno.test("changesOf() holds a fresh file against the recorded hash (section 2)", () => {
  const record = row(but(A, { isFresh: true }), A, hashOf("one"));
  const pair = pairOf(A, A, record);
  for (const content of ["one", "two"]) {
    const hash = hashOf(content);
    const it = found(pair, { "hash\nleft/a": { kind: "hash", hash } });
    assert.ok(it.kind === "recorded");
    const isEdited = content !== "one";
    assert.equal(it.change.left, isEdited ? "modified" : "unchanged");
    assert.equal(it.change.right, "unchanged");
    assert.equal(it.hash, hash);
  }
});

Deno.test("changesOf() wants a hash from a comparison only where a later run needs it", () => {
  const touched = but(A, { mtimeMs: OLD + 1 });
  for (const alwaysRead of [[], [""]]) {
    const inquiry = new Inquiry(new Map());
    changesOf(pairOf(touched, A), inquiry, settingsOf({ alwaysRead }, 1));
    const [question] = inquiry.open.values();
    assert.ok(question?.kind === "compare");
    assert.equal(question.wantsHash, alwaysRead.length > 0);
  }
});

Deno.test("refOf() says where a side has the file now", () => {
  const it = situationOf({ left: { "D/a": A }, right: { "d/a": A } });
  const options = { traits: { left: { ignoresCase: true } } };
  const [pair] = merged(it, options).pairs;
  assert.equal(refOf("left", pair!.left!).path, "D/a");
  assert.equal(refOf("right", pair!.right!).path, "d/a");
});

Deno.test("questionId() tells questions apart by what is to be read", () => {
  const ref = (side: "left" | "right", path: string) => ({
    side,
    path,
    metadata: { sizeBytes: 1, mtimeMs: 1, mode: 0, id: null },
  });
  const [a, b] = [ref("left", "a"), ref("right", "a")];
  const ids = [
    questionId({ kind: "hash", file: a }),
    questionId({ kind: "hash", file: b }),
    questionId({ kind: "hash", file: ref("left", "b") }),
    questionId({ kind: "compare", a, b, wantsHash: false }),
    questionId({ kind: "compare", a: b, b: a, wantsHash: false }),
  ];
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("Inquiry answers what is known and keeps what is not", () => {
  const inquiry = new Inquiry(new Map([["hash\nleft/a", SAME]]));
  const { left, right } = pairOf(A, A);
  const known = { kind: "hash", file: refOf("left", left!) } as const;
  const open = { kind: "hash", file: refOf("right", right!) } as const;
  assert.equal(inquiry.ask(known), SAME);
  assert.equal(inquiry.ask(open), null);
  assert.deepEqual([...inquiry.open], [["hash\nright/a", open]]);
});
