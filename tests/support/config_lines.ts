/**
 * What is told about a config.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseConfig } from "../../lib/config_loader.ts";
import { ConfigError, EXIT } from "../../lib/errors.ts";

/** Lines that name both roots: the least a config needs. */
export const ROOTS = "left_root: C:\\pdrive_local\nright_root: P:\\\n";

/** The lines that are told about a text; none if nothing is wrong with it. */
export async function told(
  text: string,
  file = "c.yaml",
): Promise<string[]> {
  try {
    await parseConfig(text, file);
    return [];
  } catch (error) {
    assert(error instanceof ConfigError, `not a ConfigError: ${error}`);
    assert.equal(error.exitCode, EXIT.usage);
    return error.message.split("\n");
  }
}

/** What the example, and so a first config, proposes to ignore. */
export const PROPOSED = {
  extensions: ["laccdb", "dwl", "dwl2", "idlk"],
  prefixes: ["~$", ".~lock.", "~WRL", "~WRD", "~DF"],
  names: [
    "$RECYCLE.BIN",
    "System Volume Information",
    "#recycle",
    "#snapshot",
    "@eaDir",
    "~snapshot",
    ".Trash-1000",
    ".TemporaryItems",
    "lost+found",
  ],
  junk: ["Thumbs.db", "desktop.ini", ".DS_Store"],
  paths: [],
};
