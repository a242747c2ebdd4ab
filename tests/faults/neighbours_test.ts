import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { read } from "../support/support.ts";
import { Editor, Versions } from "./editing_program.ts";
import { note, requireTool, temporaries, told, why } from "./support.ts";

const PCS = [1, 2, 3];
const ROUNDS = 8;
const ALLOWED = ["--allow-deletes", "--allow-changes"];

/** Several PCs, each with a Left of its own, and the one Right of all. */
class Neighbours implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "office-sync-test-" });
  readonly right = `${this.folder}/share`;

  constructor() {
    Deno.mkdirSync(this.right);
    for (const pc of PCS) {
      Deno.mkdirSync(this.left(pc));
      Deno.writeTextFileSync(
        this.config(pc),
        `left_root: left${pc}\nright_root: share\nstate_db: pc${pc}.db\n` +
          `logging:\n  file: logs/pc${pc}.log\n` +
          "soft_delete:\n  keep_replaced: true\n",
      );
    }
  }

  left(pc: number): string {
    return `${this.folder}/left${pc}`;
  }

  config(pc: number): string {
    return `${this.folder}/pc${pc}.yaml`;
  }

  get roots(): string[] {
    return [...PCS.map((pc) => this.left(pc)), this.right];
  }

  /** How temporary names of a PC's pair begin. */
  pair(pc: number): string {
    using db = new DatabaseSync(`${this.folder}/pc${pc}.db`, {
      readOnly: true,
    });
    const row = db.prepare("SELECT value FROM meta WHERE key = 'pair'").get();
    return String(row?.value);
  }

  /** One run of a PC; every name it removes or renames is noted. */
  async run(pc: number, round: string): Promise<number> {
    const trace = `${this.folder}/trace-${pc}-${round}`;
    const ran = await told(this.config(pc), ALLOWED, [
      "strace",
      "-f",
      "--seccomp-bpf",
      "-qq",
      "-e",
      "trace=unlink,unlinkat,rename,renameat,renameat2",
      "-o",
      trace,
    ]);
    assert.ok([0, 1].includes(ran.code), why(ran));
    const pair = this.pair(pc);
    const foreign = Deno.readTextFileSync(trace).split("\n").filter((line) =>
      line.includes(".office-sync-tmp-") &&
      !line.includes(`.office-sync-tmp-${pair}-`)
    );
    assert.deepEqual(foreign, [], "nobody touches another's temporary files");
    return ran.lines.length;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("three PCs with one Right, at work all the time: nothing is lost, all agree in the end", async () => {
  requireTool("strace");
  using office = new Neighbours();
  const versions = new Versions();
  const editors = PCS.map((pc) =>
    new Editor(office.left(pc), versions, 7000 + pc)
  );
  // What a neighbour that is at work right now would have.
  const foreign = `${office.right}/.office-sync-tmp-zzzzzz-1-1`;
  Deno.writeTextFileSync(foreign, "another's");
  let isOver = false;
  const work = editors.map((editor) => editor.work(() => isOver, 8));
  let actions = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const ran = PCS.map((pc) => office.run(pc, String(round)));
    for (const count of await Promise.all(ran)) actions += count;
  }
  isOver = true;
  await Promise.all(work);

  // What one brings, the next takes: as many rounds as it takes to go round.
  for (let round = 0; round < 4; round++) {
    for (const pc of PCS) actions += await office.run(pc, `after-${round}`);
  }
  for (const pc of PCS) {
    const last = await told(office.config(pc));
    assert.deepEqual(last.lines, [], why(last));
    assert.equal(last.code, 0, why(last));
  }
  const lost = versions.lost(office.roots);
  const diary = lost.map((each) => versions.diaryOf(each)).join("\n");
  assert.deepEqual(lost, [], `lost:\n${diary}`);
  assert.equal(Deno.readTextFileSync(foreign), "another's");
  Deno.removeSync(foreign);
  for (const root of office.roots) {
    assert.deepEqual(temporaries(root), []);
    assert.deepEqual(read(root), read(office.right));
  }
  const edits = editors.reduce((sum, each) => sum + each.edits, 0);
  note(
    `${PCS.length} x ${ROUNDS} runs at once, ${actions} actions, ${edits} ` +
      `edits, ${versions.count} versions`,
  );
});
