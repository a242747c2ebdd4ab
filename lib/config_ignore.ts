/**
 * The config's ignore settings as the scan takes them: patterns are compiled
 * here, by the library that knows Git's rules, as threads that touch files
 * load no package. What goes to them are regular expressions.
 *
 * @module
 */
import type { Config } from "./config_schema.ts";
import type { IgnoreSettings, PathPattern } from "./wire_ignore.ts";

/** What the library keeps of one pattern; its types leave it out. */
interface Compiled {
  readonly _rules: {
    readonly _rules: readonly {
      readonly regex: RegExp;
      readonly negative: boolean;
    }[];
  };
}

/**
 * Compiles what has to be.
 *
 * @param said What the config says.
 * @param ignoresCase Whether either root does: what pairs must be ignored on
 *   both sides or on none.
 */
export async function ignoreSettings(
  said: Config["ignore"],
  ignoresCase: boolean,
): Promise<IgnoreSettings> {
  if (said.paths.length === 0) return { ...said, paths: [] };
  const { default: ignore } = await import("ignore");
  const paths = said.paths.map((text): PathPattern => {
    // As a disk spells it, where it spells composed.
    const one = ignore({ ignorecase: ignoresCase })
      .add({ pattern: text.normalize("NFC") });
    const [rule] = (one as unknown as Compiled)._rules._rules;
    const { source } = rule!.regex;
    return { source, ignoresCase, isException: rule!.negative };
  });
  return { ...said, paths };
}
