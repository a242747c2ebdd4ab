/**
 * Which mails a run is due, and their way out: first into the outbox, noted as
 * mailed in the same step, then to the server, then out of the outbox. A crash
 * at any moment sends a mail twice at most, and loses none.
 *
 * @module
 */
import type { EmailConfig } from "./config_schema.ts";
import { conflictMail } from "./conflict_mail.ts";
import { errorWords } from "./log_lines.ts";
import type { MailFacts, MailRun, MailText } from "./mail_words.ts";
import type { Mailer, OutgoingMail, Sent } from "./mailer.ts";
import { type Mailed, Outbox } from "./outbox.ts";
import type { Conflict } from "./plan.ts";
import type { Decided } from "./planning.ts";
import { openConflicts } from "./run_result.ts";
import type { RunEnd, SyncListener } from "./run_settings.ts";
import { SyncError } from "./errors.ts";
import {
  conflictKey,
  settledBy,
  settledIn,
  type ToldConflict,
  versionsKey,
} from "./told_conflict.ts";
import { troubleMail } from "./trouble_mail.ts";
import {
  judge,
  type KnownTrouble,
  type Trouble,
  troublesOf,
  unexpected,
} from "./troubles.ts";

/** What mailing needs. */
export interface MailingOptions {
  readonly email: EmailConfig;
  readonly facts: MailFacts;
  readonly run: MailRun;
  /** For all mails of the run together, in ms. */
  readonly boundMs: number;
  onInfo(text: string): void;
  onWarning(text: string): void;
}

/** What all mails of a run may take together. */
export const BOUND_MS = 20_000;

/** So long a mail waits for a server that takes it. */
const KEPT_DAYS = 14;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The mails of one run. */
class Mailing {
  readonly #options: MailingOptions;
  #outbox: Outbox | null = null;

  /** @param options To whom, and about what. */
  constructor(options: MailingOptions) {
    this.#options = options;
  }

  /** What a run has to tell it; it never throws. */
  listener(): Pick<SyncListener, "onOpen" | "onDecided" | "onEnd"> {
    return {
      onOpen: (db) => this.#outbox = new Outbox(db),
      onDecided: (decided) => this.#guarded(() => this.#intend(decided)),
      onEnd: async (end) => {
        await this.#guarded(() => this.#end(end));
      },
    };
  }

  /** No mail is worth a sync: whatever goes wrong here is only told. */
  async #guarded(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.onWarning(`E-mail: ${errorWords(error)}`);
    }
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
    const nowMs = Date.now();
    try {
      if (end.db === null) throw new Error("the state DB can't be opened");
      this.#post(end, nowMs);
    } catch (error) {
      await this.#sendUnrecorded(end, nowMs, error);
      return;
    }
    await this.#sendWaiting(nowMs);
  }

  /** Puts what is due into the outbox. */
  #post(end: RunEnd, nowMs: number): void {
    const outbox = this.#outbox!;
    const before = outbox.mailed();
    const noted = notedTrouble(end.lock.note());
    const known = noted === null ? before.troubles : [
      ...before.troubles.filter(({ key }) => key !== noted.key),
      noted,
    ];
    const judged = judge(known, troublesIn(end), nowMs);
    const { settled, open, mailed } = this.#conflicts(end, before);
    const { run, facts } = this.#options;
    const mails: MailText[] = [];
    if (settled.length + open.length > 0) {
      mails.push(conflictMail({ settled, open }, run, facts));
    }
    if (judged.news) mails.push(troubleMail(judged.news, run, facts));
    const after: Mailed = { conflicts: mailed, troubles: judged.known };
    const isChanged = mails.length > 0 || outbox.intention() !== null ||
      asText(before) !== asText(after);
    if (isChanged) outbox.post(mails, after, nowMs);
    if (noted !== null) end.lock.setNote("");
  }

  /** The conflicts to be told, and those that count as told then. */
  #conflicts({ result }: RunEnd, before: Mailed): {
    readonly settled: readonly ToldConflict[];
    readonly open: readonly Conflict[];
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
    const { onInfo, onWarning } = this.#options;
    for (const subject of outbox.dropOld(nowMs - KEPT_DAYS * DAY_MS)) {
      onWarning(
        `E-mail dropped after ${KEPT_DAYS} days without success: ${subject}`,
      );
    }
    const waiting = outbox.waiting();
    if (waiting.length === 0) return;
    using mailer = await this.#mailer();
    if (mailer === null) return;
    for (const mail of waiting) {
      const sent = await mailer.send(mail);
      if (sent.kind === "failed") {
        onWarning(`E-mail waits for the next run: ${sent.reason}`);
        if (sent.isServer) return;
      } else if (sent.refused.length > 0) {
        outbox.noteDelivered(mail.id, sent.delivered);
        onWarning(
          `E-mail waits for the next run, for some: ${sent.refused.join("; ")}`,
        );
      } else {
        outbox.noteSent(mail.id);
        onInfo(`e-mail sent: ${mail.subject}`);
      }
    }
  }

  /**
   * Without a DB there is no outbox: one try. The lock file remembers that it
   * was mailed, so that not every run mails it.
   */
  async #sendUnrecorded(
    end: RunEnd,
    nowMs: number,
    cause: unknown,
  ): Promise<void> {
    const { run, facts, onInfo, onWarning } = this.#options;
    const noted = notedTrouble(end.lock.note());
    const troubles = troublesIn(end);
    if (troubles.length === 0) {
      // The run itself went well; what it has to tell can't be kept.
      throw cause;
    }
    const { news, known } = judge(
      noted === null ? [] : [noted],
      troubles,
      nowMs,
    );
    if (news === null) return;
    using mailer = await this.#mailer();
    if (mailer === null) return;
    const sent: Sent = await mailer.send(
      {
        ...troubleMail(news, run, facts),
        messageId: crypto.randomUUID(),
        createdAtMs: nowMs,
        delivered: [],
      } satisfies OutgoingMail,
    );
    if (sent.kind === "failed") {
      onWarning(`E-mail could not be sent: ${sent.reason}`);
      return;
    }
    onInfo("e-mail sent, without the state DB");
    const [last] = known.filter(({ key }) =>
      troubles.some((trouble) => trouble.key === key)
    );
    end.lock.setNote(JSON.stringify(last));
  }

  /** Loaded only where there is something to send. */
  async #mailer(): Promise<Mailer | null> {
    const { email, boundMs, onWarning } = this.#options;
    const { passwordEnv } = email;
    const password = passwordEnv === null
      ? email.password
      : Deno.env.get(passwordEnv) || null;
    if (passwordEnv !== null && password === null) {
      onWarning(
        `E-mail waits for the next run: the variable ${passwordEnv} with the ` +
          "password is not set.",
      );
      return null;
    }
    const { Mailer } = await import("./mailer.ts");
    return new Mailer({ email, password, boundMs });
  }
}

function troublesIn({ result, error }: RunEnd): Trouble[] {
  if (result !== null) return troublesOf(result);
  const hint = error instanceof SyncError ? error.hint : null;
  return [unexpected(errorWords(error), hint ?? "The log has the details.")];
}

/** What a run without a state DB left in the lock file. */
function notedTrouble(note: string): KnownTrouble | null {
  try {
    const noted = JSON.parse(note);
    return typeof noted?.key === "string" ? noted : null;
  } catch {
    return null;
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
 * @returns What the run has to tell it.
 */
export function mailing(
  options: MailingOptions,
): Pick<SyncListener, "onOpen" | "onDecided" | "onEnd"> {
  return new Mailing(options).listener();
}
