/**
 * Other disks inside a root: what goes from one to another is copied and
 * removed, and what can't be done is told with what to do.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { RunResult } from "../../lib/run_types.ts";
import { snapshot, synced } from "../support/snapshot.ts";
import {
  actions,
  describe,
  file,
  read,
  softDeleted,
  type Tree,
  write,
} from "../support/support.ts";
import { after, intercept, systemError } from "../support/two_roots.ts";
import { killEverywhere } from "./crash_support.ts";
import { FaultyOffice } from "./file_faults_support.ts";
import { at, temporaries, tool, Undone } from "./support.ts";

/** An office whose following side has two disks inside. */
class MountedOffice extends FaultyOffice {
  readonly undone = new Undone();

  constructor(from: "left" | "right", settings = "") {
    super(from, settings);
    for (const name of ["disk", "other"]) {
      this.undone.disk(`${this.to}/${name}`);
      Deno.mkdirSync(`${this.from}/${name}`);
    }
  }

  /** Both sides agree on it. */
  async agrees(tree: Tree): Promise<void> {
    write(this.from, { "keep.txt": at(2020, "keep"), ...tree });
    await this.agree();
  }

  /** Renames where the run has to follow. */
  move(from: string, to: string): void {
    Deno.renameSync(`${this.from}/${from}`, `${this.from}/${to}`);
  }

  /** Both sides hold this, and a run after that finds nothing to do. */
  async rests(tree: Tree): Promise<void> {
    assert.deepEqual(read(this.to), read(this.from));
    assert.deepEqual(read(this.to), { ...tree });
    const [left, right] = [this.left, this.right].map((it) => snapshot(it));
    assert.deepEqual(synced(left!), synced(right!));
    assert.deepEqual(temporaries(this.to), []);
    const again = await this.run();
    assert.deepEqual(actions(again), [], describe(again));
    assert.equal(again.exitCode, 0, describe(again));
  }

  override [Symbol.dispose](): void {
    this.undone[Symbol.dispose]();
    super[Symbol.dispose]();
  }
}

const WAYS = {
  "out of a disk": ["disk/b.txt", "b.txt"],
  "onto a disk": ["b.txt", "disk/b.txt"],
  "from one disk to another": ["disk/b.txt", "other/c.txt"],
} as const;

/** A tree in which one path holds something. */
function treeOf(path: string, what: Tree[string]): Tree {
  const [first = "", second] = path.split("/");
  const [disk, other] = [{}, {}] as Record<string, Tree[string]>[];
  if (second === undefined) {
    return { disk: disk!, other: other!, [first]: what };
  }
  return { disk: disk!, other: other!, [first]: { [second]: what } };
}

for (const from of ["left", "right"] as const) {
  const to = from === "left" ? "right" : "left";
  const on = `on ${to}`;
  const RENAME = `RENAME_${to.toUpperCase()}`;
  const COPY = from === "left" ? "COPY_LEFT_TO_RIGHT" : "COPY_RIGHT_TO_LEFT";

  for (const [way, [old, now]] of Object.entries(WAYS)) {
    Deno.test(`a rename ${way} mounted inside is done ${on}: a copy, then a removal`, async () => {
      using office = new MountedOffice(from);
      await office.agrees(
        treeOf(
          old,
          file("b", { mtime: "2020-01-01T00:00:00.5Z", mode: 0o640 }),
        ),
      );
      office.move(old, now);
      const result = await office.agree();
      assert.deepEqual(actions(result), [`${RENAME} ${old} -> ${now}`]);
      assert.deepEqual(softDeleted(office.to), {}, "it was not deleted");
      await office.rests({ ...treeOf(now, "b"), "keep.txt": "keep" });
    });

    Deno.test(`a rename ${way} goes with a new mode beside it ${on}`, async () => {
      using office = new MountedOffice(from);
      await office.agrees(treeOf(old, at(2020, "b")));
      office.move(old, now);
      Deno.chmodSync(`${office.from}/${now}`, 0o600);
      const result = await office.agree();
      assert.deepEqual(actions(result), [`${RENAME} ${old} -> ${now}`]);
      await office.rests({ ...treeOf(now, "b"), "keep.txt": "keep" });
    });

    Deno.test(`a rename ${way} and an edit of the other side meet ${on}`, async () => {
      using office = new MountedOffice(from);
      await office.agrees(treeOf(old, at(2020, "b")));
      office.move(old, now);
      write(office.to, treeOf(old, at(2021, "edited")));
      const result = await office.agree();
      const back = COPY === "COPY_LEFT_TO_RIGHT"
        ? "COPY_RIGHT_TO_LEFT"
        : "COPY_LEFT_TO_RIGHT";
      assert.deepEqual(actions(result), [
        `${RENAME} ${old} -> ${now}`,
        `${back} ${now}`,
      ], describe(result));
      await office.rests({ ...treeOf(now, "edited"), "keep.txt": "keep" });
    });

    Deno.test(`a file with two names that is renamed ${way} stays under the other ${on}`, async () => {
      using office = new MountedOffice(from);
      await office.agrees(treeOf(old, at(2020, "b")));
      const second = old.replace("b.txt", "second.txt");
      Deno.linkSync(`${office.to}/${old}`, `${office.to}/${second}`);
      await office.agree();
      office.move(old, now);
      await office.agree();
      assert.equal(Deno.readTextFileSync(`${office.to}/${second}`), "b");
      assert.equal(Deno.readTextFileSync(`${office.to}/${now}`), "b");
      assert.deepEqual(actions(await office.agree()), []);
    });

    Deno.test(`a rename ${way} against another name resolves ${on}`, async () => {
      using office = new MountedOffice(from);
      await office.agrees(treeOf(old, at(2020, "b")));
      office.move(old, now);
      const folder = old.slice(0, -"b.txt".length);
      Deno.renameSync(`${office.to}/${old}`, `${office.to}/${folder}z.txt`);
      Deno.utimeSync(`${office.from}/${now}`, 1.7e9, 1.7e9);
      await office.agree();
      await office.rests(read(office.from));
    });

    Deno.test(`a file that is edited while it is renamed ${way} is not lost ${on}`, async () => {
      for (const call of ["linkSync", "renameSync", "openSync"] as const) {
        using office = new MountedOffice(from);
        await office.agrees(treeOf(old, at(2020, "b")));
        office.move(old, now);
        const program = after(call, () => {
          for (const path of [old, now]) {
            const file = `${office.to}/${path}`;
            if (existsSync(file)) Deno.writeTextFileSync(file, "edited");
          }
        });
        await office.run();
        program[Symbol.dispose]();
        for (let tries = 0; tries < 3; tries++) await office.run();
        const texts = JSON.stringify(snapshot(office.to));
        assert.match(texts, /edited/, call);
        assert.deepEqual(read(office.to), read(office.from));
        assert.deepEqual(temporaries(office.to), []);
      }
    });
  }
}

for (const from of ["left", "right"] as const) {
  const on = from === "left" ? "right" : "left";

  Deno.test(`a folder that is moved onto a disk inside goes file by file on ${on}`, async () => {
    using office = new MountedOffice(from);
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`${n}.txt`, at(2020, `${n}`)]),
    );
    await office.agrees({ d: { ...many, in: { "x.txt": at(2020, "x") } } });
    office.move("d", "disk/d");
    const result = await office.agree();
    assert.deepEqual(softDeleted(office.to), {}, describe(result));
    await office.rests(read(office.from));
    office.move("disk/d", "other/e");
    await office.agree();
    assert.deepEqual(softDeleted(office.to), {});
    await office.rests(read(office.from));
  });

  Deno.test(`conflicts on a disk inside make their clash copies there on ${on}`, async () => {
    using office = new MountedOffice(from);
    await office.agrees({ disk: { "a.txt": at(2020, "old") } });
    write(office.from, { disk: { "a.txt": at(2022, "newer") } });
    write(office.to, { disk: { "a.txt": at(2021, "older") } });
    await office.agree();
    const { disk } = read(office.to) as { disk: Tree };
    assert.deepEqual(Object.values(disk).sort(), ["newer", "older"]);
    await office.rests(read(office.from));
  });
}

for (const from of ["left", "right"] as const) {
  const on = from === "left" ? "right" : "left";
  const lone = ({ problems }: RunResult): string[] =>
    problems.filter(({ kind }) => kind === "lone")
      .map(({ side, path, reason }) => `${side} ${path}: ${reason}`);

  Deno.test(`a folder with a disk over it can't be removed on ${on}: forgotten, and told`, async () => {
    using office = new MountedOffice(from);
    office.undone.disk(`${office.to}/in/disk`);
    await office.agrees({ disk: { "a.txt": at(2020, "a") }, in: { disk: {} } });
    for (const name of ["disk", "in"]) {
      Deno.removeSync(`${office.from}/${name}`, { recursive: true });
    }
    const result = await office.agree();
    assert.deepEqual(Object.keys(softDeleted(office.to)), ["disk/a.txt"]);
    const words = on === "left" ? "only Left has it" : "only Right has it";
    const told = [
      `${on} disk: ${words}: another disk is mounted here`,
      `${on} in: ${words}: it holds disk (another disk is mounted here)`,
    ];
    assert.deepEqual(lone(result), told);
    for (let n = 0; n < 2; n++) {
      const again = await office.agree();
      assert.deepEqual([actions(again), lone(again)], [[], told]);
    }
    write(office.to, { disk: { "new.txt": at(2021, "new") } });
    const back = on === "left" ? "RIGHT" : "LEFT";
    assert.deepEqual(
      actions(await office.agree()).map((it) => it.split(" ")[0]),
      [`CREATE_DIR_${back}`, `COPY_${on.toUpperCase()}_TO_${back}`],
    );
  });

  Deno.test(`a renamed folder that goes file by file leaves a disk inside where it is on ${on}`, async () => {
    using office = new MountedOffice(from);
    office.undone.disk(`${office.to}/in/disk`);
    await office.agrees({ in: { disk: { "a.txt": at(2020, "a") } } });
    office.move("in", "out");
    {
      using _ = intercept("renameSync", (real, from, to) => {
        if (from === `${office.to}/in`) throw systemError("EBUSY");
        real(from, to);
      });
      const result = await office.run();
      assert.equal(result.exitCode, 1, describe(result));
      const [outcome] = result.outcomes;
      assert.match(outcome?.detail ?? "", /1 renamed, 1 not: in\/disk \(/);
    }
    const words = on === "left" ? "only Left has it" : "only Right has it";
    const told = `${on} in: ${words}: it holds disk (another disk is ` +
      "mounted here)";
    assert.deepEqual(lone(await office.agree()), [told]);
    const again = await office.agree();
    assert.deepEqual([actions(again), lone(again)], [[], [told]]);
    const out = read(office.from)["out"];
    assert.deepEqual([out, read(office.to)["out"]], [out, out]);
    assert.deepEqual(out, { disk: { "a.txt": "a" } });
  });

  Deno.test(`a folder shown at a second place that is removed: what to do is told on ${on}`, async () => {
    using office = new MountedOffice(from);
    write(office.from, { twice: {} });
    await office.agrees({});
    office.undone.bind(`${office.to}/twice`);
    Deno.removeSync(`${office.from}/twice`);
    const result = await office.run();
    assert.equal(result.exitCode, 1);
    assert.match(
      result.outcomes[0]?.detail ?? "",
      /mounted here.*unmount.*or make the folder on (Left|Right) again/,
    );
    Deno.mkdirSync(`${office.from}/twice`);
    assert.deepEqual(actions(await office.agree()), []);
  });

  Deno.test(`a file takes the name of a folder with a disk over it on ${on}`, async () => {
    using office = new MountedOffice(from);
    await office.agrees({ disk: { "a.txt": at(2020, "a") } });
    Deno.removeSync(`${office.from}/disk`, { recursive: true });
    write(office.from, { disk: at(2021, "a file") });
    await office.agree();
    const names = [...Deno.readDirSync(office.to)].map(({ name }) => name);
    const clash = names.find((name) => name.startsWith("disk.clash-"));
    assert.equal(Deno.readTextFileSync(`${office.to}/${clash}`), "a file");
    assert.deepEqual(actions(await office.agree()), []);
  });

  Deno.test(`a new time reaches a disk inside that keeps even seconds only on ${on}`, async () => {
    using office = new MountedOffice(from);
    await office.agrees({ disk: { "a.txt": at(2020, "a") } });
    const odd = new Date("2021-01-01T00:00:01.500Z");
    Deno.utimeSync(`${office.from}/disk/a.txt`, odd, odd);
    const cut = (time: string) =>
      new Date(Math.floor(new Date(time).getTime() / 2000) * 2000);
    using _ = intercept(
      "utimeSync",
      (real, path, ...times) =>
        path!.includes("/disk/")
          ? real(path, ...times.map(cut))
          : real(path, ...times),
    );
    await office.agree();
    assert.deepEqual(actions(await office.agree()), []);
  });

  Deno.test(`a full disk inside stops the copies to it, and no others on ${on}`, async () => {
    using office = new MountedOffice(from);
    office.undone.disk(`${office.to}/small`, "64k");
    await office.agrees({ small: {} });
    const large = "x".repeat(100_000);
    write(office.from, {
      small: { "1.bin": large, "2.bin": large },
      disk: { "a.bin": large },
      "z.bin": large,
    });
    const result = await office.run();
    const left = result.outcomes.filter(({ kind }) => kind !== "done")
      .map(({ action, detail }) => `${action.path}: ${detail}`).sort();
    assert.equal(left.length, 2, describe(result));
    for (const words of left) {
      assert.match(words, /^small\/\d\.bin: the disk is full: make room/);
    }
    assert.deepEqual(temporaries(office.to), []);
  });

  Deno.test(`a disk that is taken off, or mounted, names the way out on ${on}`, async () => {
    using office = new MountedOffice(from);
    await office.agrees({ disk: { "a.txt": at(2020, "a") } });
    tool("umount", "-l", `${office.to}/disk`);
    const result = await office.run();
    assert.equal(result.exitCode, 1);
    assert.match(
      result.problems[0]!.reason,
      /not mounted now.*mount it again.*--accept-roots/,
    );
    assert.deepEqual(read(office.from), {
      disk: { "a.txt": "a" },
      "keep.txt": "keep",
      other: {},
    });
    await office.agree({ acceptRoots: true });
    assert.deepEqual(actions(await office.agree()), []);
    assert.deepEqual(read(office.to), read(office.from));
  });

  Deno.test(`a disk that is taken off with its mount point deletes nothing on ${on}`, async () => {
    using office = new MountedOffice(from);
    await office.agrees({
      disk: { "a.txt": at(2020, "a"), d: { "b.txt": at(2020, "b") } },
    });
    tool("umount", "-l", `${office.to}/disk`);
    Deno.removeSync(`${office.to}/disk`);
    write(office.from, { disk: { "a.txt": "edited" } });
    for (const _ of [1, 2]) {
      const result = await office.run();
      assert.equal(result.exitCode, 1);
      assert.deepEqual(actions(result), [], describe(result));
      assert.deepEqual(
        result.problems.map(({ path, reason }) => [
          path,
          /not mounted now.*--accept-roots/.test(reason),
        ]),
        [["disk", true]],
      );
    }
    // Gone on both sides, it is forgotten.
    Deno.removeSync(`${office.from}/disk`, { recursive: true });
    await office.agree();
    await office.rests({ "keep.txt": "keep", other: {} });
  });
}

/** Renames that cross, all ways. */
async function crossing(): Promise<MountedOffice> {
  const office = new MountedOffice("left");
  await office.agrees({
    "in.txt": at(2020, "in"),
    disk: { "out.txt": at(2020, "out"), "across.txt": at(2020, "across") },
  });
  office.move("in.txt", "disk/in.txt");
  office.move("disk/out.txt", "out.txt");
  office.move("disk/across.txt", "other/across.txt");
  return office;
}

killEverywhere({
  run: "a run that renames across disks inside a root",
  make: crossing,
  calls: { linkat: 3, rename: 3, unlink: 6 },
});
