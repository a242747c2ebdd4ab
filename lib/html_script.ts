/**
 * The little script of a report: it filters. All there is to read is there
 * without it.
 *
 * @module
 */

/** The script. */
export const PAGE_SCRIPT: string = `
"use strict";
(() => {
  const form = document.querySelector("form");
  if (form === null) return;
  const boxes = [...form.querySelectorAll("input[name=kind]")];
  const name = form.elements.name;
  const status = form.querySelector("[role=status]");
  const number = (value) => value.toLocaleString("en-US");
  /* A row is one line, a list has many; a folder's name counts for its rows. */
  const units = [...document.querySelectorAll("[data-kind]")].map((node) => {
    const isList = node.tagName === "PRE";
    const folder = node.closest(".folder")?.querySelector("bdi").textContent;
    const lines = isList
      ? node.textContent.split("\\n")
      : [(folder === undefined ? "" : folder + "/") + node.textContent];
    return { node, isList, lines, kind: node.dataset.kind, shown: lines.length };
  });
  const groups = [...document.querySelectorAll("details, section.rows")];
  const total = units.reduce((sum, { lines }) => sum + lines.length, 0);
  const apply = () => {
    const kinds = new Set(boxes.filter((it) => it.checked).map((it) => it.value));
    const wanted = name.value.toLowerCase();
    let shown = 0;
    for (const unit of units) {
      const lines = !kinds.has(unit.kind)
        ? []
        : wanted === ""
        ? unit.lines
        : unit.lines.filter((line) => line.toLowerCase().includes(wanted));
      unit.node.hidden = lines.length === 0;
      if (unit.isList && lines.length !== unit.shown && lines.length > 0) {
        unit.node.textContent = lines.join("\\n");
        unit.shown = lines.length;
      }
      shown += lines.length;
    }
    for (const group of groups) {
      group.hidden = group.querySelector("[data-kind]:not([hidden])") === null;
    }
    status.textContent = number(shown) + " of " + number(total) + " shown";
  };
  const check = (isChecked) => {
    for (const box of boxes) box.checked = isChecked;
    apply();
  };
  const open = (isOpen) => {
    for (const folder of document.querySelectorAll(".folder")) {
      folder.open = isOpen;
    }
  };
  const { all, none, open: opener, close } = form.elements;
  all.onclick = () => { name.value = ""; check(true); };
  none.onclick = () => check(false);
  opener.onclick = () => open(true);
  close.onclick = () => open(false);
  let timer = 0;
  name.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 150);
  };
  for (const box of boxes) box.onchange = apply;
  form.onsubmit = (event) => { event.preventDefault(); apply(); };
  form.querySelector("fieldset").disabled = false;
  form.querySelector(".more").hidden = false;
  /* A browser brings back boxes that were unticked before a reload. */
  apply();
})();
`;
