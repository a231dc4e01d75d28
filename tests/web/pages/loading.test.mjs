// Pages whose modules or words do not come, links that are wrong, and a browser that holds what no page has written.
import assert from "node:assert/strict";
import test from "node:test";
import { Network } from "../support.mjs";
import { LAPTOP, Scene } from "./scene.mjs";

const CODE = "Code of the game";

/** A device whose page may complain: it is broken on purpose. @param {Scene} scene @param {object} [options] */
async function brittle(scene, options) {
  const context = await scene.browser.newContext({ viewport: LAPTOP, locale: "en-GB", baseURL: scene.server.base, ...options });
  return context.newPage();
}

/** The first replies to an address fail, those after them do not. @param {import("playwright-core").Page} page @param {string} url @param {number} times @param {(route: import("playwright-core").Route) => Promise<void>} fail */
async function failing(page, url, times, fail) {
  const seen = { count: 0 };
  await page.route(url, (route) => (++seen.count <= times ? fail(route) : route.continue()));
  return seen;
}

const abort = (/** @type {import("playwright-core").Route} */ route) => route.abort();
const refuse = (/** @type {import("playwright-core").Route} */ route) => route.fulfill({ status: 429, json: { code: "too-many-requests" } });

test("a code typed while the server is away leads into the game once it is back", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device();
  await page.getByLabel(CODE).waitFor();
  await scene.server.kill();
  await page.getByLabel(CODE).fill("ABC234");
  await page.getByRole("alert").getByText("Connection lost").waitFor();
  await page.getByLabel(CODE).waitFor();
  await scene.server.start();
  await page.getByLabel("Your name").waitFor();
  assert.equal(new URL(page.url()).pathname, "/j/ABC234");
});

test("“Play alone” without a network opens once there is one", async (t) => {
  const scene = await Scene.set(t);
  const wifi = await new Network(scene.server).start();
  t.after(() => wifi.stop());
  const page = await scene.device({ base: wifi.base });
  await page.getByLabel(CODE).waitFor();
  wifi.down();
  await page.getByRole("link", { name: "Play alone" }).click();
  await page.getByRole("alert").waitFor();
  wifi.up();
  await page.getByRole("button", { name: "Start" }).waitFor();
});

for (const [what, url, fail] of /** @type {const} */ ([
  ["words that are refused", "**/web/text/en.json", refuse],
  ["words that do not come", "**/web/text/en.json", abort],
  ["a module that is refused", "**/web/client/api.js", refuse],
  ["the router that does not come", "**/web/app.js", abort],
])) {
  test(`the first load outlives ${what}`, async (t) => {
    const scene = await Scene.set(t);
    const page = await scene.device({ path: "about:blank" });
    const seen = await failing(page, url, 3, fail);
    await page.goto(scene.server.base);
    await page.getByRole("alert").getByText("Connection lost, trying again … · Keine Verbindung, neuer Versuch …").waitFor();
    await page.getByLabel(CODE).waitFor();
    assert.ok(seen.count > 3);
    assert.equal(await page.evaluate(() => history.state), null);
  });
}

test("a language that does not come leaves the one that is there", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device();
  const seen = await failing(page, "**/web/text/de.json", 1, abort);
  await page.getByRole("button", { name: /Deutsch/ }).click();
  await page.getByLabel(CODE).waitFor();
  assert.equal(seen.count, 1);
  await page.getByRole("button", { name: /Deutsch/ }).click();
  await page.getByLabel("Code des Spiels").waitFor();
});

test("links that are no text lead to a page that says so", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device();
  for (const path of ["/j/%zz", "/room/%zz", "/host/%ff"]) {
    await page.goto(path);
    await page.getByRole("heading", { name: "Nothing here" }).waitFor();
  }
  await page.goto("/j/ABC234#seat=%");
  await page.getByRole("heading", { name: /code/ }).waitFor();
});

test("what a browser holds that is no seat and no quiz is passed over", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device();
  const quiz = { id: "a", title: "Mine", questions: [null, { kind: "riddle" }, { questionId: "q", kind: "text", text: "Who?", correctTexts: ["Me"] }] };
  for (const seats of [[null, 7, { kind: "room" }, { kind: "solo", sessionId: {} }], { a: 1 }, "x"]) {
    await page.evaluate(([kept, own]) => {
      localStorage.setItem("rejoin.seats", JSON.stringify(kept));
      localStorage.setItem("rejoin.quiz.a", JSON.stringify(own));
      localStorage.setItem("rejoin.quiz.b", JSON.stringify({ id: "b", title: {}, questions: 3 }));
    }, /** @type {const} */ ([seats, quiz]));
    await page.goto("/solo");
    await page.getByRole("button", { name: "Start" }).waitFor();
    await page.goto("/j/ABC234");
    await page.getByLabel("Your name").waitFor();
    await page.goto("/host");
    await page.getByText("1 question").waitFor();
  }
});

test("a screen that breaks says so, and is loaded again", async (t) => {
  const scene = await Scene.set(t);
  const page = await brittle(scene);
  await page.route("**/web/player/landing.js", (route) => route.fulfill({ contentType: "text/javascript", body: "export default () => null.name" }), { times: 1 });
  await page.goto("/");
  await page.getByRole("heading", { name: "Something went wrong here. Your game is safe." }).waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByLabel(CODE).waitFor();
});

test("a setup whose server is away says so in the page's language, and tries again", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ path: "about:blank", size: LAPTOP, locale: "de-DE" });
  let replies = 0;
  await page.route("**/api/quizzes", (route) => (++replies === 1 ? route.abort() : replies === 2 ? refuse(route) : route.continue()));
  await page.goto("/host");
  for (const said of ["Der Server ist nicht zu erreichen.", "Zu viele Versuche."]) {
    await page.getByText(said).waitFor();
    await page.getByRole("button", { name: "Noch einmal" }).click();
  }
  await page.getByRole("radio", { name: /Space/ }).waitFor();
});

test("an API key that no header can hold is told so", async (t) => {
  const scene = await Scene.set(t, { env: { REJOIN_API_KEYS: "school:0123456789abcdef0123456789abcdef" } });
  const page = await scene.device({ path: "/host", size: LAPTOP });
  await page.getByLabel("API key", { exact: true }).fill("schlüssel");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText("A key has only plain letters, digits and signs.").waitFor();
});
