// Every screen in both themes: what axe finds, one heading of the first level, a title, and nothing that scrolls sideways.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import test from "node:test";
import { Scene } from "./scene.mjs";
import * as screens from "./screens.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Looks at a page, and keeps what is wrong with it. @param {string[]} faults @returns {screens.Look} */
const lookFor = (faults) => async (page, name) => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    const found = await page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ["violations"] });
      const isShown = (/** @type {Element} */ element) => element.checkVisibility();
      return [
        ...violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ { target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`),
        ...([...document.querySelectorAll("h1, [role=heading][aria-level='1']")].filter(isShown).length === 1 ? [] : ["not one heading of the first level"]),
        ...(document.title ? [] : ["no title"]),
        ...((document.scrollingElement?.scrollWidth ?? 0) > innerWidth ? ["it scrolls sideways"] : []),
      ];
    });
    faults.push(...found.map((/** @type {string} */ what) => `${name}, ${colorScheme}: ${what}`));
  }
};

test("every screen is accessible, in light and dark", async (t) => {
  const scene = await Scene.set(t);
  // Scripts of the browser's own run before a page's policy holds.
  const { browser } = scene;
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    await context.addInitScript({ content: AXE });
    return context;
  };
  for (const [name, walk] of Object.entries(screens)) {
    await t.test(name, async () => {
      /** @type {string[]} */
      const faults = [];
      await walk(scene, lookFor(faults));
      assert.deepEqual(faults, []);
      for (const context of browser.contexts()) await context.close();
    });
  }
});
