import assert from "node:assert/strict";
import { GuardError, InterruptedError } from "../lib/errors.ts";
import { actHandlers, filesHere } from "../lib/files_handlers.ts";
import { lookHandlers } from "../lib/files_look.ts";
import { codeOf, Skipped } from "../lib/system.ts";
import {
  errorFromWire,
  errorToWire,
  SharedState,
} from "../lib/wire_messages.ts";
import {
  askBoth,
  checkpointOf,
  type Files,
  FilesPort,
  type Handlers,
  serve,
  ThreadLost,
} from "../lib/wire_port.ts";
import { actions, file, MemoryOffice, type Office } from "./support/support.ts";
import { systemError } from "./support/two_roots.ts";

/** The files' world of an office, through a port. */
class Ported implements Files, Disposable {
  readonly actors = 1;
  readonly isBusy = false;
  readonly walls = { by: "fence", network: [] } as const;
  readonly shared = new SharedState();
  readonly port: FilesPort;
  readonly #channel = new MessageChannel();

  constructor({ left, right }: Office, change: Partial<Handlers> = {}) {
    const { shared } = this;
    const paths = { left, right };
    const world = { paths, shared, checkpoint: checkpointOf(shared) };
    const { port1, port2 } = this.#channel;
    const handlers = { ...lookHandlers(world), ...actHandlers(world) };
    serve(port2, { ...handlers, ...change });
    this.port = new FilesPort(port1);
  }

  grow(): void {}

  listen(): void {}

  readonly ask: Files["ask"] = (kind, asks, onPart) =>
    this.port.ask(kind, asks, onPart);

  [Symbol.dispose](): void {
    this.#channel.port1.close();
    this.#channel.port2.close();
  }
}

function edited(): Office {
  const office = new MemoryOffice("soft_delete: { retention_days: 1 }\n");
  const old = (content: string) =>
    file(content, { mtime: "2024-01-01T00:00:00Z" });
  office.write({
    left: { d: { a: old("1"), b: old("2") } },
    right: { d: { a: old("1") }, ".office-sync-tmp-pair-run-1": "left over" },
  });
  return office;
}

Deno.test("a run does through a port what it does without one", async () => {
  using here = edited();
  using there = edited();
  using files = new Ported(there);
  for (
    const act of [() => {}, (office: Office) => {
      office.write({ left: { d: { a: "more" } }, right: { new: { c: "3" } } });
      Deno.removeSync(`${office.right}/d/b`);
    }, () => {}]
  ) {
    act(here);
    act(there);
    const expected = await here.agree();
    const result = await there.agree({ files });
    assert.deepEqual(actions(result), actions(expected));
    assert.deepEqual(there.trees(), here.trees());
  }
  assert.ok(files.shared.counted.files > 0);
});

Deno.test("what was thrown there is thrown here: whatever its callers tell apart", async () => {
  const thrown: unknown[] = [
    new GuardError("roots", "it is gone", "connect it", {
      cause: systemError("EIO"),
    }),
    new Skipped("changed"),
    new InterruptedError("SIGTERM"),
    systemError("ENOSPC"),
    new Deno.errors.NotCapable("not here"),
    new TypeError("a mistake"),
    "a text",
  ];
  using office = edited();
  for (const error of thrown) {
    const identity = () => {
      throw error;
    };
    using files = new Ported(office, { identity });
    await assert.rejects(files.ask("identity", { side: "left" }), (it) => {
      assert.ok(it instanceof Error);
      if (!(error instanceof Error)) return it.message === error;
      assert.equal(it.name, error.name);
      assert.equal(it.message, error.message);
      assert.equal(codeOf(it), codeOf(error));
      for (const Known of [GuardError, Skipped, InterruptedError]) {
        assert.equal(it instanceof Known, error instanceof Known, error.name);
      }
      if (error instanceof GuardError) {
        assert.ok(it instanceof GuardError);
        assert.deepEqual([it.guard, it.hint], [error.guard, error.hint]);
        assert.equal(codeOf(it.cause), "EIO");
      }
      return true;
    });
  }
  const wire = structuredClone(errorToWire(thrown[0]));
  assert.deepEqual(errorToWire(errorFromWire(wire)), wire);
});

Deno.test("of two roots that fail, Left's failure is told, whichever comes first", async () => {
  using office = edited();
  const roots = { left: `${office.left}-gone`, right: `${office.right}-gone` };
  const files = filesHere(roots);
  const ask: Files["ask"] = async (kind, asks, onPart) => {
    if ("side" in asks && asks.side === "left") {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return await files.ask(kind, asks, onPart);
  };
  await assert.rejects(
    askBoth({ ...files, ask, grow() {} }, "check", (side) => ({ side })),
    /^GuardError: left_root /,
  );
});

Deno.test("whoever waits for a thread that dies is told, and whoever asks it then", async () => {
  using office = edited();
  using files = new Ported(office, { check: () => new Promise(() => {}) });
  const waiting = files.ask("check", { side: "left" });
  assert.equal(files.port.load, 1);
  files.port.lose("it died");
  await assert.rejects(waiting, ThreadLost);
  await assert.rejects(files.ask("check", { side: "right" }), ThreadLost);
  assert.equal(files.port.load, 0);
});

Deno.test("requests that no thread knows are refused", async () => {
  using office = edited();
  using files = new Ported(office);
  const unknown = files.ask as (
    kind: string,
    asks: unknown,
  ) => Promise<unknown>;
  for (const kind of ["read", "toString", "__proto__"]) {
    await assert.rejects(unknown(kind, {}), /there is no such request/, kind);
  }
});
