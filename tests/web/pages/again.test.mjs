// "Play again with everyone": another room, the same people, and questions drawn as before. And the results of a game as a file.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { until } from "../support.mjs";
import { held, join, LAPTOP, openRoom, PATIENCE, PHONE, Scene, step, tiles } from "./scene.mjs";

const NAMES = ["Ada", "Bilal", "Chiara"];
const BANK = new URL("../../../data/quizzes/space.json", import.meta.url);
/** Five of fifteen: two draws are hardly ever alike. */
const CHOICE = { category: "Solar System", difficulty: "", count: "5" };

/** @param {import("playwright-core").Page} host @param {Partial<typeof CHOICE>} [choice] */
async function choose(host, { category, difficulty, count } = CHOICE) {
  if (category) await host.getByLabel("Category").selectOption(category);
  if (difficulty) await host.getByLabel("Difficulty").selectOption(difficulty);
  if (count) await host.getByLabel("Questions", { exact: true }).selectOption(count);
  await host.getByText("More settings").click();
  await host.getByLabel("Reading time before answers open").selectOption("0");
}

/** Plays to the podium; everybody takes the first tile. @param {import("playwright-core").Page} host @param {import("playwright-core").Page[]} phones @param {number} count */
async function play(host, phones, count) {
  await step(host, "Start");
  for (let n = 1; n <= count; n++) {
    for (const phone of phones) await tiles(phone).first().click();
    if (n < count) await step(host, "Ranking");
    await step(host, n < count ? "Next question" : "To the podium");
  }
  await host.locator(".stage-end").waitFor();
}

/** Goes on in the next room. @param {import("playwright-core").Page} host @param {import("playwright-core").Page[]} phones */
async function again(host, phones) {
  const before = host.url();
  await step(host, "Play again with everyone");
  await host.waitForURL((url) => url.href !== before && url.pathname.startsWith("/host/"));
  const roomId = new URL(host.url()).pathname.split("/")[2];
  for (const phone of phones) await phone.waitForURL(`**/room/${roomId}`);
  return roomId;
}

/** @param {Scene} scene @param {string} roomId @param {string} token */
const results = (scene, roomId, token) => scene.api(`/api/rooms/${roomId}/results`, { token });
const ids = (/** @type {any} */ { questions }) => questions.map((/** @type {any} */ { questionId }) => questionId);

test("three phones follow by themselves, scores start anew, and the same choice is drawn anew", async (t) => {
  const scene = await Scene.set(t);
  const host = await scene.device({ size: LAPTOP, path: "/host" });
  const phones = await Promise.all(NAMES.map(() => scene.device()));
  const first = await openRoom(host, choose);
  for (const [at, phone] of phones.entries()) await join(phone, first.code, NAMES[at]);
  await play(host, phones, 5);

  const roomId = await again(host, phones);
  await until("all three are connected there", PATIENCE, async () => {
    const shown = await host.getByRole("list", { name: "Players" }).getByRole("listitem").allInnerTexts();
    return shown.sort().join() === NAMES.join();
  });
  const lobby = await scene.api(`/api/rooms/${roomId}`, { token: first.token });
  assert.deepEqual(lobby.seats.map((/** @type {any} */ { total }) => total).filter((/** @type {any} */ total) => total !== null), [0, 0, 0]);
  await play(host, phones, 5);

  const bank = JSON.parse(await readFile(BANK, "utf8"));
  const planets = new Set(bank.questions.filter((/** @type {any} */ { category }) => category === CHOICE.category).map((/** @type {any} */ one) => one.questionId));
  const [one, two] = [await results(scene, first.roomId, first.token), await results(scene, roomId, first.token)];
  assert.equal(two.questions.length, 5);
  assert.ok(ids(two).every((/** @type {string} */ id) => planets.has(id)), "of the same category");
  assert.notDeepEqual(ids(two), ids(one), "drawn anew");
  for (const [at, phone] of phones.entries()) {
    const seat = two.seats.find((/** @type {any} */ { name }) => name === NAMES[at]);
    await until(`${NAMES[at]}'s phone shows ${seat.total}`, PATIENCE, async () => (await phone.locator("main").innerText()).includes(seat.total.toLocaleString("en-GB")));
  }
  const third = await again(host, phones);
  const { count, category } = (await held(host)).find((/** @type {any} */ seat) => seat.roomId === third).selection;
  assert.deepEqual([count, category], [5, CHOICE.category], "and so on");
  await host.goBack();
  assert.ok(!/\/host\/./.test(host.url()), "no way back into a room that is over");
});

test("own questions are drawn anew from the whole quiz, also after a game that was ended early", async (t) => {
  const scene = await Scene.set(t);
  const [host, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  const rows = Array.from({ length: 30 }, (_, at) => `Number ${at}?,yes,no\n`);
  await host.locator("input[type=file]").setInputFiles({ name: "numbers.csv", mimeType: "text/csv", buffer: Buffer.from(`question,correct,wrong1\n${rows.join("")}`) });
  await host.getByRole("button", { name: "Play it" }).click();
  await choose(host, { count: "20" });
  await host.getByLabel("Order of questions").selectOption("shuffle");
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.waitForURL(/\/host\/.+/);
  const [{ roomId, token, joinCode }] = await held(host);
  await join(phone, joinCode, "Ada");
  await step(host, "Start");
  await tiles(phone).first().click();
  await step(host, "Ranking");
  await host.keyboard.press("m");
  await host.getByRole("button", { name: "End the game" }).click();
  await host.getByRole("button", { name: "End it" }).click();

  const next = await again(host, [phone]);
  const room = await scene.api(`/api/rooms/${next}`, { token });
  assert.equal(room.questionCount, 20, "as many as before");
  await step(host, "Start");
  await tiles(phone).first().click();
  await step(host, "Ranking");
  const [before, now] = [await results(scene, roomId, token), await results(scene, next, token)];
  assert.equal(before.questions.length, 1);
  assert.match(now.questions[0].text, /^Number \d+\?$/);
});

test("an own quiz that is gone from the browser is played again as it was", async (t) => {
  const scene = await Scene.set(t);
  const [host, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  await host.locator("input[type=file]").setInputFiles({ name: "two.csv", mimeType: "text/csv", buffer: Buffer.from("question,correct,wrong1\nFirst?,yes,no\nSecond?,yes,no\n") });
  await host.getByRole("button", { name: "Play it" }).click();
  await choose(host, {});
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.waitForURL(/\/host\/.+/);
  const [{ token, joinCode }] = await held(host);
  await join(phone, joinCode, "Ada");
  await play(host, [phone], 2);
  await host.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("rejoin.quiz.")).forEach((key) => localStorage.removeItem(key)));
  await host.reload();
  const next = await again(host, [phone]);
  await play(host, [phone], 2);
  assert.deepEqual((await results(scene, next, token)).questions.map((/** @type {any} */ { text }) => text), ["First?", "Second?"]);
});

test("a phone as remote starts the next round with the same choice, and the stage follows", async (t) => {
  const scene = await Scene.set(t);
  const [host, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  const { code, roomId, token } = await openRoom(host, (page) => choose(page, { category: "", difficulty: "hard", count: "5" }));
  const qr = host.waitForRequest((request) => request.url().endsWith("/api/qr") && String(request.postData()).includes("#token="));
  await host.keyboard.press("r");
  await host.getByRole("button", { name: "Show the code" }).click();
  const { text } = (await qr).postDataJSON();
  await host.keyboard.press("Escape");
  const at = new URL(text);
  const remote = await scene.device({ size: PHONE, path: at.pathname + at.hash });
  await join(phone, code, "Ada");
  await remote.getByText("1 player", { exact: true }).waitFor();
  assert.equal(new URL(remote.url()).hash, "", "the secret is out of the address");
  await host.keyboard.press("Space");
  await tiles(phone).first().click();
  await remote.getByRole("button", { name: "Menu" }).click();
  await remote.getByRole("button", { name: "End the game" }).click();
  await remote.getByRole("button", { name: "End it" }).click();
  await step(remote, "Play again with everyone");
  await host.waitForURL((url) => !url.pathname.endsWith(roomId));
  const next = new URL(host.url()).pathname.split("/")[2];
  await phone.waitForURL(`**/room/${next}`);
  for (const page of [host, remote]) {
    const seat = (await held(page)).find((/** @type {any} */ one) => one.roomId === next);
    assert.deepEqual([seat.selection.difficulty, seat.selection.count], ["hard", 5]);
  }
  await step(remote, "Start");
  await tiles(phone).first().waitFor();
  const { question, questionCount } = await scene.api(`/api/rooms/${next}`, { token });
  assert.deepEqual([question.difficulty, questionCount], ["hard", 5]);
});

test("the results are one click away as CSV, which is the API's", async (t) => {
  const scene = await Scene.set(t);
  const host = await scene.device({ size: LAPTOP, path: "/host" });
  const phones = await Promise.all(NAMES.slice(0, 2).map(() => scene.device()));
  const { code, roomId, token } = await openRoom(host, choose);
  for (const [at, phone] of phones.entries()) await join(phone, code, ["Zoë; =1+1", "Bilal"][at]);
  await play(host, phones, 5);

  for (const [language, query] of [["en", ""], ["de", "&separator=semicolon"]]) {
    await host.evaluate((code) => localStorage.setItem("rejoin.language", code), language);
    await host.reload();
    const download = host.waitForEvent("download");
    await host.getByRole("button", { name: /CSV/ }).click();
    const file = await download;
    assert.equal(file.suggestedFilename(), "Space.csv");
    const reply = await fetch(`${scene.server.base}/api/rooms/${roomId}/results?format=csv${query}`, { headers: { Authorization: `Bearer ${token}` } });
    const [saved, asked] = [await readFile(await file.path()), Buffer.from(await reply.arrayBuffer())];
    assert.deepEqual(saved, asked, "byte by byte, with the mark by which spreadsheets know UTF-8");
    assert.ok(saved.toString().includes("Bilal"));
  }
});

test("a game that was taken over is called after its bank, and the results of own questions by the room's code", async (t) => {
  const scene = await Scene.set(t);
  const own = { kind: "choice", questionId: "q", text: "Yes?", options: [{ optionId: 1, text: "Yes" }, { optionId: 2, text: "No" }], correctOptionId: 1 };
  for (const [body, name] of /** @type {[object, (code: string) => string][]} */ ([[{ quizId: "space" }, () => "Space.csv"], [{ questions: [own] }, (code) => `rejoin-${code}.csv`]])) {
    const { roomId, token, seatId, joinCode } = await scene.api("/api/rooms", { body });
    const { seatCode } = await scene.api(`/api/rooms/${roomId}/seats/${seatId}/code`, { body: {}, token });
    const laptop = await scene.device({ size: LAPTOP, path: "/host" });
    await laptop.getByText("Go on with a game from another device").click();
    await laptop.getByLabel("Room code").fill(joinCode);
    await laptop.getByLabel("Seat code").fill(seatCode);
    await laptop.getByRole("button", { name: "Take over" }).click();
    if ("quizId" in body) await laptop.locator(".stage-aside").getByText(/^Space · \d+ questions$/).waitFor();
    await laptop.locator(".stage-foot").waitFor();
    await laptop.keyboard.press("m");
    await laptop.getByRole("button", { name: "End the game" }).click();
    await laptop.getByRole("button", { name: "End it" }).click();
    const saved = laptop.waitForEvent("download");
    await laptop.getByRole("button", { name: /CSV/ }).click();
    assert.equal((await saved).suggestedFilename(), name(joinCode));
  }
});

test("where the next room was deleted, old results stay, and another one is opened", async (t) => {
  const scene = await Scene.set(t);
  const [host, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  const { code, roomId, token } = await openRoom(host, (page) => choose(page, { count: "5" }));
  await join(phone, code, "Ada");
  await step(host, "Start");
  await tiles(phone).first().click();
  await phone.locator(".revealed").waitFor();
  await scene.api(`/api/rooms/${roomId}/finish`, { token, body: { at: (await scene.api(`/api/rooms/${roomId}`, { token })).phaseNumber } });
  await phone.locator(".final").waitFor();
  await phone.goto("/solo");
  await host.goto("/solo");
  const next = await scene.api(`/api/rooms/${roomId}/again`, { token, body: {} });
  await fetch(`${scene.server.base}/api/rooms/${next.roomId}`, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
  const looked = phone.waitForResponse((response) => response.url().endsWith(next.roomId));
  await phone.goto(`/room/${roomId}`);
  assert.ok((await looked).status() >= 400);
  await phone.locator(".final").waitFor();
  assert.equal((await held(phone))[0].roomId, roomId);
  await host.goto(`/host/${roomId}`);
  const other = await again(host, [phone]);
  assert.ok(![roomId, next.roomId].includes(other));
});
