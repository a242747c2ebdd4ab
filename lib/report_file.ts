/**
 * The page that `--report` writes.
 *
 * @module
 */
import { isAbsolute, relative, resolve } from "node:path";
import { EXIT, SyncError } from "./errors.ts";
import type { RowOptions } from "./report_rows.ts";
import type { RunResult } from "./run_result.ts";
import { inWords, troubleOf } from "./system.ts";
import { quoted } from "./text.ts";
import { type Both, SIDES } from "./types.ts";

/**
 * Makes sure that a report is not written where the next run would sync it.
 *
 * @param file The file, as it was given.
 * @param roots Absolute paths of the roots.
 * @throws {SyncError} Exit code 2: it lies in a root.
 */
export function requireOutside(file: string, roots: Both<string>): void {
  for (const side of SIDES) {
    const way = relative(roots[side], resolve(file));
    if (/^\.\.(?:[\\/]|$)/.test(way) || isAbsolute(way)) continue;
    throw new SyncError(
      `--report: ${quoted(file)} lies in ${side}_root; allowed: outside both` +
        " roots.",
      EXIT.usage,
    );
  }
}

/**
 * Writes the page of a run. The sandbox opens this one file and no other, so
 * it can't be written aside first: if the disk gets full, it is left empty
 * instead of half.
 *
 * @param file The file, as it was given.
 * @param result What came of the run.
 * @param options How it is told.
 * @returns What went wrong, in a line; null where it is written.
 */
export async function writeReport(
  file: string,
  result: RunResult,
  options: RowOptions,
): Promise<string | null> {
  // Few runs need them, and the start counts in all.
  const { htmlPage } = await import("./html_page.ts");
  const { htmlReport } = await import("./report_html.ts");
  const bytes = new TextEncoder().encode(htmlPage(htmlReport(result, options)));
  try {
    using page = Deno.openSync(file, {
      write: true,
      create: true,
      truncate: true,
    });
    try {
      for (let at = 0; at < bytes.length;) {
        at += page.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      empty(page);
      throw error;
    }
    return null;
  } catch (error) {
    const why = troubleOf(error) === "missing"
      ? "its folder does not exist"
      : inWords(error);
    return `The report ${quoted(file)} could not be written: ${why}.`;
  }
}

function empty(page: Deno.FsFile): void {
  try {
    page.truncateSync();
  } catch {
    // What is no ordinary file can't be; why it failed before matters more.
  }
}
