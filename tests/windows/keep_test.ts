import assert from "node:assert/strict";
import { Office, old } from "./support.ts";

const READ_ONLY = 1;
const HIDDEN_AND_SYSTEM = 6;
const ARCHIVE = 0x20;
const DACL = 4;

/** Windows' own way to what belongs to a file, by path. */
class Belongings implements Disposable {
  readonly #kernel = Deno.dlopen("kernel32.dll", {
    GetFileAttributesW: { parameters: ["buffer"], result: "u32" },
    SetFileAttributesW: { parameters: ["buffer", "u32"], result: "i32" },
  });
  readonly #security = Deno.dlopen("advapi32.dll", {
    GetFileSecurityW: {
      parameters: ["buffer", "u32", "buffer", "u32", "buffer"],
      result: "i32",
    },
    SetFileSecurityW: {
      parameters: ["buffer", "u32", "buffer"],
      result: "i32",
    },
  });

  attributes(path: string): number {
    return this.#kernel.symbols.GetFileAttributesW(wide(path));
  }

  set(path: string, attributes: number): void {
    const is = this.#kernel.symbols.SetFileAttributesW(wide(path), attributes);
    assert.equal(is, 1);
    assert.equal(this.attributes(path), attributes, path);
  }

  rights(path: string): Uint8Array<ArrayBuffer> {
    const rights = new Uint8Array(4096);
    const size = new Uint32Array(1);
    const { GetFileSecurityW } = this.#security.symbols;
    const asks = [wide(path), DACL, rights, rights.length, size] as const;
    assert.equal(GetFileSecurityW(...asks), 1);
    return rights.slice(0, size[0]);
  }

  /** Takes the last of its rights away: what everybody may. */
  close(path: string): void {
    const rights = this.rights(path);
    const view = new DataView(rights.buffer);
    const list = view.getUint32(16, true);
    const count = view.getUint16(list + 4, true);
    view.setUint16(list + 4, count - 1, true);
    const { SetFileSecurityW } = this.#security.symbols;
    assert.equal(SetFileSecurityW(wide(path), DACL, rights), 1);
    assert.notDeepEqual(this.rights(path), rights);
  }

  [Symbol.dispose](): void {
    this.#kernel.close();
    this.#security.close();
  }
}

function wide(text: string): Uint16Array<ArrayBuffer> {
  const length = text.length + 1;
  return Uint16Array.from({ length }, (_, n) => text.charCodeAt(n));
}

for (const disk of ["P:\\", "\\\\server\\share"]) {
  Deno.test(`a version that replaces another keeps its attributes and its access rights (${disk})`, async () => {
    const right = Deno.makeTempDirSync({
      dir: disk,
      prefix: "office-sync-test-",
    });
    using office = new Office("", { right });
    using windows = new Belongings();
    const names = ["closed", "hidden", "plain", "read-only"];
    const tree = (text: string, minutes: number) =>
      Object.fromEntries(names.map((name) => [name, old(text, minutes)]));
    office.write({ left: tree("first", 0) });
    await office.agrees();
    const at = (name: string) => office.at("right", name);
    windows.set(at("hidden"), HIDDEN_AND_SYSTEM | ARCHIVE);
    windows.set(at("read-only"), READ_ONLY | ARCHIVE);
    windows.close(at("closed"));
    const all = () =>
      names.map((name) => [
        windows.attributes(at(name)),
        [...windows.rights(at(name))],
      ]);
    const before = all();
    assert.notDeepEqual(before[0], before[2]);
    // The second time what was replaced is what replaced another.
    for (const minutes of [1, 2]) {
      office.write({ left: tree("x".repeat(minutes), minutes) });
      await office.does(names.map((name) => `COPY_LEFT_TO_RIGHT ${name}`));
      assert.deepEqual(all(), before);
      for (const name of names) {
        const [from, to] = [office.at("left", name), at(name)]
          .map((path) => Deno.lstatSync(path).mtime?.getTime());
        assert.equal(to, from, name);
      }
      await office.rests();
    }
    office.write({
      left: { closed: old("left", 4) },
      right: { closed: old("and right", 3) },
    });
    await office.agrees();
    const [clash] = [...Deno.readDirSync(right)].map((it) => it.name)
      .filter((name) => name.startsWith("closed.clash-"));
    assert.deepEqual([...windows.rights(at(clash!))], before[0]![1]);
    assert.deepEqual(all(), before);
    await office.rests();
    // So that it can be removed.
    windows.set(at("read-only"), ARCHIVE);
    Deno.removeSync(right, { recursive: true });
  });
}
