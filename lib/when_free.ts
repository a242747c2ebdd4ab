/**
 * Patience with files that another program has open.
 *
 * @module
 */
import { troubleOf } from "./system_errors.ts";

/** Pauses before another try at a busy file, in ms. */
const BACK_OFF_MS = [50, 150, 400];

/**
 * Tries again, a little later, while another program has the file.
 *
 * @param act What to try.
 * @returns What it gave.
 * @throws What it threw at the last try.
 */
export async function whenFree<T>(act: () => T | Promise<T>): Promise<T> {
  for (const pauseMs of BACK_OFF_MS) {
    try {
      return await act();
    } catch (error) {
      if (troubleOf(error) !== "busy") throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return await act();
}
