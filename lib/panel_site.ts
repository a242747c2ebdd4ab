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
  type PagePath,
  runHtml,
  runsHtml,
  type Said,
  saidIn,
  whyHtml,
} from "./panel_pages.ts";
import type { Answered, Asked, Site } from "./panel_server.ts";
import { PANEL_SCRIPT, PANEL_STYLE } from "./panel_style.ts";
import type { Version } from "./plan_types.ts";
import { resultHtml, STYLE } from "./report_html.ts";
import { newRunId, runSync } from "./run.ts";
import { wireRoot } from "./run_identify.ts";
import { exists, StateDb, takeLock } from "./state_db.ts";
import { RecordStore } from "./state_record.ts";
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
      case "/report.css":
        return { type: "css", text: STYLE };
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

  async #show(asked: Asked, secret: string): Promise<Answered | null> {
    const { path, query } = asked;
    const frame = { roots: this.#config.roots, secret, said: this.#said };
    this.#said = null;
    let page: Page | null;
    try {
      page = await this.#page(path, query, frame);
    } catch (error) {
      // A root that is away, a state DB that can't be read: said as anywhere.
      if (!(error instanceof SyncError)) throw error;
      const said = { isGood: false, text: linesOf(error) };
      page = {
        of: PARENTS[path] ?? "/",
        title: "That can't be shown",
        body: "",
      };
      return htmlOf({ ...frame, said }, page);
    }
    return page && htmlOf(frame, page);
  }

  async #page(
    path: string,
    query: URLSearchParams,
    frame: Frame,
  ): Promise<Page | null> {
    const { softDelete, roots } = this.#config;
    const of = query.get("path") ?? "";
    switch (path) {
      case "/": {
        const all = this.#read((db) => listedConflicts(db), []);
        return { of: "/", title: "Conflicts", body: conflictsHtml(all, query) };
      }
      case "/conflict": {
        const all = this.#read((db) => listedConflicts(db), []);
        const found = all.find((it) => it.path === of);
        if (found === undefined) throw gone(of);
        const { left, right } = found.versions;
        const beside = await this.#beside([
          ["left", words("left"), left],
          ["right", words("right"), right],
        ]);
        const body = conflictHtml(found, beside, frame);
        return { of: "/", title: "Conflict", body };
      }
      case "/clashes": {
        const all = this.#read((db) => new RecordStore(db).clashCopies(), []);
        const body = clashesHtml(all, query);
        return { of: "/clashes", title: "Clash copies", body };
      }
      case "/clash": {
        const all = this.#read((db) => new RecordStore(db).clashCopies(), []);
        const found = all.find(({ copy }) => copy.path === of);
        if (found === undefined) throw gone(of);
        const { copy, file } = found;
        const beside = await this.#beside([
          ["left", "File", file && { ...file.left, path: file.path }],
          ["left", "Copy", { ...copy.left, path: copy.path }],
        ]);
        const body = clashHtml(found, beside, frame);
        return { of: "/clashes", title: "Clash copy", body };
      }
      case "/deleted": {
        const all = await this.#removed(query);
        const days = softDelete.retentionDays;
        const body = deletedHtml(all, query, days, frame);
        return { of: "/deleted", title: "Deleted files", body };
      }
      case "/runs": {
        const runs = this.#read((db) => pastRuns(db, RUNS), []);
        const standing = this.#read((db) => standingThings(db), []);
        const body = runsHtml(runs, standing, query);
        return { of: "/runs", title: "Runs", body };
      }
      case "/run": {
        const id = query.get("id") ?? "";
        const run = this.#read((db) => runsBeginning(db, id)[0], undefined);
        if (run === undefined) throw gone(id);
        const actions = this.#read((db) => actionsOf(db, run.id), []);
        const body = runHtml(run, actions, query);
        return { of: "/runs", title: "What a run did", body };
      }
      case "/why": {
        const text = await whyText(of, this.#config, this.#files);
        return { of: "/runs", title: "Why", body: whyHtml(text, query) };
      }
      case "/next": {
        const result = await this.#plan();
        const options = { roots, listsUnchanged: false };
        const rows = resultHtml(result, options);
        const commands = commandsFor(result.stop?.name ?? null, this.#config);
        const body = nextHtml(rows, commands);
        return { of: "/next", title: "Next run", body };
      }
    }
    return null;
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
    const texts: (string | null)[] = [];
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
      const isAsListed = look?.kind === "file" &&
        look.metadata.sizeBytes === listed.sizeBytes &&
        look.metadata.mtimeMs === listed.mtimeMs;
      if (!isAsListed) {
        const why =
          `${name}: it is not any more what the last run saw. Run a ` +
          "sync, then look at both again.";
        return { diff: null, why, isAsListed: false };
      }
      const { metadata } = look;
      if (metadata.sizeBytes > SHOWN_BYTES) {
        why = `${name} has more than 1 MB: ${OPEN_BOTH}`;
        continue;
      }
      const shown = await this.#files.ask("show", {
        ...{ side, root, path: listed.path, metadata },
      });
      if ("why" in shown) why = `${name} can't be shown: ${shown.why}.`;
      else texts.push(textIn(shown.bytes));
    }
    const [one, other] = texts;
    if (why !== null || versions.some(([, , it]) => it === null)) {
      return { diff: null, why, isAsListed: true };
    }
    if (typeof one !== "string" || typeof other !== "string") {
      return {
        diff: null,
        why: `No plain text: ${OPEN_BOTH}`,
        isAsListed: true,
      };
    }
    const [a, b] = versions.map(([, name]) => name);
    const diff = await diffHtml([one, other], [a!, b!]);
    return { diff, why: null, isAsListed: true };
  }

  // Buttons.

  async #press(path: string, form: URLSearchParams): Promise<Answered | null> {
    const back = PARENTS[path];
    if (back === undefined) return null;
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
    switch (page) {
      case "/conflict": {
        const known = [...SIDES, "both" as const].find((it) => it === take);
        if (known === undefined) throw notAllowed(take);
        return await this.#resolve({ path, take: known, shown });
      }
      case "/clash": {
        const known = CLASH_TAKES.find((it) => it === take);
        if (known === undefined) throw notAllowed(take);
        return await this.#resolve({ path, keep: known, shown });
      }
      case "/deleted":
        return await this.#bringBack({ path, isFolder: false, from });
    }
    throw notAllowed(page);
  }

  async #resolve(asked: Resolution | ClashResolution): Promise<Said> {
    const result = await resolveOne(asked, this.#config, this.#files);
    const { stop, exitCode } = result;
    const isGood = exitCode === EXIT.agreed;
    if (stop !== null) return { isGood, text: `${stop.reason}\n${stop.hint}` };
    if (isGood && "keep" in asked) {
      const [, , what] = CLASH_CHOICES.find(([it]) => it === asked.keep)!;
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
    const text = [
      ...restored.map(restoredLine),
      ...stop === null ? [] : [stop.reason, stop.hint],
    ].join("\n");
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

interface Page {
  readonly of: PagePath;
  readonly title: string;
  readonly body: string;
}

function htmlOf(frame: Frame, { of, title, body }: Page): Answered {
  return { type: "html", text: pageHtml(frame, of, title, body) };
}

/** Where a page belongs, and where its button leads back to. */
const PARENTS: Readonly<Record<string, PagePath>> = {
  "/conflict": "/",
  "/clash": "/clashes",
  "/deleted": "/deleted",
  "/runs": "/runs",
  "/run": "/runs",
  "/why": "/runs",
  "/next": "/next",
};

const OPEN_BOTH = "open both in their own program to compare them.";

function gone(what: string): SyncError {
  return new SyncError(`${quoted(what)} is not listed any more.`, EXIT.usage);
}

function notAllowed(what: string): SyncError {
  return new SyncError(`${quoted(what)} is no button here.`, EXIT.usage);
}

function linesOf({ message, hint }: SyncError): string {
  return hint === null ? message : `${message}\n${hint}`;
}

/** What a person types, where the panel has no button on purpose. */
function commandsFor(
  guard: string | null,
  { file }: Config,
): [what: string, command: string][] {
  const config = shellQuoted(file, Deno.build.os === "windows");
  const command = `${PROGRAM} --config ${config ?? "FILE"}`;
  if (guard === null) return [["To run it, type:", command]];
  const option = {
    "mass deletion": "--allow-deletes",
    "mass change": "--allow-changes",
  }[guard];
  return option === undefined ? [] : [[
    "If that is what you want, let this one run through:",
    `${command} ${option}`,
  ]];
}
