import assert from "node:assert/strict";
import { Office } from "../support/support.ts";
import {
  at,
  isThere,
  program,
  rests,
  straced,
  told,
  until,
  why,
} from "./support.ts";

/** Each call of a kind takes this long to begin: time to do something first. */
const DELAY_MS = 400;

/** strace, so that each call of some kinds begins late. */
function slowly(office: Office, calls: string): string[] {
  const delay = `inject=${calls}:delay_enter=${DELAY_MS * 1000}`;
  return straced(office, "-e", `trace=${calls}`, "-e", delay);
}

function asides(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.startsWith(".office-sync-tmp-"));
}

/** Saves as most editors do: writes aside, then takes the name. */
function save(path: string, content: string): void {
  const aside = `${path}.saving`;
  Deno.writeTextFileSync(aside, content);
  Deno.renameSync(aside, path);
}

/** Everything that is anywhere in a folder. */
function allContents(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? allContents(`${folder}/${name}`)
      : [Deno.readTextFileSync(`${folder}/${name}`)]
  );
}

/** Both agree after a run or two, and a version is somewhere on each side. */
async function keeps(office: Office, version: string): Promise<void> {
  let last = await told(office.config);
  if (last.code !== 0) last = await told(office.config);
  assert.equal(last.code, 0, why(last));
  await rests(office.config);
  const { left, right } = office.trees();
  assert.deepEqual(left, right);
  const all = [...allContents(office.left), ...allContents(office.right)];
  assert.ok(all.includes(version), `"${version}" is in ${all.join(", ")}`);
}

async function begin(settings = ""): Promise<Office> {
  const office = new Office(settings);
  office.write({
    left: {
      "a.txt": at(2024, "first"),
      "b.txt": at(2024, "other"),
    },
  });
  await office.agree();
  return office;
}

/** Moments after the new content is there, while name after name is taken. */
const MOMENTS_MS = [0, 200, 600, 1000, 1400];

Deno.test("a version saved at any moment while its name is replaced is kept", async () => {
  await Promise.all(MOMENTS_MS.map(async (momentMs) => {
    using office = await begin();
    office.write({ left: { "a.txt": "edited on Left" } });
    const calls = "rename,renameat,renameat2,linkat,link,unlink,unlinkat";
    const run = program(
      office.config,
      [],
      slowly(office, calls),
    );
    await until("a file aside", () => asides(office.right).length > 0);
    await new Promise((resolve) => setTimeout(resolve, momentMs));
    save(`${office.right}/a.txt`, "saved on Right");
    await run;
    await keeps(office, "saved on Right");
  }));
});

Deno.test("a version saved in the instant in which its file is renamed is kept", async () => {
  using office = await begin();
  Deno.renameSync(`${office.left}/a.txt`, `${office.left}/renamed.txt`);
  const run = program(
    office.config,
    [],
    slowly(office, "unlink,unlinkat"),
  );
  await until("the new name", () => isThere(`${office.right}/renamed.txt`));
  if (isThere(`${office.right}/a.txt`)) {
    save(`${office.right}/a.txt`, "saved on Right");
  } else Deno.writeTextFileSync(`${office.right}/a.txt`, "saved on Right");
  await run;
  await keeps(office, "saved on Right");
});

for (const fate of ["true", "false"]) {
  Deno.test(`a version saved in the instant in which its file is removed is kept (soft delete ${fate})`, async () => {
    using office = await begin(`soft_delete:\n  enabled: ${fate}\n`);
    Deno.removeSync(`${office.left}/a.txt`);
    const calls = "rename,renameat,renameat2,unlink,unlinkat";
    const run = program(
      office.config,
      [],
      slowly(office, calls),
    );
    // From now on each call waits: save again and again until one was late.
    let n = 0;
    let isOver = false;
    const work = (async () => {
      while (!isOver) {
        save(`${office.right}/a.txt`, `saved on Right ${++n}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    await run;
    isOver = true;
    await work;
    await keeps(office, `saved on Right ${n}`);
  });
}

Deno.test("a file written to while it is copied is copied whole, or not at all", async () => {
  using office = await begin();
  const half = "1".repeat(1024 * 1024);
  Deno.writeTextFileSync(`${office.left}/long.txt`, half + half + half);
  const run = program(
    office.config,
    [],
    [
      ...slowly(office, "read,pread64"),
      `--trace-path=${office.left}/long.txt`,
    ],
  );
  await until("a file aside", () => asides(office.right).length > 0);
  Deno.writeTextFileSync(`${office.left}/long.txt`, "2".repeat(9));
  await run;
  const path = `${office.right}/long.txt`;
  const seen = isThere(path) ? Deno.readTextFileSync(path) : null;
  assert.ok(seen === null || /^(1+|2+)$/.test(seen), "no mixture");
  await keeps(office, "2".repeat(9));
});
