import assert from "node:assert/strict";
import {
  bringBack as bringingBack,
  type Restored,
  type Version,
} from "../lib/command_restore.ts";
import { TemporaryNames } from "../lib/file_ops.ts";
import { SoftDelete } from "../lib/soft_delete.ts";
import { SIDES } from "../lib/types.ts";
import { file, softDeleted } from "./support/support.ts";
import { intercept, systemError, TwoRoots } from "./support/two_roots.ts";

const KEPT = ".office-sync/deleted/20240101-000000-pair";

/** A version on Right, and an older file where it goes. */
function office(standing: Record<string, string> = {}): TwoRoots {
  const older = Object.fromEntries(
    Object.entries(standing).map(([name, text]) => [
      name,
      file(text, { mtime: "2023-01-01T00:00:00Z" }),
    ]),
  );
  return new TwoRoots().write({
    left: older,
    right: {
      ".office-sync": {
        deleted: {
          "20240101-000000-pair": { a: "kept", d: { b: "kept too" } },
        },
      },
    },
  });
}

async function bringBack(
  at: TwoRoots,
  paths: readonly string[] = ["a"],
  verifyRoots = () => {},
): Promise<Restored[]> {
  const names = new TemporaryNames({ pair: "pair", run: "run" });
  const context = {
    roots: at.roots,
    names,
    softDelete: new SoftDelete("20260102-030405-pair", names),
    to: SIDES,
    isForced: false,
    verifyRoots,
  };
  const versions = paths.map((path): Version => ({
    side: "right",
    path,
    runId: null,
    run: {
      name: "20240101-000000-pair",
      path: KEPT,
      pair: "pair",
      timeMs: Date.UTC(2024, 0, 1),
    },
    keptAt: `${KEPT}/${path}`,
    metadata: at.seen("right", `${KEPT}/${path}`),
  }));
  return await Array.fromAsync(bringingBack(versions, context));
}

/** Lets another program act just before a file gets its name, once. */
function before(path: string, act: () => void): Disposable {
  let isDone = false;
  return intercept("linkSync", (real, from, to) => {
    if (to === path && !isDone) {
      isDone = true;
      act();
    }
    return real(from, to);
  });
}

function leftovers(at: TwoRoots): string[] {
  return SIDES.flatMap((side) => at.names(side))
    .filter((name) => name.includes("-tmp-"));
}

Deno.test("a file that appears at the last moment keeps its name", async () => {
  using at = office();
  const path = at.right.absolute("a");
  using _program = before(path, () => Deno.writeTextFileSync(path, "saved"));
  const [restored] = await bringBack(at);
  assert.equal(restored?.outcome, "failed");
  assert.deepEqual(restored?.sides, ["left"]);
  assert.deepEqual(at.trees(), { left: { a: "kept" }, right: { a: "saved" } });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("a file that is saved while it is replaced keeps its name, and what stood there is kept", async () => {
  using at = office({ a: "older" });
  const path = at.left.absolute("a");
  using _program = before(path, () => Deno.writeTextFileSync(path, "saved"));
  const [restored] = await bringBack(at);
  assert.equal(restored?.outcome, "failed");
  const texts = SIDES.flatMap((side) =>
    at.names(side).filter((it) => !it.startsWith(".office-sync/deleted"))
      .flatMap((name) => {
        const info = Deno.lstatSync(at[side].absolute(name));
        return info.isFile
          ? [Deno.readTextFileSync(at[side].absolute(name))]
          : [];
      })
  );
  assert.ok(texts.includes("saved"));
  const all = [...texts, ...Object.values(softDeleted(at.left.path))];
  assert.ok(all.includes("older"), all.join());
  assert.deepEqual(leftovers(at), []);
});

Deno.test("what stands on a disk mounted inside the root is soft-deleted too", async () => {
  using at = office({ a: "older" });
  const path = at.left.absolute("a");
  using _disks = intercept("renameSync", (real, from, to) => {
    if (from === path && to!.includes("/deleted/")) throw systemError("EXDEV");
    return real(from, to);
  });
  const [restored] = await bringBack(at);
  assert.equal(restored?.outcome, "done", restored?.reason ?? "");
  assert.deepEqual(softDeleted(at.left.path), { a: "older" });
  assert.deepEqual(at.trees(), { left: { a: "kept" }, right: { a: "kept" } });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("a full disk stops the copy, and leaves no half file", async () => {
  using at = office();
  using _disk = intercept("openSync", (real, path, options) => {
    const isCopy = path!.startsWith(at.left.path) && path!.includes("-tmp-");
    if (isCopy) throw systemError("ENOSPC");
    return real(path, options);
  });
  const [a, b] = await bringBack(at, ["a", "d/b"]);
  for (const it of [a, b]) {
    assert.deepEqual([it?.outcome, it?.sides], ["failed", []]);
    assert.equal(it?.reason, "the disk is full: make room there (ENOSPC)");
  }
  assert.deepEqual(at.trees(), { left: {}, right: {} });
  assert.deepEqual(leftovers(at), []);
});

Deno.test("nothing is written once a root shows another identity", async () => {
  using at = office();
  const { GuardError } = await import("../lib/errors.ts");
  const [restored] = await bringBack(at, ["a"], () => {
    throw new GuardError("identity", "another", "");
  });
  assert.deepEqual(
    [restored?.outcome, restored?.reason],
    ["failed", "a root went away during the run"],
  );
  assert.deepEqual(at.trees(), { left: {}, right: {} });
});
