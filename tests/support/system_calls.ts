/**
 * Something in the place of the system's calls, for this process.
 *
 * @module
 */

/** Calls of the runtime that take paths, and how many. */
export const PATH_CALLS: Readonly<Record<string, number>> = {
  chmodSync: 1,
  linkSync: 2,
  lstatSync: 1,
  mkdirSync: 1,
  openSync: 1,
  readDirSync: 1,
  readFileSync: 1,
  readLinkSync: 1,
  readTextFileSync: 1,
  realPathSync: 1,
  removeSync: 1,
  renameSync: 2,
  statSync: 1,
  utimeSync: 1,
  writeFileSync: 1,
  writeTextFileSync: 1,
};

// deno-lint-ignore no-explicit-any
export type AnyFunction = (...args: any[]) => any;

/**
 * Puts something in the place of a call until it is disposed of.
 *
 * @param system What has the call.
 * @param name The call.
 * @param replacement Gets the real one, and its arguments.
 */
export function replaceCall(
  system: object,
  name: string,
  replacement: (real: AnyFunction, ...args: string[]) => unknown,
): Disposable {
  const calls = system as Record<string, AnyFunction>;
  const real = calls[name]!;
  calls[name] = function (this: unknown, ...args) {
    return replacement(real.bind(this), ...args);
  };
  return { [Symbol.dispose]: () => void (calls[name] = real) };
}
