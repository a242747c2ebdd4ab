/**
 * Where a setting stands in the config file, and what it says.
 *
 * @module
 */
import * as yaml from "yaml";
import type { Config } from "./config_schema.ts";

const BYTES_PER_MB = 1_048_576;

/**
 * The line of a key.
 *
 * @param text The YAML text of a config that is in order.
 * @param key The key, with dots between its parts.
 * @returns Counted from 1; null where the key is not there.
 *
 * @example
 * ```ts
 * import { lineOfKey } from "./config_lines.ts";
 * lineOfKey("left_root: /l\nsoft_delete:\n  enabled: true", "soft_delete.enabled"); // 3
 * ```
 */
export function lineOfKey(text: string, key: string): number | null {
  const lineCounter = new yaml.LineCounter();
  let node: unknown = yaml.parseDocument(text, { lineCounter }).contents;
  let line: number | null = null;
  for (const part of key.split(".")) {
    if (!yaml.isMap<yaml.Scalar, unknown>(node)) return null;
    const pair = node.items.find((it) => it.key.value === part);
    if (pair === undefined) return null;
    line = lineCounter.linePos(pair.key.range?.[0] ?? 0).line;
    node = pair.value;
  }
  return line;
}

/**
 * What a setting says, defaults filled in, as it would be written.
 *
 * @param config The config.
 * @param key One of the keys that decide about paths.
 */
export function valueOfKey(config: Config, key: string): string {
  const { softDelete, policies, ignore, compare } = config;
  const values: Readonly<Record<string, unknown>> = {
    "soft_delete.enabled": softDelete.enabled,
    "soft_delete.max_size_mb": softDelete.maxSizeBytes / BYTES_PER_MB,
    "soft_delete.keep_replaced": softDelete.keepReplaced,
    "conflict_policy.modify_modify": policies.modify_modify,
    "conflict_policy.new_new": policies.new_new,
    "conflict_policy.metadata_conflict": policies.metadata_conflict,
    "ignore.extensions": ignore.extensions,
    "ignore.filenames_prefix": ignore.prefixes,
    "ignore.filenames_exact": ignore.names,
    "ignore.junk": ignore.junk ?? [],
    "compare.verify_first_run": compare.verifyFirstRun,
  };
  const value = values[key];
  return Array.isArray(value) ? value.join(", ") : String(value);
}
