import assert from "node:assert/strict";
import { scenario } from "./support/scenario.ts";

scenario(
  "a control character in a name never reaches terminal or log",
  async (stage) => {
    await stage.begin({ "a.txt": "a" });
    stage.write({ left: { "\u001b[31mred\u0007\n2026 ERROR faked": "x" } });
    const { code, stdout } = await stage.office.command("--verbose");
    assert.equal(code, 0);
    const log = Deno.readTextFileSync(stage.office.log);
    for (const text of [stdout, log]) {
      assert.match(text, /red/, "the file is told");
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f]/);
      assert.doesNotMatch(text, /^2026 ERROR/m);
    }
  },
  { isMirrored: false },
);
