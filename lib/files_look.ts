/**
 * What a thread that looks answers: what the roots are, what their file systems
 * do, and what is in them. It loads nothing that reads or changes a user's
 * file.
 *
 * @module
 */
import { deletedIn } from "./files_deleted.ts";
import type { Traits } from "./metadata.ts";
import { isTemporaryOf, OWN_FOLDER, type TemporaryOwner } from "./names.ts";
import { joinPath } from "./paths.ts";
import { isRealFolder, Root } from "./root_files.ts";
import {
  checkRoot,
  giveNumber,
  makeIdentity,
  readIdentity,
  readingRoot,
  readNumber,
  whyAway,
} from "./root_identity.ts";
import { foreignOwner, glance, longestName, probe } from "./root_traits.ts";
import { scan } from "./scanner.ts";
import { codeOf, inWords, orElse, Skipped } from "./system.ts";
import type { Side } from "./types.ts";
import { ignorePredicate } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";
import type {
  Looked,
  Probe,
  Probed,
  ScanSummary,
  WireRoot,
} from "./wire_messages.ts";
import type { Asks, Handlers, TellPart, World } from "./wire_port.ts";

/** A root, for one request: what is trusted of its folders ends with that. */
export function rootIn(
  { paths }: World,
  side: Side,
  { traits, self, refusedNames }: WireRoot,
): Root {
  const root = new Root(side, paths[side], traits, self);
  root.refusedNames = refusedNames;
  return root;
}

/** The requests that are answered by looking. */
export type LookHandlers = Pick<
  Handlers,
  | "check"
  | "away"
  | "identity"
  | "introduce"
  | "number"
  | "probe"
  | "looks"
  | "scan"
  | "deleted"
>;

/** What answers them. */
export function lookHandlers(world: World): LookHandlers {
  const { paths } = world;
  return {
    check: ({ side }) => checkRoot(side, paths[side]),
    away: ({ side }) => whyAway(paths[side]),
    identity: ({ side }) => readIdentity(side, paths[side]),
    introduce: ({ side, owner, replaces }) =>
      makeIdentity(side, paths[side], owner, replaces),
    number: ({ side, pair, give }) =>
      give === null
        ? readNumber(side, paths[side], pair)
        : giveNumber(paths[side], pair, give),
    probe: (asks) => probed(paths[asks.side], asks),
    looks: ({ side, root, paths, wantsSecond }) => {
      const real = rootIn(world, side, root);
      return paths.map((path) => looked(real, path, wantsSecond));
    },
    scan: (asks, tell) => scanned(world, asks, tell),
    deleted: ({ side, root, wantsFiles }) =>
      deletedIn(rootIn(world, side, root), wantsFiles),
  };
}

function probed(
  path: string,
  { side, owner, traits: known, nameBytes }: Asks<"probe">,
): Probed {
  return readingRoot(side, path, () => {
    const tried = owner && probe(path, owner);
    const found = tried ?? untried(known ?? glance(path));
    const root = new Root(side, path, found.traits, null);
    const own = joinPath(root.folder(""), OWN_FOLDER);
    const bytes = nameBytes ??
      longestName(tried ? own : root.folder(""), tried && owner);
    if (bytes < root.nameRoom.bytes) root.refuseNames(bytes);
    return {
      ...found,
      isTried: tried !== null,
      foreignOwner: owner && !tried ? foreignOwner(path) : null,
      nameBytes: root.nameRoom.bytes,
      refusedNames: root.refusedNames,
      pathBytes: root.pathRoom(""),
      leftovers: owner ? ownLeftovers(own, owner) : [],
    };
  });
}

/** What is known of a root in which nothing can be, or may be, tried. */
function untried(traits: Traits): Probe {
  // Without a file to tell the time, an edit just before the plan must not
  // pass for one during it.
  const aheadMs = Math.max(0, traits.clockOffsetMs);
  return { traits, startedAtMs: Date.now() + aheadMs, callMs: 0 };
}

/** A scan does not look there. Where it can't be listed, the next run does. */
function ownLeftovers(folder: string, { pair }: TemporaryOwner): string[] {
  return orElse(
    [],
    () =>
      !isRealFolder(folder)
        ? []
        : [...Deno.readDirSync(folder)].map(({ name }) => name)
          .filter((name) => isTemporaryOf(name, pair))
          .map((name) => joinPath(OWN_FOLDER, name)),
  );
}

function looked(root: Root, path: string, wantsSecond: boolean): Looked {
  try {
    const look = root.look(path);
    if (look.kind === "absent") return null;
    const second = wantsSecond ? root.secondName(path)?.why ?? null : null;
    return { ...look, second };
  } catch (error) {
    const isGone = error instanceof Skipped;
    if (!isGone && codeOf(error) === null) throw error;
    return { kind: isGone ? "gone" : "refused", why: inWords(error) };
  }
}

/** Numbers per message: a message costs more than a folder. */
const BATCH = 4096;

async function scanned(
  { paths, shared, checkpoint }: World,
  { ignore, ...request }: Asks<"scan">,
  tell: TellPart<"scan">,
): Promise<ScanSummary> {
  const root = paths[request.side];
  let listings: Listing[] = [];
  let [size, seen] = [0, 0];
  const tellListings = (): void => {
    const buffers = listings.map(({ metadata }) => metadata.buffer);
    tell(listings, buffers);
    [listings, size] = [[], 0];
  };
  const summary = await scan({ ...request, root }, ignorePredicate(ignore), {
    handOn(listing) {
      listings.push(listing);
      size += listing.metadata.length;
      if (size > BATCH) tellListings();
    },
    tellFiles(files) {
      shared.count(files - seen, 0);
      seen = files;
    },
    checkpoint,
  });
  tellListings();
  return summary;
}
