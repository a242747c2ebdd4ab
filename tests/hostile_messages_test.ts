import fc from "fast-check";
import assert from "node:assert/strict";
import { flawIn } from "../lib/names.ts";
import { lstatOf } from "../lib/root_files.ts";
import type { FilesKind, RequestKind } from "../lib/wire_messages.ts";
import {
  ANSWERS,
  changed,
  type Field,
  fieldsOf,
  HostileRoots,
  HostileThread,
  isRecord,
  type Reply,
  RUN,
  samples,
} from "./support/hostile_messages.ts";
import {
  NO_PARTS,
  NO_PATHS,
  NOT_ON_WINDOWS,
  OWN_PATHS,
} from "./support/hostile_paths.ts";
import { type Snapshot, snapshot } from "./support/snapshot.ts";

/**
 * What the engine sends to the threads that touch files, where it has been
 * turned against whoever runs it.
 */

fc.configureGlobal({ seed: 20260101 });

const isWindows = Deno.build.os === "windows";

/** Where the roots are: on Windows on a mapped drive, and on a share. */
const DRIVES = isWindows ? ["P:\\", "\\\\server\\share"] : [undefined];

/** Two roots, and a thread of each kind that answers about them. */
class Hostile implements Disposable {
  readonly at: HostileRoots;
  readonly #threads: { readonly [K in FilesKind]: HostileThread };
  readonly #before: Snapshot;
  /** What was sent so far. */
  sent = 0;

  constructor(drive?: string) {
    this.at = new HostileRoots(drive);
    this.#before = snapshot(this.at.folder, true);
    const thread = (kind: FilesKind) => new HostileThread(kind, this.at);
    this.#threads = {
      look: thread("look"),
      act: thread("act"),
      show: thread("show"),
    };
  }

  ask(kind: unknown, asks: unknown): Promise<Reply> {
    this.sent++;
    const isKnown = typeof kind === "string" && Object.hasOwn(ANSWERS, kind);
    const answers = isKnown ? ANSWERS[kind as RequestKind] : "look";
    return this.#threads[answers].ask(kind, asks);
  }

  /** Requires that a request is refused, with words that begin so. */
  async refuses(kind: unknown, asks: unknown, says: string): Promise<void> {
    const reply = await this.ask(kind, asks);
    const { cause = reply.error } = reply.error ?? {};
    const told = `${cause?.name}: ${cause?.message}`;
    const begins = `Refused: refused: ${says}`;
    assert.ok(told.startsWith(begins), `${told}, not ${begins}`);
  }

  send(message: unknown): void {
    this.sent++;
    for (const it of Object.values(this.#threads)) it.send(message);
  }

  /** Requires that nothing was done, and that both threads answer still. */
  async isWhole(): Promise<void> {
    await this.isAlive();
    assert.deepEqual(snapshot(this.at.folder, true), this.#before);
  }

  async isAlive(): Promise<void> {
    const side = "left";
    assert.ok("gives" in await this.ask("check", { side }));
    assert.ok("gives" in await this.ask("space", { side }));
  }

  [Symbol.dispose](): void {
    for (const it of Object.values(this.#threads)) it[Symbol.dispose]();
    this.at[Symbol.dispose]();
  }
}

/** Values, by their types. */
const WRONG: readonly (readonly [type: string, value: unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["boolean", true],
  ["number", 1],
  ["bigint", 1n],
  ["string", "a"],
  ["list", []],
  ["list", ["a"]],
  ["record", {}],
  ["record", { kind: "copy", side: "left", path: "a" }],
  ["Map", new Map([["a", "a"]])],
  ["Set", new Set(["a"])],
  ["Float64Array", new Float64Array(9)],
  ["Uint8Array", new Uint8Array(9)],
  ["ArrayBuffer", new ArrayBuffer(8)],
  ["Date", new Date(0)],
  ["Error", new Error("a")],
  ["RegExp", /a/],
  ["String", Object("a")],
  ["Number", Object(1)],
];

function typeOf(value: unknown): string {
  if (value === null || typeof value !== "object") {
    return value === null ? "null" : typeof value;
  }
  if (Array.isArray(value)) return "list";
  return isRecord(value) ? "record" : value.constructor.name;
}

/** Types that a field so named may have, whether a sample shows it or not. */
const MAY_HAVE: readonly (readonly [field: RegExp, types: string[]])[] = [
  [/\.(?:self|self\.ino|refusedNames|id)$/, ["null"]],
  [/\.refusedNames$/, ["number"]],
  [/\.id$/, ["record"]],
  [/\.hash$/, ["null", "string"]],
  [
    /(?:\.(?:carriesModes|hasIds|run|junk|windowsNames|ignore\.paths|copied\.folders)|<remove>\.other)$/,
    ["undefined"],
  ],
  [/\.(?:file|a|b)\.run$/, ["string"]],
];

/** Names of fields, and what no field so named may hold. */
const NOT_IN: readonly (readonly [field: RegExp, values: unknown[]])[] = [
  [/\.sizeBytes$/, [NaN, -1, -Infinity]],
  [/\.mode$/, [NaN, -1, 1.5, 0o1000, 0o4755, 0o7777, Infinity]],
  [/\.(number|at|give)$|\.needs\.\*$/, [NaN, 1.5, Infinity, 2 ** 53]],
  [/^act\.startedAtMs$/, [NaN, 1.5, Infinity, -Infinity]],
  [/\.(forMs|tickMs|nameBytes|refusedNames)$/, [NaN, -1]],
  [
    /\.(side|on)$|<(?:copy|clash)>\.from$/,
    ["", "up", "LEFT", "left ", "left\0", "both", "__proto__", "constructor"],
  ],
  [/\.fate$/, ["", "keep", "toString", "__proto__"]],
  [/\.windowsNames$/, ["", "some", "valueOf"]],
  [
    /\.kind$/,
    ["", "record", "none", "read", "Copy", "__proto__", "constructor"],
  ],
];

/** Names that mean something to the language, and one that means nothing. */
const MORE = ["more", "__proto__", "constructor", "toString", "then", "0"];

for (const drive of DRIVES) {
  const where = drive === undefined ? "" : ` (${drive})`;

  Deno.test(`each request that is as it should be is answered${where}`, async () => {
    using hostile = new Hostile(drive);
    const { at } = hostile;
    let acts = 0;
    for (const n of samples(at).keys()) {
      for (const made of ["left/n", "left/x", "right/l", "right/x"]) {
        const path = `${at.folder}/${made}`;
        if (lstatOf(path)) Deno.removeSync(path, { recursive: true });
      }
      at.fill();
      const [kind, asks] = samples(at)[n]!;
      const reply = await hostile.ask(kind, asks);
      assert.ok("gives" in reply, `${kind}: ${Deno.inspect(reply)}`);
      if (kind === "act" && /kind: "done"/.test(Deno.inspect(reply))) acts++;
    }
    assert.ok(acts > 6, `${acts} acts were done`);
  });

  Deno.test(`refused at the door, with nothing done: each field of each request that is left out, of another type, or what it can't be, and fields that are not known${where}`, async () => {
    using hostile = new Hostile(drive);
    const all = samples(hostile.at);
    const fields = all.flatMap(([kind, asks]) => [...fieldsOf(asks, kind)]);
    const types = Map.groupBy(fields, ({ name }) => name);
    const may = (name: string, type: string): boolean =>
      types.get(name)?.some(({ value }) => typeOf(value) === type) ||
      MAY_HAVE.some(([it, types]) => it.test(name) && types.includes(type));
    const waiting: Promise<void>[] = [];
    const refuses = (
      kind: RequestKind,
      asks: unknown,
      { keys }: Field,
      change: Parameters<typeof changed>[2],
      more: string[] = [],
    ) => {
      const at = ["what is asked", ...keys, ...more].join(".");
      const message = changed(asks, keys, change);
      waiting.push(hostile.refuses(kind, message, `"${kind}": ${at}`));
    };
    const done = new Set<string>();
    for (const [kind, asks] of all) {
      for (const field of fieldsOf(asks, kind)) {
        const { name, value } = field;
        // What means the same is tried once; what has the same name, but is
        // elsewhere, with a few.
        if (done.has(`${name} ${typeOf(value)}`)) continue;
        done.add(`${name} ${typeOf(value)}`);
        const short = name.split(".").slice(-2).join(".") +
          (isRecord(value) ? Object.keys(value).sort().join() : "");
        const isNew = !done.has(short);
        done.add(short);
        for (const [n, [type, wrong]] of WRONG.entries()) {
          if (may(name, type) || !isNew && n % 10 > 0) continue;
          refuses(kind, asks, field, (holder, key) => {
            holder[key] = wrong;
          });
        }
        const values = NOT_IN.find(([it]) => it.test(name))?.[1] ?? [];
        for (const wrong of value === null ? [] : values) {
          refuses(kind, asks, field, (holder, key) => {
            holder[key] = wrong;
          });
        }
        if (!isRecord(value) || !isNew) continue;
        for (const more of MORE) {
          refuses(kind, asks, field, (holder, key) => {
            Object.defineProperty(holder[key], more, {
              ...{ value: "a", enumerable: true },
            });
          }, [more]);
        }
        for (const less of Object.keys(value)) {
          if (may(`${name}.${less}`, "undefined")) continue;
          refuses(kind, asks, field, (holder, key) => {
            delete (holder[key] as Record<string, unknown>)[less];
          }, [less]);
        }
      }
    }
    await Promise.all(waiting);
    assert.ok(waiting.length > 6800, `${waiting.length}`);
    await hostile.isWhole();
  });
  Deno.test(`what is no request at all is refused, or comes to nothing where nobody could be told${where}`, async () => {
    using hostile = new Hostile(drive);
    const { at } = hostile;
    const side = "left";
    const refused: readonly (readonly [kind: unknown, asks: unknown])[] = [
      // No request, or one of another thread.
      ...["", "read", "eval", "Act", "act ", "toString", "valueOf", "then"],
      ...["__proto__", "constructor", "hasOwnProperty", "prototype", "0"],
      ...[undefined, null, 0, 1n, true, {}, [], ["check"], [["check"]]],
      ...[new Map(), Object("check"), new Error("check"), new Date(0)],
      { toString: "check" },
    ].map((kind) => [kind, { side }] as const);
    for (const [kind, asks] of refused) {
      await hostile.refuses(kind, asks, "");
    }
    for (
      const message of [
        ...[undefined, null, 0, "check", true, 1n, [], {}, new Map()],
        ...[{ kind: "check", asks: { side } }, ["check", { side }]],
        ...["x", null, undefined, NaN, 0.5, {}, [], 1n, 2 ** 60].map((id) => ({
          ...{ id, kind: "check", asks: { side } },
        })),
        new Error("check"),
        new SharedArrayBuffer(8),
        new ArrayBuffer(8),
        { port: 1, roots: { left: at.outside, right: at.outside } },
      ]
    ) hostile.send(message);
    // These are answered, to nobody who waits.
    hostile.send({ id: 1e9, kind: "check" });
    hostile.send({ id: 1e9, kind: "check", asks: { side }, more: 1 });
    await hostile.isWhole();
  });

  Deno.test(`lists that are not what they seem are refused${where}`, async () => {
    using hostile = new Hostile(drive);
    const all = samples(hostile.at);
    const [, looks] = all.find(([kind]) => kind === "looks")!;
    const [, scan] = all.find(([kind]) => kind === "scan")!;
    const [, act] = all.find(([, asks]) =>
      "copies" in asks && asks.copies.paths.length > 0
    )!;
    assert.ok("copies" in act);
    const { copies } = act;
    const { numbers } = copies;
    const shared = new Float64Array(
      new SharedArrayBuffer(numbers.length * 8),
    );
    shared.set(numbers);
    const changedNumber = (n: number, value: number) => numbers.with(n, value);
    const holes = ["a"];
    holes[1e6] = "b";
    const order = (at: number) => ({
      ...{ at, needs: [], mayWait: true, row: null, mark: null, number: 1 },
      copied: null,
      work: { kind: "remove-directory", on: "left", path: "d", rowPath: "d" },
    });
    const messages: readonly (readonly [kind: RequestKind, asks: unknown])[] = [
      // A list with the fields of a record.
      ["check", Object.assign([], { side: "left" })],
      // Others could write to it while it is used.
      ["act", { ...act, copies: { ...copies, numbers: shared } }],
      ...[
        ...[[...numbers], numbers.slice(1), new Float64Array(0)],
        ...[
          new Float32Array(numbers),
          numbers.buffer,
          new DataView(numbers.buffer),
        ],
        new Float64Array(100 * numbers.length),
        // Mode, number of the temporary name, size.
        ...[0o4755, -1, 1.5].map((it) => changedNumber(2, it)),
        ...[NaN, 1.5, Infinity].map((it) => changedNumber(3, it)),
        ...[NaN, -1].map((it) => changedNumber(4, it)),
      ].map((numbers) =>
        ["act", { ...act, copies: { ...copies, numbers } }] as const
      ),
      ...[["a", "b"], [], new Array(1e9), "a", { 0: "a", length: 1 }].map(
        (paths) => ["act", { ...act, copies: { ...copies, paths } }] as const,
      ),
      // Two at one place, out of order, beyond the end.
      ...[[0, 0], [1, 0], [3], [0, 3], [-1], [0, 1, 1]].map((all) =>
        ["act", { ...act, orders: all.map(order) }] as const
      ),
      ...[new Array(1e9), new Array(1), holes, new Set(["a"]), "a", [["a"]]]
        .map(
          (paths) => ["looks", { ...looks, paths }] as const,
        ),
      ...[
        ...[[["", 1]], [[1, "x"]], [["", null]], [[{}, "x"]]].map((it) =>
          new Map(it as [string, string][])
        ),
        ...[{}, [], [["", "x"]], new Set(["x"])],
      ].map((digests) => ["scan", { ...scan, digests }] as const),
    ];
    for (const [kind, asks] of messages) {
      await hostile.refuses(kind, asks, `"${kind}": what is asked`);
    }
    await hostile.isWhole();
  });

  Deno.test(`a path that leads elsewhere is refused, with nothing done, in each place for one of each request${where}`, async () => {
    using hostile = new Hostile(drive);
    const paths = [
      ...Object.values(NO_PATHS).flat().filter((it) => typeof it === "string"),
      ...OWN_PATHS,
      ...isWindows ? Object.values(NOT_ON_WINDOWS).flat() : [],
    ];
    const places = new Set<string>();
    const waiting: Promise<void>[] = [];
    for (const [kind, asks] of samples(hostile.at)) {
      for (const { name, keys, value } of fieldsOf(asks, kind)) {
        if (typeof value !== "string" || places.has(name)) continue;
        if (!ACTED_ON.test(name)) continue;
        places.add(name);
        const isRuns = /softDeleted\.path|questions.*\.file\.path/.test(name);
        const isLeftover = kind === "leftovers";
        const isMiddle = name.endsWith(".middle");
        for (const path of paths) {
          const own = flawIn(path, isWindows)?.own;
          if (isRuns && own === "plain") continue;
          if (isLeftover && own && /-tmp-[^/]*$/i.test(path)) continue;
          if (isMiddle && /^\.office-sync-mv-[^/]*$/.test(path)) continue;
          const message = changed(asks, keys, (holder, key) => {
            holder[key] = path;
          });
          const says = isMiddle ? "" : JSON.stringify(path);
          waiting.push(hostile.refuses(kind, message, says));
        }
      }
    }
    await Promise.all(waiting);
    assert.equal(places.size, 27, [...places].join("\n"));
    assert.ok(waiting.length > 1600, `${waiting.length}`);
    await hostile.isWhole();
  });

  Deno.test(`who has a document open is told from a file that is named as owner files are, and from no other${where}`, async () => {
    using hostile = new Hostile(drive);
    const [kind, asks] = samples(hostile.at).find(([it]) => it === "owners")!;
    for (const path of ["a", "l", "d/b", "d/a.dwg", "~a", "$a", "a.docx"]) {
      const message = { ...asks, paths: ["~$a", path] };
      const says = `${JSON.stringify(path)}: it is no owner file`;
      await hostile.refuses(kind, message, says);
    }
    await hostile.isWhole();
  });

  Deno.test(`more than a part of a name is refused, with nothing done, wherever a pair or a run is named${where}`, async () => {
    using hostile = new Hostile(drive);
    const places = new Set<string>();
    for (const [kind, asks] of samples(hostile.at)) {
      for (const { name, keys, value } of fieldsOf(asks, kind)) {
        if (typeof value !== "string" || places.has(name)) continue;
        if (!/\.(?:pair|run|runs\.\*)$/.test(name)) continue;
        places.add(name);
        for (const part of NO_PARTS) {
          const message = changed(asks, keys, (holder, key) => {
            holder[key] = part;
          });
          await hostile.refuses(kind, message, JSON.stringify(part));
        }
      }
    }
    assert.equal(places.size, 12, [...places].join("\n"));
    await hostile.isWhole();
  });

  Deno.test(`whatever is asked at random: no neighbour is touched, nothing of the program's own that was not named by run and path, and no thread dies${where}`, async () => {
    using hostile = new Hostile(drive);
    const { at } = hostile;
    const outside = snapshot(at.outside, true);
    const own = ownFiles(at);
    const kept = new Set(["introduce", "number", "prune"]);
    const all = samples(at).filter(([kind]) => !kept.has(kind));
    let done = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(all.length - 1),
        fc.array(fc.tuple(fc.nat(), anyValue), { maxLength: 3 }),
        async (n, changes) => {
          const [kind, asks] = all[n]!;
          let message: unknown = asks;
          for (const [n, value] of changes) {
            const fields = [...fieldsOf(message, kind)];
            const { keys } = fields[n % fields.length]!;
            message = changed(message, keys, (holder, key) => {
              holder[key] = value;
            });
          }
          const reply = await hostile.ask(kind, message);
          if ("gives" in reply) done++;
          at.fill();
        },
      ),
      { numRuns: RUNS },
    );
    assert.ok(done > RUNS / 10, `${done} of ${RUNS} were done`);
    await hostile.isAlive();
    assert.deepEqual(snapshot(at.outside, true), outside);
    assert.deepEqual(ownFiles(at), own);
    assert.deepEqual(
      [...Deno.readDirSync(at.folder)].map(({ name }) => name).sort(),
      ["left", "outside", "right"],
    );
  });
}

/** Fields of requests that name a path by which something is done. */
const ACTED_ON =
  /\.(?:paths\.\*|middle|(?<!\.row\.)path|folders\.\*|moves\.\*\.(?:from|to)|work<rename(?:-directory)?>\.(?:from|to)|work<clash>\.clashPath)$/;

const RUNS = Number(Deno.env.get("CI") ? 5000 : 500);

const anyValue = fc.oneof(
  fc.constantFrom<unknown>(
    ...["a", "d", "d/b", "d/e", "x", "new/x", "A", "left", "right", RUN],
    ...Object.values(NO_PATHS).flat().filter((it) => typeof it !== "bigint"),
    ...OWN_PATHS,
    ...NO_PARTS,
    ...[0, 1, -1, 7, NaN, Infinity, 1e12, 0o4777, 0o644, true, false, null],
    ...[undefined, [], {}, ["a"], ["../outside/a"], [".office-sync/root.json"]],
  ),
  fc.anything({ withDate: true, withMap: true, withTypedArray: true })
    .filter((it) => isCloneable(it)),
);

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** Identity, numbers, and what was soft-deleted before, of both roots. */
function ownFiles({ left, right }: HostileRoots): Snapshot[] {
  return [left, right].flatMap(({ path }) =>
    [`pairs`, `deleted/${RUN}`].map((folder) =>
      snapshot(`${path}/.office-sync/${folder}`, true)
    ).concat({
      root: Deno.readTextFileSync(`${path}/.office-sync/root.json`),
    })
  );
}
