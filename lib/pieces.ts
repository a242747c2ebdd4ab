/**
 * Long work in pieces, which can be broken off between any two of them.
 *
 * @module
 */

/** Work that gives way wherever it could be broken off. */
export type Pieces<T> = Generator<void, T, void>;

/**
 * Does all of a work without a pause.
 *
 * @param work The work.
 * @returns What it gives.
 */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const piece = work.next();
    if (piece.done) return piece.value;
  }
}

/**
 * Does a work with pauses between its pieces.
 *
 * @param work The work. It may clean up when it is broken off.
 * @param pause What it throws breaks the work off; left out: no pauses.
 * @returns What it gives.
 * @throws What `pause` threw.
 */
export async function inPieces<T>(
  work: Pieces<T>,
  pause?: () => Promise<void>,
): Promise<T> {
  if (!pause) return atOnce(work);
  for (;;) {
    const piece = work.next();
    if (piece.done) return piece.value;
    try {
      await pause();
    } catch (error) {
      work.throw(error);
      throw error;
    }
  }
}
