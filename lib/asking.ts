/**
 * Asks a person at a terminal.
 *
 * @module
 */
import { warn } from "./cli_output.ts";
import { EXIT, SyncError } from "./errors.ts";

/** What keys in raw mode come as. */
const KEYS = {
  interrupt: 3,
  end: 4,
  backspace: [8, 127],
  enter: [10, 13],
} as const;

/**
 * Asks until the answer will do.
 *
 * @param question What to ask.
 * @param standard The answer of who just presses Enter.
 * @param wrong What is wrong with an answer; null: nothing.
 * @returns The answer, without blanks around it.
 * @throws {SyncError} The person has broken off.
 */
export function ask(
  question: string,
  standard: string,
  wrong: (answer: string) => string | null,
): string {
  for (;;) {
    const shown = standard === "" ? question : `${question} [${standard}]`;
    const typed = prompt(`${shown}:`)?.trim();
    if (typed === undefined) throw brokenOff();
    const answer = typed === "" ? standard : typed;
    const why = wrong(answer);
    if (why === null) return answer;
    warn(why);
  }
}

/**
 * Asks for what nobody may read over the person's shoulder.
 *
 * @param question What to ask.
 * @param wrong What is wrong with an answer; null: nothing.
 * @returns The answer.
 * @throws {SyncError} The person has broken off.
 */
export function askSecretly(
  question: string,
  wrong: (answer: string) => string | null,
): string {
  for (;;) {
    let answer: string | null;
    // Before the question: whoever is quick is not shown either.
    Deno.stdin.setRaw(true);
    try {
      Deno.stdout.writeSync(new TextEncoder().encode(`${question}: `));
      answer = readSecret();
    } finally {
      Deno.stdin.setRaw(false);
      Deno.stdout.writeSync(new TextEncoder().encode("\r\n"));
    }
    if (answer === null) throw brokenOff();
    const why = wrong(answer);
    if (why === null) return answer;
    warn(why);
  }
}

function brokenOff(): SyncError {
  return new SyncError("Broken off: nothing was written.", EXIT.usage);
}

/** Null where the person has broken off. */
function readSecret(): string | null {
  const typed = new TypedSecret();
  const key = new Uint8Array(1);
  for (;;) {
    const count = Deno.stdin.readSync(key);
    const end = count === null ? "broken off" : typed.press(key[0] ?? 0);
    if (end === "broken off") return null;
    if (end === "entered") return typed.text;
  }
}

/** A line that is typed key by key, and shown nowhere. */
export class TypedSecret {
  #bytes: number[] = [];

  /** What has been typed. */
  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#bytes));
  }

  /**
   * Takes a key.
   *
   * @param byte What the terminal gives; of a letter outside ASCII one byte.
   * @returns Whether the line goes on.
   */
  press(byte: number): "goes on" | "entered" | "broken off" {
    const { interrupt, end, backspace, enter } = KEYS;
    if (byte === interrupt || byte === end) return "broken off";
    if (enter.some((key) => key === byte)) return "entered";
    if (!backspace.some((key) => key === byte)) this.#bytes.push(byte);
    else {
      const letters = [...this.text];
      const rest = letters.slice(0, -1).join("");
      this.#bytes = [...new TextEncoder().encode(rest)];
    }
    return "goes on";
  }
}
