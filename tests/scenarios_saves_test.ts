/** What programs do while they save: the path is gone for a moment. */
import assert from "node:assert/strict";
import { scenario } from "./support/scenario.ts";
import { describe, DiskOffice, file, write } from "./support/support.ts";

const BAK = 'ignore:\n  extensions: [bak]\n  filenames_prefix: ["~$"]\n';

scenario(
  "a document that is being saved on left waits, and that is what is said",
  async (stage) => {
    await stage.begin({ "Brief.docx": "agreed", "other.txt": "other" });
    stage.rename("left", "Brief.docx", "~WRL0001.tmp");
    stage.write({ right: { "Brief.docx": "edited there" } });
    const { document, lines } = await stage.ends(0);
    assert.deepEqual(lines, []);
    assert.equal(document.summary.waiting, 1);
    assert.equal(document.summary.unknown, 0);
    const told = await stage.office.command();
    assert.match(told.stdout, /agree but for what is being saved/);
    assert.match(told.stdout, /Waiting for the next run: 1/);
    for (const name of ["Brief.docx", "~WRL0001.tmp"]) {
      const why = await stage.office.command("why", name);
      assert.match(why.stdout, /being saved/);
    }
    stage.rename("left", "~WRL0001.tmp", "Brief.docx");
    await stage.does(["5.4 COPY_RIGHT_TO_LEFT Brief.docx"]);
  },
);

for (const isEdited of [false, true]) {
  Deno.test(`an ignored name is a deletion once runs ten minutes apart have met it${isEdited ? ", also where the ignored file was edited" : ""} (R 5.7)`, async () => {
    using office = new DiskOffice(BAK);
    office.write({ left: { "a.txt": file("agreed"), "b.txt": file("b") } });
    await office.settle();
    Deno.renameSync(`${office.left}/a.txt`, `${office.left}/a.bak`);
    if (isEdited) write(office.left, { "a.bak": "edited since" });
    const at = async (minutes: number) => {
      const startedAtMs = Date.now() + minutes * 60_000;
      const result = await office.run({ startedAtMs });
      assert.equal(result.exitCode, 0, describe(result));
      return result.outcomes.map(({ action }) => action.name)
        .filter((name) => name !== "NOOP");
    };
    assert.deepEqual(await at(0), []);
    assert.deepEqual(await at(9), []);
    assert.deepEqual(await at(10.1), ["SOFT_DELETE_RIGHT"]);
    assert.deepEqual(await at(30), []);
  });
}

Deno.test("a save that ended in between is no reason to count on", async () => {
  using office = new DiskOffice();
  office.write({ left: { "a.txt": file("agreed") } });
  await office.settle();
  const names = async (minutes: number) => {
    const startedAtMs = Date.now() + minutes * 60_000;
    const { outcomes } = await office.run({ startedAtMs });
    return outcomes.map(({ action }) => action.name)
      .filter((name) => name !== "NOOP");
  };
  const rename = (from: string, to: string) =>
    Deno.renameSync(`${office.left}/${from}`, `${office.left}/${to}`);
  rename("a.txt", "a.txt~");
  assert.deepEqual(await names(0), []);
  rename("a.txt~", "a.txt");
  assert.deepEqual(await names(8), []);
  rename("a.txt", "a.txt~");
  assert.deepEqual(await names(16), [], "the ten minutes begin anew");
});
