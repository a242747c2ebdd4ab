/**
 * The programs that are measured, each set up for the same job: both ways,
 * content as told by size and time, times kept.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Call } from "./measured.ts";
import { OURS } from "./rows.ts";

/** Two roots, and a folder for what a program keeps. */
export interface Pair {
  readonly left: string;
  readonly right: string;
  readonly state: string;
}

/** A program. */
export interface Tool {
  readonly name: string;
  /** What must be on the PATH. */
  readonly needs: readonly string[];
  /** The packages of Debian that bring it. */
  readonly packages: string;
  /** Prints its version. */
  readonly version: readonly [string, ...string[]];
  /** Whether it carries changes both ways. */
  readonly isTwoWay: boolean;
  /** Writes its settings into an empty state folder. */
  readonly prepare: (pair: Pair) => void;
  /** Its command line; the first run of a pair may need another. */
  readonly call: (pair: Pair, isFirst: boolean) => Call;
}

const project = fileURLToPath(new URL("../..", import.meta.url));

const nothing = (): void => {};

const ours: Tool = {
  name: OURS,
  needs: [],
  packages: "",
  version: [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--frozen",
    "--allow-all",
    `${project}launch.ts`,
    "--version",
  ],
  isTwoWay: true,
  prepare: ({ left, right, state }) =>
    Deno.writeTextFileSync(
      `${state}/config.yaml`,
      `left_root: ${left}\nright_root: ${right}\n`,
    ),
  // What `deno task sync` starts. The shell of the task itself is left out.
  call: ({ state }) => ({
    args: [
      Deno.execPath(),
      "run",
      "--no-prompt",
      "--frozen",
      "--allow-all",
      `${project}launch.ts`,
      "--config",
      `${state}/config.yaml`,
    ],
    cwd: project,
  }),
};

const unison: Tool = {
  name: "Unison",
  needs: ["unison"],
  packages: "unison",
  version: ["unison", "-version"],
  isTwoWay: true,
  prepare: nothing,
  // Modes are kept by default, times only when asked for.
  call: ({ left, right, state }) => ({
    args: [
      "unison",
      left,
      right,
      ...["-ui", "text", "-batch", "-auto", "-silent"],
      ...["-times", "-confirmbigdel=false"],
    ],
    env: { UNISON: state },
  }),
};

/** Its window needs a screen; the caller provides one. */
const freeFileSync: Tool = {
  name: "FreeFileSync",
  needs: ["freefilesync", "Xvfb"],
  packages: "freefilesync xvfb",
  version: [
    "dpkg-query",
    "-W",
    "-f",
    "FreeFileSync ${Version}",
    "freefilesync",
  ],
  isTwoWay: true,
  prepare: ({ left, right, state }) =>
    Deno.writeTextFileSync(`${state}/both.ffs_batch`, batchFile(left, right)),
  call: ({ state }) => ({
    args: ["freefilesync", `${state}/both.ffs_batch`],
    env: { HOME: state },
    // 1: with a warning, which the first run of a pair always has.
    goodCodes: [0, 1],
  }),
};

/** All of its elements: one that is missing makes it stop. */
function batchFile(left: string, right: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<FreeFileSync XmlType="BATCH" XmlFormat="17">
  <Compare>
    <Variant>TimeAndSize</Variant><Symlinks>Exclude</Symlinks><IgnoreTimeShift/>
  </Compare>
  <Synchronize>
    <Variant>TwoWay</Variant><DetectMovedFiles>true</DetectMovedFiles>
    <DeletionPolicy>Permanent</DeletionPolicy>
    <VersioningFolder Style="Replace"/>
  </Synchronize>
  <Filter>
    <Include><Item>*</Item></Include><Exclude/>
    <SizeMin Unit="None">0</SizeMin><SizeMax Unit="None">0</SizeMax>
    <TimeSpan Type="None">0</TimeSpan>
  </Filter>
  <FolderPairs>
    <Pair><Left>${left}</Left><Right>${right}</Right></Pair>
  </FolderPairs>
  <Errors Ignore="false" Retry="0" Delay="5"/>
  <PostSyncCommand Condition="Completion"/>
  <LogFolder/>
  <EmailNotification Condition="Always"/>
  <Batch>
    <ProgressDialog Minimized="true" AutoClose="true"/>
    <ErrorDialog>Cancel</ErrorDialog>
    <PostSyncAction>None</PostSyncAction>
  </Batch>
</FreeFileSync>
`;
}

const rclone: Tool = {
  name: "rclone bisync",
  needs: ["rclone"],
  packages: "rclone",
  version: ["rclone", "version"],
  isTwoWay: true,
  prepare: ({ state }) => Deno.writeTextFileSync(`${state}/rclone.conf`, ""),
  call: ({ left, right, state }, isFirst) => ({
    args: [
      ...["rclone", "bisync", left, right, "--workdir", state] as const,
      ...["--config", `${state}/rclone.conf`],
      ...isFirst ? ["--resync"] : [],
    ],
  }),
};

function oneWay(
  name: string,
  args: (pair: Pair) => readonly [string, ...string[]],
  { packages = "coreutils", version = "cp" } = {},
): Tool {
  return {
    name,
    needs: [version],
    packages,
    version: [version, "--version"],
    isTwoWay: false,
    prepare: nothing,
    call: (pair) => ({ args: args(pair) }),
  };
}

/** Each program that is measured; ours comes first. */
export const TOOLS: readonly Tool[] = [ours, unison, freeFileSync, rclone];

/** Those that do a part of the job: the least it can take. */
export const PARTS = {
  rsync: oneWay(
    "rsync -a",
    ({ left, right }) => ["rsync", "-a", `${left}/`, `${right}/`],
    { packages: "rsync", version: "rsync" },
  ),
  cp: oneWay(
    "cp -a",
    ({ left, right }) => ["cp", "-a", `${left}/.`, `${right}/`],
  ),
  cpFlushed: oneWay(
    "cp -a, then sync",
    ({ left, right }) => [
      ...["sh", "-c", 'cp -a "$1/." "$2/" && sync -f "$2"', "sh"] as const,
      left,
      right,
    ],
  ),
  find: oneWay(
    "find, one side",
    ({ left }) => ["find", left, "-fprintf", "/dev/null", "%P %s %T@ %m %i\\n"],
    { packages: "findutils", version: "find" },
  ),
} as const;

/** A command line with words in place of paths. */
export function shown(
  { args, env = {} }: Call,
  { left, right, state }: Pair,
): string {
  const quoted = args.map((it) => /[\s"$]/.test(it) ? `'${it}'` : it);
  const own = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...own, ...quoted].join(" ")
    .replaceAll(Deno.execPath(), "deno")
    .replaceAll(project, "")
    .replaceAll(state, "STATE")
    .replaceAll(left, "LEFT")
    .replaceAll(right, "RIGHT");
}

/** Whether a program can be found. */
export function isInstalled(program: string): boolean {
  const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`;
  return path.split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** The first line of what a program says of its version. */
export function versionOf(
  { name, version: [program, ...args] }: Tool,
): string {
  const { stdout } = new Deno.Command(program, { args }).outputSync();
  const line = new TextDecoder().decode(stdout).split("\n")[0]?.trim() ?? "";
  return /^\d/.test(line) ? `${name} ${line}` : line;
}

/** A screen in memory, for a program that can't do without. */
export class Screen implements Disposable {
  readonly #server: Deno.ChildProcess;

  private constructor(server: Deno.ChildProcess, readonly display: string) {
    this.#server = server;
  }

  /** Starts it; it finds a free number for itself. */
  static async start(): Promise<Screen> {
    const server = new Deno.Command("Xvfb", {
      args: [
        "-displayfd",
        "1",
        "-screen",
        "0",
        "800x600x24",
        "-nolisten",
        "tcp",
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = server.stdout.getReader();
    let text = "";
    while (!text.endsWith("\n")) {
      const { value } = await reader.read();
      if (!value) throw new Error("Xvfb did not start");
      text += new TextDecoder().decode(value);
    }
    void reader.cancel();
    return new Screen(server, `:${text.trim()}`);
  }

  [Symbol.dispose](): void {
    this.#server.kill();
  }
}
