/**
 * What a config may say: the resolved {@linkcode Config} that the rest of the
 * program reads, and the schema a config file is held against. Every leaf of
 * the schema carries the words that tell a person what is allowed there.
 *
 * @module
 */

import { z } from "zod";
import { type ConflictKind, POLICIES, type Policy } from "./types.ts";

/** How conflicts and errors are mailed. */
export interface EmailConfig {
  readonly smtpHost: string;
  readonly smtpPort: number;
  readonly security: "starttls" | "tls" | "none";
  /** Null where the server asks for no login. */
  readonly username: string | null;
  /** Null where there is no login, or where it comes from `passwordEnv`. */
  readonly password: string | null;
  /** The environment variable to take the password from; not yet read. */
  readonly passwordEnv: string | null;
  readonly from: string;
  /** At least one. */
  readonly to: readonly string[];
}

/** A checked config: paths absolute, defaults filled in. */
export interface Config {
  /** Absolute path of the config file. */
  readonly file: string;
  readonly leftRoot: string;
  readonly rightRoot: string;
  readonly softDelete: {
    readonly enabled: boolean;
    readonly maxSizeBytes: number;
    /** 0 keeps soft-deleted files for good. */
    readonly retentionDays: number;
    readonly keepReplaced: boolean;
  };
  readonly policies: Readonly<Record<ConflictKind, Policy>>;
  /** Null: no mail is sent. */
  readonly email: EmailConfig | null;
  /** Extensions in lower case and without the dot, names as written. */
  readonly ignore: {
    readonly extensions: readonly string[];
    readonly prefixes: readonly string[];
    readonly names: readonly string[];
  };
  readonly stateDb: string;
  readonly logging: {
    readonly file: string;
    readonly level: "debug" | "info" | "warning" | "error";
    readonly maxSizeBytes: number;
    readonly maxFiles: number;
  };
  readonly safety: {
    readonly maxDeletePercent: number;
    readonly maxDeleteFiles: number;
    readonly maxChangePercent: number;
    readonly maxChangeFiles: number;
  };
  readonly networkRoots: "refuse" | "allow_all";
  readonly compare: {
    readonly verifyFirstRun: boolean;
    /** Extensions in lower case and without the dot. */
    readonly alwaysRead: readonly string[];
  };
}

const flag = z.boolean({ error: "true or false" });

function whole(error: string, min: number, max = Number.MAX_SAFE_INTEGER) {
  return z.int({ error }).min(min, { error }).max(max, { error });
}

const count = whole("a whole number, 0 or more", 0);
const PERCENT = "a number from 0 to 100";
const percent = z.number({ error: PERCENT })
  .min(0, { error: PERCENT }).max(100, { error: PERCENT });

const BYTES_PER_MB = 1_048_576;

/** MB in the file, whole bytes in the config. */
function size(error: string, minBytes: number, standard: number) {
  return z.number({ error }).min(minBytes / BYTES_PER_MB, { error })
    .max(Number.MAX_SAFE_INTEGER / BYTES_PER_MB, { error }).default(standard)
    .transform((megabytes) => Math.floor(megabytes * BYTES_PER_MB));
}

function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: values.join(", ") });
}

function text(error: string, ...patterns: readonly RegExp[]) {
  return [/./su, ...patterns].reduce(
    (schema, pattern) => schema.regex(pattern, { error, abort: true }),
    z.string({ error }),
  );
}

const textOrNull = (error: string, pattern = /./su) =>
  text(error, pattern).optional().transform((said) => said ?? null);

/** A list; its line may also be there without any entry. */
function list(entry: z.ZodType<string>) {
  const entries = z.array(entry, { error: "a list of texts" });
  return z.preprocess((said) => said ?? [], entries);
}

// Line breaks and the like are what "C:\new" in double quotes turns into.
const CLEAN = /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u;
// C: and C:folder mean another place in every process; \folder is mostly what
// double quotes have left of \\server.
const DEFINITE = /^(?![A-Za-z]:(?![\\/]))(?!\\(?!\\[^\\/]+[\\/]+[^\\/]))/u;

const folder = text(
  "the path of a folder, such as C:\\pdrive_local, P:\\ or \\\\server\\share, in single quotes or none",
  CLEAN,
  DEFINITE,
);
const file = text(
  "the path of a file, such as logs/office-sync.log, in single quotes or none",
  CLEAN,
  DEFINITE,
  /[^\\/]$/u,
);

const extension = text(
  "the part of a name after its last dot, such as tmp, without wildcards",
  /^\.?[^.*?\\/]+$/u,
).transform((said) => said.replace(/^\./u, "").toLowerCase());
const name = text(
  "a name or its beginning, without folders or wildcards",
  /^[^*?\\/]+$/u,
);

const address = text(
  "one address, such as office@example.com or Office <office@example.com>",
  /^(?:(?:"[^"@<>\p{Cc}]*" *|[^",;@<>\p{Cc}]*)<[^\s@<>,;"]+@[^\s@<>,;"]+>|[^\s@<>,;"]+@[^\s@<>,;"]+)$/u,
);
const ADDRESSES = "one address or a list of them";
const addresses = z.preprocess(
  (said) => typeof said === "string" ? [said] : said,
  z.array(address, { error: ADDRESSES }).min(1, { error: ADDRESSES }),
);

const SECTIONS = {
  soft_delete: {
    enabled: flag.default(true),
    max_size_mb: size("a number of MB, 0 or more", 0, 20),
    retention_days: whole("a whole number of days, 0 or more", 0).default(0),
    keep_replaced: flag.default(false),
  },
  conflict_policy: {
    modify_modify: oneOf(POLICIES).default("clash"),
    new_new: oneOf(POLICIES).default("clash"),
    metadata_conflict: oneOf(POLICIES).default("clash"),
  },
  // Host and variable end up in permission flags, where a comma or a second
  // name would open more than was meant.
  email: {
    smtp_host: text(
      "the name or IP address of the mail server, without a port",
      /^(?:[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/u,
    ),
    smtp_port: whole("a whole number from 1 to 65535", 1, 65_535).default(587),
    security: oneOf(["starttls", "tls", "none"]).default("starttls"),
    username: textOrNull("the name to log in with"),
    password: textOrNull("a text"),
    password_env: textOrNull(
      "the name of an environment variable: letters, digits and _",
      /^[A-Za-z_][A-Za-z0-9_]*$/u,
    ),
    from: address,
    to: addresses,
  },
  ignore: {
    extensions: list(extension),
    filenames_prefix: list(name),
    filenames_exact: list(name),
  },
  logging: {
    file: file.default("logs/office-sync.log"),
    level: oneOf(["debug", "info", "warning", "error"]).default("info"),
    max_size_mb: size("a number of MB above 0", 1, 10),
    max_files: whole("a whole number from 1 to 100", 1, 100).default(5),
  },
  safety: {
    max_delete_percent: percent.default(50),
    max_delete_files: count.default(10),
    max_change_percent: percent.default(50),
    max_change_files: count.default(200),
  },
  sandbox: { network_roots: oneOf(["refuse", "allow_all"]).default("refuse") },
  compare: {
    verify_first_run: flag.default(false),
    always_read: list(extension),
  },
};

/** max_files → maxFiles; max_size_mb → maxSizeBytes, as it holds bytes. */
type Camel<S> = S extends `${infer A}_mb` ? `${Camel<A>}Bytes`
  : S extends `${infer A}_${infer B}` ? `${A}${Capitalize<Camel<B>>}`
  : S;

function camel<T extends object>(said: T) {
  const entries = Object.entries(said).map(([key, value]) => {
    const bytes = key.replace(/_mb$/u, "_bytes");
    return [bytes.replace(/_(.)/gu, (_, it) => it.toUpperCase()), value];
  });
  return Object.fromEntries(entries) as { [K in keyof T as Camel<K>]: T[K] };
}

/** Keys of a section, and nothing else. */
function strict<S extends z.ZodRawShape>(shape: S) {
  const keys = Object.keys(shape).join(", ");
  return z.strictObject(shape, { error: `a section with the keys ${keys}` });
}

/** A section that may be left out, or be there without any key. */
function section<S extends z.ZodRawShape>(shape: S) {
  return z.preprocess((said) => said ?? {}, strict(shape));
}

const shape = {
  left_root: folder,
  right_root: folder,
  soft_delete: section(SECTIONS.soft_delete).transform(camel),
  conflict_policy: section(SECTIONS.conflict_policy),
  email: z.preprocess(
    (said) => said ?? null,
    strict(SECTIONS.email).transform(camel).nullable(),
  ),
  ignore: section(SECTIONS.ignore).transform((said) => ({
    extensions: said.extensions,
    prefixes: said.filenames_prefix,
    names: said.filenames_exact,
  })),
  state_db: file.default("office-sync.db"),
  logging: section(SECTIONS.logging).transform(camel),
  safety: section(SECTIONS.safety).transform(camel),
  sandbox: section(SECTIONS.sandbox).transform(camel),
  compare: section(SECTIONS.compare).transform(camel),
};

/** The file as a whole. */
export const configSchema = z.strictObject(shape, {
  error: "keys with values, at least left_root and right_root",
});

/** Every key there is, with dots between its parts; sections included. */
export const CONFIG_KEYS: readonly string[] = Object.keys(shape).flatMap(
  (key) => [
    key,
    ...Object.keys(SECTIONS[key as keyof typeof SECTIONS] ?? {})
      .map((inner) => `${key}.${inner}`),
  ],
);

/**
 * What may have been meant by a key that does not exist.
 *
 * @param section The section it stands in; "" at the top.
 * @param key The key as written.
 * @returns A question, or the keys that are allowed there.
 *
 * @example A slip of the finger
 * ```ts
 * import { hintFor } from "./config_schema.ts";
 * hintFor("soft_delete", "enable"); // "did you mean enabled?"
 * ```
 */
export function hintFor(section: string, key: string): string {
  const start = section === "" ? "" : `${section}.`;
  const here = CONFIG_KEYS.filter((known) => known.startsWith(start))
    .map((known) => known.slice(start.length))
    .filter((known) => !known.includes("."));
  const plain = key.toLowerCase().replaceAll("-", "_");
  const near = here.map((known) => ({ known, edits: edits(plain, known) }))
    .filter((it) => it.edits <= Math.max(1, it.known.length / 3))
    .toSorted((a, b) => a.edits - b.edits)[0];
  return near ? `did you mean ${near.known}?` : `allowed: ${here.join(", ")}`;
}

/** How many letters to add, drop or change to get from one to the other. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (const [n, letter] of [...from].entries()) {
    const next = [n + 1];
    for (const [m, other] of [...to].entries()) {
      const swap = row[m]! + Number(letter !== other);
      next.push(Math.min(swap, row[m + 1]! + 1, next[m]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
