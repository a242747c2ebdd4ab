import assert from "node:assert/strict";
import {
  type Cell,
  PROPERTIES,
  PROPERTY_CHANGES,
  type PropertyCell,
  RECORDED,
  RECORDED_CHANGES,
  UNRECORDED,
  UNRECORDED_CHANGES,
} from "../lib/plan_rules.ts";
import { mirrorRule } from "./support/fake_plan.ts";

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

function textOf(cell: Cell): string {
  switch (cell.kind) {
    case "settled":
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
    case "contest":
      return `same content: adopt; else \`${cell.conflict}\` (R ${cell.rule})`;
  }
}

function propertyText(cell: PropertyCell): string {
  switch (cell.kind) {
    case "nothing":
      return "NOOP";
    case "bring":
      return `RENAME_${cell.to.toUpperCase()} (R ${cell.rule})`;
    case "contest":
      return "the same on both, or only mtimes differ: adopt; else " +
        `\`metadata_conflict\` (R ${cell.rule})`;
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

for (const left of RECORDED_CHANGES) {
  for (const right of RECORDED_CHANGES) {
    const wanted = cellsOf(RECORDED_TEXT).get(left)!.get(right)!;
    Deno.test(`RECORDED: ${left} on Left, ${right} on Right: ${wanted}`, () => {
      assert.equal(textOf(RECORDED[left][right]), wanted);
    });
    Deno.test(`RECORDED is mirrored: ${left}, ${right}`, () => {
      const cell = mirrored(RECORDED[right][left]);
      assert.deepEqual(RECORDED[left][right], cell);
    });
  }
}

for (const left of UNRECORDED_CHANGES) {
  for (const right of UNRECORDED_CHANGES) {
    const wanted = cellsOf(UNRECORDED_TEXT).get(left)!.get(right)!;
    Deno.test(`UNRECORDED: ${left} on Left, ${right} on Right: ${wanted}`, () => {
      assert.equal(textOf(UNRECORDED[left][right]), wanted);
    });
    Deno.test(`UNRECORDED is mirrored: ${left}, ${right}`, () => {
      const cell = mirrored(UNRECORDED[right][left]);
      assert.deepEqual(UNRECORDED[left][right], cell);
    });
  }
}

for (const left of PROPERTY_CHANGES) {
  for (const right of PROPERTY_CHANGES) {
    const wanted = cellsOf(PROPERTIES_TEXT).get(left)!.get(right)!;
    Deno.test(`PROPERTIES: ${left} on Left, ${right} on Right: ${wanted}`, () => {
      assert.equal(propertyText(PROPERTIES[left][right]), wanted);
    });
    Deno.test(`PROPERTIES is mirrored: ${left}, ${right}`, () => {
      const cell = mirrored(PROPERTIES[right][left]);
      assert.deepEqual(PROPERTIES[left][right], cell);
    });
  }
}

Deno.test("the tables name every rule of the list, each once", () => {
  const cells: (Cell | PropertyCell)[] = [
    ...RECORDED_CHANGES.flatMap((row) => Object.values(RECORDED[row])),
    ...UNRECORDED_CHANGES.flatMap((row) => Object.values(UNRECORDED[row])),
    ...PROPERTY_CHANGES.flatMap((row) => Object.values(PROPERTIES[row])),
  ];
  const rules = cells.flatMap((cell) => "rule" in cell ? [cell.rule] : []);
  const wanted = Array.from({ length: 13 }, (_, at) => `5.${at + 1}`);
  assert.deepEqual([...rules].sort(), [...wanted].sort());
});
