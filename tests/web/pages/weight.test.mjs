// What the pages weigh on the wire, by file: the first load, and all of them together.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { Scene } from "./scene.mjs";

const KB = 1_000;
const FIRST_LOAD = 60 * KB;
const ALL = 120 * KB;
const WEB = path.resolve(import.meta.dirname, "../../../web");

/** The pages inside the binary: those of a folder are not compressed. */
const EMBEDDED = { env: { REJOIN_WEB_DIR: undefined } };

/** The files that a player's or host's browser may load, as paths beneath `web/`. */
async function files() {
  const all = await readdir(WEB, { recursive: true });
  const isOfOperators = (/** @type {string} */ name) => name.startsWith("admin/") || name.startsWith("vendor/uplot");
  return all.filter((name) => /\.(js|css|json|html|svg)$/.test(name) && !name.startsWith("vendor/build/") && !isOfOperators(name)).sort();
}

test("the first load is under 60 KB on the wire", async (t) => {
  const scene = await Scene.set(t, EMBEDDED);
  const page = await scene.device({ path: "about:blank" });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  let bytes = 0;
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => void (bytes += encodedDataLength));
  await page.goto(scene.server.base);
  await page.getByLabel("Code of the game").waitFor();
  await page.waitForLoadState("networkidle");
  t.diagnostic(`${bytes} bytes, with the heads of the replies`);
  assert.ok(bytes > 10 * KB && bytes < FIRST_LOAD, `${bytes} bytes`);
});

test("the shell names beforehand all modules that the first page needs, and no other", async (t) => {
  const scene = await Scene.set(t, EMBEDDED);
  const page = await scene.device();
  await page.getByLabel("Code of the game").waitFor();
  const { loaded, named } = await page.evaluate(() => ({
    loaded: performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname).filter((path) => path.endsWith(".js")),
    named: [...document.querySelectorAll("link[rel=modulepreload]")].map((link) => new URL(/** @type {HTMLLinkElement} */ (link).href).pathname),
  }));
  assert.deepEqual([...new Set(named)].sort(), [...new Set(loaded)].sort());
});

test("all pages together are under 120 KB on the wire", async (t) => {
  const scene = await Scene.set(t, EMBEDDED);
  let sum = 0;
  for (const name of await files()) {
    const where = name === "index.html" ? "/" : `/web/${name}`;
    const reply = await fetch(scene.server.base + where, { headers: { "Accept-Encoding": "br" } });
    assert.equal(reply.status, 200, where);
    const bytes = Number(reply.headers.get("content-length"));
    assert.ok(bytes > 0, where);
    t.diagnostic(`${String(bytes).padStart(6)} ${where}`);
    sum += bytes;
  }
  t.diagnostic(`${String(sum).padStart(6)} all`);
  assert.ok(sum > 50 * KB && sum < ALL, `${sum} bytes`);
});
