import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const VENDOR = new URL("../../../web/vendor/", import.meta.url);
const read = (/** @type {string} */ name) => readFile(new URL(name, VENDOR), "utf8");

test("the vendored files are those that build.mjs made", async () => {
  const sums = (await read("SHA256SUMS")).trim().split("\n").map((line) => line.split("  "));
  assert.deepEqual(sums.map(([, name]) => name), ["preact.js", "uplot.js", "uplot.css", "LICENSES.txt"]);
  for (const [sum, name] of sums) {
    assert.equal(createHash("sha256").update(await read(name)).digest("hex"), sum, name);
  }
});

test("they are of the versions that are pinned, and their licences are there", async () => {
  const { packages } = JSON.parse(await read("build/package-lock.json"));
  const licences = await read("LICENSES.txt");
  const modules = { "preact.js": ["preact", "@preact/signals", "@preact/signals-core", "htm"], "uplot.js": ["uplot"] };
  for (const [module, names] of Object.entries(modules)) {
    const [first] = (await read(module)).split("\n");
    for (const name of names) {
      const { version } = packages[`node_modules/${name}`];
      assert.ok(first.includes(`${name} ${version}`), name);
      assert.ok(licences.includes(`${name} ${version} (`), name);
    }
  }
});

test("locks name no place to fetch from", async () => {
  for (const lock of ["build/package-lock.json", "../../tests/web/package-lock.json"]) {
    assert.ok(!(await read(lock)).includes('"resolved"'), lock);
  }
});

test("the vendored module has what pages import", async () => {
  const names = "Fragment batch computed createContext effect h html render signal useCallback useComputed useContext useEffect useLayoutEffect useMemo useRef useSignal useSignalEffect useState";
  assert.deepEqual(Object.keys(await import("../../../web/vendor/preact.js")).sort(), names.split(" ").sort());
});
