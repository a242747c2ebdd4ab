/**
 * What became of the content of one path on each side, each side held against
 * its own half of the record.
 *
 * @module
 */
import { cutToTick, type HalfState, halfState } from "./metadata.ts";
import { joinPath } from "./paths.ts";
import {
  currentPath,
  type FoundFile,
  isMoved,
  type Pair,
} from "./plan_merge.ts";
import type { RecordedChange, UnrecordedChange } from "./plan_rules.ts";
import type { Answer, FileRef, Inquiry } from "./plan_types.ts";
import {
  type Both,
  type FileRow,
  otherSide,
  type Side,
  SIDES,
} from "./types.ts";

/** What the judgement of content depends on besides the pair. */
export interface ChangeSettings {
  /** The coarser of both roots' ticks, in ms. */
  readonly coarserTickMs: number;
  /** The run started without any rows. */
  readonly isFirstMeeting: boolean;
  /** Read both files on a first meeting, even where metadata agree. */
  readonly verifyFirstRun: boolean;
  /** A side carries no modes: they are no change. Left out: both do. */
  readonly ignoresModes?: boolean | undefined;
  /** Whether files of a name are read always. */
  isSuspicious(name: string): boolean;
}

/** What became of the content of a path. */
export type Judgement =
  | {
    readonly kind: "recorded";
    readonly row: FileRow;
    readonly change: Both<RecordedChange>;
    /** Both sides are known to hold the same content. */
    readonly isSame: boolean;
    /** Of the content both hold, where it was read for it. */
    readonly hash: string | null;
  }
  | {
    readonly kind: "unrecorded";
    readonly change: Both<UnrecordedChange>;
    readonly isSame: boolean;
    readonly hash: string | null;
  }
  /** Files have to be read first. */
  | { readonly kind: "pending" }
  /** They can't be read, so nobody can tell. */
  | {
    readonly kind: "unreadable";
    readonly answer: Answer & { readonly kind: "unreadable" };
  };

/**
 * Judges one path.
 *
 * @param pair What was found and recorded at the path.
 * @param inquiry Answers about content; what is missing is asked.
 * @param settings What follows from config and roots.
 */
export function judge(
  pair: Pair,
  inquiry: Inquiry,
  settings: ChangeSettings,
): Judgement {
  try {
    const judge = new Judge(pair, inquiry, settings);
    return pair.row === null ? judge.unrecorded() : judge.recorded(pair.row);
  } catch (thrown) {
    if (!(thrown instanceof Undecided)) throw thrown;
    return thrown.answer === null
      ? { kind: "pending" }
      : { kind: "unreadable", answer: thrown.answer };
  }
}

/** Ends a judgement that content is needed for and not known. */
class Undecided extends Error {
  constructor(readonly answer: Answer & { kind: "unreadable" } | null) {
    super();
  }
}

/** A state after all reading: nothing is left to be looked into. */
type Resolved = Exclude<HalfState, "undecided" | "suspect"> | "deleted";

class Judge {
  readonly #pair: Pair;
  readonly #inquiry: Inquiry;
  readonly #settings: ChangeSettings;
  readonly #isSuspicious: boolean;
  #hash: string | null = null;

  constructor(pair: Pair, inquiry: Inquiry, settings: ChangeSettings) {
    this.#pair = pair;
    this.#inquiry = inquiry;
    this.#settings = settings;
    this.#isSuspicious = settings.isSuspicious(pair.name);
  }

  unrecorded(): Judgement {
    const { left, right } = this.#pair;
    const change: Both<UnrecordedChange> = {
      left: left ? "created" : "absent",
      right: right ? "created" : "absent",
    };
    const isSame = left !== null && right !== null &&
      this.#holdTheSame(left, right);
    return { kind: "unrecorded", change, isSame, hash: this.#hash };
  }

  #holdTheSame(left: FoundFile, right: FoundFile): boolean {
    const { isFirstMeeting, verifyFirstRun, coarserTickMs } = this.#settings;
    if (left.metadata.sizeBytes !== right.metadata.sizeBytes) return false;
    const mayTrust = isFirstMeeting && !verifyFirstRun &&
      !this.#isSuspicious && !left.isFresh && !right.isFresh;
    const haveOneTime = cutToTick(left.metadata.mtimeMs, coarserTickMs) ===
      cutToTick(right.metadata.mtimeMs, coarserTickMs);
    return mayTrust && haveOneTime || this.#compare(left, right);
  }

  recorded(row: FileRow): Judgement {
    const isMode = !this.#settings.ignoresModes;
    const states = mapSides(
      this.#resolve(row, {
        left: this.#stateOf("left", row),
        right: this.#stateOf("right", row),
      }),
      (state) => state === "mode" && !isMode ? "same" : state,
    );
    const change = {
      left: changeOf(states.left, states.right),
      right: changeOf(states.right, states.left),
    };
    const { left, right } = this.#pair;
    const areBothModified = change.left === "modified" &&
      change.right === "modified";
    const isSame = areBothModified
      ? left!.metadata.sizeBytes === right!.metadata.sizeBytes &&
        this.#compare(left!, right!)
      : change.left === "unchanged" && change.right === "unchanged";
    return { kind: "recorded", row, change, isSame, hash: this.#hash };
  }

  /** What metadata, and a recorded hash where there is one, tell of a side. */
  #stateOf(side: Side, row: FileRow): HalfState | "deleted" {
    const found = this.#pair[side];
    if (found === null) return "deleted";
    const state = halfState(
      found.metadata,
      row[side],
      this.#isSuspicious || found.hasDouble,
    );
    // A rename against a deletion is a change: the file comes back.
    if (isMoved(this.#pair, side) && this.#pair[otherSide(side)] === null) {
      return "different";
    }
    if (state !== "suspect") return state;
    const modeState = this.#modeState(side, row);
    if (row.hash === null) {
      // Nothing to hold it against but the other side, if it has its file.
      if (this.#pair[otherSide(side)] !== null) return "undecided";
      // What may be another file is never taken for the recorded one.
      return found.hasDouble || row[side].isFresh ? "different" : modeState;
    }
    return this.#hashOf(side, found) === row.hash ? modeState : "different";
  }

  /** Reads where metadata could not tell and a content could. */
  #resolve(row: FileRow, states: Both<HalfState | "deleted">): Both<Resolved> {
    const { left, right } = this.#pair;
    const isOpen = SIDES.some((side) => states[side] === "undecided");
    const isChanged = SIDES.some((side) => states[side] === "different");
    const isTouched = (side: Side) =>
      states[side] === "undecided" || states[side] === "mode";
    if (left !== null && right !== null) {
      if (isOpen && !isChanged && this.#compare(left, right)) {
        return mapSides(
          states,
          (state, side) =>
            isResolved(state) ? state : this.#modeState(side, row),
        );
      }
      // Contents differ. Where one is still the recorded one, whatever was
      // done to its time or mode, only the other side changed.
      const kept = row.hash === null || !isOpen && !isChanged
        ? undefined
        : SIDES.find((side) =>
          isTouched(side) &&
          this.#hashOf(side, this.#pair[side]!) === row.hash
        );
      if (kept !== undefined) {
        return kept === "left"
          ? { left: "same", right: "different" }
          : { left: "different", right: "same" };
      }
    }
    // An unchanged size proves nothing.
    return mapSides(
      states,
      (state) => isResolved(state) ? state : "different",
    );
  }

  #modeState(side: Side, row: FileRow): "same" | "mode" {
    return this.#pair[side]!.metadata.mode === row[side].mode ? "same" : "mode";
  }

  #compare(left: FoundFile, right: FoundFile): boolean {
    const answer = this.#inquiry.ask({
      kind: "compare",
      a: refOf("left", left),
      b: refOf("right", right),
      wantsHash: this.#isSuspicious || left.isFresh || right.isFresh,
    });
    if (answer?.kind === "same") this.#hash = answer.hash;
    if (answer === null) throw new Undecided(null);
    if (answer.kind === "unreadable") throw new Undecided(answer);
    return answer.kind === "same";
  }

  #hashOf(side: Side, found: FoundFile): string {
    const file = refOf(side, found);
    const answer = this.#inquiry.ask({ kind: "hash", file });
    if (answer?.kind === "hash") return this.#hash = answer.hash;
    throw new Undecided(answer?.kind === "unreadable" ? answer : null);
  }
}

function isResolved(state: HalfState | "deleted"): state is Resolved {
  return state !== "undecided" && state !== "suspect";
}

function mapSides<A, B>(
  values: Both<A>,
  map: (value: A, side: Side) => B,
): Both<B> {
  return {
    left: map(values.left, "left"),
    right: map(values.right, "right"),
  };
}

/** Touched counts as modified against a changed other side, else as nothing. */
function changeOf(state: Resolved, other: Resolved): RecordedChange {
  switch (state) {
    case "deleted":
      return "deleted";
    case "different":
      return "modified";
    case "same":
      return "unchanged";
    case "mode":
      return other === "different" || other === "deleted"
        ? "modified"
        : "unchanged";
  }
}

/** Why nobody may have meant a modified version. */
export type Doubt = "empty" | "older";

/**
 * Whether a modified file is one that perhaps nobody meant: empty where the
 * recorded one was not, or older than that.
 *
 * @param pair The path.
 * @param side The side on which its content changed.
 */
export function doubtOf(pair: Pair, side: Side): Doubt | null {
  const metadata = pair[side]?.metadata;
  const half = pair.row?.[side];
  if (!metadata || !half) return null;
  if (metadata.sizeBytes === 0 && half.sizeBytes > 0) return "empty";
  return metadata.mtimeMs < half.mtimeMs ? "older" : null;
}

/**
 * A found file as something to be read.
 *
 * @param side The side it is on.
 * @param found Where it was found.
 */
export function refOf(side: Side, found: FoundFile): FileRef {
  const folder = currentPath(found.folder, side) ?? "";
  return {
    side,
    path: joinPath(folder, found.name),
    metadata: found.metadata,
  };
}
