/**
 * The panel of an office, served in this process, and a browser of few words
 * that says what it is told to.
 *
 * @module
 */
import { loadConfig } from "../../lib/config_loader.ts";
import { filesHere } from "../../lib/files_handlers.ts";
import { PanelServer, type PanelTimes } from "../../lib/panel_server.ts";
import { PanelSite } from "../../lib/panel_site.ts";
import type { Office } from "./support.ts";

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Serves the panel of an office. */
export async function serving(
  office: Office,
  times?: PanelTimes,
): Promise<PanelServer> {
  const config = await loadConfig(office.config);
  return new PanelServer(
    new PanelSite(config, filesHere(config.roots)),
    0,
    times,
  );
}

/** Where a panel listens, and what it lets in. */
type Door = Pick<PanelServer, "port" | "code">;

type Said = Readonly<Record<string, string>>;

/** Says exactly this: other clients set some headers themselves. */
export async function say(
  { port }: Pick<Door, "port">,
  path: string,
  headers: Said,
  body: string | null = null,
): Promise<Reply> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const all = {
    ...{ host: `127.0.0.1:${port}`, connection: "close", ...headers },
    ...body === null ? {} : {
      "content-type": "application/x-www-form-urlencoded",
      "content-length": String(new TextEncoder().encode(body).length),
    },
  };
  const lines = Object.entries(all).map(([name, it]) => `${name}: ${it}\r\n`);
  const method = body === null ? "GET" : "POST";
  const text = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${
    body ?? ""
  }`;
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
  const whole = await new Response(connection.readable).text();
  const end = whole.indexOf("\r\n\r\n");
  const [first, ...rest] = whole.slice(0, end).split("\r\n");
  return {
    status: Number(first!.split(" ")[1]),
    headers: new Headers(
      rest.map((it) => it.split(/: (.*)/s).slice(0, 2) as [string, string]),
    ),
    text: whole.slice(end + 4),
  };
}

/** A browser that was let in. */
export class Guest {
  readonly server: Door;
  readonly cookie: string;

  private constructor(server: Door, cookie: string) {
    [this.server, this.cookie] = [server, cookie];
  }

  /** Hands the code in, as the file does. */
  static async enter(server: Door): Promise<Guest> {
    const reply = await enter(server, server.code);
    const cookie = reply.headers.get("set-cookie")!.split(";")[0]!;
    return new Guest(server, cookie);
  }

  get headers(): Said {
    return { cookie: this.cookie, "sec-fetch-site": "same-origin" };
  }

  get(path: string): Promise<Reply> {
    return say(this.server, path, this.headers);
  }

  /** Presses the button of a page that says this; gives where it leads. */
  async press(page: string, button: string): Promise<Reply> {
    const { text } = await this.get(page);
    const forms = [...text.matchAll(/<form[^>]*method="post"[^]*?<\/form>/g)];
    const form = forms.map(([it]) => it).find((it) =>
      new RegExp(`<button[^>]*>${button}</button>`).test(it)
    );
    if (form === undefined) throw new Error(`no ${button} in ${text}`);
    return await this.post(...formOf(form));
  }

  post(path: string, body: string, headers: Said = {}): Promise<Reply> {
    const origin = `http://127.0.0.1:${this.server.port}`;
    return say(
      this.server,
      path,
      { ...this.headers, origin, ...headers },
      body,
    );
  }
}

/** Where a form leads, and what it says. */
export function formOf(form: string): [path: string, body: string] {
  const [, path] = /action="([^"]*)"/.exec(form)!;
  const values = [...form.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(
    ([, name, value]) => [name!, value!.replaceAll("&#39;", "'")],
  );
  return [path!, `${new URLSearchParams(values)}`];
}

/** Hands a code in. */
export function enter(
  server: Door,
  code: string,
  origin = "null",
): Promise<Reply> {
  const headers = { origin, "sec-fetch-site": "cross-site" };
  return say(server, "/enter", headers, `code=${code}`);
}
