// Every screen there is, one after the other, in real games: `look` is called with each.
import { Network, startServer, until } from "../support.mjs";
import { join, LAPTOP, PATIENCE, Scene, tiles } from "./scene.mjs";

/**
 * @import { Page } from "playwright-core"
 * @typedef {(page: Page, name: string) => Promise<void>} Look
 */

const options = (/** @type {string[]} */ ...texts) => texts.map((text, index) => ({ optionId: index + 1, text }));
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/** A question of each kind, and of each look that a choice has. */
const QUESTIONS = [
  { questionId: "two", text: "Is the Moon slowly moving away from the Earth?", options: options("Yes", "No"), correctOptionId: 1, explanation: "By about four centimetres a year." },
  { questionId: "four", text: "What does this print?\n<pre>for n in range(3):\n    print(n, end=' ')   # and so on, and so on, until it is done</pre>", options: options("<code>0 1 2</code>", "<code>1 2 3</code>", "<code>0 1 2 3</code>", "Nothing, since the loop never ends and what it would have printed stays where it is"), correctOptionId: 1 },
  { questionId: "twelve", text: "Which month has 28 days in some years and 29 in others?", options: options(...MONTHS), correctOptionId: 2 },
  { questionId: "multiple", kind: "multiple", text: "Which of these are primes?", options: options("2", "9", "11", "15"), correctOptionIds: [1, 3] },
  { questionId: "text", kind: "text", text: "What is the capital of Peru?", correctTexts: ["Lima"] },
  { questionId: "number", kind: "number", text: "How many legs has a spider?", correctNumber: 8 },
  { questionId: "order", kind: "order", text: "From small to large", options: options("Mouse", "Fox", "Horse", "Whale"), correctOrder: [1, 2, 3, 4] },
  { questionId: "poll", kind: "poll", text: "What shall we do next?", options: options("Another round", "A break", "Home") },
  { questionId: "words", kind: "poll", text: "How was it, in a word?", options: [] },
];
/** Long enough to be looked at by everybody. */
const SETTINGS = { questions: QUESTIONS, readyMs: 0, timeLimitMs: 120_000, awayMs: 600_000 };

/** A room, moved and joined over HTTP. @param {Scene} scene @param {object} [settings] */
async function openRoom(scene, settings = {}) {
  const { roomId, token, joinCode } = await scene.api("/api/rooms", { body: { ...SETTINGS, ...settings } });
  const path = `/api/rooms/${roomId}`;
  return {
    roomId, token, joinCode,
    stage: `/host/${roomId}#token=${token}&title=All%20kinds`,
    /** @param {string} kind @param {object} [extra] */
    async move(kind, extra = {}) {
      const { phaseNumber } = await scene.api(path, { token });
      return scene.api(`${path}/${kind}`, { body: { at: phaseNumber, ...extra }, token });
    },
    /** Somebody who answers when told to. @param {string} name */
    async player(name) {
      const seat = await scene.api("/api/rooms/join", { body: { joinCode, name } });
      return { ...seat, answer: (/** @type {object} */ body) => scene.api(`${path}/answer`, { body, token: seat.token }) };
    },
  };
}

/** @param {Scene} scene @param {Look} look */
export async function landing(scene, look) {
  const page = await scene.device();
  await page.getByRole("heading", { name: "Join a game" }).waitFor();
  await look(page, "landing");
  await page.getByLabel("Code of the game").fill("0");
  await page.getByRole("alert").waitFor();
  await look(page, "landing-wrong-sign");
  await join(page, (await openRoom(scene)).joinCode, "Ada");
  await page.goto("/");
  await page.getByText("Back in").waitFor();
  await look(page, "landing-go-on");
  await page.evaluate(() => {
    history.pushState(null, "", "/nowhere");
    dispatchEvent(new PopStateEvent("popstate"));
  });
  await page.getByRole("heading", { name: "Nothing here" }).waitFor();
  await look(page, "lost-address");
  await page.goto(`/room/${crypto.randomUUID()}`);
  await page.getByRole("heading", { name: "No seat here" }).waitFor();
  await look(page, "no-seat");
}

/** @param {Scene} scene @param {Look} look */
export async function joining(scene, look) {
  const room = await openRoom(scene);
  await room.player("Ada");
  const page = await scene.device({ path: `/j/${room.joinCode}` });
  const name = page.getByLabel("Your name");
  await name.waitFor();
  await look(page, "join-name");
  await name.fill("Ada");
  await page.getByRole("button", { name: "I’m in" }).click();
  await page.getByText("has this name already").waitFor();
  await look(page, "join-name-taken");
  await page.getByRole("button", { name: "I have a seat code" }).click();
  await page.getByLabel("Seat code").waitFor();
  await look(page, "join-seat-code");
  const other = await scene.device({ path: `/j/${room.joinCode}#seat=${"A".repeat(16)}` });
  await other.getByRole("heading", { name: "used up" }).waitFor();
  await look(other, "join-seat-code-used-up");
  await join(page, room.joinCode, "Bo");
  await page.goto(`/j/${room.joinCode}`);
  await page.getByRole("heading", { name: "Welcome back, Bo" }).waitFor();
  await look(page, "join-held");
  await room.move("lock", { locked: true });
  const late = await scene.device({ path: `/j/${room.joinCode}` });
  await late.getByRole("button", { name: "I’m in" }).click();
  await late.getByRole("heading", { name: "The door is closed" }).waitFor();
  await look(late, "join-refused");
  await late.goto("/j/ZZZZZZ");
  await late.getByRole("button", { name: "I’m in" }).click();
  await late.getByRole("heading", { name: "No game with this code" }).waitFor();
  await look(late, "join-unknown-code");
}

/** Before the first question opens, on phone, stage and remote. @param {Scene} scene @param {Look} look */
export async function waiting(scene, look) {
  const room = await openRoom(scene, { readyMs: 60_000 });
  const stage = await scene.device({ size: LAPTOP, path: room.stage });
  const remote = await scene.device({ path: room.stage });
  await stage.locator(".qr img").waitFor();
  await remote.getByRole("heading", { name: "Nobody is here yet" }).waitFor();
  await look(stage, "stage-lobby-empty");
  const phone = await scene.device();
  await join(phone, room.joinCode, "Ada");
  for (const name of ["Ben", "Maximiliane von und zu Hohenstein", "Chiara"]) await room.player(name.slice(0, 32));
  await stage.getByText("4 are here").first().waitFor();
  await phone.getByText("4 are here").waitFor();
  await look(phone, "lobby");
  await look(stage, "stage-lobby");
  await look(remote, "remote-lobby");

  await phone.getByRole("button", { name: "Menu" }).click();
  await look(phone, "menu");
  await phone.getByRole("button", { name: "Go on with another device" }).click();
  await phone.locator(".qr img").waitFor();
  await look(phone, "menu-seat-code");
  await phone.keyboard.press("Escape");
  await phone.getByRole("button", { name: "Menu" }).click();
  await phone.getByRole("button", { name: "Leave the game" }).click();
  await look(phone, "menu-leave");
  await phone.keyboard.press("Escape");
  await remote.getByRole("button", { name: "Menu" }).click();
  await look(remote, "remote-menu");
  await remote.keyboard.press("Escape");
  await dialogs(stage, look);

  await room.move("start");
  await phone.locator(".ready").waitFor();
  await stage.locator(".is-ready").waitFor();
  await remote.locator(".remote-question").waitFor();
  await look(phone, "ready");
  await look(stage, "stage-ready");
  await look(remote, "remote-ready");
}

/** @param {Page} stage @param {Look} look */
async function dialogs(stage, look) {
  const shown = async (/** @type {string} */ name) => {
    await stage.locator("dialog[open]").waitFor();
    await look(stage, `stage-${name}`);
    await stage.keyboard.press("Escape");
    await stage.locator("dialog").waitFor({ state: "detached" });
  };
  for (const [key, name] of [["s", "seats"], ["r", "remote"], ["m", "menu"], ["?", "keys"]]) {
    await stage.keyboard.press(key);
    if (key === "r") {
      await stage.getByRole("button", { name: "Show the code" }).click();
      await stage.locator("dialog .qr img").waitFor();
    }
    if (key === "s") await stage.getByRole("button", { name: "Kick Ben" }).click();
    await shown(name);
  }
  for (const [item, name] of [["End the game", "finish"], ["New room code", "new-code"], ["Continue on another computer", "move-away"]]) {
    await stage.keyboard.press("m");
    await stage.getByRole("button", { name: item }).click();
    if (name === "move-away") await until("there is a seat code", PATIENCE, async () => !(await stage.locator(".host-codes").innerText()).includes("…"));
    await shown(name);
  }
}

/** How each kind of question is answered on a phone. @type {Record<string, (phone: Page) => Promise<void>>} */
const ANSWER = {
  two: (phone) => tiles(phone).nth(0).click(),
  four: (phone) => tiles(phone).nth(1).click(),
  twelve: async () => {},
  multiple: async (phone) => {
    await phone.getByRole("checkbox", { name: "2" }).click();
    await phone.getByRole("button", { name: "Send answer" }).click();
  },
  text: async (phone) => {
    await phone.getByLabel("Your answer").fill("Cusco");
    await phone.getByRole("button", { name: "Send answer" }).click();
  },
  number: async (phone) => {
    await phone.getByLabel("Your number").fill("8,0");
    await phone.getByRole("button", { name: "Send answer" }).click();
  },
  order: (phone) => phone.getByRole("button", { name: "Send answer" }).click(),
  poll: (phone) => tiles(phone).nth(2).click(),
  words: async (phone) => {
    await phone.getByLabel("Your word").fill("wonderful");
    await phone.getByRole("button", { name: "Send answer" }).click();
  },
};
/** What another player answers to each. @type {Record<string, object>} */
const OTHER = {
  two: { optionId: 2 }, four: { optionId: 1 }, twelve: { optionId: 2 }, multiple: { optionIds: [1, 3] }, text: { text: "Lima" },
  number: { number: 6 }, order: { optionIds: [2, 1, 3, 4] }, poll: { optionId: 1 }, words: { text: "short" },
};

/** A game of every kind of question, on phone, stage and remote, from its first question to its end. @param {Scene} scene @param {Look} look */
export async function game(scene, look) {
  const room = await openRoom(scene);
  const network = await new Network(scene.server).start();
  try {
    const phone = await scene.device({ base: network.base });
    await join(phone, room.joinCode, "Ada");
    const stage = await scene.device({ size: LAPTOP, path: room.stage });
    const remote = await scene.device({ path: room.stage });
    const other = await room.player("Ben");
    // One who never answers keeps a question open until it has been looked at.
    await room.player("Cleo");
    for (const [index, { questionId }] of QUESTIONS.entries()) {
      await room.move(index ? "next" : "start");
      await phone.getByText(`${index + 1} of ${QUESTIONS.length}`, { exact: true }).waitFor();
      await phone.locator(".answering").waitFor();
      await stage.getByText(`Question ${index + 1} of`).waitFor();
      await look(phone, `question-${questionId}`);
      await look(stage, `stage-question-${questionId}`);
      if (!index) {
        await look(remote, "remote-question");
        await paused(room, phone, stage, remote, look);
      }
      await other.answer({ questionId, ...OTHER[questionId] });
      await ANSWER[questionId](phone);
      if (questionId === "four") await lost(network, phone, look);
      if (questionId !== "twelve") {
        await phone.getByText("Your answer is in.").first().waitFor();
        await look(phone, `answered-${questionId}`);
      }
      await room.move("close");
      await phone.locator(".revealed").waitFor();
      await stage.locator(".stage-reveal").waitFor();
      await look(phone, `reveal-${questionId}`);
      await look(stage, `stage-reveal-${questionId}`);
      await look(remote, `remote-reveal-${questionId}`);
      if (index === 1) {
        await stage.keyboard.press("Space");
        await stage.locator(".stage-ranking li.first").first().waitFor();
        await look(stage, "stage-ranking");
      }
    }
    await room.move("next");
    await phone.locator(".answers").waitFor();
    await phone.locator(".answer-entry summary").first().click();
    await stage.locator(".stage-podium").waitFor();
    await look(phone, "end");
    await look(stage, "stage-podium");
    await look(remote, "remote-end");
  } finally {
    network.stop();
  }
}

/** @param {Awaited<ReturnType<typeof openRoom>>} room @param {Page} phone @param {Page} stage @param {Page} remote @param {Look} look */
async function paused(room, phone, stage, remote, look) {
  await room.move("pause", { paused: true });
  await phone.getByText("The game is paused.").first().waitFor();
  await stage.getByText("The game is paused", { exact: true }).waitFor();
  await look(phone, "paused");
  await look(stage, "stage-paused");
  await look(remote, "remote-paused");
  await room.move("pause", { paused: false });
  await phone.locator(".note.warn").waitFor({ state: "detached" });
}

/** The network goes while an answer is under way, and comes back. @param {Network} network @param {Page} phone @param {Look} look */
async function lost(network, phone, look) {
  await phone.getByText("Your answer is in.").first().waitFor();
  network.down();
  await phone.getByText("Connection lost").waitFor();
  await look(phone, "connection-lost");
  network.up();
  await phone.locator(".connection").waitFor({ state: "detached" });
}

/** Seats and stages that are no longer played on here. @param {Scene} scene @param {Look} look */
export async function stopped(scene, look) {
  const room = await openRoom(scene);
  const phone = await scene.device();
  await join(phone, room.joinCode, "Ada");
  const second = await scene.watched(phone.context());
  await second.goto(`/room/${room.roomId}`);
  await phone.getByRole("heading", { name: "Your game goes on elsewhere" }).waitFor();
  await look(phone, "superseded");
  await room.move("kick", { seatId: 2 });
  await second.getByRole("heading", { name: "The host took you out" }).waitFor();
  await look(second, "kicked");
  await join(second, room.joinCode, "Ada");
  const stage = await scene.device({ size: LAPTOP, path: room.stage });
  await stage.locator(".stage-code").waitFor();
  const deleted = await fetch(`${scene.server.base}/api/rooms/${room.roomId}`, { method: "DELETE", headers: { Authorization: `Bearer ${room.token}` } });
  if (!deleted.ok) throw new Error(`not deleted: ${deleted.status}`);
  await second.getByRole("heading", { name: "This game is gone" }).waitFor();
  await look(second, "room-over");
  await stage.getByRole("heading", { name: "This game is over" }).waitFor();
  await look(stage, "stage-over");
  await stage.goto(`/host/${crypto.randomUUID()}`);
  await stage.locator("summary").click();
  await look(stage, "stage-no-token");
}

/** @param {Scene} scene @param {Look} look */
export async function solo(scene, look) {
  const page = await scene.device({ path: "/solo" });
  await page.getByRole("radio", { name: "Space" }).check();
  await page.getByRole("radio", { name: "5", exact: true }).check();
  await look(page, "solo-choose");
  await page.getByRole("button", { name: "Start" }).click();
  for (let n = 1; n <= 5; n++) {
    await page.getByText(`${n} of 5`, { exact: true }).waitFor();
    if (n === 1) await look(page, "solo-question");
    await tiles(page).nth(n % 2).click();
    await page.locator(".revealed").waitFor();
    if (n === 1) await look(page, "solo-verdict");
    await page.locator(".next-bar button").click();
  }
  await page.locator(".final").waitFor();
  await look(page, "solo-results");
}

/** What a host brings along: two questions are fine, and one has no right answer. */
const FILE = "question,A,B,C,correct,explanation\nWhich planet has rings?,Mars,Saturn,Venus,B,They are of ice.\nWhat is the Sun?,A star,A planet,A moon,A,\nAnd this?,one,two,three,nine,\n";

/** @param {Scene} scene @param {Look} look */
export async function setup(scene, look) {
  for (const [size, at] of /** @type {const} */ ([[LAPTOP, "host"], [undefined, "host-phone"]])) {
    const page = await scene.device({ size, path: "/host" });
    await page.getByRole("radio", { name: /Space/ }).check();
    await page.getByText("More settings").click();
    await look(page, `${at}-setup`);
    await page.goto("/host#bank=space");
    await page.locator(".bank-list summary").first().click();
    await look(page, `${at}-bank`);
    await page.goto("/host");
    await page.locator("input[type=file]").setInputFiles({ name: "planets.csv", mimeType: "text/csv", buffer: Buffer.from(FILE) });
    await page.locator(".edit-row").first().waitFor();
    await look(page, `${at}-editor-report`);
    for (const kind of ["choice", "multiple", "text", "number", "order", "poll"]) {
      await page.getByLabel("Add a question").selectOption(kind);
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.locator(".edit-open").waitFor();
      await page.getByText("Time, points, picture, category").click();
      await look(page, `${at}-editor-${kind}`);
    }
  }
}

/** A server that opens rooms for those who have its key. @param {Scene} scene @param {Look} look */
export async function key(scene, look) {
  const server = await startServer({ env: { REJOIN_API_KEYS: "0123456789abcdef0123" } });
  try {
    const page = await scene.device({ size: LAPTOP, path: "/host", base: server.base });
    await page.getByLabel("API key").fill("not the key of this server");
    await page.getByRole("button", { name: "Use it" }).click();
    await page.getByRole("alert").waitFor();
    await look(page, "host-key");
    await page.close();
  } finally {
    await server.stop();
  }
}
