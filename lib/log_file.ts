/**
 * The file of a log: appended to, rotated by size, and never trusted to have
 * taken what it was given.
 *
 * @module
 */
import { dirname } from "node:path";
import { getRotatingFileSink } from "@logtape/file";
import type { Sink } from "@logtape/logtape";

/** Where a log goes, and how much is kept of it. */
export interface LogFileOptions {
  /** Absolute path; its folder is made where it is missing. */
  readonly file: string;
  /** A file is rotated before it grows beyond this. */
  readonly maxSizeBytes: number;
  /** How many files are kept, the current one included. */
  readonly maxFiles: number;
}

type FileSink = Sink & Disposable;

/** An open log file. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  #sink: FileSink | null;
  /** A full disk took a part of what was written: its line has no end. */
  #isTorn = false;

  /**
   * Opens the file.
   *
   * @param options Where, and how much is kept.
   * @throws The system's error where it can't be opened.
   */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#sink = openFirst(options);
  }

  /**
   * Appends a text, and tries once more where that fails: a sink whose
   * rotation failed has closed its file for good, and on Windows an editor
   * that holds the old file is enough. Such a log goes on unrotated.
   *
   * @param text Whole lines.
   * @returns The first thing that went wrong; null: nothing.
   */
  write(text: string): unknown {
    try {
      this.#sink ??= openSink(this.#options, { canRotate: false });
      this.#append(this.#sink, text);
      return null;
    } catch (error) {
      this.#writeUnrotated(text);
      return error;
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    if (this.#isTorn) this.write("");
    close(this.#sink);
    this.#sink = null;
  }

  #writeUnrotated(text: string): void {
    close(this.#sink);
    this.#sink = null;
    try {
      this.#sink = openSink(this.#options, { canRotate: false });
      this.#append(this.#sink, text);
    } catch {
      // Not kept for later: it would grow with the run.
      this.#isTorn = true;
    }
  }

  /**
   * Appends, and makes sure that all is there: a sink takes no notice of a
   * disk that has room for a part only.
   */
  #append(sink: FileSink, text: string): void {
    const { file, maxSizeBytes } = this.#options;
    const whole = this.#isTorn ? `\n${text}` : text;
    const before = sizeOf(file);
    put(sink, whole);
    const after = sizeOf(file);
    if (before !== null && after !== null) {
      const bytes = new TextEncoder().encode(whole).length;
      const isRotated = before + bytes > maxSizeBytes;
      if (after < (isRotated ? bytes : before + bytes)) {
        const error = new Error("No space left on device");
        throw Object.assign(error, { code: "ENOSPC" });
      }
    }
    this.#isTorn = false;
  }
}

/** The folder is made only when missing: it may be all that is forbidden. */
function openFirst(options: LogFileOptions): FileSink {
  try {
    return openSink(options, { canRotate: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(options.file), { recursive: true });
    return openSink(options, { canRotate: true });
  }
}

/** A sink that holds nothing back; it would lose that when a write fails. */
function openSink(
  { file, maxSizeBytes, maxFiles }: LogFileOptions,
  { canRotate }: { readonly canRotate: boolean },
): FileSink {
  return getRotatingFileSink(file, {
    bufferSize: 0,
    formatter: (record) => String(record.rawMessage),
    maxSize: canRotate ? maxSizeBytes : Number.MAX_SAFE_INTEGER,
    // The sink counts only the files beside the current one.
    maxFiles: maxFiles - 1,
  });
}

function put(sink: FileSink, text: string): void {
  sink({
    category: ["office-sync"],
    level: "info",
    message: [text],
    rawMessage: text,
    timestamp: Date.now(),
    properties: {},
  });
}

function close(sink: FileSink | null): void {
  try {
    sink?.[Symbol.dispose]();
  } catch {
    // Closed already by a rotation that failed.
  }
}

/** In bytes; null where there is no such thing, as for a device. */
function sizeOf(file: string): number | null {
  try {
    const { isFile, size } = Deno.statSync(file);
    return isFile ? size : null;
  } catch {
    return null;
  }
}
