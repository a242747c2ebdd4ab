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
  type Mailed,
  type MailNews,
  type NewMail,
  Outbox,
  type Posting,
  type WaitingMail,
} from "./mail_outbox.ts";
import type { Mailer, OutgoingMail, Sent } from "./mail_smtp.ts";
import {
  backlogMail,
  conflictKey,
  conflictMail,
  type ConflictNews,
  type MailFacts,
  type MailRun,
  type OldMail,
  settledBy,
  settledIn,
  type ToldConflict,
  troubleMail,
  versionsKey,
  zonedTime,
} from "./mail_texts.ts";
import type { Conflict } from "./plan_types.ts";
import type { Decided } from "./run.ts";
import {
  doubtfulCopies,
  openConflicts,
  type Outcome,
  type RunEnd,
  type RunResult,
  type Stop,
  type SyncListener,
} from "./run_types.ts";
import type { Lock } from "./state_db.ts";
import { errorWords, printable, PROGRAM } from "./text.ts";

// Guards and failures over many runs: each is mailed once, again after a day
// while it lasts, and once when it is over. What happened once, such as the
// loss of the record, is mailed once a day at most, and is never over. Pure.

/** A guard that stopped a run, or something that failed in it. */
export interface Trouble {
  /** The same in every run in which it is the same trouble. */
  readonly key: string;
  /** It stopped the run; nothing is known of what else there may be. */
  readonly isStop: boolean;
  /** It happened in this run: the next one does not undo it. */
  readonly isEvent?: boolean;
  /** In a few words. */
  readonly title: string;
  readonly reason: string;
  /** What to do; "" where there is nothing to say. */
  readonly hint: string;
}

/** A trouble that was mailed already. */
export interface KnownTrouble extends Trouble {
  /** Both in ms since 1970. */
  readonly sinceMs: number;
  readonly mailedAtMs: number;
  /** It is over, and nobody was told yet. */
  readonly isOver: boolean;
}

/** What a mail has to tell. */
export interface TroubleNews {
  readonly fresh: readonly Trouble[];
  /** Known for a while, and still there. */
  readonly lasting: readonly KnownTrouble[];
  readonly over: readonly KnownTrouble[];
}

/** Something of weight that a run met, and that does not stop it. */
export interface Alarm {
  /** The same each time. */
  readonly key: string;
  /** In a few words. */
  readonly title: string;
  readonly reason: string;
  /** What to do. */
  readonly hint: string;
}

/** What is to be mailed, and what is to be remembered then. */
export interface Judged {
  /** Null: nothing. */
  readonly news: TroubleNews | null;
  readonly known: readonly KnownTrouble[];
}

/**
 * After so long a trouble is mailed again. A day, but for a few minutes: a run
 * that starts a second earlier than yesterday's must not wait for tomorrow's.
 */
const AGAIN_MS = 24 * 60 * 60 * 1000 - 10 * 60 * 1000;

/**
 * What went wrong in a run that came to a result.
 *
 * @param result What came of the run.
 */
export function troublesOf(result: RunResult): Trouble[] {
  if (result.stop !== null) return [stopped(result.stop)];
  const alarm = doubtAlarm(result);
  return [
    ...alarm === null ? [] : [alarming(alarm)],
    ...result.outcomes.filter(({ kind }) => kind === "failed").map(failed),
  ];
}

/** Versions that perhaps nobody meant: more than so many are of weight. */
const FEW_DOUBTFUL = 10;

/** So many of them are named. */
const NAMED = 20;

/**
 * Many good versions were replaced by such that perhaps nobody meant: files
 * that are empty or older now, or all rewritten at once.
 *
 * @param result What came of the run.
 * @returns Null where there are none, or few.
 */
export function doubtAlarm(
  { outcomes, id, isDryRun }: Pick<RunResult, "outcomes" | "id" | "isDryRun">,
): Alarm | null {
  const paths = doubtfulCopies(outcomes).map(({ action }) =>
    printable(action.path)
  );
  if (isDryRun || paths.length <= FEW_DOUBTFUL) return null;
  const rest = paths.length - NAMED;
  const more = rest > 0 ? `, and ${rest} more` : "";
  return {
    key: "doubtful versions",
    title: `${paths.length} files went across that perhaps nobody meant so`,
    reason: "They are empty or older than before on the side they came from, " +
      "or very many changed at once. What they replaced is kept. They are: " +
      `${paths.slice(0, NAMED).join(", ")}${more}.`,
    hint:
      "Look whether they are as they should be. If not, stop the scheduled " +
      `runs, and bring back what was there with "${PROGRAM} restore --force ` +
      `PATH"; "${PROGRAM} history ${id}" lists all, and where each version ` +
      "before is kept.",
  };
}

/**
 * An alarm as what went wrong.
 *
 * @param alarm What the run met.
 */
export function alarming(alarm: Alarm): Trouble {
  return { ...alarm, isStop: false, isEvent: true };
}

/**
 * A run that ended with an error nobody foresaw.
 *
 * @param message The error, in words.
 * @param hint What to do about it.
 */
export function unexpected(message: string, hint: string): Trouble {
  return {
    key: `unexpected ${withoutNumbers(message)}`,
    isStop: true,
    title: "The run ended with an error",
    reason: message,
    hint,
  };
}

function stopped({ name, reason, hint }: Stop): Trouble {
  return {
    key: `guard ${name} ${withoutNumbers(reason)}`,
    isStop: true,
    title: `The run was stopped by the guard "${name}"`,
    reason,
    hint,
  };
}

function failed({ action, detail }: Outcome): Trouble {
  return {
    key: `failed ${action.name} ${action.path}`,
    isStop: false,
    title: `${action.name} ${action.path}`,
    reason: [
      ...action.rule === null ? [] : [`rule ${action.rule}`],
      action.reason,
      ...detail === null ? [] : [detail],
    ].join("; "),
    hint: "",
  };
}

/**
 * What is the same each time: one file more or less, or the random part of a
 * run's id, does not make it another trouble.
 *
 * @param words What is said.
 */
export function withoutNumbers(words: string): string {
  return words.replaceAll(/[\da-f]*\d[\da-f]*/gi, "#");
}

/**
 * Holds what went wrong now against what was mailed before.
 *
 * @param known What was mailed.
 * @param now What went wrong in this run.
 * @param nowMs In ms since 1970.
 */
export function judge(
  known: readonly KnownTrouble[],
  now: readonly Trouble[],
  nowMs: number,
): Judged {
  const present = new Map(now.map((trouble) => [trouble.key, trouble]));
  const knownKeys = new Set(known.map(({ key }) => key));
  const fresh = [...present.values()].filter(({ key }) => !knownKeys.has(key));
  // What a stopped run did not come to may be there still.
  const isStopped = now.some(({ isStop }) => isStop);
  const updated = known.map((trouble): KnownTrouble => {
    const again = present.get(trouble.key);
    if (again) return { ...trouble, ...again, isOver: false };
    return isStopped || trouble.isEvent
      ? trouble
      : { ...trouble, isOver: true };
  });
  // Remembered for a day, so that it is not told again if it happens again.
  const quiet = updated.filter((it) => it.isEvent && !present.has(it.key))
    .filter((it) => !isOld(it, nowMs));
  const heard = updated.filter((it) => !it.isEvent || present.has(it.key));
  const over = heard.filter(({ isOver }) => isOver);
  const lasting = heard.filter((it) => !it.isOver);
  const isDue = fresh.length > 0 ||
    lasting.some((it) => present.has(it.key) && isOld(it, nowMs)) ||
    // A sync that runs again is told at once. Files that fail are told when
    // none is left: they may get well one by one.
    over.some(({ isStop }) => isStop) ||
    over.length > 0 && !lasting.some(({ isEvent }) => !isEvent);
  if (!isDue) return { news: null, known: [...heard, ...quiet] };
  const mailed = [
    ...lasting.map((it) => ({ ...it, mailedAtMs: nowMs })),
    ...fresh.map((it) => ({
      ...it,
      sinceMs: nowMs,
      mailedAtMs: nowMs,
      isOver: false,
    })),
    ...quiet,
  ];
  return { news: { fresh, lasting, over }, known: mailed };
}

/**
 * What a mail that nobody has got yet would have to say now, together with
 * what is new: nothing in it may be untrue by the time it is read.
 *
 * @param untold What it says.
 * @param judged What is so now.
 * @returns Null where it is true as it is.
 */
export function retold(
  untold: TroubleNews,
  { news, known }: Judged,
): TroubleNews | null {
  const now = new Map(known.map((it) => [it.key, it]));
  const isThere = ({ key, isEvent }: Trouble) =>
    isEvent || now.has(key) && !now.get(key)!.isOver;
  const told = [...untold.fresh, ...untold.lasting];
  const ended = told.filter((it) => !isThere(it));
  if (news === null && ended.length === 0) return null;
  const fresh = byKey([
    ...untold.fresh.filter(isThere).map((it) => now.get(it.key) ?? it),
    ...news?.fresh ?? [],
  ]);
  const lasting = byKey([
    ...untold.lasting.filter(isThere).map((it) => now.get(it.key) ?? it),
    ...news?.lasting ?? [],
  ]).filter(({ key }) => !fresh.some((it) => it.key === key));
  const over = byKey([
    ...untold.over.filter((it) => !isThere(it)),
    ...ended.flatMap((it) => now.get(it.key) ?? []),
    ...news?.over ?? [],
  ]);
  return { fresh, lasting, over };
}

/** The last one of each. */
function byKey<T extends Trouble>(troubles: readonly T[]): T[] {
  return [...new Map(troubles.map((it) => [it.key, it])).values()];
}

/** A clock that was put back must not keep it quiet for years. */
function isOld({ mailedAtMs }: KnownTrouble, nowMs: number): boolean {
  return Math.abs(nowMs - mailedAtMs) >= AGAIN_MS;
}

/** What mailing needs. */
export interface MailingOptions {
  readonly email: EmailConfig;
  readonly facts: MailFacts;
  readonly run: MailRun;
  /** For all mails of the run together, in ms. */
  readonly boundMs: number;
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
    "onOpen" | "onDecided" | "onAlarm" | "onEnd"
  >;
  /** Whether somebody has got the mail about what the run settled. */
  haveTold(): boolean;
}

/** What all mails of a run may take together. */
export const BOUND_MS = 20_000;

/** Less is not worth a try, in ms. */
const LEAST_MS = 200;

/** Of the time for all mails one may take so much, where more are to go. */
const FIRST = 0.75;

/** So many mails may wait one by one. */
const FEW = 3;

/** Of so many old mails the whole text is told. */
const QUOTED = 20;

/** So many settled conflicts are remembered for a mail that waits. */
const REMEMBERED = 1000;

/** So long a mail that is refused is tried, unless it is still true. */
const KEPT_DAYS = 14;
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** So often in a row a refusal is only a hiccup. */
const HICCUPS: Readonly<Record<"login" | "recipients", number>> = {
  // An account may be locked after a handful.
  login: 3,
  recipients: 3,
};

/** Names of what is kept in the state DB besides mails. */
const MEMORY = "mail_memory";
const ALARMS = "mail_alarms";

/** What is remembered from run to run. */
interface Memory {
  /** What was said, whatever was asked for → when, in ms since 1970. */
  readonly said: Readonly<Record<string, number>>;
  /** Logins that were refused, one after the other. */
  readonly login: { readonly count: number; readonly atMs: number } | null;
  /** Open conflicts, told by mails that the server never takes. */
  readonly givenUp: {
    readonly paths: readonly string[];
    readonly atMs: number;
  } | null;
  /** Tells whether the config's section is another one. */
  readonly settings: string;
}

const NO_MEMORY: Memory = {
  said: {},
  login: null,
  givenUp: null,
  settings: "",
};

/** What the lock file keeps where the state DB can't. */
interface Note {
  readonly troubles: readonly KnownTrouble[];
  readonly memory: Memory;
}

/** The mails of one run. */
class Mailing implements RunMails {
  readonly #options: MailingOptions;
  readonly #password: string | null;
  #outbox: Outbox | null = null;
  #memory = NO_MEMORY;
  /** What is remembered goes into the state DB. */
  #isRecorded = false;
  /** The mail that tells what this run settled. */
  #ownMail: number | null = null;
  #hasTold = false;

  /** @param options To whom, and about what. */
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
      onAlarm: (alarm) => this.#guarded(() => this.#note(alarm)),
      onEnd: async (end) => {
        await this.#guarded(() => this.#end(end));
      },
    };
  }

  haveTold(): boolean {
    return this.#hasTold;
  }

  get #nowMs(): number {
    return this.#options.now?.() ?? Date.now();
  }

  /** No mail is worth a sync: whatever goes wrong here is only told. */
  async #guarded(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.onWarning(`E-mail: ${errorWords(error)}`, true);
    }
  }

  /** Also for the next run, should this one be cut off. */
  #note(alarm: Alarm): void {
    this.#outbox?.keep(ALARMS, [...this.#alarms(), alarm]);
  }

  #alarms(): readonly Alarm[] {
    return this.#outbox?.kept<Alarm[]>(ALARMS) ?? [];
  }

  /** A run that is cut off can't tell what it did; the next one can. */
  #intend({ plan }: Decided): void {
    if (this.#outbox === null) return;
    const { run } = this.#options;
    const before = this.#outbox.intention();
    const conflicts = settledBy(plan.actions, run.id);
    // What is met again is told when it is settled now.
    const again = new Set(
      conflicts.map(({ conflict }) => conflictKey(conflict)),
    );
    const left =
      before?.conflicts.filter(({ conflict }) =>
        !again.has(conflictKey(conflict))
      ) ?? [];
    const all = [...left, ...conflicts];
    if (all.length > 0) this.#outbox.intend({ run: run.id, conflicts: all });
    else if (before !== null) this.#outbox.intend(null);
  }

  async #end(end: RunEnd): Promise<void> {
    const nowMs = this.#nowMs;
    const note = noteIn(end.lock);
    try {
      if (end.db === null) throw new Error("the state DB can't be opened");
      this.#memory = { ...NO_MEMORY, ...this.#outbox!.kept<Memory>(MEMORY) };
      if (this.#minded()) this.#outbox!.forgetRefusals();
      this.#post(end, note, nowMs);
    } catch (error) {
      this.#memory = note.memory;
      // One that can be read only would refuse the next thing as well.
      this.#outbox = null;
      this.#minded();
      await this.#sendUnrecorded(end, note, nowMs, error);
      return;
    }
    this.#isRecorded = true;
    this.#remember({});
    await this.#sendWaiting(nowMs);
  }

  /** Before what follows from it: a run may be cut off at any moment. */
  #remember(change: Partial<Memory>): void {
    this.#memory = { ...this.#memory, ...change };
    if (!this.#isRecorded) return;
    const known = JSON.stringify(this.#outbox!.kept<Memory>(MEMORY));
    if (JSON.stringify(this.#memory) === known) return;
    this.#outbox!.keep(MEMORY, this.#memory);
  }

  /** With other settings what was refused may go out at once. */
  #minded(): boolean {
    const settings = this.#settings();
    if (settings === this.#memory.settings) return false;
    const givenUp = this.#memory.givenUp &&
      { ...this.#memory.givenUp, atMs: 0 };
    this.#remember({ settings, login: null, givenUp });
    return true;
  }

  /** Of the password so little that nobody could find it by that. */
  #settings(): string {
    const { password: _, ...email } = this.#options.email;
    const digest = createHash("sha256").update(this.#password ?? "").digest();
    return JSON.stringify([email, digest[0]]);
  }

  /** Puts what is due into the outbox. */
  #post(end: RunEnd, note: Note, nowMs: number): void {
    const outbox = this.#outbox!;
    const before = this.#mailedBefore(nowMs);
    const noted = new Set(note.troubles.map(({ key }) => key));
    const known = [
      ...before.troubles.filter(({ key }) => !noted.has(key)),
      ...note.troubles,
    ];
    const alarms = this.#alarms();
    const troubles = [
      ...alarms.map((alarm) => alarming(withEffect(alarm, end))),
      ...troublesOfEnd(end),
    ];
    const judged = judge(known, troubles, nowMs);
    const { settled, open, mailed } = this.#conflicts(end, before);
    const isOpen = (it: Conflict) => mailed.get(it.path) === versionsKey(it);
    const waiting = Map.groupBy(
      outbox.waiting(),
      ({ delivered }) => JSON.stringify(delivered.toSorted()),
    );
    const untold = this.#troublesTold(waiting.get("[]") ?? [], judged);
    const retold = [...waiting.values()].map((mails) => [
      this.#conflictsTold(mails, isOpen),
      ...mails[0]!.delivered.length > 0
        ? [this.#troublesLeft(mails, judged)]
        : [],
    ]).flat();
    // What is new comes last: that is to be tried first.
    const retelling = together([...retold, untold]);
    const added = [...retelling.added];
    if (settled.length + open.length > 0) {
      const news = { kind: "conflicts", run: this.#options.run, settled, open };
      added.push(this.#mailOf(news as MailNews));
    }
    const posting = { ...retelling, added };
    const after: Mailed = { conflicts: mailed, troubles: judged.known };
    const isChanged = added.length > 0 || posting.rewritten.length > 0 ||
      posting.removed.length > 0 || outbox.intention() !== null ||
      asText(outbox.mailed()) !== asText(after);
    if (isChanged) {
      const ids = outbox.post(posting, after, nowMs);
      if (added.length > retelling.added.length) this.#ownMail = ids.at(-1)!;
    }
    if (alarms.length > 0) outbox.keep(ALARMS, null);
    // A record that is lost again and again takes the outbox along each time.
    const events = judged.known.filter(({ isEvent }) => isEvent);
    keepNote(end.lock, events.length > 0 ? { troubles: events } : null);
  }

  /** What was mailed, but for what the server never took, once a day. */
  #mailedBefore(nowMs: number): Mailed {
    const before = this.#outbox!.mailed();
    const { givenUp } = this.#memory;
    if (givenUp === null || !isPast(givenUp.atMs, DAY_MS, nowMs)) return before;
    this.#remember({ givenUp: null });
    const again = new Set(givenUp.paths);
    const conflicts = [...before.conflicts].filter(([path]) =>
      !again.has(path)
    );
    return { ...before, conflicts: new Map(conflicts) };
  }

  /** What is to be told of troubles, with what nobody was told of before. */
  #troublesTold(mails: readonly WaitingMail[], judged: Judged): Posting {
    const { run } = this.#options;
    const { ids, told } = troublesIn(mails);
    const now = told === null ? judged.news : retold(told, judged);
    if (now === null) return NO_POSTING;
    const added = [this.#mailOf({ kind: "troubles", run, ...now })];
    return { ...NO_POSTING, added, removed: ids };
  }

  /** The same for who did not get what others have got. */
  #troublesLeft(mails: readonly WaitingMail[], judged: Judged): Posting {
    const { run } = this.#options;
    const { ids, told } = troublesIn(mails);
    if (told === null) return NO_POSTING;
    // A new mail goes to all, and tells of all that lasts or is over.
    const events = told.fresh.filter(({ isEvent }) => isEvent);
    const now = judged.news === null
      ? retold(told, judged)
      : { fresh: events, lasting: [], over: [] };
    if (now === null) return NO_POSTING;
    const { delivered } = mails[0]!;
    const isEmpty =
      now.fresh.length + now.lasting.length + now.over.length === 0;
    const added = isEmpty
      ? []
      : [{ ...this.#mailOf({ kind: "troubles", run, ...now }), delivered }];
    return { ...NO_POSTING, added, removed: ids };
  }

  /**
   * What becomes of mails about conflicts, now that time has gone by.
   *
   * @param mails Which the same people have got already.
   */
  #conflictsTold(
    mails: readonly WaitingMail[],
    isOpen: (conflict: Conflict) => boolean,
  ): Posting {
    const rewritten: (NewMail & { readonly id: number })[] = [];
    const removed: number[] = [];
    const left: WaitingMail[] = [];
    for (const mail of mails) {
      if (mail.news?.kind === "troubles") continue;
      const news = trueOf(mail.news, isOpen);
      if (news === mail.news) left.push(mail);
      else if (isEmpty(news!)) removed.push(mail.id);
      else {
        left.push({ ...mail, news });
        rewritten.push({ id: mail.id, ...this.#mailOf(news!) });
      }
    }
    if (left.length <= FEW) return { added: [], rewritten, removed };
    const { delivered } = mails[0]!;
    const backlog = this.#mailOf(this.#backlogOf(left));
    return {
      added: [{ ...backlog, delivered }],
      rewritten: [],
      removed: [...removed, ...left.map(({ id }) => id)],
    };
  }

  #backlogOf(mails: readonly WaitingMail[]): MailNews {
    const newest = mails.toSorted((a, b) => b.id - a.id);
    const settled: ToldConflict[] = [];
    const open = new Map<string, Conflict>();
    const others: OldMail[] = [];
    let [settledCount, sinceMs] = [0, Infinity];
    for (const { id, subject, news, createdAtMs } of newest) {
      sinceMs = Math.min(sinceMs, createdAtMs);
      if (news === null) {
        const isQuoted = others.length < QUOTED;
        const text = isQuoted ? this.#outbox!.textOf({ id, subject }).text : "";
        others.push({ createdAtMs, subject, text });
        continue;
      }
      if (news.kind === "troubles") continue;
      settled.push(...news.settled);
      settledCount += news.settled.length;
      for (const conflict of news.open) open.set(conflict.path, conflict);
      if (news.kind !== "backlog") continue;
      settledCount += news.settledCount - news.settled.length;
      others.push(...news.others);
      sinceMs = Math.min(sinceMs, news.sinceMs);
    }
    return {
      kind: "backlog",
      settled: settled.slice(0, REMEMBERED),
      settledCount,
      open: [...open.values()],
      others,
      sinceMs,
    };
  }

  #mailOf(news: MailNews): NewMail {
    const { facts, run } = this.#options;
    const text = news.kind === "troubles"
      ? troubleMail(news, news.run, facts)
      : news.kind === "conflicts"
      ? conflictMail(news, news.run, facts)
      : backlogMail(news, run, facts);
    return { ...text, news };
  }

  /** The conflicts to be told, and those that count as told then. */
  #conflicts({ result }: RunEnd, before: Mailed): ConflictNews & {
    readonly mailed: ReadonlyMap<string, string>;
  } {
    const intended = this.#outbox!.intention()?.conflicts ?? [];
    const { run } = this.#options;
    // Without a result nobody knows what this run did of what it meant to.
    const cutOff = result === null
      ? intended
      : intended.filter((told) => told.cutOff !== run.id);
    if (result === null || result.stop !== null) {
      return { settled: cutOff, open: [], mailed: before.conflicts };
    }
    const all = openConflicts(result.outcomes);
    const open = all.filter((conflict) =>
      before.conflicts.get(conflict.path) !== versionsKey(conflict)
    );
    const mailed = new Map(all.map((it) => [it.path, versionsKey(it)]));
    return {
      settled: [...cutOff, ...settledIn(result.outcomes)],
      open,
      mailed,
    };
  }

  /** Sends what waits, until the server or the time has enough. */
  async #sendWaiting(nowMs: number): Promise<void> {
    const outbox = this.#outbox!;
    const waiting: WaitingMail[] = [];
    for (const mail of outbox.waiting()) {
      if (this.#isTooOld(mail, nowMs)) {
        outbox.drop(mail.id);
        this.#options.onWarning(
          `E-mail dropped after ${KEPT_DAYS} days without success: ` +
            mail.subject,
          true,
        );
      } else if (!isBackingOff("recipients", mail, nowMs)) waiting.push(mail);
    }
    if (waiting.length === 0 || !this.#mayLogIn(nowMs)) return;
    const endMs = performance.now() + this.#options.boundMs;
    for (const [at, mail] of waiting.entries()) {
      const leftMs = endMs - performance.now();
      if (at > 0 && leftMs < LEAST_MS) return;
      // One that never ends must leave some time for the others.
      const isLast = at === waiting.length - 1;
      const boundMs = isLast
        ? leftMs
        : Math.min(leftMs, this.#options.boundMs * FIRST);
      const sent = await this.#send(
        { ...mail, ...outbox.textOf(mail) },
        boundMs,
      );
      if (!this.#settle(mail, sent, nowMs)) return;
    }
  }

  /** Nobody took it for long, and there is nothing open that it tells. */
  #isTooOld(mail: WaitingMail, nowMs: number): boolean {
    const { news, createdAtMs, refusals, delivered } = mail;
    const isRefused = refusals > 0 || delivered.length > 0;
    const tellsOpen = delivered.length === 0 && news !== null &&
      news.kind !== "troubles" && news.open.length > 0;
    return isRefused && !tellsOpen && nowMs - createdAtMs > KEPT_DAYS * DAY_MS;
  }

  /** Whether the login may be tried. */
  #mayLogIn(nowMs: number): boolean {
    const { login } = this.#memory;
    if (login === null) return true;
    const tried = { refusals: login.count, triedAtMs: login.atMs };
    if (!isBackingOff("login", tried, nowMs)) return true;
    this.#options.onInfo(
      "e-mail waits: the login was refused, and is tried again after " +
        zonedTime(login.atMs + waitMs("login", login.count)),
    );
    return false;
  }

  /** Notes what became of a try; false: no other mail would fare better. */
  #settle(mail: WaitingMail, sent: Sent, nowMs: number): boolean {
    const outbox = this.#outbox!;
    if (sent.kind === "sent") {
      this.#remember({ login: null });
      if (mail.id === this.#ownMail) {
        this.#hasTold = sent.delivered.length > 0;
      }
      if (sent.refused.length > 0) {
        outbox.noteDelivered(mail.id, sent.delivered);
        outbox.noteTried(mail.id, nowMs, false);
        this.#tell(
          `waits for the next run, for some: ${sent.refused.join("; ")}`,
        );
      } else {
        outbox.drop(mail.id);
        // Whoever gets this one gets the others.
        outbox.forgetRefusals();
        this.#options.onInfo(`e-mail sent: ${mail.subject}`);
      }
      return true;
    }
    const { reason, refusal, isServer, isLate } = sent;
    if (refusal === "mail") {
      this.#giveUp(mail, reason, nowMs);
      return true;
    }
    // Where others have it, the one that has not may have it any day.
    const isRefused = refusal === "recipients" && mail.delivered.length === 0;
    outbox.noteTried(mail.id, nowMs, isRefused);
    if (refusal === "login") this.#noteLogin("waits", reason, nowMs);
    else this.#tell(`waits for the next run: ${reason}`);
    // The time for one mail may be up, and not yet that for all.
    return isLate || !isServer;
  }

  #noteLogin(what: string, reason: string, nowMs: number): void {
    const count = (this.#memory.login?.count ?? 0) + 1;
    this.#remember({ login: { count, atMs: nowMs } });
    const hours = waitMs("login", count) / HOUR_MS;
    const when = hours === 0
      ? "with the next run"
      : `in ${hours} h (so that the account is not locked), or when the ` +
        "config's section email has changed";
    this.#tell(`${what}: ${reason}`, `. It is tried again ${when}.`);
  }

  /** Its tries end; what is still open is told by another mail, a day later. */
  #giveUp(mail: WaitingMail, reason: string, nowMs: number): void {
    const { news, subject, id, delivered } = mail;
    const isUntold = delivered.length === 0 && news !== null &&
      news.kind !== "troubles";
    const open = isUntold ? news.open : [];
    if (open.length > 0) {
      const before = this.#memory.givenUp?.paths ?? [];
      const paths = [...new Set([...before, ...open.map(({ path }) => path)])];
      this.#remember({ givenUp: { paths, atMs: nowMs } });
    }
    this.#outbox!.drop(id);
    this.#options.onWarning(
      `E-mail given up, the server refuses it for good: ${subject} (${reason})`,
      true,
    );
  }

  /** Why mails wait: each reason once a day also for who wants no more. */
  #tell(reason: string, more = ""): void {
    const nowMs = this.#nowMs;
    // What the server said may have another id in it each time.
    const key = withoutNumbers(reason.replaceAll(/"(?:[^"\\]|\\.)*"/gu, ""));
    const { said } = this.#memory;
    const isNew = isPast(said[key] ?? -Infinity, DAY_MS - HOUR_MS / 6, nowMs);
    if (isNew) {
      const young = Object.entries(said).filter(([, atMs]) =>
        !isPast(atMs, DAY_MS, nowMs)
      );
      const all = { ...Object.fromEntries(young), [key]: nowMs };
      this.#remember({ said: all });
    }
    this.#options.onWarning(`E-mail ${reason}${more}`, isNew);
  }

  /**
   * Without a DB there is no outbox: one try. The lock file remembers that it
   * was mailed, so that not every run mails it.
   */
  async #sendUnrecorded(
    end: RunEnd,
    note: Note,
    nowMs: number,
    cause: unknown,
  ): Promise<void> {
    const { run, facts, onInfo, boundMs } = this.#options;
    const troubles = troublesOfEnd(end);
    if (troubles.length === 0) {
      // The run itself went well; what it has to tell can't be kept.
      throw cause;
    }
    const { news, known } = judge(note.troubles, troubles, nowMs);
    if (news === null || !this.#mayLogIn(nowMs)) return;
    const sent = await this.#send(
      {
        ...troubleMail(news, run, facts),
        messageId: crypto.randomUUID(),
        createdAtMs: nowMs,
        delivered: [],
      },
      boundMs,
    );
    if (sent.kind === "failed") {
      const what = "could not be sent";
      if (sent.refusal === "login") this.#noteLogin(what, sent.reason, nowMs);
      else this.#tell(`${what}: ${sent.reason}`);
      keepNote(end.lock, { troubles: note.troubles, memory: this.#memory });
      return;
    }
    onInfo("e-mail sent, without the state DB");
    const memory = { ...this.#memory, login: null };
    keepNote(end.lock, { troubles: known, memory });
  }

  /** One try, with a mailer that is loaded only now. */
  async #send(mail: OutgoingMail, boundMs: number): Promise<Sent> {
    const { email } = this.#options;
    if (email.passwordEnv !== null && this.#password === null) {
      return {
        kind: "failed",
        reason:
          `the variable ${email.passwordEnv} with the password is not set.`,
        isServer: true,
        isLate: false,
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

/** How long nobody tries after so many refusals in a row, in ms. */
function waitMs(what: keyof typeof HICCUPS, count: number): number {
  const more = count - HICCUPS[what];
  return more < 0 ? 0 : Math.min(DAY_MS, HOUR_MS * 2 ** more);
}

function isBackingOff(
  what: keyof typeof HICCUPS,
  { refusals, triedAtMs }: Pick<WaitingMail, "refusals" | "triedAtMs">,
  nowMs: number,
): boolean {
  return triedAtMs !== null &&
    !isPast(triedAtMs, waitMs(what, refusals), nowMs);
}

/** A clock that was put back must not keep anything waiting for years. */
function isPast(atMs: number, ms: number, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) >= ms;
}

/** What is still true of a mail; the same where all of it is. */
function trueOf(
  news: MailNews | null,
  isOpen: (conflict: Conflict) => boolean,
): MailNews | null {
  if (news === null || news.kind === "troubles") return news;
  const open = news.open.filter(isOpen);
  return open.length === news.open.length ? news : { ...news, open };
}

function isEmpty(news: MailNews): boolean {
  if (news.kind === "troubles") return false;
  const others = news.kind === "backlog" ? news.others.length : 0;
  return news.open.length + news.settled.length + others === 0;
}

const NO_POSTING: Posting = { added: [], rewritten: [], removed: [] };

function together(postings: readonly Posting[]): Posting {
  return {
    added: postings.flatMap(({ added }) => added),
    rewritten: postings.flatMap(({ rewritten }) => rewritten),
    removed: postings.flatMap(({ removed }) => removed),
  };
}

/** What mails tell of troubles; null where none does. */
function troublesIn(mails: readonly WaitingMail[]) {
  const about = mails.filter(({ news }) => news?.kind === "troubles");
  const told = about.reduce<TroubleNews | null>(
    (all, { news }) => merged(all, news as TroubleNews),
    null,
  );
  return { ids: about.map(({ id }) => id), told };
}

/** Several mails about troubles as one; the older first. */
function merged(all: TroubleNews | null, news: TroubleNews): TroubleNews {
  if (all === null) return news;
  return {
    fresh: [...all.fresh, ...news.fresh],
    lasting: [...all.lasting, ...news.lasting],
    over: [...all.over, ...news.over],
  };
}

/** A lost record shows in what came back. */
function withEffect(alarm: Alarm, { result }: RunEnd): Alarm {
  const copied =
    result?.outcomes.filter(({ action, kind }) =>
      kind === "done" && (action.rule === "5.9" || action.rule === "5.10") &&
      action.work.kind === "copy"
    ).length ?? 0;
  if (copied === 0) return alarm;
  const files = copied === 1 ? "1 file" : `${copied} files`;
  return {
    ...alarm,
    reason: `${alarm.reason} In this run ${files} that only one side had ` +
      `${copied === 1 ? "was" : "were"} copied to the other.`,
  };
}

function troublesOfEnd({ result, error }: RunEnd): Trouble[] {
  if (result !== null) return troublesOf(result);
  const hint = error instanceof SyncError ? error.hint : null;
  return [unexpected(errorWords(error), hint ?? "The log has the details.")];
}

/** What a run left in the lock file; a single trouble by older versions. */
function noteIn(lock: Lock | null): Note {
  try {
    const noted = JSON.parse(lock?.note() ?? "");
    const troubles = typeof noted?.key === "string"
      ? [noted]
      : noted?.troubles ?? [];
    return { troubles, memory: { ...NO_MEMORY, ...noted?.memory } };
  } catch {
    return { troubles: [], memory: NO_MEMORY };
  }
}

/** Null: nothing any more. What can't be kept is mailed once more at worst. */
function keepNote(lock: Lock | null, note: Partial<Note> | null): void {
  const text = note === null ? "" : JSON.stringify(note);
  try {
    if (lock !== null && lock.note() !== text) lock.setNote(text);
  } catch {
    // The disk that takes no note takes no DB either, and that is told.
  }
}

function asText({ conflicts, troubles }: Mailed): string {
  return JSON.stringify([
    [...conflicts].sort(),
    troubles.toSorted((a, b) => a.key < b.key ? -1 : 1),
  ]);
}

/**
 * Ready to mail what a run has to tell.
 *
 * @param options To whom, and about what.
 */
export function mailing(options: MailingOptions): RunMails {
  return new Mailing(options);
}
