// The operators' page against a real server.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { until } from "../support.mjs";
import { LAPTOP, PATIENCE, PHONE, Scene } from "./scene.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TOKEN = "0123456789abcdef-of-admin";
/** The charts' lines, by what stands beside them. @param {import("playwright-core").Page} page @param {string} label */
const line = (page, label) => page.locator(".lines > div").filter({ hasText: label }).locator("b");

/** The page of a scene's server. @param {Scene} scene @param {{width: number, height: number}} [size] */
const opened = (scene, size = LAPTOP) => scene.device({ size, path: "/admin", base: scene.server.admin });

/** A room of a host and one player. @param {Scene} scene */
async function room(scene) {
  const { roomId, token, joinCode } = await scene.api("/api/rooms", { body: { quizId: "space", count: 3 } });
  await scene.api("/api/rooms/join", { body: { joinCode, name: "Ada" } });
  return { roomId, token, joinCode };
}

test("a room is found by its code, looked at, and ended once it is confirmed", async (t) => {
  const scene = await Scene.set(t);
  const { roomId, token, joinCode } = await room(scene);
  const page = await opened(scene);
  await page.getByRole("heading", { name: "Ready: new games can begin" }).waitFor();
  const rows = page.getByRole("list").getByRole("button");
  await rows.filter({ hasText: "Room, lobby" }).waitFor();
  assert.ok(!(await page.content()).includes(joinCode) && !(await page.content()).includes("Ada"), "a picture of the page tells nobody how to come in");

  await page.getByLabel("Find a session").fill("00000000");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "There is no such session." }).waitFor();
  await page.getByLabel("Find a session").fill(joinCode.toLowerCase());
  await page.keyboard.press("Enter");
  const details = page.getByRole("dialog", { name: /^Session [0-9a-f]{8}$/ });
  await details.getByText("0 of 2 present").waitFor();
  await details.getByText(roomId).waitFor();

  await details.getByRole("button", { name: "End it …" }).click();
  const sure = page.getByRole("dialog", { name: /^End session/ });
  await sure.getByText("Its 2 players are sent away.").waitFor();
  await sure.getByRole("button", { name: "No" }).click();
  await scene.api(`/api/rooms/${roomId}`, { token });

  // By the keyboard alone, from the list.
  await rows.first().focus();
  await page.keyboard.press("Enter");
  await details.getByRole("button", { name: "End it …" }).focus();
  await page.keyboard.press("Enter");
  await sure.getByRole("button", { name: "End it" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("There are no such sessions.").waitFor();
  const gone = await fetch(`${scene.server.base}/api/rooms/${roomId}`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(gone.status, 401, "a token of no room is a bad one");
});

test("the charts go on over a restart, and the page says since when the server is away", async (t) => {
  const scene = await Scene.set(t);
  const page = await opened(scene);
  await until("requests are counted", PATIENCE, async () => {
    await scene.api("/api/quizzes");
    return Number.parseFloat(await line(page, "Requests").innerText()) > 0;
  });
  await page.locator(".plot canvas").first().waitFor();
  await scene.server.kill();
  await page.getByText(/^The server has not answered since/).first().waitFor();
  await until("the line has a gap", PATIENCE, async () => (await line(page, "Requests").innerText()) === "–");
  await scene.server.start();
  await page.locator(".banner").waitFor({ state: "detached" });
  await until("requests are counted again", PATIENCE, async () => {
    await scene.api("/api/quizzes");
    return Number.parseFloat(await line(page, "Requests").innerText()) > 0;
  });
});

test("a backup is made by one click, and one that has no place says why", async (t) => {
  const without = await opened(await Scene.set(t));
  await without.getByRole("button", { name: "Make a backup" }).click();
  await without.getByRole("alert").filter({ hasText: "REJOIN_BACKUP_DIR is not set" }).waitFor();

  const folder = await mkdtemp(path.join(tmpdir(), "rejoin-backups-"));
  t.after(() => rm(folder, { recursive: true }));
  const scene = await Scene.set(t, { env: { REJOIN_BACKUP_DIR: folder } });
  await room(scene);
  const page = await opened(scene);
  await page.getByText("No backup since the server started.").waitFor();
  await page.getByRole("button", { name: "Make a backup" }).click();
  await page.getByText(/rejoin-manual-.*\.redb has 1 game,/).waitFor();
  await page.getByText(/^The last one is of .*: 1 game,/).waitFor();
  assert.deepEqual((await readdir(folder)).map((name) => /^rejoin-manual-.*\.redb$/.test(name)), [true]);
});

test("a token is asked for once, and a wrong one is refused", async (t) => {
  const scene = await Scene.set(t, { env: { REJOIN_ADMIN_TOKEN: TOKEN } });
  const page = await opened(scene);
  const field = page.getByLabel("The admin token");
  await field.fill("0123456789abcdef-of-admix");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "The server doesn’t know this token." }).waitFor();
  await field.fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.getByText("There are no such sessions.").waitFor();
  await page.reload();
  await page.getByText("There are no such sessions.").waitFor();
  assert.deepEqual(await page.evaluate(() => Object.values(localStorage)), [], "only this tab keeps it");
  assert.ok(!page.url().includes(TOKEN));
});

test("the page is accessible in both themes, languages and on a phone", async (t) => {
  const scene = await Scene.set(t);
  await room(scene);
  const page = await scene.device({ size: PHONE, base: scene.server.admin, path: "about:blank" });
  await page.addInitScript({ content: AXE });
  await page.goto("/admin");
  const look = async (/** @type {string} */ name) => {
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      await page.emulateMedia({ colorScheme });
      const faults = await page.evaluate(async () => {
        const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ["violations"] });
        const isWide = (document.scrollingElement?.scrollWidth ?? 0) > innerWidth;
        return [...violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ { target }) => target)}`), ...(isWide ? ["it scrolls sideways"] : [])];
      });
      assert.deepEqual(faults, [], `${name}, ${colorScheme}`);
    }
  };
  await page.locator(".session").first().waitFor();
  await look("the page");
  await page.locator(".session").first().click();
  await page.getByRole("button", { name: "End it …" }).waitFor();
  await look("a session");
  await page.getByRole("button", { name: "End it …" }).click();
  await page.getByRole("button", { name: "No" }).waitFor();
  await look("the question");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "DE: Deutsch" }).click();
  await page.getByRole("heading", { name: "Sitzungen" }).waitFor();
  await look("in German");
});
