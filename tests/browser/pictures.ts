/**
 * Makes the pictures of the README: what a plan looks like in a terminal, and
 * as a page in a browser. They show a real plan for two real folders. To make
 * them: `deno run --lock=tests/browser/deno.lock -A tests/browser/pictures.ts`
 *
 * @module
 */
import { loadConfig } from "../../lib/config_loader.ts";
import { filesHere } from "../../lib/files_handlers.ts";
import { entryPage, PanelServer } from "../../lib/panel_server.ts";
import { PanelSite } from "../../lib/panel_site.ts";
import { Browser } from "./support.ts";

const project = new URL("../..", import.meta.url).pathname;
const pictures = `${project}docs/pictures`;
const folder = "/tmp/office-sync-pictures";
const left = `${folder}/pdrive_local`;
const right = `${folder}/share`;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Writes a file that was saved so many days ago. */
function save(path: string, content: string, daysAgo: number): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeTextFileSync(path, content);
  const at = new Date(Date.now() - daysAgo * DAY_MS);
  Deno.utimeSync(path, at, at);
}

/** Runs the real command. */
function officeSync(...args: readonly string[]): string {
  const { stdout, stderr, code } = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      `${project}main.ts`,
      ...args,
      "--config",
      `${folder}/config.yaml`,
    ],
    env: { NO_COLOR: "1", TZ: "Europe/Zurich" },
  }).outputSync();
  const text = new TextDecoder().decode(stdout);
  if (code > 1) throw new Error(new TextDecoder().decode(stderr) + text);
  return text;
}

/** A working day in an office: something of every kind to do. */
function prepare(): void {
  const documents = {
    "Offers/Miller.docx": "Offer for Miller, 12 pages ".repeat(900),
    "Offers/Baker.docx": "Offer for Baker ".repeat(700),
    "Budget 2026.xlsx": "Budget: 1000 ".repeat(400),
    "Phone list.txt": "Reception 100\n",
    "Minutes/2026-11-02.docx": "Minutes of the meeting ".repeat(300),
    "Scans/lease.pdf": "A lease ".repeat(9000),
    "Old notes.txt": "not needed any more\n",
  };
  for (const [path, content] of Object.entries(documents)) {
    save(`${left}/${path}`, content, 20);
  }
  Deno.mkdirSync(right, { recursive: true });
  Deno.writeTextFileSync(
    `${folder}/config.yaml`,
    `left_root: ${left}\nright_root: ${right}\n`,
  );
  officeSync();
  save(
    `${left}/Offers/Miller.docx`,
    "Offer for Miller, now 14 ".repeat(950),
    2,
  );
  save(
    `${right}/Budget 2026.xlsx`,
    "Budget: 1200, as Anna says ".repeat(400),
    1,
  );
  save(`${left}/Budget 2026.xlsx`, "Budget: 1100, as Ben says ".repeat(400), 3);
  save(`${right}/Minutes/2026-11-16.docx`, "Minutes, next ".repeat(500), 4);
  save(`${left}/Photos/entrance.jpg`, "not really a photo ".repeat(30_000), 5);
  Deno.removeSync(`${left}/Old notes.txt`);
  Deno.renameSync(`${right}/Phone list.txt`, `${right}/Telephone list.txt`);
}

const LINE = 19;
const LETTER = 8.43;
const EDGE = 18;

/** A terminal breaks lines that are longer. */
const LONGEST = /.{1,100}/g;

/** A terminal window with a text in it, as SVG. */
function terminal(title: string, text: string): string {
  const lines = text.trimEnd().split("\n").flatMap((line) =>
    line.match(LONGEST) ?? [""]
  );
  const width = Math.ceil(
    Math.max(...lines.map((line) => line.length)) * LETTER + 2 * EDGE,
  );
  const height = lines.length * LINE + 2 * EDGE + 34;
  const rows = lines.map((line, n) => {
    const kind = line.startsWith("$ ")
      ? ` class="said"`
      : /^\S.*: \d+/.test(line)
      ? ` class="head"`
      : "";
    const y = 34 + EDGE + (n + 0.75) * LINE;
    return `<text x="${EDGE}" y="${y}" xml:space="preserve"${kind}>${
      escaped(line)
    }</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
    escaped(title)
  }">
<style>
text { font: 14px "DejaVu Sans Mono", Consolas, Menlo, monospace; fill: #d7dde5; white-space: pre; }
.said { fill: #8fd18f; } .head { fill: #ffffff; font-weight: bold; } .title { fill: #9aa4b2; }
</style>
<rect width="100%" height="100%" rx="8" fill="#1b2028"/>
<rect width="100%" height="34" rx="8" fill="#272d37"/>
<circle cx="20" cy="17" r="6" fill="#ff5f57"/><circle cx="40" cy="17" r="6" fill="#febc2e"/><circle cx="60" cy="17" r="6" fill="#28c840"/>
<text class="title" x="${width / 2}" y="22" text-anchor="middle">${
    escaped(title)
  }</text>
${rows.join("\n")}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

remove(folder);
prepare();
Deno.mkdirSync(pictures, { recursive: true });
const page = `${folder}/plan.html`;
const told = officeSync("plan", "--report", page)
  .replaceAll(/^Log: .*\n?/gm, "");
Deno.writeTextFileSync(
  `${pictures}/terminal.svg`,
  terminal("office-sync plan", `$ office-sync plan\n${told}`),
);
await Browser.launch();
const browser = await Browser.start({
  viewport: { width: 1200, height: 820 },
  colorScheme: "light",
});
const { page: shown } = await browser.open(page);
await shown.screenshot({ path: `${pictures}/report.png` });

// A conflict in the panel: of two texts, as two people changed them.
const offer = (desks: number, price: string, end = "") =>
  `Offer for Miller\n\nDesks: ${desks}\nPrice: ${price}\n\nRegards\n${end}`;
Deno.writeTextFileSync(
  `${folder}/config.yaml`,
  "conflict_policy: { new_new: notify }\n",
  { append: true },
);
save(`${left}/Offers/Miller.txt`, offer(12, "4,500"), 3);
save(`${right}/Offers/Miller.txt`, offer(10, "4,800", "Anna\n"), 1);
officeSync();
const config = await loadConfig(`${folder}/config.yaml`);
await using server = new PanelServer(
  new PanelSite(config, filesHere(config.roots)),
  0,
);
Deno.writeTextFileSync(`${folder}/entry.html`, entryPage(server));
const { page: panel } = await browser.open(`${folder}/entry.html`);
await panel.getByRole("link", { name: "Offers/Miller.txt" }).click();
await panel.getByText("Choose").waitFor();
await panel.screenshot({ path: `${pictures}/panel.png`, fullPage: true });
remove(folder);
await Browser.quit();
