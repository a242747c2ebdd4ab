/**
 * The files' world, as the engine reaches it: threads that the main thread
 * starts, some that look and some that act.
 *
 * @module
 */
import type { EngineBegin, FromEngine, ToEngine } from "./sandbox_threads.ts";
import type {
  FilesKind,
  RequestKind,
  SharedState,
  Walls,
} from "./wire_messages.ts";
import {
  type Asks,
  type Files,
  FilesPort,
  type Gives,
  type Part,
} from "./wire_port.ts";

/** Requests that a thread answers which only looks. */
const LOOKS: ReadonlySet<RequestKind> = new Set<RequestKind>([
  "check",
  "away",
  "identity",
  "introduce",
  "number",
  "probe",
  "looks",
  "scan",
  "deleted",
]);

/** Threads of the files' world. */
export class FilesThreads implements Files {
  readonly shared: SharedState;
  readonly walls: Walls;
  /** By their ids; those that were there from the start count down from -1. */
  readonly #all = new Map<number, FilesPort>();
  readonly #looking: FilesPort[] = [];
  readonly #acting: FilesPort[] = [];
  readonly #showing: FilesPort[] = [];
  readonly #coming = new Map<FilesKind, Promise<FilesPort>>();
  readonly #arrivals = new Map<number, (port: FilesPort) => void>();
  readonly #tell: (message: FromEngine) => void;
  #asked = 0;
  #wanted = 1;
  /** A thread that acted died. */
  #isShort = false;
  #listens = false;

  /**
   * @param looking Ports of threads that look already: one for both sides, or
   *   one for each.
   * @param walls What holds them to the roots.
   * @param tell Tells the main thread.
   */
  constructor(
    { looking, walls }: Pick<EngineBegin, "looking" | "walls">,
    shared: SharedState,
    tell: (message: FromEngine) => void,
  ) {
    this.shared = shared;
    this.walls = walls;
    for (const [n, port] of looking.entries()) {
      this.#add("look", -1 - n, new FilesPort(port));
    }
    this.#tell = tell;
  }

  get actors(): number {
    // The first one comes when it is asked for something.
    return this.#acting.length || (this.#isShort ? 0 : 1);
  }

  get isBusy(): boolean {
    return [...this.#all.values()].some(({ load }) => load > 0);
  }

  grow(actors: number): void {
    this.#wanted = Math.max(this.#wanted, actors);
    const isMore = this.#acting.length < this.#wanted && !this.#isShort;
    if (isMore) void this.#start("act");
  }

  listen(): void {
    if (!this.#listens) this.#tell({ kind: "listen" });
    this.#listens = true;
  }

  async ask<K extends RequestKind>(
    kind: K,
    asks: Asks<K>,
    onPart?: (part: Part<K>) => void,
    transfer: Transferable[] = [],
  ): Promise<Gives<K>> {
    const what = kind === "show" ? "show" : LOOKS.has(kind) ? "look" : "act";
    const all = this.#those(what);
    if (all.length === 0) await this.#start(what);
    // A thread that looks knows its side's disk; of those that act, the idlest.
    const side = what === "look" && "side" in asks ? asks.side : null;
    const thread = side !== null
      ? all[side === "right" ? all.length - 1 : 0]!
      : all.reduce((best, other) => other.load < best.load ? other : best);
    return await thread.ask(kind, asks, onPart, transfer);
  }

  /** Takes what the main thread tells of threads. */
  hear(message: ToEngine): void {
    if (message.kind === "thread") {
      const port = new FilesPort(message.port);
      this.#arrivals.get(message.id)?.(port);
      this.#arrivals.delete(message.id);
    } else if (message.kind === "lost") this.#lose(message.id, message.why);
  }

  /** It is asked for nothing any more, and whoever waits for it is told. */
  #lose(id: number, why: string): void {
    const port = this.#all.get(id);
    if (port === undefined) return;
    this.#all.delete(id);
    for (const threads of [this.#looking, this.#acting, this.#showing]) {
      const at = threads.indexOf(port);
      if (at >= 0) threads.splice(at, 1);
      this.#isShort ||= at >= 0 && threads === this.#acting;
    }
    port.lose(why);
  }

  #add(what: FilesKind, id: number, port: FilesPort): void {
    this.#all.set(id, port);
    this.#those(what).push(port);
  }

  #those(what: FilesKind): FilesPort[] {
    if (what === "show") return this.#showing;
    return what === "look" ? this.#looking : this.#acting;
  }

  /** One at a time: starting one keeps the main thread from all else. */
  #start(what: FilesKind): Promise<FilesPort> {
    const coming = this.#coming.get(what);
    if (coming !== undefined) return coming;
    const id = ++this.#asked;
    const { promise, resolve } = Promise.withResolvers<FilesPort>();
    this.#arrivals.set(id, (port) => {
      this.#add(what, id, port);
      this.#coming.delete(what);
      resolve(port);
      if (what === "act") this.grow(this.#wanted);
    });
    this.#coming.set(what, promise);
    this.#tell({ kind: "start", id, what });
    return promise;
  }
}
