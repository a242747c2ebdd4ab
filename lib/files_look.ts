/**
 * What a thread that looks answers: what the roots are, what their file systems
 * do, and what is in them. It loads nothing that reads or changes a user's
 * file.
 *
 * @module
 */
import {
  checkRoot,
  giveNumber,
  makeIdentity,
  readIdentity,
  readNumber,
} from "./root_identity.ts";
import { scan } from "./scanner.ts";
import { ignorePredicate } from "./wire_ignore.ts";
import type { Listing } from "./wire_listing.ts";
import type { ScanSummary } from "./wire_messages.ts";
import type { Asks, Handlers, TellPart, World } from "./wire_port.ts";

/** The requests that are answered by looking. */
export type LookHandlers = Pick<
  Handlers,
  "check" | "identity" | "introduce" | "number" | "scan"
>;

/** What answers them. */
export function lookHandlers(world: World): LookHandlers {
  const { paths } = world;
  return {
    check: ({ side }) => checkRoot(side, paths[side]),
    identity: ({ side }) => readIdentity(side, paths[side]),
    introduce: ({ side, owner, replaces }) =>
      makeIdentity(side, paths[side], owner, replaces),
    number: ({ side, pair, give }) =>
      give === null
        ? readNumber(side, paths[side], pair)
        : giveNumber(paths[side], pair, give),
    scan: (asks, tell) => scanned(world, asks, tell),
  };
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
