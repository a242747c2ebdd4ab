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
import { PROGRAM } from "./text.ts";
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
      ...section("New", news.fresh, LISTS_ALL),
      ...section("Reported before, not over", news.lasting, LISTS_ALL),
      ...section("Over", news.over, []),
    ],
    run,
    facts,
  );
}

/** What is tried again with each run is listed by the next one. */
const LISTS_ALL: readonly Block[] = [
  { kind: "text", text: "To run again and see all that still fails:" },
  { kind: "commands", commands: [`${PROGRAM} --verbose`] },
];

function subjectOf({ fresh, lasting, over }: TroubleNews): string {
  const there = [...fresh, ...lasting];
  const stop = there.find(({ isStop }) => isStop);
  const still = fresh.length === 0 ? "still " : "";
  if (stop) return `office-sync ${still}does not sync: ${stop.title}`;
  const failed = there.filter(({ isEvent }) => !isEvent);
  if (failed.length > 0) {
    const files = countOf(failed.length, "action");
    return `office-sync: ${files} ${still}failed`;
  }
  const [event] = there;
  if (event) {
    const again = over.some(({ isStop }) => isStop) ? " syncs again" : "";
    return `office-sync${again}: ${event.title}`;
  }
  return over.some(({ isStop }) => isStop)
    ? "office-sync syncs again: all clear"
    : "office-sync: all clear, nothing fails any more";
}

function opening({ fresh, lasting }: TroubleNews): string {
  const there = [...fresh, ...lasting];
  if (there.length === 0) {
    return "What went wrong before is over. There is nothing to do.";
  }
  if (there.some(({ isStop }) => isStop)) {
    return "The run was stopped. Until the cause is removed, nothing is " +
      "synced: what changes on one side does not reach the other.";
  }
  return there.every(({ isEvent }) => isEvent)
    ? "The run went to its end, but you should know what happened."
    : "The run went to its end, but some of it could not be done. It is " +
      "tried again with each run. Everything else is synced.";
}

function section(
  title: string,
  troubles: readonly (Trouble | KnownTrouble)[],
  forAll: readonly Block[],
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
      ? [{ kind: "text", text: `And ${rest} more.` } as const, ...forAll]
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
