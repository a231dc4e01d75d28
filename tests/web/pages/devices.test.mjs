// Networks that fail, tabs that are two, phones that sleep, and laptops that die.
import assert from "node:assert/strict";
import test from "node:test";
import { Network } from "../support.mjs";
import { asked, choose, gathered, isTaken, LAPTOP, PHONE, revealed, Scene, scoresAgree, step, tiles } from "./scene.mjs";

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

test("a phone that sleeps over a dead connection is back within two seconds of waking", async (t) => {
  const scene = await Scene.set(t);
  const wifi = await network(t, scene);
  const { host, phones: [ada] } = await gathered(scene, ["Ada"], { bases: [wifi.base] });
  wifi.freeze();
  await step(host, "Start");
  await host.locator(".stage-question").waitFor();
  assert.equal(await ada.locator(".asked").count(), 0);
  await ada.evaluate(() => void document.dispatchEvent(new Event("visibilitychange")));
  await ada.locator(".asked").waitFor({ timeout: 2_000 });
});
