import assert from "node:assert/strict";

/** The parts of the program, by the names of their modules. */
const PARTS = {
  shared:
    /^(types|errors|paths|names|html|text|system|metadata|owner_files|wire_\w+|plan_types)$/,
  plan: /^(plan_\w+|sync_logic|conflict)$/,
  files: /^(root_\w+|files_\w+|scanner|file_ops|soft_delete)$/,
  outside: /^(started_as|sandbox_\w+|release_\w+)$/,
  engine: /^/,
} as const;

type Part = keyof typeof PARTS;

const partOf = (name: string): Part =>
  (Object.keys(PARTS) as Part[]).find((part) => PARTS[part].test(name))!;

/** What a part may import, of the program's own; types count as well. */
const MAY: Partial<Record<Part, readonly Part[]>> = {
  shared: ["shared"],
  plan: ["shared", "plan"],
  files: ["shared", "files"],
  engine: ["shared", "plan", "engine", "outside"],
};

const lib = new URL("../lib/", import.meta.url);
const modules = [...Deno.readDirSync(lib)].map(({ name }) => name);
const code = (file: URL): string =>
  Deno.readTextFileSync(file).replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");

/** All that a module names as a source: of values, of types, at run time. */
const IMPORT = /(?:\bfrom |\bimport )"([^"]+)"|\bimport\(\s*"([^"]+)"/g;

const sourcesIn = (text: string): string[] =>
  [...text.matchAll(IMPORT)].map(([, from, later]) => from ?? later!);

for (const file of modules) {
  const name = file.replace(/\.ts$/, "");
  const part = partOf(name);
  const may = MAY[part];
  if (may === undefined) continue;
  Deno.test(`${name} (${part}) imports what ${part} may`, () => {
    const text = code(new URL(file, lib));
    for (const source of sourcesIn(text)) {
      const own = /^\.\/(\w+)\.ts$/.exec(source)?.[1];
      assert.ok(!own || may.includes(partOf(own)), `${name} -> ${own}`);
      if (own || part === "engine") continue;
      assert.match(source, /^node:(?!sqlite)/, `${name} -> ${source}`);
    }
    if (part === "engine") return;
    assert.doesNotMatch(text, /\bimport\(/);
    if (part !== "files") assert.doesNotMatch(text, /\bDeno\.|"node:fs/);
  });
}

Deno.test("no module imports itself by a circle", () => {
  const done = new Set<string>();
  const follow = (file: string, way: readonly string[]): void => {
    assert.ok(!way.includes(file), [...way, file].join(" -> "));
    if (done.has(file)) return;
    for (const source of sourcesIn(code(new URL(file, lib)))) {
      const own = /^\.\/(\w+\.ts)$/.exec(source)?.[1];
      if (own) follow(own, [...way, file]);
    }
    done.add(file);
  };
  for (const file of modules) follow(file, []);
  assert.equal(done.size, modules.length);
});

Deno.test("main reaches no npm package before it knows what to do", () => {
  const seen = new Set<string>();
  const follow = (at: URL): void => {
    if (seen.has(at.href)) return;
    seen.add(at.href);
    // Types are gone by then, and what is imported later is imported later.
    const text = code(at).replaceAll(/^import type [^;]*;/gm, "")
      .replaceAll(/\bimport\(/g, "");
    for (const source of sourcesIn(text)) {
      if (source.startsWith(".")) follow(new URL(source, at));
      else assert.match(source, /^node:/, `${at} -> ${source}`);
    }
  };
  follow(new URL("../main.ts", import.meta.url));
  // Which half it is, it finds out first.
  for (const half of ["sandbox_launcher", "cli_program"]) {
    follow(new URL(`${half}.ts`, lib));
  }
  assert.ok(seen.size > 10);
});
