/**
 * What the panel shows, and what its buttons do: what commands do, by the same
 * code and under the same lock, one after the other.
 *
 * @module
 */
import { resolvedText, resolveOne } from "./command_conflicts.ts";
import { restoredLine, restoring, type Wanted } from "./command_restore.ts";
import { whyText } from "./command_why.ts";
import type { Config } from "./config_schema.ts";
import type { ClashResolution, Resolution } from "./conflict.ts";
import { EXIT, LockedError, SyncError } from "./errors.ts";
import { Markup, markup } from "./html.ts";
import { words } from "./metadata.ts";
import { diffHtml, textIn } from "./panel_diff.ts";
import {
  type Beside,
  CLASH_CHOICES,
  clashesHtml,
  clashHtml,
  conflictHtml,
  conflictsHtml,
  deletedHtml,
  type Frame,
  nextHtml,
  pageHtml,
  PAGES,
  runHtml,
  runsHtml,
  type Said,
  saidIn,
  whyHtml,
} from "./panel_pages.ts";
import type { Answered, Asked, Site } from "./panel_server.ts";
import { PANEL_SCRIPT, PANEL_STYLE } from "./panel_style.ts";
import type { Version } from "./plan_types.ts";
import { resultHtml } from "./report_html.ts";
import { newRunId, runSync } from "./run.ts";
import type { Stop } from "./run_types.ts";
import { wireRoot } from "./run_identify.ts";
import { exists, StateDb, takeLock } from "./state_db.ts";
import { type ClashCopy, RecordStore } from "./state_record.ts";
import {
  actionsOf,
  listedConflicts,
  pastRuns,
  runsBeginning,
  standingThings,
} from "./state_runs.ts";
import { isWithin } from "./paths.ts";
import { printable, PROGRAM, quoted, shellQuoted } from "./text.ts";
import { CLASH_TAKES, type Side, SIDES } from "./types.ts";
import { SHOWN_BYTES } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

/** Runs that are listed. */
const RUNS = 10_000;

/** So long, and so often, a button waits for a run to end, in ms. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 250;

/** The pages, their data and their buttons. */
export class PanelSite implements Site {
  readonly #config: Config;
  readonly #files: Files;
  #said: Said | null = null;
  /** What was begun last: nothing else begins before its end. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(config: Config, files: Files) {
    this.#config = config;
    this.#files = files;
  }

  async answer(asked: Asked, secret: string): Promise<Answered | null> {
    switch (asked.path) {
      case "/panel.css":
        return { type: "css", text: PANEL_STYLE };
      case "/panel.js":
        return { type: "javascript", text: PANEL_SCRIPT };
    }
    const { form } = asked;
    const mine = this.#turn.then(() =>
      form === null ? this.#show(asked, secret) : this.#press(asked.path, form)
    );
    this.#turn = mine.catch(() => {});
    return await mine;
  }

  // Pages.

  async #show(
    { path, query }: Asked,
    secret: string,
  ): Promise<Answered | null> {
    if (PAGES[path] === undefined) return null;
    const { roots } = this.#config;
    const frame = { roots, query, secret, said: this.#said };
    this.#said = null;
    try {
      const body = await this.#page(path, frame);
      return { type: "html", text: pageHtml(path, frame, body) };
    } catch (error) {
      // A root that is away, a state DB that can't be read: said as anywhere.
      if (!(error instanceof SyncError)) throw error;
      const bad = { ...frame, said: { isGood: false, text: linesOf(error) } };
      const text = pageHtml(path, bad, markup``, "That can't be shown");
      return { type: "html", text };
    }
  }

  async #page(path: string, frame: Frame): Promise<Markup> {
    const { softDelete, roots } = this.#config;
    const { query } = frame;
    const of = query.get("path") ?? "";
    switch (path) {
      case "/":
        return conflictsHtml(this.#read(listedConflicts, []), frame);
      case "/conflict": {
        const all = this.#read(listedConflicts, []);
        const found = stillListed(of, all.find((it) => it.path === of));
        const { left, right } = found.versions;
        const beside = await this.#beside([
          ["left", words("left"), left],
          ["right", words("right"), right],
        ]);
        return conflictHtml(found, beside, frame);
      }
      case "/clashes":
        return clashesHtml(this.#read(clashCopies, []), frame);
      case "/clash": {
        const all = this.#read(clashCopies, []);
        const found = stillListed(of, all.find(({ copy }) => copy.path === of));
        const { copy, file } = found;
        const beside = await this.#beside([
          ["left", "File", file && { ...file.left, path: file.path }],
          ["left", "Copy", { ...copy.left, path: copy.path }],
        ]);
        return clashHtml(found, beside, frame);
      }
      case "/deleted": {
        const all = await this.#removed(query);
        return deletedHtml(all, softDelete.retentionDays, frame);
      }
      case "/runs": {
        const runs = this.#read((db) => pastRuns(db, RUNS), []);
        return runsHtml(runs, this.#read(standingThings, []), frame);
      }
      case "/run": {
        const id = query.get("id") ?? "";
        const [first] = this.#read((db) => runsBeginning(db, id), []);
        const run = stillListed(id, first);
        return runHtml(
          run,
          this.#read((db) => actionsOf(db, run.id), []),
          frame,
        );
      }
      case "/why":
        return whyHtml(await whyText(of, this.#config, this.#files), frame);
    }
    const result = await this.#plan();
    const rows = resultHtml(result, { roots, listsUnchanged: false });
    const command = commandFor(result.stop, this.#config);
    return nextHtml(new Markup(rows), command);
  }

  #read<T>(of: (db: StateDb) => T, nothing: T): T {
    if (!exists(this.#config.stateDb)) return nothing;
    using db = new StateDb(this.#config.stateDb, { isReadOnly: true });
    return of(db);
  }

  async #removed(query: URLSearchParams) {
    const wanted = { path: "", isFolder: true, from: null };
    const { versions } = await restoring(
      ...[wanted, null, this.#config, this.#files] as const,
    );
    const [name, folder, run] = ["q", "folder", "run"].map((it) =>
      (query.get(it) ?? "").trim()
    ) as [string, string, string];
    const below = folder.replace(/\/+$/, "");
    return versions.filter((it) =>
      it.path.toLowerCase().includes(name.toLowerCase()) &&
      (below === "" || isWithin(it.path, below)) &&
      (run === "" ||
        [it.runId ?? "", it.run.name].some((id) => id.startsWith(run)))
    ).sort((a, b) => b.run.timeMs - a.run.timeMs);
  }

  #plan() {
    return runSync(newRunId(Date.now()), this.#config, {
      files: this.#files,
      isDryRun: true,
      allowed: { deletes: false, changes: false },
      acceptRoots: false,
      listUnchanged: false,
    }, { onOutcome() {}, onProblem() {}, onWarning() {} });
  }

  /** Two versions as they are now, and what differs between them. */
  async #beside(
    versions: readonly (readonly [Side, string, Version | null])[],
  ): Promise<Beside> {
    const texts: string[] = [];
    let why: string | null = null;
    for (const [side, name, listed] of versions) {
      if (listed === null) continue;
      const real = await this.#files.ask("check", { side });
      const asks = { side, owner: null, traits: null, nameBytes: null };
      const root = wireRoot(real, await this.#files.ask("probe", asks));
      const paths = [listed.path];
      const [look] = await this.#files.ask("looks", {
        ...{ side, root, paths, wantsSecond: false },
      });
      if (
        look?.kind !== "file" ||
        look.metadata.sizeBytes !== listed.sizeBytes ||
        look.metadata.mtimeMs !== listed.mtimeMs
      ) {
        const why = `${name}: it is not any more what the last run saw. Run ` +
          "a sync, then look at both again.";
        return { diff: null, why, isAsListed: false };
      }
      const { metadata } = look;
      // There is nothing to compare it with.
      if (versions.some(([, , it]) => it === null)) continue;
      if (metadata.sizeBytes > SHOWN_BYTES) {
        why = `${name} has more than 1 MB: ${OPEN_BOTH}`;
        continue;
      }
      const shown = await this.#files.ask("show", {
        ...{ side, root, path: listed.path, metadata },
      });
      const text = "why" in shown ? null : textIn(shown.bytes);
      if ("why" in shown) why = `${name} can't be shown: ${shown.why}.`;
      else if (text === null) why = `No plain text: ${OPEN_BOTH}`;
      else texts.push(text);
    }
    const [one, other] = texts;
    const diff = one === undefined || other === undefined
      ? null
      : await diffHtml([one, other], [versions[0]![1], versions[1]![1]]);
    return { diff, why, isAsListed: true };
  }

  // Buttons.

  async #press(path: string, form: URLSearchParams): Promise<Answered | null> {
    if (PAGES[path] === undefined) return null;
    const [back] = PAGES[path];
    try {
      await this.#waitForLock();
      this.#said = await this.#act(path, form);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      this.#said = { isGood: false, text: linesOf(error) };
    }
    const kept = ["q", "folder", "run", "page"].filter((it) => form.has(it))
      .map((it) => [it, saidIn(form, it)]);
    const query = new URLSearchParams(kept);
    return { goTo: kept.length === 0 ? back : `${back}?${query}` };
  }

  async #act(page: string, form: URLSearchParams): Promise<Said> {
    const [path, take, shown, from] = ["path", "take", "shown", "from"].map(
      (it) => saidIn(form, it),
    ) as [string, string, string, string];
    if (page === "/deleted") {
      return await this.#bringBack({ path, isFolder: false, from });
    }
    const side = [...SIDES, "both" as const].find((it) => it === take);
    const kept = CLASH_TAKES.find((it) => it === take);
    if (page === "/conflict" && side !== undefined) {
      return await this.#resolve({ path, take: side, shown });
    }
    if (page === "/clash" && kept !== undefined) {
      return await this.#resolve({ path, keep: kept, shown });
    }
    const why = `${quoted(take || page)} is no button here.`;
    throw new SyncError(why, EXIT.usage);
  }

  async #resolve(asked: Resolution | ClashResolution): Promise<Said> {
    const result = await resolveOne(asked, this.#config, this.#files);
    const { stop, exitCode } = result;
    const isGood = exitCode === EXIT.agreed;
    if (stop !== null) return { isGood, text: `${stop.reason}\n${stop.hint}` };
    if (isGood && "keep" in asked) {
      const what = CLASH_CHOICES[asked.keep]!;
      return { isGood, text: `Settled: ${printable(asked.path)}: ${what}` };
    }
    const text = resolvedText(asked.path, result, this.#config.roots);
    // What was done, in a sentence; where something was not, why.
    return { isGood, text: isGood ? text.split("\n")[0]! : text };
  }

  async #bringBack(wanted: Wanted): Promise<Said> {
    const how = { to: "both", isForced: false } as const;
    const { restored, stop, exitCode } = await restoring(
      ...[wanted, how, this.#config, this.#files] as const,
    );
    const why = stop === null ? [] : [stop.reason, stop.hint];
    const text = [...restored.map(restoredLine), ...why].join("\n");
    return { isGood: exitCode === EXIT.agreed, text };
  }

  /** @throws {LockedError} A run is still on when nobody wants to wait more. */
  async #waitForLock(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return takeLock(this.#config.stateDb)[Symbol.dispose]();
      } catch (error) {
        const isOver = performance.now() > end;
        if (isOver || !(error instanceof LockedError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

const OPEN_BOTH = "open both in their own program to compare them.";

function clashCopies(db: StateDb): ClashCopy[] {
  return new RecordStore(db).clashCopies();
}

/** @throws {SyncError} What was asked for is not among what is listed. */
function stillListed<T>(what: string, found: T | undefined): T {
  if (found !== undefined) return found;
  const why = `${quoted(what)} is not listed any more.`;
  throw new SyncError(why, EXIT.usage);
}

function linesOf({ message, hint }: SyncError): string {
  return hint === null ? message : `${message}\n${hint}`;
}

/** What a person types, where the panel has no button on purpose. */
function commandFor(
  stop: Stop | null,
  { file }: Config,
): readonly [what: string, command: string] | null {
  const config = shellQuoted(file, Deno.build.os === "windows");
  const command = `${PROGRAM} --config ${config ?? "FILE"}`;
  if (stop === null) return ["To run it, type:", command];
  const option = /--allow-\w+/.exec(stop.hint);
  return option && [
    "If that is what you want, let this one run through:",
    `${command} ${option}`,
  ];
}
