import assert from "node:assert/strict";
import { Office } from "./support.ts";

const SHARE = "\\\\server\\share";

Deno.test("a share as a root is refused with exit 2 and the text to add, unless the config consents", async () => {
  const right = Deno.makeTempDirSync({
    dir: SHARE,
    prefix: "office-sync-test-",
  });
  try {
    using office = new Office("", { right }).write({ left: { a: "1" } });
    const refused = await office.command();
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, /network_roots\b.*\ballow_all/s);
    assert.deepEqual([...Deno.readDirSync(right)], []);
    const consent = "sandbox: { network_roots: allow_all }\n";
    office.configure(consent);
    const { code, stdout, stderr } = await office.command();
    assert.equal(code, 0, stderr);
    assert.match(stdout + stderr, /[Ww]ithout the sandbox/);
    office.holds({ a: "1" });
    office.write({ right: { a: "longer", b: "new" } });
    await office.does(["COPY_RIGHT_TO_LEFT a", "COPY_RIGHT_TO_LEFT b"]);
    await office.rests();
  } finally {
    Deno.removeSync(right, { recursive: true });
  }
});
