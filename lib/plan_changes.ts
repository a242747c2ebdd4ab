/**
 * What became of the content of one path on each side, each side held against
 * its own half of the record.
 *
 * @module
 */
import { cutToTick, type HalfState, halfState } from "./metadata.ts";
import { type FoundFile, isMoved, type Pair, pathOf } from "./plan_merge.ts";
import type { RecordedChange, UnrecordedChange } from "./plan_rules.ts";
import type {
  Answer,
  DecisionSettings,
  FileRef,
  Inquiry,
  Question,
} from "./plan_types.ts";
import { type Both, both, otherSide, type Side, SIDES } from "./types.ts";

/** What became of the content of a path. */
export type Changes =
  & {
    /** Both sides are known to hold the same content. */
    readonly isSame: boolean;
    /** Of the content both hold, where it was read for it. */
    readonly hash: string | null;
  }
  & (
    | { readonly kind: "recorded"; readonly change: Both<RecordedChange> }
    | { readonly kind: "unrecorded"; readonly change: Both<UnrecordedChange> }
  );

type Unreadable = Answer & { readonly kind: "unreadable" };

/** Nobody can tell yet what became of it. */
export type Undecided =
  /** Files have to be read first. */
  | { readonly kind: "pending" }
  /** They can't be read. */
  | { readonly kind: "unreadable"; readonly answer: Unreadable };

/** Ends it where content is needed and not known. */
class Unknown extends Error {
  constructor(readonly answer: Unreadable | null) {
    super();
  }
}

/**
 * Finds out what became of one path.
 *
 * @param pair What was found and recorded at the path.
 * @param inquiry Answers about content; what is missing is asked.
 * @param settings What follows from config and roots.
 */
export function changesOf(
  pair: Pair,
  inquiry: Inquiry,
  settings: DecisionSettings,
): Changes | Undecided {
  try {
    return new ChangeFinder(pair, inquiry, settings).find();
  } catch (thrown) {
    if (!(thrown instanceof Unknown)) throw thrown;
    return thrown.answer === null
      ? { kind: "pending" }
      : { kind: "unreadable", answer: thrown.answer };
  }
}

type State = HalfState | "deleted";

class ChangeFinder {
  readonly #pair: Pair;
  readonly #inquiry: Inquiry;
  readonly #settings: DecisionSettings;
  readonly #isSuspicious: boolean;
  #hash: string | null = null;

  constructor(pair: Pair, inquiry: Inquiry, settings: DecisionSettings) {
    this.#pair = pair;
    this.#inquiry = inquiry;
    this.#settings = settings;
    this.#isSuspicious = settings.isSuspicious(pair.name);
  }

  find(): Changes {
    const { row, left, right } = this.#pair;
    if (row === null) {
      const change = both((side) => this.#pair[side] ? "created" : "absent");
      const isSame = left !== null && right !== null && this.#areEqual();
      return { kind: "unrecorded", change, isSame, hash: this.#hash };
    }
    const states = this.#read(both((side) => this.#stateOf(side)));
    const change = both((side) =>
      this.#changeOf(states[side], states[otherSide(side)])
    );
    const isSame = change.left === "modified" && change.right === "modified"
      ? left!.metadata.sizeBytes === right!.metadata.sizeBytes &&
        this.#compare()
      : change.left === "unchanged" && change.right === "unchanged";
    return { kind: "recorded", change, isSame, hash: this.#hash };
  }

  /** Whether two files that are not recorded are the same. */
  #areEqual(): boolean {
    const { isFirstMeeting, verifyFirstRun, coarserTickMs } = this.#settings;
    const [left, right] = [this.#pair.left!, this.#pair.right!];
    if (left.metadata.sizeBytes !== right.metadata.sizeBytes) return false;
    const mayTrust = isFirstMeeting && !verifyFirstRun &&
      !this.#isSuspicious && !left.isFresh && !right.isFresh;
    const haveOneTime = cutToTick(left.metadata.mtimeMs, coarserTickMs) ===
      cutToTick(right.metadata.mtimeMs, coarserTickMs);
    return mayTrust && haveOneTime || this.#compare();
  }

  /** What metadata, and a recorded hash where there is one, tell of a side. */
  #stateOf(side: Side): State {
    const { row, [side]: found, [otherSide(side)]: other } = this.#pair;
    if (found === null) return "deleted";
    const half = row![side];
    // A rename against a deletion is a change: the file comes back.
    if (isMoved(this.#pair, side) && other === null) return "different";
    const isSuspect = this.#isSuspicious || found.hasDouble;
    const state = halfState(found.metadata, half, isSuspect);
    if (state !== "suspect") return state;
    if (row!.hash === null) {
      // Nothing to hold it against but the other side, if it has its file.
      if (other !== null) return "undecided";
      // What may be another file is never taken for the recorded one.
      const isOther = found.hasDouble || half.isFresh;
      return isOther ? "different" : this.#modeState(side);
    }
    const isSame = this.#hashOf(side) === row!.hash;
    return isSame ? this.#modeState(side) : "different";
  }

  /** Reads where metadata could not tell and a content could. */
  #read(states: Both<State>): Both<State> {
    const { row, left, right } = this.#pair;
    const isOpen = SIDES.some((side) => states[side] === "undecided");
    const isChanged = SIDES.some((side) => states[side] === "different");
    if (left !== null && right !== null && (isOpen || isChanged)) {
      if (!isChanged && this.#compare()) {
        return both((side) =>
          states[side] === "undecided" ? this.#modeState(side) : states[side]
        );
      }
      // Contents differ. Where one is still the recorded one, whatever was
      // done to its time or mode, only the other side changed.
      const same = row!.hash === null
        ? undefined
        : SIDES.find((side) =>
          (states[side] === "undecided" || states[side] === "mode") &&
          this.#hashOf(side) === row!.hash
        );
      if (same !== undefined) {
        return both((side) => side === same ? "same" : "different");
      }
    }
    // An unchanged size proves nothing.
    return both((side) =>
      states[side] === "undecided" ? "different" : states[side]
    );
  }

  #modeState(side: Side): "same" | "mode" {
    const { row, [side]: found } = this.#pair;
    return found!.metadata.mode === row![side].mode ? "same" : "mode";
  }

  #compare(): boolean {
    const [left, right] = [this.#pair.left!, this.#pair.right!];
    const answer = this.#ask({
      kind: "compare",
      a: refOf("left", left),
      b: refOf("right", right),
      wantsHash: this.#isSuspicious || left.isFresh || right.isFresh,
    });
    if (answer.kind === "same") this.#hash = answer.hash;
    return answer.kind === "same";
  }

  #hashOf(side: Side): string | null {
    const file = refOf(side, this.#pair[side]!);
    const answer = this.#ask({ kind: "hash", file });
    if (answer.kind === "hash") this.#hash = answer.hash;
    return this.#hash;
  }

  #ask(question: Question): Answer {
    const answer = this.#inquiry.ask(question);
    if (answer === null) throw new Unknown(null);
    if (answer.kind === "unreadable") throw new Unknown(answer);
    return answer;
  }

  /** Touched counts as modified against a changed other side, else as nothing. */
  #changeOf(state: State, other: State): RecordedChange {
    if (state === "deleted") return "deleted";
    if (state === "different") return "modified";
    const isTouched = state === "mode" && !this.#settings.ignoresModes;
    const isOtherChanged = other === "different" || other === "deleted";
    return isTouched && isOtherChanged ? "modified" : "unchanged";
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
  return { side, path: pathOf(found, side), metadata: found.metadata };
}
