import assert from "node:assert/strict";
import { actions, describe, Office, write } from "../support/support.ts";
import { program } from "./support.ts";

const ROUNDS = 10;

for (const side of ["left", "right"] as const) {
  Deno.test(`a file rewritten on ${side} with the same size right after a run is noticed`, async () => {
    using office = new Office();
    const other = side === "left" ? "right" : "left";
    for (let n = 0; n < ROUNDS; n++) {
      const text = (what: string) => `${what} ${String(n).padStart(4, "0")}`;
      write(office[side], { "a.txt": text("one") });
      await office.run();
      write(office[side], { "a.txt": text("two") });
      const second = await office.run();
      assert.equal(
        Deno.readTextFileSync(`${office[other]}/a.txt`),
        text("two"),
        `round ${n}: ${describe(second)}`,
      );
    }
  });
}

Deno.test("a file rewritten again and again with the same size while a run looks is noticed", async () => {
  using office = new Office();
  const paths = ["a", "b", "c"].map((name) => `${office.left}/${name}.txt`);
  for (let round = 0; round < 4; round++) {
    let isOver = false;
    let n = 0;
    const work = (async () => {
      while (!isOver) {
        n++;
        for (const path of paths) {
          Deno.writeTextFileSync(
            path,
            `${round} ${String(n).padStart(6, "0")}`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    })();
    await program(office.config);
    isOver = true;
    await work;
    await office.agree();
    const { left, right } = office.trees();
    assert.deepEqual(right, left);
    const again = await office.agree();
    assert.deepEqual(actions(again), [], describe(again));
  }
});
