/**
 * Random settings and random edits of both roots, for property tests: plain
 * data, so that a failing case can be made smaller.
 *
 * @module
 */
import fc from "fast-check";
import {
  otherSide,
  POLICIES,
  type Policy,
  type Side,
  SIDES,
} from "../../lib/types.ts";

/** What a person, or a program, does to a file or folder of one side. */
export const KINDS = [
  "create",
  "edit, same size",
  "edit, other size",
  "save anew, same time",
  "remove",
  "rename",
  "rename onto another",
  "rename across folders",
  "move folder",
  "touch",
  "chmod",
  "make folder",
  "remove folder",
  "file to folder",
  "folder to file",
  "swap two",
  "copy",
  "copy across sides",
  "same on both sides",
  "restore older version",
  "change case",
  "change case of folder",
  "odd time",
  "just written",
  "rewrite unseen",
] as const;

/** What makes paths that are left alone, or moves files out of them. */
export const HIDING_KINDS = [
  "hide",
  "show",
  "hide folder",
  "make link",
  "file to link",
  "make pipe",
  "nest a root",
  "leave a temporary",
] as const;

/**
 * What programs do while they save, what becomes of versions that perhaps
 * nobody meant, and files that have no ids, or the metadata of others.
 */
export const SAVING_KINDS = [
  "begin to save",
  "go on saving",
  "edit what is being saved",
  "ten minutes pass",
  "throw away",
  "empty the trash",
  "empty",
  "roll back",
  "lose the id",
  "make a double",
  "take a double's place",
  "fill a folder",
  "rewrite everything",
] as const;

/** How likely each is: what begins is to end, and what is rare is costly. */
const SAVING_WEIGHTS: Partial<Record<typeof SAVING_KINDS[number], number>> = {
  "begin to save": 8,
  "go on saving": 8,
  "edit what is being saved": 5,
  "throw away": 3,
  "rewrite everything": 2,
  "empty": 3,
  "roll back": 3,
  "lose the id": 3,
  "make a double": 4,
  "take a double's place": 4,
};

/** What needs the clock, or makes ties: not the same with sides swapped. */
const NOT_MIRRORED: ReadonlySet<typeof KINDS[number]> = new Set([
  "save anew, same time",
  "just written",
  "rewrite unseen",
]);

/** One edit; numbers are taken modulo what there is to choose from. */
export interface Edit {
  readonly kind:
    | typeof KINDS[number]
    | typeof HIDING_KINDS[number]
    | typeof SAVING_KINDS[number];
  readonly side: Side;
  /** Chooses what is edited. */
  readonly at: number;
  /** Chooses where to, or how. */
  readonly to: number;
}

/** What the config says, where it matters. */
export interface Settings {
  readonly policy: Policy;
  readonly namePolicy: Policy;
  readonly isSoft: boolean;
  readonly maxBytes: number;
  readonly keepReplaced: boolean;
  readonly verifyFirstRun: boolean;
}

/** A whole case: settings, and the edits before each run. */
export interface Scenario {
  readonly settings: Settings;
  readonly rounds: readonly (readonly Edit[])[];
}

/** The policies that leave nothing for a person. */
const SETTLING = POLICIES.filter((policy) => policy !== "notify");

/**
 * Edits.
 *
 * @param kinds Of these kinds.
 * @param side On this side, or on either.
 */
export function edits(
  kinds: readonly Edit["kind"][],
  side?: Side,
): fc.Arbitrary<Edit> {
  return fc.record<Edit>({
    kind: fc.constantFrom(...kinds),
    side: fc.constantFrom(...(side === undefined ? SIDES : [side])),
    at: fc.nat(999),
    to: fc.nat(999),
  });
}

/**
 * Scenarios.
 *
 * @param how Whether conflicts may stay open, and whether only edits are
 *   wanted that mean the same with the sides swapped. With `saves`, half of
 *   the edits are of {@linkcode SAVING_KINDS}.
 */
export function scenarios(how: {
  readonly isMirrored: boolean;
  readonly leavesOpen: boolean;
  readonly saves?: boolean;
}): fc.Arbitrary<Scenario> {
  const kinds = KINDS.filter((kind) =>
    !how.isMirrored || !NOT_MIRRORED.has(kind)
  );
  const saving = SAVING_KINDS.flatMap((kind) =>
    Array<typeof kind>(SAVING_WEIGHTS[kind] ?? 1).fill(kind)
  );
  const edit = (side?: Side) =>
    how.saves
      ? fc.oneof(edits(kinds, side), edits(saving, side))
      : edits(kinds, side);
  const round = fc.oneof(
    { weight: 3, arbitrary: fc.array(edit(), { maxLength: 14 }) },
    { weight: 1, arbitrary: fc.array(edit("left"), { maxLength: 8 }) },
    { weight: 1, arbitrary: fc.array(edit("right"), { maxLength: 8 }) },
  );
  const few = fc.array(edits(["create"]), { maxLength: 10 });
  const many = fc.tuple(edits(["fill a folder"]), few).map((it) => it.flat());
  const creating = how.saves
    ? fc.oneof({ weight: 4, arbitrary: few }, { weight: 1, arbitrary: many })
    : few;
  const policy = fc.constantFrom<Policy>(
    ...(how.leavesOpen ? POLICIES : SETTLING),
  );
  return fc.record<Scenario>({
    settings: fc.record<Settings>({
      policy,
      namePolicy: policy,
      isSoft: fc.boolean(),
      maxBytes: fc.constantFrom(20, 1 << 20),
      keepReplaced: fc.boolean(),
      verifyFirstRun: fc.boolean(),
    }),
    rounds: fc.tuple(creating, fc.array(round, { minLength: 1, maxLength: 4 }))
      .map(([first, [second = [], ...others]]) => [
        [...first, ...second],
        ...others,
      ]),
  });
}

/**
 * Settings as lines of a config.
 *
 * @param settings The settings.
 */
export function configLines(settings: Settings): string {
  const { policy, namePolicy, isSoft, maxBytes, keepReplaced } = settings;
  return `
soft_delete:
  enabled: ${isSoft}
  max_size_mb: ${maxBytes / 1_048_576}
  keep_replaced: ${keepReplaced}
conflict_policy:
  modify_modify: ${policy}
  new_new: ${policy}
  metadata_conflict: ${namePolicy}
ignore:
  filenames_prefix: ["~$"]
compare:
  verify_first_run: ${settings.verifyFirstRun}
`;
}

/** The same cases for everybody, unless other ones are asked for. */
const STANDARD_SEED = 20260101;

/**
 * How long and with which seed a property is tested: ten cases, in CI two
 * hundred, as far as there is time.
 */
export function parameters(): fc.Parameters<unknown> {
  const runs = Deno.env.get("OFFICE_SYNC_RUNS");
  const seed = Deno.env.get("OFFICE_SYNC_SEED");
  // With its path a failing case runs at once.
  const path = Deno.env.get("OFFICE_SYNC_PATH");
  // It counts while a failing case is made smaller too.
  const limit = runs === undefined ? 4_500 : Number(runs) * 1500;
  const numRuns = Number(runs ?? (Deno.env.has("CI") ? 200 : 10));
  return {
    numRuns,
    seed: Number(seed ?? STANDARD_SEED),
    ...(path === undefined ? {} : { path }),
    interruptAfterTimeLimit: limit,
  };
}

/**
 * Checks a property, and again with other cases until they were of all kinds:
 * on a busy machine few come about in the time there is.
 *
 * @param property The property.
 * @param isVaried Whether all kinds were met.
 */
export async function assertVaried<T>(
  property: fc.IAsyncProperty<T>,
  isVaried: () => boolean,
): Promise<void> {
  const given = parameters() as fc.Parameters<T>;
  await fc.assert(property, given);
  for (let more = 1; more < 10 && !isVaried() && !isReplay(); more++) {
    await fc.assert(property, { ...given, seed: given.seed! + more });
  }
}

/** Whether only one failing case is run again, not many of all kinds. */
export function isReplay(): boolean {
  return Deno.env.has("OFFICE_SYNC_PATH");
}

/**
 * A path as it is called with the sides swapped.
 *
 * @param text A path, or a sentence with paths in it.
 */
export function swapMarks(text: string): string {
  return text.replaceAll(
    /(\.clash-\d{8}-\d{6}-)(left|right)/g,
    (_, mark, side) => mark + otherSide(side),
  );
}
