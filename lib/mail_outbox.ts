/**
 * Mails in the state DB: those that wait to be sent, and what was mailed
 * before.
 *
 * @module
 */
import type { KnownTrouble, TroubleNews } from "./email_notifications.ts";
import type {
  Backlog,
  ConflictNews,
  MailRun,
  MailText,
  ToldConflict,
} from "./mail_texts.ts";
import type { SqlValue, StateDb } from "./state_db.ts";

/** What a mail tells, so that it can be told anew when less of it is true. */
export type MailNews =
  | { readonly kind: "conflicts"; readonly run: MailRun } & ConflictNews
  | { readonly kind: "backlog" } & Backlog
  | { readonly kind: "troubles"; readonly run: MailRun } & TroubleNews;

/** A mail that is to be put into the outbox. */
export interface NewMail extends MailText {
  readonly news: MailNews;
  /** Addresses that have got all of it by other mails. Left out: none. */
  readonly delivered?: readonly string[];
}

/** A mail that waits, but for its text. */
export interface WaitingMail {
  readonly id: number;
  /** In ms since 1970. */
  readonly createdAtMs: number;
  readonly messageId: string;
  readonly subject: string;
  /** Addresses that have it already. */
  readonly delivered: readonly string[];
  /** Null: only its text says. */
  readonly news: MailNews | null;
  /** When it was tried last, in ms since 1970; null: never. */
  readonly triedAtMs: number | null;
  /** How often it was refused. */
  readonly refusals: number;
}

/** What a run meant to settle, for the next one if it is cut off. */
export interface Intention {
  readonly run: string;
  readonly conflicts: readonly ToldConflict[];
}

/** What was mailed. */
export interface Mailed {
  /** Open conflicts: path → versions. */
  readonly conflicts: ReadonlyMap<string, string>;
  readonly troubles: readonly KnownTrouble[];
}

/** What is to be changed in the outbox. */
export interface Posting {
  /** In the order in which they are to be told. */
  readonly added: readonly NewMail[];
  /** Of mails that wait. */
  readonly rewritten: readonly (NewMail & { readonly id: number })[];
  /** Ids of mails that are told otherwise now, or are true no more. */
  readonly removed: readonly number[];
}

/** Where an {@linkcode Intention} waits. */
const INTENTION = "mail_intention";

/** The part of the state DB that mails need. */
export class Outbox {
  readonly #db: StateDb;

  /** @param db The state DB, open for writing. */
  constructor(db: StateDb) {
    this.#db = db;
  }

  /**
   * Whatever waits, in the order in which it is to be tried: what is new, the
   * newest first; then what was tried before, the longest ago first, so that
   * no mail that fails each time keeps others from their turn.
   */
  waiting(): WaitingMail[] {
    return this.#db.query(
      "SELECT id, created_at, message_id, subject, delivered, news, tried_at, " +
        "refusals FROM outbox ORDER BY tried_at IS NOT NULL, tried_at, id DESC",
    ).map(mailFrom);
  }

  /** The text of a mail that waits. */
  textOf({ id, subject }: Pick<WaitingMail, "id" | "subject">): MailText {
    const row = this.#db.first(
      "SELECT text, html FROM outbox WHERE id = ?",
      id,
    );
    const [text = "", html = ""] = row ?? [];
    return { subject, text: String(text), html: String(html) };
  }

  /** Drops a mail: it went out to all, or never will. */
  drop(id: number): void {
    this.#db.run("DELETE FROM outbox WHERE id = ?", id);
  }

  /** Notes who has a mail, where not all have. */
  noteDelivered(id: number, delivered: readonly string[]): void {
    this.#db.run(
      "UPDATE outbox SET delivered = ? WHERE id = ?",
      JSON.stringify(delivered),
      id,
    );
  }

  /**
   * Notes a try that failed.
   *
   * @param id The mail.
   * @param nowMs In ms since 1970.
   * @param isRefused The server said that it will not take it.
   */
  noteTried(id: number, nowMs: number, isRefused: boolean): void {
    this.#db.run(
      "UPDATE outbox SET tried_at = ?, refusals = refusals + ? WHERE id = ?",
      nowMs,
      isRefused ? 1 : 0,
      id,
    );
  }

  /** Whatever was refused may be tried again at once. */
  forgetRefusals(): void {
    this.#db.run("UPDATE outbox SET refusals = 0 WHERE refusals > 0");
  }

  /** What was mailed before. */
  mailed(): Mailed {
    const conflicts = this.#db.query(
      "SELECT path, versions FROM mailed_conflicts",
    ).map(([path, versions]) => [String(path), String(versions)] as const);
    const troubles = this.#db.query(
      "SELECT trouble FROM mailed_troubles ORDER BY key",
    ).map(([trouble]): KnownTrouble => JSON.parse(String(trouble)));
    return { conflicts: new Map(conflicts), troubles };
  }

  /** What a run meant to settle that never told; null: nothing. */
  intention(): Intention | null {
    return this.kept(INTENTION);
  }

  /** Notes what a run means to settle. */
  intend(intention: Intention | null): void {
    this.keep(INTENTION, intention);
  }

  /** Plain data that was kept under a name; null: none was. */
  kept<T>(name: string): T | null {
    return JSON.parse(this.#db.meta(name) ?? "null");
  }

  /** Keeps plain data for the next run; null: nothing any more. */
  keep(name: string, data: unknown): void {
    this.#db.setMeta(name, data === null ? null : JSON.stringify(data));
  }

  /**
   * Changes the outbox and notes what its mails tell, in one step: what is
   * noted as mailed is sure to wait there.
   *
   * @param posting What is to be sent, and what no more.
   * @param mailed What counts as mailed from now on.
   * @param nowMs In ms since 1970.
   * @returns Ids of the mails that were added.
   */
  post(posting: Posting, mailed: Mailed, nowMs: number): number[] {
    const db = this.#db;
    return db.transaction(() => {
      this.intend(null);
      for (const id of posting.removed) this.drop(id);
      for (const { id, subject, text, html, news } of posting.rewritten) {
        db.run(
          "UPDATE outbox SET subject = ?, text = ?, html = ?, news = ? " +
            "WHERE id = ?",
          subject,
          text,
          html,
          JSON.stringify(news),
          id,
        );
      }
      const ids = posting.added.map((
        { subject, text, html, news, delivered },
      ) =>
        Number(
          db.run(
            "INSERT INTO outbox (created_at, message_id, subject, text, html, " +
              "delivered, news) VALUES (?, ?, ?, ?, ?, ?, ?)",
            nowMs,
            crypto.randomUUID(),
            subject,
            text,
            html,
            JSON.stringify(delivered ?? []),
            JSON.stringify(news),
          ).lastInsertRowid,
        )
      );
      db.run("DELETE FROM mailed_conflicts");
      for (const [path, versions] of mailed.conflicts) {
        db.run("INSERT INTO mailed_conflicts VALUES (?, ?)", path, versions);
      }
      db.run("DELETE FROM mailed_troubles");
      for (const trouble of mailed.troubles) {
        db.run(
          "INSERT INTO mailed_troubles VALUES (?, ?)",
          trouble.key,
          JSON.stringify(trouble),
        );
      }
      return ids;
    });
  }
}

function mailFrom(row: readonly SqlValue[]): WaitingMail {
  const [id, createdAt, messageId, subject, delivered, ...more] = row;
  const [news, triedAt, refusals] = more;
  return {
    id: Number(id),
    createdAtMs: Number(createdAt),
    messageId: String(messageId),
    subject: String(subject),
    delivered: JSON.parse(String(delivered)),
    news: JSON.parse(String(news ?? "null")),
    triedAtMs: triedAt as number | null,
    refusals: Number(refusals),
  };
}
