// A server that opens rooms only for those who have its key, and a host who has it.
import assert from "node:assert/strict";
import test from "node:test";
import { held, join, LAPTOP, openRoom, Scene, step, tiles } from "./scene.mjs";

const KEY = "school:0123456789abcdef0123";
const [, SECRET] = KEY.split(":");
const OTHER = "another-key-of-16-signs";

/** @param {import("node:test").TestContext} t */
const locked = (t) => Scene.set(t, { env: { REJOIN_API_KEYS: KEY } });

/** @param {import("playwright-core").Page} host @param {string} key */
async function give(host, key) {
  const checked = host.waitForResponse(/\/api\/rooms\?/);
  await host.getByLabel("API key").fill(key);
  await host.getByRole("button", { name: "Use it" }).click();
  if ((await checked).ok()) await host.getByLabel("API key").waitFor({ state: "detached" });
}

/** A game of one question to its end. @param {import("playwright-core").Page} host @param {import("playwright-core").Page} phone @param {number} count */
async function play(host, phone, count) {
  await step(host, "Start");
  for (let n = 1; n <= count; n++) {
    await tiles(phone).first().click();
    if (n < count) await step(host, "Ranking");
    await step(host, n < count ? "Next question" : "To the podium");
  }
  await host.locator(".stage-end").waitFor();
}

test("the key is asked for once, a wrong one gets a clear word, and the right one is kept", async (t) => {
  const scene = await locked(t);
  const host = await scene.device({ size: LAPTOP, path: "/host" });
  await give(host, OTHER);
  await host.getByRole("alert").filter({ hasText: "The server doesn’t know this key." }).waitFor();
  assert.equal(await host.evaluate(() => localStorage.getItem("rejoin.apiKey")), null, "a wrong key is not kept");

  await give(host, SECRET);
  await host.getByText("An API key is kept in this browser.").waitFor();
  await host.reload();
  await host.getByText("An API key is kept in this browser.").waitFor();
  assert.equal(await host.getByLabel("API key").count(), 0, "it is not asked for again");
  const { roomId } = await openRoom(host);
  const { rooms } = await scene.api("/api/rooms", { token: SECRET });
  assert.deepEqual(rooms.map((/** @type {any} */ room) => room.roomId), [roomId], "the room is the key's");
  assert.ok(!host.url().includes(SECRET));
});

test("whoever tries without a key is told where it goes, and loses nothing", async (t) => {
  const scene = await locked(t);
  const host = await scene.device({ size: LAPTOP, path: "/host" });
  await host.getByRole("radio", { name: /Space/ }).check();
  await host.getByLabel("Category").selectOption("Solar System");
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.getByRole("alert").filter({ hasText: "API key" }).waitFor();
  await give(host, SECRET);
  assert.equal(await host.getByLabel("Category").inputValue(), "Solar System");
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.waitForURL(/\/host\/.+/);
});

test("a bank is looked at, and a file added to a quiz, as soon as the key is there", async (t) => {
  const scene = await locked(t);
  const host = await scene.device({ size: LAPTOP, path: "/host#bank=space" });
  await give(host, SECRET);
  await host.getByRole("heading", { name: "Space" }).waitFor();
  await host.getByRole("button", { name: "Copy and edit" }).click();
  await host.waitForURL(/#quiz=/);

  await host.evaluate(() => localStorage.removeItem("rejoin.apiKey"));
  await host.reload();
  await host.getByText("Add questions from a file").click();
  await host.locator("input[type=file]").setInputFiles({ name: "more.csv", mimeType: "text/csv", buffer: Buffer.from("question,correct,option1\nOne more?,yes,no\n") });
  await host.getByRole("alert").filter({ hasText: "API key" }).waitFor();
  await give(host, SECRET);
  await host.locator("input[type=file]").setInputFiles({ name: "more.csv", mimeType: "text/csv", buffer: Buffer.from("question,correct,option1\nOne more?,yes,no\n") });
  await host.getByRole("heading", { name: "81 questions" }).waitFor();
});

test("a key that is good no more is asked for anew", async (t) => {
  const scene = await locked(t);
  const host = await scene.device({ size: LAPTOP, path: "/host" });
  await host.evaluate((key) => localStorage.setItem("rejoin.apiKey", key), OTHER);
  await host.reload();
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.getByLabel("The API key is not valid (any more)").fill(SECRET);
  await host.getByRole("button", { name: "Use it" }).click();
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.waitForURL(/\/host\/.+/);
});

test("a bank and own questions are played again, and the player comes along", async (t) => {
  const scene = await locked(t);
  const [host, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  await give(host, SECRET);
  await host.getByText("An API key is kept in this browser.").waitFor();
  const first = await openRoom(host, async () => {
    await host.getByLabel("Questions", { exact: true }).selectOption("5");
    await quick(host);
  });
  await join(phone, first.code, "Ada");
  await play(host, phone, 5);
  await step(host, "Play again with everyone");
  await follows(host, phone, first.roomId);

  const own = await openOwn(host);
  await join(phone, own.joinCode, "Ada");
  await play(host, phone, 2);
  await step(host, "Play again with everyone");
  const again = await follows(host, phone, own.roomId);
  await play(host, phone, 2);
  const { questions } = await scene.api(`/api/rooms/${again}/results`, { token: own.token });
  assert.deepEqual(questions.map((/** @type {any} */ { text }) => text), ["First?", "Second?"]);
});

test("own questions are played again although the key is another by now", async (t) => {
  const scene = await Scene.set(t, { env: { REJOIN_API_KEYS: `${KEY},club:${OTHER}`, REJOIN_KEYS_SCOPED: "true" } });
  const [host, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  await give(host, SECRET);
  const own = await openOwn(host);
  await join(phone, own.joinCode, "Ada");
  await play(host, phone, 2);
  for (const key of [OTHER, "no-key-of-this-server"]) {
    const before = new URL(host.url()).pathname.split("/")[2];
    await host.evaluate((key) => localStorage.setItem("rejoin.apiKey", key), key);
    await host.reload();
    await step(host, "Play again with everyone");
    await follows(host, phone, before);
    await play(host, phone, 2);
  }
});

test("the host's laptop is gone in mid-question: another one that has the key takes the game over", async (t) => {
  const scene = await locked(t);
  const [host, laptop, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  await give(host, SECRET);
  const { code } = await openRoom(host, quick);
  await join(phone, code, "Ada");
  await step(host, "Start");
  await tiles(phone).first().waitFor();
  await host.context().close();

  await give(laptop, SECRET);
  await laptop.getByRole("link", { name: new RegExp(`Space.*${code}.*1 player.*question 1 of.*Take over`) }).click();
  await laptop.locator(".stage-question").waitFor();
  await tiles(phone).first().click();
  await step(laptop, "Ranking");
  await step(laptop, "Next question");
  await tiles(phone).first().click();
  await laptop.locator(".stage-reveal").waitFor();
  await laptop.goto("/host");
  await laptop.getByRole("link", { name: /You host.*question 2 of/ }).waitFor();
  assert.equal(await laptop.getByRole("link", { name: /Take over/ }).count(), 0, "it is this browser's own now");
});

/** Opens a room with two questions from a file. @param {import("playwright-core").Page} host */
async function openOwn(host) {
  await host.goto("/host");
  const file = "question,correct,wrong1\nFirst?,yes,no\nSecond?,yes,no\n";
  await host.locator("input[type=file]").setInputFiles({ name: "mine.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
  await host.getByRole("button", { name: "Play it" }).click();
  await quick(host);
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.waitForURL(/\/host\/.+/);
  return (await held(host))[0];
}

/** @param {import("playwright-core").Page} host */
async function quick(host) {
  await host.getByText("More settings").click();
  await host.getByLabel("Reading time before answers open").selectOption("0");
}

/** Host and phone are in the room that follows. @param {import("playwright-core").Page} host @param {import("playwright-core").Page} phone @param {string} before */
async function follows(host, phone, before) {
  await host.waitForURL((url) => url.pathname.startsWith("/host/") && !url.pathname.endsWith(before));
  const roomId = new URL(host.url()).pathname.split("/")[2];
  await phone.waitForURL(`**/room/${roomId}`);
  await host.getByRole("heading", { name: "1 is here" }).waitFor();
  return roomId;
}
