/**
 * Random edits in the middle of a run, between any two system calls of it.
 * `OFFICE_SYNC_RUNS` and `OFFICE_SYNC_SEED` run it longer, or again.
 *
 * @module
 */
import fc from "fast-check";
import assert from "node:assert/strict";
import { otherSide, SIDES } from "../../lib/types.ts";
import {
  assertCases,
  comparable,
  configLines,
  type Edit,
  Editor,
  edits,
  KINDS,
  type Settings,
  sharedContents,
  stateOf,
} from "../support/random_cases.ts";
import {
  ALLOWED,
  assertNoLeftovers,
  assertRecord,
} from "../support/random_runs.ts";
import { describe, Office } from "../support/support.ts";
import { type Call, intercept } from "../support/two_roots.ts";

/** With these, no version that ever stood in a root may get lost. */
const KEEPING: Settings = {
  policy: "clash",
  namePolicy: "clash",
  isSoft: true,
  maxBytes: 1 << 20,
  keepReplaced: true,
  verifyFirstRun: true,
};

/** With these, versions may go that both sides had agreed on. */
const LETTING_GO: Settings = {
  ...KEEPING,
  isSoft: false,
  keepReplaced: false,
  verifyFirstRun: false,
};

/** An edit, made just before the n-th system call of a run. */
interface Interference {
  readonly call: number;
  readonly edit: Edit;
  /** To the very file that the call is about, if there is one. */
  readonly isAimed: boolean;
}

interface Round {
  readonly before: readonly Edit[];
  readonly meanwhile: readonly Interference[];
}

/** A run of so few files makes hardly more. */
const MOST_CALLS = 150;

/** What needs to know whether the record may rely on a file. */
const anyEdit = edits(KINDS.filter((kind) => kind !== "rewrite unseen"));

const round = (before: fc.Arbitrary<Edit[]>) =>
  fc.record<Round>({
    before,
    meanwhile: fc.array(
      fc.record<Interference>({
        call: fc.nat(MOST_CALLS),
        edit: anyEdit,
        isAimed: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  });

const rounds = fc.tuple(
  round(fc.array(edits(["create"]), { maxLength: 20 })),
  fc.array(round(fc.array(anyEdit, { maxLength: 20 })), { maxLength: 3 }),
).map(([first, others]) => [first, ...others]);

/** Looks, and what is done safely whatever happened since the last look. */
const CALLS: readonly Call[] = [
  "linkSync",
  "lstatSync",
  "mkdirSync",
  "openSync",
  "read",
  "readDirSync",
  "removeSync",
  "renameSync",
];

/** A moment of an office. */
interface Seen {
  readonly contents: ReadonlySet<string>;
  /** Files by side, id and content. */
  readonly files: ReadonlySet<string>;
  /** Contents of a version that a person wrote and only one side has yet. */
  readonly alone: ReadonlySet<string>;
}

/** Contents that must be somewhere when all is over. */
class Treasury {
  readonly #office: Office;
  readonly #keepsAgreed: boolean;
  readonly #owed = new Set<string>();
  /** Files that a person wrote. */
  readonly #written = new Set<string>();
  /** Files that both sides had at one path. */
  readonly #agreed = new Set<string>();

  /**
   * @param office Whose.
   * @param keepsAgreed Whether versions stay that both sides had agreed on.
   */
  constructor(office: Office, keepsAgreed: boolean) {
    this.#office = office;
    this.#keepsAgreed = keepsAgreed;
  }

  /** Lets a person do something: what that destroys need not be kept. */
  while(act: () => void): void {
    const before = this.#look();
    act();
    const { files } = this.#look();
    for (const file of files.difference(before.files)) this.#written.add(file);
    const after = this.#look();
    for (const content of before.contents.difference(after.contents)) {
      this.#owed.delete(content);
    }
    if (!this.#keepsAgreed) {
      for (const content of before.alone.difference(after.alone)) {
        this.#owed.delete(content);
      }
    }
    const owed = this.#keepsAgreed ? after.contents : after.alone;
    for (const content of owed) this.#owed.add(content);
  }

  assertKept(): void {
    const lost = this.#owed.difference(this.#look().contents);
    assert.deepEqual([...lost], [], "what is lost");
  }

  #look(): Seen {
    const { trees, softDeleted } = stateOf(this.#office);
    const contents = new Set(softDeleted);
    const files = new Set<string>();
    const alone = new Set<string>();
    for (const side of SIDES) {
      const other = trees[otherSide(side)].files;
      for (const [path, { content, id }] of trees[side].files) {
        contents.add(content);
        const file = `${side} ${id} ${content}`;
        files.add(file);
        if (other.get(path)?.content === content) this.#agreed.add(file);
        else if (this.#written.has(file) && !this.#agreed.has(file)) {
          alone.add(content);
        }
      }
    }
    for (const content of sharedContents(trees)) {
      if (!this.#keepsAgreed && !alone.has(content)) this.#owed.delete(content);
    }
    return { contents, files, alone };
  }
}

/** Runs, while somebody interferes. */
async function runAmid(
  office: Office,
  meanwhile: readonly Interference[],
  act: (edit: Edit, file?: string) => void,
): Promise<void> {
  using disposables = new DisposableStack();
  let count = 0;
  let isActing = false;
  for (const call of CALLS) {
    disposables.use(intercept(call, (real, ...args) => {
      // No system lets a name be taken over only if a look still holds.
      const isReplacing = call === "renameSync" && args[0]?.includes("-tmp-");
      if (!isActing && !isReplacing) {
        isActing = true;
        const now = count++;
        for (const { call, edit, isAimed } of meanwhile) {
          if (call !== now) continue;
          act(edit, isAimed ? fileOf(args) : undefined);
        }
        isActing = false;
      }
      return real(...args);
    }));
  }
  const { exitCode, stop } = await office.run(ALLOWED);
  assert.equal(stop, null, "edits do not stop a run");
  assert.ok(exitCode <= 1, `exit code ${exitCode}`);
}

/** The file of a root that a system call is about. */
function fileOf(args: readonly unknown[]): string | undefined {
  return args.map((it) => /\/(?:left|right)\/(.+)$/.exec(String(it))?.[1])
    .find((it) => it !== undefined && !it.includes(".office-sync"));
}

async function play(
  settings: Settings,
  rounds: readonly Round[],
): Promise<void> {
  using office = new Office(configLines(settings));
  const editor = new Editor(office, settings);
  const treasury = new Treasury(office, settings.keepReplaced);
  const act = (edit: Edit, file?: string) =>
    treasury.while(() => editor.apply(edit, file));
  for (const { before, meanwhile } of rounds) {
    before.forEach((edit) => act(edit));
    await runAmid(office, meanwhile, act);
    treasury.assertKept();
    // What was left for the next run is done by it, at the latest by the third.
    let last = await office.run(ALLOWED);
    for (let more = 0; more < 2 && last.exitCode !== 0; more++) {
      last = await office.run(ALLOWED);
    }
    assert.equal(last.exitCode, 0, describe(last));
    treasury.assertKept();
    const { trees } = stateOf(office);
    const agreed = comparable(trees.right);
    assert.deepEqual(comparable(trees.left), agreed, describe(last));
    assertRecord(office, trees, []);
    assertNoLeftovers(office);
  }
}

const TESTS: readonly [string, Settings][] = [
  ["nothing is lost", KEEPING],
  ["nothing is lost that was not agreed on", LETTING_GO],
];

for (const [what, settings] of TESTS) {
  Deno.test(`whatever is edited in the middle of a run, ${what} and the next run makes both sides agree`, async () => {
    await assertCases(rounds, (it) => play(settings, it));
  });
}
