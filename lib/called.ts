/**
 * What a person types to start this program. Pure.
 *
 * @module
 */

/** Its own file, or part of the one that a binary or portable folder holds. */
const isBundled = !import.meta.url.endsWith("/called.ts");

/** The words before a command: those of the binary and the portable folder. */
export const PROGRAM: string = isBundled ? "office-sync" : "deno task sync";
