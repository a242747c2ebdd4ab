/**
 * Threads of the files' world, as the main thread starts them, with somebody
 * at the other end of the port who sends what he likes; and what he may send.
 *
 * @module
 */
import type { WorkOf } from "../../lib/files_act.ts";
import { PLAIN_TRAITS } from "../../lib/root_traits.ts";
import { both, type Side } from "../../lib/types.ts";
import {
  type ActBatch,
  type ActOrder,
  type FilesBegin,
  type FilesKind,
  type FilesWork,
  packCopies,
  type RequestKind,
  SharedState,
  type WireError,
  type WireRoot,
} from "../../lib/wire_messages.ts";
import type { Asks } from "../../lib/wire_port.ts";
import { TwoRoots } from "./two_roots.ts";

/** A run's folder among the soft-deleted files. */
export const RUN = "20260102-030405-pair";

/** Two roots, what is the program's own in each, and a neighbour. */
export class HostileRoots extends TwoRoots {
  /** @param drive The folder that they are to be in; left out: any will do. */
  constructor(drive?: string) {
    super({}, drive);
    this.fill();
    for (const { path } of [this.left, this.right]) {
      const own = `${path}/.office-sync`;
      for (const folder of [`deleted/${RUN}/d`, "pairs"]) {
        Deno.mkdirSync(`${own}/${folder}`, { recursive: true });
      }
      const id = { id: "00000000-0000-4000-8000-000000000000" };
      Deno.writeTextFileSync(`${own}/root.json`, JSON.stringify(id));
      Deno.writeTextFileSync(`${own}/pairs/pair`, "6\n");
      Deno.writeTextFileSync(`${own}/deleted/${RUN}/d/a`, "own");
    }
    Deno.mkdirSync(`${this.outside}/d`);
    for (const name of ["a", "d/b", ".office-sync-tmp-pair-run-1"]) {
      Deno.writeTextFileSync(`${this.outside}/${name}`, "the neighbour's");
    }
  }

  /**
   * Puts users' files back that are not there any more: some on both sides, a
   * file and an empty folder on Left alone, a folder on Right alone.
   */
  fill(): void {
    const names = ["a", "d/b", ".office-sync-tmp-pair-run-1"];
    fill(this.left.path, ["d/e", "only"], [...names, "l"]);
    fill(this.right.path, ["d/e", "n"], names);
  }
}

function fill(
  root: string,
  folders: readonly string[],
  files: readonly string[],
): void {
  for (const folder of folders) {
    Deno.mkdirSync(`${root}/${folder}`, { recursive: true });
  }
  for (const name of files) {
    const at = `${root}/${name}`;
    try {
      Deno.writeTextFileSync(at, name, { createNew: true });
      Deno.utimeSync(at, 1.6e9, 1.6e9);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** What a thread answers. */
export interface Reply {
  readonly gives?: unknown;
  readonly error?: WireError;
}

/** One thread, and whoever asks it. */
export class HostileThread implements Disposable {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #died: Promise<never>;
  #last = 0;

  constructor(kind: FilesKind, { left, right }: TwoRoots) {
    const url = new URL(`../../lib/files_${kind}_worker.ts`, import.meta.url);
    this.#worker = new Worker(url, { type: "module" });
    const { port1, port2 } = new MessageChannel();
    const roots = { left: left.path, right: right.path };
    const { buffer } = new SharedState();
    const begin: FilesBegin = { port: port2, roots, buffer };
    this.#worker.postMessage(begin, [port2]);
    this.#port = port1;
    port1.onmessage = ({ data }) => {
      if ("part" in data) return;
      this.#waiting.get(data.id)?.(data);
      this.#waiting.delete(data.id);
    };
    this.#died = new Promise((_, reject) => {
      this.#worker.onmessage = ({ data }) => reject(new Error(`died: ${data}`));
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`died: ${event.message}`));
      };
    });
    this.#died.catch(() => {});
  }

  /** Sends a request, or what looks like one. */
  ask(kind: unknown, asks: unknown): Promise<Reply> {
    const id = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    this.#port.postMessage({ id, kind, asks });
    return Promise.race([promise, this.#died]);
  }

  /** Sends anything at all. */
  send(message: unknown): void {
    this.#port.postMessage(message);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#port.close();
  }
}

/** The kind of thread that answers each request. */
export const ANSWERS: Readonly<Record<RequestKind, FilesKind>> = {
  ...{
    check: "look",
    identity: "look",
    away: "look",
    introduce: "look",
    number: "look",
  },
  ...{ probe: "look", looks: "look", scan: "look", deleted: "look" },
  ...{ answer: "act", owners: "act", leftovers: "act", moves: "act" },
  ...{ prune: "act", rehearse: "act", space: "act", act: "act" },
  show: "show",
};

/** A request with what is asked, as it should be. */
export type Sample = {
  readonly [K in RequestKind]: readonly [kind: K, asks: Asks<K>];
}[RequestKind];

/** Of each request one or more; together they have all of a field's types. */
export function samples(at: TwoRoots): Sample[] {
  const seen = at.seen("left", "a");
  const lone = at.seen("left", "l");
  const id = { ino: 7, birthMs: 7 };
  const root = wireRoot(at, "left");
  const owner = { pair: "pair", run: "run" };
  const side = "left" as const;
  const file = { side, path: "a", metadata: seen };
  const { path } = file;
  const act = (part: Partial<ActBatch>): Sample => ["act", {
    wire: both((side) => wireRoot(at, side)),
    ids: { left: null, right: null },
    ...{ owner, startedAtMs: 1.7e12, copies: packCopies([]), orders: [] },
    ...{ forMs: 1000, full: [], drops: [], fills: [] },
    ...part,
  }];
  return [
    ["check", { side }],
    ["identity", { side }],
    ["away", { side }],
    ["space", { side }],
    ["introduce", { side, owner, replaces: false }],
    ["number", { side, pair: "pair", give: null }],
    ["number", { side, pair: "pair", give: 7 }],
    ["probe", { side, owner: null, traits: null, nameBytes: null }],
    ["probe", {
      ...{ side, owner, traits: root.traits, nameBytes: 255 },
    }],
    ["looks", { side, root, paths: ["a", "d"], wantsSecond: true }],
    ["looks", {
      ...{ side, root: { ...root, self: null, refusedNames: 255 } },
      ...{ paths: [], wantsSecond: false },
    }],
    ["answer", {
      roots: both((side) => wireRoot(at, side)),
      questions: [
        { kind: "hash", file: { ...file, metadata: { ...seen, id } } },
        { kind: "hash", file: { ...file, metadata: { ...seen, id: null } } },
        { kind: "hash", file: { ...file, run: RUN, path: "d/a" } },
        {
          ...{ kind: "compare", a: file, wantsHash: true },
          b: { ...file, side: "right" },
        },
      ],
    }],
    ["owners", { side, root, paths: ["~$a"] }],
    ["leftovers", { side, root, paths: [".office-sync-tmp-pair-run-1"] }],
    ["moves", {
      ...{ side, root, isPlan: false },
      moves: [{ side, from: "x", middle: ".office-sync-mv-1", to: "y" }],
    }],
    ["deleted", { side, root, wantsFiles: true }],
    ["prune", { side, root, runs: ["20250102-030405-pair"] }],
    ["rehearse", { side, owner }],
    ["show", { side, root, path, metadata: seen }],
    ["scan", {
      ...{ side, tickMs: 1, startedAtMs: 0, digests: new Map([["", "x"]]) },
      ignore: { extensions: ["tmp"], prefixes: ["~$"], names: ["x"] },
    }],
    ["scan", {
      ...{ side, tickMs: 1, hasIds: true, startedAtMs: 0 },
      windowsNames: "missing",
      digests: new Map(),
      ignore: {
        ...{ extensions: [], prefixes: [], names: [], junk: ["y"] },
        paths: [{ source: "^z", ignoresCase: false, isException: true }],
      },
    }],
    act({
      ids: { left: "x", right: "y" },
      full: ["left/1"],
      copies: packCopies([{
        ...{ from: side, path: "l", source: lone, target: null, mode: null },
        ...{ keepsHash: false, number: 5 },
      }]),
      drops: [{ side, path: "x", number: 9, folders: ["y"] }],
      fills: [{ side, path: "z", id }],
    }),
    ...works(at).map((work) => act({ orders: [ordered(work)] })),
    act({
      orders: works(at).slice(0, 1).map((work) => ({
        ...ordered(work),
        needs: [-1],
        mark: "mark",
        row: {
          ...{ path, hash: "x" },
          left: { ...seen, id, isFresh: false },
          right: { ...seen, id: null, isFresh: false },
        },
        copied: {
          ...{ source: seen, metadata: seen, lookedAtMs: 0, hash: "x" },
          folders: ["x"],
        },
      })),
    }),
    act({
      orders: works(at).slice(0, 1).map((work) => ({
        ...ordered(work),
        row: {
          ...{ path, hash: null },
          left: { ...seen, id, isFresh: false },
          right: { ...seen, id, isFresh: false },
        },
        copied: {
          ...{ source: seen, metadata: seen, lookedAtMs: 0, hash: null },
        },
      })),
    }),
  ];
}

function wireRoot(at: TwoRoots, side: Side): WireRoot {
  const { dev, ino } = at[side].self!;
  return { traits: PLAIN_TRAITS, self: { dev, ino }, refusedNames: null };
}

function ordered(work: FilesWork): ActOrder {
  return {
    ...{ at: 0, work, needs: [], mayWait: true, row: null, mark: null },
    ...{ number: 6, copied: null },
  };
}

/** An action of each kind, and another one where a field has two types. */
function works(at: TwoRoots): FilesWork[] {
  const seen = at.seen("left", "a");
  const other = at.seen("right", "a");
  const lone = at.seen("left", "l");
  const id = { ino: 7, birthMs: 7 };
  const row = {
    ...{ path: "a", hash: null },
    left: { ...seen, isFresh: false },
    right: { ...seen, isFresh: false },
  };
  const copy: WorkOf<"copy"> = {
    kind: "copy",
    from: "left",
    path: "l",
    source: lone,
    target: null,
    softDeleted: null,
    mode: null,
    fate: "destroy",
    clashPath: null,
    isDoubtful: false,
    keepsHash: false,
    rowPath: null,
  };
  const clash: WorkOf<"clash"> = {
    kind: "clash",
    from: "left",
    path: "a",
    clashPath: "x",
    metadata: seen,
    existing: { left: null, right: null },
    winner: null,
    leaves: false,
    keepsHash: false,
    rowPath: null,
  };
  const rename: WorkOf<"rename"> = {
    kind: "rename",
    on: "left",
    from: "a",
    to: "x",
    metadata: seen,
    other: null,
    mtimeMs: null,
    mode: null,
    row: null,
    rowPath: null,
    keepsHalves: false,
  };
  const folder: WorkOf<"rename-directory"> = {
    kind: "rename-directory",
    on: "left",
    from: "d",
    to: "n",
    rowPath: null,
    isMount: { left: false, right: false },
    id: { left: null, right: null },
    open: ["b"],
  };
  const made: WorkOf<"create-directory"> = {
    kind: "create-directory",
    on: "left",
    path: "n",
    isMount: false,
    id: null,
  };
  return [
    copy,
    {
      ...{ ...copy, path: "a", source: seen, target: other, mode: 0o644 },
      ...{ clashPath: "x", rowPath: "x" },
      softDeleted: { side: "left", run: RUN, path: "d/a" },
    },
    {
      ...{ kind: "remove", on: "left", path: "a", metadata: seen, other },
      ...{ fate: "soft-delete", rowPath: "a" },
    },
    {
      ...{ kind: "remove", on: "left", path: "l", metadata: lone },
      ...{ fate: "destroy", rowPath: "a" },
    },
    clash,
    {
      ...{ ...clash, winner: other, rowPath: "a" },
      existing: { left: seen, right: seen },
    },
    rename,
    {
      ...{ ...rename, other: { path: "a", metadata: other }, mtimeMs: 0 },
      ...{ mode: 0o644, row, rowPath: "a" },
    },
    folder,
    { ...folder, rowPath: "d", id: { left: id, right: id } },
    made,
    { ...made, id },
    { kind: "remove-directory", on: "left", path: "only", rowPath: "d" },
  ];
}

/** A field of a message: where it is, and what it holds. */
export interface Field {
  readonly keys: readonly string[];
  /** The same for all fields that mean the same. */
  readonly name: string;
  readonly value: unknown;
}

/** All fields of a message, and of what is in it. */
export function* fieldsOf(
  value: unknown,
  name: string,
  keys: readonly string[] = [],
): Generator<Field> {
  yield { keys, name, value };
  if (Array.isArray(value)) {
    for (const [n, it] of value.entries()) {
      yield* fieldsOf(it, `${name}.*`, [...keys, `${n}`]);
    }
  } else if (isRecord(value)) {
    const kind = "kind" in value ? `<${value.kind}>` : "";
    for (const [key, it] of Object.entries(value)) {
      yield* fieldsOf(it, `${name}${kind}.${key}`, [...keys, key]);
    }
  }
}

/** Plain data with fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** A copy of a message with one field that is changed. */
export function changed(
  message: unknown,
  keys: readonly string[],
  change: (holder: Record<string, unknown>, key: string) => void,
): unknown {
  const all = { message: copied(message) };
  let holder: Record<string, unknown> = all;
  let key = "message";
  for (const next of keys) {
    holder = holder[key] as Record<string, unknown>;
    key = next;
  }
  change(holder, key);
  return all.message;
}

/** Each field for itself, also where two hold the same object. */
function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, it]) => [key, copied(it)]);
  return Object.fromEntries(entries);
}
