/**
 * Runs a command on a console of its own and presses keys there: what tests of
 * Ctrl+C start, as the key reaches every program of its console.
 *
 * @module
 */
import { print } from "../../lib/cli_output.ts";

/** What is done. */
export interface Keys {
  /** The command. */
  readonly words: readonly string[];
  /** It begins when a name that starts so is in this folder. */
  readonly folder: string;
  readonly prefix: string;
  /** How often Ctrl+C is pressed. */
  readonly times: number;
}

/** What came of it. */
export interface Pressed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** From the last key to the end. */
  readonly tookMs: number;
}

const PATIENCE_MS = 25_000;
const PAUSE_MS = 1500;
const CTRL_C = 0;

if (import.meta.main) print(JSON.stringify(await press()));

async function press(): Promise<Pressed> {
  const { words, folder, prefix, times }: Keys = JSON.parse(
    Deno.args[0] ?? "",
  );
  const system = Deno.dlopen("kernel32.dll", {
    FreeConsole: { parameters: [], result: "i32" },
    AllocConsole: { parameters: [], result: "i32" },
    GenerateConsoleCtrlEvent: { parameters: ["u32", "u32"], result: "i32" },
  });
  system.symbols.FreeConsole();
  if (!system.symbols.AllocConsole()) throw new Error("no console");
  // It is pressed here too.
  Deno.addSignalListener("SIGINT", () => {});
  const [program = "", ...args] = words;
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  // A program that takes no key must not hold up the tests.
  const patience = setTimeout(() => child.kill(), PATIENCE_MS);
  const isIt = ({ name }: Deno.DirEntry) => name.startsWith(prefix);
  const end = Date.now() + PATIENCE_MS;
  while (![...Deno.readDirSync(folder)].some(isIt)) {
    if (Date.now() > end) throw new Error("it did not begin");
    await pause(20);
  }
  let begin = 0;
  for (let n = 0; n < times; n++) {
    if (n > 0) await pause(PAUSE_MS);
    begin = performance.now();
    if (!system.symbols.GenerateConsoleCtrlEvent(CTRL_C, 0)) {
      throw new Error("the key can't be pressed");
    }
  }
  const { code, stdout, stderr } = await output;
  clearTimeout(patience);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const tookMs = performance.now() - begin;
  return { code, stdout: text(stdout), stderr: text(stderr), tookMs };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
