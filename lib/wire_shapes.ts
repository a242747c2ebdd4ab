/**
 * The shape of each request: held to it at the door of a thread of the files'
 * world, before anything is done. Who asks may be mistaken, or hostile, and
 * what came is only said to be of a type. What a path or a name may be is the
 * fence's business.
 *
 * @module
 */
import type { Traits } from "./metadata.ts";
import { Refused, type TemporaryOwner } from "./names.ts";
import type { FileRef, Question, SoftDeletedRef } from "./plan_types.ts";
import type {
  Both,
  FileId,
  FileRow,
  Metadata,
  Move,
  RecordedHalf,
  Side,
} from "./types.ts";
import type { IgnoreSettings, PathPattern } from "./wire_ignore.ts";
import {
  type ActBatch,
  type ActOrder,
  type Aside,
  COPY_NUMBERS,
  type CopyColumns,
  type CopyTask,
  type FilesWork,
  type Made,
  type NewFolder,
  type RequestKind,
  type Requests,
  unpackCopies,
  type WireRoot,
} from "./wire_messages.ts";

/** Tells what is wrong with a value, and where in it; null: nothing is. */
export type Look = (value: unknown) => string | null;

/** What tells whether a value is of a type. */
export type Shape<T> = Look & {
  /** Never there: it keeps the shapes of two types apart. */
  readonly of?: (it: T) => T;
};

// Whoever adds a field to a type is told by the type checker that its shape
// lacks it. No number is refused that a disk or a clock might tell.

function which<T>(what: string, isIt: (value: unknown) => boolean): Shape<T> {
  return (value) => isIt(value) ? null : ` is no ${what}`;
}

/** Any text. */
export const text: Shape<string> = which(
  "text",
  (it) => typeof it === "string",
);

const flag: Shape<boolean> = which("flag", (it) => typeof it === "boolean");

/** A time, or a part of an id: also what is none, as some disks tell them. */
const number: Shape<number> = which("number", (it) => typeof it === "number");

/** A size, or how much of anything: Infinity where there is no limit. */
const amount: Shape<number> = which(
  "amount",
  (it) => typeof it === "number" && it >= 0,
);

/** A whole number; -1 is a position that there is not. */
export const whole: Shape<number> = which("whole number", Number.isSafeInteger);

/** Of permission bits, never those that give a program its owner's rights. */
const mode: Shape<number> = which(
  "mode",
  (it) => Number.isInteger(it) && it as number >= 0 && it as number <= 0o777,
);

/** One of several texts. */
export function oneOf<T extends string>(...all: readonly T[]): Shape<T> {
  return which(all.join(" or "), (it) => all.includes(it as T));
}

function orNull<T>(shape: Shape<T>): Shape<T | null> {
  return (value) => value === null ? null : shape(value);
}

/** Of a field that may be left out. */
function orLeftOut<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value) => value === undefined ? null : shape(value);
}

function listOf<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return " is no list";
    // A list may be long and have nothing in it: then it ends with the first.
    for (let n = 0; n < value.length; n++) {
      const flaw = shape(value[n]);
      if (flaw !== null) return `.${n}${flaw}`;
    }
    return null;
  };
}

/** A shape for each field of a record. */
export type Fields<T> = { readonly [K in keyof T]-?: Shape<T[K]> };

/**
 * Plain data with these fields and no others.
 *
 * @param unread Fields that may come along, and that nobody reads.
 */
export function record<T extends object>(
  fields: Fields<T>,
  unread: readonly string[] = [],
): Shape<T> {
  const all = Object.entries(fields) as [string, Look][];
  return (value) => {
    const isPlain = typeof value === "object" && value !== null &&
      Object.getPrototypeOf(value) === Object.prototype;
    if (!isPlain) return " is no plain object";
    for (const name of Object.keys(value)) {
      const isKnown = Object.hasOwn(fields, name) || unread.includes(name);
      if (!isKnown) return `.${name} is unknown`;
    }
    for (const [name, shape] of all) {
      const flaw = shape((value as Record<string, unknown>)[name]);
      if (flaw !== null) return `.${name}${flaw}`;
    }
    return null;
  };
}

/** The fields of each kind of several records. */
export type Kinds<T extends { readonly kind: string }> = {
  readonly [K in T["kind"]]: Fields<Omit<Extract<T, { kind: K }>, "kind">>;
};

/** Of several records, each known by its kind. */
export function kinds<T extends { readonly kind: string }>(
  all: Kinds<T>,
): Shape<T> {
  const shapes = new Map(
    Object.entries<object>(all).map(([kind, fields]) => [
      kind as unknown,
      record({ kind: oneOf(kind), ...fields }),
    ]),
  );
  return (value) => {
    const kind = (value as { readonly kind?: unknown } | null | undefined)
      ?.kind;
    const shape = shapes.get(kind);
    return shape ? shape(value) : ".kind is unknown";
  };
}

const side: Shape<Side> = oneOf("left", "right");

function bothOf<T>(shape: Shape<T>): Shape<Both<T>> {
  return record<Both<T>>({ left: shape, right: shape });
}

const texts = listOf(text);

const id = record<FileId>({ ino: number, birthMs: number });
const fileId = orNull(id);

const METADATA: Fields<Metadata> = {
  sizeBytes: amount,
  mtimeMs: number,
  mode,
  id: fileId,
};

// What a listing or the record tells of a file is handed on as it is.
const metadata = record<Metadata>(METADATA, ["kind", "name", "isFresh"]);
const half = record<RecordedHalf>({ ...METADATA, isFresh: flag });
const row = record<FileRow>({
  path: text,
  left: half,
  right: half,
  hash: orNull(text),
});

const owner = record<TemporaryOwner>({ pair: text, run: text });

const traits = record<Traits>({
  ignoresCase: flag,
  ignoresNormalForm: flag,
  hasWindowsNames: flag,
  carriesModes: orLeftOut(flag),
  hasIds: orLeftOut(flag),
  tickMs: amount,
  clockOffsetMs: number,
});

const root = record<WireRoot>({
  traits,
  self: orNull(
    record<NonNullable<WireRoot["self"]>>({
      dev: number,
      ino: orNull(number),
    }),
  ),
  refusedNames: orNull(amount),
});

const fileRef = record<FileRef>({
  side,
  path: text,
  run: orLeftOut(text),
  metadata,
});

const question = kinds<Question>({
  compare: { a: fileRef, b: fileRef, wantsHash: flag },
  hash: { file: fileRef },
});

const softDeleted = orNull(
  record<SoftDeletedRef>({ side, run: text, path: text }),
);

const fate = oneOf("soft-delete", "destroy");
const seen = orNull(metadata);

const COPY: Fields<Omit<CopyTask, "number">> = {
  from: side,
  path: text,
  source: metadata,
  target: seen,
  mode: orNull(mode),
  keepsHash: flag,
};

const work = kinds<FilesWork>({
  copy: {
    ...COPY,
    softDeleted,
    fate,
    clashPath: orNull(text),
    isDoubtful: flag,
    rowPath: orNull(text),
  },
  remove: {
    on: side,
    path: text,
    metadata,
    other: orLeftOut(metadata),
    fate,
    rowPath: text,
  },
  clash: {
    from: side,
    path: text,
    clashPath: text,
    metadata,
    existing: bothOf(seen),
    winner: seen,
    leaves: flag,
    keepsHash: flag,
    rowPath: orNull(text),
  },
  rename: {
    on: side,
    from: text,
    to: text,
    metadata,
    other: orNull(
      record<{ readonly path: string; readonly metadata: Metadata }>({
        path: text,
        metadata,
      }),
    ),
    mtimeMs: orNull(number),
    mode: orNull(mode),
    row: orNull(row),
    rowPath: orNull(text),
    keepsHalves: flag,
  },
  "rename-directory": {
    on: side,
    from: text,
    to: text,
    rowPath: orNull(text),
    isMount: bothOf(flag),
    id: bothOf(fileId),
    open: texts,
  },
  "create-directory": { on: side, path: text, isMount: flag, id: fileId },
  "remove-directory": { on: side, path: text, rowPath: text },
});

const order = record<ActOrder>({
  at: whole,
  work,
  needs: listOf(whole),
  mayWait: flag,
  row: orNull(row),
  mark: orNull(text),
  number: whole,
  copied: orNull(
    record<Made>({
      source: metadata,
      metadata,
      lookedAtMs: number,
      hash: orNull(text),
      folders: orLeftOut(texts),
    }),
  ),
});

const columns = record<CopyColumns>({
  paths: texts,
  // Others could change what is shared once it was looked at.
  numbers: which(
    "numbers of its own",
    (it) => it instanceof Float64Array && it.buffer instanceof ArrayBuffer,
  ),
});

const tasks = listOf(record<CopyTask>({ ...COPY, number: whole }));

const copies: Shape<CopyColumns> = (value) => {
  const flaw = columns(value);
  if (flaw !== null) return flaw;
  const it = value as CopyColumns;
  return it.numbers.length === it.paths.length * COPY_NUMBERS
    ? tasks(unpackCopies(it))
    : ".numbers are not as many as the paths need";
};

const batch = record<ActBatch>({
  wire: bothOf(root),
  ids: bothOf(orNull(text)),
  owner,
  startedAtMs: whole,
  copies,
  orders: listOf(order),
  forMs: amount,
  full: texts,
  drops: listOf(
    record<Aside>({ side, path: text, number: whole, folders: texts }),
  ),
  fills: listOf(record<NewFolder>({ side, path: text, id })),
});

/** Each order stands where it says, between the copies. */
const act: Shape<ActBatch> = (value) => {
  const flaw = batch(value);
  if (flaw !== null) return flaw;
  const { copies, orders } = value as ActBatch;
  let last = -1;
  for (const [n, { at }] of orders.entries()) {
    const isInPlace = at > last && at <= copies.paths.length + n;
    if (!isInPlace) return `.orders.${n}.at is not its position`;
    last = at;
  }
  return null;
};

const ignore = record<IgnoreSettings>({
  extensions: texts,
  prefixes: texts,
  names: texts,
  junk: orLeftOut(texts),
  paths: orLeftOut(
    listOf(
      record<PathPattern>({
        source: text,
        ignoresCase: flag,
        isException: flag,
      }),
    ),
  ),
});

const digests: Shape<ReadonlyMap<string, string>> = (value) =>
  value instanceof Map && [...value].every((it) => texts(it) === null)
    ? null
    : " is no map of texts";

const moves = listOf(
  record<Move>({ side, from: text, middle: text, to: text }),
);

/** What is asked with each request but "act", which is more than a record. */
const FIELDS: {
  readonly [K in Exclude<RequestKind, "act">]: Fields<Requests[K]["asks"]>;
} = {
  check: { side },
  identity: { side },
  away: { side },
  introduce: { side, owner, replaces: flag },
  number: { side, pair: text, give: orNull(whole) },
  probe: {
    side,
    owner: orNull(owner),
    traits: orNull(traits),
    nameBytes: orNull(amount),
  },
  looks: { side, root, paths: texts, wantsSecond: flag },
  answer: { roots: bothOf(root), questions: listOf(question) },
  owners: { side, root, paths: texts },
  leftovers: { side, root, paths: texts },
  moves: { side, root, moves, isPlan: flag },
  deleted: { side, root, wantsFiles: flag },
  prune: { side, root, runs: texts },
  rehearse: { side, owner },
  space: { side },
  show: { side, root, path: text, metadata },
  scan: {
    side,
    tickMs: amount,
    hasIds: orLeftOut(flag),
    startedAtMs: number,
    windowsNames: orLeftOut(oneOf("all", "missing")),
    digests,
    ignore,
  },
};

const REQUESTS = new Map<unknown, Look>([
  ["act", act],
  ...Object.entries<Fields<object>>(FIELDS).map(([kind, fields]) =>
    [kind, record(fields)] as const
  ),
]);

/**
 * Requires that there is such a request, and that what is asked has its shape.
 *
 * @throws {Refused} One of both is not so.
 */
export function requireShape(kind: unknown, asks: unknown): void {
  const shape = REQUESTS.get(kind);
  if (!shape) throw new Refused(kind, "there is no such request");
  const flaw = shape(asks);
  if (flaw !== null) throw new Refused(kind, `what is asked${flaw}`);
}
