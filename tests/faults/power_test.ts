/**
 * The order of the calls of a run: what the record claims is on disk before
 * it is claimed. Loss of power at any moment then loses nothing more than a
 * kill does.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Office } from "../support/support.ts";
import {
  busyOffice,
  filledOffice,
  firstOffice,
  keepingOffice,
  manyOffice,
} from "./crash_offices.ts";
import { type Call, callsIn } from "./power_calls.ts";
import { disturbed, requireTool, whyOf } from "./support.ts";

const RUNS: Readonly<Record<string, () => Promise<Office>>> = {
  "a first run": firstOffice,
  "a run with something of every kind to do": busyOffice,
  "a run that fills new folders": filledOffice,
  "a run that keeps replaced versions": keepingOffice,
  "a run whose copies are made by threads": () => manyOffice(),
};

const CALLS = "openat,linkat,rename,unlink,mkdir,rmdir,fsync,fdatasync," +
  "write,pwrite64,ftruncate";

/** What an undisturbed run did, call by call. */
async function callsOf(office: Office): Promise<readonly Call[]> {
  requireTool("strace");
  const ended = await disturbed(office, { strace: [`--trace=${CALLS}`] });
  assert.equal(ended.code, 0, whyOf(ended));
  return callsIn(ended.trace);
}

const isTemporary = (path: string): boolean =>
  /\/\.office-sync-tmp-[^/]*$/.test(path);
const isSync = ({ name }: Call): boolean =>
  name === "fsync" || name === "fdatasync";
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

for (const [run, make] of Object.entries(RUNS)) {
  Deno.test(`${run} flushes each file before it gets its name`, async () => {
    using office = await make();
    const calls = await callsOf(office);
    const placed = calls.filter(({ name, from, to }) =>
      (name === "linkat" || name === "rename") && isTemporary(from) &&
      !isTemporary(to)
    );
    assert.ok(placed.length > 0);
    for (const { from, to, begins } of placed) {
      // A name that was given to a file that is there already is no copy.
      const changes = calls.filter(({ name, from: path }) =>
        name === "write" && path === from ||
        ["write", "openat"].includes(name) && path.startsWith(`${from}/`)
      );
      assert.ok(changes.length > 0, `${from} was written`);
      // A folder that was filled aside takes all in it along.
      for (const path of new Set([from, ...changes.map(({ from }) => from)])) {
        const changed = changes.filter((it) =>
          path === from || it.from === path
        )
          .map(({ ends }) => ends);
        const isFlushed = calls.some((call) =>
          isSync(call) && call.from === path &&
          call.begins > Math.max(...changed) && call.ends < begins
        );
        assert.ok(isFlushed, `${path} is flushed before ${to} is there`);
      }
    }
  });

  Deno.test(`${run} flushes each folder before the record tells of it`, async () => {
    using office = await make();
    const calls = await callsOf(office);
    const changes = calls.flatMap((call) => namesChanged(call, office));
    assert.ok(changes.length > 0);
    for (const { folder, path, call } of changes) {
      const recorded = calls.find(({ name, from, begins }) =>
        name === "pwrite64" && from === office.stateDb && begins > call.ends
      );
      const end = recorded?.begins ?? Infinity;
      const isGone = calls.some(({ name, from, begins }) =>
        name === "rmdir" && from === folder && begins > call.ends &&
        begins < end
      );
      const isFlushed = calls.some((it) =>
        isSync(it) && it.from === folder && it.begins > call.ends &&
        it.ends < end
      );
      assert.ok(isFlushed || isGone, `${call.name} ${path}: its folder`);
    }
  });

  Deno.test(`${run} flushes the record's journal, the record, then the end`, async () => {
    using office = await make();
    const calls = await callsOf(office);
    const journal = `${office.stateDb}-journal`;
    const commits = calls.filter(({ name, from }) =>
      name === "ftruncate" && from === journal
    );
    assert.ok(commits.length > 0);
    let last = -1;
    for (const { begins } of commits) {
      const inside = calls.filter((call) =>
        call.begins > last && call.ends < begins
      );
      const of = (path: string, is: (call: Call) => boolean) =>
        inside.filter((call) => call.from === path && is(call));
      const writes = of(office.stateDb, ({ name }) => name === "pwrite64");
      const syncs = of(office.stateDb, isSync);
      const journalSyncs = of(journal, isSync);
      last = begins;
      if (writes.length === 0) continue;
      const first = writes[0]!;
      assert.ok(
        journalSyncs.some(({ ends }) => ends < first.begins),
        "journal",
      );
      assert.ok(syncs.some((it) => it.begins > writes.at(-1)!.ends), "record");
    }
  });
}

/** A name that a call gave or took in a root; temporary ones apart. */
function namesChanged(
  call: Call,
  office: Office,
): { readonly folder: string; readonly path: string; readonly call: Call }[] {
  const { name, from, to } = call;
  if (!call.isDone) return [];
  const isGiving = name === "linkat";
  const paths = isGiving ? [to] : name === "rename" ? [from, to] : [from];
  if (!["linkat", "rename", "unlink", "mkdir", "rmdir"].includes(name)) {
    return [];
  }
  return paths.filter((path) =>
    !isTemporary(path) && !path.includes("/.office-sync-tmp-") &&
    [office.left, office.right].some((root) => path.startsWith(`${root}/`))
  ).map((path) => ({ folder: folderOf(path), path, call }));
}

Deno.test("a root's id is on disk before the state DB learns of it", async () => {
  using office = await firstOffice();
  const calls = await callsOf(office);
  const placed = calls.filter(({ name, to }) =>
    name === "linkat" && to.endsWith("/.office-sync/root.json")
  );
  assert.equal(placed.length, 2);
  const bothAt = Math.max(...placed.map(({ ends }) => ends));
  const learned = calls.find(({ name, from, begins }) =>
    name === "pwrite64" && from === office.stateDb && begins > bothAt
  );
  assert.ok(learned);
  for (const { from, to, begins, ends } of placed) {
    const flushed = (path: string, after: number, before: number) =>
      calls.some((call) =>
        isSync(call) && call.from === path && call.begins > after &&
        call.ends < before
      );
    const folder = folderOf(to);
    assert.ok(flushed(from, -1, begins), "the id before its name");
    assert.ok(flushed(folder, ends, learned.begins), "its folder");
    assert.ok(flushed(folderOf(folder), ends, learned.begins), "the root");
  }
});
