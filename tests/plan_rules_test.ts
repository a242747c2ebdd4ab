import assert from "node:assert/strict";
import {
  type Cell,
  PROPERTIES,
  type PropertyCell,
  RECORDED,
  UNRECORDED,
} from "../lib/plan_rules.ts";
import { mirrorRule } from "./support/literal_plans.ts";

/** The three tables of section 3, cell by cell, against the contract's text. */

const RECORDED_TEXT = `
| | unchanged | modified | deleted |
| --- | --- | --- | --- |
| **unchanged** | NOOP | COPY_RIGHT_TO_LEFT (R 5.4) | DELETE_LEFT or SOFT_DELETE_LEFT (R 5.8) |
| **modified** | COPY_LEFT_TO_RIGHT (R 5.3) | same content: adopt; else \`modify_modify\` (R 5.1) | COPY_LEFT_TO_RIGHT (R 5.6) |
| **deleted** | DELETE_RIGHT or SOFT_DELETE_RIGHT (R 5.7) | COPY_RIGHT_TO_LEFT (R 5.5) | forget the row |
`;

const UNRECORDED_TEXT = `
| | absent | created |
| --- | --- | --- |
| **absent** | – | COPY_RIGHT_TO_LEFT (R 5.10) |
| **created** | COPY_LEFT_TO_RIGHT (R 5.9) | same content: adopt; else \`new_new\` (R 5.2) |
`;

const PROPERTIES_TEXT = `
| | same | changed |
| --- | --- | --- |
| **same** | NOOP | RENAME_LEFT (R 5.12) |
| **changed** | RENAME_RIGHT (R 5.11) | the same on both, or only mtimes differ: adopt; else \`metadata_conflict\` (R 5.13) |
`;

/** The cells of a table: row → column → text. */
function cellsOf(text: string): Map<string, Map<string, string>> {
  const [head, , ...rows] = text.trim().split("\n").map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.replaceAll("*", "").trim())
  );
  return new Map(rows.map(([name, ...cells]) => [
    name!,
    new Map(cells.map((cell, at) => [head![at + 1]!, cell])),
  ]));
}

function textOf(cell: Cell | PropertyCell): string {
  switch (cell.kind) {
    case "agree":
      return "NOOP";
    case "none":
      return "–";
    case "forget":
      return "forget the row";
    case "copy":
      return cell.to === "left"
        ? `COPY_RIGHT_TO_LEFT (R ${cell.rule})`
        : `COPY_LEFT_TO_RIGHT (R ${cell.rule})`;
    case "remove": {
      const side = cell.on.toUpperCase();
      return `DELETE_${side} or SOFT_DELETE_${side} (R ${cell.rule})`;
    }
    case "conflict":
      return cell.of !== "metadata_conflict"
        ? `same content: adopt; else \`${cell.of}\` (R ${cell.rule})`
        : "the same on both, or only mtimes differ: adopt; else " +
          `\`${cell.of}\` (R ${cell.rule})`;
    case "bring":
      return `RENAME_${cell.to.toUpperCase()} (R ${cell.rule})`;
  }
}

/** The cell that says the same with the sides swapped. */
function mirrored<T extends Cell | PropertyCell>(cell: T): T {
  const swap = { left: "right", right: "left" } as const;
  return {
    ...cell,
    ..."to" in cell ? { to: swap[cell.to] } : {},
    ..."on" in cell ? { on: swap[cell.on] } : {},
    ..."rule" in cell ? { rule: mirrorRule(cell.rule) } : {},
  };
}

type Table = Readonly<
  Record<string, Readonly<Record<string, Cell | PropertyCell>>>
>;

/** [name, table, the contract's text] */
const TABLES: readonly [string, Table, string][] = [
  ["RECORDED", RECORDED, RECORDED_TEXT],
  ["UNRECORDED", UNRECORDED, UNRECORDED_TEXT],
  ["PROPERTIES", PROPERTIES, PROPERTIES_TEXT],
];

for (const [name, table, text] of TABLES) {
  for (const left of Object.keys(table)) {
    for (const right of Object.keys(table)) {
      const wanted = cellsOf(text).get(left)!.get(right)!;
      Deno.test(`${name}: ${left} on Left, ${right} on Right: ${wanted}`, () => {
        assert.equal(textOf(table[left]![right]!), wanted);
      });
      Deno.test(`${name} is mirrored: ${left}, ${right}`, () => {
        const cell = mirrored(table[right]![left]!);
        assert.deepEqual(table[left]![right], cell);
      });
    }
  }
}

Deno.test("the tables name every rule of the list, each once", () => {
  const cells = TABLES.flatMap(([, table]) =>
    Object.values(table).flatMap((row) => Object.values(row))
  );
  const rules = cells.flatMap((cell) => "rule" in cell ? [cell.rule] : []);
  const wanted = Array.from({ length: 13 }, (_, at) => `5.${at + 1}`);
  assert.deepEqual(rules.sort(), wanted.sort());
});
