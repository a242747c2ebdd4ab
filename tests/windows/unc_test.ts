import assert from "node:assert/strict";
import { Office } from "./support.ts";

const SHARE = "\\\\server\\share";

Deno.test("a share as a root is synced behind the fence, which summary, log and doctor say; with refuse no run starts, and the text to write is told", async () => {
  const right = Deno.makeTempDirSync({
    dir: SHARE,
    prefix: "office-sync-test-",
  });
  try {
    const refuse = "sandbox: { network_roots: refuse }\n";
    using office = new Office(refuse, { right }).write({ left: { a: "1" } });
    const refused = await office.command();
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(
      refused.stderr,
      /network_roots: refuse\..*network_roots: fence/s,
    );
    assert.deepEqual([...Deno.readDirSync(right)], []);
    const told = await office.command("doctor");
    assert.equal(told.code, 1, told.stderr);
    assert.match(told.stdout, /^PROBLEM {2}Right, real path: .*: refuse, /m);

    office.configure("");
    const { code, stdout, stderr } = await office.command();
    assert.equal(code, 0, stderr);
    const words =
      `The program's own fence holds both roots, as right_root ${right} is on the network: `;
    assert.ok(stdout.includes(words), stdout);
    assert.ok(Deno.readTextFileSync(office.log).includes(words));
    office.holds({ a: "1" });
    const seen = await office.command("doctor");
    assert.equal(seen.code, 0, seen.stdout + seen.stderr);
    assert.match(seen.stdout, /^ok {7}Left, wall: .*fence, as the other root/m);
    assert.match(seen.stdout, /^ok {7}Right, wall: .*fence, as it is on the/m);

    office.configure("sandbox: { network_roots: allow_all }\n");
    office.write({ right: { a: "longer", b: "new" } });
    const older = await office.command();
    assert.deepEqual(
      [older.code, older.stderr.trim()],
      [
        0,
        "sandbox.network_roots: allow_all is called fence now: write " +
        "network_roots: fence, or leave it out.",
      ],
    );
    office.holds({ a: "longer", b: "new" });
    office.configure("");
    office.write({ left: { b: "longer" } });
    await office.does(["COPY_LEFT_TO_RIGHT b"]);
    await office.rests();
  } finally {
    Deno.removeSync(right, { recursive: true });
  }
});
