import assert from "node:assert/strict";
import { cutToTick, isFresh, type Traits } from "../../lib/metadata.ts";
import { PLAIN_TRAITS } from "../../lib/root_traits.ts";
import { randomFrom } from "./editing_program.ts";

// FAT keeps two seconds. Where its file system can't be mounted, this holds
// of what the rules make of any tick; the exFAT tests show a real one.
for (const tickMs of [1, 10, 100, 1000, 2000]) {
  Deno.test(`a rewrite that a tick of ${tickMs} ms hides is always of a file that counts as fresh`, () => {
    const random = randomFrom(tickMs);
    let hidden = 0;
    for (let n = 0; n < 200_000; n++) {
      // The share's clock is not ours, and the probe sees it cut to the tick.
      const ahead = random(20_000) - 10_000;
      const probedAt = 1_700_000_000_000 + random(10_000);
      const made = cutToTick(probedAt + ahead, tickMs);
      const traits: Traits = {
        ...PLAIN_TRAITS,
        tickMs,
        clockOffsetMs: made - probedAt,
      };
      const writtenAt = probedAt + random(10_000);
      const lookedAt = writtenAt + random(tickMs + 60);
      const rewrittenAt = lookedAt + random(tickMs + 60);
      const mtimeMs = cutToTick(writtenAt + ahead, tickMs);
      if (cutToTick(rewrittenAt + ahead, tickMs) !== mtimeMs) continue;
      hidden++;
      assert.ok(isFresh(mtimeMs, lookedAt, traits), JSON.stringify(traits));
    }
    assert.ok(hidden > 20, `${hidden} rewrites were hidden`);
  });
}
