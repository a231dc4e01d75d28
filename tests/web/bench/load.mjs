// How long a phone waits: a processor four times slower than this one, and a slow 4G network (400 ms of round trip as
// Chromium counts it for 150 ms on the air, 1.6 Mbit/s). Times are the browser's own.
//   node tests/web/bench/load.mjs [runs]
import { chromium } from "playwright-core";
import { Network, startServer } from "../support.mjs";
import { BROWSER, PHONE, QUICK, SWITCHES } from "../pages/scene.mjs";

const RUNS = Number(process.argv[2] ?? 5);
const PROCESSOR = 4;
const SLOW_4G = { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8 };

const server = await startServer();
const browser = await chromium.launch({ executablePath: BROWSER, args: SWITCHES });

/** A phone that has never been here. */
async function phone() {
  const context = await browser.newContext({ viewport: PHONE, baseURL: server.base, hasTouch: true, locale: "en-GB" });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", SLOW_4G);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: PROCESSOR });
  return page;
}

/** Ms since the page was asked for. @param {import("playwright-core").Page} page */
const since = (page) => page.evaluate(() => Math.round(performance.now()));
/** @param {import("playwright-core").Page} page */
const firstPaint = (page) => page.evaluate(() => Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN));
/** Ms until something is there, by the page's own clock. @param {import("playwright-core").Page} page @param {string} selector */
const there = async (page, selector) => {
  await page.waitForSelector(selector);
  return since(page);
};

/** Each figure's values. @type {Record<string, number[]>} */
const figures = {};
const note = (/** @type {string} */ name, /** @type {number} */ value) => void (figures[name] ??= []).push(value);
const ask = async (/** @type {string} */ path, /** @type {any} */ body, /** @type {string} */ token = "") => {
  const reply = await fetch(server.base + path, { method: "POST", headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
  return reply.json();
};

for (let run = 0; run < RUNS; run++) {
  const landing = await phone();
  await landing.goto("/", { waitUntil: "commit" });
  note("landing page: the field for the code", await there(landing, ".code-form input"));
  note("landing page: first paint", await firstPaint(landing));
  await landing.context().close();

  // Comes by the QR code while a question is open, and joins with the name that is offered.
  const { roomId, joinCode, token } = await ask("/api/rooms", { ...QUICK, lateJoin: true });
  await ask("/api/rooms/join", { joinCode, name: "Ada" });
  await ask(`/api/rooms/${roomId}/start`, { at: 0 }, token);
  const player = await phone();
  await player.goto(`/j/${joinCode}`, { waitUntil: "commit" });
  note("from the QR code: the name's field", await there(player, "input.name"));
  note("from the QR code: first paint", await firstPaint(player));
  const pressed = await since(player);
  await player.click("form .button.wide");
  note("after “I’m in”: the question", (await there(player, ".question-text")) - pressed);
  // The second page of a browser that has been here.
  await player.goto("/", { waitUntil: "commit" });
  note("landing page again: the field for the code", await there(player, ".code-form input"));
  await player.context().close();

  // Sleeps over a connection that dies meanwhile; how long the way back takes, on this machine's own network.
  const wifi = await new Network(server).start();
  const next = await ask("/api/rooms", QUICK);
  const seat = await ask("/api/rooms/join", { joinCode: next.joinCode, name: "Ada" });
  const sleeper = await (await browser.newContext({ viewport: PHONE, baseURL: wifi.base, hasTouch: true })).newPage();
  await sleeper.addInitScript((/** @type {string} */ seats) => localStorage.setItem("rejoin.seats", seats), JSON.stringify([{ kind: "room", role: "player", roomId: next.roomId, token: seat.token, name: "Ada" }]));
  await sleeper.goto(`/room/${next.roomId}`);
  await sleeper.waitForSelector(".lobby");
  wifi.freeze();
  await ask(`/api/rooms/${next.roomId}/start`, { at: 0 }, next.token);
  const woke = await since(sleeper);
  await sleeper.evaluate(() => void document.dispatchEvent(new Event("visibilitychange")));
  note("waking over a dead connection: the question", (await there(sleeper, ".question-text")) - woke);
  await sleeper.context().close();
  wifi.stop();

  const solo = await phone();
  await solo.goto("/solo", { waitUntil: "commit" });
  note("solo: the banks", await there(solo, ".bank"));
  const started = await since(solo);
  await solo.click("form .button.wide");
  note("after “Start”: the first question", (await there(solo, ".question-text")) - started);
  await solo.context().close();
}
await browser.close();
await server.stop();
for (const [name, values] of Object.entries(figures)) {
  const sorted = values.sort((one, other) => one - other);
  console.log(`${name.padEnd(46)} median ${String(sorted[Math.floor(sorted.length / 2)]).padStart(5)} ms   ${sorted[0]} to ${sorted.at(-1)}`);
}
