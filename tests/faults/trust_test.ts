import assert from "node:assert/strict";
import { file, type Office, write } from "../support/support.ts";
import { note, pathsBelow, QuickOffice, rests, told, why } from "./support.ts";

const BASE = Date.UTC(2024, 0, 15, 8, 30);

async function begin(count: number): Promise<Office> {
  const office = new QuickOffice();
  const files = Array.from({ length: count }, (_, n) => [
    `f${n}.txt`,
    file(`content ${n}`, { mtime: BASE + n * 1000 }),
  ]);
  office.write({ left: { d: Object.fromEntries(files) } });
  await office.agree();
  return office;
}

/**
 * The real command, stopped by a guard: it says in one paragraph what it saw,
 * why it stopped and the exact next step, and has changed nothing.
 */
async function stops(
  office: Office,
  says: readonly RegExp[],
  ...args: readonly string[]
): Promise<void> {
  const before = JSON.stringify(office.trees());
  const { code, stdout, stderr } = await office.command(...args);
  assert.equal(code, 3, stdout + stderr);
  assert.equal(JSON.stringify(office.trees()), before, "nothing was changed");
  const paragraph = `${stdout}\n${stderr}`.split(/\n\s*\n/).find((part) =>
    says.every((each) => each.test(part.replaceAll("\n", " ")))
  );
  assert.ok(paragraph, `one paragraph with ${says}: ${stdout}\n${stderr}`);
  const log = Deno.readTextFileSync(office.log).split("\n");
  assert.ok(
    log.some((line) => says[0]!.test(line)),
    "the log says it too",
  );
}

for (const side of ["left", "right"] as const) {
  const [here, there] = side === "left" ? ["Left", "Right"] : ["Right", "Left"];
  Deno.test(`60 % deleted on ${side} stops the run, --allow-deletes lets it through`, async () => {
    using office = await begin(50);
    for (let n = 0; n < 30; n++) {
      Deno.removeSync(`${office[side]}/d/f${n}.txt`);
    }
    const says = [
      /30 of 50/,
      new RegExp(`gone on ${here}`),
      /more than 50 %/,
      new RegExp(`remove them on ${there}`),
      /Nothing was changed/,
      /--allow-deletes/,
    ];
    await stops(office, says);
    await stops(office, says, "--allow-changes");
    assert.equal((await office.command("plan")).code, 3);
    const ended = await office.command("--allow-deletes");
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.equal(pathsBelow(office.left).length, 21);
    assert.deepEqual(office.trees().left, office.trees().right);
    // It was for that one run.
    await rests(office.config);
    for (let n = 30; n < 45; n++) {
      Deno.removeSync(`${office[side]}/d/f${n}.txt`);
    }
    await stops(office, [/15 of 20/, /--allow-deletes/]);
  });

  Deno.test(`60 % rewritten on ${side} stops the run, --allow-changes lets it through`, async () => {
    using office = await begin(450);
    for (let n = 0; n < 270; n++) {
      write(office[side], { d: { [`f${n}.txt`]: `encrypted ${n}` } });
    }
    const says = [
      /270 of 450/,
      new RegExp(`changed on ${here}`),
      /more than 50 %/,
      new RegExp(`replace them on ${there}`),
      /Nothing was changed/,
      /--allow-changes/,
    ];
    await stops(office, says);
    await stops(office, says, "--allow-deletes");
    const ended = await office.command("--allow-changes");
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.deepEqual(office.trees().left, office.trees().right);
    await rests(office.config);
  });

  Deno.test(`a folder of 10,000 files renamed on ${side} does not trip a guard`, async () => {
    using office = new QuickOffice();
    const sub = `${office.left}/big/sub`;
    Deno.mkdirSync(sub, { recursive: true });
    for (let n = 0; n < 10_000; n++) {
      const path = n % 2 === 0 ? `${sub}/f${n}` : `${office.left}/big/f${n}`;
      Deno.openSync(path, { create: true, write: true }).close();
    }
    assert.equal((await told(office.config)).code, 0);
    Deno.renameSync(`${office[side]}/big`, `${office[side]}/renamed`);
    const ran = await told(office.config);
    assert.equal(ran.code, 0, JSON.stringify(ran.document.guard));
    const paths = pathsBelow(office.left);
    assert.equal(paths.length, 10_002);
    assert.ok(paths.every((path) => path.startsWith("renamed")));
    assert.deepEqual(pathsBelow(office.right), paths);
    const other = ran.lines.filter((line) => !/^RENAME|_DIR_/.test(line));
    assert.deepEqual(other, [], "nothing is copied or deleted");
    await rests(office.config);
    note(`10,000 renamed in ${(ran.tookMs / 1000).toFixed(1)} s`);
  });
}

Deno.test("rewriting and deleting below the limits goes through without a word", async () => {
  using office = await begin(50);
  for (let n = 0; n < 20; n++) Deno.removeSync(`${office.left}/d/f${n}.txt`);
  for (let n = 20; n < 50; n++) {
    write(office.right, { d: { [`f${n}.txt`]: `edited ${n}` } });
  }
  const ran = await told(office.config);
  assert.equal(ran.code, 0, why(ran));
  assert.equal(ran.lines.length, 50);
  await rests(office.config);
});
