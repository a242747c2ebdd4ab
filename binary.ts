/**
 * What `deno task compile` makes a binary of. Its first argument is baked
 * into the binary: what it was made for.
 *
 * @module
 */
import { runProgram } from "./lib/cli_program.ts";
import { binaryHost, type MadeFor } from "./lib/release_binary.ts";

const [said = "", ...args] = Deno.args;
const made: MadeFor = JSON.parse(said);
// Of several the last one counts: who names another config is told so.
const config = `--config=${made.config.file}`;
Deno.exit(await runProgram([config, ...args], binaryHost(made)));
