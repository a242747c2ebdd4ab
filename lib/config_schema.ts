/**
 * What a config may say: the resolved {@linkcode Config} that the rest of the
 * program reads, the schema a config file is held against, and how its values
 * go together. Every leaf of the schema carries the words that tell a person
 * what is allowed there.
 *
 * @module
 */
import * as v from "valibot";
import {
  isInside,
  isWindowsPath,
  rulesOf,
  WHOLE,
  whyNoPath,
  withoutPrefix,
} from "./paths.ts";
import { brief } from "./text.ts";
import { type Both, POLICIES } from "./types.ts";

// Mail addresses and hosts as people write them, and as mail servers, headers
// and the sandbox's permissions need them: names apart from addresses, domains
// in ASCII (`müller.example` is `xn--mller-kva.example` to a server).

/** A sender or recipient. */
export interface Mailbox {
  /** As people read it, without quotes; "" where there is none. */
  readonly name: string;
  /** Its domain is in ASCII. */
  readonly address: string;
}

const MAILBOX =
  /^ *(?:(?:"((?:[^"\\\p{Cc}]|\\[^\p{Cc}])*)"|([^",;@<>\p{Cc}]*)) *<([^<>]+)>|([^<>]+?)) *$/u;
// What else could be in front of the @ must stand in quotes, and nobody's does.
const LOCAL = /^[^\s@<>,;:"()[\]\\\p{Cc}\p{Cf}]+$/u;
const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const DOMAIN = RegExp(`^(?!.{254})${LABEL}(?:\\.${LABEL})*$`, "i");
const LITERAL = /^\[(?:[\d.]+|IPv6:[\da-f:.]+)\]$/i;
const NAME_ADDRESSES = /^(?:[a-z0-9_-]+\.)*[a-z0-9_-]+\.?$/i;
const IPV6 = /^[\da-f:.]*:[\da-f:.]*$/i;
// Full stops of other scripts separate labels too.
const INTERNATIONAL = /^[\p{L}\p{M}\p{N}._\-\u3002\uff0e\uff61]+$/u;

/**
 * Reads an address, with a name or without: `a@b.example`,
 * `Office: Sync <a@b.example>`, `"Sync, Office" <a@b.example>`.
 *
 * @param text As a person writes it.
 * @returns Null where it is no single address.
 *
 * @example
 * ```ts
 * import { parseMailbox } from "./config_schema.ts";
 * parseMailbox("Büro (Köln) <a@müller.example>");
 * // { name: "Büro (Köln)", address: "a@xn--mller-kva.example" }
 * ```
 */
export function parseMailbox(text: string): Mailbox | null {
  const [, quoted, plain, inBrackets, alone] = MAILBOX.exec(text) ?? [];
  const said = inBrackets ?? alone ?? "";
  const at = said.lastIndexOf("@");
  const local = said.slice(0, at);
  const domain = asciiDomain(said.slice(at + 1));
  if (at < 1 || !LOCAL.test(local) || domain === null) return null;
  const name = quoted?.replace(/\\(.)/gsu, "$1") ?? plain ?? "";
  return { name: name.trim(), address: `${local}@${domain}` };
}

/**
 * An address in the form in which two spellings of one mailbox are equal:
 * upper and lower case, and the two spellings of a domain, make none other.
 *
 * @param address Without a name; as written, or as a server or library gave it
 * back. What is no address comes back in lower case.
 *
 * @example
 * ```ts
 * import { addressKey } from "./config_schema.ts";
 * addressKey("Anna@MÜLLER.example"); // "anna@xn--mller-kva.example"
 * ```
 */
export function addressKey(address: string): string {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at).replace(/^"(.*)"$/su, "$1");
  const domain = address.slice(at + 1);
  return `${local.normalize()}@${asciiDomain(domain) ?? domain}`.toLowerCase();
}

/**
 * A host in the spelling that permissions, servers and certificates know.
 *
 * @param host A name, in any script, or an IP address.
 * @returns Null for what is no host, or more than one.
 *
 * @example
 * ```ts
 * import { asciiHost } from "./config_schema.ts";
 * asciiHost("mail.müller.example"); // "mail.xn--mller-kva.example"
 * ```
 */
export function asciiHost(host: string): string | null {
  if (NAME_ADDRESSES.test(host)) return host;
  if (IPV6.test(host)) return hostOfUrl(`[${host}]`) === null ? null : host;
  const ascii = INTERNATIONAL.test(host) ? hostOfUrl(host) : null;
  return ascii !== null && NAME_ADDRESSES.test(ascii) ? ascii : null;
}

function hostOfUrl(host: string): string | null {
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return null;
  }
}

function asciiDomain(domain: string): string | null {
  if (LITERAL.test(domain)) return domain;
  const ascii = asciiHost(domain);
  return ascii !== null && DOMAIN.test(ascii) ? ascii : null;
}

const flag = v.boolean("true or false");

function between(error: string, min: number, max: number) {
  return v.pipe(
    v.number(error),
    v.minValue(min, error),
    v.maxValue(max, error),
  );
}

const percent = between("a number from 0 to 100", 0, 100);

function whole(error: string, min: number, max = Number.MAX_SAFE_INTEGER) {
  return v.pipe(between(error, min, max), v.safeInteger(error));
}

const count = whole("a whole number, 0 or more", 0);
const hours = whole("a whole number of hours, 0 or more", 0);
const days = whole("a whole number of days, 0 or more", 0);

const BYTES_PER_MB = 1_048_576;

/** MB in the file, whole bytes in the config. */
function size(error: string, minBytes: number, standard: number) {
  const max = Number.MAX_SAFE_INTEGER / BYTES_PER_MB;
  const bytes = v.pipe(
    between(error, minBytes / BYTES_PER_MB, max),
    v.transform((megabytes) => Math.floor(megabytes * BYTES_PER_MB)),
  );
  return v.optional(bytes, standard);
}

function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, values.join(", "));
}

function text(error: string, pattern = /./su) {
  return v.pipe(v.string(error), v.regex(pattern, error));
}

/** A list; its line may also be there without any entry. */
function list(
  entry: v.GenericSchema<string>,
  standard: readonly string[] = [],
) {
  return v.nullish(v.array(entry, "a list of texts"), [...standard]);
}

// Line breaks and the like are what "C:\new" in double quotes turns into.
const CLEAN = /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u;
// C: and C:folder mean another place in every process.
const definite = v.check(
  (path: string) => !/^[A-Za-z]:(?![\\/])/u.test(path),
  WHOLE,
);
// \folder is mostly what double quotes have left of \\server.
const DEFINITE = /^(?!\\(?!\\[^\\/]+[\\/]+[^\\/]))/u;

const ITSELF =
  "the path itself, such as /home/anna/office or C:\\Users\\anna\\office; variables and ~ are not filled in (what is really called so is written with ./ before it)";
const itself = v.check(
  (path: string) => !isToBeFilledIn(path),
  ITSELF,
);

/**
 * Whether a shell would put something else in place of a part of a path. The
 * parts after a dot of their own are meant as they stand.
 */
function isToBeFilledIn(path: string): boolean {
  const parts = path.split(/[\\/]/u);
  if (/^~[\w-]*$/u.test(parts[0]!) && (parts.length > 1 || path === "~")) {
    return true;
  }
  return parts.some((part, n) =>
    parts[n - 1] !== "." &&
    (/%[A-Za-z_][\w()]*%|\$\{[^}]*\}|\$\([^)]*\)|\$env:\w/iu.test(part) ||
      /^\$[A-Za-z_]\w*$|(?<![A-Za-z0-9])\$[A-Z_][A-Z0-9_]*(?![\w.$])/u.test(
        part,
      ))
  );
}

const path = (error: string) =>
  v.pipe(text(error, CLEAN), itself, definite, v.regex(DEFINITE, error));
const folder = path(
  "the path of a folder, such as C:\\pdrive_local, P:\\ or \\\\server\\share, in single quotes or none",
);
const FILE =
  "the path of a file, such as logs/office-sync.log, in single quotes or none";
const file = v.pipe(path(FILE), v.regex(/[^\\/]$/u, FILE));

const extension = v.pipe(
  text(
    "one part of a name after its last dot, such as tmp, without wildcards, commas or blanks",
    /^\.?[^.*?\\/,;|:"<>\s\p{Cc}]+$/u,
  ),
  v.transform((said) => said.replace(/^\./u, "").toLowerCase()),
);
const NAME =
  "one name or its beginning, without folders, wildcards or blanks at its ends";
const beginning = v.pipe(
  text(NAME, /^(?!\s)[^*?\\/\p{Cc}]+(?<!\s)$/u),
  v.check((said) => !isListOfNames(said), NAME),
);
const name = v.pipe(beginning, v.regex(/^(?!\.{1,2}$)/u, NAME));

const PATTERN =
  "a pattern as in a .gitignore, such as /Archive/, *.bak or !keep.bak; between folders /, also on Windows, for \\ takes the next character as it stands";
const MEMBER = String
  .raw`(?:\\.|\[:(?:al(?:num|pha)|blank|cntrl|x?digit|graph|lower|print|punct|space|upper):\]|(?!\[:)[^\\\]])`;
/** One of several characters, as in `[a-z]`; the first may be the bracket. */
const BRACKET = String
  .raw`\[(?:[!^]|(?![!^]))(?:\]|${MEMBER})${MEMBER}*\]`;
const pattern = v.pipe(
  text(PATTERN, CLEAN),
  v.regex(
    new RegExp(
      String.raw`^!?(?!#)(?:[^\\\[]|\\[^A-Za-z0-9/]|${BRACKET})+$`,
      "u",
    ),
    PATTERN,
  ),
  // Of a path there is no empty part, and none that leads elsewhere.
  v.check(
    (said) =>
      said.replace(/^!/u, "").replace(/(?<!\\) +$/u, "").replace(
        /^\/|\/$/gu,
        "",
      )
        .split("/").every((part) => !/^\.{0,2}$/u.test(part)),
    PATTERN,
  ),
);

/**
 * Several names in one text. A name may have a comma in it: it is a list where
 * each part looks like a name of its own.
 */
function isListOfNames(said: string): boolean {
  const parts = said.split(/[,;]/u).map((part) => part.trim());
  return parts.length > 1 &&
    parts.every((part) => /^[~.$#@]|\.[a-z0-9]{1,8}$/iu.test(part));
}

// Host and variable end up in permission flags, where a comma or a second
// name would open more than was meant.
const HOST = "the name or IP address of the mail server, without a port";
const host = v.pipe(
  v.string(HOST),
  v.check((said) => asciiHost(said) !== null, HOST),
  v.transform((said) => asciiHost(said) ?? said),
);
const port = whole("a whole number from 1 to 65535", 1, 65_535);
// Variables that are settings of Deno and Node are cleared before a run.
const variable = text(
  "the name of an environment variable: letters, digits and _, not beginning with DENO_, NODE_ or OTEL_",
  /^(?!(?:DENO|NODE|OTEL)_)[A-Z_][A-Z0-9_]*$/iu,
);
const ADDRESS =
  "one address, such as office@example.com or Office <office@example.com>";
const mailbox = (error: string) =>
  v.pipe(
    v.string(error),
    v.check((said) => parseMailbox(said) !== null, error),
  );
const address = mailbox(ADDRESS);
const ADDRESS_OF_MANY =
  `${ADDRESS}; several as a list: [a@example.com, b@example.com]`;
const ADDRESSES = "one address or a list of them";
const addresses = v.pipe(
  v.unknown(),
  v.transform((said) => typeof said === "string" ? [said] : said),
  v.array(mailbox(ADDRESS_OF_MANY), ADDRESSES),
  v.minLength(1, ADDRESSES),
);

const ADDRESS_OF_WEB =
  "an address that begins with https:// or http://, without a login, # or blanks";
const url = v.pipe(
  text(ADDRESS_OF_WEB, /^https?:\/\/\S+$/iu),
  v.check((said) => hostOf(said) !== null, ADDRESS_OF_WEB),
);

/**
 * Host and port of a web address, as permissions name them.
 *
 * @returns Null for what is none, or has more in it than it should.
 *
 * @example
 * ```ts
 * import { hostOf } from "./config_schema.ts";
 * hostOf("https://hc-ping.com/an-id"); // "hc-ping.com:443"
 * ```
 */
export function hostOf(said: string): string | null {
  const it = URL.parse(said);
  if (it === null || it.username || it.password || it.hash) return null;
  const { protocol, hostname, port } = it;
  if (asciiHost(hostname.replace(/^\[(.*)\]$/u, "$1")) === null) return null;
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

/**
 * Every key with its default and what is allowed. What must be there has a
 * default that is refused: what lacks is told in the words of the value itself,
 * not in those of its section.
 */
const SECTIONS = {
  soft_delete: {
    enabled: v.optional(flag, true),
    max_size_mb: size("a number of MB, 0 or more", 0, 20),
    // 0 keeps soft-deleted files for good.
    retention_days: v.optional(days, 0),
    keep_replaced: v.optional(flag, false),
    // Of each side; 0: no limit.
    max_total_mb: size("a number of MB, 0 or more", 0, 0),
  },
  conflict_policy: {
    modify_modify: v.optional(oneOf(POLICIES), "clash"),
    new_new: v.optional(oneOf(POLICIES), "clash"),
    metadata_conflict: v.optional(oneOf(POLICIES), "clash"),
  },
  email: {
    // In the config in ASCII (`xn--…` for other letters), or an IP address.
    smtp_host: v.optional(host, ""),
    smtp_port: v.optional(port, 587),
    security: v.optional(oneOf(["starttls", "tls", "none"]), "starttls"),
    username: v.exactOptional(text("the name to log in with")),
    password: v.exactOptional(text("a text")),
    password_env: v.exactOptional(variable),
    // As written, with a name or without; `parseMailbox` reads it.
    from: v.optional(address, ""),
    to: v.optional(addresses, []),
    tell_after_hours: v.optional(hours, 24),
    remind_days: v.optional(days, 7),
  },
  ignore: {
    extensions: list(extension),
    filenames_prefix: list(beginning),
    filenames_exact: list(name),
    junk: list(name, ["Thumbs.db", "desktop.ini", ".DS_Store"]),
    // One after the other, as lines of a .gitignore in the roots.
    paths: list(pattern),
  },
  logging: {
    file: v.exactOptional(file),
    level: v.optional(oneOf(["debug", "info", "warning", "error"]), "info"),
    max_size_mb: size("a number of MB above 0", 1, 10),
    max_files: v.optional(whole("a whole number from 1 to 100", 1, 100), 5),
  },
  safety: {
    max_delete_percent: v.optional(percent, 50),
    max_delete_files: v.optional(count, 10),
    max_change_percent: v.optional(percent, 50),
    max_change_files: v.optional(count, 200),
    when_away: v.optional(oneOf(["stop", "wait"]), "stop"),
    away_days: v.optional(whole("a whole number of days, 1 or more", 1), 3),
  },
  monitor: {
    ping_url: v.exactOptional(url),
    // Left out: that of a good run with /fail at the end of its path.
    fail_url: v.exactOptional(url),
  },
  sandbox: {
    // What the last one is called now is told where the config is used.
    network_roots: v.optional(
      v.picklist(["fence", "refuse", "allow_all"], "fence, refuse"),
      "fence",
    ),
  },
  compare: {
    verify_first_run: v.optional(flag, false),
    always_read: list(extension),
  },
};

/** What may be done about a document that somebody has open. */
const OPEN_DOCUMENTS = oneOf(["wait", "ignore"]);

/** Keys that have another name in a {@linkcode Config} than their own. */
const NAMES = {
  conflict_policy: "policies",
  filenames_prefix: "prefixes",
  filenames_exact: "names",
  // What rules call them.
  modify_modify: "modify_modify",
  new_new: "new_new",
  metadata_conflict: "metadata_conflict",
} as const;

/** max_files → maxFiles; max_size_mb → maxSizeBytes, as it holds bytes. */
type Name<S> = S extends keyof typeof NAMES ? typeof NAMES[S]
  : S extends `${infer A}_mb` ? `${Name<A>}Bytes`
  : S extends `${infer A}_${infer B}` ? `${A}${Capitalize<Name<B>>}`
  : S;

function nameOf(key: string): string {
  return (NAMES as Record<string, string>)[key] ??
    key.replace(/_mb$/u, "_bytes").replace(
      /_(.)/gu,
      (_, it) => it.toUpperCase(),
    );
}

function named<T extends object>(said: T) {
  const entries = Object.entries(said).map(([key, it]) => [nameOf(key), it]);
  return Object.fromEntries(entries) as { [K in keyof T as Name<K>]: T[K] };
}

/** Keys of a section, and nothing else. */
function strict<S extends v.ObjectEntries>(
  entries: S,
  error = `a section with the keys ${Object.keys(entries).join(", ")}`,
) {
  // To the library a list is an object, too.
  const isSection = (said: unknown) =>
    typeof said === "object" && said !== null && !Array.isArray(said);
  return v.pipe(
    v.custom<object>(isSection, error),
    v.strictObject(entries),
    v.transform(named),
  );
}

/** A section that may be left out, or be there without any key. */
function section<S extends v.ObjectEntries>(entries: S) {
  return v.nullish(strict(entries), {});
}

/** The server asks for no login, or the password is not in the config. */
const NO_LOGIN = { username: null, password: null, passwordEnv: null };

const TOP = {
  left_root: v.optional(folder, ""),
  right_root: v.optional(folder, ""),
  soft_delete: section(SECTIONS.soft_delete),
  conflict_policy: section(SECTIONS.conflict_policy),
  email: v.nullish(
    v.pipe(
      strict(SECTIONS.email),
      v.transform((said) => ({ ...NO_LOGIN, ...said })),
    ),
    null,
  ),
  open_documents: v.optional(OPEN_DOCUMENTS, "wait"),
  ignore: section(SECTIONS.ignore),
  state_db: v.exactOptional(file),
  logging: section(SECTIONS.logging),
  safety: section(SECTIONS.safety),
  monitor: section(SECTIONS.monitor),
  sandbox: section(SECTIONS.sandbox),
  compare: section(SECTIONS.compare),
};

/** The file as a whole. Of each value one problem is told, the first. */
export const configSchema = v.config(
  strict(TOP, "keys with values, at least left_root and right_root"),
  { abortPipeEarly: true },
);

/** Every key there is, with dots between its parts; sections included. */
export const CONFIG_KEYS: readonly string[] = Object.keys(TOP).flatMap(
  (key) => [
    key,
    ...Object.keys(SECTIONS[key as keyof typeof SECTIONS] ?? {})
      .map((inner) => `${key}.${inner}`),
  ],
);

/** What a config file says, checked, and with its defaults. */
export type SaidConfig = v.InferOutput<typeof configSchema>;

/** How conflicts and errors are mailed. */
export type EmailConfig = NonNullable<SaidConfig["email"]>;

/** A checked config: paths absolute, defaults filled in. */
export interface Config extends
  Omit<
    SaidConfig,
    "leftRoot" | "rightRoot" | "stateDb" | "logging" | "monitor" | "sandbox"
  > {
  /** Absolute path of the config file. */
  readonly file: string;
  readonly roots: Both<string>;
  readonly stateDb: string;
  /**
   * What is to be used in place of `stateDb` where it knows these roots: the
   * name that was the default once. Null: nothing else comes into question.
   */
  readonly oldStateDb: string | null;
  readonly logging: SaidConfig["logging"] & { readonly file: string };
  /** Who is told how runs end; null: nobody. */
  readonly monitor: {
    readonly pingUrl: string;
    readonly failUrl: string;
    /** Host and port of both. */
    readonly host: string;
  } | null;
  readonly networkRoots: SaidConfig["sandbox"]["networkRoots"];
}

/**
 * What a setting says, defaults filled in, as it would be written.
 *
 * @param key With a dot where it is in a section.
 */
export function valueOfKey(config: Config, key: string): string {
  const [section = "", name = ""] = key.split(".").map(nameOf);
  const values = config[section as keyof Config] as Record<string, unknown>;
  const value = name === "" ? values : values[name];
  return Array.isArray(value)
    ? value.join(", ")
    : String(key.endsWith("_mb") ? Number(value) / BYTES_PER_MB : value);
}

/**
 * What a run writes for itself, where the config names no other place: each
 * config of a folder has files of its own.
 *
 * @param file The config file.
 * @returns By key of the config, relative to the config's folder.
 *
 * @example
 * ```ts
 * import { ownFiles } from "./config_schema.ts";
 * ownFiles("/srv/office.yaml").state_db; // "office.db"
 * ```
 */
export function ownFiles(
  file: string,
): { readonly "state_db": string; readonly "logging.file": string } {
  const name = file.split(isWindowsPath(file) ? /[\\/]/u : "/").at(-1)!;
  // What is called like a state DB must not become one.
  const stem = name.replace(/(?<=.)\.(?!db$)[^.]+$/iu, "");
  return { "state_db": `${stem}.db`, "logging.file": `logs/${stem}.log` };
}

/** What is wrong with a config beyond single values. */
export interface Fault {
  /** The key that is to be mended, with dots between its parts. */
  readonly key: string;
  readonly message: string;
}

/**
 * What is wrong with how the values of a config go together.
 *
 * @param said What the file says, as YAML has it.
 * @param file The file.
 * @param isTold Whether a key's value is wrong by itself, and passed over.
 */
export function faultsOf(
  said: unknown,
  file: string,
  isTold: (key: string) => boolean = () => false,
): Fault[] {
  const valueOf = (key: string): unknown =>
    key.split(".").reduce<unknown>(
      (at, part) => Object.getOwnPropertyDescriptor(Object(at), part)?.value,
      said,
    );
  const folder = absolute(`${file}/..`);
  const placesOf = (keys: readonly (readonly [string, string?])[]) =>
    keys.flatMap(([key, standard]) => {
      const said = valueOf(key) ?? standard;
      if (isTold(key) || typeof said !== "string") return [];
      return [{ key, said, path: absolute(said, folder) }];
    });
  const files = placesOf(Object.entries(ownFiles(file)));
  const roots = placesOf([["left_root"], ["right_root"]]);
  const strange = [...files, ...roots].flatMap(({ key, said, path }) => {
    const allowed = isWindowsPath(path) ? whyNoPath(path) : null;
    if (allowed === null) return [];
    return [{ key, message: `found "${brief(said)}"; allowed: ${allowed}` }];
  });
  // What a run writes for itself may not lie where the run would sync it.
  const misplaced = files.flatMap(({ key, said, path }) =>
    roots.filter((root) => isInside(path, root.path)).map((root) => ({
      key,
      message: `"${
        brief(said)
      }" lies in ${root.key}; allowed: outside both roots`,
    }))
  );
  return [
    ...loginFaults((key) => valueOf(`email.${key}`) !== undefined),
    ...monitorFaults((key) => {
      const said = isTold(`monitor.${key}`) ? null : valueOf(`monitor.${key}`);
      return typeof said === "string" ? hostOf(said) : said;
    }),
    ...strange.length > 0 ? strange : misplaced,
  ];
}

/**
 * One host is all that is opened for a monitor.
 *
 * @param hostAt That of an address; null: it is wrong by itself.
 */
function monitorFaults(hostAt: (key: string) => unknown): Fault[] {
  const [ping, fail] = [hostAt("ping_url"), hostAt("fail_url")];
  const message = fail === undefined || fail === null || ping === null
    ? null
    : ping === undefined
    ? "alone; needed: ping_url"
    : ping === fail
    ? null
    : "on another host or port than ping_url; allowed: the same for both";
  return message === null ? [] : [{ key: "monitor.fail_url", message }];
}

/** A login takes a name and one password. */
function loginFaults(has: (key: string) => boolean): Fault[] {
  const fault = (key: string, message: string) => [
    { key: `email.${key}`, message },
  ];
  const [given, other] = ["password", "password_env"].filter(has);
  if (other) return fault(other, "beside password; allowed: one of the two");
  if (!given && has("username")) {
    return fault("username", "alone; needed: password or password_env");
  }
  if (!given || has("username")) return [];
  return fault(given, "alone; needed: username");
}

/**
 * A path in full. Windows paths are kept on any system: a config may be meant
 * for another.
 *
 * @param path As it was written.
 * @param from Where a relative one starts.
 */
export function absolute(path: string, from: string = Deno.cwd()): string {
  const bare = withoutPrefix(path);
  const start = isWindowsPath(bare) ? bare : from;
  const full = rulesOf(start).resolve(start, bare);
  // C:\ is nothing without the separator at its end; C:\x\ and shares are.
  const surplus = /(?<!^[A-Za-z]:)\\$/u;
  return isWindowsPath(full) ? full.replace(surplus, "") : full;
}
