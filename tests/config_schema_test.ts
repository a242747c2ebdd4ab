import assert from "node:assert/strict";
import { addressKey, asciiHost, parseMailbox } from "../lib/config_schema.ts";

// deno-fmt-ignore
const MAILBOXES: readonly [text: string, name: string, address: string][] = [
  ["a@b.example", "", "a@b.example"],
  ["<a@b.example>", "", "a@b.example"],
  ["Office <a@b.example>", "Office", "a@b.example"],
  ["Office<a@b.example>", "Office", "a@b.example"],
  ["Office: Sync <a@b.example>", "Office: Sync", "a@b.example"],
  ["Büro Süd (Köln) <a@b.example>", "Büro Süd (Köln)", "a@b.example"],
  ["(Köln) <a@b.example>", "(Köln)", "a@b.example"],
  ["Team [Süd] \\ Nord. <a@b.example>", "Team [Süd] \\ Nord.", "a@b.example"],
  ["O'Hara <a@b.example>", "O'Hara", "a@b.example"],
  ["会社 🗂 <a@b.example>", "会社 🗂", "a@b.example"],
  ['"Sync, Office" <a@b.example>', "Sync, Office", "a@b.example"],
  ['"sync@office; <x>" <a@b.example>', "sync@office; <x>", "a@b.example"],
  ['"the \\"sync\\" \\\\ office"<a@b.example>', 'the "sync" \\ office', "a@b.example"],
  ['"" <a@b.example>', "", "a@b.example"],
  ["sync@müller.example", "", "sync@xn--mller-kva.example"],
  ["sync@mu\u0308ller.example", "", "sync@xn--mller-kva.example"],
  ["Büro <Sync@MÜLLER.Example>", "Büro", "Sync@xn--mller-kva.example"],
  ["a@xn--mller-kva.example", "", "a@xn--mller-kva.example"],
  ["a@会社。example", "", "a@xn--6oq404h.example"],
  ["büro@müller.example", "", "büro@xn--mller-kva.example"],
  ["a.b+c/d=e'f@localhost", "", "a.b+c/d=e'f@localhost"],
  ["a@[192.0.2.1]", "", "a@[192.0.2.1]"],
  ["a@[IPv6:2001:db8::1]", "", "a@[IPv6:2001:db8::1]"],
];
for (const [text, name, address] of MAILBOXES) {
  Deno.test(`parseMailbox() reads ${text}`, () => {
    assert.deepEqual(parseMailbox(text), { name, address });
  });
}

// deno-fmt-ignore
const NONE = [
  "", "a", "a@", "@b", "a@b@c", "a@b, c@d", "a@b; c@d", "a@b c@d", "<a@b", "a@b>", "A <a@b> B", "A <a@b> <c@d>", "A <>", "A <a>",
  "A, B <a@b>", '"A <a@b>', 'A" <a@b>', '"A" B <a@b>', "x@y <a@b>", "a b@c", "a@b c", "a@b..c", "a@.b", "a@b.", "a@-b", "a@b-",
  "a@mü ller.example", "a@mül/ler", "a@ü:25", `a@${"x".repeat(64)}.example`, "a@[x]", "Team: a@b, c@d;", "mailto:a@b", "a(b)@c",
  '"a b"@c', "a\n@b", "A\nBcc: x@y <a@b>", "A\r\n <a@b>", "a@b\r\nBcc: c@d", "a\u202e@b", "a@\u202e",
];
for (const text of NONE) {
  Deno.test(`parseMailbox() takes ${JSON.stringify(text)} for no address`, () => {
    assert.equal(parseMailbox(text), null);
  });
}

const SAME: readonly (readonly string[])[] = [
  ["anna@b.example", "Anna@B.example", "ANNA@b.EXAMPLE", '"anna"@b.example'],
  [
    "anna@müller.example",
    "Anna@MÜLLER.example",
    "anna@mu\u0308ller.example",
    "anna@xn--mller-kva.example",
    "anna@XN--MLLER-KVA.EXAMPLE",
  ],
  ["jörg@müller.example", "JO\u0308RG@xn--mller-kva.example"],
  ["a..b@c", '"a..b"@c'],
];
Deno.test("addressKey() is one for all spellings of an address, and another for other addresses", () => {
  for (const [n, spellings] of SAME.entries()) {
    const keys = new Set(spellings.map(addressKey));
    assert.equal(keys.size, 1, String(spellings));
    for (const others of SAME.slice(n + 1)) {
      assert.ok(!keys.has(addressKey(others[0]!)));
    }
  }
  const apart = ["a.b@c", "ab@c", "a+b@c", "a@c", "a@c.d", "ä@c"];
  assert.equal(new Set(apart.map(addressKey)).size, apart.length);
});

// deno-fmt-ignore
const HOSTS: readonly [host: string, ascii: string | null][] = [
  ["mail.example.com", "mail.example.com"], ["Mail_1.example.", "Mail_1.example."], ["192.0.2.1", "192.0.2.1"], ["::1", "::1"],
  ["mail.müller.example", "mail.xn--mller-kva.example"], ["MAIL.MÜLLER.EXAMPLE", "mail.xn--mller-kva.example"],
  ["mail.mu\u0308ller.example", "mail.xn--mller-kva.example"], ["почта.рф", "xn--80a1acny.xn--p1ai"], ["straße.example", "xn--strae-oqa.example"],
  ["2001:db8::1", "2001:db8::1"], ["::ffff:192.0.2.1", "::ffff:192.0.2.1"], ["cafe.de:25", null], ["1:2", null], [":", null], ["a..b", null], [".a", null], [".", null], ["ä..b", null],
  ["", null], ["a,b", null], ["ä,b", null], ["ä:25", null], ["ä/x", null], ["x@ä", null], ["*.ä", null], ["ä b", null], ["ä\u202eb", null], ["http://ä", null],
];
for (const [host, ascii] of HOSTS) {
  Deno.test(`asciiHost() makes ${ascii} of ${JSON.stringify(host)}`, () => {
    assert.equal(asciiHost(host), ascii);
  });
}
