// An own quiz, as a teacher brings it: a file, mended in the browser, kept there, saved, and played.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { until } from "../support.mjs";
import { held, join, LAPTOP, PATIENCE, Scene, step, tiles } from "./scene.mjs";

/** @typedef {import("playwright-core").Page} Page */

const RIVERS = `question,option1,option2,option3,correct
Which river flows through Bonn?,Rhine,Elbe,Danube,1
,Rhine,Elbe,,1
Which sea does it reach?,North Sea,Baltic,,5
How many are even: 2 3 4?,one,two,three,2
Only one option,alone,,,1
Which city is in the north?,Kiel,Ulm,,1
`;
const GOOD = ["Which river flows through Bonn?", "How many are even: 2 3 4?", "Which city is in the north?"];
const BAD = [
  ["line 3", /no question/],
  ["line 4", /"5" is to be right.*1 to 2/],
  ["line 6", /needs two or more/],
];
const GIFT = `// two kinds
::Capital:: What is the capital of Peru? { =Lima ~Cusco ~Bogotá }

How many legs has a spider? { #8:0 }

Two gaps { =one } here { =two } fail.
`;

/** Files of a test's own. @param {import("node:test").TestContext} t @param {Record<string, string | Buffer>} files @returns {Promise<(name: string) => string>} where they are */
async function folder(t, files) {
  const at = await mkdtemp(path.join(tmpdir(), "rejoin-files-"));
  t.after(() => rm(at, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(at, name), text);
  return (name) => path.join(at, name);
}

/** Drops a file as the desktop would. @param {Page} page @param {string} file @param {string} onto */
async function drop(page, file, onto) {
  const box = /** @type {{x: number, y: number, width: number, height: number}} */ (await page.locator(onto).first().boundingBox());
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: [file], dragOperationsMask: 1 };
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2, data };
  for (const type of /** @type {const} */ (["dragEnter", "dragOver", "drop"])) await cdp.send("Input.dispatchDragEvent", { type, ...point });
}

/** The texts of the editor's questions. @param {Page} page */
const texts = (page) => page.locator(".edit-list .edit-name > .grow").allInnerTexts();

/** @param {Page} page @param {string[]} expected */
const lists = (page, expected) => until(`the questions are ${expected.join(" | ")}`, PATIENCE, async () => (await texts(page)).join() === expected.join());

/** What is said of what was left out. @param {Page} page */
async function toldOfBad(page) {
  const report = page.getByRole("status", { name: "What was read" });
  await report.getByRole("heading", { name: "3 questions imported" }).waitFor();
  await report.getByRole("heading", { name: "3 rows skipped" }).waitFor();
  const told = await report.getByRole("listitem").allInnerTexts();
  assert.equal(told.length, BAD.length);
  for (const [at, [line, why]] of BAD.entries()) {
    assert.ok(told[at].startsWith(/** @type {string} */ (line)), told[at]);
    assert.match(told[at], /** @type {RegExp} */ (why));
  }
}

/** Brings the rivers and opens their editor. @param {Page} page */
async function bring(page) {
  await page.locator("input[type=file]").setInputFiles({ name: "rivers.csv", mimeType: "text/csv", buffer: Buffer.from(RIVERS) });
  await lists(page, GOOD);
}

/** @param {Page} page @param {number} at from 1 */
const handle = (page, at) => page.getByRole("button", { name: `Question ${at} of 3: drag` });

for (const onto of [".drop", "h1"]) {
  test(`a table with bad lines is dropped onto ${onto}: each is told by its line, the good ones are in`, async (t) => {
    const scene = await Scene.set(t);
    const at = await folder(t, { "rivers.csv": RIVERS });
    const page = await scene.device({ size: LAPTOP, path: "/host" });
    await page.getByRole("radio").first().waitFor();
    await drop(page, at("rivers.csv"), onto);
    await toldOfBad(page);
    await lists(page, GOOD);
    assert.equal(await page.getByLabel("Name of the quiz").inputValue(), "rivers");
  });
}

test("the same comes by the file chooser, and its report can be closed", async (t) => {
  const scene = await Scene.set(t);
  const at = await folder(t, { "rivers.csv": RIVERS });
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a file" }).click();
  await (await chooser).setFiles(at("rivers.csv"));
  await toldOfBad(page);
  await page.getByRole("status", { name: "What was read" }).getByRole("button", { name: "Close" }).click();
  await page.getByRole("status", { name: "What was read" }).waitFor({ state: "detached" });
  await lists(page, GOOD);
});

test("questions are edited, and put in another order by keys and by dragging", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await bring(page);
  const [bonn, even, north] = GOOD;

  await handle(page, 1).focus();
  await page.keyboard.press("ArrowDown");
  await lists(page, [even, bonn, north]);
  await page.keyboard.press("ArrowDown");
  await lists(page, [even, north, bonn]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await lists(page, [even, bonn, north]);

  for (const [from, to, expected] of /** @type {const} */ ([[3, 1, [north, even, bonn]], [1, 3, [even, bonn, north]], [2, 1, [bonn, even, north]]])) {
    const [start, end] = [await handle(page, from).boundingBox(), await handle(page, to).boundingBox()];
    assert.ok(start && end);
    await page.mouse.move(start.x + 20, start.y + 20);
    await page.mouse.down();
    await page.mouse.move(end.x + 20, end.y + 20 + Math.sign(to - from) * 10, { steps: 12 });
    await page.mouse.up();
    await lists(page, [...expected]);
    await page.locator(".edit-row.held").waitFor({ state: "detached" });
  }

  await page.getByRole("button", { name: bonn }).click();
  await page.getByLabel("Question", { exact: true }).fill("Which river runs through Bonn?");
  await page.getByLabel("Option B", { exact: true }).fill("Elbe & Moldau");
  await lists(page, ["Which river runs through Bonn?", even, north]);
  await page.getByText("As players see it").locator("..").getByText("Elbe & Moldau").waitFor();
});

test("a question that isn't ready says what it lacks, and is deleted with a way back", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await bring(page);
  await page.getByRole("button", { name: GOOD[1] }).click();
  await page.getByLabel("Option B", { exact: true }).fill("");
  await page.getByRole("button", { name: "Play it" }).click();
  await page.getByRole("alert").filter({ hasText: "1 question isn’t ready" }).waitFor();
  await page.getByText("An option is empty").waitFor();
  await page.getByRole("button", { name: "Delete question 2" }).click();
  await lists(page, [GOOD[0], GOOD[2]]);
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Undo", "the focus is where the way back is");
  await page.keyboard.press("Enter");
  await lists(page, GOOD);
  await page.getByRole("button", { name: "Delete question 2" }).click();
  await page.reload();
  await lists(page, [GOOD[0], GOOD[2]]);
});

test("a quiz outlives a reload, and is saved as a file that is read again whole", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await bring(page);
  await page.getByLabel("Name of the quiz").fill("Flüsse & Städte");
  await page.getByText("Description and points").click();
  await page.getByLabel("What it is about").fill("For class 7");
  await page.getByLabel("Fast answers earn more").uncheck();
  await page.getByLabel("Add a question").selectOption("Number");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByLabel("Question", { exact: true }).fill("How long is the Rhine, in km?");
  await page.getByLabel("Right number").fill("1230.5");
  await page.getByLabel("May be off by").fill("50");
  await page.getByLabel("Explanation, shown with the answer").fill("From the Alps to the sea.");
  await page.reload();
  const all = [...GOOD, "How long is the Rhine, in km?"];
  await lists(page, all);
  await page.goto("/host");
  await page.getByRole("radio", { name: /Flüsse & Städte.*4 questions.*For class 7/ }).waitFor();
  await page.getByRole("link", { name: "Edit: Flüsse & Städte" }).click();

  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as file" }).click();
  const file = await saved;
  assert.match(file.suggestedFilename(), /^[a-z-]+\.json$/);
  const body = await readFile(await file.path());
  const bank = JSON.parse(body.toString());
  const reply = await fetch(`${scene.server.base}/api/quizzes/import?name=saved.json`, { method: "POST", body });
  const { questions, leftOutCount, warnings, scoring } = await reply.json();
  assert.deepEqual([leftOutCount, warnings], [0, []]);
  assert.deepEqual(questions.map((/** @type {any} */ { text }) => text), all);
  assert.deepEqual(questions.map((/** @type {any} */ { kind = "choice" }) => kind), ["choice", "choice", "choice", "number"]);
  for (const [at, question] of bank.questions.entries()) assert.deepEqual({ kind: "choice", ...questions[at] }, question);
  assert.deepEqual((scoring ?? bank.scoring).speedBonus, []);

  // And by the page of another browser.
  const other = await scene.device({ size: LAPTOP, path: "/host" });
  await other.locator("input[type=file]").setInputFiles({ name: "saved.json", mimeType: "application/json", buffer: body });
  await lists(other, all);
  assert.equal(await other.getByLabel("Name of the quiz").inputValue(), "Flüsse & Städte");
  await other.getByText("Description and points").click();
  assert.equal(await other.getByLabel("What it is about").inputValue(), "For class 7");
  assert.equal(await other.getByLabel("Fast answers earn more").isChecked(), false);
});

test("it is played with a phone, and every score that is shown is the API's", async (t) => {
  const scene = await Scene.set(t);
  const [host, phone] = [await scene.device({ size: LAPTOP, path: "/host" }), await scene.device()];
  await bring(host);
  await host.getByRole("button", { name: "Play it" }).click();
  await host.getByText("More settings").click();
  await host.getByLabel("Reading time before answers open").selectOption("0");
  await host.getByRole("button", { name: "Open the room" }).click();
  await host.waitForURL(/\/host\/.+/);
  const [{ roomId, token, joinCode, title }] = await held(host);
  assert.equal(title, "rivers");
  await join(phone, joinCode, "Ada");
  await step(host, "Start");
  for (const [at, right] of ["Rhine", "two", "Kiel"].entries()) {
    await host.getByRole("heading", { name: GOOD[at] }).waitFor();
    await tiles(phone).filter({ hasText: at === 1 ? "three" : right }).click();
    if (at < 2) await step(host, "Ranking");
    await step(host, at < 2 ? "Next question" : "To the podium");
  }
  await host.getByRole("heading", { name: "That was rivers" }).waitFor();
  const results = await scene.api(`/api/rooms/${roomId}/results`, { token });
  const [ada] = results.seats.filter((/** @type {any} */ { name }) => name === "Ada");
  assert.deepEqual(ada.answers.map((/** @type {any} */ { correct }) => correct), [true, false, true]);
  const total = ada.total.toLocaleString("en-GB");
  assert.equal(await host.locator(".stage-podium .stage-total").innerText(), total);
  await phone.getByText(total).first().waitFor();
});

test("a pasted text is read, with what can't be told by its line", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await page.getByText("or paste a text").click();
  await page.getByLabel("Rows of a table, GIFT, Aiken …").fill(GIFT);
  await page.getByRole("button", { name: "Read it" }).click();
  await lists(page, ["What is the capital of Peru?", "How many legs has a spider?"]);
  const [told] = await page.getByRole("status", { name: "What was read" }).getByRole("listitem").allInnerTexts();
  assert.match(told, /^line 6/);
  await page.getByRole("button", { name: "What is the capital of Peru?" }).click();
  const right = page.getByRole("radio", { name: "Is right" });
  assert.equal(await right.count(), 3);
  assert.equal(await page.getByRole("textbox", { name: /Option/ }).nth(await right.evaluateAll((all) => all.findIndex((one) => /** @type {HTMLInputElement} */ (one).checked))).inputValue(), "Lima");
});

test("what is no quiz gets a clear word, and nothing is lost", async (t) => {
  const scene = await Scene.set(t);
  const at = await folder(t, {
    "large.csv": Buffer.alloc(256 * 1024 + 1, "a"), "empty.csv": "", "photo.png": Buffer.from("89504e470d0a1a0a0000", "hex"), "letter.txt": "Dear parents,\nthe museum is closed.\n",
  });
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await page.getByText("or paste a text").click();
  await page.getByLabel("Rows of a table, GIFT, Aiken …").fill("half typed");
  /** @type {[string, string][]} */
  const words = [["large.csv", "Files may have 256 KB at most."], ["empty.csv", "This file is empty."], ["photo.png", "No questions can be read from a picture"]];
  for (const [name, word] of words) {
    await drop(page, at(name), ".drop");
    await page.getByRole("alert").filter({ hasText: word }).waitFor();
  }
  await drop(page, at("letter.txt"), ".drop");
  await page.getByRole("heading", { name: "No question could be read" }).waitFor();
  assert.equal(await page.getByRole("alert").count(), 0, "only what is true now is told");
  assert.equal(await page.getByLabel("Rows of a table, GIFT, Aiken …").inputValue(), "half typed");

  await bring(page);
  for (const [name, word] of words) {
    await drop(page, at(name), ".edit-row");
    await page.getByRole("alert").filter({ hasText: word }).waitFor();
    await lists(page, GOOD);
  }
  assert.match(page.url(), /#quiz=/);
});

test("a file that is dropped on a quiz adds its questions to it", async (t) => {
  const scene = await Scene.set(t);
  const at = await folder(t, { "rivers.csv": RIVERS });
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await bring(page);
  await drop(page, at("rivers.csv"), ".edit-row");
  await lists(page, [...GOOD, ...GOOD]);
  await toldOfBad(page);
  await page.getByRole("button", { name: "Delete question 6" }).click();
  await lists(page, [...GOOD, ...GOOD.slice(0, 2)]);
});

test("several files at once become one quiz", async (t) => {
  const scene = await Scene.set(t);
  const at = await folder(t, { "rivers.csv": RIVERS, "two.gift": GIFT });
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await page.locator("input[type=file]").setInputFiles([at("rivers.csv"), at("two.gift")]);
  await lists(page, [...GOOD, "What is the capital of Peru?", "How many legs has a spider?"]);
  await page.getByRole("heading", { name: "4 rows skipped" }).waitFor();
});

test("a quiz is kept once something is written, and its empty options are none", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  for (let n = 0; n < 2; n++) {
    await page.getByRole("button", { name: "Write one by hand" }).click();
    await page.getByRole("link", { name: "All quizzes" }).click();
  }
  await page.getByRole("radio", { name: /Space/ }).waitFor();
  assert.equal(await page.getByRole("radio", { name: /My quiz/ }).count(), 0);
  await page.getByRole("button", { name: "Write one by hand" }).click();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByLabel("Question", { exact: true }).fill("Is this kept?");
  await page.getByLabel("Option A", { exact: true }).fill("Yes");
  await page.getByLabel("Option B", { exact: true }).fill("No");
  await page.getByRole("radio", { name: "Is right" }).first().check();
  await page.getByRole("button", { name: "Play it" }).click();
  await page.getByText("A question’s own time comes first.").waitFor();
  await page.getByRole("button", { name: "Open the room" }).click();
  await page.waitForURL(/\/host\/.+/);
  await page.goto("/host");
  await page.getByRole("radio", { name: /My quiz/ }).waitFor();
  const phone = await scene.device();
  const [{ roomId, token, joinCode }] = await held(page);
  await join(phone, joinCode, "Ada");
  await scene.api(`/api/rooms/${roomId}/start`, { token, body: { at: 0 } });
  await tiles(phone).first().waitFor();
  assert.equal(await tiles(phone).count(), 2);
});

test("what is to be put in order is told neither by its ids nor by how it is shown", async (t) => {
  const scene = await Scene.set(t);
  const shown = new Set();
  for (let game = 0; game < 8; game++) {
    const host = await scene.device({ size: LAPTOP, path: "/host" });
    await host.getByRole("button", { name: "Write one by hand" }).click();
    await host.getByLabel("Add a question").selectOption("Put in order");
    await host.getByRole("button", { name: "Add", exact: true }).click();
    await host.getByLabel("Question", { exact: true }).fill("From 1 to 4?");
    for (const place of ["1", "2", "3", "4"]) await host.getByLabel(`Option ${place}`, { exact: true }).fill(place);
    await host.getByRole("button", { name: "Play it" }).click();
    const opened = host.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/api/rooms"));
    await host.getByRole("button", { name: "Open the room" }).click();
    const { questions: [{ options, correctOrder }] } = (await opened).postDataJSON();
    assert.deepEqual(correctOrder.map((/** @type {number} */ id) => options.find((/** @type {any} */ { optionId }) => optionId === id).text), ["1", "2", "3", "4"]);
    assert.notDeepEqual(correctOrder, [1, 2, 3, 4]);
    await host.waitForURL(/\/host\/.+/);
    const [{ roomId, token, joinCode }] = await held(host);
    await scene.api("/api/rooms/join", { body: { joinCode, name: "Ada" } });
    await scene.api(`/api/rooms/${roomId}/start`, { token, body: { at: 0 } });
    const { question } = await scene.api(`/api/rooms/${roomId}`, { token });
    shown.add(question.options.map((/** @type {any} */ { text }) => text).join());
    await host.context().close();
  }
  assert.ok(!shown.has("1,2,3,4"));
  assert.ok(shown.size > 1, "not always the same");
});

test("an address of a bank that isn't there says so", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  for (const id of ["../quizzes", "..", "none"]) {
    await page.goto(`/host#bank=${id}`);
    await page.getByRole("alert").filter({ hasText: "Nothing here" }).waitFor();
  }
});

test("thousands of tags within each other are shown, the deepest as text", async (t) => {
  const scene = await Scene.set(t);
  const page = await scene.device({ size: LAPTOP, path: "/host" });
  await bring(page);
  await page.getByRole("button", { name: GOOD[0] }).click();
  await page.getByLabel("Question", { exact: true }).fill(`${"<b>".repeat(20_000)}deep${"</b>".repeat(20_000)}`);
  await page.getByText("deep").first().waitFor();
});

test("twelve long options below a picture stand on the stage whole", async (t) => {
  const scene = await Scene.set(t);
  const options = Array.from({ length: 12 }, (_, at) => ({ optionId: at + 1, text: `A fairly long option with several words, number ${at}` }));
  const questions = [{ kind: "choice", questionId: "q", text: "Which of them is in the picture?", image: "/web/mark.svg", alt: "a mark", options, correctOptionId: 3 }];
  const { roomId, token, joinCode } = await scene.api("/api/rooms", { body: { questions, readyMs: 0 } });
  const host = await scene.device({ size: LAPTOP, path: `/host/${roomId}#token=${token}` });
  await scene.api("/api/rooms/join", { body: { joinCode, name: "Ada" } });
  await scene.api(`/api/rooms/${roomId}/start`, { token, body: { at: 0 } });
  const last = host.locator(".stage-tiles li").last();
  await last.waitFor();
  const [tile, foot] = [await last.boundingBox(), await host.locator(".stage-foot").boundingBox()];
  assert.ok(tile && foot && tile.width > 300 && tile.y + tile.height <= foot.y, JSON.stringify([tile, foot]));
});
