import assert from "node:assert/strict";
import { progressText } from "../lib/cli_output.ts";
import { Meter, type Progress } from "../lib/run_types.ts";
import { SharedState } from "../lib/wire_messages.ts";
import { Office } from "./support/support.ts";
import { fromFileUrl } from "./support/urls.ts";

const APPLY: Progress = {
  phase: "apply",
  doneFiles: 1200,
  totalFiles: 3400,
  doneBytes: 5 * 1024 * 1024,
  totalBytes: 20 * 1024 * 1024,
};

Deno.test("progressText() tells phase, files, bytes, rate and time left", () => {
  const pace = { elapsedMs: 2000, leftSeconds: 65 };
  assert.equal(
    progressText(APPLY, pace, 79),
    "Syncing 34 % | 1,200 of 3,400 files | 5.0 MB of 20.0 MB | 2.5 MB/s | " +
      "1:05 left",
  );
  assert.equal(
    progressText(APPLY, { ...pace, leftSeconds: 3725 }, 140),
    "Syncing [======              ] 34 % | 1,200 of 3,400 files | " +
      "5.0 MB of 20.0 MB | 2.5 MB/s | 1:02:05 left",
  );
});

Deno.test("progressText() says nothing that nobody can know yet", () => {
  const scan: Progress = {
    phase: "scan",
    doneFiles: 0,
    totalFiles: null,
    doneBytes: 0,
    totalBytes: null,
  };
  const pace = { elapsedMs: 100, leftSeconds: null };
  assert.equal(progressText(scan, pace, 79), "Reading folders");
  assert.equal(
    progressText({ ...scan, doneFiles: 500 }, { ...pace, elapsedMs: 500 }, 79),
    "Reading folders | 500 files | 1,000 files/s",
  );
  const grown = { ...scan, doneFiles: 900, totalFiles: 800 };
  assert.equal(
    progressText(grown, pace, 79),
    "Reading folders 100 % | 900 files",
  );
});

Deno.test("progressText() fits into one line", () => {
  const pace = { elapsedMs: 2000, leftSeconds: 65 };
  for (const width of [1, 10, 40, 79, 109, 110, 200]) {
    assert.ok(progressText(APPLY, pace, width).length <= width, `${width}`);
  }
});

Deno.test("Meter tells a phase at once, and then ten times a second at most", async () => {
  const told: Progress[] = [];
  const shared = new SharedState();
  shared.count(7, 70);
  const meter = new Meter((progress) => told.push(progress), shared);
  meter.begin("apply", 1000, 5000);
  for (let n = 0; n < 400; n++) meter.add(1, 10);
  for (let n = 0; n < 100; n++) shared.count(1, 10);
  assert.deepEqual(told, [{ ...NONE, totalFiles: 1000, totalBytes: 5000 }]);
  await new Promise((resolve) => setTimeout(resolve, 110));
  meter.add(1, 10);
  const [, second, ...more] = told;
  assert.deepEqual([second?.doneFiles, second?.doneBytes], [501, 5010]);
  assert.deepEqual(more, []);
  shared.count(1, 0);
  await meter.watch(new Promise((resolve) => setTimeout(resolve, 250)));
  assert.equal(told.at(-1)?.doneFiles, 502);
  meter.begin("decide");
  assert.deepEqual(told.at(-1), { ...NONE, phase: "decide" });
});

const NONE: Progress = {
  phase: "apply",
  doneFiles: 0,
  totalFiles: null,
  doneBytes: 0,
  totalBytes: null,
};

/** What the real command writes to a terminal, and when. */
interface Shown {
  readonly text: string;
  readonly firstMs: number;
}

/** Runs the real command on a pseudo-terminal of 80 columns. */
async function onTerminal(
  office: Office,
  args: string,
  after = "",
): Promise<Shown> {
  const launch = fromFileUrl("../main.ts");
  const line = `stty cols 80; '${Deno.execPath()}' run --no-prompt -A ` +
    `'${launch}' ${args} --config '${office.config}' ${after}`;
  const started = performance.now();
  const child = new Deno.Command("script", {
    args: ["-qefc", line, "/dev/null"],
    cwd: office.folder,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let [text, firstMs] = ["", Infinity];
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    if (text === "") firstMs = performance.now() - started;
    text += decoder.decode(bytes, { stream: true });
  }
  await child.stdin.close();
  await child.status;
  return { text, firstMs };
}

/** What starting a program that does nothing takes now; 50 ms at most if all rests. */
function bareStartMs(): number {
  const started = performance.now();
  new Deno.Command(Deno.execPath(), { args: ["eval", ""] }).outputSync();
  return performance.now() - started;
}

/** An office with enough to do to be seen at it. */
function busy(files = 300): Office {
  const office = new Office();
  for (let n = 0; n < files; n++) {
    Deno.writeTextFileSync(`${office.left}/${n}.txt`, "x".repeat(n));
  }
  return office;
}

/** What a terminal shows in the end of the lines a program redrew. */
function resolved(text: string): string[] {
  return text.split("\r\n").map((line) => {
    // deno-lint-ignore no-control-regex
    const drawn = line.split(/\x1b\[2K|\x1b\[1G|\r/);
    // deno-lint-ignore no-control-regex
    return drawn.at(-1)!.replaceAll(/\x1b(?:\[\d*[A-Za-z]|[78])/g, "");
  });
}

const isLinux = Deno.build.os === "linux";

Deno.test({
  name: "on a terminal a run shows one line of progress, and clears it",
  ignore: !isLinux,
  async fn() {
    // It takes a while until the time left can be told.
    using office = busy(1500);
    const { text } = await onTerminal(office, "sync");
    assert.match(text, /Reading folders/);
    assert.match(
      text,
      /Syncing \d+ % \| [\d,]+ of 1,500 files \| .* of 1\.1 MB/,
    );
    assert.match(text, /\d:\d\d left/);
    const lines = resolved(text);
    assert.match(lines[0]!, /^Run \d{8}-/, text.slice(0, 2000));
    assert.doesNotMatch(lines.join("\n"), /Syncing|Reading folders/);
    // The cursor is not hidden, wrapping not ended: a kill leaves no trace.
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /\x1b\[\?/);
    // No colour: whoever sets NO_COLOR gets the same.
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /\x1b\[\d*(?:;\d+)*m/);
  },
});

Deno.test({
  name: "the first sign of life on a terminal comes within half a second",
  ignore: !isLinux,
  async fn() {
    using office = new Office();
    const shares: number[] = [];
    // Other tests run at the same time: what slows down any program is no
    // fault of this one, and the quickest try counts.
    while (shares.length < 8 && !shares.some((share) => share < 1)) {
      const slowness = Math.max(1, bareStartMs() / 50);
      const { firstMs } = await onTerminal(office, "plan");
      shares.push(firstMs / (500 * slowness));
    }
    assert.ok(Math.min(...shares) < 1, shares.join());
  },
});

Deno.test({
  name: "warnings push the line of progress aside",
  ignore: !isLinux,
  async fn() {
    using office = busy();
    await office.agree();
    Deno.removeSync(office.stateDb);
    const { text } = await onTerminal(office, "plan");
    const lines = resolved(text);
    const [warning = ""] = lines;
    assert.match(warning, /^[A-Z][^|]*\S$/, text.slice(0, 2000));
    assert.match(warning, /deletions|deleted/i);
    assert.doesNotMatch(lines.join("\n"), /Reading folders|Deciding/);
  },
});

Deno.test({
  name: "there is no progress with --quiet, nor where errors go elsewhere",
  ignore: !isLinux,
  async fn() {
    using quiet = new Office().write({ left: { "a.txt": "a" } });
    assert.equal((await onTerminal(quiet, "sync --quiet")).text, "");
    using apart = new Office().write({ left: { "a.txt": "a" } });
    const { text } = await onTerminal(apart, "sync", "2>errors.txt");
    assert.match(text, /^Run \d{8}-/);
    assert.equal(Deno.readTextFileSync(`${apart.folder}/errors.txt`), "");
    using piped = new Office().write({ left: { "a.txt": "a" } });
    const { stdout, stderr } = await piped.command("sync");
    assert.match(stdout, /^Run \d{8}-/);
    assert.equal(stderr, "");
  },
});

Deno.test({
  name:
    "with --json the line goes to standard error and the document stays whole",
  ignore: !isLinux,
  async fn() {
    using office = busy();
    const { text } = await onTerminal(office, "sync --json", ">out.json");
    assert.match(text, /Syncing/);
    assert.equal(resolved(text).join(""), "");
    const json = Deno.readTextFileSync(`${office.folder}/out.json`);
    assert.equal(JSON.parse(json).summary.COPY_LEFT_TO_RIGHT, 300);
  },
});

Deno.test({
  name: "a long answer is whole where a pipe takes nothing until it is read",
  ignore: !isLinux,
  async fn() {
    const output = new URL("../lib/cli_output.ts", import.meta.url);
    // As a program leaves it that shares the pipe.
    const unwaiting = "fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or die;" +
      " exec @ARGV";
    const child = new Deno.Command("perl", {
      args: [
        "-MFcntl",
        "-e",
        unwaiting,
        Deno.execPath(),
        "eval",
        `import { print } from ${JSON.stringify(output)};
        print("x".repeat(1_000_000));`,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let length = 0;
    for await (const bytes of child.stdout) {
      length += bytes.length;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const said = await child.stderr.text();
    assert.equal(length, 1_000_001, said);
    assert.deepEqual([(await child.status).code, said], [0, ""]);
  },
});

Deno.test({
  name: "an answer that can't be printed is told in a line, and ends with 5",
  ignore: !isLinux,
  async fn() {
    using office = new Office();
    for (const args of ["history --json", "history", "plan --json"]) {
      const { text } = await onTerminal(office, args, ">/dev/full; echo $?");
      const lines = resolved(text).filter((line) => line !== "");
      assert.deepEqual(lines, [
        "What was asked for could not be printed: the disk is full: make room " +
        "there (ENOSPC).",
        "5",
      ]);
    }
    // The launcher's own answer.
    Deno.writeTextFileSync(office.config, "left_root: 1\n");
    const { text } = await onTerminal(
      office,
      "plan --json",
      ">/dev/full; echo $?",
    );
    assert.match(text, /left_root/);
    assert.match(text, /\r\n2\r\n$/);
  },
});
