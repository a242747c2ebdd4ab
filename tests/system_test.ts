import assert from "node:assert/strict";
import { stackLines } from "../lib/logging_setup.ts";
import { codeOf, type ErrorKind, errorKind, inWords } from "../lib/system.ts";
import { errorWords } from "../lib/text.ts";

const withCode = (code: unknown, message = "open '/secret/path'") =>
  Object.assign(new Error(message), { code });

/** [code, what it means, words] */
const CODES: readonly [string, ErrorKind, RegExp][] = [
  ["EBUSY", "busy", /in use by another program/],
  ["ETXTBSY", "busy", /in use by another program/],
  ["EAGAIN", "busy", /in use by another program/],
  ["ENOSPC", "full", /disk is full/],
  ["EDQUOT", "full", /quota is used up/],
  ["EACCES", "denied", /access is denied/],
  ["EPERM", "denied", /does not permit it/],
  ["EROFS", "read-only", /read-only/],
  ["ENOENT", "missing", /not there any more/],
  ["ENOTDIR", "missing", /folder above it/],
  ["EEXIST", "exists", /is there already/],
  ["ENOTEMPTY", "other", /not empty/],
  ["ENAMETOOLONG", "other", /name is too long/],
  ["EMFILE", "other", /too many files/],
  ["EIO", "other", /disk reports an error/],
  ["EXDEV", "other", /on another disk/],
  ["EFBIG", "other", /too large for the disk/],
  ["ESTALE", "other", /connect the share anew/],
  ["ETIMEDOUT", "other", /the share does not answer/],
];

for (const [code, kind, words] of CODES) {
  Deno.test(`${code} is ${kind}, and said in words without the path`, () => {
    const error = withCode(code);
    assert.equal(codeOf(error), code);
    assert.equal(errorKind(error), kind);
    assert.match(inWords(error), words);
    assert.ok(inWords(error).endsWith(`(${code})`));
    assert.ok(!inWords(error).includes("/secret/path"));
  });
}

for (
  const code of [
    ...["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "EEXIST", "EIO"],
    ...["ENOTEMPTY", "ENAMETOOLONG", "EMFILE", "EINVAL", "ELOOP", "ENODEV"],
    ...["EFBIG", "ESTALE", "ENOTCONN", "ENOTSUP", "CLOUD", "EXDEV"],
  ]
) {
  Deno.test(`what may fail for ever with ${code} says what to do`, () => {
    assert.match(inWords(withCode(code)), /^[^:]+: [^:]+ \(\w+\)$/);
  });
}

Deno.test("an error of the system's own says no path and no call", () => {
  const text = "Odd thing (os error 321): rename '/secret/path' -> '/b'";
  assert.equal(inWords(new Error(text)), "Odd thing (os error 321)");
});

for (const number of [32, 33]) {
  Deno.test(`a Windows sharing or lock violation (os error ${number}) is busy`, () => {
    const message = `The process cannot access the file (os error ${number})`;
    assert.equal(errorKind(new Error(message)), "busy");
    assert.match(inWords(new Error(message)), /in use by another program/);
  });
}

for (const number of [362, 388, 404]) {
  Deno.test(`a cloud drive that can't be reached (os error ${number}) is said in words`, () => {
    const error = new Error(`The cloud file provider … (os error ${number})`);
    assert.equal(errorKind(error), "away");
    assert.match(inWords(error), /in the cloud only, and can't be fetched now/);
  });
}

Deno.test("a cloud drive's refusal of second names (os error 396) is that of a disk without them", () => {
  assert.equal(codeOf(new Error("odd (os error 396)")), "ENOTSUP");
});

if (Deno.build.os === "linux") {
  Deno.test("a server that is down (os error 112) is said in words", () => {
    const error = new Error("Host is down (os error 112): lstat '/p/root'");
    assert.match(
      inWords(error),
      /^the share does not answer: .*\(EHOSTDOWN\)$/,
    );
  });
}

Deno.test("an error of the system's that has no name is no mistake in the program", () => {
  assert.equal(codeOf(new Error("odd (os error 321)")), "os error 321");
  assert.equal(codeOf(new Error("odd")), null);
});

Deno.test("another os error is no sharing violation", () => {
  assert.equal(errorKind(new Error("odd (os error 321)")), "other");
  assert.equal(errorKind(new Error("odd (os error 3)")), "other");
});

/** [what, thrown, code, words] */
const STRANGE: readonly [string, unknown, string | null, string][] = [
  ["an error without a code", new Error("odd"), null, "odd"],
  ["an unknown code", withCode("EODD", "odd"), "EODD", "odd"],
  ["a code that is no text", withCode(7, "odd"), null, "odd"],
  ["a text", "odd", null, "odd"],
  ["nothing", undefined, null, "undefined"],
];

for (const [what, thrown, code, words] of STRANGE) {
  Deno.test(`${what} is "other", in its own words`, () => {
    assert.equal(codeOf(thrown), code);
    assert.equal(errorKind(thrown), "other");
    assert.equal(inWords(thrown), words);
  });
}

Deno.test("what the system really throws is understood", () => {
  const missing = `${Deno.cwd()}/there is no such file`;
  assert.throws(() => Deno.lstatSync(missing), (error) => {
    assert.equal(errorKind(error), "missing");
    return true;
  });
});

Deno.test("what the sandbox refuses is said in own words", () => {
  for (const access of ["read", "write", "all"]) {
    const error = new Deno.errors.NotCapable(
      `Requires ${access} access to "/x", run again with the --allow-${access} flag`,
    );
    assert.equal(codeOf(error), "SANDBOX");
    assert.equal(errorKind(error), "denied");
    for (const said of [inWords(error), errorWords(error), stackLines(error)]) {
      assert.doesNotMatch(said, /run again|--allow/);
    }
    assert.match(errorWords(error), /^the sandbox .*doctor/);
  }
});
