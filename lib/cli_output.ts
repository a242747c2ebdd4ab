/**
 * What the program prints: the answer on standard output, all else on
 * standard error.
 *
 * @module
 */

/**
 * Prints what was asked for.
 *
 * @param text Whole lines, without the last line break.
 */
export function print(text: string): void {
  write(Deno.stdout, text);
}

/**
 * Prints what a person should know besides.
 *
 * @param text Whole lines, without the last line break.
 */
export function warn(text: string): void {
  try {
    write(Deno.stderr, text);
  } catch {
    // The terminal was closed: nobody is left who could read it.
  }
}

function write(to: typeof Deno.stdout, text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}
