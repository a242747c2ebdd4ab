/**
 * A real browser for tests: Debian's chromium, without a screen.
 *
 * @module
 */
import {
  type Browser as Chromium,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "npm:playwright-core@1.65.1";

const CHROMIUM = "/usr/bin/chromium";

/** A browser as somebody has it: what it keeps goes when it is closed. */
export class Browser implements AsyncDisposable {
  static #chromium: Chromium | null = null;
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext) {
    this.#context = context;
  }

  /**
   * Starts the program, which all tests of a file share: that takes the most
   * time. Each has a browser of its own in it.
   *
   * @throws {Error} It is not installed.
   */
  static async launch(): Promise<void> {
    requireChromium();
    Browser.#chromium = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // A name that leads to this computer, as whoever owns it can make it.
        "--host-resolver-rules=MAP rebind.example 127.0.0.1",
      ],
    });
  }

  /** Ends the program. */
  static async quit(): Promise<void> {
    await Browser.#chromium?.close();
  }

  /**
   * Starts one in the program that was launched.
   *
   * @param options How it differs from a plain one.
   */
  static async start(options: BrowserContextOptions = {}): Promise<Browser> {
    return new Browser(
      await Browser.#chromium!.newContext({
        viewport: { width: 1200, height: 900 },
        locale: "en-US",
        ...options,
      }),
    );
  }

  /** Opens a page from the disk, and keeps what it complains about. */
  async open(file: string): Promise<Opened> {
    const page = await this.#context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => {
      complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => requests.push(request.url()));
    const started = performance.now();
    await page.goto(`file://${file}`);
    const openedMs = performance.now() - started;
    return { page, complaints, requests, openedMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}

/** A page that was opened. */
export interface Opened {
  readonly page: Page;
  /** Whatever was written to the console, and errors nobody caught. */
  readonly complaints: readonly string[];
  /** All that was asked for, the page itself included. */
  readonly requests: readonly string[];
  /** Until it was loaded, in ms. */
  readonly openedMs: number;
}

function requireChromium(): void {
  try {
    Deno.statSync(CHROMIUM);
  } catch (error) {
    throw new Error(
      `These tests need ${CHROMIUM}. Install it: apt-get install chromium`,
      { cause: error },
    );
  }
}
