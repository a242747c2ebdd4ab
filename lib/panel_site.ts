/**
 * What the panel shows, and what its buttons do: what commands do, by the same
 * code and under the same lock, one after the other.
 *
 * @module
 */
import { resolvedText, resolveOne } from "./command_conflicts.ts";
import { restoredLine, restoring, type Wanted } from "./command_restore.ts";
import { lookAt, planNow, whyText } from "./command_why.ts";
import type { Config } from "./config_schema.ts";
import type { ClashResolution, Resolution } from "./conflict.ts";
import { EXIT, LockedError, SyncError } from "./errors.ts";
import { type Markup, markup } from "./html.ts";
import { words } from "./metadata.ts";
import { diffHtml } from "./panel_diff.ts";
import * as pages from "./panel_pages.ts";
import type { Answered, Asked, Site } from "./panel_server.ts";
import { PANEL_SCRIPT, PANEL_STYLE } from "./panel_style.ts";
import { isWithin } from "./paths.ts";
import { StateDb, takeLock } from "./state_db.ts";
import { RecordStore } from "./state_record.ts";
import {
  actionsOf,
  listedConflicts,
  pastRuns,
  runsBeginning,
  standingThings,
} from "./state_runs.ts";
import { printable, quoted, textIn } from "./text.ts";
import { CLASH_TAKES, SIDES } from "./types.ts";
import { SHOWN_BYTES } from "./wire_messages.ts";
import type { Files } from "./wire_port.ts";

const { PAGES, saidIn } = pages;

/** Runs that are listed. */
const RUNS = 10_000;

/** So long, and so often, a button waits for a run to end, in ms. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 250;

/** The pages, their data and their buttons. */
export class PanelSite implements Site {
  #said: pages.Said | null = null;
  /** What was begun last: nothing else begins before its end. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly config: Config, readonly files: Files) {}

  async answer(asked: Asked): Promise<Answered | null> {
    const { page, form } = asked;
    if (page === "/panel.css") return { type: "css", text: PANEL_STYLE };
    if (page === "/panel.js") return { type: "javascript", text: PANEL_SCRIPT };
    if (PAGES[page] === undefined) return null;
    const mine = this.#turn.then(() =>
      form === null ? this.#show(asked) : this.#press(page, form)
    );
    this.#turn = mine.catch(() => {});
    return await mine;
  }

  // Pages.

  async #show(asked: Asked): Promise<Answered> {
    const frame = { ...asked, roots: this.config.roots };
    let said = this.#said;
    this.#said = null;
    let body = markup``;
    try {
      body = await this.#page(frame);
    } catch (error) {
      // A root that is away, a state DB that can't be read: said as anywhere.
      said = refused(error);
    }
    return { type: "html", text: pages.pageHtml(frame, said, body) };
  }

  async #page(frame: pages.Frame): Promise<Markup> {
    const { page, query } = frame;
    const of = query.get("path") ?? "";
    switch (page) {
      case "/":
      case "/clashes": {
        const all = this.#choices(page);
        if (!query.has("path")) return pages.choicesHtml(all, frame);
        const found = stillListed(of, all.find(({ path }) => path === of));
        const beside = await this.#beside(found.halves);
        return pages.choiceHtml(found, beside, frame);
      }
      case "/deleted": {
        const all = await this.#removed(query);
        return pages.deletedHtml(all, this.config, frame);
      }
      case "/runs": {
        const id = query.get("id");
        if (id === null) {
          const runs = this.#read((db) => pastRuns(db, RUNS));
          return pages.runsHtml(runs, this.#read(standingThings), frame);
        }
        const [first] = this.#read((db) => runsBeginning(db, id));
        const run = stillListed(id, first);
        const actions = this.#read((db) => actionsOf(db, run.id));
        return pages.runHtml(run, actions, frame);
      }
      case "/why": {
        const text = query.has("path")
          ? await whyText(of, this.config, this.files)
          : null;
        return pages.whyHtml(text, frame);
      }
    }
    const { result } = await planNow(this.config, this.files, false);
    return pages.nextHtml(result, this.config);
  }

  #choices(list: string): pages.Choice[] {
    return this.#read(
      (db) =>
        list === "/"
          ? listedConflicts(db).map(pages.conflictChoice)
          : new RecordStore(db).clashCopies().map(pages.clashChoice),
    );
  }

  #read<T>(of: (db: StateDb) => T): T {
    using db = new StateDb(this.config.stateDb, { isReadOnly: true });
    return of(db);
  }

  async #removed(query: URLSearchParams) {
    const wanted = { path: "", isFolder: true, from: null };
    const { config, files } = this;
    const { versions } = await restoring(wanted, null, config, files);
    const said = (name: string) => (query.get(name) ?? "").trim();
    const [name, run] = [said("q").toLowerCase(), said("run")];
    const folder = said("folder").replace(/\/+$/, "");
    return versions.filter((it) =>
      it.path.toLowerCase().includes(name) && isWithin(it.path, folder) &&
      [it.runId ?? "", it.run.name].some((id) => id.startsWith(run))
    ).sort((a, b) => b.run.timeMs - a.run.timeMs);
  }

  /** Two versions as they are now, and what differs between them. */
  async #beside(halves: pages.Choice["halves"]): Promise<pages.Beside> {
    const texts: string[] = [];
    let why: string | null = null;
    for (const { name, at } of halves) {
      for (const [nth, { side, version }] of at.entries()) {
        const { path } = version;
        const { root, look } = await lookAt(path, side, this.files);
        if (
          look?.kind !== "file" ||
          look.metadata.sizeBytes !== version.sizeBytes ||
          look.metadata.mtimeMs !== version.mtimeMs
        ) {
          const diff =
            `${words(side)}: ${path} is not any more what the last ` +
            "run saw. Run a sync, then look at both again.";
          return { diff, isAsListed: false };
        }
        const { metadata } = look;
        // There is nothing to compare it with, or the other side has the same.
        if (nth > 0 || halves.some(({ at }) => at.length === 0)) continue;
        if (metadata.sizeBytes > SHOWN_BYTES) {
          why = `${name} has more than 1 MB: ${OPEN_BOTH}`;
          continue;
        }
        const asks = { side, root, path, metadata };
        const shown = await this.files.ask("show", asks);
        const text = "why" in shown ? null : textIn(shown.bytes);
        if ("why" in shown) why = `${name} can't be shown: ${shown.why}.`;
        else if (text === null) why = `No plain text: ${OPEN_BOTH}`;
        else texts.push(text);
      }
    }
    const [one, other] = texts;
    const diff = one === undefined || other === undefined
      ? why
      : await diffHtml([one, other], [halves[0].name, halves[1].name]);
    return { diff, isAsListed: true };
  }

  // Buttons.

  async #press(page: string, form: URLSearchParams): Promise<Answered> {
    try {
      await this.#waitForLock();
      this.#said = await this.#act(page, form);
    } catch (error) {
      this.#said = refused(error);
    }
    const back = saidIn(form, "back");
    return { goTo: back === "" ? page : `${page}?${back}` };
  }

  async #act(page: string, form: URLSearchParams): Promise<pages.Said> {
    const [path, take, shown, from] = ["path", "take", "shown", "from"].map(
      (it) => saidIn(form, it),
    ) as [string, string, string, string];
    if (page === "/deleted") {
      return await this.#bringBack({ path, isFolder: false, from });
    }
    const side = [...SIDES, "both" as const].find((it) => it === take);
    const kept = CLASH_TAKES.find((it) => it === take);
    if (page === "/" && side !== undefined) {
      return await this.#resolve({ path, take: side, shown });
    }
    if (page === "/clashes" && kept !== undefined) {
      return await this.#resolve({ path, keep: kept, shown });
    }
    const why = `${quoted(take || page)} is no button here.`;
    throw new SyncError(why, EXIT.usage);
  }

  async #resolve(asked: Resolution | ClashResolution): Promise<pages.Said> {
    const result = await resolveOne(asked, this.config, this.files);
    const { stop, exitCode } = result;
    const isGood = exitCode === EXIT.agreed;
    if (stop !== null) return { isGood, text: `${stop.reason}\n${stop.hint}` };
    if (isGood && "keep" in asked) {
      const what = pages.CLASH_TAKES_WORDS[asked.keep];
      return { isGood, text: `Settled: ${printable(asked.path)}: ${what}` };
    }
    const text = resolvedText(asked.path, result, this.config.roots);
    // What was done, in a sentence; where something was not, why.
    return { isGood, text: isGood ? text.split("\n")[0]! : text };
  }

  async #bringBack(wanted: Wanted): Promise<pages.Said> {
    const how = { to: "both", isForced: false } as const;
    const { config, files } = this;
    const result = await restoring(wanted, how, config, files);
    const { restored, stop, exitCode } = result;
    const why = stop === null ? [] : [stop.reason, stop.hint];
    const text = [...restored.map(restoredLine), ...why].join("\n");
    return { isGood: exitCode === EXIT.agreed, text };
  }

  /** Where a run is on for longer, the button itself says so. */
  async #waitForLock(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (isLocked(this.config.stateDb) && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

function isLocked(stateDb: string): boolean {
  try {
    takeLock(stateDb)[Symbol.dispose]();
    return false;
  } catch (error) {
    return error instanceof LockedError;
  }
}

const OPEN_BOTH = "open both in their own program to compare them.";

/** @throws {SyncError} What was asked for is not among what is listed. */
function stillListed<T>(what: string, found: T | undefined): T {
  if (found !== undefined) return found;
  const why = `${quoted(what)} is not listed any more.`;
  throw new SyncError(why, EXIT.usage);
}

/** @throws What is a mistake in the program. */
function refused(error: unknown): pages.Said {
  if (!(error instanceof SyncError)) throw error;
  const { message, hint } = error;
  return { isGood: false, text: hint ? `${message}\n${hint}` : message };
}
