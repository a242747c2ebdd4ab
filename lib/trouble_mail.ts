/**
 * The mail about what went wrong, and about what is in order again.
 *
 * @module
 */
import type { Block, Fact } from "./mail_blocks.ts";
import {
  countOf,
  type MailFacts,
  mailOf,
  type MailRun,
  type MailText,
  TOLD,
  zonedTime,
} from "./mail_words.ts";
import type { KnownTrouble, Trouble, TroubleNews } from "./troubles.ts";

/**
 * The mail about guards and failures.
 *
 * @param news What there is to tell, at least one trouble.
 * @param run The run that tells it.
 * @param facts Where everything is.
 */
export function troubleMail(
  news: TroubleNews,
  run: MailRun,
  facts: MailFacts,
): MailText {
  return mailOf(
    subjectOf(news),
    [
      { kind: "text", text: opening(news) },
      ...section("New", news.fresh),
      ...section("Reported before, not over", news.lasting),
      ...section("Over", news.over),
    ],
    run,
    facts,
  );
}

function subjectOf({ fresh, lasting, over }: TroubleNews): string {
  const there = [...fresh, ...lasting];
  const stop = there.find(({ isStop }) => isStop);
  const still = fresh.length === 0 ? "still " : "";
  if (stop) return `office-sync ${still}does not sync: ${stop.title}`;
  if (there.length > 0) {
    const files = countOf(there.length, "action");
    return `office-sync: ${files} ${still}failed`;
  }
  return over.some(({ isStop }) => isStop)
    ? "office-sync syncs again: all clear"
    : "office-sync: all clear, nothing fails any more";
}

function opening({ fresh, lasting }: TroubleNews): string {
  const there = [...fresh, ...lasting];
  if (there.length === 0) {
    return "What was reported before is over. There is nothing to do.";
  }
  return there.some(({ isStop }) => isStop)
    ? "The run was stopped. Until the cause is removed, nothing is synced: " +
      "what changes on one side does not reach the other."
    : "The run went to its end, but some of it could not be done. It is " +
      "tried again with each run. Everything else is synced.";
}

function section(
  title: string,
  troubles: readonly (Trouble | KnownTrouble)[],
): Block[] {
  if (troubles.length === 0) return [];
  const told = troubles.slice(0, TOLD);
  const rest = troubles.length - told.length;
  return [
    { kind: "heading", text: title },
    ...told.map((trouble): Block => ({
      kind: "facts",
      facts: factsOf(trouble),
    })),
    ...rest > 0
      ? [{ kind: "text", text: `And ${rest} more; the log has all.` } as const]
      : [],
  ];
}

function factsOf(trouble: Trouble | KnownTrouble): Fact[] {
  const { title, reason, hint } = trouble;
  const isOver = "isOver" in trouble && trouble.isOver;
  return [
    ["What", title],
    ["Why", reason],
    ...hint === "" || isOver ? [] : [["To do", hint] as const],
    ..."sinceMs" in trouble
      ? [["Since", zonedTime(trouble.sinceMs)] as const]
      : [],
  ];
}
