/**
 * Plays every folder below `fixtures/scenarios`, as it is written and with the
 * sides swapped; `fixtures/README.md` tells what is in one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseAllDocuments, stringify } from "yaml";
import { MailServer } from "./support/mail_server.ts";
import {
  LONG_AGO,
  mirrored,
  Stage,
  SWAPPED,
  type Told,
  whyOf,
} from "./support/scenario.ts";
import {
  file,
  type FileSpec,
  MemoryOffice,
  Office,
  type Tree,
} from "./support/support.ts";
import { otherSide } from "../lib/types.ts";
import { fromFileUrl } from "./support/urls.ts";

type Side = "left" | "right";
const SIDES = ["left", "right"] as const;

/** A tree as YAML tells it: a text is a file, a map a folder. */
interface TreeMap {
  readonly [name: string]: string | TreeMap;
}

/** A file that a step writes: its text, or with a time and mode. */
type Written = string | {
  readonly text?: string;
  readonly mtime?: string;
  /** In place of a time: so many hours before now. */
  readonly hours_ago?: number;
  /** As `chmod` is given it: 755. */
  readonly mode?: number;
};

/** One step of what people do on a side: one of these. */
interface Edit {
  readonly write?: Readonly<Record<string, Written>>;
  /** As programs save: another file takes the name. */
  readonly replace?: Readonly<Record<string, Written>>;
  readonly remove?: readonly string[];
  readonly move?: Readonly<Record<string, string>>;
  readonly folder?: readonly string[];
  readonly times?: Readonly<Record<string, string>>;
  readonly modes?: Readonly<Record<string, number>>;
  readonly link?: Readonly<Record<string, string>>;
  /** As `chown` is given them, in numbers: 1000:100. */
  readonly owners?: Readonly<Record<string, string>>;
}

/** What is done before one run: a document of `edit.yaml`. */
type Edits = Partial<Record<Side | "both", readonly Edit[]>>;

/** What one run has to do: a document of `expect.yaml`. */
interface Expected {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly options?: readonly string[];
  /** The run begins so many hours after the one before. */
  readonly hours_later?: number;
  readonly actions?: readonly string[];
  readonly exit?: number;
  readonly deleted?: Partial<Record<Side, Readonly<Record<string, string>>>>;
  readonly problems?: readonly string[];
  readonly waiting?: number;
  readonly guard?: string;
  readonly says?: readonly string[];
  readonly mails?: readonly string[];
  readonly metadata?: Readonly<
    Record<
      string,
      {
        readonly mtime?: string;
        readonly mode?: number;
        readonly owners?: Readonly<Record<Side, string>>;
      }
    >
  >;
  readonly both?: TreeMap;
  readonly left?: TreeMap;
  readonly right?: TreeMap;
}

/** The first document of `expect.yaml` says more. */
interface Head extends Expected {
  readonly what: string;
  readonly before?: TreeMap;
  readonly mirrored?: boolean;
  readonly differs?: boolean;
  readonly command?: boolean;
  readonly root?: boolean;
  readonly shares?: readonly Side[];
}

interface Scenario {
  readonly head: Head;
  readonly start: Partial<Record<Side | "before", TreeMap>>;
  readonly edits: readonly Edits[];
  readonly expected: readonly Expected[];
  readonly end: Partial<Record<Side, TreeMap>>;
}

const ROOT = fromFileUrl("../fixtures/scenarios");

function documents<T>(path: string): T[] {
  if (!exists(path)) return [];
  const all = parseAllDocuments(Deno.readTextFileSync(path));
  assert.ok(Array.isArray(all), path);
  for (const { errors } of all) assert.deepEqual(errors, [], path);
  return all.map((it) => (it.toJS() ?? {}) as T);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile || true;
  } catch {
    return false;
  }
}

/** A folder as a tree; `.keep` stands for nothing: git holds no empty folder. */
function treeIn(folder: string): TreeMap | undefined {
  if (!exists(folder)) return undefined;
  const tree: Record<string, string | TreeMap> = {};
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) tree[name] = treeIn(path)!;
    else if (name !== ".keep") tree[name] = Deno.readTextFileSync(path);
  }
  return tree;
}

function load(folder: string): Scenario {
  const expected = documents<Expected>(`${folder}/expect.yaml`);
  const head = expected[0] as Head;
  const after = treeIn(`${folder}/after`) ?? expected.at(-1)!.both;
  const isBySide = after !== undefined &&
    Object.keys(after).every((it) => it === "left" || it === "right") &&
    Object.keys(after).length === 2;
  const { left, right } = expected.at(-1)!;
  return {
    head,
    start: {
      before: treeIn(`${folder}/before`) ?? head.before,
      left: treeIn(`${folder}/left`),
      right: treeIn(`${folder}/right`),
    } as Scenario["start"],
    edits: documents<Edits>(`${folder}/edit.yaml`),
    expected,
    end:
      (isBySide
        ? after
        : { left: left ?? after, right: right ?? after }) as Scenario["end"],
  };
}

/** A file's text says its side in a mirrored name only. */
function spec(written: Written, mtime?: string): FileSpec {
  const { text = "", mode, mtime: said, hours_ago: hours }: {
    readonly text?: string;
    readonly mode?: number;
    readonly mtime?: string;
    readonly hours_ago?: number;
  } = typeof written === "string" ? { text: written } : written;
  const at = hours === undefined
    ? said ?? mtime
    : new Date(Date.now() - hours * 3_600_000).toISOString();
  return file(text, {
    ...(at === undefined ? {} : { mtime: at }),
    ...(mode === undefined ? {} : { mode: octal(mode) }),
  });
}

function octal(mode: number): number {
  return parseInt(String(mode), 8);
}

function treeOf(map: TreeMap): Tree {
  return Object.fromEntries(
    Object.entries(map).map(([name, it]) => [
      name,
      typeof it === "string" ? file(it, { mtime: LONG_AGO }) : treeOf(it),
    ]),
  );
}

class Play {
  readonly stage: Stage;
  readonly #scenario: Scenario;

  constructor(scenario: Scenario, stage: Stage) {
    this.#scenario = scenario;
    this.stage = stage;
  }

  async all(server: MailServer | null): Promise<void> {
    const { start, edits, expected, end, head } = this.#scenario;
    this.#configure(head.config, server);
    if (start.before !== undefined) {
      await this.stage.begin(treeOf(start.before));
      server?.take();
    }
    this.stage.write({
      left: treeOf(start.left ?? {}),
      right: treeOf(start.right ?? {}),
    });
    const [steps, last] = [expected.length, expected.length - 1];
    assert.ok(edits.length <= steps, "a document of edit.yaml without a run");
    for (const [n, expects] of expected.entries()) {
      if (n > 0 && expects.config) this.#configure(expects.config, server);
      for (const side of SIDES) {
        for (const edit of edits[n]?.both ?? []) this.#edit(side, edit);
        for (const edit of edits[n]?.[side] ?? []) this.#edit(side, edit);
      }
      this.stage.hoursLater += expects.hours_later ?? 0;
      const told = await this.stage.run(...expects.options ?? []);
      this.#check(expects, told);
      if (expects.mails || server) {
        const mails = server?.take().map((it) => it.subject ?? "") ?? [];
        assert.equal(mails.length, expects.mails?.length ?? 0, `${mails}`);
        for (const [at, words] of (expects.mails ?? []).entries()) {
          assert.ok(mails[at]!.includes(words), `${mails[at]}: ${words}`);
        }
      }
      this.#trees(n === last ? { ...expects, ...end } : expects);
    }
    const exit = expected[last]!.exit ?? 0;
    await this.stage.rests(exit);
    if (exit === 0 && !head.differs) this.stage.agrees();
  }

  /** Writes a config; the sides that it names are swapped with the others. */
  #configure(config: unknown, server: MailServer | null): void {
    const text = config === undefined ? "" : stringify(config);
    this.stage.office.configure(
      (this.stage.isMirrored
        ? text.replaceAll(
          /: (left|right)$/gm,
          (it, side) => it.replace(side, SWAPPED[side]!),
        )
        : text) + (server === null ? "" : server.config()),
    );
  }

  #at(side: Side, path: string): string {
    return this.stage.at(side, this.stage.isMirrored ? mirrored(path) : path);
  }

  #edit(side: Side, edit: Edit): void {
    const at = (path: string) => this.#at(side, path);
    for (const path of edit.remove ?? []) {
      Deno.removeSync(at(path), { recursive: true });
    }
    for (const [from, to] of Object.entries(edit.move ?? {})) {
      Deno.renameSync(at(from), at(to));
    }
    for (const path of edit.folder ?? []) {
      Deno.mkdirSync(at(path), { recursive: true });
    }
    for (const [path, written] of Object.entries(edit.write ?? {})) {
      this.#write(at(path), spec(written));
    }
    for (const [path, written] of Object.entries(edit.replace ?? {})) {
      this.#write(`${at(path)}.new`, spec(written));
      Deno.renameSync(`${at(path)}.new`, at(path));
    }
    for (const [path, to] of Object.entries(edit.link ?? {})) {
      Deno.symlinkSync(to, at(path));
    }
    for (const [path, owner] of Object.entries(edit.owners ?? {})) {
      const [uid, gid] = owner.split(":").map(Number);
      Deno.chownSync(at(path), uid!, gid!);
    }
    for (const [path, mode] of Object.entries(edit.modes ?? {})) {
      Deno.chmodSync(at(path), octal(mode));
    }
    for (const [path, time] of Object.entries(edit.times ?? {})) {
      Deno.utimeSync(at(path), new Date(time), new Date(time));
    }
  }

  /** A file, with the folders above it. */
  #write(path: string, { content, options }: FileSpec): void {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, String(content));
    const { mode, mtime } = options;
    if (mode !== undefined) Deno.chmodSync(path, mode);
    if (mtime !== undefined) {
      Deno.utimeSync(path, new Date(mtime), new Date(mtime));
    }
  }

  #check(expects: Expected, told: Told): void {
    const { document, code, lines } = told;
    const why = whyOf(told);
    assert.deepEqual(
      lines.map(withoutNow).sort(),
      [...expects.actions ?? []].sort(),
      why,
    );
    assert.equal(code, expects.exit ?? 0, why);
    const text = JSON.stringify(document) + told.stderr;
    for (const words of expects.says ?? []) {
      assert.ok(text.includes(words), `${words}: ${why}`);
    }
    const problems = document.problems.map(({ side, path }) =>
      `${side} ${path}`
    );
    assert.deepEqual(problems.sort(), [...expects.problems ?? []].sort(), why);
    assert.equal(document.summary.waiting, expects.waiting ?? 0, why);
    const { name, reason } = document.guard ?? { name: "", reason: "" };
    const [guard = "", words = ""] = expects.guard?.split(": ") ?? [];
    assert.equal(name, guard, why);
    assert.ok(reason.includes(words), why);
  }

  #trees(expects: Expected): void {
    const { both, deleted, metadata } = expects;
    const trees = this.stage.trees();
    for (const side of SIDES) {
      const tree = expects[side] ?? both;
      const found = JSON.parse(withoutNow(JSON.stringify(trees[side])));
      if (tree !== undefined) assert.deepEqual(found, tree, side);
      assert.deepEqual(
        this.stage.softDeleted(side),
        deleted?.[side] ?? {},
        `deleted on ${side}`,
      );
      for (const [path, is] of Object.entries(metadata ?? {})) {
        const { mtime, mode, uid, gid } = Deno.statSync(this.#at(side, path));
        if (is.owners) assert.equal(`${uid}:${gid}`, is.owners[side], path);
        if (is.mode) assert.equal(mode! & 0o777, octal(is.mode), path);
        if (is.mtime) {
          assert.equal(+mtime!, +new Date(is.mtime), `${side}/${path}`);
        }
      }
    }
  }
}

/** Clash names of versions that were written just now: `clash-NOW`. */
function withoutNow(text: string): string {
  return text.replaceAll(/clash-(\d{4})(..)(..)-(..)(..)(..)/g, (it, ...at) => {
    const [year, month, day, hour, minute, second] = at.map(Number);
    const time = Date.UTC(year!, month! - 1, day, hour, minute, second);
    return Date.now() - time < 600_000 ? "clash-NOW" : it;
  });
}

for (const { name: rule } of [...Deno.readDirSync(ROOT)]) {
  for (const { name: folder } of Deno.readDirSync(`${ROOT}/${rule}`)) {
    const scenario = load(`${ROOT}/${rule}/${folder}`);
    const { what, command = false, expected = scenario.expected } = {
      ...scenario.head,
      expected: scenario.expected,
    };
    for (const isMirrored of [false, true]) {
      if (isMirrored && (scenario.head.mirrored === false || command)) continue;
      const how = isMirrored ? ", mirrored" : "";
      const name = `${rule}/${folder}: ${what}${how}`;
      // Only root gives files away.
      const ignore = scenario.head.root === true && Deno.uid() !== 0;
      Deno.test({ name, ignore }, async () => {
        const isMailed = expected.some(({ mails }) => mails);
        await using server = isMailed
          ? await new MailServer({ security: "none", needsLogin: false })
            .start()
          : null;
        const office = command ? new Office() : new MemoryOffice();
        using stage = new Stage(
          "",
          isMirrored,
          command ? "command" : "run",
          office,
        );
        stage.office.isMailing = isMailed;
        stage.office.shares = (scenario.head.shares ?? []).map((side) =>
          isMirrored ? otherSide(side) : side
        );
        await new Play(scenario, stage).all(server);
      });
    }
  }
}
