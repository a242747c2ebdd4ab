import assert from "node:assert/strict";
import { fromFileUrl } from "./support/urls.ts";

/**
 * Layers of `lib/`: a module may import from lower layers and, where they
 * are named in one line, from its own. What is not named here fails.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["types", "errors", "version", "system_errors", "printable", "called"],
  ["addresses"],
  ["skipped"],
  ["pieces", "cli_words", "executables", "unit_names", "windows_paths"],
  ["mail_blocks", "shell_words"],
  ["schedule_text"],
  ["html_style", "html_script"],
  // Pure: plain data in, plain data out.
  ["invocation"],
  ["paths", "names", "ignore", "figures", "inquiry", "rules", "state_schema"],
  ["folder_digest"],
  ["listing", "tree", "plan", "state_rows", "log_lines", "config_schema"],
  ["handed_config", "config_hints"],
  ["typed_path", "versions"],
  ["side_entries", "newer", "changes", "order", "renames", "cli", "fate"],
  ["pairing", "conflict_words", "contest"],
  ["verdict", "folders"],
  ["folder_renames"],
  ["merge", "clashes", "cases", "folder_actions", "run_result"],
  ["conflict", "draft_list", "settled_rows", "plan_counts"],
  ["clash_actions", "rename_actions", "record_view", "summary", "guard"],
  ["read_ahead"],
  ["file_actions", "settled_conflicts"],
  ["mail_words", "told_conflict", "troubles"],
  ["conflict_mail", "trouble_mail"],
  ["restored", "checks"],
  ["plan_builder", "report", "json_report", "report_rows", "report_folds"],
  ["sync_logic", "settlement", "html_report"],
  ["history_text", "conflicts_text", "explanation"],
  ["why_text"],
  // Input and output.
  ["interrupt", "network_roots", "inside", "links"],
  ["lookout", "chunks"],
  ["walk"],
  [
    "log_file",
    "own_files",
    "output",
    "meter",
    "progress",
    "html_page",
    "config_template",
  ],
  ["report_file"],
  ["config_places"],
  ["config_loader", "logging", "scanner", "state_db", "disk", "habits"],
  ["plain_config"],
  ["open_file"],
  ["record_digests", "contents", "attributes", "roots"],
  ["shared_copy"],
  ["copy_content", "copy_messages"],
  ["staged", "temporary_names"],
  ["staging"],
  ["bulk_insert", "standing"],
  [
    "scans",
    "scan_requests",
    "file_ops",
    "run_history",
    "record_store",
    "run_numbers",
    "witness",
  ],
  ["past_runs", "outcome_log", "config_lines"],
  ["soft_delete", "leftovers", "meeting"],
  ["mail_faults"],
  ["outbox", "mailer"],
  ["kept", "restore_targets", "state_place"],
  ["restoring"],
  // What carries a plan out, and the walls around it.
  ["performing", "sandbox"],
  ["copier", "clash_copier", "commits"],
  ["copy_batch", "performer", "outcomes"],
  ["copy_orders", "copy_threads", "threaded_copies", "large_copies"],
  ["scan_worker", "copy_worker"],
  ["executor"],
  // The stages in order, no rules.
  ["run_settings", "stop", "carry_out", "planning"],
  ["run"],
  ["retention", "asking", "mailing"],
  ["disk_checks"],
  ["root_checks", "state_checks"],
  ["sync", "launcher"],
  // The commands.
  [
    "sync_command",
    "history",
    "conflicts",
    "restore",
    "why",
    "doctor",
    "init",
    "schedule",
  ],
  ["program"],
  // What makes a binary and a portable folder of it.
  ["started_in", "making", "made_for"],
  ["compiling", "packaging"],
];

/** Layers up to this one are pure. */
const LAST_PURE = LAYERS.findIndex((names) => names.includes("why_text"));

const modules = [...Deno.readDirSync(fromFileUrl("../lib"))]
  .map(({ name }) => name.replace(/\.ts$/, "")).sort();

const layerOf = new Map(
  LAYERS.flatMap((names, layer) => names.map((name) => [name, layer])),
);

/** The code of a module, without comments: examples hold imports too. */
function codeOf(module: string): string {
  const text = Deno.readTextFileSync(fromFileUrl(`../lib/${module}.ts`));
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(
    /^\s*\/\/.*$/gm,
    "",
  );
}

/** What a module imports, types apart: those bind nothing at run time. */
function importsOf(module: string): string[] {
  const found = codeOf(module).matchAll(
    /(?:^|\n)(?:import|export)\s(?!type\s)(?:[^;]*?from\s)?"([^"]+)"/g,
  );
  const dynamic = codeOf(module).matchAll(/\bimport\(\s*"([^"]+)"/g);
  return [...found, ...dynamic].map(([, from]) => from ?? "");
}

Deno.test("every module of lib/ has its layer, and every layer its modules", () => {
  assert.deepEqual([...layerOf.keys()].sort(), modules);
});

for (const module of modules) {
  Deno.test(`${module}.ts imports only from layers below its own`, () => {
    const own = layerOf.get(module);
    assert.notEqual(own, undefined);
    for (const from of importsOf(module)) {
      const name = /^\.\/(.+)\.ts$/.exec(from)?.[1];
      if (name === undefined) continue;
      const layer = layerOf.get(name);
      assert.ok(
        layer !== undefined && layer < own!,
        `${module}.ts (layer ${own}) imports ${from} (layer ${layer})`,
      );
    }
  });
}

Deno.test("the pure layers touch neither Deno nor the system", () => {
  for (const names of LAYERS.slice(0, LAST_PURE + 1)) {
    for (const name of names) {
      const code = codeOf(name);
      assert.doesNotMatch(code, /\bDeno\.|\bfetch\(|\bDate\.now\(/, name);
      const allowed = /^(?:\.\/.*|valibot|node:path|node:util)$/;
      for (const from of importsOf(name)) assert.match(from, allowed, name);
    }
  }
});
