import fc from "fast-check";
import assert from "node:assert/strict";
import { parse } from "yaml";
import { loadConfig, parseConfig } from "../lib/config_loader.ts";
import { type Config, CONFIG_KEYS, valueOfKey } from "../lib/config_schema.ts";
import { ConfigError, EXIT } from "../lib/errors.ts";
import { PROPOSED, ROOTS, told } from "./support/config_lines.ts";
import { anyText as anyCharacters } from "./support/random_text.ts";

/** What a config file may say, and what is told about one that says otherwise. */

const MAIL = "smtp_host: h, from: a@b.c, to: a@b.c";
const SECTIONS = [...new Set(CONFIG_KEYS.map((key) => key.split(".")[0]!))]
  .filter((key) => CONFIG_KEYS.some((other) => other.startsWith(`${key}.`)));

const WHOLE =
  "a path in full, such as P:\\ or P:\\folder: without the backslash it is wherever a program happens to be on that drive";
const FOLDER =
  "the path of a folder, such as C:\\pdrive_local, P:\\ or \\\\server\\share, in single quotes or none";
const FILE =
  "the path of a file, such as logs/office-sync.log, in single quotes or none";
const EXTENSION =
  "one part of a name after its last dot, such as tmp, without wildcards, commas or blanks";
const NAME =
  "one name or its beginning, without folders, wildcards or blanks at its ends";
const ITSELF =
  "the path itself, such as /home/anna/office or C:\\Users\\anna\\office; variables and ~ are not filled in (what is really called so is written with ./ before it)";
const ADDRESS =
  "one address, such as office@example.com or Office <office@example.com>";
const ADDRESS_OF_MANY =
  `${ADDRESS}; several as a list: [a@example.com, b@example.com]`;
const HOST = "the name or IP address of the mail server, without a port";
const ROOT_KEYS =
  "left_root, right_root, soft_delete, conflict_policy, email, open_documents, ignore, state_db, logging, safety, monitor, sandbox, compare";
const MAIL_KEYS =
  "smtp_host, smtp_port, security, username, password, password_env, from, to, tell_after_hours, remind_days";
const ALONE = "alone; needed: password or password_env";
const QUOTES = "a value that begins like this must be put in quotes";
const ESCAPE =
  "in double quotes a backslash has a meaning of its own; use single quotes, or for a path such as C:\\pdrive_local none";

/** The config of the two roots and one more line. */
const withLine = (line: string): Promise<Config> =>
  parseConfig(`${ROOTS}${line}\n`, "/etc/office/c.yaml");

Deno.test("parseConfig() fills in every default", async () => {
  assert.deepEqual(await parseConfig(ROOTS, "C:\\office\\c.yaml"), {
    file: "C:\\office\\c.yaml",
    roots: { left: "C:\\pdrive_local", right: "P:\\" },
    softDelete: {
      enabled: true,
      maxSizeBytes: 20_971_520,
      retentionDays: 0,
      keepReplaced: false,
      maxTotalBytes: 0,
    },
    policies: {
      modify_modify: "clash",
      new_new: "clash",
      metadata_conflict: "clash",
    },
    email: null,
    openDocuments: "wait",
    ignore: {
      extensions: [],
      prefixes: [],
      names: [],
      junk: ["Thumbs.db", "desktop.ini", ".DS_Store"],
      paths: [],
    },
    stateDb: "C:\\office\\c.db",
    oldStateDb: "C:\\office\\office-sync.db",
    logging: {
      file: "C:\\office\\logs\\c.log",
      level: "info",
      maxSizeBytes: 10_485_760,
      maxFiles: 5,
    },
    safety: {
      maxDeletePercent: 50,
      maxDeleteFiles: 10,
      maxChangePercent: 50,
      maxChangeFiles: 200,
      whenAway: "stop",
      awayDays: 3,
    },
    monitor: null,
    networkRoots: "fence",
    compare: { verifyFirstRun: false, alwaysRead: [] },
  });
});

Deno.test("parseConfig() takes a section or list without entries as left out", async () => {
  const empty = SECTIONS.map((section) => `${section}:\n`).join("");
  assert.deepEqual(
    await parseConfig(ROOTS + empty, "/c.yaml"),
    await parseConfig(ROOTS, "/c.yaml"),
  );
  assert.deepEqual(
    (await withLine("ignore: {extensions: }")).ignore.extensions,
    [],
  );
});

// deno-fmt-ignore
const VALUES: [rule: string, line: string, pick: (config: Config) => unknown, value: unknown][] = [
  ["sizes in whole bytes", "soft_delete: {max_size_mb: 0.3}", (it) => it.softDelete.maxSizeBytes, 314_572],
  ["0 as a size", "soft_delete: {max_size_mb: 0}", (it) => it.softDelete.maxSizeBytes, 0],
  ["0 and 100 as percent", "safety: {max_delete_percent: 0, max_change_percent: 100}", (it) => [it.safety.maxDeletePercent, it.safety.maxChangePercent], [0, 100]],
  ["counts of 0", "safety: {max_delete_files: 0, max_change_files: 0}", (it) => [it.safety.maxDeleteFiles, it.safety.maxChangeFiles], [0, 0]],
  ["one log file", "logging: {max_files: 1, level: debug}", (it) => [it.logging.maxFiles, it.logging.level], [1, "debug"]],
  ["each policy", "conflict_policy: {new_new: notify, metadata_conflict: overwrite}", (it) => it.policies, { modify_modify: "clash", new_new: "notify", metadata_conflict: "overwrite" }],
  ["a side that always wins", "conflict_policy: {modify_modify: left, new_new: right}", (it) => it.policies, { modify_modify: "left", new_new: "right", metadata_conflict: "clash" }],
  ["extensions with or without dot, in any case", "ignore: {extensions: [tmp, .BAK, 'Ä']}", (it) => it.ignore.extensions, ["tmp", "bak", "ä"]],
  ["extensions that are always read", "compare: {always_read: [.XLS], verify_first_run: true}", (it) => it.compare, { verifyFirstRun: true, alwaysRead: ["xls"] }],
  ["names as they are written", "ignore: {filenames_prefix: [~$], filenames_exact: [Thumbs.db, '123']}", (it) => [it.ignore.prefixes, it.ignore.names], [["~$"], ["Thumbs.db", "123"]]],
  ["names with a comma, and beginnings of all kinds", "ignore: {filenames_prefix: [., 'Meier,', '1. Teil, 2. Teil'], filenames_exact: ['Meier, Anna.docx', $RECYCLE.BIN, '#recycle', '@eaDir']}", (it) => [it.ignore.prefixes, it.ignore.names], [[".", "Meier,", "1. Teil, 2. Teil"], ["Meier, Anna.docx", "$RECYCLE.BIN", "#recycle", "@eaDir"]]],
  ["patterns as they are written", "ignore: {paths: ['/Archive/', '*.bak', '!keep.bak', 'a\\ ', '\\#x', '\\!y', '**/z/*', 'a/**', '[!a-c]x', '[]]', '[[:digit:]]', 'a\\[b', ' a', 'a?', '.env', 'ü']}", (it) => it.ignore.paths.length, 16],
  ["no patterns", "ignore: {paths: }", (it) => it.ignore.paths, []],
  ["junk of one's own in place of the default", "ignore: {junk: [Cache.db]}", (it) => it.ignore.junk, ["Cache.db"]],
  ["no junk at all", "ignore: {junk: []}", (it) => it.ignore.junk, []],
  ["junk whose line has no entries as left out", "ignore: {junk: }", (it) => it.ignore.junk.length, 3],
  ["network roots", "sandbox: {network_roots: refuse}", (it) => it.networkRoots, "refuse"],
  ["what network roots were called before", "sandbox: {network_roots: allow_all}", (it) => it.networkRoots, "allow_all"],
  ["mail without login", `email: {${MAIL}}`, (it) => it.email, { smtpHost: "h", smtpPort: 587, security: "starttls", username: null, password: null, passwordEnv: null, from: "a@b.c", to: ["a@b.c"], tellAfterHours: 24, remindDays: 7 }],
  ["mail with a password", `email: {${MAIL}, username: u, password: '*p"#', smtp_port: 465, security: tls}`, (it) => [it.email?.username, it.email?.password, it.email?.smtpPort, it.email?.security], ["u", '*p"#', 465, "tls"]],
  ["the variable with the password, unread", `email: {${MAIL}, username: u, password_env: NO_SUCH_1}`, (it) => [it.email?.password, it.email?.passwordEnv], [null, "NO_SUCH_1"]],
  ["a mail server in letters of any script", "email: {smtp_host: mail.Müller.example, from: sync@müller.example, to: a@b.c}", (it) => [it.email?.smtpHost, it.email?.from], ["mail.xn--mller-kva.example", "sync@müller.example"]],
  ["names of senders with any signs", "email: {smtp_host: h, from: 'Office: Sync (Köln) <a@b.c>', to: ['\"a@b, \\\"c\\\"\" <a@b.c>']}", (it) => [it.email?.from, it.email?.to], ["Office: Sync (Köln) <a@b.c>", ['"a@b, \\"c\\"" <a@b.c>']]],
  ["a list of addresses", "email: {smtp_host: ::1, from: 'A B <a@b.c>', to: [a@b.c, '\"B, C\" <b@c>']}", (it) => it.email?.to, ["a@b.c", '"B, C" <b@c>']],
];
for (const [rule, line, pick, value] of VALUES) {
  Deno.test(`parseConfig() takes ${rule}`, async () => {
    assert.deepEqual(pick(await withLine(line)), value);
  });
}

// deno-fmt-ignore
const PATHS: [written: string, file: string, resolved: string][] = [
  ["C:\\x", "/etc/c.yaml", "C:\\x"], ["C:\\x\\", "/etc/c.yaml", "C:\\x"], ["C:/x/y/", "/etc/c.yaml", "C:\\x\\y"],
  ["p:\\", "/etc/c.yaml", "p:\\"], ["\\\\srv\\share", "/etc/c.yaml", "\\\\srv\\share"], ["\\\\srv\\share\\", "/etc/c.yaml", "\\\\srv\\share"],
  ["\\\\srv\\share\\a\\", "/etc/c.yaml", "\\\\srv\\share\\a"], ["\\\\?\\C:\\", "/etc/c.yaml", "C:\\"], ["'C:\\a b # c'", "/etc/c.yaml", "C:\\a b # c"],
  ['"C:\\\\x"', "/etc/c.yaml", "C:\\x"], ["data", "C:\\o\\c.yaml", "C:\\o\\data"], ["..\\data", "C:\\o\\c.yaml", "C:\\data"],
  // A prefix says nothing else.
  ["\\\\?\\C:\\x\\", "/etc/c.yaml", "C:\\x"], ["\\\\.\\p:/", "/etc/c.yaml", "p:\\"], ["\\\\?\\UNC\\srv\\share\\a", "/etc/c.yaml", "\\\\srv\\share\\a"], ["\\\\.\\unc\\srv\\share\\", "/etc/c.yaml", "\\\\srv\\share"],
  ["data", "\\\\?\\C:\\o\\c.yaml", "C:\\o\\data"], ["..\\data", "\\\\?\\UNC\\srv\\share\\o\\c.yaml", "\\\\srv\\share\\data"],
  // What only looks like something that a shell fills in.
  ["'\\\\srv\\c$\\x'", "/etc/c.yaml", "\\\\srv\\c$\\x"], ["C:\\100% Rabatt\\50%\\x", "/etc/c.yaml", "C:\\100% Rabatt\\50%\\x"], ["C:\\$RECYCLE.BIN\\x", "/etc/c.yaml", "C:\\$RECYCLE.BIN\\x"],
  ["C:\\LANGER~1\\x", "/etc/c.yaml", "C:\\LANGER~1\\x"], ["C:\\PREIS$EUR", "/etc/c.yaml", "C:\\PREIS$EUR"], ["C:\\a\\.\\$HOME", "/etc/c.yaml", "C:\\a\\$HOME"], [".\\~", "C:\\o\\c.yaml", "C:\\o\\~"],
];
const POSIX_PATHS: typeof PATHS = [
  ["/srv/x/", "/etc/c.yaml", "/srv/x"],
  ["data/", "/etc/o/c.yaml", "/etc/o/data"],
  ["../d", "/etc/o/c.yaml", "/etc/d"],
  [".", "/etc/o/c.yaml", "/etc/o"],
  ["data", "c.yaml", `${Deno.cwd()}/data`],
];
const isWindows = Deno.build.os === "windows";
for (
  const [written, file, resolved] of [...PATHS, ...isWindows ? [] : POSIX_PATHS]
) {
  Deno.test(`parseConfig() resolves ${written} in ${file} to ${resolved}`, async () => {
    const own = "state_db: Z:\\x.db\nlogging: {file: Z:\\x.log}";
    const text = `left_root: ${written}\nright_root: Q:\\\n${own}`;
    assert.equal((await parseConfig(text, file)).roots.left, resolved);
  });
}

/** Key by key a value of the wrong type, and what is told about it. */
// deno-fmt-ignore
const WRONG: Record<string, [value: string, message: string]> = {
  left_root: ["2024", `found 2024, put it in quotes; allowed: ${FOLDER}`],
  right_root: ["[P]", `found a list; allowed: ${FOLDER}`],
  soft_delete: ["true", "found a boolean, not shown; allowed: a section with the keys enabled, max_size_mb, retention_days, keep_replaced, max_total_mb"],
  "soft_delete.enabled": ["yes", 'found "yes"; allowed: true or false'],
  "soft_delete.max_size_mb": ["20MB", 'found "20MB"; allowed: a number of MB, 0 or more'],
  "soft_delete.retention_days": ["1.5", "found 1.5; allowed: a whole number of days, 0 or more"],
  "soft_delete.keep_replaced": ["0", "found 0; allowed: true or false"],
  "soft_delete.max_total_mb": ["-1", "found -1; allowed: a number of MB, 0 or more"],
  conflict_policy: ["clash", "found a text, not shown; allowed: a section with the keys modify_modify, new_new, metadata_conflict"],
  "conflict_policy.modify_modify": ["merge", 'found "merge"; allowed: clash, notify, overwrite, left, right'],
  "conflict_policy.new_new": ["1", "found 1; allowed: clash, notify, overwrite, left, right"],
  "conflict_policy.metadata_conflict": ["Clash", 'found "Clash"; allowed: clash, notify, overwrite, left, right'],
  email: ["a@b.c", `found a text, not shown; allowed: a section with the keys ${MAIL_KEYS}`],
  "email.smtp_host": ["'mail:587'", `found "mail:587"; allowed: ${HOST}`],
  "email.smtp_port": ["'587'", 'found "587"; allowed: a whole number from 1 to 65535'],
  "email.security": ["ssl", 'found "ssl"; allowed: starttls, tls, none'],
  "email.username": ["007", "found 007, put it in quotes; allowed: the name to log in with"],
  "email.password": ["12345", "found a number, not shown, put it in quotes; allowed: a text"],
  "email.password_env": ["pass-word", "found a text, not shown; allowed: the name of an environment variable: letters, digits and _, not beginning with DENO_, NODE_ or OTEL_"],
  "email.from": ["[a@b.c]", `found a list; allowed: ${ADDRESS}`],
  "email.to": ["{a: b}", "found a section; allowed: one address or a list of them"],
  "email.tell_after_hours": ["1.5", "found 1.5; allowed: a whole number of hours, 0 or more"],
  "email.remind_days": ["weekly", 'found "weekly"; allowed: a whole number of days, 0 or more'],
  open_documents: ["true", "found true; allowed: wait, ignore"],
  ignore: ["[tmp]", "found a list; allowed: a section with the keys extensions, filenames_prefix, filenames_exact, junk, paths"],
  "ignore.extensions": ["tmp", 'found "tmp"; allowed: a list of texts'],
  "ignore.filenames_prefix": ["{a: b}", "found a section; allowed: a list of texts"],
  "ignore.filenames_exact": ["1", "found 1; allowed: a list of texts"],
  "ignore.junk": ["Thumbs.db", 'found "Thumbs.db"; allowed: a list of texts'],
  "ignore.paths": ["'*.bak'", 'found "*.bak"; allowed: a list of texts'],
  state_db: ["", `found nothing; allowed: ${FILE}`],
  logging: ["info", "found a text, not shown; allowed: a section with the keys file, level, max_size_mb, max_files"],
  "logging.file": ["true", `found true, put it in quotes; allowed: ${FILE}`],
  "logging.level": ["warn", 'found "warn"; allowed: debug, info, warning, error'],
  "logging.max_size_mb": ["0", "found 0; allowed: a number of MB above 0"],
  "logging.max_files": ["0", "found 0; allowed: a whole number from 1 to 100"],
  safety: ["50", "found a number, not shown; allowed: a section with the keys max_delete_percent, max_delete_files, max_change_percent, max_change_files, when_away, away_days"],
  "safety.max_delete_percent": ["50%", 'found "50%"; allowed: a number from 0 to 100'],
  "safety.max_delete_files": ["many", 'found "many"; allowed: a whole number, 0 or more'],
  "safety.max_change_percent": ["100.1", "found 100.1; allowed: a number from 0 to 100"],
  "safety.max_change_files": ["-1", "found -1; allowed: a whole number, 0 or more"],
  "safety.when_away": ["Wait", 'found "Wait"; allowed: stop, wait'],
  "safety.away_days": ["0", "found 0; allowed: a whole number of days, 1 or more"],
  monitor: ["https://hc-ping.com/x", "found a text, not shown; allowed: a section with the keys ping_url, fail_url"],
  "monitor.ping_url": ["hc-ping.com", "found a text, not shown; allowed: an address that begins with https:// or http://, without a login, # or blanks"],
  "monitor.fail_url": ["1", "found a number, not shown, put it in quotes; allowed: an address that begins with https:// or http://, without a login, # or blanks"],
  sandbox: ["refuse", "found a text, not shown; allowed: a section with the keys network_roots"],
  "sandbox.network_roots": ["allow", 'found "allow"; allowed: fence, refuse'],
  compare: ["1", "found a number, not shown; allowed: a section with the keys verify_first_run, always_read"],
  "compare.verify_first_run": ["'true'", 'found "true"; allowed: true or false'],
  "compare.always_read": ["xls", 'found "xls"; allowed: a list of texts'],
};

/** A config whose last line gives a key a value, and where the value stands. */
function withValue(key: string, value: string): { text: string; at: string } {
  const [section, inner] = key.split(".") as [string, string?];
  const place = (start: string) => value === "" ? 1 : start.length + 1;
  if (inner === undefined) {
    const others = ROOTS.split("\n").filter((line) => !line.startsWith(key));
    const text = [...others.filter(Boolean), `${key}: ${value}`];
    return { text: text.join("\n"), at: `${text.length}:${place(`${key}: `)}` };
  }
  const login = inner.startsWith("password") ? "username: u" : "password: x";
  const rest = MAIL.split(", ").filter((pair) => !pair.startsWith(`${inner}:`));
  const more = inner === "username" || inner.startsWith("password")
    ? [login]
    : [];
  const pairs = section === "email" ? [...rest, ...more] : [];
  const start = `${section}: {${inner}: `;
  const text = `${ROOTS}${start}${[value, ...pairs].join(", ")}}`;
  return { text, at: `3:${place(start)}` };
}

Deno.test("parseConfig() is tried with a wrong value for every key there is", () => {
  assert.deepEqual(Object.keys(WRONG), CONFIG_KEYS);
});
for (const [key, [value, message]] of Object.entries(WRONG)) {
  Deno.test(`parseConfig() refuses ${key}: ${value || "nothing"}`, async () => {
    const { text, at } = withValue(key, value);
    assert.deepEqual(await told(text), [`c.yaml:${at}: ${key}: ${message}`]);
  });
}

// deno-fmt-ignore
const REFUSED: [rule: string, text: string, lines: string[]][] = [
  ["an empty file", "", ["1:1: found nothing; allowed: keys with values, at least left_root and right_root"]],
  ["a file of comments", "# a\n", ["1:1: found nothing; allowed: keys with values, at least left_root and right_root"]],
  ["a list", "\n- a: 1\n", ["2:1: found a list; allowed: keys with values, at least left_root and right_root"]],
  ["a text", "password=x", ["1:1: found a text, not shown; allowed: keys with values, at least left_root and right_root"]],
  ["a file without roots", "# c\nstate_db: x\n", [`2:1: left_root: missing; needed: ${FOLDER}`, `2:1: right_root: missing; needed: ${FOLDER}`]],
  ["empty paths", "left_root: ''\nright_root: \"\"\nstate_db: ''", [`1:12: left_root: found ""; allowed: ${FOLDER}`, `2:13: right_root: found ""; allowed: ${FOLDER}`, `3:11: state_db: found ""; allowed: ${FILE}`]],
  ["a variable that is cleared before a run", `${ROOTS}${"email: {password_env: node_options, username: u, "}${MAIL}}`, ['3:23: email.password_env: found a text, not shown; allowed: the name of an environment variable: letters, digits and _, not beginning with DENO_, NODE_ or OTEL_']],
  ["a drive without a place on it", "left_root: 'P:'\nright_root: P:x", [`1:12: left_root: found "P:"; allowed: ${WHOLE}`, `2:13: right_root: found "P:x"; allowed: ${WHOLE}`]],
  ["a drive without a place on it and without quotes", "left_root: P:\nright_root: /r", [`1:12: left_root: found "P:"; allowed: ${WHOLE}`]],
  ["the same before a comment", "left_root: /l\nright_root:  c:  # mine\nstate_db: x", [`2:14: right_root: found "c:"; allowed: ${WHOLE}`]],
  ["a blank at the end of a Windows path", "left_root: 'C:\\data '\nright_root: 'P:\\a. \\b.'", ['1:12: left_root: found "C:\\data "; allowed: "C:\\data", without blank or dot at the end of a name', '2:13: right_root: found "P:\\a. \\b."; allowed: "P:\\a\\b", without blank or dot at the end of a name']],
  ["devices of Windows", "left_root: C:\\con\nright_root: P:\\x\nstate_db: 'C:\\nul'\nlogging: {file: 'C:\\logs\\AUX.log'}", ['1:12: left_root: found "C:\\con"; allowed: another name, as con is a device of Windows', '3:11: state_db: found "C:\\nul"; allowed: another name, as nul is a device of Windows', '4:17: logging.file: found "C:\\logs\\AUX.log"; allowed: another name, as AUX.log is a device of Windows']],
  ["what no Windows path holds", "left_root: 'C:\\a:b'\nright_root: 'P:\\a\\*'", ['1:12: left_root: found "C:\\a:b"; allowed: names without :, which no name on Windows holds', '2:13: right_root: found "P:\\a\\*"; allowed: names without *, which no name on Windows holds']],
  ["prefixes that lead to no drive and no share", "left_root: '\\\\?\\Volume{1-2}\\x'\nright_root: \\\\.\\pipe\\x", ['1:12: left_root: found "\\\\?\\Volume{1-2}\\x"; allowed: a path that begins with a drive or a share, such as C:\\folder or \\\\server\\share', '2:13: right_root: found "\\\\.\\pipe\\x"; allowed: a path that begins with a drive or a share, such as C:\\folder or \\\\server\\share']],
  ["half a share", "left_root: \\\\srv\nright_root: \\srv\\x", [`1:12: left_root: found "\\\\srv"; allowed: ${FOLDER}`, `2:13: right_root: found "\\srv\\x"; allowed: ${FOLDER}`]],
  ["a folder as a file", `${ROOTS}logging:\n  file: logs/\n`, [`4:9: logging.file: found "logs/"; allowed: ${FILE}`]],
  ["a mail section without its keys", `${ROOTS}email: {}`, [`3:1: email.smtp_host: missing; needed: ${HOST}`, `3:1: email.from: missing; needed: ${ADDRESS}`, "3:1: email.to: missing; needed: one address or a list of them"]],
  ["no receiver at all", `${ROOTS}email: {smtp_host: h, from: a@b.c, to: []}`, ["3:40: email.to: found an empty list; allowed: one address or a list of them"]],
  ["what is no address", `${ROOTS}email: {smtp_host: h, from: a@, to: [a@b@c, 'a@b, c@d', A <b>, 5, 'A, B <a@b>']}`, [
    `3:29: email.from: found "a@"; allowed: ${ADDRESS}`, `3:38: email.to: found "a@b@c"; allowed: ${ADDRESS_OF_MANY}`, `3:45: email.to: found "a@b, c@d"; allowed: ${ADDRESS_OF_MANY}`,
    `3:57: email.to: found "A <b>"; allowed: ${ADDRESS_OF_MANY}`, `3:64: email.to: found 5, put it in quotes; allowed: ${ADDRESS_OF_MANY}`, `3:67: email.to: found "A, B <a@b>"; allowed: ${ADDRESS_OF_MANY}`]],
  ["a host that would open more of the network, in other letters", `${ROOTS}email: {smtp_host: 'ä,b', from: 'a@ä..b', to: a@b.c}`, [`3:20: email.smtp_host: found "ä,b"; allowed: ${HOST}`, `3:33: email.from: found "a@ä..b"; allowed: ${ADDRESS}`]],
  ["a host that would open more of the network", `${ROOTS}email: {smtp_host: 'a,b', from: a@b.c, to: a@b.c}`, [`3:20: email.smtp_host: found "a,b"; allowed: ${HOST}`]],
  ["two passwords", `${ROOTS}email: {${MAIL}, username: u, password: x, password_env: X}`, ["3:87: email.password_env: beside password; allowed: one of the two"]],
  ["a username alone", `${ROOTS}email: {${MAIL}, username: u}`, [`3:57: email.username: ${ALONE}`]],
  ["a password alone", `${ROOTS}email: {${MAIL}, password: x}`, ["3:57: email.password: alone; needed: username"]],
  ["a port out of range", `${ROOTS}email: {${MAIL}, smtp_port: 65536}`, ["3:58: email.smtp_port: found 65536; allowed: a whole number from 1 to 65535"]],
  ["numbers that are none", `${ROOTS}soft_delete: {max_size_mb: .inf}\nsafety: {max_delete_percent: .nan}`, ["3:28: soft_delete.max_size_mb: found .inf; allowed: a number of MB, 0 or more", "4:30: safety.max_delete_percent: found .nan; allowed: a number from 0 to 100"]],
  ["entries that are no texts", `${ROOTS}ignore:\n  extensions: [123, true, '']\n  filenames_exact:\n    - ~\n`, [
    `4:16: ignore.extensions: found 123, put it in quotes; allowed: ${EXTENSION}`, `4:21: ignore.extensions: found true, put it in quotes; allowed: ${EXTENSION}`,
    `4:27: ignore.extensions: found ""; allowed: ${EXTENSION}`, `6:7: ignore.filenames_exact: found nothing; allowed: ${NAME}`]],
  ["entries that would never match", `${ROOTS}ignore:\n  extensions: ['*.tmp', tar.gz, .]\n  filenames_prefix: ['a/b', '~*']`, [
    `4:16: ignore.extensions: found "*.tmp"; allowed: ${EXTENSION}`, `4:25: ignore.extensions: found "tar.gz"; allowed: ${EXTENSION}`, `4:33: ignore.extensions: found "."; allowed: ${EXTENSION}`,
    `5:22: ignore.filenames_prefix: found "a/b"; allowed: ${NAME}`, `5:29: ignore.filenames_prefix: found "~*"; allowed: ${NAME}`]],
  ["several entries in one", `${ROOTS}ignore:\n  extensions: ['tmp, bak', tmp;bak, tmp bak, 'tmp|bak']\n  filenames_prefix: ['~$, .~lock.', '~$;~WRL']\n  filenames_exact: ['Thumbs.db, desktop.ini', 'a.db;b.ini', '.DS_Store,#recycle']\ncompare: {always_read: ['xls, doc']}`, [
    `4:16: ignore.extensions: found "tmp, bak"; allowed: ${EXTENSION}`, `4:28: ignore.extensions: found "tmp;bak"; allowed: ${EXTENSION}`, `4:37: ignore.extensions: found "tmp bak"; allowed: ${EXTENSION}`, `4:46: ignore.extensions: found "tmp|bak"; allowed: ${EXTENSION}`,
    `5:22: ignore.filenames_prefix: found "~$, .~lock."; allowed: ${NAME}`, `5:37: ignore.filenames_prefix: found "~$;~WRL"; allowed: ${NAME}`,
    `6:21: ignore.filenames_exact: found "Thumbs.db, desktop.ini"; allowed: ${NAME}`, `6:47: ignore.filenames_exact: found "a.db;b.ini"; allowed: ${NAME}`, `6:61: ignore.filenames_exact: found ".DS_Store,#recycle"; allowed: ${NAME}`,
    `7:25: compare.always_read: found "xls, doc"; allowed: ${EXTENSION}`]],
  ["entries with blanks at their ends, and folders that every folder has", `${ROOTS}ignore:\n  extensions: [' tmp', '.bak ']\n  filenames_prefix: ['~$ ', "\\t~"]\n  filenames_exact: [' x', 'x ', '..', 'a\\b']`, [
    `4:16: ignore.extensions: found " tmp"; allowed: ${EXTENSION}`, `4:24: ignore.extensions: found ".bak "; allowed: ${EXTENSION}`,
    `5:22: ignore.filenames_prefix: found "~$ "; allowed: ${NAME}`, `5:29: ignore.filenames_prefix: found "\\t~"; allowed: ${NAME}`,
    `6:21: ignore.filenames_exact: found " x"; allowed: ${NAME}`, `6:27: ignore.filenames_exact: found "x "; allowed: ${NAME}`, `6:33: ignore.filenames_exact: found ".."; allowed: ${NAME}`, `6:39: ignore.filenames_exact: found "a\\b"; allowed: ${NAME}`]],
  ["several addresses in one", `${ROOTS}email: {smtp_host: h, from: a@b.c, to: 'a@b.c; d@e.f'}`, [`3:40: email.to: found "a@b.c; d@e.f"; allowed: ${ADDRESS_OF_MANY}`]],
  ...[
    ["$HOME/office", '"$HOME/office"'], ["${HOME}/office", '"${HOME}/office"'], ["/home/$USER/office", '"/home/$USER/office"'], ["/srv/office-${USER}", '"/srv/office-${USER}"'],
    ["/srv/office_$USER", '"/srv/office_$USER"'], ["$env:USERPROFILE\\office", '"$env:USERPROFILE\\office"'], ["'%USERPROFILE%\\office'", '"%USERPROFILE%\\office"'], ["C:\\Users\\%USERNAME%\\office", '"C:\\Users\\%USERNAME%\\office"'],
    ["'%ProgramFiles(x86)%\\a'", '"%ProgramFiles(x86)%\\a"'], ["~/office", '"~/office"'], ["~anna/office", '"~anna/office"'], ["'~\\office'", '"~\\office"'], ["'~'", '"~"'], ["$(pwd)/office", '"$(pwd)/office"'],
  ].flatMap(([written, found]): [string, string, string[]][] => [
    [`what only a shell fills in, as a root: ${written}`, `left_root: ${written}\nright_root: P:\\`, [`1:12: left_root: found ${found}; allowed: ${ITSELF}`]],
    ...written === "'~'" ? [] : [[`what only a shell fills in, as a file: ${written}`, `${ROOTS}state_db: ${written}\nlogging: {file: ${/[{}]/.test(written!) ? `'${written}'` : written}}`, [`3:11: state_db: found ${found}; allowed: ${ITSELF}`, `4:17: logging.file: found ${found}; allowed: ${ITSELF}`]] as [string, string, string[]]],
  ]),
  ["a variable that YAML refuses before", "left_root: %USERPROFILE%\\office\nright_root: P:\\", [`1:12: left_root: ${QUOTES}; variables such as %USERPROFILE% are not filled in: write the path itself`]],
  ["unknown keys at any depth", `${ROOTS}Left-Root: x\nsoft_delete:\n  enable: true\n  __proto__: {}\nconstructor: 1\n`, [
    "3:1: Left-Root: unknown key; did you mean left_root?", "5:3: soft_delete.enable: unknown key; did you mean enabled?",
    "6:3: soft_delete.__proto__: unknown key; allowed: enabled, max_size_mb, retention_days, keep_replaced, max_total_mb",
    "7:1: constructor: unknown key; allowed: left_root, right_root, soft_delete, conflict_policy, email, open_documents, ignore, state_db, logging, safety, monitor, sandbox, compare"]],
  ["keys that every object has, each with its place", `${ROOTS}email:\n  toString: 1\n  to: x\n  prototype: 2\n  length: 3\nhasOwnProperty: 1\n1: x\n`, [
    `3:1: email.smtp_host: missing; needed: ${HOST}`, `3:1: email.from: missing; needed: ${ADDRESS}`,
    `4:3: email.toString: unknown key; allowed: ${MAIL_KEYS}`, `5:7: email.to: found "x"; allowed: ${ADDRESS_OF_MANY}`,
    `6:3: email.prototype: unknown key; allowed: ${MAIL_KEYS}`, `7:3: email.length: unknown key; allowed: ${MAIL_KEYS}`,
    `8:1: hasOwnProperty: unknown key; allowed: ${ROOT_KEYS}`, `9:1: 1: unknown key; allowed: ${ROOT_KEYS}`]],
  ["a path of keys as a key", `${ROOTS}logging.file: x\nemail: {email.to: x, ${MAIL}}`, [`3:1: logging.file: unknown key; allowed: ${ROOT_KEYS}`, `4:9: email.email.to: unknown key; allowed: ${MAIL_KEYS}`]],
  ["what is missing before what is unknown at the same place", "x: 1\ny: 2", [
    `1:1: left_root: missing; needed: ${FOLDER}`, `1:1: right_root: missing; needed: ${FOLDER}`, `1:1: x: unknown key; allowed: ${ROOT_KEYS}`, `2:1: y: unknown key; allowed: ${ROOT_KEYS}`]],
  ["nothing where a value belongs", `${ROOTS}state_db: ~\nsoft_delete: {enabled: , max_size_mb: ~}\nlogging: {level: null, max_files: }\nemail: {smtp_host: , from: ~, to: ~, username: , password: ~}`, [
    `3:11: state_db: found nothing; allowed: ${FILE}`, "4:15: soft_delete.enabled: found nothing; allowed: true or false", "4:39: soft_delete.max_size_mb: found nothing; allowed: a number of MB, 0 or more",
    "5:18: logging.level: found nothing; allowed: debug, info, warning, error", "5:24: logging.max_files: found nothing; allowed: a whole number from 1 to 100",
    `6:9: email.smtp_host: found nothing; allowed: ${HOST}`, `6:28: email.from: found nothing; allowed: ${ADDRESS}`, "6:35: email.to: found nothing; allowed: one address or a list of them",
    "6:38: email.username: found nothing; allowed: the name to log in with", "6:60: email.password: found nothing; allowed: a text"]],
  ["fractions, and numbers beyond counting, each once", `${ROOTS}safety: {max_delete_files: -0.5, max_change_files: 9007199254740992}\nlogging: {max_files: 1.5, max_size_mb: 8589934592}\nsoft_delete: {retention_days: 1e300}`, [
    "3:28: safety.max_delete_files: found -0.5; allowed: a whole number, 0 or more", "3:52: safety.max_change_files: found 9007199254740992; allowed: a whole number, 0 or more",
    "4:22: logging.max_files: found 1.5; allowed: a whole number from 1 to 100", "4:40: logging.max_size_mb: found 8589934592; allowed: a number of MB above 0",
    "5:31: soft_delete.retention_days: found 1e300; allowed: a whole number of days, 0 or more"]],
  ["lists and sections in each other's place", `${ROOTS}soft_delete: []\nlogging: {file: {a: 1}, level: [info]}\nignore: {extensions: {a: b}, filenames_exact: [[a], {b: c}]}\nsandbox: [x]`, [
    "3:14: soft_delete: found an empty list; allowed: a section with the keys enabled, max_size_mb, retention_days, keep_replaced, max_total_mb", `4:17: logging.file: found a section; allowed: ${FILE}`,
    "4:32: logging.level: found a list; allowed: debug, info, warning, error", "5:22: ignore.extensions: found a section; allowed: a list of texts",
    `5:48: ignore.filenames_exact: found a list; allowed: ${NAME}`, `5:53: ignore.filenames_exact: found a section; allowed: ${NAME}`, "6:10: sandbox: found a list; allowed: a section with the keys network_roots"]],
  ["its own files inside a root", "left_root: C:\\a\nright_root: P:\\\nstate_db: c:\\A\\x\\s.db\nlogging: {file: 'P:\\l.log'}", ['3:11: state_db: "c:\\A\\x\\s.db" lies in left_root; allowed: outside both roots', '4:17: logging.file: "P:\\l.log" lies in right_root; allowed: outside both roots']],
  ["what is shown in one line and short", `${ROOTS}state_db: "a\\nb\\x1b[2J/"\n"k\\re":\n"${"x".repeat(70)}": 1`, [
    `3:11: state_db: found "a\\nb\\u001b[2J/"; allowed: ${FILE}`, "4:1: k\\re: unknown key; allowed: " + ROOT_KEYS, `5:1: ${"x".repeat(60)}…: unknown key; allowed: ${ROOT_KEYS}`]],
  ["everything at once, in the order of the file", "right_root: 1\nlogging: {level: loud}\nemail:\n  to: x\n  username: u\nleft_rot: x\n", [
    `1:1: left_root: missing; needed: ${FOLDER}`, `1:13: right_root: found 1, put it in quotes; allowed: ${FOLDER}`, '2:18: logging.level: found "loud"; allowed: debug, info, warning, error',
    `3:1: email.smtp_host: missing; needed: ${HOST}`, `3:1: email.from: missing; needed: ${ADDRESS}`, `4:7: email.to: found "x"; allowed: ${ADDRESS_OF_MANY}`, `5:13: email.username: ${ALONE}`, "6:1: left_rot: unknown key; did you mean left_root?"]],
  // From here on it is YAML that refuses, and nothing else is told.
  ["a key that stands twice", `${ROOTS}logging:\n  level: info\n  level: x\n`, ["5:3: level: the same key again; remove one of the two"]],
  ["a Windows path in double quotes", 'left_root: "C:\\pdrive_local"\nright_root: 1', [`1:15: left_root: ${ESCAPE}`]],
  ["a Windows path that double quotes mangled", 'left_root: "C:\\new"\nright_root: "P:\\Program"', [`1:12: left_root: found "C:\\new"; allowed: ${FOLDER}`, `2:13: right_root: found "P:\\u2029rogram"; allowed: ${FOLDER}`]],
  ["wildcards and other beginnings that YAML takes for its own", `${ROOTS}ignore:\n  extensions:\n    - *.tmp\n    - &a b\n    - !c d\n    - @e`, [`5:7: ${QUOTES}`, `6:10: ${QUOTES}`, `7:7: ${QUOTES}`, `8:7: ${QUOTES}`]],
  ["a tab as indentation", `${ROOTS}safety:\n\tmax_delete_files: 1`, ["4:1: max_delete_files: a tab at the beginning of a line; indent with spaces"]],
  ["wrong indentation", `${ROOTS}safety:\n  max_delete_files: 1\n max_change_files: 1`, ["5:1: max_change_files: indented wrongly, or a bracket is not closed"]],
  ["an open quote", `${ROOTS}state_db: 'x\n`, ["4:1: a quote or bracket is not closed, or a colon or space missing"]],
  ["a line that is no key", `${ROOTS}hello\nstate_db: x`, ["3:1: not readable as YAML; expected: key: value, well indented"]],
  ["a second document", `${ROOTS}---\na: 1`, ["3:1: a second document begins here; a config is one document"]],
  ["a key that is a list", `${ROOTS}? [a]\n: 1`, ["3:3: not readable as YAML; expected: key: value, well indented"]],
];
for (const [rule, text, lines] of REFUSED) {
  Deno.test(`parseConfig() refuses ${rule}`, async () => {
    assert.deepEqual(await told(text), lines.map((line) => `c.yaml:${line}`));
  });
}

Deno.test("parseConfig() counts columns as an editor does after a byte order mark", async () => {
  assert.deepEqual(
    (await told(`\uFEFFx: 1\r\n${ROOTS}`))[0]!.slice(0, 11),
    "c.yaml:1:1:",
  );
});

// deno-fmt-ignore
const ODD: [what: string, text: string, line: string][] = [
  ["an end before the beginning", `...\n${ROOTS}`, "2:1: left_root: a second document begins here; a config is one document"],
  ["line breaks of an old Mac", `${ROOTS}\r`, "3:1: a quote or bracket is not closed, or a colon or space missing"],
  ["an alias", `left_root: &a /l\nright_root: *a\n`, `1:15: left_root: ${QUOTES}`],
  ["a tag", `left_root: !!str 5\nright_root: /r\n`, `1:18: left_root: ${QUOTES}`],
  ["words that were booleans once", `${ROOTS}soft_delete: {enabled: on}\n`, '3:24: soft_delete.enabled: found "on"; allowed: true or false'],
];
for (const [what, text, line] of ODD) {
  Deno.test(`parseConfig() lets no quick look decide about ${what}`, async () => {
    assert.equal((await told(text))[0], `c.yaml:${line}`);
  });
}

Deno.test("parseConfig() takes a version of YAML at its word", async () => {
  const text = `%YAML 1.1\n---\n${ROOTS}soft_delete: {enabled: no}\n`;
  const { softDelete } = await parseConfig(text, "C:\\c.yaml");
  assert.equal(softDelete.enabled, false);
});

Deno.test("parseConfig() suggests the key for every key that lacks a letter", async () => {
  for (const key of CONFIG_KEYS) {
    const slip = key.slice(0, -1);
    const text = slip.includes(".")
      ? slip.replace(".", ": {") + ": 1}"
      : `${slip}: x`;
    const hint = `unknown key; did you mean ${key.split(".").at(-1)}?`;
    assert((await told(text)).some((line) => line.endsWith(hint)), key);
  }
});

Deno.test("parseConfig() refuses its own files in a root by default, too", {
  ignore: isWindows,
}, async () => {
  assert.deepEqual(await told("left_root: .\nright_root: ../b", "/o/c.yaml"), [
    '/o/c.yaml:1:1: state_db: "c.db" lies in left_root; allowed: outside both roots',
    '/o/c.yaml:1:1: logging.file: "logs/c.log" lies in left_root; allowed: outside both roots',
  ]);
  assert.deepEqual(
    await told("left_root: a\nright_root: ../b", "/o/c.yaml"),
    [],
  );
});

/** Ways to get a password wrong, or something near it. § is the password. */
// deno-fmt-ignore

/** Config files as they are found: the example, unreadable ones, any text. */

// The same cases for everybody.
fc.configureGlobal({ seed: 20260101 });

const SLIPS = [
  "password: [§]",
  "password: {§: 1}",
  "password: {§: 1, §: 2}",
  "password: [§",
  "password: '§",
  'password: "§',
  'password: "\\q§"',
  "password: *§",
  "password: &§",
  "password: &§ x",
  "password: !§",
  "password: !§ x",
  "password: !<§",
  "password: §: x",
  "password: %§",
  "password: |§",
  "password: ? §",
  "password: - §",
  "password: {§",
  "password: '§'§",
  "password:§",
  "password:§: x",
  "{password:§}",
  "Password: §",
  "password_env: '§!'",
  "password_env: [§]",
  "pass: {x: §}",
  "smtp_host: smtp://u:§@h",
  "password: x\n  password: §",
  "password: §\n password: §",
  "password:\n    §\n   x: §",
  "password: § # §\n  x",
  "password: '§'",
  "password: >\n    §\n   §",
];
Deno.test("parseConfig() never tells a password, whatever is wrong with it", async () => {
  for (const slip of SLIPS) {
    for (const secret of ["hunter2", "*hunter2", "12345678"]) {
      const text = `${ROOTS}nonsense: 1\nemail:\n  ${
        slip.replaceAll("§", secret)
      }\n  to: x\n`;
      await assert.rejects(
        parseConfig(text, "c.yaml"),
        (error: ConfigError) => {
          const seen = Deno.inspect(error) + JSON.stringify(error);
          const shown = error.message +
            (seen + error.stack).replaceAll(text, "");
          return !shown.includes(secret.replace("*", "")) ||
            assert.fail(`${slip}: ${shown}`);
        },
      );
    }
  }
  assert.deepEqual(
    (await told(`${ROOTS}email: password=hunter2`)).join().includes("hunter2"),
    false,
  );
});

Deno.test("loadConfig() tells why a file can't be read", async () => {
  const folder = await Deno.makeTempDir();
  const rows: [name: string, bytes: Uint8Array | null, line: RegExp][] = [
    [
      "missing.yaml",
      null,
      /: there is no such file; write one with the command init, or name another with --config$/,
    ],
    ["", null, /: can't be read: /],
    [
      "latin.yaml",
      new Uint8Array([0x61, 0x3a, 0x20, 0xe4]),
      /: not in UTF-8; save it as UTF-8$/,
    ],
    [
      "utf16.yaml",
      new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3a, 0]),
      /: not in UTF-8; save it as UTF-8$/,
    ],
  ];
  try {
    for (const [name, bytes, line] of rows) {
      const file = `${folder}/${name}`;
      if (bytes) await Deno.writeFile(file, bytes);
      await assert.rejects(loadConfig(file), (error) => {
        assert(error instanceof ConfigError);
        assert.match(error.message, line);
        const [problem] = error.problems;
        assert.deepEqual([
          problem?.file,
          problem?.line,
          problem?.column,
          problem?.key,
        ], [file, null, null, null]);
        return error.exitCode === EXIT.usage && !error.message.includes("\n");
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const EXAMPLE = new URL("../config.example.yaml", import.meta.url);
const example = Deno.readTextFileSync(EXAMPLE);
/** The example with the settings that it shows switched off. */
const wholeExample = example.replace(
  /^( *)#(?=(?: {2})*(?:- |[a-z_]+:))/gm,
  "$1",
);

Deno.test("config.example.yaml loads, and changes no default but what to ignore", async () => {
  const config = await parseConfig(example, "/c.yaml");
  assert.deepEqual({ ...config, ignore: null }, {
    ...await parseConfig(ROOTS, "/c.yaml"),
    ignore: null,
  });
  assert.deepEqual(config.ignore, PROPOSED);
});

Deno.test("config.example.yaml has every key there is and no other", () => {
  const keys = Object.entries(parse(wholeExample)).flatMap(([key, value]) =>
    value !== null && typeof value === "object"
      ? [key, ...Object.keys(value).map((inner) => `${key}.${inner}`)]
      : [key]
  );
  assert.deepEqual(keys.toSorted(), CONFIG_KEYS.toSorted());
});

Deno.test("config.example.yaml names every default, and what it has switched off loads", async () => {
  const config = await parseConfig(
    wholeExample.replace(/^ *password: .*$/m, ""),
    "/c.yaml",
  );
  assert.equal(config.email?.passwordEnv, "OFFICE_SYNC_PASSWORD");
  const usual = await parseConfig(
    `${ROOTS}email: {${MAIL}, username: "no login", password_env: none}`,
    "C:\\config.yaml",
  );
  const all = explained(example);
  assert.deepEqual(
    all.map(([, key]) => key).toSorted(),
    CONFIG_KEYS.filter((it) => !SECTIONS.includes(it)).toSorted(),
  );
  for (const [block, key, defaults] of all) {
    if (key.endsWith("_root") || /^email\.(?:smtp_host|from|to)$/.test(key)) {
      assert.match(block, /Required\.|right_root/, key);
      continue;
    }
    const said = {
      "state_db": "the name of this file with .db",
      "logging.file": "the name of this file with .log",
      "ignore.junk": "these three",
      "email.password": "none",
      "monitor.ping_url": "none",
      "monitor.fail_url": "the address above with /fail",
      "sandbox.network_roots": usual.networkRoots,
    }[key] ?? (valueOfKey(usual, key) || "none");
    assert.ok(defaults?.startsWith(said), `${key}: ${defaults}, not ${said}`);
  }
});

/** [comment, key, what it says is the default] of each setting. */
function explained(text: string): [string, string, string | undefined][] {
  let section = "";
  let block = "";
  return text.split("\n").flatMap((line) => {
    const [, indent = "", key] = /^( *#? *)([a-z_]+):(?: |$)/.exec(line) ?? [];
    if (key === undefined || /^ *# \S/.test(line)) {
      if (line === "") block = "";
      else block += line.replace(/^ *# ?/, " ");
      return [];
    }
    const isTop = !indent.includes(" ");
    if (isTop) section = `${key}.`;
    const name = isTop ? key : section + key;
    if (!CONFIG_KEYS.includes(name) || SECTIONS.includes(name)) return [];
    return [[block, name, /Default: (.*)$/.exec(block)?.[1]]];
  });
}

/** Text that is nearly a config, and text that is nothing like one. */
const anyText = fc.oneof(
  anyCharacters,
  fc.array(
    fc.oneof(
      fc.constantFrom(
        ...CONFIG_KEYS.flatMap((key) => key.split(".")),
        "left_root: C:\\a\n",
      ),
      fc.constantFrom(
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n\t",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        '"',
        "'",
        "|",
        ">",
        "*a",
        "&a ",
        "!!str ",
        "%",
        "#",
        "---",
        "? ",
        "\\",
      ),
      fc.string({ unit: "grapheme", maxLength: 4 }),
    ),
    { maxLength: 30 },
  ).map((parts) => parts.join("")),
  fc.dictionary(fc.constantFrom(...CONFIG_KEYS, "x"), fc.jsonValue()).map((
    it,
  ) => JSON.stringify(it)),
);
Deno.test("parseConfig() throws nothing but a ConfigError, each problem in one line with its place", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyText,
      fc.string({ minLength: 1 }),
      async (text, file) => {
        try {
          await parseConfig(text, file);
        } catch (error) {
          assert(error instanceof ConfigError, String(error));
          assert(error.problems.length > 0);
          assert.equal(
            error.message.split(/[\n\r\u2028\u2029]/u).length,
            error.problems.length,
          );
          for (const { line, column } of error.problems) {
            assert(line! >= 1 && column! >= 1);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

// deno-fmt-ignore
const BAD_PATTERNS = [
  "", " ", "!", "/", "!/", "#x", "a//b", "./a", "a/../b", "..", ".", "a\\", "[a", "[]", "[!]", "[[:nope:]]", "a[[:x]", "Projects\\Old", "C:\\x", "a\\/b",
];
for (const pattern of BAD_PATTERNS) {
  Deno.test(`parseConfig() takes ${JSON.stringify(pattern)} for no pattern, and says where it stands`, async () => {
    const lines = ROOTS + "ignore:\n  paths:\n    - '/Archive/'\n    - ";
    const [line = "", ...more] = await told(`${lines}'${pattern}'\n`);
    assert.deepEqual(more, []);
    assert.match(
      line,
      /^c\.yaml:6:7: ignore\.paths: found "[^]*"; allowed: a pattern as in a \.gitignore/,
    );
  });
}
