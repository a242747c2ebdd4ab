/**
 * Mails in the state DB: what those have to tell that wait to be sent, and
 * what was mailed before. They are worded when they are sent.
 *
 * @module
 */
import type { KnownAlert, MailNews, MailText } from "./mail_texts.ts";
import type { Conflict } from "./plan_types.ts";
import type { SqlValue, StateDb } from "./state_db.ts";

/** A mail that is to be put into the outbox. */
export interface NewMail {
  readonly news: MailNews;
  /** Addresses that have got all of it by other mails. */
  readonly delivered: readonly string[];
}

/** A mail that waits. */
export interface WaitingMail {
  readonly id: number;
  /** In ms since 1970. */
  readonly createdAtMs: number;
  readonly messageId: string;
  /** Addresses that have it already. */
  readonly delivered: readonly string[];
  /** Null: it was worded by an older version, and is sent as it is. */
  readonly news: MailNews | null;
  /** When it was tried last, in ms since 1970; null: never. */
  readonly triedAtMs: number | null;
  /** How often it was refused. */
  readonly refusals: number;
}

/** What was mailed. */
export interface Mailed {
  /** Open conflicts: path → versions. */
  readonly conflicts: ReadonlyMap<string, string>;
  readonly alerts: readonly KnownAlert[];
  /** What runs leave unsynced, mailed or not yet. */
  readonly unsynced: readonly KnownUnsynced[];
}

/** Something that every run leaves unsynced since some time. */
export interface KnownUnsynced {
  readonly key: string;
  /** In ms since 1970. */
  readonly sinceMs: number;
  /** When a mail told it last, in ms since 1970; null: none did. */
  readonly toldAtMs: number | null;
}

/** What is to be changed in the outbox. */
export interface Posting {
  /** In the order in which they are to be told. */
  readonly added: NewMail[];
  /** Of mails that wait: less of it is true now. */
  readonly changed: Pick<WaitingMail, "id" | "news">[];
  /** Ids of mails that are told otherwise now, or are true no more. */
  readonly removed: number[];
}

/** Where what a run means to do about conflicts waits for its end. */
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
      "SELECT id, created_at, message_id, delivered, news, tried_at, refusals " +
        "FROM outbox ORDER BY tried_at IS NOT NULL, tried_at, id DESC",
    ).map(mailFrom);
  }

  /** A mail that an older version worded. */
  wordedMail(id: number): MailText {
    const [subject, text, html] = this.#db.first(
      "SELECT subject, text, html FROM outbox WHERE id = ?",
      id,
    )!.map(String) as [string, string, string];
    return { subject, text, html };
  }

  /** Drops a mail: it went out to all, or never will. */
  drop(id: number): void {
    this.#db.run("DELETE FROM outbox WHERE id = ?", id);
  }

  /** Notes a try after which it waits on, with who has it now. */
  noteTried(
    { id, delivered, refusals }: Pick<
      WaitingMail,
      "id" | "delivered" | "refusals"
    >,
    nowMs: number,
  ): void {
    this.#db.run(
      "UPDATE outbox SET delivered = ?, tried_at = ?, refusals = ? " +
        "WHERE id = ?",
      JSON.stringify(delivered),
      nowMs,
      refusals,
      id,
    );
  }

  /** Less of it is to be told. */
  change({ id, news }: Pick<WaitingMail, "id" | "news">): void {
    const text = JSON.stringify(news);
    this.#db.run("UPDATE outbox SET news = ? WHERE id = ?", text, id);
  }

  /**
   * Whatever was refused may be tried again at once.
   *
   * @param below Of so many refusals.
   */
  forgetRefusals(below = Infinity): void {
    this.#db.run(
      "UPDATE outbox SET refusals = 0 WHERE refusals BETWEEN 1 AND ?",
      Math.min(below, Number.MAX_SAFE_INTEGER) - 1,
    );
  }

  /** What was mailed before. */
  mailed(): Mailed {
    const conflicts = this.#db.query(
      "SELECT path, versions FROM mailed_conflicts ORDER BY path",
    ).map(([path, versions]) => [String(path), String(versions)] as const);
    const alerts = this.#db.query(
      "SELECT alert FROM mailed_alerts ORDER BY key",
    ).map(([alert]): KnownAlert => JSON.parse(String(alert)));
    const unsynced = this.#db.query(
      "SELECT key, since, told_at FROM unsynced ORDER BY key",
    ).map(([key, since, toldAt]): KnownUnsynced => {
      const toldAtMs = toldAt === null ? null : Number(toldAt);
      return { key: String(key), sinceMs: Number(since), toldAtMs };
    });
    return { conflicts: new Map(conflicts), alerts, unsynced };
  }

  /** What runs meant to do about conflicts, and never told. */
  intended(): Conflict[] {
    const kept = this.kept<Conflict[]>(INTENTION);
    return Array.isArray(kept) ? kept : [];
  }

  /** Notes what a run means to do, for the next one if it is cut off. */
  intend(conflicts: readonly Conflict[]): void {
    this.keep(INTENTION, conflicts.length === 0 ? null : conflicts);
  }

  /** Plain data that was kept under a name; null: none was. */
  kept<T>(name: string): T | null {
    return JSON.parse(this.#db.meta(name) ?? "null");
  }

  /** Keeps plain data for the next run; null: nothing any more. */
  keep(name: string, data: unknown): void {
    const text = data === null ? null : JSON.stringify(data);
    if (text !== this.#db.meta(name)) this.#db.setMeta(name, text);
  }

  /**
   * Changes the outbox and notes what its mails tell, in one step: what is
   * noted as mailed is sure to wait there. Nothing is written where all is as
   * it was.
   *
   * @param posting What is to be sent, and what no more.
   * @param mailed What counts as mailed from now on.
   * @param nowMs In ms since 1970.
   * @returns Ids of the mails that were added.
   */
  post(posting: Posting, mailed: Mailed, nowMs: number): number[] {
    const { added, changed, removed } = posting;
    const isSame = added.length + changed.length + removed.length === 0 &&
      this.intended().length === 0 && asText(this.mailed()) === asText(mailed);
    if (isSame) return [];
    const db = this.#db;
    return db.transaction(() => {
      this.intend([]);
      for (const id of removed) this.drop(id);
      for (const mail of changed) this.change(mail);
      const ids = added.map(({ news, delivered }) =>
        db.run(
          "INSERT INTO outbox (created_at, message_id, subject, text, html, " +
            "delivered, news) VALUES (?, ?, '', '', '', ?, ?)",
          nowMs,
          crypto.randomUUID(),
          JSON.stringify(delivered),
          JSON.stringify(news),
        ).lastInsertRowid
      );
      db.run("DELETE FROM mailed_conflicts");
      for (const [path, versions] of mailed.conflicts) {
        db.run("INSERT INTO mailed_conflicts VALUES (?, ?)", path, versions);
      }
      db.run("DELETE FROM mailed_alerts");
      for (const alert of mailed.alerts) {
        db.run(
          "INSERT INTO mailed_alerts VALUES (?, ?)",
          alert.key,
          JSON.stringify(alert),
        );
      }
      db.run("DELETE FROM unsynced");
      for (const { key, sinceMs, toldAtMs } of mailed.unsynced) {
        db.run("INSERT INTO unsynced VALUES (?, ?, ?)", key, sinceMs, toldAtMs);
      }
      return ids.map(Number);
    });
  }
}

function asText({ conflicts, alerts, unsynced }: Mailed): string {
  const byKey = (a: { key: string }, b: { key: string }) =>
    a.key < b.key ? -1 : 1;
  return JSON.stringify([
    [...conflicts].sort(),
    alerts.toSorted(byKey),
    unsynced.toSorted(byKey),
  ]);
}

/** Of news; an older version's about conflicts have none. */
const KINDS: readonly unknown[] = ["alerts", "unsynced"];

function mailFrom(row: readonly SqlValue[]): WaitingMail {
  const [id, createdAt, messageId, delivered, told, triedAt, refusals] = row;
  const news = JSON.parse(String(told ?? "null"));
  return {
    id: Number(id),
    createdAtMs: Number(createdAt),
    messageId: String(messageId),
    delivered: JSON.parse(String(delivered)),
    news: news?.conflicts || KINDS.includes(news?.kind) ? news : null,
    triedAtMs: triedAt as number | null,
    refusals: Number(refusals),
  };
}
