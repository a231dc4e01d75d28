// Thirty pages in one room for twenty questions: what the server's processor has to do, and what a page's memory comes to.
// Pages share this machine with the server.
//   node tests/web/bench/room.mjs [pages] [questions]
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import { startServer } from "../support.mjs";
import { asked, BROWSER, choose, LAPTOP, PHONE, revealed, step, SWITCHES } from "../pages/scene.mjs";

const PAGES = Number(process.argv[2] ?? 30);
const QUESTIONS = Number(process.argv[3] ?? 20);
/** Of the kernel's clock, a second. */
const TICKS = 100;

const server = await startServer();
const browser = await chromium.launch({ executablePath: BROWSER, args: SWITCHES });

/** @param {object} options @param {string} path @param {any} [seat] what the browser holds */
async function open(options, path, seat) {
  const context = await browser.newContext({ baseURL: server.base, locale: "en-GB", reducedMotion: "reduce", ...options });
  if (seat) await context.addInitScript((/** @type {string} */ seats) => localStorage.setItem("rejoin.seats", seats), JSON.stringify([seat]));
  const page = await context.newPage();
  await page.goto(path);
  return page;
}
const ask = async (/** @type {string} */ path, /** @type {any} */ body) => {
  const reply = await fetch(server.base + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
  return reply.json();
};
/** Seconds of a processor that the server has used. */
async function used() {
  const stat = await readFile(`/proc/${server.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
/** MB of a page's heap, once what nothing uses is gone. @param {import("playwright-core").Page} page */
async function heap(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  const { nodes } = await devtools.send("Memory.getDOMCounters");
  await devtools.detach();
  return { mb: usedSize / 1e6, nodes };
}
const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const { roomId, token, joinCode } = await ask("/api/rooms", { quizId: "space", count: QUESTIONS, readyMs: 0, timeLimitMs: 120_000 });
const host = await open({ viewport: LAPTOP }, `/host/${roomId}#token=${token}`);
const phones = [];
for (let at = 0; at < PAGES; at++) {
  const seat = await ask("/api/rooms/join", { joinCode, name: `Player ${at + 1}` });
  phones.push(await open({ viewport: PHONE, hasTouch: true }, `/room/${roomId}`, { kind: "room", role: "player", roomId, token: seat.token, name: `Player ${at + 1}`, joinCode }));
}
for (const phone of phones) await phone.locator(".lobby").waitFor();

const [cpu, begun] = [await used(), performance.now()];
for (let n = 1; n <= QUESTIONS; n++) {
  if (n === 1) await step(host, "Start");
  for (const [at, phone] of phones.entries()) {
    await asked(phone, n);
    await choose(phone, at % 2);
  }
  for (const phone of phones) await revealed(phone);
  if ([1, 2, 5].includes(n) || n % 10 === 0 || n === QUESTIONS) {
    const heaps = [];
    for (const phone of phones.slice(0, 5)) heaps.push(await heap(phone));
    const stage = await heap(host);
    const line = [`after question ${String(n).padStart(2)}`, `phone ${mean(heaps.map(({ mb }) => mb)).toFixed(2)} MB, ${Math.round(mean(heaps.map(({ nodes }) => nodes)))} nodes`, `stage ${stage.mb.toFixed(2)} MB, ${stage.nodes} nodes`];
    console.log(line.join("   "));
  }
  if (n < QUESTIONS) await step(host, "Ranking");
  await step(host, n < QUESTIONS ? "Next question" : "To the podium");
}
for (const phone of phones) await phone.locator(".final").waitFor();
const seconds = (performance.now() - begun) / 1000;
const cpuSeconds = (await used()) - cpu;
console.log(`${PAGES} pages and a stage, ${QUESTIONS} questions, ${seconds.toFixed(1)} s: the server used ${cpuSeconds.toFixed(2)} s of a processor, ${((1000 * cpuSeconds) / QUESTIONS).toFixed(0)} ms a question`);
await browser.close();
await server.stop();
