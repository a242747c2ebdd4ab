import assert from "node:assert/strict";
import { Office, write } from "../support/support.ts";
import { at, isThere, program, straced, told, until, why } from "./support.ts";

/** A folder outside both roots that must never be touched. */
class Canary {
  readonly folder: string;
  #before = "";

  constructor(office: Office) {
    this.folder = `${office.folder}/outside`;
    Deno.mkdirSync(`${this.folder}/z`, { recursive: true });
    this.add("secret.txt", "secret");
    this.add("z/new.txt", "secret");
    this.watch();
  }

  add(path: string, content: string): void {
    Deno.writeTextFileSync(`${this.folder}/${path}`, content);
  }

  /** From now on it must stay as it is. */
  watch(): void {
    for (const path of this.#paths()) {
      // Old enough that any read would move the time of the last one.
      Deno.utimeSync(path, 1_000_000_000, 1_600_000_000);
    }
    this.#before = this.#state();
  }

  #paths(at = this.folder): string[] {
    return [...Deno.readDirSync(at)].flatMap(({ name, isDirectory }) =>
      isDirectory ? this.#paths(`${at}/${name}`) : [`${at}/${name}`]
    );
  }

  /** All that reading, writing, linking or renaming would move. */
  #state(): string {
    return this.#paths().map((path) => {
      const { atime, mtime, ctime, ino, mode, nlink } = Deno.lstatSync(path);
      const times = [atime, mtime, ctime].map((time) => time?.toISOString());
      return [path, ino, mode, nlink, ...times].join(" ");
    }).join("\n");
  }

  /** Neither read nor written; no call of the trace led there either. */
  untouched(trace: string): void {
    assert.equal(this.#state(), this.#before);
    const opens = Deno.readTextFileSync(trace).split("\n").filter((line) =>
      /open|link|rename|mkdir|rmdir|chmod|utime/.test(line) &&
      !/readlink/.test(line) && line.includes(this.folder)
    );
    assert.deepEqual(opens, [], "nothing outside is opened or changed");
  }
}

/** strace around a run; opened files are shown with where they really are. */
function traced(office: Office): string[] {
  const calls = "trace=%file,read,write,ftruncate,fchmod";
  return straced(office, "-y", "-e", calls);
}

/** Slows the opening of one file down, so that something can be swapped. */
function slowOpen(path: string): string[] {
  return [
    "-e",
    "inject=openat,open:delay_enter=1500000",
    `--trace-path=${path}`,
  ];
}

/** Waits until a run opens the file that it opens late, and a little more. */
async function untilOpened(office: Office): Promise<void> {
  const trace = `${office.folder}/trace`;
  await until(
    "the file is opened",
    () =>
      isThere(trace) && Deno.readTextFileSync(trace).includes("a-first.txt"),
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
}

Deno.test("links out of the roots and in circles are reported, never followed, never copied", async () => {
  using office = new Office();
  const canary = new Canary(office);
  for (const root of [office.left, office.right]) {
    Deno.mkdirSync(`${root}/d`);
    write(`${root}/d`, { "a.txt": at(2024, "a") });
    Deno.symlinkSync(canary.folder, `${root}/out`);
    Deno.symlinkSync("../../outside/secret.txt", `${root}/d/file-out`);
    Deno.symlinkSync(".", `${root}/d/circle`);
    Deno.symlinkSync("..", `${root}/d/up`);
    Deno.symlinkSync("self", `${root}/self`);
    Deno.symlinkSync("/", `${root}/everything`);
  }
  Deno.symlinkSync(canary.folder, `${office.left}/only-left`);
  office.write({ left: { "b.txt": "b" } });
  for (let n = 0; n < 2; n++) {
    const ran = await told(office.config, [], traced(office));
    assert.equal(ran.code, 0, why(ran));
    assert.deepEqual(ran.lines, n === 0 ? ["COPY_LEFT_TO_RIGHT b.txt"] : []);
    assert.equal(ran.document.problems.length, 13, why(ran));
    canary.untouched(`${office.folder}/trace`);
    assert.ok(!isThere(`${office.right}/only-left`));
  }
});

Deno.test("a file that becomes a link, or the other way round, is left alone on both sides", async () => {
  using office = new Office();
  const canary = new Canary(office);
  office.write({ left: { "a.txt": "a", d: { "x.txt": "x" }, "b.txt": "b" } });
  await office.agree();
  Deno.removeSync(`${office.left}/a.txt`);
  Deno.symlinkSync(`${canary.folder}/secret.txt`, `${office.left}/a.txt`);
  Deno.removeSync(`${office.right}/d`, { recursive: true });
  Deno.symlinkSync(canary.folder, `${office.right}/d`);
  const ran = await told(office.config, [], traced(office));
  assert.deepEqual(ran.lines, [], why(ran));
  canary.untouched(`${office.folder}/trace`);
  assert.equal(Deno.readTextFileSync(`${office.right}/a.txt`), "a");
  assert.equal(Deno.readTextFileSync(`${office.left}/d/x.txt`), "x");
});

/** A run whose first copy takes long; the rest is about the folder `z`. */
async function begin(): Promise<{ office: Office; canary: Canary }> {
  const office = new Office();
  const canary = new Canary(office);
  const z = (name: string) => at(2024, name);
  office.write({
    left: {
      z: {
        "deleted.txt": z("deleted"),
        "edited.txt": z("edited"),
        "renamed.txt": z("renamed"),
        gone: { "x.txt": z("x") },
      },
    },
  });
  await office.agree();
  office.write({ left: { "a-first.txt": "first" } });
  return { office, canary };
}

for (const side of ["left", "right"] as const) {
  Deno.test(`a folder on ${side} that becomes a link out between scan and action: nothing outside is touched`, async () => {
    const { office, canary } = await begin();
    using _ = office;
    const z = `${office.left}/z`;
    office.write({
      left: { z: { "new.txt": "secret", "edited.txt": "EDIT" } },
    });
    Deno.mkdirSync(`${z}/new-folder`);
    Deno.removeSync(`${z}/deleted.txt`);
    Deno.removeSync(`${z}/gone`, { recursive: true });
    Deno.renameSync(`${z}/renamed.txt`, `${z}/other name.txt`);
    // The trace follows everything, the delay one file only: two straces
    // can't be had at once, so the delayed run is watched by the canary.
    const run = program(office.config, [], [
      ...traced(office),
      ...slowOpen(`${office.left}/a-first.txt`),
    ]);
    await untilOpened(office);
    // The very same files, now outside: nothing but the link tells.
    Deno.renameSync(`${office[side]}/z`, `${canary.folder}/swapped`);
    Deno.symlinkSync(`${canary.folder}/swapped`, `${office[side]}/z`);
    canary.watch();
    const ended = await run;
    assert.equal(ended.code, 1, ended.stderr);
    canary.untouched(`${office.folder}/trace`);
    assert.ok(isThere(`${office.right}/a-first.txt`), "all else is synced");

    // While the link is there, what lies below is left alone on both sides.
    const still = await told(office.config, [], traced(office));
    assert.deepEqual(still.lines, [], why(still));
    canary.untouched(`${office.folder}/trace`);
    Deno.removeSync(`${office[side]}/z`);
    Deno.renameSync(`${canary.folder}/swapped`, `${office[side]}/z`);
    await told(office.config);
    const after = await told(office.config);
    assert.equal(after.code, 0, why(after));
    assert.deepEqual(office.trees().left, office.trees().right);
  });
}

Deno.test("a file that becomes a link between scan and copy is not read", async () => {
  const { office, canary } = await begin();
  using _ = office;
  const run = program(office.config, [], [
    ...traced(office),
    ...slowOpen(`${office.left}/a-first.txt`),
  ]);
  await untilOpened(office);
  Deno.removeSync(`${office.left}/a-first.txt`);
  Deno.symlinkSync(
    `${canary.folder}/secret.txt`,
    `${office.left}/a-first.txt`,
  );
  const ended = await run;
  assert.equal(ended.code, 1, ended.stderr);
  canary.untouched(`${office.folder}/trace`);
  assert.ok(!isThere(`${office.right}/a-first.txt`));
});

Deno.test("a soft-delete folder that became a link out is not written through", async () => {
  using office = new Office();
  const canary = new Canary(office);
  office.write({ left: { "a.txt": "a", "b.txt": "b" } });
  await office.agree();
  Deno.symlinkSync(canary.folder, `${office.right}/.office-sync/deleted`);
  Deno.removeSync(`${office.left}/a.txt`);
  const ran = await told(office.config, [], traced(office));
  assert.equal(ran.code, 1, why(ran));
  canary.untouched(`${office.folder}/trace`);
  assert.ok(
    isThere(`${office.right}/a.txt`),
    "it could not be soft-deleted: it stays",
  );
});
