/**
 * What a thread that acts answers, and all of the files' world in one thread.
 *
 * @module
 */
import { completed, removeLeftovers } from "./files_leftovers.ts";
import { lookHandlers, rootIn, type World } from "./files_look.ts";
import { answerTo } from "./files_read.ts";
import type { Answer } from "./plan_types.ts";
import { type Both, both } from "./types.ts";
import { SharedState } from "./wire_messages.ts";
import {
  type Asks,
  checkpointOf,
  type Files,
  FilesHere,
  type Handlers,
} from "./wire_port.ts";

/** The requests that are answered by reading or changing files. */
export type ActHandlers = Pick<Handlers, "answer" | "leftovers" | "moves">;

/** What answers them. */
export function actHandlers(world: World): ActHandlers {
  return {
    answer: (asks) => answered(world, asks),
    leftovers: ({ side, root, paths }) => {
      removeLeftovers(rootIn(world, side, root), paths);
      return null;
    },
    moves: ({ side, root, moves, isPlan }) => {
      const real = rootIn(world, side, root);
      return moves.map((move) => completed(real, move, isPlan));
    },
  };
}

async function answered(
  world: World,
  { roots, questions }: Asks<"answer">,
): Promise<Answer[]> {
  const { shared, checkpoint } = world;
  const real = both((side) => rootIn(world, side, roots[side]));
  const answers: Answer[] = [];
  for (const question of questions) {
    const onBytes = (bytes: number) => shared.count(0, bytes);
    answers.push(await answerTo(question, real, checkpoint, onBytes));
    shared.count(1, 0);
  }
  return answers;
}

/**
 * Answers requests about two roots in this thread.
 *
 * @param paths Absolute paths of the roots.
 * @param shared The stop and the counters; left out: new ones.
 */
export function filesHere(
  paths: Both<string>,
  shared: SharedState = new SharedState(),
): Files {
  const world = { paths, shared, checkpoint: checkpointOf(shared) };
  const handlers = { ...lookHandlers(world), ...actHandlers(world) };
  return new FilesHere(handlers, shared);
}
