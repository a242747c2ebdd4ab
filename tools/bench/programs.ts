/**
 * The programs that are measured, each set up for the same job: both ways,
 * content as told by size and time, times kept.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { CP_FLUSHED, EMPTY, OURS } from "./results.ts";

/** Two roots, and a folder for what a program keeps. */
export interface Pair {
  readonly left: string;
  readonly right: string;
  readonly state: string;
}

/** A program. */
export interface Program {
  readonly name: string;
  /** The packages of Debian that bring it. */
  readonly packages: string;
  /** Prints its version; fails where it is not installed. */
  readonly version: readonly string[];
  /** Whether it carries changes both ways. */
  readonly isTwoWay: boolean;
  /** Its settings: a file's name in the state folder, and the content. */
  readonly settings?: (pair: Pair) => readonly [string, string];
  /** Its command line; the first run of a pair may need another. */
  readonly command: (pair: Pair, isFirst: boolean) => readonly string[];
  /** An exit code besides 0 that means success. */
  readonly goodCode?: number;
}

/** It takes a renamed folder for so many deletions that it refuses to run. */
export const RCLONE = "rclone bisync";

/** The folder of the project. */
export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * What `deno task sync` starts in a checkout. The shell of the task itself is
 * left out.
 */
function office(name: string, entry: string): Program {
  const launch = [
    ...[Deno.execPath(), "run", "--no-prompt", "--frozen", "--allow-all"],
    entry,
  ];
  return {
    name,
    packages: "",
    version: [...launch, "--version"],
    isTwoWay: true,
    settings: ({ left, right }) => [
      "config.yaml",
      `left_root: ${left}\nright_root: ${right}\n`,
    ],
    command: ({ state }) => [...launch, "--config", `${state}/config.yaml`],
  };
}

/**
 * Another checkout, as one more program.
 *
 * @param entry Its `main.ts`, or what was its entry then.
 */
export function otherCheckout(entry: string): Program {
  return office("another checkout", entry);
}

function oneWay(
  name: string,
  packages: string,
  command: (pair: Pair) => readonly string[],
): Program {
  const version = [name.split(/[ ,]/)[0]!, "--version"];
  return { name, packages, version, isTwoWay: false, command };
}

/** Each program, ours first; then those that do a part of the job only. */
export const PROGRAMS: readonly Program[] = [
  office(OURS, `${PROJECT}main.ts`),
  {
    name: "Unison",
    packages: "unison",
    version: ["unison", "-version"],
    isTwoWay: true,
    // Modes are kept by default, times only when asked for.
    command: ({ left, right, state }) => [
      ...["env", `UNISON=${state}`, "unison", left, right],
      ...["-ui", "text", "-batch", "-auto", "-silent"],
      ...["-times", "-confirmbigdel=false"],
    ],
  },
  {
    name: "FreeFileSync",
    packages: "freefilesync xvfb",
    // Its window needs a screen, and it has no option that tells its version.
    version: [
      ...["sh", "-c", 'command -v Xvfb >/dev/null && exec "$@"', "sh"],
      ...["dpkg-query", "-W", "-f", "FreeFileSync ${Version}", "freefilesync"],
    ],
    isTwoWay: true,
    // All of its elements must be there: one that is missing makes it stop.
    settings: ({ left, right }) => [
      "both.ffs_batch",
      Deno.readTextFileSync(`${PROJECT}tools/bench/both.ffs_batch`)
        .replace("LEFT", left).replace("RIGHT", right),
    ],
    command: ({ state }) => [
      ...["env", `HOME=${state}`, "freefilesync", `${state}/both.ffs_batch`],
    ],
    // With a warning, which the first run of a pair always has.
    goodCode: 1,
  },
  {
    name: RCLONE,
    packages: "rclone",
    version: ["rclone", "version"],
    isTwoWay: true,
    settings: () => ["rclone.conf", ""],
    command: ({ left, right, state }, isFirst) => [
      ...["rclone", "bisync", left, right, "--workdir", state],
      ...["--config", `${state}/rclone.conf`],
      ...isFirst ? ["--resync"] : [],
    ],
  },
  oneWay("rsync -a", "rsync", ({ left, right }) => [
    ...["rsync", "-a", `${left}/`, `${right}/`],
  ]),
  oneWay("cp -a", "coreutils", ({ left, right }) => [
    ...["cp", "-a", `${left}/.`, `${right}/`],
  ]),
  oneWay(CP_FLUSHED, "coreutils", ({ left, right }) => [
    ...["sh", "-c", 'cp -a "$1/." "$2/" && sync -f "$2"', "sh", left, right],
  ]),
  oneWay("find, one side", "findutils", ({ left }) => [
    ...["find", left, "-fprintf", "/dev/null", "%P %s %T@ %m %i\\n"],
  ]),
  {
    name: EMPTY,
    packages: "",
    version: [Deno.execPath(), "--version"],
    isTwoWay: false,
    settings: () => ["empty.ts", ""],
    command: ({ state }) => [
      ...[Deno.execPath(), "run", "--no-config", "--no-lock"],
      `${state}/empty.ts`,
    ],
  },
];

/** A command line as a shell takes it. */
export function quoted(command: readonly string[]): string {
  return command.map((it) => /[\s"$\\]/.test(it) ? `'${it}'` : it).join(" ");
}

/** A command line for a page, with words in place of paths. */
export function shown(command: readonly string[], pair: Pair): string {
  return quoted(command)
    .replaceAll(Deno.execPath(), "deno")
    .replaceAll(PROJECT, "")
    .replaceAll(pair.state, "STATE")
    .replaceAll(pair.left, "LEFT")
    .replaceAll(pair.right, "RIGHT");
}

/**
 * What a command prints.
 *
 * @throws {Error} It can't be found, or fails.
 */
export function outputOf(...[name = "", ...args]: readonly string[]): string {
  const { success, stdout, stderr } = new Deno.Command(name, { args })
    .outputSync();
  const [out, err] = [stdout, stderr].map((it) => new TextDecoder().decode(it));
  if (!success) throw new Error(`${name} failed: ${err}${out!.slice(0, 300)}`);
  return out!.trim();
}

/** What a command prints; null if it can't be found or fails. */
export function ifThere(...command: readonly string[]): string | null {
  try {
    return outputOf(...command);
  } catch {
    return null;
  }
}
