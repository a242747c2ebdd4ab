/**
 * Mails in the state DB: those that wait to be sent, and what was mailed
 * before.
 *
 * @module
 */
import type { MailText } from "./mail_words.ts";
import type { SqlValue, StateDb } from "./state_db.ts";
import type { ToldConflict } from "./told_conflict.ts";
import type { KnownTrouble } from "./troubles.ts";

/** A mail that waits. */
export interface WaitingMail extends MailText {
  readonly id: number;
  /** In ms since 1970. */
  readonly createdAtMs: number;
  readonly messageId: string;
  /** Addresses that have it already. */
  readonly delivered: readonly string[];
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

/** Mails tried in one run at most; the oldest first. */
const TRIED = 50;

/** Where an {@linkcode Intention} waits. */
const INTENTION = "mail_intention";

/** The part of the state DB that mails need. */
export class Outbox {
  readonly #db: StateDb;

  /** @param db The state DB, open for writing. */
  constructor(db: StateDb) {
    this.#db = db;
  }

  /** Whatever waits, the oldest first. */
  waiting(): WaitingMail[] {
    return this.#db.query(
      "SELECT id, created_at, message_id, subject, text, html, delivered " +
        "FROM outbox ORDER BY id LIMIT ?",
      TRIED,
    ).map(mailFrom);
  }

  /**
   * Drops what nobody took for too long.
   *
   * @param beforeMs Mails made before this, in ms since 1970.
   * @returns Their subjects.
   */
  dropOld(beforeMs: number): string[] {
    const subjects = this.#db.query(
      "SELECT subject FROM outbox WHERE created_at < ? ORDER BY id",
      beforeMs,
    ).map(([subject]) => String(subject));
    if (subjects.length === 0) return [];
    this.#db.run("DELETE FROM outbox WHERE created_at < ?", beforeMs);
    return subjects;
  }

  /** Notes that a mail went out to all. */
  noteSent(id: number): void {
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
    return JSON.parse(this.#db.meta(INTENTION) ?? "null");
  }

  /** Notes what a run means to settle. */
  intend(intention: Intention | null): void {
    this.#db.setMeta(INTENTION, intention && JSON.stringify(intention));
  }

  /**
   * Puts mails into the outbox and notes what they tell, in one step: what is
   * noted as mailed is sure to wait there.
   *
   * @param mails To be sent.
   * @param mailed What counts as mailed from now on.
   * @param nowMs In ms since 1970.
   */
  post(mails: readonly MailText[], mailed: Mailed, nowMs: number): void {
    const db = this.#db;
    db.transaction(() => {
      this.intend(null);
      for (const { subject, text, html } of mails) {
        db.run(
          "INSERT INTO outbox (created_at, message_id, subject, text, html, " +
            "delivered) VALUES (?, ?, ?, ?, ?, '[]')",
          nowMs,
          crypto.randomUUID(),
          subject,
          text,
          html,
        );
      }
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
    });
  }
}

function mailFrom(row: readonly SqlValue[]): WaitingMail {
  const [id, createdAt, messageId, subject, text, html, delivered] = row;
  return {
    id: Number(id),
    createdAtMs: Number(createdAt),
    messageId: String(messageId),
    subject: String(subject),
    text: String(text),
    html: String(html),
    delivered: JSON.parse(String(delivered)),
  };
}
