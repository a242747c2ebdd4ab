/**
 * The command init: writes a first config, from flags or by asking.
 *
 * @module
 */
import { dirname, isAbsolute, resolve, win32 } from "node:path";
import example from "../config.example.yaml" with { type: "text" };
import type { InitInvocation } from "./cli_args.ts";
import { ask, askSecretly, print } from "./cli_output.ts";
import { cantMake, TAKEN } from "./command_shared.ts";
import { parseConfig } from "./config_loader.ts";
import { ConfigError, EXIT, type ExitCode, SyncError } from "./errors.ts";
import { codeOf } from "./system.ts";
import { printable, PROGRAM, quoted, shellQuoted } from "./text.ts";
import { type Side, SIDES } from "./types.ts";

/** How mail is to be sent: the keys of the config, as they were typed. */
export interface MailKeys {
  readonly smtp_host: string;
  readonly smtp_port: string;
  readonly security: string;
  /** Null: no login, and no password. */
  readonly username: string | null;
  readonly password_env: string | null;
  readonly password: string | null;
  readonly from: string;
  readonly to: readonly string[];
}

/** What a person said. */
export interface Answers {
  readonly left: string;
  readonly right: string;
  /** Null: no mail is sent. */
  readonly email: MailKeys | null;
}

/**
 * Makes the text of a config: the example, with all its comments, and with
 * what a person said in place of what stands there.
 *
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
  // There YAML leaves everything as it is but the quote itself.
  const quote = (value: string) => `'${value.replaceAll("'", "''")}'`;
  put(/^left_root: .*$/m, `left_root: ${quote(left)}`);
  put(/^right_root: .*$/m, `right_root: ${quote(right)}`);
  if (email === null) return text;
  put(/^#email:$/m, "email:");
  const { to, ...keys } = email;
  for (const [key, value] of Object.entries(keys)) {
    if (value === null) continue;
    // What is no number is quoted, and refused as a text by whoever reads it.
    const isNumber = key === "smtp_port" && /^\d+$/.test(value);
    const said = isNumber ? value : quote(value);
    put(RegExp(`^# {2}${key}: .*$`, "m"), `  ${key}: ${said}`);
  }
  const list = to.map((address) => `\n    - ${quote(address)}`).join("");
  put(/^# {2}to:\n(?:# {4}- .*\n?)+/m, `  to:${list}\n`);
  return text;
}

/**
 * Writes a config; never over a file that is there.
 *
 * @param invocation Where to, and the roots if they are named.
 * @throws {SyncError} There is such a file, an answer makes no sense, or
 *   nobody is there to be asked.
 */
export async function init(invocation: InitInvocation): Promise<ExitCode> {
  const { config } = invocation;
  requireFree(config);
  const answers = await answersOf(invocation);
  const text = configText(answers);
  const mode = answers.email?.password ? { mode: 0o600 } : {};
  try {
    await Deno.writeTextFile(config, text, { createNew: true, ...mode });
  } catch (error) {
    throw cantMake(config, error, OTHER);
  }
  print(
    `Written: ${printable(config)}. It explains every setting.\n` +
      `Next: ${PROGRAM} doctor${configOption(config)} checks that all is as ` +
      "a run needs it; then plan shows what a first run would do.",
  );
  return EXIT.agreed;
}

/** Nobody is asked in vain. */
function requireFree(file: string): void {
  try {
    Deno.lstatSync(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw cantMake(file, error);
  }
  throw refusal(`${quoted(file)} ${TAKEN}${OTHER}.`);
}

const OTHER = "; name another file with --config";

function refusal(message: string): SyncError {
  return new SyncError(message, EXIT.usage);
}

/** As it can be copied into a command line. */
function configOption(config: string): string {
  if (config === "config.yaml") return "";
  const word = shellQuoted(config, Deno.build.os === "windows");
  return ` --config ${word ?? printable(config)}`;
}

const QUESTIONS = {
  left: "Left, the folder on this PC, such as C:\\pdrive_local",
  right: "Right, the shared folder, such as P:\\",
};

async function answersOf(invocation: InitInvocation): Promise<Answers> {
  const { config } = invocation;
  const isNamed = SIDES.every((side) => invocation[side] !== null);
  if (!isNamed && !Deno.stdin.isTerminal()) {
    throw refusal(
      "init asks at a terminal, and there is none; name both folders: " +
        "--left FOLDER --right FOLDER.",
    );
  }
  const root = async (side: Side): Promise<string> => {
    const wrong = (folder: string) => wrongWith(config, { [side]: folder });
    const named = invocation[side];
    const why = named === null ? null : await wrong(named);
    if (why !== null) throw refusal(`--${side}: ${why}.`);
    return rootFrom(config, named ?? await ask(QUESTIONS[side], "", wrong));
  };
  const roots = { left: await root("left"), right: await root("right") };
  return { ...roots, email: isNamed ? null : await askMail(config) };
}

/** Answers that are right: one of them at a time is put to the test. */
const RIGHT_MAIL: MailKeys = {
  smtp_host: "mail.example.com",
  smtp_port: "587",
  security: "starttls",
  username: null,
  password_env: null,
  password: null,
  from: "office-sync@example.com",
  to: ["office@example.com"],
};

const RIGHT: Answers = { left: "left", right: "right", email: null };

const PORTS: Readonly<Record<string, string>> = { tls: "465", none: "25" };

async function askMail(config: string): Promise<MailKeys | null> {
  const isWanted = await ask(
    "Send e-mail about conflicts and errors (y or n)",
    "n",
    oneOf("y", "n"),
  );
  if (isWanted === "n") return null;
  const wrong = (keys: Partial<MailKeys>) =>
    wrongWith(config, { email: { ...RIGHT_MAIL, ...keys } });
  const asked = (key: keyof MailKeys, question: string, standard = "") =>
    ask(question, standard, (answer) => wrong({ [key]: answer }));
  const smtp_host = await asked("smtp_host", "Mail server");
  const security = await asked(
    "security",
    "Encryption: starttls, tls or none",
    "starttls",
  );
  const smtp_port = await asked("smtp_port", "Port", PORTS[security] ?? "587");
  const login = await askLogin(wrong);
  const from = await asked("from", "Sender");
  const to = await ask(
    "Who gets the mails (several with commas between them)",
    "",
    (answer) => wrong({ to: listOf(answer) }),
  );
  return { smtp_host, smtp_port, security, ...login, from, to: listOf(to) };
}

async function askLogin(
  wrong: (keys: Partial<MailKeys>) => Promise<string | null>,
): Promise<Pick<MailKeys, "username" | "password_env" | "password">> {
  const none = { username: null, password_env: null, password: null };
  const username = await ask(
    "User name for the login (nothing: no login)",
    "",
    (name) => name === "" ? null : wrong({ username: name, password_env: "X" }),
  );
  if (username === "") return none;
  const where = await ask(
    "Where the password is: env (a variable of the environment) or file " +
      "(this config; let nobody else read it)",
    "env",
    oneOf("env", "file"),
  );
  if (where === "env") {
    const password_env = await ask(
      "Name of the variable",
      "OFFICE_SYNC_PASSWORD",
      (answer) => wrong({ username, password_env: answer }),
    );
    return { ...none, username, password_env };
  }
  const password = await askSecretly(
    "Password (it is not shown)",
    (answer) => wrong({ username, password: answer }),
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
async function wrongWith(
  config: string,
  answers: Partial<Answers>,
): Promise<string | null> {
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
    await parseConfig(configText({ ...all, left, right }), config);
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
  // P: and P:folder are no places: the config's words for those are told.
  const isWhole = isAbsolute(folder) || win32.isAbsolute(folder) ||
    /^[A-Za-z]:/.test(folder);
  return isWhole || resolve(dirname(config)) === resolve(".")
    ? folder
    : resolve(folder);
}
