import assert from "node:assert/strict";
import { Office } from "../support/support.ts";
import { Editor, Versions } from "./editing_program.ts";
import { note, rests, temporaries, type Told, told, why } from "./support.ts";

/** Nothing that a run replaces is destroyed: every version has to be there. */
const KEEPS = "soft_delete:\n  keep_replaced: true\n";

/** Runs until both sides agree; it takes two runs at most. */
async function agrees(office: Office): Promise<void> {
  let last: Told | null = null;
  for (let n = 0; n < 3; n++) {
    last = await told(office.config, ["--allow-deletes", "--allow-changes"]);
    if (last.code === 0 && n > 0) break;
  }
  assert.equal(last!.code, 0, why(last!));
  const { left, right } = office.trees();
  assert.deepEqual(left, right);
  await rests(office.config);
  for (const root of [office.left, office.right]) {
    assert.deepEqual(temporaries(root), []);
  }
}

for (const [index, seed] of [11, 12].entries()) {
  const name = `edits on both sides while runs go on: no version is lost` +
    (index === 0 ? "" : ` (${index + 1})`);
  Deno.test(name, async () => {
    using office = new Office(KEEPS);
    const versions = new Versions();
    const roots = [office.left, office.right];
    const editors = roots.map((root, n) =>
      new Editor(root, versions, seed * 100 + n)
    );
    let runs = 0;
    let actions = 0;
    for (let round = 0; round < 2; round++) {
      let isOver = false;
      const work = editors.map((editor) => editor.work(() => isOver, 4));
      for (let run = 0; run < 5; run++) {
        const ran = await told(office.config, [
          "--allow-deletes",
          "--allow-changes",
        ]);
        assert.ok([0, 1].includes(ran.code), why(ran));
        runs++;
        actions += ran.lines.length;
      }
      isOver = true;
      await Promise.all(work);
      await agrees(office);
      const lost = versions.lost(roots);
      const diary = lost.map((each) => versions.diaryOf(each)).join("\n");
      assert.deepEqual(lost, [], `lost with seed ${seed}:\n${diary}`);
      for (const root of roots) versions.resolved(root);
    }
    const edits = editors.reduce((sum, each) => sum + each.edits, 0);
    note(
      `${runs} runs, ${actions} actions, ${edits} edits, ` +
        `${versions.count} versions, ${versions.ended} ended by an editor`,
    );
  });
}
