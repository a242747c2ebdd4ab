/**
 * The text of a first config: the example, with all its comments, and with
 * what a person said in place of what stands there.
 *
 * @module
 */
import example from "../config.example.yaml" with { type: "text" };

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
 * import { configText } from "./config_template.ts";
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
  put(/^left_root: .*$/m, `left_root: ${quoted(left)}`);
  put(/^right_root: .*$/m, `right_root: ${quoted(right)}`);
  if (email === null) return text;
  const switchOn = (key: string, value: string | null) => {
    if (value === null) return;
    put(RegExp(`^# {2}${key}: .*$`, "m"), `  ${key}: ${value}`);
  };
  put(/^#email:$/m, "email:");
  switchOn("smtp_host", quoted(email.smtpHost));
  // What is no number is quoted, and refused as a text by whoever reads it.
  const isNumber = /^\d+$/.test(email.smtpPort);
  switchOn("smtp_port", isNumber ? email.smtpPort : quoted(email.smtpPort));
  switchOn("security", quoted(email.security));
  switchOn("username", email.username && quoted(email.username));
  switchOn("password_env", email.passwordEnv && quoted(email.passwordEnv));
  switchOn("password", email.password && quoted(email.password));
  switchOn("from", quoted(email.from));
  const to = email.to.map((address) => `\n    - ${quoted(address)}`);
  put(/^# {2}to:\n(?:# {4}- .*\n?)+/m, `  to:${to.join("")}\n`);
  return text;
}

/** In single quotes YAML leaves everything as it is but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
