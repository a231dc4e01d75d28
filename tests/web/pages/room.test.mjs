// A room: a host at a laptop and three phones, whatever happens to their pages and to the server.
import assert from "node:assert/strict";
import test from "node:test";
import { asked, choose, gathered, isTaken, join, LAPTOP, openRoom, points, revealed, Scene, scoresAgree, step, tiles } from "./scene.mjs";

const THREE = ["Ada", "Bo", "Cy"];

test("a host opens a room from the page, three phones join, and all of it is played to the podium", async (t) => {
  const scene = await Scene.set(t);
  const host = await scene.device({ size: LAPTOP });
  await host.getByRole("link", { name: "Host a game" }).click();
  const { code: joinCode, roomId, token } = await openRoom(host, async () => {
    await host.getByLabel("Questions", { exact: true }).selectOption("5");
  });
  const phones = [];
  for (const name of THREE) {
    const phone = await scene.device();
    await join(phone, joinCode, name);
    await host.locator(".stage-names").getByText(name).waitFor();
    phones.push(phone);
  }
  await step(host, "Start");
  const { questionCount } = await scene.api(`/api/rooms/${roomId}`, { token });
  assert.equal(questionCount, 5);
  for (let n = 1; n <= questionCount; n++) {
    for (const [at, phone] of phones.entries()) {
      await asked(phone, n);
      await choose(phone, at);
    }
    for (const phone of phones) await revealed(phone);
    await host.locator(".stage-reveal").waitFor();
    if (n < questionCount) {
      await step(host, "Ranking");
      await host.locator(".stage-ranking").waitFor();
    }
    await step(host, n < questionCount ? "Next question" : "To the podium");
  }
  const ranking = await scoresAgree(scene, { roomId, token, joinCode, host, phones });
  // Each chose another option: somebody was right.
  assert.ok(ranking[0].total > 0);
});

test("a reload in a question and in its reveal shows the same again, and keeps the answer", async (t) => {
  const scene = await Scene.set(t);
  const table = await gathered(scene, ["Ada", "Bo"]);
  const [ada, bo] = table.phones;
  await step(table.host, "Start");
  await asked(ada, 1);
  const options = await tiles(ada).allInnerTexts();
  await ada.reload();
  await asked(ada, 1);
  assert.deepEqual(await tiles(ada).allInnerTexts(), options);
  await choose(ada, 1);
  await ada.reload();
  await isTaken(ada);
  assert.equal(await tiles(ada).nth(1).getAttribute("aria-pressed"), "true");
  await table.host.reload();
  await asked(bo, 1);
  await choose(bo, 0);
  await revealed(ada);
  const before = { verdict: await ada.locator(".verdict").innerText(), points: await points(ada) };
  await ada.reload();
  await revealed(ada);
  assert.deepEqual({ verdict: await ada.locator(".verdict").innerText(), points: await points(ada) }, before);
  await table.host.reload();
  await table.host.locator(".stage-reveal").waitFor();
});

test("a server that is killed in mid-question comes back, and everyone goes on with the right scores", async (t) => {
  const scene = await Scene.set(t);
  const table = await gathered(scene, THREE);
  const { host, phones } = table;
  await step(host, "Start");
  for (let n = 1; n <= 3; n++) {
    for (const phone of phones) await asked(phone, n);
    await choose(phones[0], 0);
    await scene.server.kill();
    // One answers while nobody listens.
    await tiles(phones[1]).nth(1).click();
    await phones[1].getByText("Connection lost, answer kept").waitFor();
    await host.getByText("Connection lost, the game is kept").waitFor();
    await scene.server.start();
    await isTaken(phones[1]);
    await isTaken(phones[0]);
    await choose(phones[2], 2);
    for (const phone of phones) await revealed(phone);
    if (n < 3) await step(host, "Ranking");
    await step(host, n < 3 ? "Next question" : "To the podium");
  }
  await scoresAgree(scene, table);
});

test("who is taken out is told so, who comes to a locked, unknown or ended room too", async (t) => {
  const scene = await Scene.set(t);
  const { host, phones, joinCode } = await gathered(scene, ["Ada", "Bo"]);
  await host.keyboard.press("s");
  await host.getByRole("button", { name: "Kick Ada" }).click();
  await host.getByRole("button", { name: "Yes, kick" }).click();
  await phones[0].getByRole("heading", { name: "The host took you out of the game" }).waitFor();
  await host.keyboard.press("Escape");

  await host.keyboard.press("l");
  await host.getByText("room locked").waitFor();
  const late = await scene.device({ path: `/j/${joinCode}` });
  await late.getByLabel("Your name").fill("Dee");
  await late.getByRole("button", { name: "I’m in" }).click();
  await late.getByRole("heading", { name: "The door is closed" }).waitFor();

  const lost = await scene.device({ path: "/j/ZZZZZZ" });
  await lost.getByLabel("Your name").fill("Dee");
  await lost.getByRole("button", { name: "I’m in" }).click();
  await lost.getByLabel("Code of the game").waitFor();

  await step(host, "Start");
  await host.keyboard.press("m");
  await host.getByRole("button", { name: "End the game" }).click();
  await host.getByRole("button", { name: "End it" }).click();
  await phones[1].locator(".final, .ended").first().waitFor();
});

test("the end page tells of every question that one could answer, and of no place without points", async (t) => {
  const scene = await Scene.set(t);
  const { host, phones: [ada], joinCode, roomId } = await gathered(scene, ["Ada"]);
  await step(host, "Start");
  await choose(ada, 0);
  await revealed(ada);
  const late = await scene.device({ path: `/j/${joinCode}` });
  await late.getByLabel("Your name").fill("Late");
  await late.getByRole("button", { name: "I’m in" }).click();
  await revealed(late);
  for (const n of [2, 3]) {
    await step(host, "Ranking");
    await step(host, "Next question");
    await asked(late, n);
    await step(host, "End question");
    await revealed(late);
  }
  await step(host, "To the podium");
  for (const [phone, of] of /** @type {const} */ ([[ada, 3], [late, 2]])) {
    await phone.locator(".final").getByText(new RegExp(`^[01] of ${of}$`)).waitFor();
    assert.equal(await phone.locator(".answer-entry").count(), of);
    assert.equal(await phone.locator(".chart rect").count(), of);
    await phone.locator(".answer-entry").last().locator("summary").click();
    const last = await phone.locator(".answer-entry").last().innerText();
    assert.match(last, /No answer[^]*Right answer/);
  }
  await late.getByRole("heading", { name: "That was it" }).waitFor();
  await host.locator(".stage-rest").getByText("Late").waitFor();
  assert.doesNotMatch(await late.locator(".final").innerText(), /place|won/);

  // What is over is not gone on with.
  await late.goto("/");
  await late.getByRole("link", { name: /Late.*Results/ }).waitFor();
  await host.goto("/host");
  await host.getByRole("link", { name: /Space.*You host.*Results/ }).click();
  await host.waitForURL(`**/host/${roomId}`);
});

test("the setup page leads back to the game that this browser hosts", async (t) => {
  const scene = await Scene.set(t);
  const { host, phones: [ada] } = await gathered(scene, ["Ada"]);
  await step(host, "Start");
  await asked(ada, 1);
  await host.goto("/host");
  await host.getByRole("link", { name: /Space.*You host.*question 1 of 3.*Back in/ }).click();
  await host.locator(".stage-question").waitFor();
});

test("a stage learns the new address of a server that was started anew", async (t) => {
  const scene = await Scene.set(t);
  let lanUrl = "http://192.168.7.1:8080";
  const { roomId, token } = await scene.api("/api/rooms", { body: { quizId: "space" } });
  const host = await scene.device({ size: LAPTOP, path: "about:blank" });
  await host.route("**/api", async (route) => {
    const reply = await route.fetch().catch(() => null);
    return reply ? route.fulfill({ json: { ...(await reply.json()), lanUrl } }) : route.abort();
  });
  await host.goto(`/host/${roomId}#token=${token}`);
  await host.getByText("192.168.7.1:8080").waitFor();
  lanUrl = "http://192.168.7.2:8080";
  await scene.server.restart();
  await host.getByText("192.168.7.2:8080").waitFor();
});
