/**
 * Certificates for tests, made on the spot: no file that runs out one day,
 * and no program besides.
 *
 * @module
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A certificate and its key; both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** How to make one. */
export interface CertificateOptions {
  /** Host names that it is for. */
  readonly names: readonly string[];
  /** In days from now; negative: it has run out. */
  readonly validDays?: number;
  /** In days from now; above 0: it is not valid yet. */
  readonly startDays?: number;
  /** Who vouches for it; left out: it is its own authority. */
  readonly authority?: Certificate & { readonly name: string };
}

/**
 * Makes a certificate.
 *
 * @param options For whom and how long.
 */
export function makeCertificate(options: CertificateOptions): Certificate {
  const { names, validDays = 2, startDays = -9, authority } = options;
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = nameOf(names[0] ?? "test");
  const algorithm = sequence(oid("2a 86 48 ce 3d 04 03 02"));
  const dayMs = 24 * 60 * 60 * 1000;
  const body = sequence(
    // Version 3.
    der(0xa0, der(0x02, new Uint8Array([2]))),
    der(0x02, new Uint8Array([1, ...randomBytes(8)])),
    algorithm,
    authority ? nameOf(authority.name) : name,
    sequence(
      time(Date.now() + startDays * dayMs),
      time(Date.now() + validDays * dayMs),
    ),
    name,
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(alternativeNames(names))),
  );
  const signature = sign("sha256", body, authority?.key ?? keys.privateKey);
  const certificate = sequence(
    body,
    algorithm,
    der(0x03, new Uint8Array([0, ...signature])),
  );
  const lines = btoa(String.fromCharCode(...certificate)).match(/.{1,64}/g)!;
  return {
    cert: [
      "-----BEGIN CERTIFICATE-----",
      ...lines,
      "-----END CERTIFICATE-----",
      "",
    ].join("\n"),
    key: String(keys.privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}

function nameOf(common: string): Uint8Array {
  // commonName
  return sequence(set(sequence(oid("55 04 03"), der(0x0c, text(common)))));
}

function alternativeNames(names: readonly string[]): Uint8Array {
  const all = sequence(...names.map((name) => der(0x82, text(name))));
  return sequence(oid("55 1d 11"), der(0x04, all));
}

function time(atMs: number): Uint8Array {
  const digits = new Date(atMs).toISOString().replaceAll(/[-:T]|\..*/g, "");
  return der(0x17, text(`${digits.slice(2)}Z`));
}

function oid(hex: string): Uint8Array {
  const bytes = hex.split(" ").map((byte) => parseInt(byte, 16));
  return der(0x06, new Uint8Array(bytes));
}

function sequence(...items: readonly Uint8Array[]): Uint8Array {
  return der(0x30, joined(items));
}

function set(...items: readonly Uint8Array[]): Uint8Array {
  return der(0x31, joined(items));
}

/** Tag, length, content. */
function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  return joined([new Uint8Array(head), content]);
}

function joined(items: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(items.flatMap((item) => [...item]));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
