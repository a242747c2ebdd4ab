import assert from "node:assert/strict";
import { cronLine, systemdUnits } from "../../lib/schedule_text.ts";
import { Office } from "../support/support.ts";
import { requireTool } from "./support.ts";

function analyze(...args: readonly string[]): string {
  requireTool("systemd-analyze");
  const { success, stdout, stderr } = new Deno.Command("systemd-analyze", {
    args: [...args],
  }).outputSync();
  const said = new TextDecoder().decode(stderr);
  assert.ok(success && said === "", `${args.join(" ")}: ${said}`);
  return new TextDecoder().decode(stdout);
}

Deno.test("systemd accepts the units of schedule, from any folder's name", async () => {
  using office = new Office();
  const odd = `${office.folder}/it's 100% $HOME & "more" \\ ;x`;
  Deno.mkdirSync(odd);
  Deno.copyFileSync(office.config, `${odd}/config.yaml`);
  (office as { config: string }).config = `${odd}/config.yaml`;
  Deno.writeTextFileSync(
    office.config,
    "email: {smtp_host: localhost, from: a@b.example, to: c@d.example, " +
      "username: a, password_env: MAIL_PASSWORD}\n",
    { append: true },
  );
  const { code, stderr } = await office.command(
    ...["schedule", "systemd", "--write", `${office.folder}/os.service`],
  );
  assert.equal(code, 0, stderr);
  analyze("verify", `${office.folder}/os.service`, `${office.folder}/os.timer`);
});

Deno.test("systemd reads each interval as it is meant", () => {
  const scheduled = { command: ["/x"], folder: "/", description: "" };
  const expected = {
    1: "*-*-* *:00/1:00",
    15: "*-*-* *:00/15:00",
    60: "*-*-* 00/1:00:00",
    90: "*-*-* 00/3:00:00",
    120: "*-*-* 00/2:00:00",
    1440: "*-*-* 12:00:00",
  };
  for (const [minutes, form] of Object.entries(expected)) {
    const everyMinutes = Number(minutes);
    const { timer } = systemdUnits({ ...scheduled, everyMinutes });
    const [, calendar = ""] = /^OnCalendar=(.*)$/m.exec(timer) ?? [];
    const told = analyze("calendar", calendar);
    assert.equal(/Normalized form: (.*)/.exec(told)?.[1], form);
    assert.match(
      cronLine({ ...scheduled, everyMinutes }),
      /^\S+ \S+ \* \* \* /,
    );
  }
});
