/**
 * Questions about content. Deciding is pure, so it can't read files: it asks,
 * somebody reads, and it decides again with the answers.
 *
 * @module
 */
import type { FileFigures, Side } from "./types.ts";

/** A file to be read, as the scan saw it. */
export interface FileRef {
  readonly side: Side;
  readonly path: string;
  readonly figures: FileFigures;
}

/** What has to be known of the content of files. */
export type Question =
  | {
    readonly kind: "compare";
    readonly a: FileRef;
    readonly b: FileRef;
    /** The hash is needed as well, should they be the same. */
    readonly wantsHash: boolean;
  }
  | { readonly kind: "hash"; readonly file: FileRef };

/** What reading told. */
export type Answer =
  | { readonly kind: "same"; readonly hash: string | null }
  | { readonly kind: "different" }
  | { readonly kind: "hash"; readonly hash: string }
  | {
    readonly kind: "unreadable";
    readonly side: Side;
    readonly path: string;
    readonly reason: string;
  };

/** The answers so far, and what is still to be asked. */
export class Inquiry {
  /** Questions that have no answer yet. */
  readonly open: Map<string, Question> = new Map();
  readonly #answers: ReadonlyMap<string, Answer>;

  /** @param answers By {@linkcode questionId}. */
  constructor(answers: ReadonlyMap<string, Answer>) {
    this.#answers = answers;
  }

  /**
   * Asks.
   *
   * @param question What has to be known.
   * @returns The answer, or null where somebody has to read first.
   */
  ask(question: Question): Answer | null {
    const id = questionId(question);
    const answer = this.#answers.get(id) ?? null;
    if (answer === null) this.open.set(id, question);
    return answer;
  }
}

/**
 * What tells one question from all others of a run.
 *
 * @param question The question.
 */
export function questionId(question: Question): string {
  const ref = (file: FileRef) => `${file.side}/${file.path}`;
  return question.kind === "hash"
    ? `hash\n${ref(question.file)}`
    : `compare\n${ref(question.a)}\n${ref(question.b)}`;
}
