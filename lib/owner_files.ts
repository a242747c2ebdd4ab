/**
 * Owner files: what programs put beside a document as long as somebody has it
 * open. Which document one is about is told by its name, who has it open by
 * what is in it, and whether anybody still does by its age.
 *
 * @module
 */
import { nameOf } from "./paths.ts";
import { brief, sinceWords } from "./text.ts";

/** An owner file that stands beside a document. */
export interface Owner {
  /** Relative to the root of its side. */
  readonly path: string;
  /** When it was made, by the clock of its root, in ms since 1970. */
  readonly sinceMs: number;
  /** Who has the document open; null: nobody has looked, or it does not tell. */
  readonly by: string | null;
}

/** How the owner file of one kind of program is named. */
interface Kind {
  /** What is left when the name's own part is cut off; null: another kind. */
  readonly of: (owner: string) => string | null;
  /** The extensions of its documents, where the name keeps but their stem. */
  readonly extensions?: RegExp;
}

const OFFICE = /^~\$(?=.)/;
const LIBRE_OFFICE = /^\.~lock\.(.+)#$/;
const ACCESS = /\.l(?:acc)?db$/;
const AUTOCAD = /\.dwl2?$/;

const stemBefore = (pattern: RegExp) => (owner: string) =>
  pattern.test(owner) ? owner.replace(pattern, "") : null;

const KINDS: readonly Kind[] = [
  { of: (owner) => OFFICE.test(owner) ? owner.slice(2) : null },
  { of: (owner) => LIBRE_OFFICE.exec(owner)?.[1] ?? null },
  { of: stemBefore(/\.laccdb$/), extensions: /^\.acc(?:d[abcertuw])$/ },
  { of: stemBefore(/\.ldb$/), extensions: /^\.(?:md[abentwz]|ad[ep])$/ },
  { of: stemBefore(AUTOCAD), extensions: /^\.dw[gst]$/ },
];

/** As every program that makes such names compares them. */
function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/**
 * Whether a file is an owner file, should a document stand beside it. Asked of
 * each file of a folder: the ends of a name tell nearly all apart.
 *
 * @example
 * ```ts
 * import { isOwnerName } from "./owner_files.ts";
 * isOwnerName("~$plan.xlsx"); // true
 * isOwnerName("plan.xlsx"); // false
 * ```
 */
export function isOwnerName(name: string): boolean {
  const second = name.charCodeAt(1);
  if (second === 36 || second === 126) {
    if (OFFICE.test(name) || LIBRE_OFFICE.test(fold(name))) return true;
  }
  return SHORT_END.test(name) && stemOf(fold(name)) !== null;
}

const SHORT_END = /\.(?:ldb|laccdb|dwl2?)$/i;

/** The stem of the document, where an owner file has no more of its name. */
function stemOf(owner: string): string | null {
  for (const { of, extensions } of KINDS) {
    const stem = extensions && of(owner);
    if (stem) return stem;
  }
  return null;
}

/** Programs that put their mark before the whole name, however long it is. */
const KEEPS_NAME = /\.(?:xl|pp|pot|vs|mpp|pub)[^.]*$/;

/** Word cuts nothing off names whose stem is shorter than its cut ones are. */
const SHORTEST_CUT = 6;

/**
 * The documents that an owner file may be about. Word puts `~$` in place of the
 * first letter or two of a name that is long enough, so there may be several:
 * then nobody can tell which of them is open.
 *
 * @param owner Name of the owner file.
 * @param names All names in its folder.
 *
 * @example
 * ```ts
 * import { documentsOf } from "./owner_files.ts";
 * documentsOf("~$fer.docx", ["Offer.docx", "Plan.docx"]); // ["Offer.docx"]
 * documentsOf("Stock.laccdb", ["Stock.accdb"]); // ["Stock.accdb"]
 * ```
 */
export function documentsOf(
  owner: string,
  names: readonly string[],
): readonly string[] {
  const folded = fold(owner);
  for (const { of, extensions } of KINDS) {
    const rest = of(folded);
    if (rest === null) continue;
    const those = (isIt: (name: string) => boolean) =>
      names.filter((name) => name !== owner && isIt(fold(name)));
    if (extensions) {
      return those((name) => {
        const dot = name.lastIndexOf(".");
        return name.slice(0, dot) === rest && extensions.test(name.slice(dot));
      });
    }
    const whole = those((name) => name === rest);
    const { length } = rest.replace(/\.[^.]*$/, "");
    const isSure = !OFFICE.test(folded) ||
      whole.length > 0 && (length < SHORTEST_CUT || KEEPS_NAME.test(rest));
    if (isSure) return whole;
    return those((name) => [0, 1, 2].some((cut) => name.slice(cut) === rest));
  }
  return [];
}

/**
 * The names that an owner file of a document may have, where nobody has listed
 * its folder.
 */
export function ownersOf(document: string): readonly string[] {
  const stem = document.replace(/\.[^.]*$/, "");
  const all = [
    ...[0, 1, 2].map((cut) => `~$${document.slice(cut)}`),
    `.~lock.${document}#`,
    ...["laccdb", "ldb", "dwl", "dwl2"].map((end) => `${stem}.${end}`),
  ];
  // A letter may be cut in two: no name has half of one.
  return all.filter((it) =>
    it.isWellFormed() && documentsOf(it, [document]).length > 0
  );
}

/**
 * Whether the document is a database: several people write to it at once, and
 * it has no state that could be copied as long as one of them has it open.
 *
 * @param owner Name of the owner file.
 */
export function isOfDatabase(owner: string): boolean {
  return ACCESS.test(fold(owner));
}

/** What the program is called that made an owner file. */
export function programOf(owner: string): string {
  const name = fold(owner);
  if (LIBRE_OFFICE.test(name)) return "LibreOffice";
  if (ACCESS.test(name)) return "Access";
  if (AUTOCAD.test(name)) return "AutoCAD";
  const [, found] = OFFICE_PROGRAMS.find(([pattern]) => pattern.test(name)) ??
    [];
  return found ?? "Office";
}

const OFFICE_PROGRAMS: readonly (readonly [RegExp, string])[] = [
  [/\.(?:do[ct][^.]*|rtf)$/, "Word"],
  [/\.xl[^.]*$/, "Excel"],
  [/\.(?:pp|pot)[^.]*$/, "PowerPoint"],
];

// Whether anybody has it open still: programs that crash leave theirs behind.

const DAY_MS = 24 * 60 * 60 * 1000;

/** What an owner file is held against. */
export interface OwnerAge {
  /** By the clock of its root, in ms since 1970. */
  readonly nowMs: number;
  /**
   * When this machine was started, in ms since 1970: whoever had anything open
   * on a disk of its own has not any more. Null: others may, or nobody knows.
   */
  readonly startedMs: number | null;
}

/**
 * Whether an owner file counts for nothing.
 *
 * @param ownerMs When it was made, in ms since 1970.
 * @param documentMs When its document was saved last, in ms since 1970.
 */
export function isLeftBehind(
  ownerMs: number,
  documentMs: number,
  { nowMs, startedMs }: OwnerAge,
): boolean {
  if (startedMs !== null && ownerMs < startedMs) return true;
  // It may have come with a copy, and be any time; clocks differ a little.
  const savedMs = documentMs > nowMs + DAY_MS ? ownerMs : documentMs;
  return Math.max(ownerMs, savedMs) <= nowMs - DAY_MS;
}

// Who has it open. What is in a file is somebody's text, and may be anything.

/** No owner file is longer that tells anything. */
export const OWNER_BYTES = 1024;

/** Where Word, and where Excel and PowerPoint, have the name in UTF-16. */
const WIDE_NAMES = [54, 55];

/** The longest name that an owner file of Microsoft's programs holds. */
const LONGEST_NAME = 54;

/**
 * Who has a document open, as its owner file tells it.
 *
 * @param owner Name of the owner file.
 * @param bytes What is in it, or its beginning.
 * @returns In one line; null where it tells nobody.
 */
export function whoIn(owner: string, bytes: Uint8Array): string | null {
  const name = fold(owner);
  const said = OFFICE.test(name)
    ? inOffice(bytes)
    : LIBRE_OFFICE.test(name)
    ? inLibreOffice(bytes)
    : ACCESS.test(name)
    ? inAccess(bytes)
    : inAutoCad(bytes);
  const who = said?.replaceAll("\0", "").trim() ?? "";
  return who === "" ? null : brief(who);
}

const decode = (bytes: Uint8Array, encoding = "windows-1252") =>
  new TextDecoder(encoding).decode(bytes);

/** A length and a name, in the system's letters; then the same in UTF-16. */
function inOffice(bytes: Uint8Array): string {
  for (const at of WIDE_NAMES) {
    const length = (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
    const name = bytes.subarray(at + 2, at + 2 + 2 * length);
    if (length > 0 && length <= LONGEST_NAME && name.length === 2 * length) {
      return decode(name, "utf-16le");
    }
  }
  const length = bytes[0] ?? 0;
  return length > LONGEST_NAME ? "" : decode(bytes.subarray(1, 1 + length));
}

/** Fields between commas: a name, that of the account, the computer's, … */
function inLibreOffice(bytes: Uint8Array): string {
  const fields = decode(bytes, "utf-8").matchAll(/((?:\\.|[^\\,;])*)[,;]/gy)
    .map(([, field = ""]) => field.replace(/\\(.)/g, "$1").trim());
  return fields.take(3).find((it) => it !== "") ?? "";
}

/** For each who has it open the computer and the account, 32 bytes each. */
function inAccess(bytes: Uint8Array): string {
  const [computer, account] = [0, 32].map((at) =>
    decode(bytes.subarray(at, at + 32)).split("\0")[0]!.trim()
  );
  // What everybody is called who has no account.
  return account && !/^admin$/i.test(account) ? account : computer ?? "";
}

/** The account in the first line, or, in the newer one, in an element. */
function inAutoCad(bytes: Uint8Array): string {
  const isWide = bytes[1] === 0 || bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = decode(bytes, isWide ? "utf-16le" : "utf-8");
  const [, element] = /<(?:user|login|full)_?name>([^<]*)</i.exec(text) ?? [];
  if (element !== undefined) return element;
  return text.trimStart().startsWith("<")
    ? ""
    : text.replace(/^\ufeff/, "").split(/[\r\n]/, 1)[0]!;
}

/** Who has a document open, and since when: "open by Anna Berg (Word) since …". */
export function openWords({ path, by, sinceMs }: Owner): string {
  const program = programOf(nameOf(path));
  const who = by === null ? `in ${program}` : `by ${by} (${program})`;
  return `open ${who} since ${sinceWords(sinceMs)}`;
}
