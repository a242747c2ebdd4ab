/**
 * The calls of a process in order, from the output of strace.
 *
 * @module
 */

/** A system call. */
export interface Call {
  readonly name: string;
  /** The file or folder it is about, or the first of two. */
  readonly from: string;
  /** The second of two, or "". */
  readonly to: string;
  /** Line in which it begins. */
  readonly begins: number;
  /** Line in which it ends; another thread may get in between. */
  readonly ends: number;
  /** Whether it succeeded. */
  readonly isDone: boolean;
}

/**
 * Reads a trace that was made with `-f -y`.
 *
 * @param trace The output.
 * @returns The calls, in the order in which they ended.
 */
export function callsIn(trace: string): Call[] {
  const calls: Call[] = [];
  const open = new Map<
    string,
    { readonly text: string; readonly at: number }
  >();
  for (const [at, line] of trace.split("\n").entries()) {
    const [, thread = "", said = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const begun = /^(.*)<unfinished \.\.\.>$/.exec(said);
    if (begun) {
      open.set(thread, { text: begun[1] ?? "", at });
      continue;
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(said);
    const first = rest ? open.get(thread) : undefined;
    open.delete(thread);
    const call = parse((first?.text ?? "") + (rest?.[1] ?? said));
    if (call) calls.push({ ...call, begins: first?.at ?? at, ends: at });
  }
  return calls;
}

function parse(text: string): Omit<Call, "begins" | "ends"> | null {
  const [, name, args = "", result = ""] =
    /^(\w+)\((.*)\)\s+= (\S+)/.exec(text) ?? [];
  if (name === undefined) return null;
  const isDone = !result.startsWith("-");
  const byPath = ["openat", "linkat", "rename", "unlink", "mkdir", "rmdir"];
  if (byPath.includes(name)) {
    const [from = "", to = ""] = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)]
      .map(([, path = ""]) => path);
    return { name, from, to, isDone };
  }
  const [, path = ""] = /^\d+<([^>]*)>/.exec(args) ?? [];
  return { name, from: path, to: "", isDone };
}
