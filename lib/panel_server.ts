/**
 * The panel's server: listens on the loopback address alone, and lets nobody
 * in but the browser that the one-time code was handed to. What is shown, and
 * what becomes of a button, is the site's business.
 *
 * A cookie goes to every port of an address, so that another program's page
 * could send it: whatever changes something has to bring a second secret as
 * well, which stands in the pages only.
 *
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { documentHtml, markup, type Part } from "./html.ts";
import { errorWords, PROGRAM } from "./text.ts";

/** What a page of the panel is asked for. */
export interface Asked {
  readonly page: string;
  readonly query: URLSearchParams;
  /** Goes into each form. */
  readonly secret: string;
  /** What a form says; null where nothing is to be changed. */
  readonly form: URLSearchParams | null;
}

/**
 * What is answered: a document, or which page to go to. That is for the page's
 * script: a form that is sent by the browser alone brings no origin from pages
 * that are to tell nobody where they are.
 */
export type Answered =
  | { readonly type: "html" | "css" | "javascript"; readonly text: string }
  | { readonly goTo: string };

/** What is shown. */
export interface Site {
  /** @returns Null where there is no such page. */
  answer(asked: Asked): Promise<Answered | null>;
}

/** Why the panel ended. */
export type PanelEnd = "closed" | "idle";

/** How long the panel, and the code into it, last, in ms. */
export interface PanelTimes {
  readonly idleMs: number;
  readonly codeMs: number;
}

const TIMES: PanelTimes = { idleMs: 30 * 60_000, codeMs: 60_000 };

/** The most that a form may say, in bytes. */
const BODY_BYTES = 64 * 1024;

/** The last page has to get there, in ms. */
const LAST_MS = 300;

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; " +
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; " +
    "base-uri 'none'",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** What is refused: with its status, and why, in a sentence. */
class Refusal extends Error {
  constructor(readonly status: number, why: string) {
    super(why);
  }
}

/** @throws {Refusal} It is not so. */
function requireThat(isSo: boolean, why: string, status = 403): void {
  if (!isSo) throw new Refusal(status, why);
}

/** The panel's server. */
export class PanelServer implements AsyncDisposable {
  /** Lets one browser in, once, and not for long. */
  readonly code: string = randomText();
  readonly port: number;
  readonly #ended = Promise.withResolvers<PanelEnd>();
  /** By its own button, or by nobody using it. */
  readonly ended: Promise<PanelEnd> = this.#ended.promise;
  readonly #entered = Promise.withResolvers<void>();
  /** The code is used up, or too old. */
  readonly entered: Promise<void> = this.#entered.promise;
  readonly #stop = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #site: Site;
  readonly #times: PanelTimes;
  readonly #cookie = randomText();
  readonly #secret = randomText();
  #isCodeGood = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #codeTimer: ReturnType<typeof setTimeout>;

  /** @param port Where to listen; 0: on any port that is free. */
  constructor(site: Site, port: number, times: PanelTimes = TIMES) {
    [this.#site, this.#times] = [site, times];
    this.#server = Deno.serve({
      ...{ hostname: "127.0.0.1", port, onListen() {} },
      signal: this.#stop.signal,
      handler: (request) => this.#respond(request),
    });
    this.port = this.#server.addr.port;
    this.#codeTimer = setTimeout(() => this.#useCode(), times.codeMs);
    this.#beUsed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#useCode();
    // A browser may hold a connection for as long as it likes.
    this.#stop.abort();
    await this.#server.finished;
  }

  #beUsed(): void {
    clearTimeout(this.#timer);
    const end = () => this.#ended.resolve("idle");
    this.#timer = setTimeout(end, this.#times.idleMs);
  }

  #useCode(): void {
    clearTimeout(this.#codeTimer);
    this.#isCodeGood = false;
    this.#entered.resolve();
  }

  async #respond(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      const [status, why] = error instanceof Refusal
        ? [error.status, error.message]
        : [500, `Something unexpected went wrong: ${errorWords(error)}`];
      return document("html", plainPage(why), status);
    }
  }

  async #answer(request: Request): Promise<Response> {
    const { headers, method } = request;
    const host = `127.0.0.1:${this.port}`;
    // A name that leads here, whoever made it, is not this address.
    requireThat(headers.get("host") === host, NOT_HERE);
    const isKnown = method === "GET" || method === "POST";
    requireThat(isKnown, "That is no request of the panel's.", 405);
    const { pathname: page, searchParams: query } = new URL(request.url);
    if (page === "/enter") return await this.#letIn(request);
    const from = headers.get("sec-fetch-site");
    requireThat(from === "same-origin" || from === "none", NOT_HERE);
    requireThat(this.#hasCookie(headers.get("cookie") ?? ""), NOT_KNOWN);
    let form: URLSearchParams | null = null;
    if (method === "POST") {
      requireThat(headers.get("origin") === `http://${host}`, NOT_HERE);
      form = await formOf(request);
      const said = form.get("secret") ?? "";
      requireThat(isEqual(said, this.#secret), NOT_KNOWN);
    }
    this.#beUsed();
    if (form !== null && page === "/close") {
      setTimeout(() => this.#ended.resolve("closed"), LAST_MS);
      return document("html", plainPage(CLOSED));
    }
    const secret = this.#secret;
    const answered = await this.#site.answer({ page, query, form, secret });
    this.#beUsed();
    if (answered === null) {
      throw new Refusal(404, "There is no such page in the panel.");
    }
    if ("goTo" in answered) return document("plain", answered.goTo);
    return document(answered.type, answered.text);
  }

  /** From a file of this account, which has no origin: it brings the code. */
  async #letIn(request: Request): Promise<Response> {
    const isPost = request.method === "POST";
    requireThat(isPost && request.headers.get("origin") === "null", NOT_HERE);
    const said = (await formOf(request)).get("code") ?? "";
    requireThat(this.#isCodeGood && isEqual(said, this.code), NOT_KNOWN);
    this.#useCode();
    this.#beUsed();
    // The browser would keep back a strict cookie if it were sent on at once:
    // it comes from a file. From this page it may go on.
    const onwards = markup`<meta http-equiv="refresh" content="0; url=/">`;
    const link = markup`<p><a href="/">Go on to the panel</a></p>`;
    const response = document("html", plainPage("", link, onwards));
    response.headers.set(
      "set-cookie",
      `${this.#cookieName}=${this.#cookie}; Path=/; HttpOnly; SameSite=Strict`,
    );
    return response;
  }

  /** Cookies know no ports: several panels must not take each other's. */
  get #cookieName(): string {
    return `office-sync-${this.port}`;
  }

  #hasCookie(header: string): boolean {
    return header.split(";").some((it) => {
      const [name, value = ""] = it.trim().split("=");
      return name === this.#cookieName && isEqual(value, this.#cookie);
    });
  }
}

const NOT_HERE = "The panel answers to nobody but its own pages.";
const NOT_KNOWN = "This page does not belong to the panel that runs now: its " +
  `code was used up, or is older than a minute. Start “${PROGRAM} panel” again.`;
const CLOSED = "The panel is closed. You can close this tab.";

/** 128 bits that nobody can guess. */
function randomText(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

function isEqual(a: string, b: string): boolean {
  const [x, y] = [a, b].map((it) => new TextEncoder().encode(it));
  return x!.length === y!.length && timingSafeEqual(x!, y!);
}

/** @throws {Refusal} It is no form, or says too much. */
async function formOf({ headers, body }: Request): Promise<URLSearchParams> {
  const type = headers.get("content-type") ?? "";
  const isForm = type.startsWith("application/x-www-form-urlencoded");
  requireThat(isForm, "That is no form of the panel's.", 415);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    requireThat(size <= BODY_BYTES, "That form says too much.", 413);
    parts.push(part);
  }
  return new URLSearchParams(await new Blob(parts as BlobPart[]).text());
}

function document(
  type: "html" | "css" | "javascript" | "plain",
  text: string,
  status = 200,
): Response {
  const headers = { ...HEADERS, "content-type": `text/${type}; charset=utf-8` };
  return new Response(text, { status, headers });
}

/** A page that needs nobody to be let in. */
function plainPage(sentence: string, more?: Part, head?: Part): string {
  const body = markup`<body><main><h1>office-sync</h1><p>${sentence}</p>
${more}</main></body>`;
  return documentHtml("office-sync panel", head, body);
}

/**
 * What leads a browser in: a page that sends the code off, by itself where the
 * browser runs its script.
 */
export function entryPage({ port, code }: PanelServer): string {
  return plainPage(
    "",
    markup`<form method="post" action="http://127.0.0.1:${port}/enter">
<input type="hidden" name="code" value="${code}">
<button>Open the panel</button>
</form>
<script>document.forms[0].submit();</script>`,
  );
}
