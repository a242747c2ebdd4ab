import fc from "fast-check";
import assert from "node:assert/strict";
import { parseConfig, plainConfig } from "../lib/config_loader.ts";
import { parameters } from "./support/random_office.ts";
import { fromFileUrl } from "./support/urls.ts";

const FILE = "/etc/office/config.yaml";
const ROOTS = "left_root: /l\nright_root: /r\n";

/** What is read plainly must be what the library reads. */
function assertSame(text: string): boolean {
  const plain = plainConfig(text, FILE);
  if (plain === null) return false;
  assert.deepEqual(plain, parseConfig(text, FILE), text);
  return true;
}

Deno.test("plainConfig() reads the example as the library does", () => {
  const text = Deno.readTextFileSync(fromFileUrl("../config.example.yaml"));
  assert.ok(assertSame(text));
});

const PLAIN: readonly string[] = [
  ROOTS,
  "left_root: C:\\pdrive_local\nright_root: P:\\\n",
  "left_root: 'C:\\a b'\nright_root: \"/r s\"\n",
  `# a comment\r\n\r\n${ROOTS.replaceAll("\n", "\r\n")}`,
  `${ROOTS}soft_delete:\n  enabled: false # kept nowhere\n  max_size_mb: 5\n`,
  `${ROOTS}ignore:\n    extensions:\n      - tmp\n      - .bak\n    filenames_exact: []\n`,
  `${ROOTS}email:\n  smtp_host: mail.example.com\n  smtp_port: 25\n  from: a@b.c\n  to:\n    - d@e.f\n    - g@h.i\nstate_db: state/x.db\n`,
  `${ROOTS}logging:\n  file: logs/my log.log\n`,
  `${ROOTS}email:\n  smtp_host: m.example\n  from: a@b.c\n  to: d@e.f\n  username: u\n  password_env: P\n`,
  `${ROOTS}ignore:\n  extensions:\n    - "a#b" # c\n    - '#d'   # e "f"\n`,
];

for (const text of PLAIN) {
  Deno.test(`plainConfig() reads ${JSON.stringify(text.slice(-60))}`, () => {
    assert.ok(assertSame(text));
  });
}

const LEFT_ALONE: readonly string[] = [
  "",
  "left_root: /l\n",
  `${ROOTS}left_root: /again\n`,
  `${ROOTS}soft_delete:\n`,
  `${ROOTS}soft_delete: {enabled: true}\n`,
  `${ROOTS}soft_delete:\n  enabled: yes\n`,
  `${ROOTS}soft_delete:\n  enabled: True\n`,
  `${ROOTS}soft_delete:\n  max_size_mb: 1.5\n`,
  `${ROOTS}soft_delete:\n  max_size_mb: 020\n`,
  `${ROOTS}soft_delete:\n\tenabled: true\n`,
  `${ROOTS}soft_delete:\n  enabled: true\n   keep_replaced: true\n`,
  `${ROOTS}ignore:\n  extensions:\n  - tmp\n`,
  `${ROOTS}ignore:\n  extensions: [tmp]\n`,
  `${ROOTS}ignore:\n  extensions:\n    - *tmp\n`,
  `${ROOTS}ignore:\n  extensions:\n    - a: b\n`,
  `${ROOTS}unknown: 1\n`,
  `${ROOTS}__proto__:\n  enabled: true\n`,
  `${ROOTS}state_db: /l/x.db\n`,
  "left_root: &a /l\nright_root: /r\n",
  "left_root: /l\n  more\nright_root: /r\n",
  "left_root: '/l''s'\nright_root: /r\n",
  'left_root: "C:\\new"\nright_root: /r\n',
  "left_root: /l: x\nright_root: /r\n",
  "left_root: /l\nright_root: /r:\n",
  "left_root: null\nright_root: /r\n",
  "left_root: 12\nright_root: /r\n",
  "left_root: '/l\uFFFD'\nright_root: /r\n",
  `---\n${ROOTS}`,
  `\uFEFF${ROOTS}`,
  `${ROOTS}email:\n  smtp_host: m.example\n  from: a@b.c\n  to: d@e.f\n  username: u\n`,
  `${ROOTS}email:\n  smtp_host: m.example\n  from: a@b.c\n  to: d@e.f\n  password: p\n`,
  `${ROOTS}email:\n  smtp_host: m.example\n  from: a@b.c\n  to: d@e.f\n  username: u\n  password: p\n  password_env: P\n`,
];

for (const text of LEFT_ALONE) {
  Deno.test(`plainConfig() leaves ${JSON.stringify(text.slice(-60))} to the library`, () => {
    assert.equal(plainConfig(text, FILE), null);
  });
}

const line = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PLAIN, ...LEFT_ALONE) },
  fc.tuple(
    fc.constantFrom("", "  ", "    ", "\t", "   "),
    fc.constantFrom(
      ...["left_root: ", "right_root: ", "state_db: ", "ignore:", "- ", "-"],
      ...["extensions: ", "extensions:", "soft_delete:", "enabled: ", "x: "],
      ...["filenames_exact:", "filenames_prefix:", "max_size_mb: ", "? ", ""],
    ),
    fc.constantFrom(
      ...["/l", "/r", "C:\\x", "P:\\", "true", "Yes", "n", "null", "~", "1"],
      ...["01", "1e3", "0x1", ".5", "a b", "a:b", "a: b", "a #b", "a# b"],
      ...["'q'", "'q' # c", '"d"', '"d\\n"', "'a''b'", "[a]", "{}", "|", ">"],
      ...["&a b", "*a", "!t b", "@x", "%x", "`x", "- a", "a -", "a@b.c", ""],
      ...["é", "a\u0085b", "a\u2028b", "\ta", "a\t", "a  b", "2026-01-01"],
    ),
    fc.constantFrom("\n", "\r\n", " \n", "\r", " # c\n", "#c\n"),
  ).map((parts) => parts.join("")),
);

Deno.test("whatever plainConfig() reads, the library reads just so", () => {
  let read = 0;
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 8 }),
      fc.boolean(),
      (lines, hasRoots) => {
        const text = (hasRoots ? ROOTS : "") + lines.join("");
        if (assertSame(text)) read++;
      },
    ),
    { ...parameters(20_000), numRuns: 20_000 },
  );
  assert.ok(read > 100, `only ${read} were plain`);
});
