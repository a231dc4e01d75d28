// A solo game, from the landing page to its results, with whatever comes in between.
import assert from "node:assert/strict";
import test from "node:test";
import { held, Scene, tiles } from "./scene.mjs";

/** @param {import("playwright-core").Page} page @param {string} bank */
async function start(page, bank) {
  await page.goto("/");
  await page.getByRole("link", { name: "Play alone" }).click();
  await page.getByRole("radio", { name: bank }).check();
  await page.getByRole("radio", { name: "5", exact: true }).check();
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator(".asked").waitFor();
  return (await held(page)).find((/** @type {any} */ { kind }) => kind === "solo").sessionId;
}

/** Answers the question that is shown, of whatever kind. @param {import("playwright-core").Page} page */
async function answerByKeys(page) {
  const field = page.getByRole("textbox");
  if (await field.count()) {
    await field.focus();
    await page.keyboard.type("3,5");
    await page.keyboard.press("Enter");
  } else if (await page.getByRole("button", { name: "Send answer" }).count()) {
    // Several options are marked; an order stands as it is.
    await page.keyboard.press("a");
    await page.getByRole("button", { name: "Send answer" }).focus();
    await page.keyboard.press("Enter");
  } else {
    await page.keyboard.press("1");
  }
}

test("a whole game: verdicts, results, and again with what was wrong", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device();
  const id = await start(page, "Space");
  for (let n = 1; n <= 5; n++) {
    await page.getByText(`${n} of 5`, { exact: true }).waitFor();
    await tiles(page).first().click();
    await page.locator(".revealed").waitFor();
    await page.keyboard.press("Enter");
  }
  await page.getByRole("heading", { name: /^\d of 5$/ }).waitFor();
  const results = await scene.api(`/api/game/results/${id}`);
  assert.equal(results.completed, true);
  const shown = await page.locator("main").innerText();
  assert.ok(shown.includes(results.totalScore.toLocaleString("en-GB")), `${results.totalScore} in ${shown}`);
  assert.ok(shown.includes(`${results.correctCount} of 5`), shown);
  const wrong = 5 - results.correctCount;
  if (wrong > 0) {
    await page.getByRole("button", { name: /^Retry the / }).click();
    await page.getByText(`1 of ${wrong}`, { exact: true }).waitFor();
  }
  assert.equal((await held(page)).filter((/** @type {any} */ { sessionId }) => sessionId === id).length, 0, "it is over");
});

test("a reload, and a server that is killed in mid-question, lose nothing", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device();
  const id = await start(page, "Space");
  await tiles(page).first().click();
  await page.locator(".revealed").waitFor();
  await page.getByRole("button", { name: "Next question" }).click();
  await page.locator(".asked").waitFor();
  const options = await tiles(page).allInnerTexts();
  await page.reload();
  await page.locator(".asked").waitFor();
  assert.deepEqual(await tiles(page).allInnerTexts(), options, "the same question stands there");

  await scene.server.kill();
  await tiles(page).first().click();
  await page.getByText("Connection lost, answer kept").waitFor();
  await scene.server.start();
  await page.locator(".revealed").waitFor();
  for (let n = 3; n <= 5; n++) {
    await page.getByRole("button", { name: "Next question" }).click();
    await page.getByText(`${n} of 5`, { exact: true }).waitFor();
    await tiles(page).first().click();
    await page.locator(".revealed").waitFor();
  }
  await page.getByRole("button", { name: "See how it went" }).click();
  const results = await scene.api(`/api/game/results/${id}`);
  assert.equal(results.answers.length, 5);
  await page.getByText(results.totalScore.toLocaleString("en-GB")).first().waitFor();
});

test("every kind of question can be answered by keys alone", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: { width: 1280, height: 800 }, hasTouch: false });
  await page.goto("/solo");
  await page.getByRole("radio", { name: /Mixed/ }).focus();
  await page.keyboard.press("Space");
  await page.getByRole("radio", { name: "All", exact: true }).focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Start" }).focus();
  await page.keyboard.press("Enter");
  await page.locator(".asked").waitFor();
  const id = (await held(page)).find((/** @type {any} */ { kind }) => kind === "solo").sessionId;
  const { questionCount } = await scene.api(`/api/game/results/${id}`);
  for (let n = 1; n <= questionCount; n++) {
    await page.getByText(`${n} of ${questionCount}`, { exact: true }).waitFor();
    await page.locator(".asked").waitFor();
    await answerByKeys(page);
    await page.locator(".revealed").waitFor();
    await page.keyboard.press("Enter");
  }
  await page.locator(".final").waitFor();
  const results = await scene.api(`/api/game/results/${id}`);
  assert.equal(results.completed, true);
  assert.deepEqual([...new Set(results.answers.map((/** @type {any} */ { kind }) => kind))].sort(), ["choice", "multiple", "number", "order", "poll", "text"]);
  assert.equal(results.answers.find((/** @type {any} */ { kind }) => kind === "number").number, 3.5);
});
