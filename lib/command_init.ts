/**
 * The command init: writes a first config, from flags or by asking.
 *
 * @module
 */
import { dirname, isAbsolute, resolve, win32 } from "node:path";
import example from "../config.example.yaml" with { type: "text" };
import type { InitInvocation } from "./cli_args.ts";
import { ask, askSecretly, print } from "./cli_output.ts";
import { parseConfig } from "./config_loader.ts";
import { ConfigError, EXIT, type ExitCode, SyncError } from "./errors.ts";
import { codeOf, inWords } from "./system.ts";
import { printable, PROGRAM, quoted, shellQuoted } from "./text.ts";

// The text of a first config: the example, with all its comments, and with
// what a person said in place of what stands there.

/** How mail is to be sent. */
export interface MailAnswers {
  readonly smtpHost: string;
  /** As it was typed. */
  readonly smtpPort: string;
  readonly security: string;
  /** Null: no login, and no password. */
  readonly username: string | null;
  readonly passwordEnv: string | null;
  readonly password: string | null;
  readonly from: string;
  readonly to: readonly string[];
}

/** What a person said. */
export interface Answers {
  readonly left: string;
  readonly right: string;
  /** Null: no mail is sent. */
  readonly email: MailAnswers | null;
}

/**
 * Makes the text of a config.
 *
 * @param answers What is to stand in it.
 * @returns YAML, every text in single quotes: a backslash is one there.
 *
 * @example
 * ```ts
 * import { configText } from "./command_init.ts";
 * configText({ left: "C:\\office", right: "P:\\", email: null });
 * ```
 */
export function configText({ left, right, email }: Answers): string {
  let text = example;
  const put = (line: RegExp, by: string) => {
    if (!line.test(text)) throw new Error(`The example has no ${line}.`);
    // A function: in a text $ would mean something.
    text = text.replace(line, () => by);
  };
  put(/^left_root: .*$/m, `left_root: ${quotedConfigTemplate(left)}`);
  put(/^right_root: .*$/m, `right_root: ${quotedConfigTemplate(right)}`);
  if (email === null) return text;
  const switchOn = (key: string, value: string | null) => {
    if (value === null) return;
    put(RegExp(`^# {2}${key}: .*$`, "m"), `  ${key}: ${value}`);
  };
  put(/^#email:$/m, "email:");
  switchOn("smtp_host", quotedConfigTemplate(email.smtpHost));
  // What is no number is quoted, and refused as a text by whoever reads it.
  const isNumber = /^\d+$/.test(email.smtpPort);
  switchOn(
    "smtp_port",
    isNumber ? email.smtpPort : quotedConfigTemplate(email.smtpPort),
  );
  switchOn("security", quotedConfigTemplate(email.security));
  switchOn("username", email.username && quotedConfigTemplate(email.username));
  switchOn(
    "password_env",
    email.passwordEnv && quotedConfigTemplate(email.passwordEnv),
  );
  switchOn("password", email.password && quotedConfigTemplate(email.password));
  switchOn("from", quotedConfigTemplate(email.from));
  const to = email.to.map((address) =>
    `\n    - ${quotedConfigTemplate(address)}`
  );
  put(/^# {2}to:\n(?:# {4}- .*\n?)+/m, `  to:${to.join("")}\n`);
  return text;
}

/** In single quotes YAML leaves everything as it is but the quote itself. */
function quotedConfigTemplate(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Answers that are right: one of them at a time is put to the test. */
const RIGHT_MAIL: MailAnswers = {
  smtpHost: "mail.example.com",
  smtpPort: "587",
  security: "starttls",
  username: null,
  passwordEnv: null,
  password: null,
  from: "office-sync@example.com",
  to: ["office@example.com"],
};

const RIGHT: Answers = { left: "left", right: "right", email: null };

/**
 * Writes a config; never over a file that is there.
 *
 * @param invocation Where to, and the roots if they are named.
 * @returns The exit code.
 * @throws {SyncError} There is such a file, an answer makes no sense, or
 *   nobody is there to be asked.
 */
export async function init(invocation: InitInvocation): Promise<ExitCode> {
  const { config } = invocation;
  requireFree(config);
  const answers = answersOf(invocation);
  const text = configText(answers);
  const mode = answers.email?.password ? { mode: 0o600 } : {};
  try {
    await Deno.writeTextFile(config, text, { createNew: true, ...mode });
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw isThere(config);
    if (codeOf(error) === null) throw error;
    throw refusal(
      `${quoted(config)} can't be written: ${inWords(error)}.`,
    );
  }
  print(
    `Written: ${printable(config)}. It explains every setting.\n` +
      `Next: ${PROGRAM} doctor${configOption(config)} checks that all is as ` +
      "a run needs it; then plan shows what a first run would do.",
  );
  return EXIT.agreed;
}

/** As it can be copied into a command line. */
function configOption(config: string): string {
  if (config === "config.yaml") return "";
  const word = shellQuoted(config, Deno.build.os === "windows");
  return ` --config ${word ?? printable(config)}`;
}

function requireFree(file: string): void {
  try {
    Deno.lstatSync(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    if (codeOf(error) === null) throw error;
    throw refusal(
      `${quoted(file)} can't be written: ${inWords(error)}.`,
    );
  }
  throw isThere(file);
}

function refusal(message: string): SyncError {
  return new SyncError(message, EXIT.usage);
}

function isThere(file: string): SyncError {
  return refusal(
    `${quoted(file)} is there already, and stays as it is; name another file ` +
      "with --config.",
  );
}

function answersOf(invocation: InitInvocation): Answers {
  const { config, left, right } = invocation;
  const named = (side: "left" | "right", folder: string): string => {
    const why = wrongWith(config, { [side]: folder });
    if (why !== null) throw refusal(`--${side}: ${why}.`);
    return rootFrom(config, folder);
  };
  if (left !== null && right !== null) {
    const roots = { left: named("left", left), right: named("right", right) };
    return { ...roots, email: null };
  }
  if (!Deno.stdin.isTerminal()) {
    throw refusal(
      "init asks at a terminal, and there is none; name both folders: " +
        "--left FOLDER --right FOLDER.",
    );
  }
  const asked = (side: "left" | "right", question: string): string =>
    rootFrom(
      config,
      ask(question, "", (folder) => wrongWith(config, { [side]: folder })),
    );
  return {
    left: left === null
      ? asked("left", "Left, the folder on this PC, such as C:\\pdrive_local")
      : named("left", left),
    right: right === null
      ? asked("right", "Right, the shared folder, such as P:\\")
      : named("right", right),
    email: askMail(config),
  };
}

function askMail(config: string): MailAnswers | null {
  const yesOrNo = ask(
    "Send e-mail about conflicts and errors (y or n)",
    "n",
    oneOf("y", "n"),
  );
  if (yesOrNo === "n") return null;
  const asked = (
    key: keyof MailAnswers,
    question: string,
    standard = "",
  ): string =>
    ask(
      question,
      standard,
      (answer) =>
        wrongWith(config, { email: { ...RIGHT_MAIL, [key]: answer } }),
    );
  const smtpHost = asked("smtpHost", "Mail server");
  const security = asked(
    "security",
    "Encryption: starttls, tls or none",
    "starttls",
  );
  const smtpPort = asked("smtpPort", "Port", PORTS[security] ?? "587");
  const login = askLogin(config);
  const from = asked("from", "Sender");
  const to = ask(
    "Who gets the mails (several with commas between them)",
    "",
    (answer) =>
      wrongWith(config, { email: { ...RIGHT_MAIL, to: listOf(answer) } }),
  );
  return { smtpHost, smtpPort, security, ...login, from, to: listOf(to) };
}

const PORTS: Readonly<Record<string, string>> = { tls: "465", none: "25" };

function askLogin(
  config: string,
): Pick<MailAnswers, "username" | "passwordEnv" | "password"> {
  const none = { username: null, passwordEnv: null, password: null };
  const checked = (login: Partial<MailAnswers>) =>
    wrongWith(config, { email: { ...RIGHT_MAIL, ...login } });
  const username = ask(
    "User name for the login (nothing: no login)",
    "",
    (answer) =>
      answer === "" ? null : checked({ username: answer, passwordEnv: "X" }),
  );
  if (username === "") return none;
  const where = ask(
    "Where the password is: env (a variable of the environment, safer) or " +
      "file (this config, for all who can read it)",
    "env",
    oneOf("env", "file"),
  );
  if (where === "env") {
    const passwordEnv = ask(
      "Name of the variable",
      "OFFICE_SYNC_PASSWORD",
      (answer) => checked({ username, passwordEnv: answer }),
    );
    return { ...none, username, passwordEnv };
  }
  const password = askSecretly(
    "Password (it is not shown)",
    (answer) => checked({ username, password: answer }),
  );
  return { ...none, username, password };
}

function oneOf(...allowed: readonly string[]) {
  return (answer: string): string | null =>
    allowed.includes(answer) ? null : `Please type ${allowed.join(" or ")}.`;
}

function listOf(answer: string): string[] {
  return answer.split(",").map((it) => it.trim()).filter((it) => it !== "");
}

/** What a run would have against an answer; null: nothing. */
function wrongWith(config: string, answers: Partial<Answers>): string | null {
  const all = { ...RIGHT, ...answers };
  const texts = Object.values({ ...all, ...all.email }).flat();
  // In YAML a line break may turn into a blank without a word.
  // deno-lint-ignore no-control-regex
  if (texts.some((it) => /[\u0000-\u001f\u007f]/.test(String(it)))) {
    return "found a line break or the like; allowed: plain text";
  }
  const roots = [all.left, all.right];
  if (roots.some((root) => /^~(?:[\\/]|$)/.test(root))) {
    return "~ means nothing here; write the whole path";
  }
  const [left = "", right = ""] = roots.map((it) => rootFrom(config, it));
  try {
    parseConfig(configText({ ...all, left, right }), config);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems[0]?.message ?? error.message;
  }
}

/**
 * A folder as it has to stand in the config: there, a relative path starts at
 * the config's folder, but whoever types one means the current folder.
 */
function rootFrom(config: string, folder: string): string {
  // P: is no place of its own: the config's words for that are told.
  const isWhole = isAbsolute(folder) || win32.isAbsolute(folder) ||
    /^[A-Za-z]:$/.test(folder);
  return isWhole || resolve(dirname(config)) === resolve(".")
    ? folder
    : resolve(folder);
}
