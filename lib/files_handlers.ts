/**
 * What a thread that acts answers, and all of the files' world in one thread.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { acting } from "./files_act.ts";
import { copyTo, dropCopy } from "./files_copy.ts";
import { pathOf } from "./files_deleted.ts";
import { completed, removeLeftovers, requireMoves } from "./files_leftovers.ts";
import { lookHandlers, rootIn } from "./files_look.ts";
import { answerTo, ownerAt } from "./files_read.ts";
import { showHandlers } from "./files_show.ts";
import { OWN_FOLDER, temporaryName, type TemporaryOwner } from "./names.ts";
import { joinPath } from "./paths.ts";
import type { Answer, FileRef } from "./plan_types.ts";
import { requirePaths, Root } from "./root_files.ts";
import { foreignOwner, glance, probe } from "./root_traits.ts";
import { removeRuns } from "./soft_delete.ts";
import { CHANGED, orElse, Skipped } from "./system.ts";
import { type Both, both, type Side } from "./types.ts";
import {
  type FileSystem,
  type Rehearsed,
  SharedState,
  type Walls,
} from "./wire_messages.ts";
import {
  type Asks,
  checkpointOf,
  type Files,
  FilesHere,
  type Handlers,
  type World,
} from "./wire_port.ts";

/** The requests that are answered by reading or changing files. */
export type ActHandlers = Pick<
  Handlers,
  | "act"
  | "answer"
  | "owners"
  | "leftovers"
  | "moves"
  | "prune"
  | "rehearse"
  | "space"
>;

/** What answers them. */
export function actHandlers(world: World): ActHandlers {
  return {
    act: acting(world),
    answer: (asks) => answered(world, asks),
    owners: ({ side, root, paths }) => {
      requirePaths(paths);
      const real = rootIn(world, side, root);
      return paths.map((path) => ownerAt(real, path));
    },
    leftovers: ({ side, root, paths }) => {
      removeLeftovers(rootIn(world, side, root), paths);
      return null;
    },
    moves: ({ side, root, moves, isPlan }) => {
      const real = rootIn(world, side, root);
      requireMoves(moves);
      return moves.map((move) => completed(real, move, isPlan));
    },
    prune: ({ side, root, runs }) =>
      removeRuns(rootIn(world, side, root), runs),
    rehearse: ({ side, owner }) => rehearsed(side, world.paths[side], owner),
    space: ({ side }) => fileSystemAt(world.paths[side]),
  };
}

async function answered(
  world: World,
  { roots, questions }: Asks<"answer">,
): Promise<Answer[]> {
  const { shared, checkpoint } = world;
  const real = both((side) => rootIn(world, side, roots[side]));
  const admitted = (file: FileRef): FileRef => {
    if (file.run === undefined) requirePaths([file.path]);
    return { ...file, path: pathOf(file, real) };
  };
  const asked = questions.map((it) =>
    it.kind === "hash"
      ? { ...it, file: admitted(it.file) }
      : { ...it, a: admitted(it.a), b: admitted(it.b) }
  );
  const answers: Answer[] = [];
  for (const question of asked) {
    const onBytes = (bytes: number) => shared.count(0, bytes);
    answers.push(await answerTo(question, real, checkpoint, onBytes));
    shared.count(1, 0);
  }
  return answers;
}

/** By the steps of a run: with its probe, and with a copy from end to end. */
async function rehearsed(
  side: Side,
  path: string,
  owner: TemporaryOwner,
): Promise<Rehearsed> {
  // Before the first run there is no folder of its own, and none is made.
  const root = new Root(side, path, glance(path));
  const { kind } = root.look(root.admit(OWN_FOLDER));
  const inside = kind === "directory" ? OWN_FOLDER : "";
  const probed = probe(path, owner, inside);
  if (probed === null) return { probe: null, foreignOwner: foreignOwner(path) };
  await copyWithin(new Root(side, path, probed.traits), owner, inside);
  return { probe: probed, foreignOwner: null };
}

/** Copies a file of its own within the root, and removes both. */
async function copyWithin(
  root: Root,
  owner: TemporaryOwner,
  inside: string,
): Promise<void> {
  const [source, temporary, target] = [1, 2, 3].map((n) =>
    root.admit(joinPath(inside, temporaryName(owner, n)))
  ) as [string, string, string];
  try {
    Deno.writeTextFileSync(root.absolute(source), "tried by the doctor", {
      createNew: true,
    });
    const seen = root.look(source);
    if (seen.kind !== "file") throw new Skipped(CHANGED);
    await copyTo({
      from: root,
      path: source,
      seen: seen.metadata,
      to: root,
      temporary,
      mode: 0o600,
      model: null,
      wantsHash: true,
    }, target);
  } finally {
    for (const path of [source, temporary, target]) {
      dropCopy({ to: root, temporary: path });
    }
  }
}

function fileSystemAt(path: string): FileSystem | null {
  const told = orElse(null, () => statfsSync(path));
  if (told === null) return null;
  const blockBytes = Number(told.bsize);
  return {
    type: Number(told.type),
    allBytes: Number(told.blocks) * blockBytes,
    freeBytes: Number(told.bavail) * blockBytes,
  };
}

/**
 * Answers requests about two roots in this thread.
 *
 * @param paths Absolute paths of the roots.
 * @param shared The stop and the counters; left out: new ones.
 * @param walls What holds this thread to the roots; left out: the fence alone.
 */
export function filesHere(
  paths: Both<string>,
  shared: SharedState = new SharedState(),
  walls: Walls = { by: "fence", network: [] },
): Files {
  const world = { paths, shared, checkpoint: checkpointOf(shared) };
  return new FilesHere(
    {
      ...lookHandlers(world),
      ...actHandlers(world),
      ...showHandlers(world),
    },
    shared,
    walls,
  );
}
