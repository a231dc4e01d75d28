// Networks that fail, tabs that are two, phones that sleep, and laptops that die.
import assert from "node:assert/strict";
import test from "node:test";
import { Network } from "../support.mjs";
import { asked, choose, gathered, isTaken, join, LAPTOP, PHONE, QUICK, revealed, Scene, scoresAgree, step, tiles } from "./scene.mjs";

/** Longer than the server waits for a sign of life. */
const OUTAGE_MS = 10_000;

/** A network between a phone and the scene's server. @param {import("node:test").TestContext} t @param {Scene} scene @param {{refuses?: RegExp}} [options] */
async function network(t, scene, options) {
  const made = await new Network(scene.server, options).start();
  t.after(() => made.stop());
  return made;
}

/** Plays the rest of a game that has been started. @param {Awaited<ReturnType<typeof gathered>>} table @param {number} from @param {import("playwright-core").Page} [host] */
async function playOn({ host: usual, phones }, from, host = usual) {
  for (let n = from; n <= 3; n++) {
    for (const [at, phone] of phones.entries()) {
      await asked(phone, n);
      await choose(phone, at);
    }
    for (const phone of phones) await revealed(phone);
    if (n < 3) await step(host, "Ranking");
    await step(host, n < 3 ? "Next question" : "To the podium");
  }
}

test("a phone that is offline for ten seconds keeps its answer, and hands it in", async (t) => {
  const scene = await Scene.set(t);
  const wifi = await network(t, scene);
  const table = await gathered(scene, ["Ada", "Bo"], { bases: [wifi.base] });
  const [ada, bo] = table.phones;
  await step(table.host, "Start");
  await asked(ada, 1);
  wifi.down();
  await tiles(ada).first().click();
  await ada.getByText("Connection lost, answer kept").waitFor();
  await ada.locator(".answer-status").getByText("Your answer is kept.").waitFor();
  await ada.waitForTimeout(OUTAGE_MS);
  assert.equal(await tiles(ada).first().getAttribute("aria-pressed"), "true");
  wifi.up();
  await isTaken(ada);
  await ada.getByText("Connected again").waitFor();
  await choose(bo, 1);
  await revealed(ada);
  await step(table.host, "Ranking");
  await step(table.host, "Next question");
  await playOn(table, 2);
  await scoresAgree(scene, table);
});

test("where WebSockets are blocked, a phone plays by long polls", async (t) => {
  const scene = await Scene.set(t);
  const firewall = await network(t, scene, { refuses: /^upgrade: websocket/im });
  const table = await gathered(scene, ["Ada", "Bo"], { bases: [firewall.base] });
  await step(table.host, "Start");
  await playOn(table, 1);
  await scoresAgree(scene, table);
  assert.match(firewall.sent, /GET \/api\/rooms\/[^ ]+\/events\?/);
});

test("of two tabs one plays, the other says so and takes the game back", async (t) => {
  const scene = await Scene.set(t);
  const table = await gathered(scene, ["Ada", "Bo"]);
  const [ada] = table.phones;
  await step(table.host, "Start");
  await asked(ada, 1);
  const other = await scene.watched(ada.context());
  await other.goto("/");
  await other.getByRole("link", { name: /Space/ }).click();
  await asked(other, 1);
  await ada.getByRole("heading", { name: "Your game goes on elsewhere" }).waitFor();
  await ada.getByRole("button", { name: "Go on here" }).click();
  await asked(ada, 1);
  await other.getByRole("heading", { name: "Your game goes on elsewhere" }).waitFor();
  await playOn(table, 1);
  await scoresAgree(scene, table);
});

test("a phone goes on on another one, by the code that it shows", async (t) => {
  const scene = await Scene.set(t);
  const table = await gathered(scene, ["Ada", "Bo"]);
  const [ada] = table.phones;
  await step(table.host, "Start");
  await asked(ada, 1);
  await ada.getByRole("button", { name: "Menu" }).click();
  await ada.getByRole("button", { name: "Go on with another device" }).click();
  const code = ada.locator(".device-code");
  await code.getByText(/\w{4} \w{4}/).waitFor();
  const next = await scene.device({ path: `/j/${table.joinCode}#seat=${(await code.innerText()).replaceAll(" ", "")}` });
  await asked(next, 1);
  assert.ok(!next.url().includes("seat="), "the code does not stay in the address");
  await ada.getByRole("heading", { name: "Your game goes on elsewhere" }).waitFor();
  await ada.getByRole("button", { name: "Go on here" }).click();
  // The code has made the other phone the seat's own.
  await ada.getByRole("heading", { name: "This seat is no longer yours" }).waitFor();
  await ada.context().close();
  table.phones[0] = next;
  await playOn(table, 1);
  await scoresAgree(scene, table);
});

test("the game outlives the host's laptop: another one takes it over, and a phone is its remote", async (t) => {
  const scene = await Scene.set(t);
  const table = await gathered(scene, ["Ada", "Bo"]);
  const { host, joinCode, roomId } = table;
  await step(host, "Start");
  await host.keyboard.press("m");
  await host.getByRole("button", { name: "Continue on another computer" }).click();
  const shown = host.locator(".host-codes dd").nth(1);
  await shown.getByText(/\w{4}/).waitFor();
  const seatCode = await shown.innerText();

  const laptop = await scene.device({ size: LAPTOP, path: "/host" });
  await laptop.getByText("Go on with a game from another device").click();
  await laptop.getByLabel("Room code").fill(joinCode);
  await laptop.getByLabel("Seat code").fill(seatCode);
  await laptop.getByRole("button", { name: "Take over" }).click();
  await laptop.locator(".stage-question").waitFor();
  await host.getByRole("heading", { name: "The game continues on another device" }).waitFor();
  await host.reload();
  await host.getByRole("heading", { name: "This device no longer runs the game" }).waitFor();
  await host.context().close();

  // The remote in the host's hand holds the same seat.
  const token = await laptop.evaluate(() => JSON.parse(localStorage.getItem("rejoin.seats") ?? "[]")[0].token);
  const remote = await scene.device({ size: PHONE, path: `/host/${roomId}#token=${token}` });
  await remote.locator(".remote-question").waitFor();
  assert.ok(!remote.url().includes("token="), "the token does not stay in the address");
  for (const phone of table.phones) await choose(phone, 0);
  await laptop.locator(".stage-reveal").waitFor();
  await step(remote, "Next question");
  await playOn({ ...table, host: laptop }, 2);
  await scoresAgree(scene, { ...table, token, host: laptop });
});

test("a phone that sleeps over a dead connection is back when it wakes, before one that goes on sleeping", async (t) => {
  const scene = await Scene.set(t);
  const wifi = await network(t, scene);
  const { host, phones: [bo, ada] } = await gathered(scene, ["Bo", "Ada"], { bases: [wifi.base, wifi.base] });
  // Bo was there first: of the two connections his would be noticed first.
  wifi.freeze();
  await step(host, "Start");
  await host.locator(".stage-question").waitFor();
  assert.equal(await ada.locator(".asked").count(), 0);
  await ada.evaluate(() => void document.dispatchEvent(new Event("visibilitychange")));
  await ada.locator(".asked").waitFor();
  assert.equal(await bo.locator(".asked").count(), 0);
});

test("of two seats in one browser each tab keeps its own, and the landing page knows both", async (t) => {
  const scene = await Scene.set(t);
  const { joinCode, phones: [ada] } = await gathered(scene, ["Ada"]);
  const bo = await scene.watched(ada.context());
  await bo.goto(`/j/${joinCode}`);
  await bo.getByRole("button", { name: "Join as someone else" }).click();
  await bo.getByLabel("Your name").fill("Bo");
  await bo.getByRole("button", { name: "I’m in" }).click();
  await bo.getByRole("heading", { name: "You’re in, Bo" }).waitFor();
  await ada.reload();
  await ada.getByRole("heading", { name: "You’re in, Ada" }).waitFor();
  for (const name of ["Ada", "Bo"]) {
    await bo.goto("/");
    await bo.getByRole("link", { name: new RegExp(`${name} · `) }).click();
    await bo.getByRole("heading", { name: `You’re in, ${name}` }).waitFor();
  }
});

/** Has the browser's storages refuse to take anything. @param {import("playwright-core").Page} page @param {string[]} names */
const refuse = (page, names) =>
  page.addInitScript((refused) => {
    const { setItem } = Storage.prototype;
    Storage.prototype.setItem = function (...entry) {
      if (refused.some((name) => this === /** @type {any} */ (window)[name])) throw new DOMException("full", "QuotaExceededError");
      setItem.apply(this, entry);
    };
  }, names);

test("where nothing more can be stored a seat lasts as long as its tab, or the host is warned", async (t) => {
  const scene = await Scene.set(t);
  const { roomId, token, joinCode } = await scene.api("/api/rooms", { body: QUICK });
  const [phone, host] = [await scene.device(), await scene.device({ size: LAPTOP })];
  await refuse(phone, ["localStorage"]);
  await join(phone, joinCode, "Ada");
  await phone.reload();
  await phone.getByRole("heading", { name: "You’re in, Ada" }).waitFor();
  await refuse(host, ["localStorage", "sessionStorage"]);
  await host.goto(`/host/${roomId}#token=${token}`);
  await host.getByText("This browser keeps nothing").waitFor();
});

test("a stage without a seat takes the token that its address is given", async (t) => {
  const scene = await Scene.set(t);
  const { roomId, token } = await scene.api("/api/rooms", { body: QUICK });
  const host = await scene.device({ size: LAPTOP, path: `/host/${roomId}` });
  await host.locator(".host-stopped").waitFor();
  await host.evaluate((fragment) => void (location.hash = fragment), `token=${token}`);
  await host.locator(".stage-code").waitFor();
  assert.equal(new URL(host.url()).hash, "");
});

test("a remote's code is drawn whatever the title is written in, and what can't be drawn is written out", async (t) => {
  const scene = await Scene.set(t);
  const questions = [{ kind: "poll", questionId: "q", text: "How?" }];
  for (const body of [{ questions }, QUICK]) {
    const { roomId, token } = await scene.api("/api/rooms", { body });
    const host = await scene.device({ size: LAPTOP, path: `/host/${roomId}#${new URLSearchParams({ token, title: "Ж".repeat(60) })}` });
    await host.locator(".stage-code").waitFor();
    await host.keyboard.press("r");
    const asked = host.waitForRequest((request) => request.url().endsWith("/api/qr") && String(request.postData()).includes("#token="));
    await host.getByRole("button", { name: "Show the code" }).click();
    const { text } = (await asked).postDataJSON();
    assert.ok(text.length <= 300, text);
    assert.equal(new URLSearchParams(text.split("#")[1]).has("title"), "questions" in body);
    await host.locator("dialog .qr img").waitFor();
  }
  const { roomId, token } = await scene.api("/api/rooms", { body: QUICK });
  const host = await scene.device({ size: LAPTOP });
  await host.route("**/api/qr", (route) => route.fulfill({ status: 422, json: { code: "invalid-request" } }));
  await host.goto(`/host/${roomId}#token=${token}`);
  await host.locator(".stage-code").waitFor();
  await host.keyboard.press("r");
  await host.getByRole("button", { name: "Show the code" }).click();
  await host.locator("dialog").getByText(`#token=${token}`).waitFor();
});
