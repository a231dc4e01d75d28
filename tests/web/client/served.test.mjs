// Modules are served without their comments: everything else of them is there, on the same lines.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { tokenizer } from "acorn";
import { startServer } from "../support.mjs";

const WEB = path.resolve(import.meta.dirname, "../../../web");

/** What a program consists of, without what stands between. @param {string} source */
function* tokens(source) {
  let line = 1;
  let at = 0;
  for (const { type, start, end } of tokenizer(source, { ecmaVersion: "latest", sourceType: "module" })) {
    for (; at < start; at++) if (source[at] === "\n") line++;
    yield `${line}: ${type.label} ${source.slice(start, end)}`;
  }
}

test("what is served is what is read, but for the comments", async (t) => {
  const server = await startServer({ env: { REJOIN_WEB_DIR: undefined } });
  t.after(() => server.stop());
  const modules = (await readdir(WEB, { recursive: true })).filter((name) => name.endsWith(".js") && !name.startsWith("vendor"));
  assert.ok(modules.length > 50);
  for (const name of modules) {
    const source = await readFile(path.join(WEB, name), "utf8");
    const served = await (await fetch(`${server.base}/web/${name}`)).text();
    assert.deepEqual([...tokens(served)], [...tokens(source)], name);
    assert.doesNotMatch(served, /^\s*(\/\*|\/\/)/m, `${name}: a comment is left`);
  }
});
