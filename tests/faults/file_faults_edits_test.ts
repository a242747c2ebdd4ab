/**
 * Files and folders that change while a run is at work on them. The run is
 * held up at a call; the change happens meanwhile.
 *
 * @module
 */
import assert from "node:assert/strict";
import { write } from "../support/support.ts";
import {
  contentsOf,
  FaultyOffice,
  requireLeft,
} from "./file_faults_support.ts";
import { at, disturbed, type Ended, isTraced, until } from "./support.ts";

const CHANGED = /changed during the run|it is not there any more/;

/** Runs, and acts while the run waits at a call on a path. */
async function meanwhile(
  office: FaultyOffice,
  call: string,
  path: string,
  act: () => void,
): Promise<Ended> {
  const strace = [
    `--trace=${call}`,
    `--inject=${call}:delay_enter=700000:when=1`,
    "-P",
    path,
  ];
  const run = disturbed(office, { strace });
  await until(`${call} ${path}`, () => isTraced(office));
  act();
  return await run;
}

/** A change while a file is read, and what has to be skipped for it. */
const WHILE_READ: Readonly<
  Record<string, (office: FaultyOffice) => Record<string, RegExp>>
> = {
  "grows": ({ from }) => {
    Deno.writeTextFileSync(`${from}/bad.txt`, " and more", { append: true });
    return { "bad.txt": CHANGED };
  },
  "shrinks": ({ from }) => {
    Deno.truncateSync(`${from}/bad.txt`, 3);
    return { "bad.txt": CHANGED };
  },
  "is rewritten with the same size": ({ from }) => {
    const { size } = Deno.statSync(`${from}/bad.txt`);
    Deno.writeTextFileSync(`${from}/bad.txt`, "x".repeat(size));
    return { "bad.txt": CHANGED };
  },
  "vanishes": ({ from }) => {
    Deno.removeSync(`${from}/bad.txt`);
    return { "bad.txt": CHANGED };
  },
  "is renamed": ({ from }) => {
    Deno.renameSync(`${from}/bad.txt`, `${from}/moved.txt`);
    return { "bad.txt": CHANGED };
  },
  "becomes a folder": ({ from }) => {
    Deno.removeSync(`${from}/bad.txt`);
    write(from, { "bad.txt": { "in.txt": at(2022, "in") } });
    return { "bad.txt": CHANGED };
  },
  "becomes a link": ({ from, folder }) => {
    Deno.writeTextFileSync(`${folder}/outside.txt`, "outside");
    Deno.removeSync(`${from}/bad.txt`);
    Deno.symlinkSync(`${folder}/outside.txt`, `${from}/bad.txt`);
    return { "bad.txt": CHANGED };
  },
  "is edited on the other side too": ({ to }) => {
    write(to, { "bad.txt": at(2022, "edited on the other side") });
    return { "bad.txt": CHANGED };
  },
};

for (const [how, act] of Object.entries(WHILE_READ)) {
  for (const change of ["new", "changed"] as const) {
    const from = change === "new" ? "left" : "right";
    Deno.test(`a ${change} file that ${how} while it is copied is skipped (${from})`, async () => {
      using office = new FaultyOffice(from);
      await office.agreedOn(...change === "new" ? [] : ["bad.txt"]);
      office.edit("a.txt", "bad.txt", "c.txt");
      let left: Record<string, RegExp> = {};
      let whole: string[] = [];
      const ended = await meanwhile(
        office,
        "read",
        `${office.from}/bad.txt`,
        () => {
          left = act(office);
          whole = [office.left, office.right].flatMap(contentsOf);
        },
      );
      requireLeft(ended, left);
      for (const name of ["a.txt", "c.txt"]) {
        const now = Deno.readTextFileSync(`${office.to}/${name}`);
        assert.equal(now, `new words of ${name}`);
      }
      requireKept(office, whole, ended);
      if (how === "becomes a link") Deno.removeSync(`${office.from}/bad.txt`);
      await office.recovers();
    });
  }
}

/** Every version that was on disk is there still. */
function requireKept(
  office: FaultyOffice,
  before: readonly string[],
  ended: Ended,
): void {
  const now = new Set([office.left, office.right].flatMap(contentsOf));
  for (const content of before) {
    if (content.includes("old ")) continue;
    assert.ok(now.has(content), `${content} is gone\n${ended.stdout}`);
  }
}

for (const from of ["left", "right"] as const) {
  for (const side of ["from", "to"] as const) {
    const which = side === "from" ? "of the source" : "of the target";
    Deno.test(`a folder ${which} that becomes a file skips what is in it (${from})`, async () => {
      using office = new FaultyOffice(from);
      write(office.left, { f: { "in.txt": at(2020, "in") } });
      await office.agreedOn("a.txt");
      office.edit("a.txt", "z.txt");
      write(office.from, {
        f: { "in.txt": at(2021, "newer"), "new.txt": at(2021, "new") },
      });
      const ended = await meanwhile(
        office,
        "read",
        `${office.from}/a.txt`,
        () => {
          Deno.renameSync(`${office[side]}/f`, `${office[side]}/moved`);
          write(office[side], { f: at(2022, "a file now") });
        },
      );
      requireLeft(ended, { "f/in.txt": CHANGED, "f/new.txt": CHANGED });
      const z = Deno.readTextFileSync(`${office.to}/z.txt`);
      assert.equal(z, "new words of z.txt");
      await office.recovers();
      const all = contentsOf(office.to).join();
      for (const words of ["a file now", "newer", "new"]) {
        assert.ok(all.includes(JSON.stringify(words)), words);
      }
    });
  }

  Deno.test(`a folder that becomes a file during the scan deletes nothing (${from})`, async () => {
    using office = new FaultyOffice(from);
    write(office.left, { f: { "in.txt": at(2020, "in") } });
    await office.agreedOn("a.txt");
    office.edit("a.txt");
    const ended = await meanwhile(
      office,
      "openat",
      `${office.from}/f`,
      () => {
        Deno.renameSync(`${office.from}/f`, `${office.folder}/f`);
        write(office.from, { f: at(2022, "a file now") });
      },
    );
    requireLeft(ended, { f: CHANGED_FOLDER });
    const kept = Deno.readTextFileSync(`${office.to}/f/in.txt`);
    assert.equal(kept, "in");
    await office.recovers();
  });

  Deno.test(`a file edited just before it is deleted stays, and comes back (${from})`, async () => {
    using office = new FaultyOffice(from);
    await office.agreedOn("a.txt", "bad.txt");
    office.edit("a.txt");
    Deno.removeSync(`${office.from}/bad.txt`);
    const ended = await meanwhile(
      office,
      "read",
      `${office.from}/a.txt`,
      () => write(office.to, { "bad.txt": at(2022, "edited") }),
    );
    requireLeft(ended, { "bad.txt": CHANGED });
    await office.recovers(
      from === "left"
        ? ["COPY_RIGHT_TO_LEFT bad.txt"]
        : ["COPY_LEFT_TO_RIGHT bad.txt"],
    );
    const back = Deno.readTextFileSync(`${office.from}/bad.txt`);
    assert.equal(back, "edited");
  });
}

const CHANGED_FOLDER = /vanished|not there any more/;
