/**
 * How the engine asks the files' world: one interface, and two ways that the
 * messages take. Threads answer through a port; in tests the same handlers
 * answer in the same thread. Either way all is copied as plain data: nothing
 * but data ever crosses.
 *
 * @module
 */
import { errorWords } from "./text.ts";
import { type Both, bothOf, type Checkpoint, type Side } from "./types.ts";
import {
  errorFromWire,
  errorToWire,
  type FilesBegin,
  type RequestKind,
  type Requests,
  SharedState,
  type Walls,
  type WireError,
} from "./wire_messages.ts";
import { requireShape, whole } from "./wire_shapes.ts";

/** What is asked with a request. */
export type Asks<K extends RequestKind> = Requests[K]["asks"];

/** What is given for it. */
export type Gives<K extends RequestKind> = Requests[K]["gives"];

/** What is told before that, piece by piece. */
export type Part<K extends RequestKind> = Requests[K]["part"];

/** Tells a part of what was asked for. */
export type TellPart<K extends RequestKind> = (
  part: Part<K>,
  transfer?: Transferable[],
) => void;

/** What answers requests. */
export type Handlers = {
  readonly [K in RequestKind]: (
    asks: Asks<K>,
    tell: TellPart<K>,
  ) => Gives<K> | Promise<Gives<K>>;
};

/** The files' world, as the engine sees it. */
export interface Files {
  /**
   * Asks for something.
   *
   * @param onPart Takes what is told before the end.
   * @throws {GuardError} What was asked stops the run.
   * @throws {Skipped} A path is not what it was.
   * @throws {InterruptedError} The run is to end.
   * @throws {ThreadLost} Nobody knows what became of it.
   */
  ask<K extends RequestKind>(
    kind: K,
    asks: Asks<K>,
    onPart?: (part: Part<K>) => void,
  ): Promise<Gives<K>>;
  /** The run's stop and counters, which all its threads share. */
  readonly shared: SharedState;
  /** What holds it to the roots. */
  readonly walls: Walls;
  /**
   * From now on a signal is noted in {@linkcode shared}, so that the run can
   * end in good order, instead of ending the process.
   */
  listen(): void;
  /** Whether it was asked for something that has not come yet. */
  readonly isBusy: boolean;
  /** How many threads act by now; 0: the last one of them died. */
  readonly actors: number;
  /** Asks for so many of them in all; they come one after the other. */
  grow(actors: number): void;
}

/**
 * Asks about both roots at once.
 *
 * @throws What {@linkcode Files.ask} does: of two failures that of Left.
 */
export function askBoth<K extends RequestKind>(
  files: Files,
  kind: K,
  asks: (side: Side) => Asks<K>,
): Promise<Both<Gives<K>>> {
  return bothOf((side) => files.ask(kind, asks(side)));
}

/** A thread died: what it was asked for may be done, half done, or not. */
export class ThreadLost extends Error {
  override readonly name = "ThreadLost";
}

// In the same thread.

/** Work between two rests of the event loop, in ms. */
const TURN_MS = 100;

/**
 * Where work that shares its thread with others can be interrupted: between two
 * pieces of it, however small, as it costs next to nothing. Signals are
 * delivered, and timers called, only when the event loop comes to rest, and the
 * work gives it no other occasion to. A turn without a rest (`setImmediate`) is
 * not enough: of those only every twentieth or so asks the system for news.
 *
 * @returns Throws an {@linkcode InterruptedError} when the run is to end.
 */
export function checkpointOf(shared: SharedState): Checkpoint {
  let nextTurn = performance.now() + TURN_MS;
  return async () => {
    if (performance.now() >= nextTurn) {
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      nextTurn = performance.now() + TURN_MS;
    }
    shared.checkpoint();
  };
}

/** The files' world in this thread. */
export class FilesHere implements Files {
  readonly actors = 1;
  // What nobody waits for any more ends with this thread's next turns.
  readonly isBusy = false;
  readonly shared: SharedState;
  readonly walls: Walls;
  readonly #handlers: Handlers;

  /**
   * @param handlers What answers.
   * @param walls What holds this thread to the roots.
   */
  constructor(handlers: Handlers, shared: SharedState, walls: Walls) {
    this.#handlers = handlers;
    this.shared = shared;
    this.walls = walls;
  }

  grow(): void {}

  listen(): void {}

  async ask<K extends RequestKind>(
    kind: K,
    asks: Asks<K>,
    onPart?: (part: Part<K>) => void,
  ): Promise<Gives<K>> {
    try {
      const tell = (part: Part<K>) => onPart?.(structuredClone(part));
      const copy = structuredClone(asks);
      requireShape(kind, copy);
      const given = await this.#handlers[kind](copy, tell);
      return structuredClone(given);
    } catch (error) {
      throw errorFromWire(structuredClone(errorToWire(error)));
    }
  }
}

// Through a port.

/** What goes to a thread. */
interface Question {
  readonly id: number;
  readonly kind: RequestKind;
  readonly asks: unknown;
}

/** What comes from it: parts, and then one of the others. */
type Reply =
  | { readonly id: number; readonly part: unknown }
  | { readonly id: number; readonly gives: unknown }
  | { readonly id: number; readonly error: WireError };

/** One who waits for a reply. */
interface Waiting {
  readonly onPart: ((part: never) => void) | undefined;
  readonly resolve: (given: never) => void;
  readonly reject: (error: Error) => void;
}

/** One thread of the files' world, seen from the engine. */
export class FilesPort {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #lost: ThreadLost | null = null;
  #last = 0;

  /** @param port What leads to it. */
  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(data.id);
      if (waiting === undefined) return;
      if ("part" in data) return waiting.onPart?.(data.part as never);
      this.#waiting.delete(data.id);
      if ("error" in data) waiting.reject(errorFromWire(data.error));
      else waiting.resolve(data.gives as never);
    };
  }

  /** How much it has been asked for and not given yet. */
  get load(): number {
    return this.#waiting.size;
  }

  /** Asks it, as {@linkcode Files} does. */
  ask<K extends RequestKind>(
    kind: K,
    asks: Asks<K>,
    onPart?: (part: Part<K>) => void,
    transfer: Transferable[] = [],
  ): Promise<Gives<K>> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    const { promise, resolve, reject } = Promise.withResolvers<Gives<K>>();
    const id = ++this.#last;
    this.#waiting.set(id, { onPart, resolve, reject });
    const question: Question = { id, kind, asks };
    this.#port.postMessage(question, transfer);
    return promise;
  }

  /** It died: whoever waits is told. */
  lose(why: string): void {
    this.#lost = new ThreadLost(why);
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }
}

/**
 * Answers what comes through a port, in the order in which it comes. Whatever
 * is thrown goes back as data. Nothing is done before a request was held to its
 * shape, and nothing at all where nobody could be told of it.
 *
 * @param handlers Those of this thread.
 */
export function serve(port: MessagePort, handlers: Partial<Handlers>): void {
  let turn: Promise<void> = Promise.resolve();
  const answer = async ({ id, kind, asks }: Question): Promise<void> => {
    const send = (reply: Reply, transfer: Transferable[] = []) =>
      port.postMessage(reply, transfer);
    try {
      requireShape(kind, asks);
      const handler = handlers[kind];
      if (!handler) throw new Error(`no request: ${kind}`);
      const gives = await handler(
        asks as never,
        (part, transfer) => send({ id, part }, transfer),
      );
      send({ id, gives });
    } catch (error) {
      send({ id, error: errorToWire(error) });
    }
  };
  port.onmessage = ({ data }: MessageEvent<Question | null>) => {
    if (data !== null && whole(data?.id) === null) {
      turn = turn.then(() => answer(data));
    }
  };
}

// A thread of the files' world.

/** What the files' world is given at its start. */
export interface World {
  /** Absolute paths of the roots. No message names another one. */
  readonly paths: Both<string>;
  readonly shared: SharedState;
  /**
   * Called wherever work can be interrupted; it lets others have their turn,
   * where it shares its thread with them.
   */
  readonly checkpoint: Checkpoint;
}

/** The global scope of a thread, as far as it matters here. */
export interface Scope {
  onmessage: ((event: MessageEvent<FilesBegin>) => void) | null;
  addEventListener(
    kind: "error" | "unhandledrejection",
    listener: (event: Event) => void,
  ): void;
  postMessage(message: string): void;
}

/**
 * Lets this thread answer requests, from the first message on, which is from
 * the main thread.
 *
 * @param scope That of this thread.
 * @param handlersOf Makes what answers.
 */
export function serveThread(
  scope: Scope,
  handlersOf: (world: World) => Partial<Handlers>,
): void {
  scope.onmessage = ({ data: { port, roots, buffer } }) => {
    const shared = new SharedState(buffer);
    const checkpoint = (): Promise<void> => {
      shared.checkpoint();
      return Promise.resolve();
    };
    serve(port, handlersOf({ paths: roots, shared, checkpoint }));
  };
  // What no handler caught: the engine is to know, and nobody to see a stack.
  for (const kind of ["error", "unhandledrejection"] as const) {
    scope.addEventListener(kind, (event) => {
      event.preventDefault();
      const { error, reason } = event as Event & Record<string, unknown>;
      scope.postMessage(errorWords(error ?? reason));
    });
  }
}
