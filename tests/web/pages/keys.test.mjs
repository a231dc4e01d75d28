// Without a mouse: a host sets up, runs and ends a game, writes a quiz; a player joins, answers and leaves.
import assert from "node:assert/strict";
import test from "node:test";
import { until } from "../support.mjs";
import { asked, choose, gathered, held, LAPTOP, PATIENCE, revealed, Scene, tiles } from "./scene.mjs";

/** @typedef {import("playwright-core").Page} Page @typedef {import("playwright-core").Locator} Locator */

/** More stops of the Tab key than any page has. */
const MOST_STOPS = 80;

/** What has the focus: whether it can be seen, and nothing lies over it. @param {Page} page */
const focus = (page) =>
  page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    if (element === document.body) return { isNone: true, name: "", isSeen: false, isCovered: false };
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const label = element.closest("label");
    return {
      isNone: false,
      name: element.getAttribute("aria-label") ?? element.textContent?.trim().slice(0, 60) ?? "",
      isSeen: element.matches(":focus-visible") && ((outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none"),
      isCovered: !(at && (element.contains(at) || at.contains(element) || label?.contains(at))),
    };
  });

/** Goes on with the Tab key until something has the focus; all that is met on the way can be seen. @param {Page} page @param {Locator} target */
async function tabTo(page, target) {
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    if (await target.evaluateAll((all) => all.includes(/** @type {any} */ (document.activeElement)))) return;
    await page.keyboard.press("Tab");
    const { isNone, isSeen, isCovered, name } = await focus(page);
    // Between the last and the first the browser's own bar would come.
    if (!isNone) assert.ok(isSeen && !isCovered, `${name}: ${isSeen ? "something lies over it" : "its focus can't be seen"}`);
  }
  throw new Error(`Tab never comes to ${target}`);
}

/** Presses the next step by a key, once it is what it must be. @param {Page} host @param {string} name @param {string} key */
async function press(host, name, key) {
  const next = host.locator("[data-next]");
  await until(`the next step is ${name}`, PATIENCE, async () => (await next.innerText()).startsWith(name) && !(await next.getAttribute("aria-disabled")));
  // Two presses in a moment count as one.
  await host.waitForTimeout(450);
  await host.keyboard.press(key);
}

/** A dialog that is there, and holds the focus. @param {Page} host @param {string | RegExp} name */
async function dialog(host, name) {
  const open = host.getByRole("dialog", { name });
  await open.waitFor();
  assert.ok(await open.evaluate((box) => box.contains(document.activeElement)), "the focus is in the dialog");
  return open;
}

/** A key closes what is open. @param {Page} page @param {string} [key] */
async function close(page, key = "Escape") {
  await page.keyboard.press(key);
  await page.locator("dialog").waitFor({ state: "detached" });
}

const desktop = { size: LAPTOP, hasTouch: false };

test("a host sets up, runs and ends a game by keys alone, also those of a presenter's remote", async (t) => {
  const scene = await Scene.set(t);
  const host = await scene.device({ ...desktop, path: "/host" });
  const space = host.getByRole("radio", { name: /Space/ });
  await tabTo(host, host.getByRole("radio", { checked: true }));
  for (let n = 0; n < 5 && !(await space.isChecked()); n++) await host.keyboard.press("ArrowDown");
  assert.ok(await space.isChecked());
  await tabTo(host, host.getByLabel("Questions", { exact: true }));
  await host.keyboard.press("Home");
  await tabTo(host, host.getByText("More settings"));
  await host.keyboard.press("Enter");
  await tabTo(host, host.getByLabel("Reading time before answers open"));
  await host.keyboard.type("0");
  await tabTo(host, host.getByLabel("Players may join while it runs"));
  await tabTo(host, host.getByRole("button", { name: "Open the room" }));
  await host.keyboard.press("Enter");
  await host.waitForURL(/\/host\/.+/);
  await host.locator(".stage-code").waitFor();
  const [{ roomId, token, joinCode }] = await held(host);
  const { settings, questionCount } = await scene.api(`/api/rooms/${roomId}`, { token });
  assert.deepEqual([questionCount, settings.readyMs], [5, 0]);

  const phones = [];
  for (const name of ["Ada", "Bilal"]) {
    const seat = await scene.api("/api/rooms/join", { body: { joinCode, name } });
    const phone = await scene.device();
    await phone.evaluate((seat) => localStorage.setItem("rejoin.seats", JSON.stringify([seat])), { kind: "room", role: "player", name, roomId, token: seat.token });
    await phone.goto(`/room/${roomId}`);
    phones.push(phone);
  }
  const [ada] = phones;
  await host.getByRole("heading", { name: "2 are here" }).waitFor();

  await host.keyboard.press("l");
  await host.getByText("room locked").waitFor();
  await host.keyboard.press("l");
  await host.getByText("room open").waitFor();

  await host.keyboard.press("s");
  const seats = await dialog(host, "2 are here");
  await tabTo(host, seats.getByRole("button", { name: "Kick Bilal" }));
  await host.keyboard.press("Enter");
  await tabTo(host, seats.getByRole("button", { name: "Yes, kick" }));
  await host.keyboard.press("Enter");
  await dialog(host, "1 is here");
  await close(host);
  await phones[1].getByRole("heading", { name: "The host took you out of the game" }).waitFor();

  await press(host, "Start", "Space");
  await asked(ada, 1);
  await host.keyboard.press("p");
  await host.getByText("The game is paused", { exact: true }).waitFor();
  await host.keyboard.press("p");
  await host.getByText("The game is paused", { exact: true }).waitFor({ state: "detached" });
  await choose(ada, 0);
  await press(host, "Ranking", "PageDown");
  await host.getByRole("heading", { name: "Ranking" }).waitFor();
  await host.keyboard.press("PageUp");
  await host.locator(".stage-columns, .stage-rows").waitFor();
  await press(host, "Ranking", "ArrowRight");
  await press(host, "Next question", "PageDown");
  await asked(ada, 2);
  await press(host, "End question", "Enter");
  await press(host, "Ranking", "Space");
  await press(host, "Next question", "Space");
  await asked(ada, 3);

  await host.keyboard.press("m");
  const menu = await dialog(host, "Menu");
  await tabTo(host, menu.getByRole("button", { name: "End the game" }));
  await host.keyboard.press("Enter");
  await tabTo(host, (await dialog(host, "End the game")).getByRole("button", { name: "End it" }));
  await host.keyboard.press("Enter");
  await host.locator(".stage-end").waitFor();
  await tabTo(host, host.getByRole("button", { name: "Results as CSV" }));
  const download = host.waitForEvent("download");
  await host.keyboard.press("Enter");
  await download;
  // The focus is on a button that the keyboard chose: that is what Enter means; the remote's key means the next step.
  await press(host, "Play again with everyone", "PageDown");
  await host.waitForURL((url) => !url.pathname.endsWith(roomId));
});

test("each dialog closes by Escape and by its own button, and the focus goes back to where it was", async (t) => {
  const scene = await Scene.set(t);
  const { host } = await gathered(scene, ["Ada"]);
  const menu = host.getByRole("button", { name: "Menu" });
  /** @type {[string, string | RegExp][]} */
  const dialogs = [["s", "1 is here"], ["r", "My phone as remote"], ["m", "Menu"], ["?", "Keys"]];
  await tabTo(host, menu);
  for (const [key, name] of dialogs) {
    for (const way of ["Escape", "Enter"]) {
      await host.keyboard.press(key);
      const open = await dialog(host, name);
      if (way === "Enter") await tabTo(host, open.getByRole("button", { name: "Close" }));
      await close(host, way);
      assert.ok(await menu.evaluate((button) => button === document.activeElement), `${name}, by ${way}`);
    }
  }
  await host.keyboard.press("Enter");
  await tabTo(host, (await dialog(host, "Menu")).getByRole("button", { name: "Keys" }));
  await host.keyboard.press("Enter");
  const keys = await dialog(host, "Keys");
  assert.ok((await keys.innerText()).includes("the next step"));
  await tabTo(host, keys.getByRole("button", { name: "Close" }));
  await close(host, "Space");
  assert.ok(await menu.evaluate((button) => button === document.activeElement), "also through two dialogs");
  assert.equal(await host.locator(".stage").getAttribute("data-phase"), "lobby", "no key of a dialog moves the game");
});

test("the next step keeps the focus through a game, and a button that is gone strands nobody", async (t) => {
  const scene = await Scene.set(t);
  const { host, phones } = await gathered(scene, ["Ada"]);
  await tabTo(host, host.getByRole("button", { name: "Lock" }));
  await press(host, "Start", "PageDown");
  await asked(phones[0], 1);
  await tabTo(host, host.locator("[data-next]"));
  for (const name of ["End question", "Ranking", "Next question", "End question", "Ranking", "Next question", "End question", "To the podium"]) {
    await press(host, name, name === "Ranking" ? "Enter" : "Space");
    assert.ok(await host.locator("[data-next]").evaluate((button) => button === document.activeElement), name);
  }
  await host.locator(".stage-end").waitFor();
});

test("a quiz is written, put in order and played by keys alone", async (t) => {
  const scene = await Scene.set(t);
  const host = await scene.device({ ...desktop, path: "/host" });
  await tabTo(host, host.getByRole("button", { name: "Write one by hand" }));
  await host.keyboard.press("Enter");
  await tabTo(host, host.getByLabel("Name of the quiz"));
  await host.keyboard.type("Numbers");
  for (const [text, right] of [["One and one?", "Two"], ["Two and two?", "Four"]]) {
    await tabTo(host, host.getByRole("button", { name: "Add", exact: true }));
    await host.keyboard.press("Enter");
    const field = host.getByLabel("Question", { exact: true });
    await until("the new question has the focus", PATIENCE, () => field.evaluate((area) => area === document.activeElement));
    await host.keyboard.type(text);
    for (const [name, word] of [["A", right], ["B", "Ten"]]) {
      await tabTo(host, host.getByRole("textbox", { name: `Option ${name}` }));
      await host.keyboard.type(word);
      if (name !== "A") continue;
      await host.keyboard.press("Tab");
      await host.keyboard.press("Space");
    }
    for (const name of ["C", "C"]) {
      await tabTo(host, host.getByRole("button", { name: `Remove option ${name}` }));
      await host.keyboard.press("Enter");
      await until("the focus has not been lost", PATIENCE, async () => !(await focus(host)).isNone);
    }
  }
  await tabTo(host, host.getByRole("button", { name: /^Question 1 of 2/ }));
  await host.keyboard.press("ArrowDown");
  await until("they have changed places", PATIENCE, async () => (await host.locator(".edit-name").first().innerText()).includes("Two and two?"));
  await host.keyboard.press("ArrowUp");
  await until("and back", PATIENCE, async () => (await host.locator(".edit-name").first().innerText()).includes("One and one?"));
  await tabTo(host, host.getByRole("button", { name: "Play it" }));
  await host.keyboard.press("Enter");
  await host.getByRole("radio", { name: /Numbers.*2 questions/, checked: true }).waitFor();
  await tabTo(host, host.getByRole("button", { name: "Open the room" }));
  await host.keyboard.press("Space");
  await host.waitForURL(/\/host\/.+/);
  const [{ title }] = await held(host);
  assert.equal(title, "Numbers");
});

test("a player joins, answers and leaves by keys alone", async (t) => {
  const scene = await Scene.set(t);
  const { host, roomId, token, joinCode, phones } = await gathered(scene, ["Ada"]);
  const player = await scene.device(desktop);
  // The code's field has the focus by itself; a code goes on by itself.
  await until("the code's field has the focus", PATIENCE, () => player.getByLabel("Code of the game").evaluate((field) => field === document.activeElement));
  await player.keyboard.type(joinCode);
  await player.getByLabel("Your name").waitFor();
  await tabTo(player, player.getByLabel("Your name"));
  await player.keyboard.press("Control+a");
  await player.keyboard.type("Bilal");
  await player.keyboard.press("Enter");
  await player.getByRole("heading", { name: "You’re in, Bilal" }).waitFor();

  await press(host, "Start", "Space");
  await asked(player, 1);
  await player.keyboard.press("2");
  await choose(phones[0], 0);
  await revealed(player);
  await press(host, "Ranking", "Space");
  await press(host, "Next question", "Space");
  await asked(player, 2);
  await tabTo(player, tiles(player).last());
  await player.keyboard.press("Enter");
  await choose(phones[0], 0);
  await revealed(player);
  const { seats } = await scene.api(`/api/rooms/${roomId}/results`, { token });
  const { answers } = seats.find((/** @type {any} */ { name }) => name === "Bilal");
  assert.equal(answers.filter((/** @type {any} */ { optionId }) => optionId !== null).length, 2, "both answers are there");

  await tabTo(player, player.getByRole("button", { name: "Menu" }));
  await player.keyboard.press("Enter");
  await tabTo(player, (await dialog(player, "Menu")).getByRole("button", { name: "Leave the game" }));
  await player.keyboard.press("Enter");
  await dialog(player, "Leave the game?");
  await close(player);
  assert.ok(await player.getByRole("button", { name: "Menu" }).evaluate((button) => button === document.activeElement), "back where it was");
  await player.keyboard.press("Enter");
  await tabTo(player, (await dialog(player, "Menu")).getByRole("button", { name: "Leave the game" }));
  await player.keyboard.press("Enter");
  await tabTo(player, (await dialog(player, "Leave the game?")).getByRole("button", { name: "Leave", exact: true }));
  await player.keyboard.press("Enter");
  await player.getByRole("heading", { name: "Join a game" }).waitFor();
  const after = await scene.api(`/api/rooms/${roomId}`, { token });
  assert.ok(!after.seats.some((/** @type {any} */ { name }) => name === "Bilal"));
});
