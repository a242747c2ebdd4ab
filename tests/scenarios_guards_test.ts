import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { LONG_AGO, scenario, type Stage } from "./support/scenario.ts";
import { snapshot } from "./support/snapshot.ts";

/** Puts text into the config in place of the roots' lines. */
function useRoots(stage: Stage, left: string, right: string): void {
  Deno.writeTextFileSync(
    stage.office.config,
    `left_root: ${left}\nright_root: ${right}\n`,
  );
}

/** A run that a guard stops, with nothing changed below either root. */
async function stops(
  stage: Stage,
  guard: string,
  says: RegExp,
  ...args: readonly string[]
): Promise<void> {
  const before = stage.snapshots();
  const { document } = await stage.ends(guard === "lock" ? 4 : 3, ...args);
  assert.equal(document.guard?.name, guard);
  assert.match(document.guard.reason, says);
  assert.deepEqual(document.actions, []);
  assert.deepEqual(stage.snapshots(), before, "nothing was changed");
}

/** Both sides agree, and each has an edit that a run would copy. */
async function pending(stage: Stage): Promise<void> {
  await stage.begin({ "a.txt": "a", d: { "b.txt": "b" } });
  stage.write({ left: { "new.txt": "new" } });
  stage.remove("right", "d/b.txt");
}

const PENDING = [
  "5.9 COPY_LEFT_TO_RIGHT new.txt",
  "5.8 SOFT_DELETE_LEFT d/b.txt -> deleted/d/b.txt",
];

scenario(
  "guard lock: a run stops with 4 while another is active",
  async (stage) => {
    await pending(stage);
    const lock = Deno.openSync(`${stage.office.stateDb}.lock`, {
      write: true,
      create: true,
    });
    lock.lockSync(true);
    try {
      await stops(stage, "lock", /[Aa]nother run/);
    } finally {
      lock.close();
    }
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "guard lock: of two runs at once one does all, the other nothing",
  async (stage) => {
    await pending(stage);
    const names = Array.from({ length: 400 }, (_, n) => `many${n}.txt`);
    stage.write({
      left: Object.fromEntries(names.map((name) => [name, name])),
    });
    const told = await Promise.all([stage.run(), stage.run(), stage.run()]);
    const codes = told.map(({ code }) => code).sort();
    assert.equal(codes[0], 0);
    for (const { code, lines } of told) {
      assert.ok(code === 0 || code === 4, `${code}`);
      if (code === 4) assert.deepEqual(lines, []);
    }
    assert.equal(
      told.flatMap(({ lines }) => lines).length,
      402,
      "each thing once",
    );
  },
  { isMirrored: false },
);

scenario("guard roots: the left root is missing", async (stage) => {
  await pending(stage);
  const left = stage.root("left");
  Deno.renameSync(left, `${left}-away`);
  const right = stage.root("right");
  const before = snapshot(right);
  const { document } = await stage.ends(3);
  assert.equal(document.guard?.name, "roots");
  assert.match(document.guard.reason, /does not exist/);
  assert.deepEqual(snapshot(right), before);
  assert.throws(() => Deno.statSync(left), "nobody made a new folder there");
  Deno.renameSync(`${left}-away`, left);
  await stage.does(PENDING);
});

scenario(
  "guard roots: a root is a file, the other, or inside it",
  async (stage) => {
    await pending(stage);
    const { folder, config } = stage.office;
    const asItWas = Deno.readTextFileSync(config);
    Deno.writeTextFileSync(`${folder}/file`, "");
    Deno.symlinkSync("left", `${folder}/link`);
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ["file", "right", /not a folder/],
      ["left", "file", /not a folder/],
      ["left", "left", /same folder/],
      ["left", "link", /same folder/],
      ["left", "left/d", /inside/],
      ["right/d", "right", /inside/],
    ];
    for (const [left, right, says] of cases) {
      useRoots(stage, left, right);
      await stops(stage, "roots", says);
    }
    Deno.writeTextFileSync(config, asItWas);
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario("guard roots: the left root can't be read", async (stage) => {
  await pending(stage);
  const before = stage.snapshots();
  Deno.chmodSync(stage.root("left"), 0o000);
  const told = stage.told(await stage.office.humbleCommand("--json"));
  Deno.chmodSync(stage.root("left"), 0o755);
  assert.equal(told.code, 3);
  assert.equal(told.document.guard?.name, "roots");
  assert.deepEqual(stage.snapshots(), before);
  await stage.does(PENDING);
}, { isMirrored: false });

scenario("guard state: a corrupt state DB stops the run", async (stage) => {
  await pending(stage);
  const { stateDb } = stage.office;
  const whole = Deno.readFileSync(stateDb);
  Deno.writeTextFileSync(
    stateDb,
    "this is no database, it is a text. ".repeat(400),
  );
  await stops(stage, "state", /\S/);
  const torn = whole.slice();
  torn.fill(0x5a, 4096, torn.length - 4096);
  Deno.writeFileSync(stateDb, torn);
  await stops(stage, "state", /\S/);
  Deno.writeFileSync(stateDb, whole);
  await stage.does(PENDING);
}, { isMirrored: false });

scenario(
  "guard state: a state DB of a newer version stops the run",
  async (stage) => {
    await pending(stage);
    const version = (change: (version: number) => number) => {
      using db = new DatabaseSync(stage.office.stateDb);
      const { user_version } = db.prepare("PRAGMA user_version").get()!;
      db.exec(`PRAGMA user_version = ${change(Number(user_version))}`);
    };
    version((is) => is + 1);
    await stops(stage, "state", /newer/);
    version((is) => is - 1);
    await stage.does(PENDING);
  },
  { isMirrored: false },
);

scenario(
  "a lost state DB: a first meeting with a warning, deletions come back",
  async (stage) => {
    await stage.begin({ "a.txt": "a", "b.txt": "b" });
    stage.remove("left", "b.txt");
    for (const { name } of [...Deno.readDirSync(stage.office.folder)]) {
      if (name.startsWith("config.db")) {
        Deno.removeSync(`${stage.office.folder}/${name}`);
      }
    }
    const { stderr } = await stage.does(["5.10 COPY_RIGHT_TO_LEFT b.txt"]);
    assert.match(stderr, /deleted .*come back/);
    const log = Deno.readTextFileSync(stage.office.log);
    assert.match(log, / WARNING .*come back/);
    stage.holds({ "a.txt": "a", "b.txt": "b" });
    assert.equal(
      Deno.statSync(stage.at("left", "b.txt")).mtime?.getTime(),
      LONG_AGO,
    );
  },
  { isMirrored: false, isCommand: true },
);

for (
  const [what, settings] of [
    ["state DB", "state_db: left/sub/office-sync.db"],
    ["log", "logging:\n  file: right/office-sync.log"],
  ]
) {
  scenario(
    `the ${what} inside a root: exit 2, nothing is touched`,
    async (stage) => {
      await pending(stage);
      Deno.mkdirSync(`${stage.office.left}/sub`);
      await stage.office.settle();
      stage.write({ left: { "new 2.txt": "new" } });
      stage.office.configure(`${settings}\n`);
      const before = stage.snapshots();
      const { code, stdout, stderr } = await stage.office.command();
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /config\.yaml:\d+:\d+: .*(state_db|logging\.file)/);
      assert.deepEqual(stage.snapshots(), before);
      stage.office.configure("");
      await stage.does(["5.9 COPY_LEFT_TO_RIGHT new 2.txt"]);
    },
    { isMirrored: false },
  );
}
