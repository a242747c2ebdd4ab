/**
 * Replaces files of others by an account that may not give files away.
 *
 * @module
 */
import assert from "node:assert/strict";
import { file, Office, write } from "../support/support.ts";
import { disturbed, requireTool, whyOf } from "./support.ts";

const OLD = { mtime: "2024-01-01T00:00:00Z", mode: 0o660 };
const ANNA = 12_345;
const MEMBER_OF = 23_456;
const NO_MEMBER_OF = 23_457;

Deno.test("an account that is not root replaces a file of somebody else: the group stays where it is a member, and nothing fails", async () => {
  requireTool("setpriv");
  using office = new Office();
  write(office.left, { a: file("a", OLD), b: file("b", OLD) });
  await office.agree();
  for (const [name, gid] of [["a", MEMBER_OF], ["b", NO_MEMBER_OF]] as const) {
    Deno.chownSync(`${office.right}/${name}`, ANNA, gid);
    Deno.writeTextFileSync(`${office.left}/${name}`, "edited");
  }
  // To the system that is what tells root from others, as far as owners go.
  const chown = ["--bounding-set=-chown", "--inh-caps=-chown"];
  const ended = await disturbed(office, {
    through: ["setpriv", ...chown, `--groups=0,${MEMBER_OF}`],
  });
  assert.equal(ended.code, 0, whyOf(ended));
  const of = (name: string) => {
    const { uid, gid, mode } = Deno.lstatSync(`${office.right}/${name}`);
    return [uid, gid, mode! & 0o777];
  };
  assert.deepEqual(of("a"), [0, MEMBER_OF, 0o660]);
  assert.deepEqual(of("b"), [0, 0, 0o660]);
  assert.deepEqual(office.trees().right, { a: "edited", b: "edited" });
  assert.deepEqual((await office.agree()).outcomes, []);
});
