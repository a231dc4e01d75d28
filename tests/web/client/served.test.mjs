// Modules are served without their comments and indentation: everything else of them is there, on the same lines.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { parse, tokenizer } from "acorn";
import { startServer } from "../support.mjs";

const WEB = path.resolve(import.meta.dirname, "../../../web");

/** What a program consists of, without what stands between. @param {string} source */
function* tokens(source) {
  let line = 1;
  let at = 0;
  for (const { type, start, end } of tokenizer(source, { ecmaVersion: "latest", sourceType: "module" })) {
    for (; at < start; at++) if (source[at] === "\n") line++;
    yield `${line}: ${type.label} ${source.slice(start, end).replace(/\n\s+/g, "\n")}`;
  }
}

/** Texts over several lines that are no markup, whose indentation would count. @param {any} node @returns {string[]} */
function longTexts(node) {
  if (!node || typeof node !== "object") return [];
  if (Array.isArray(node)) return node.flatMap(longTexts);
  if (node.type === "TaggedTemplateExpression" && node.tag.name === "html") return longTexts(node.quasi.expressions);
  const own = node.type === "TemplateElement" && node.value.raw.includes("\n") ? [node.value.raw] : [];
  return [...own, ...Object.values(node).flatMap(longTexts)];
}

test("what is served is what is read, but for comments and indentation", async (t) => {
  const server = await startServer({ env: { REJOIN_WEB_DIR: undefined } });
  t.after(() => server.stop());
  const modules = (await readdir(WEB, { recursive: true })).filter((name) => name.endsWith(".js") && !name.startsWith("vendor"));
  assert.ok(modules.length > 50);
  for (const name of modules) {
    const source = await readFile(path.join(WEB, name), "utf8");
    const base = name.startsWith("admin/") ? server.admin : server.base;
    const served = await (await fetch(`${base}/web/${name}`)).text();
    assert.deepEqual([...tokens(served)], [...tokens(source)], name);
    assert.doesNotMatch(served, /^\s*(\/\*|\/\/)/m, `${name}: a comment is left`);
    assert.deepEqual(longTexts(parse(source, { ecmaVersion: "latest", sourceType: "module" })), [], name);
  }
});
