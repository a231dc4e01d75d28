// A server, a browser, and the devices of the people who play.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { startServer, until } from "../support.mjs";

export const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const SWITCHES = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const PHONE = { width: 360, height: 740 };
export const LAPTOP = { width: 1280, height: 800 };
export const PROJECTOR = { width: 1920, height: 1080 };
/** The longest that anything on a page is waited for. */
export const PATIENCE = 20_000;

/**
 * What a page may complain of without being wrong: the browser's own words about a network that was cut off on purpose.
 */
const OF_THE_NETWORK = /Failed to load resource|WebSocket connection to|net::ERR_|ERR_INTERNET_DISCONNECTED/;

export class Scene {
  /** @type {string[]} */
  #complaints = [];

  /** @param {import("node:test").TestContext} t @param {{args?: string[], env?: Record<string, string | undefined>}} [options] */
  static async set(t, options) {
    const scene = new Scene();
    // What was begun last ends first: pages before their server.
    const ends = [];
    t.after(async () => {
      for (const end of ends.reverse()) await end();
      assert.deepEqual(scene.#complaints, []);
    });
    scene.server = await startServer(options);
    ends.push(() => scene.server.stop());
    scene.browser = await chromium.launch({ executablePath: BROWSER, args: SWITCHES });
    ends.push(() => scene.browser.close());
    return scene;
  }

  /**
   * A device of its own, with a page on it.
   * @param {object} [options]
   * @param {{width: number, height: number}} [options.size]
   * @param {string} [options.path] where it is opened
   * @param {string} [options.base] of another server than the scene's
   */
  async device({ size = PHONE, path = "/", base = this.server.base, ...more } = {}) {
    const isPhone = size === PHONE;
    const context = await this.browser.newContext({
      viewport: size, locale: "en-GB", baseURL: base, hasTouch: isPhone, acceptDownloads: true, reducedMotion: "reduce", ...more,
    });
    context.setDefaultTimeout(PATIENCE);
    const page = await this.watched(context);
    await page.goto(path);
    return page;
  }

  /** A page of a device whose complaints fail the test. @param {import("playwright-core").BrowserContext} context */
  async watched(context) {
    const page = await context.newPage();
    page.on("pageerror", (error) => this.#complaints.push(`${page.url()}: ${error.stack ?? error}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !OF_THE_NETWORK.test(message.text())) this.#complaints.push(`${page.url()}: ${message.text()}`);
    });
    return page;
  }

  /**
   * Asks the API, beside the pages.
   * @param {string} path @param {{body?: unknown, token?: string, base?: string}} [options]
   */
  async api(path, { body, token, base = this.server.base } = {}) {
    const headers = { ...(body ? { "Content-Type": "application/json" } : {}), ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const reply = await fetch(base + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    assert.ok(reply.ok, `${path}: ${reply.status}`);
    return reply.json();
  }
}

/** The seats and games that a page's browser holds. @param {import("playwright-core").Page} page */
export const held = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("rejoin.seats") ?? "[]"));

/** Opens a room from the setup page. @param {import("playwright-core").Page} host @param {(host: import("playwright-core").Page) => Promise<void>} [choose] */
export async function openRoom(host, choose) {
  await host.goto("/host");
  await host.getByRole("radio", { name: /Space/ }).check();
  await choose?.(host);
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.waitForURL(/\/host\/.+/);
  const code = (await host.locator(".stage-code").innerText()).replace(/\s/g, "");
  return { code, roomId: new URL(host.url()).pathname.split("/")[2], token: (await held(host))[0].token };
}

/** Joins by the code, as somebody would who typed it. @param {import("playwright-core").Page} phone @param {string} code @param {string} name */
export async function join(phone, code, name) {
  await phone.goto("/");
  await phone.getByLabel("Code of the game").fill(code);
  await phone.waitForURL(/\/j\//);
  await phone.getByLabel("Your name").fill(name);
  await phone.getByRole("button", { name: "I’m in" }).click();
  await phone.getByRole("heading", { name: `You’re in, ${name}` }).waitFor();
}

/** The host's one next step. @param {import("playwright-core").Page} host @param {string | RegExp} name what it must be called now */
export async function step(host, name) {
  const next = host.locator("[data-next]");
  await until(`the next step is ${name}`, PATIENCE, async () => {
    const text = await next.innerText();
    const isIt = typeof name === "string" ? text.startsWith(name) : name.test(text);
    return isIt && (await next.getAttribute("aria-disabled")) !== "true";
  });
  // Two presses in a moment count as one.
  await host.waitForTimeout(450);
  await next.click();
}

/** The tiles of a question that can be chosen. @param {import("playwright-core").Page} phone */
export const tiles = (phone) => phone.getByRole("group", { name: "Answers" }).getByRole("button");

/** Chooses an option once the question is open; the last answer of all ends the question. @param {import("playwright-core").Page} phone @param {number} index */
export async function choose(phone, index) {
  await tiles(phone).first().waitFor();
  // Some questions have two options only.
  await tiles(phone).nth(index % (await tiles(phone).count())).click();
  await isTaken(phone);
}

/** Waits until a phone shows that its answer was taken. @param {import("playwright-core").Page} phone */
export const isTaken = (phone) => phone.locator(".answer-status").getByText("Your answer is in.").or(phone.locator(".revealed")).first().waitFor();

/** The points that a phone shows. @param {import("playwright-core").Page} phone */
export const points = async (phone) => Number((await phone.locator(".player-points").innerText()).replace(/\D/g, ""));

/** No pause before a question, and more time than any test needs. */
export const QUICK = { quizId: "space", count: 3, readyMs: 0, timeLimitMs: 60_000 };

/**
 * A room with its stage on a laptop, and players on phones, who have come in by its code.
 * @param {Scene} scene @param {string[]} names
 * @param {{settings?: object, bases?: string[], base?: string}} [options] `bases`: by which server or network each phone comes
 */
export async function gathered(scene, names, { settings = QUICK, bases = [], base = scene.server.base } = {}) {
  const { roomId, token, joinCode } = await scene.api("/api/rooms", { body: settings, base });
  const host = await scene.device({ size: LAPTOP, path: `/host/${roomId}#token=${token}`, base });
  const phones = [];
  for (const [at, name] of names.entries()) {
    const phone = await scene.device({ base: bases[at] ?? base });
    await join(phone, joinCode, name);
    phones.push(phone);
  }
  return { roomId, token, joinCode, host, phones };
}

/** Waits for the question with a number, from 1 on. @param {import("playwright-core").Page} phone @param {number} number */
export async function asked(phone, number) {
  await phone.locator(".player-bar").getByText(new RegExp(`^${number} of `)).waitFor();
  await phone.locator(".asked").waitFor();
}

/** Waits until a phone shows what came of a question. @param {import("playwright-core").Page} phone */
export const revealed = (phone) => phone.locator(".revealed").waitFor();

/**
 * Every page shows what the API says: each phone its own points and place, the stage all of them.
 * @param {Scene} scene @param {Awaited<ReturnType<typeof gathered>>} table @param {string} [base]
 */
export async function scoresAgree(scene, { roomId, token, host, phones }, base) {
  await host.locator(".stage-end").waitFor();
  const { ranking } = await scene.api(`/api/rooms/${roomId}`, { token, base });
  assert.equal(ranking.length, phones.length);
  const stage = await host.locator(".stage-end").innerText();
  for (const phone of phones) {
    await phone.locator(".final").waitFor();
    const [{ name }] = await held(phone);
    const { total } = ranking.find((/** @type {any} */ seat) => seat.name === name);
    assert.equal(await points(phone), total, name);
    assert.ok(stage.includes(name), `${name} in ${stage}`);
    assert.ok(stage.includes(total.toLocaleString("en-GB")), `${total} in ${stage}`);
  }
  return ranking;
}
