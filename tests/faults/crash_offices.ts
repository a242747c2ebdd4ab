/**
 * Offices with something to do, for runs that are killed in the middle of it.
 *
 * @module
 */
import { file, type FileSpec, Office } from "../support/support.ts";

/** What offices are made by: on disk, or in memory, where flushes take no time. */
type Place = new (settings?: string) => Office;

const old = (content: string): FileSpec =>
  file(content, { mtime: "2024-01-01T00:00:00Z" });
const later = (content: string): FileSpec =>
  file(content, { mtime: "2024-02-02T00:00:00Z" });
const latest = (content: string): FileSpec =>
  file(content, { mtime: "2024-03-03T00:00:00Z" });

/** Two roots that meet for the first time, with something on each side. */
export function firstOffice(place: Place = Office): Promise<Office> {
  const office = new place();
  office.write({
    left: {
      "both.txt": old("left's words"),
      "new.txt": old("new"),
      folder: { "x.txt": old("x") },
      "same.txt": old("same"),
    },
    right: {
      "both.txt": later("right's words, newer"),
      "same.txt": old("same"),
      folder: { "y.txt": old("y") },
      empty: {},
    },
  });
  return Promise.resolve(office);
}

/** Two roots that have met, with new folders on a side. */
export async function filledOffice(place: Place = Office): Promise<Office> {
  const office = new place();
  await office.agree();
  const files = ["1", "2", "3", "4"].map((it) => [`${it}.txt`, old(it)]);
  const full = Object.fromEntries(files);
  office.write({ left: { top: { full, "beside.txt": old("b") }, full } });
  return office;
}

/**
 * Two roots that have met, with so much to copy that threads do it: file by
 * file, as the folders are there, or into new ones.
 *
 * @param prepare Called before they meet.
 */
export async function manyOffice(
  prepare: (office: Office) => void = () => {},
  place: Place = Office,
  areNew = false,
): Promise<Office> {
  const office = new place();
  prepare(office);
  const there = { f0: {}, f1: {}, f2: {}, f3: {}, f4: {} };
  if (!areNew) office.write({ left: there });
  await office.agree();
  const folders = Array.from({ length: 5 }, (_, folder) => {
    const files = Array.from({ length: 90 }, (_, n) => [
      `${n}.txt`,
      old(`words ${n} of ${folder}`),
    ]);
    return [`f${folder}`, Object.fromEntries(files)];
  });
  office.write({ left: Object.fromEntries(folders) });
  return office;
}

/** Two roots with something of every kind to do. */
export async function busyOffice(place: Place = Office): Promise<Office> {
  const office = new place("soft_delete: {max_size_mb: 0.001}\n");
  office.write({
    left: {
      "both.txt": old("both"),
      "brought back.txt": old("bb"),
      "changed.txt": old("a"),
      "deleted.txt": old("dd"),
      "file to folder": old("f"),
      "folder to file": { "y.txt": old("y") },
      "large.txt": old("b".repeat(3000)),
      "renamed.txt": old("rrr"),
      "same.txt": old("same"),
      "touched.txt": old("tt"),
      gone: { "x.txt": old("x") },
      "old folder": { "p.txt": old("pppp"), in: { "q.txt": old("qqqqq") } },
    },
  });
  await office.agree();
  const { left, right } = office;
  for (
    const path of [
      `${left}/deleted.txt`,
      `${left}/brought back.txt`,
      `${right}/large.txt`,
      `${right}/file to folder`,
    ]
  ) Deno.removeSync(path);
  Deno.renameSync(`${left}/renamed.txt`, `${left}/new name.txt`);
  Deno.renameSync(`${left}/old folder`, `${left}/new folder`);
  Deno.removeSync(`${left}/gone`, { recursive: true });
  Deno.removeSync(`${left}/folder to file`, { recursive: true });
  office.write({
    left: {
      "both.txt": later("left's words"),
      "changed.txt": later("changed"),
      "folder to file": later("now a file"),
      "new.txt": later("new"),
      "new on both.txt": later("n1"),
      "touched.txt": later("tt"),
    },
    right: {
      "both.txt": latest("right's words, newer"),
      "brought back.txt": later("edited"),
      "file to folder": { "z.txt": later("z") },
      "new on both.txt": latest("n22"),
      empty: {},
      gone: { "Thumbs.db": old("junk"), ".DS_Store": old("j".repeat(3000)) },
    },
  });
  return office;
}

/** Two roots where replaced versions are soft-deleted, and the newer side wins. */
export async function keepingOffice(
  place: Place = Office,
): Promise<Office> {
  const office = new place(
    "soft_delete: {keep_replaced: true}\n" +
      "conflict_policy: {modify_modify: overwrite}\n",
  );
  office.write({
    left: { "both.txt": old("both"), "changed.txt": old("a"), f: {} },
  });
  await office.agree();
  office.write({
    left: {
      "both.txt": later("left's words"),
      "changed.txt": later("changed"),
    },
    right: { "both.txt": latest("right's words, newer") },
  });
  return office;
}
