/**
 * Mail addresses and hosts as people write them, and as mail servers, headers
 * and the sandbox's permissions need them: names apart from addresses, domains
 * in ASCII (`müller.example` is `xn--mller-kva.example` to a server).
 *
 * @module
 */

/** A sender or recipient. */
export interface Mailbox {
  /** As people read it, without quotes; "" where there is none. */
  readonly name: string;
  /** Its domain is in ASCII. */
  readonly address: string;
}

const MAILBOX =
  /^ *(?:(?:"((?:[^"\\\p{Cc}]|\\[^\p{Cc}])*)"|([^",;@<>\p{Cc}]*)) *<([^<>]+)>|([^<>]+?)) *$/u;
// What else could be in front of the @ must stand in quotes, and nobody's does.
const LOCAL = /^[^\s@<>,;:"()[\]\\\p{Cc}\p{Cf}]+$/u;
const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const DOMAIN = RegExp(`^(?!.{254})${LABEL}(?:\\.${LABEL})*$`, "i");
const LITERAL = /^\[(?:[\d.]+|IPv6:[\da-f:.]+)\]$/i;
const NAME = /^(?:[a-z0-9_-]+\.)*[a-z0-9_-]+\.?$/i;
const IPV6 = /^[\da-f:.]*:[\da-f:.]*$/i;
// Full stops of other scripts separate labels too.
const INTERNATIONAL = /^[\p{L}\p{M}\p{N}._\-\u3002\uff0e\uff61]+$/u;

/**
 * Reads an address, with a name or without: `a@b.example`,
 * `Office: Sync <a@b.example>`, `"Sync, Office" <a@b.example>`.
 *
 * @param text As a person writes it.
 * @returns Null where it is no single address.
 *
 * @example
 * ```ts
 * import { parseMailbox } from "./addresses.ts";
 * parseMailbox("Büro (Köln) <a@müller.example>");
 * // { name: "Büro (Köln)", address: "a@xn--mller-kva.example" }
 * ```
 */
export function parseMailbox(text: string): Mailbox | null {
  const [, quoted, plain, inBrackets, alone] = MAILBOX.exec(text) ?? [];
  const said = inBrackets ?? alone ?? "";
  const at = said.lastIndexOf("@");
  const local = said.slice(0, at);
  const domain = asciiDomain(said.slice(at + 1));
  if (at < 1 || !LOCAL.test(local) || domain === null) return null;
  const name = quoted?.replace(/\\(.)/gsu, "$1") ?? plain ?? "";
  return { name: name.trim(), address: `${local}@${domain}` };
}

/**
 * An address in the form in which two spellings of one mailbox are equal:
 * upper and lower case, and the two spellings of a domain, make none other.
 *
 * @param address Without a name; as written, or as a server or library gave it
 * back. What is no address comes back in lower case.
 *
 * @example
 * ```ts
 * import { addressKey } from "./addresses.ts";
 * addressKey("Anna@MÜLLER.example"); // "anna@xn--mller-kva.example"
 * ```
 */
export function addressKey(address: string): string {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at).replace(/^"(.*)"$/su, "$1");
  const domain = address.slice(at + 1);
  return `${local.normalize()}@${asciiDomain(domain) ?? domain}`.toLowerCase();
}

/**
 * A host in the spelling that permissions, servers and certificates know.
 *
 * @param host A name, in any script, or an IP address.
 * @returns Null for what is no host, or more than one.
 *
 * @example
 * ```ts
 * import { asciiHost } from "./addresses.ts";
 * asciiHost("mail.müller.example"); // "mail.xn--mller-kva.example"
 * ```
 */
export function asciiHost(host: string): string | null {
  if (NAME.test(host)) return host;
  if (IPV6.test(host)) return hostOfUrl(`[${host}]`) === null ? null : host;
  const ascii = INTERNATIONAL.test(host) ? hostOfUrl(host) : null;
  return ascii !== null && NAME.test(ascii) ? ascii : null;
}

function hostOfUrl(host: string): string | null {
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return null;
  }
}

function asciiDomain(domain: string): string | null {
  if (LITERAL.test(domain)) return domain;
  const ascii = asciiHost(domain);
  return ascii !== null && DOMAIN.test(ascii) ? ascii : null;
}
