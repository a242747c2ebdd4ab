/**
 * Which mails a run is due, and their way out: first into the outbox, noted as
 * mailed in the same step, then to the server, then out of the outbox. A crash
 * at any moment sends a mail twice at most, and loses none.
 *
 * What nobody has got yet is told as it is by then: what is true no more is
 * taken out, and more than a few mails become one.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { EmailConfig } from "./config_schema.ts";
import { SyncError } from "./errors.ts";
import {
  type KnownUnsynced,
  type Mailed,
  Outbox,
  type Posting,
  type WaitingMail,
} from "./mail_outbox.ts";
import type { Mailer, OutgoingMail, Sent } from "./mail_smtp.ts";
import {
  type AlertNews,
  type Alerts,
  type ConflictNews,
  isDone,
  type KnownAlert,
  type MailFacts,
  mailOf,
  type MailRun,
  type MailText,
  type UnsyncedNews,
} from "./mail_texts.ts";
import type { Conflict } from "./plan_types.ts";
import { doubtfulAlert, type Unsynced, unsyncedIn } from "./report_text.ts";
import {
  type Alert,
  conflictKey,
  type Decided,
  doneConflicts,
  openConflicts,
  type RunEnd,
  type SyncListener,
} from "./run_types.ts";
import { type MailTimes, NEVER } from "./state_db.ts";
import { countOf, errorWords, zonedTime } from "./text.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** A run that starts a little earlier than yesterday's is a day later. */
const ALMOST_DAY_MS = DAY_MS - HOUR_MS / 6;

/** A clock that was put back must not keep anything waiting for years. */
function isPast(atMs: number, ms: number, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) >= ms;
}

// What stays unsynced: mailed once every finished run has met it for some time,
// again after some days, and once when none of it is left.

/** What is to be mailed of what stays unsynced, and to be remembered then. */
export interface DueUnsynced {
  /** Null: no mail. */
  readonly left: UnsyncedNews["left"] | null;
  readonly known: readonly KnownUnsynced[];
}

/**
 * Holds what a run left unsynced against what those before it did.
 *
 * @param known What all of them left, since when.
 * @param now What this run left.
 * @param isUntold The last mail about it waits still: it is told as it is now.
 * @param nowMs In ms since 1970.
 */
export function dueUnsynced(
  known: readonly KnownUnsynced[],
  now: readonly Unsynced[],
  { tellAfterHours, remindDays }: Pick<
    EmailConfig,
    "tellAfterHours" | "remindDays"
  >,
  isUntold: boolean,
  nowMs: number,
): DueUnsynced {
  if (tellAfterHours === 0) return { left: null, known: [] };
  const before = new Map(known.map((it) => [it.key, it]));
  const after = now.map((it) => {
    const { sinceMs = nowMs, toldAtMs = null } = before.get(it.key) ?? {};
    return { ...it, sinceMs, toldAtMs };
  });
  const lasting = after.filter(({ sinceMs, toldAtMs }) =>
    toldAtMs !== null || isPast(sinceMs, tellAfterHours * HOUR_MS, nowMs)
  );
  const rows = (some: readonly KnownUnsynced[]) =>
    some.map(({ key, sinceMs, toldAtMs }) => ({ key, sinceMs, toldAtMs }));
  const wasTold = known.flatMap(({ toldAtMs }) => toldAtMs ?? []);
  const isStill = after.some(({ toldAtMs }) => toldAtMs !== null);
  const lastMs = Math.max(...wasTold);
  const isNew = lasting.some(({ toldAtMs }) => toldAtMs === null);
  const isDue = lasting.length > 0 &&
    (isUntold || wasTold.length === 0 ||
      isNew && isPast(lastMs, ALMOST_DAY_MS, nowMs) ||
      remindDays > 0 &&
        isPast(lastMs, remindDays * DAY_MS - HOUR_MS / 6, nowMs));
  if (!isDue) {
    const isOver = wasTold.length > 0 && !isStill && !isUntold;
    return { left: isOver ? [] : null, known: rows(after) };
  }
  const isTold = new Set(lasting.map(({ key }) => key));
  return {
    left: lasting.map(({ toldAtMs: _, ...it }) => it),
    known: rows(
      after.map((it) => isTold.has(it.key) ? { ...it, toldAtMs: nowMs } : it),
    ),
  };
}

// Alerts over many runs, guards and failures: each is mailed once, again after
// a day while it lasts, and once when it is over. What happened once, such as
// the loss of the record, is mailed once a day at most, and is never over.

/** What went wrong in a run. */
function alertsOf({ result, error }: RunEnd): Alert[] {
  if (result === null) {
    const hint = error instanceof SyncError ? error.hint : null;
    const words = errorWords(error);
    return [unexpectedAlert(words, hint ?? "The log has the details.")];
  }
  if (result.stop !== null) {
    if (result.stop.isWaiting) return [];
    const { name, reason, hint } = result.stop;
    return [{
      key: `guard ${name} ${withoutNumbers(reason)}`,
      isStop: true,
      title: `The run was stopped by the guard "${name}"`,
      reason,
      hint,
    }];
  }
  const doubtful = doubtfulAlert(result);
  const failed = result.outcomes.filter(({ kind }) => kind === "failed");
  return [
    ...doubtful === null ? [] : [doubtful],
    ...failed.map(({ action, detail }): Alert => ({
      key: `failed ${action.name} ${action.path}`,
      isStop: false,
      title: `${action.name} ${action.path}`,
      reason: [
        ...action.rule === null ? [] : [`rule ${action.rule}`],
        action.reason,
        ...detail === null ? [] : [detail],
      ].join("; "),
      hint: "",
    })),
  ];
}

/** A run that ended with an error nobody foresaw. */
export function unexpectedAlert(message: string, hint: string): Alert {
  return {
    key: `unexpected ${withoutNumbers(message)}`,
    isStop: true,
    title: "The run ended with an error",
    reason: message,
    hint,
  };
}

/**
 * What is the same each time: one file more or less, or the random part of a
 * run's id, does not make it another alert.
 */
function withoutNumbers(words: string): string {
  return words.replaceAll(/[\da-f]*\d[\da-f]*/gi, "#");
}

/** What is to be mailed of alerts, and what is to be remembered then. */
export interface DueAlerts {
  /** Null: nothing. */
  readonly news: Alerts | null;
  readonly known: readonly KnownAlert[];
}

/**
 * Holds what went wrong now against what was mailed before.
 *
 * @param known What was mailed.
 * @param now What went wrong in this run.
 * @param nowMs In ms since 1970.
 */
export function dueAlerts(
  known: readonly KnownAlert[],
  now: readonly Alert[],
  nowMs: number,
): DueAlerts {
  const isOld = (it: KnownAlert) => isPast(it.mailedAtMs, ALMOST_DAY_MS, nowMs);
  const present = new Map(now.map((alert) => [alert.key, alert]));
  const knownKeys = new Set(known.map(({ key }) => key));
  const fresh = [...present.values()].filter(({ key }) => !knownKeys.has(key));
  // What a stopped run did not come to may be there still.
  const isStopped = now.some(({ isStop }) => isStop);
  const updated = known.map((alert): KnownAlert => {
    const again = present.get(alert.key);
    if (again) return { ...alert, ...again, isOver: false };
    return isStopped || alert.isEvent ? alert : { ...alert, isOver: true };
  });
  const heard = updated.filter((it) => !it.isEvent || present.has(it.key));
  // Remembered for a day, so that it is not told again if it happens again.
  const quiet = updated.filter((it) =>
    it.isEvent && !present.has(it.key) && !isOld(it)
  );
  const over = heard.filter(({ isOver }) => isOver);
  const lasting = heard.filter(({ isOver }) => !isOver);
  const isDue = fresh.length > 0 ||
    lasting.some((it) => present.has(it.key) && isOld(it)) ||
    // A sync that runs again is told at once. Files that fail are told when
    // none is left: they may get well one by one.
    over.some(({ isStop }) => isStop) ||
    over.length > 0 && lasting.every(({ isEvent }) => isEvent);
  if (!isDue) return { news: null, known: [...heard, ...quiet] };
  const mailed = { mailedAtMs: nowMs, isOver: false };
  return {
    news: { fresh, lasting, over },
    known: [
      ...lasting.map((it) => ({ ...it, ...mailed })),
      ...fresh.map((it) => ({ ...it, ...mailed, sinceMs: nowMs })),
      ...quiet,
    ],
  };
}

/**
 * What a mail that nobody has got yet would have to say now, together with
 * what is new: nothing in it may be untrue by the time it is read.
 *
 * @param untold What it says.
 * @param due What is so now.
 * @returns Null where it is true as it is.
 */
export function retold(
  untold: Alerts,
  { news, known }: DueAlerts,
): Alerts | null {
  const now = new Map(known.map((it) => [it.key, it]));
  const isThere = ({ key, isEvent }: Alert) =>
    isEvent || now.has(key) && !now.get(key)!.isOver;
  const isTrue = untold.fresh.every(isThere) && untold.lasting.every(isThere);
  if (news === null && isTrue) return null;
  const told = together(news === null ? [untold] : [untold, news]);
  const isFresh = new Set(told.fresh.map(({ key }) => key));
  const all = byKey([...told.over, ...told.lasting, ...told.fresh])
    .map((it) => now.get(it.key) ?? it);
  const there = all.filter(isThere);
  return {
    fresh: there.filter(({ key }) => isFresh.has(key)),
    lasting: there.filter(({ key }) => !isFresh.has(key)),
    over: all.filter((it) => !isThere(it)),
  };
}

function together(all: readonly Alerts[]): Alerts {
  return {
    fresh: all.flatMap(({ fresh }) => fresh),
    lasting: all.flatMap(({ lasting }) => lasting),
    over: all.flatMap(({ over }) => over),
  };
}

/** The last one of each. */
function byKey<T extends Alert>(alerts: readonly T[]): T[] {
  return [...new Map(alerts.map((it) => [it.key, it])).values()];
}

/** A lost record shows in what came back. */
function withEffect(alert: Alert, { result }: RunEnd): Alert {
  const copied =
    result?.outcomes.filter(({ action, kind }) =>
      kind === "done" && (action.rule === "5.9" || action.rule === "5.10") &&
      action.work.kind === "copy"
    ).length ?? 0;
  if (copied === 0) return alert;
  const files = countOf(copied, "file");
  return {
    ...alert,
    reason: `${alert.reason} In this run ${files} that only one side had ` +
      `${copied === 1 ? "was" : "were"} copied to the other.`,
  };
}

/** What tells two pairs of versions apart. */
export function versionsKey({ kind, versions }: Conflict): string {
  return JSON.stringify([kind, versions.left, versions.right]);
}

/** What mailing needs. */
export interface MailingOptions {
  readonly email: EmailConfig;
  readonly facts: MailFacts;
  readonly run: MailRun;
  /** For all mails of the run together, in ms. Left out: 20 s. */
  readonly boundMs?: number;
  /** In ms since 1970. Left out: the computer's. */
  now?(): number;
  onInfo(text: string): void;
  /** `isGrave`: also for who wants to hear of nothing but errors. */
  onWarning(text: string, isGrave: boolean): void;
}

/** What a run has to tell its mails, and what they tell it. */
export interface RunMails {
  readonly listener: Pick<
    SyncListener,
    "onOpen" | "onDecided" | "onAlert" | "onEnd"
  >;
  /** Whether somebody has got the mail about what the run did. */
  haveTold(): boolean;
}

/** What all mails of a run may take together. */
const BOUND_MS = 20_000;

/** Less is not worth a try, in ms. */
const LEAST_MS = 200;

/** Of the time for all mails one may take so much, where more are to go. */
const FIRST = 0.75;

/** So many mails may wait one by one. */
const FEW = 3;

/** So many conflicts that were done are remembered for a mail that waits. */
const REMEMBERED = 1000;

/** So long a mail that is refused is tried, unless it is still true. */
const KEPT_DAYS = 14;

/**
 * So often in a row a refusal, of a login or of all recipients, is only a
 * hiccup. An account may be locked after a handful.
 */
const HICCUPS = 3;

/** Refusals of a mail that the server takes neither today nor tomorrow. */
const GIVEN_UP = 1_000_000;

/** How long nobody tries after so many refusals in a row, in ms. */
function waitMs(refusals: number): number {
  const more = refusals - HICCUPS;
  return more < 0 ? 0 : Math.min(DAY_MS, HOUR_MS * 2 ** more);
}

/** Names of what is kept in the state DB besides mails. */
const MEMORY = "mail_memory";
const ALERTS = "mail_alerts";

/** What is remembered from run to run. */
interface Memory {
  /** What was said, whatever was asked for → when, in ms since 1970. */
  readonly said: Readonly<Record<string, number>>;
  /** Logins that were refused, one after the other. */
  readonly login: { readonly count: number; readonly atMs: number } | null;
  /** Tells whether the config's section is another one. */
  readonly settings: string;
}

const NO_MEMORY: Memory = { said: {}, login: null, settings: "" };

/** Told once the state DB can be used, where mails went out without it. */
const DB_IS_BACK: KnownAlert = {
  key: "no state DB",
  isStop: true,
  title: "The state DB could not be used",
  reason: "It can be used again.",
  hint: "",
  mailedAtMs: 0,
  isOver: true,
};

/** The mails of one run. */
class Mailing implements RunMails {
  readonly #options: MailingOptions;
  readonly #password: string | null;
  #outbox: Outbox | null = null;
  #memory = NO_MEMORY;
  /** The mail that tells what this run did about conflicts. */
  #ownMail: number | null = null;
  #hasTold = false;

  constructor(options: MailingOptions) {
    this.#options = options;
    const { password, passwordEnv } = options.email;
    this.#password = passwordEnv === null
      ? password
      : Deno.env.get(passwordEnv) || null;
  }

  /** What a run has to tell it; it never throws. */
  get listener(): RunMails["listener"] {
    return {
      onOpen: (db) => this.#outbox = new Outbox(db),
      onDecided: (decided) => this.#guarded(() => this.#intend(decided)),
      // Also for the next run, should this one be cut off.
      onAlert: (alert) =>
        this.#guarded(() =>
          this.#outbox?.keep(ALERTS, [...this.#met(), alert])
        ),
      onEnd: async (end) => {
        await this.#guarded(() => this.#end(end));
      },
    };
  }

  haveTold(): boolean {
    return this.#hasTold;
  }

  /** No mail is worth a sync: whatever goes wrong here is only told. */
  async #guarded(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.onWarning(`E-mail: ${errorWords(error)}`, true);
    }
  }

  /** Alerts that a run met on its way. */
  #met(): readonly Alert[] {
    return this.#outbox?.kept<Alert[]>(ALERTS) ?? [];
  }

  /** A run that is cut off can't tell what it did; the next one can. */
  #intend({ plan }: Decided): void {
    if (this.#outbox === null) return;
    const cutOff = this.#options.run.id;
    const meant = doneConflicts(plan.actions.map((action) => ({
      action,
      kind: "planned",
      newPath: action.newPath,
      detail: null,
      error: null,
    }))).map((it) => ({ ...it, done: { ...it.done!, cutOff } }));
    // What is met again is told when it is done now.
    const again = new Set(meant.map(conflictKey));
    const left = this.#outbox.intended()
      .filter((it) => !again.has(conflictKey(it)));
    this.#outbox.intend([...left, ...meant]);
  }

  async #end(end: RunEnd): Promise<void> {
    const nowMs = this.#options.now?.() ?? Date.now();
    const times = end.lock?.times() ?? NEVER;
    try {
      if (end.db === null) throw new Error("the state DB can't be opened");
      this.#memory = { ...NO_MEMORY, ...this.#outbox!.kept<Memory>(MEMORY) };
      this.#takeSettings();
      // Of what was mailed before, a run that waits knows nothing new.
      if (!end.result?.stop?.isWaiting) this.#post(end, times, nowMs);
    } catch (error) {
      // One that can be read only would refuse the next thing as well.
      this.#outbox = null;
      await this.#sendUnrecorded(end, times, nowMs, error);
      return;
    }
    await this.#sendWaiting(nowMs);
  }

  /** Before what follows from it: a run may be cut off at any moment. */
  #remember(change: Partial<Memory>): void {
    this.#memory = { ...this.#memory, ...change };
    this.#outbox?.keep(MEMORY, this.#memory);
  }

  /** With other settings what was refused may go out at once. */
  #takeSettings(): void {
    const { password: _, ...email } = this.#options.email;
    // Of the password so little that nobody could find it by that.
    const digest = createHash("sha256").update(this.#password ?? "").digest();
    const settings = JSON.stringify([email, digest[0]]);
    if (settings === this.#memory.settings) return;
    this.#outbox!.forgetRefusals();
    this.#remember({ settings, login: null });
  }

  /** Puts what is due into the outbox. */
  #post(end: RunEnd, times: MailTimes, nowMs: number): void {
    const { withoutDb, lostRecord } = times;
    const outbox = this.#outbox!;
    const before = outbox.mailed();
    const met = this.#met();
    // A record that is lost again and again takes along what was mailed of it.
    const isTold = !isPast(lostRecord, ALMOST_DAY_MS, nowMs);
    const told = { mailedAtMs: lostRecord, isOver: false };
    const due = dueAlerts(
      byKey([
        ...before.alerts,
        ...isTold ? met.map((alert) => ({ ...alert, ...told })) : [],
        ...withoutDb === 0 ? [] : [DB_IS_BACK],
      ]),
      [...met.map((alert) => withEffect(alert, end)), ...alertsOf(end)],
      nowMs,
    );
    const { conflicts, mailed } = this.#conflicts(end, before);
    const isOpen = (it: Conflict) => mailed.get(it.path) === versionsKey(it);
    const posting: Posting = { added: [], changed: [], removed: [] };
    const groups = Map.groupBy(
      outbox.waiting(),
      ({ delivered }) => JSON.stringify(delivered.toSorted()),
    );
    const forAll = groups.get("[]") ?? [];
    groups.delete("[]");
    // What is new comes last: that is to be tried first.
    for (const mails of [...groups.values(), forAll]) {
      this.#retellConflicts(mails, isOpen, posting);
      this.#retellAlerts(mails, due, posting);
    }
    const unsynced = this.#unsynced(end, before, forAll, posting, nowMs);
    if (conflicts.length > 0) {
      const { run } = this.#options;
      const news = { kind: "conflicts", run, conflicts } as const;
      posting.added.push({ news, delivered: [] });
    }
    const after = { conflicts: mailed, alerts: due.known, unsynced };
    const ids = outbox.post(posting, after, nowMs);
    if (conflicts.length > 0) this.#ownMail = ids.at(-1)!;
    outbox.keep(ALERTS, null);
    const lost = met.length > 0 && due.news !== null ? nowMs : lostRecord;
    if (lost === lostRecord && withoutDb === 0) return;
    end.lock?.setTimes({ withoutDb: 0, lostRecord: lost });
  }

  /**
   * Puts a mail about what stays unsynced among those to be sent, if one is
   * due, in place of one that nobody has got yet.
   *
   * @param waiting Mails that nobody has got.
   * @returns What is left unsynced now.
   */
  #unsynced(
    { result }: RunEnd,
    { unsynced: known }: Mailed,
    waiting: readonly WaitingMail[],
    posting: Posting,
    nowMs: number,
  ): readonly KnownUnsynced[] {
    // What a stopped run did not come to may be as it was.
    if (result === null || result.stop !== null) return known;
    const { email, run } = this.#options;
    const untold = waiting.flatMap(({ id, news }) =>
      news?.kind === "unsynced" ? [{ id, isOver: news.left.length === 0 }] : []
    );
    const isUntold = untold.some(({ isOver }) => !isOver);
    const due = dueUnsynced(known, unsyncedIn(result), email, isUntold, nowMs);
    const isStill = due.known.some(({ toldAtMs }) => toldAtMs !== null);
    for (const { id, isOver } of untold) {
      const isTrue = due.left === null && (isOver || isStill);
      if (!isTrue) posting.removed.push(id);
    }
    if (due.left !== null) {
      const news = { kind: "unsynced", run, left: due.left } as const;
      posting.added.push({ news, delivered: [] });
    }
    return due.known;
  }

  /** The conflicts to be told, and the open ones that count as told then. */
  #conflicts({ result }: RunEnd, before: Mailed): {
    readonly conflicts: readonly Conflict[];
    readonly mailed: ReadonlyMap<string, string>;
  } {
    const { run } = this.#options;
    // Without a result nobody knows what this run did of what it meant to.
    const cutOff = this.#outbox!.intended()
      .filter(({ done }) => result === null || done!.cutOff !== run.id);
    if (result === null || result.stop !== null) {
      return { conflicts: cutOff, mailed: before.conflicts };
    }
    const open = openConflicts(result.outcomes);
    const untold = open.filter((it) =>
      before.conflicts.get(it.path) !== versionsKey(it)
    );
    return {
      conflicts: [...untold, ...cutOff, ...doneConflicts(result.outcomes)],
      mailed: new Map(open.map((it) => [it.path, versionsKey(it)])),
    };
  }

  /**
   * What becomes of mails about alerts, together with what is due now.
   *
   * @param mails Which the same people have got already.
   */
  #retellAlerts(
    mails: readonly WaitingMail[],
    due: DueAlerts,
    posting: Posting,
  ): void {
    const about = mails.flatMap(({ news }) =>
      news?.kind === "alerts" ? [news] : []
    );
    const told = about.length === 0 ? null : together(about);
    const delivered = mails[0]?.delivered ?? [];
    const isForAll = delivered.length === 0;
    const now = told === null
      ? isForAll ? due.news : null
      : isForAll || due.news === null
      ? retold(told, due)
      // A new mail goes to all, and tells of all that lasts or is over.
      : {
        fresh: told.fresh.filter(({ isEvent }) => isEvent),
        lasting: [],
        over: [],
      };
    if (now === null) return;
    for (const { id, news } of mails) {
      if (news?.kind === "alerts") posting.removed.push(id);
    }
    if (now.fresh.length + now.lasting.length + now.over.length === 0) return;
    const news: AlertNews = { kind: "alerts", run: this.#options.run, ...now };
    posting.added.push({ news, delivered });
  }

  /**
   * What becomes of mails about conflicts, now that time has gone by.
   *
   * @param mails Which the same people have got already.
   */
  #retellConflicts(
    mails: readonly WaitingMail[],
    isOpen: (conflict: Conflict) => boolean,
    posting: Posting,
  ): void {
    const left: WaitingMail[] = [];
    for (const mail of mails) {
      const { id, news } = mail;
      if (news?.kind !== "conflicts") continue;
      const conflicts = news.conflicts.filter((it) => isDone(it) || isOpen(it));
      if (conflicts.length === 0) {
        posting.removed.push(id);
        continue;
      }
      const now = { ...news, conflicts };
      left.push({ ...mail, news: now });
      if (conflicts.length < news.conflicts.length) {
        posting.changed.push({ id, news: now });
      }
    }
    if (left.length <= FEW) return;
    posting.removed.push(...left.map(({ id }) => id));
    const { delivered } = left[0]!;
    posting.added.push({ news: this.#backlogOf(left), delivered });
  }

  /** Several mails about conflicts as one. */
  #backlogOf(mails: readonly WaitingMail[]): ConflictNews {
    const done: Conflict[] = [];
    const open = new Map<string, Conflict>();
    let [more, sinceMs] = [0, Infinity];
    for (const { news, createdAtMs } of mails.toSorted((a, b) => b.id - a.id)) {
      if (news?.kind !== "conflicts") continue;
      more += news.waited?.more ?? 0;
      sinceMs = Math.min(sinceMs, news.waited?.sinceMs ?? createdAtMs);
      for (const it of news.conflicts) {
        if (isDone(it)) done.push(it);
        else open.set(it.path, it);
      }
    }
    more += Math.max(0, done.length - REMEMBERED);
    return {
      kind: "conflicts",
      conflicts: [...open.values(), ...done.slice(0, REMEMBERED)],
      run: this.#options.run,
      waited: { sinceMs, more },
    };
  }

  /** Sends what waits, until the server or the time has enough. */
  async #sendWaiting(nowMs: number): Promise<void> {
    const { boundMs = BOUND_MS, onWarning } = this.#options;
    const outbox = this.#outbox!;
    const waiting: WaitingMail[] = [];
    for (const mail of outbox.waiting()) {
      const { id, triedAtMs, refusals } = mail;
      if (isTooOld(mail, nowMs)) {
        const { subject } = this.#textOf(mail);
        outbox.drop(id);
        const after = `E-mail dropped after ${KEPT_DAYS} days without success`;
        onWarning(`${after}: ${subject}`, true);
      } else if (
        triedAtMs === null || isPast(triedAtMs, waitMs(refusals), nowMs)
      ) waiting.push(mail);
    }
    if (waiting.length === 0 || !this.#mayLogIn(nowMs)) return;
    const endMs = performance.now() + boundMs;
    for (const [at, mail] of waiting.entries()) {
      const leftMs = endMs - performance.now();
      if (at > 0 && leftMs < LEAST_MS) return;
      // One that never ends must leave some time for the others.
      const isLast = at === waiting.length - 1;
      const text = this.#textOf(mail);
      const sent = await this.#send(
        { ...mail, ...text },
        isLast ? leftMs : Math.min(leftMs, boundMs * FIRST),
      );
      if (!this.#noteSent(mail, text.subject, sent, nowMs)) return;
    }
  }

  #textOf({ id, news }: WaitingMail): MailText {
    return news === null
      ? this.#outbox!.wordedMail(id)
      : mailOf(news, this.#options.facts);
  }

  /** Whether the login may be tried. */
  #mayLogIn(nowMs: number): boolean {
    const { login } = this.#memory;
    if (login === null) return true;
    const pauseMs = waitMs(login.count);
    if (isPast(login.atMs, pauseMs, nowMs)) return true;
    this.#options.onInfo(
      "e-mail waits: the login was refused, and is tried again after " +
        zonedTime(login.atMs + pauseMs),
    );
    return false;
  }

  /** Notes what became of a try; false: no other mail would fare better. */
  #noteSent(
    mail: WaitingMail,
    subject: string,
    sent: Sent,
    nowMs: number,
  ): boolean {
    const outbox = this.#outbox!;
    const { id } = mail;
    if (sent.kind === "sent") {
      const { delivered, refused } = sent;
      this.#remember({ login: null });
      if (id === this.#ownMail) this.#hasTold = delivered.length > 0;
      if (refused.length > 0) {
        outbox.noteTried({ ...mail, delivered }, nowMs);
        const why = refused.join("; ");
        this.#tell(`waits for the next run, for some: ${why}`, nowMs);
      } else {
        outbox.drop(id);
        // Whoever gets this one gets the others.
        outbox.forgetRefusals(GIVEN_UP);
        this.#options.onInfo(`e-mail sent: ${subject}`);
      }
      return true;
    }
    const { reason, refusal, endsAll } = sent;
    if (refusal === "mail") {
      // What is still open is told again, a day later.
      const news = openIn(mail);
      if (news === null) outbox.drop(id);
      else {
        outbox.change({ id, news });
        outbox.noteTried({ ...mail, refusals: GIVEN_UP }, nowMs);
      }
      this.#options.onWarning(
        "E-mail given up, the server refuses it for good: " +
          `${subject} (${reason})`,
        true,
      );
      return true;
    }
    // Where others have it, the one that has not may have it any day.
    const isRefused = refusal === "recipients" && mail.delivered.length === 0;
    const refusals = mail.refusals + (isRefused ? 1 : 0);
    outbox.noteTried({ ...mail, refusals }, nowMs);
    const more = refusal === "login" ? this.#noteLogin(nowMs) : "";
    this.#tell(`waits for the next run: ${reason}`, nowMs, more);
    return !endsAll;
  }

  /** Notes that it was refused; when it is tried again, in words. */
  #noteLogin(nowMs: number): string {
    const count = (this.#memory.login?.count ?? 0) + 1;
    this.#remember({ login: { count, atMs: nowMs } });
    const hours = waitMs(count) / HOUR_MS;
    const when = hours === 0
      ? "with the next run"
      : `in ${hours} h (so that the account is not locked), or when the ` +
        "config's section email has changed";
    return `. It is tried again ${when}.`;
  }

  /** Why mails wait: each reason once a day also for who wants no more. */
  #tell(reason: string, nowMs: number, more = ""): void {
    // What the server said may have another id in it each time.
    const key = withoutNumbers(reason.replaceAll(/"(?:[^"\\]|\\.)*"/gu, ""));
    const { said } = this.#memory;
    const isNew = isPast(said[key] ?? -Infinity, ALMOST_DAY_MS, nowMs);
    if (isNew) {
      const young = Object.entries(said)
        .filter(([, atMs]) => !isPast(atMs, DAY_MS, nowMs));
      this.#remember({ said: { ...Object.fromEntries(young), [key]: nowMs } });
    }
    this.#options.onWarning(`E-mail ${reason}${more}`, isNew);
  }

  /**
   * Without a DB there is no outbox: one try. That it is out, or that the
   * login was refused, keeps the next runs from another one for a while.
   */
  async #sendUnrecorded(
    end: RunEnd,
    times: MailTimes,
    nowMs: number,
    cause: unknown,
  ): Promise<void> {
    const { run, facts, onInfo, boundMs = BOUND_MS } = this.#options;
    const alerts = alertsOf(end);
    // The run itself went well; what it has to tell can't be kept.
    if (alerts.length === 0) throw cause;
    if (!isPast(times.withoutDb, ALMOST_DAY_MS, nowMs)) return;
    const [fresh, lasting] = times.withoutDb === 0
      ? [alerts, []]
      : [[], alerts];
    const news = { kind: "alerts", run, fresh, lasting, over: [] } as const;
    const sent = await this.#send({
      ...mailOf(news, facts),
      messageId: crypto.randomUUID(),
      createdAtMs: nowMs,
      delivered: [],
    }, boundMs);
    const note = (withoutDb: number) =>
      end.lock?.setTimes({ ...times, withoutDb });
    if (sent.kind === "sent") {
      note(nowMs);
      onInfo("e-mail sent, without the state DB");
    } else if (sent.refusal === "login") {
      // So long ago that the next try is due in an hour.
      note(nowMs - ALMOST_DAY_MS + HOUR_MS);
      const when =
        " It is tried again in 1 h (so that the account is not locked).";
      this.#tell(`could not be sent: ${sent.reason}`, nowMs, `. ${when}`);
    } else this.#tell(`could not be sent: ${sent.reason}`, nowMs);
  }

  /** One try, with a mailer that is loaded only now. */
  async #send(mail: OutgoingMail, boundMs: number): Promise<Sent> {
    const { email } = this.#options;
    if (email.passwordEnv !== null && this.#password === null) {
      return {
        kind: "failed",
        reason:
          `the variable ${email.passwordEnv} with the password is not set.`,
        endsAll: true,
        refusal: null,
      };
    }
    const { Mailer } = await import("./mail_smtp.ts");
    using mailer: Mailer = new Mailer({
      email,
      password: this.#password,
      // It is told in seconds.
      boundMs: Math.max(LEAST_MS, Math.round(boundMs / 100) * 100),
    });
    return await mailer.send(mail);
  }
}

/** What nobody has been told of open conflicts but by this mail. */
function openIn({ news, delivered }: WaitingMail): ConflictNews | null {
  if (delivered.length > 0 || news?.kind !== "conflicts") return null;
  const conflicts = news.conflicts.filter((it) => !isDone(it));
  return conflicts.length === 0 ? null : { ...news, conflicts };
}

/** Nobody took it for long, and there is nothing open that it tells. */
function isTooOld(mail: WaitingMail, nowMs: number): boolean {
  const { createdAtMs, refusals, delivered } = mail;
  const isRefused = refusals > 0 || delivered.length > 0;
  return isRefused && openIn(mail) === null &&
    nowMs - createdAtMs > KEPT_DAYS * DAY_MS;
}

/**
 * Ready to mail what a run has to tell.
 *
 * @param options To whom, and about what.
 */
export function mailing(options: MailingOptions): RunMails {
  return new Mailing(options);
}
