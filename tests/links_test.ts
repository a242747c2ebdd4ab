import assert from "node:assert/strict";
import { OpenFile } from "../lib/files_read.ts";
import { isLink } from "../lib/root_files.ts";
import { MemoryOffice } from "./support/support.ts";
import { intercept, TwoRoots } from "./support/two_roots.ts";

/** What Windows says of what is marked, but leads nowhere. */
const REFUSALS = [
  "The file or directory is not a reparse point. (os error 4390): readlink",
  "Unsupported reparse point type: readlink",
];

/**
 * Marks paths as Windows marks files of a cloud drive: they are files and
 * folders, and look like links at the same time.
 */
function marked(path: RegExp, refusal: string | null): Disposable {
  const looks = intercept("lstatSync", (real, at) => {
    const info = real(at);
    return path.test(at!) ? { ...info, isSymlink: true } : info;
  });
  const reads = intercept("readLinkSync", (real, at) => {
    if (!path.test(at!)) return real(at);
    if (refusal === null) return "/elsewhere";
    throw new Error(refusal);
  });
  return {
    [Symbol.dispose]() {
      reads[Symbol.dispose]();
      looks[Symbol.dispose]();
    },
  };
}

const MARKED_FILE = { isFile: true, isDirectory: false, isSymlink: true };

Deno.test("a true link is a link, wherever it leads", () => {
  using at = new TwoRoots().write({ left: { a: "1" } });
  const path = at.left.absolute("link");
  for (const target of [at.left.absolute("a"), at.left.path]) {
    Deno.symlinkSync(target, path, { type: "file" });
    assert.equal(isLink(path, Deno.lstatSync(path)), true);
    Deno.removeSync(path);
  }
});

Deno.test("what is marked as a link and can't be read as one for any other reason is left alone as a link", () => {
  for (
    const why of ["Access denied. (os error 5)", "odd", "(os error 43901)"]
  ) {
    using _system = intercept("readLinkSync", () => {
      throw new Error(why);
    });
    assert.equal(isLink("a", MARKED_FILE), true, why);
  }
});

for (const refusal of REFUSALS) {
  Deno.test(`files and folders of a cloud drive are synced like any other: ${refusal.slice(0, 20)}`, () => {
    using at = new TwoRoots().write({ left: { cloud: { a: "1" } } });
    using _system = marked(/[\\/]cloud([\\/]|$)/, refusal);
    assert.equal(at.left.look("cloud").kind, "directory");
    assert.equal(at.left.look("cloud/a").kind, "file");
    const seen = at.seen("left", "cloud/a");
    using open = new OpenFile(at.left, "cloud/a", seen);
    assert.equal(open.read(new Uint8Array(9)), 1);
  });
}

Deno.test("what leads elsewhere is neither a file nor a folder, whatever it says it is", () => {
  using at = new TwoRoots().write({ left: { d: { a: "1" } } });
  using _system = marked(/[\\/]d([\\/]|$)/, null);
  assert.equal(at.left.look("d").kind, "other");
  assert.throws(() => at.left.look("d/a"), /changed during the run/);
});

Deno.test("a file that can't be fetched from the cloud is skipped with a reason, never taken for deleted, and done at the next run", async () => {
  using office = new MemoryOffice().write({ left: { a: "one", b: "two" } });
  await office.settle();
  office.write({ left: { a: "longer" } });
  {
    using _cloud = intercept("read", () => {
      throw new Error("The cloud file provider … (os error 362)");
    });
    const result = await office.run();
    const [outcome] = result.outcomes.filter(({ kind }) => kind !== "done");
    assert.equal(outcome?.kind, "skipped");
    assert.match(outcome?.detail ?? "", /^it is kept in the cloud only, and/);
    assert.equal(result.exitCode, 1);
  }
  assert.deepEqual(office.trees().right, { a: "one", b: "two" });
  await office.settle();
  assert.deepEqual(office.trees().right, { a: "longer", b: "two" });
});
