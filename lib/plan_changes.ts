/**
 * What became of the content of one path on each side, each side held against
 * its own half of the record.
 *
 * @module
 */
import { type HalfState, halfState, isSameTime } from "./metadata.ts";
import {
  type Answer,
  type DecisionSettings,
  type FileRef,
  type FoundFile,
  type Inquiry,
  isMoved,
  type Pair,
  pathOf,
  type Question,
} from "./plan_types.ts";
import { type Both, both, otherSide, type Side, SIDES } from "./types.ts";

/** What became of a recorded file on one side. */
export type RecordedChange = "unchanged" | "modified" | "deleted";

/** What became of an unrecorded file on one side. */
export type UnrecordedChange = "absent" | "created";

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

/** An answer that could not be had. */
export type Unreadable = Answer & { readonly kind: "unreadable" };

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
    return findChanges(pair, inquiry, settings);
  } catch (thrown) {
    if (!(thrown instanceof Unknown)) throw thrown;
    return thrown.answer === null
      ? { kind: "pending" }
      : { kind: "unreadable", answer: thrown.answer };
  }
}

type State = HalfState | "deleted";

function findChanges(
  pair: Pair,
  inquiry: Inquiry,
  settings: DecisionSettings,
): Changes {
  const { row, left, right } = pair;
  const isSuspicious = settings.isSuspicious(pair.name);
  /** Of the content both hold, where it was read. */
  let hash: string | null = null;

  function ask(question: Question): Answer {
    const answer = inquiry.ask(question);
    if (answer === null) throw new Unknown(null);
    if (answer.kind === "unreadable") throw new Unknown(answer);
    return answer;
  }

  /** Reads both files. */
  function haveSameContent(): boolean {
    const answer = ask({
      kind: "compare",
      a: refOf("left", left!),
      b: refOf("right", right!),
      wantsHash: isSuspicious || left!.isFresh || right!.isFresh,
    });
    if (answer.kind === "same") hash = answer.hash;
    return answer.kind === "same";
  }

  /** Reads a file that is recorded with a hash. */
  function hasRecordedContent(side: Side): boolean {
    const answer = ask({ kind: "hash", file: refOf(side, pair[side]!) });
    if (answer.kind === "hash") hash = answer.hash;
    return hash === row!.hash;
  }

  const modeState = (side: Side) =>
    pair[side]!.metadata.mode === row![side].mode ? "same" : "mode";

  /** What metadata, and a recorded hash where there is one, tell of a side. */
  function stateOf(side: Side): State {
    const { [side]: found, [otherSide(side)]: other } = pair;
    if (found === null) return "deleted";
    // A rename against a deletion is a change: the file comes back.
    if (isMoved(pair, side) && other === null) return "different";
    const isSuspect = isSuspicious || found.hasDouble;
    const state = halfState(found.metadata, row![side], isSuspect);
    if (state !== "suspect") return state;
    if (row!.hash !== null) {
      return hasRecordedContent(side) ? modeState(side) : "different";
    }
    // Nothing to hold it against but the other side, if it has its file.
    if (other !== null) return "undecided";
    // What may be another file is never taken for the recorded one.
    const isOther = found.hasDouble || row![side].isFresh;
    return isOther ? "different" : modeState(side);
  }

  /** Reads where metadata could not tell and a content could. */
  function resolved(states: Both<State>): Both<State> {
    const isOpen = SIDES.some((side) => states[side] === "undecided");
    const isChanged = SIDES.some((side) => states[side] === "different");
    if (left !== null && right !== null && (isOpen || isChanged)) {
      if (!isChanged && haveSameContent()) {
        return both((side) =>
          states[side] === "undecided" ? modeState(side) : states[side]
        );
      }
      // Contents differ. Where one is still the recorded one, whatever was
      // done to its time or mode, only the other side changed.
      const same = row!.hash === null
        ? undefined
        : SIDES.find((side) =>
          (states[side] === "undecided" || states[side] === "mode") &&
          hasRecordedContent(side)
        );
      if (same) return both((side) => side === same ? "same" : "different");
    }
    // An unchanged size proves nothing.
    return both((side) =>
      states[side] === "undecided" ? "different" : states[side]
    );
  }

  /** Touched counts as modified against a changed other side, else as nothing. */
  function changeOf(state: State, other: State): RecordedChange {
    if (state === "deleted") return "deleted";
    if (state === "different") return "modified";
    const isTouched = state === "mode" && !settings.ignoresModes;
    const isOtherChanged = other === "different" || other === "deleted";
    return isTouched && isOtherChanged ? "modified" : "unchanged";
  }

  const haveOneSize = left?.metadata.sizeBytes === right?.metadata.sizeBytes;
  if (row === null) {
    const change = both((side) => pair[side] ? "created" : "absent");
    const { isFirstMeeting, verifyFirstRun, coarserTickMs } = settings;
    const mayTrust = isFirstMeeting && !verifyFirstRun && !isSuspicious &&
      !left?.isFresh && !right?.isFresh;
    const haveOneTime = () =>
      isSameTime(
        left!.metadata.mtimeMs,
        right!.metadata.mtimeMs,
        coarserTickMs,
      );
    const isSame = left !== null && right !== null && haveOneSize &&
      (mayTrust && haveOneTime() || haveSameContent());
    return { kind: "unrecorded", change, isSame, hash };
  }
  const states = resolved(both(stateOf));
  const change = both((side) =>
    changeOf(states[side], states[otherSide(side)])
  );
  const isSame = change.left === "modified" && change.right === "modified"
    ? haveOneSize && haveSameContent()
    : change.left === "unchanged" && change.right === "unchanged";
  return { kind: "recorded", change, isSame, hash };
}

/** Why nobody may have meant a modified version. */
export type Doubt = "empty" | "older";

/**
 * Whether a modified file is one that perhaps nobody meant: empty where the
 * recorded one was not, or older than that.
 *
 * @param side The side on which its content changed.
 */
export function doubtOf(pair: Pair, side: Side): Doubt | null {
  const metadata = pair[side]?.metadata;
  const half = pair.row?.[side];
  if (!metadata || !half) return null;
  if (metadata.sizeBytes === 0 && half.sizeBytes > 0) return "empty";
  return metadata.mtimeMs < half.mtimeMs ? "older" : null;
}

/** A found file as something to be read. */
export function refOf(side: Side, found: FoundFile): FileRef {
  return { side, path: pathOf(found, side), metadata: found.metadata };
}
