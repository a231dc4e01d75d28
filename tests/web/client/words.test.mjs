// The words of the pages: each key that is used is there, each that is there is used, and both languages say the same.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";

const WEB = path.resolve(import.meta.dirname, "../../../web");
const FORM = /\.(?:zero|one|two|few|many|other)$/;

/** The code of modules, without its comments. @param {(name: string) => boolean} isOf */
async function sources(isOf) {
  const names = (await readdir(WEB, { recursive: true })).filter((name) => name.endsWith(".js") && !name.startsWith("vendor") && isOf(name));
  const texts = await Promise.all(names.map((name) => readFile(path.join(WEB, name), "utf8")));
  return texts.map((text) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")).join("\n");
}

/** The pages of players and hosts, and the page of operators, which has words of its own. */
const AREAS = [
  { area: "players", folder: "text", isOf: (/** @type {string} */ name) => !name.startsWith("admin/"), leastCalls: 200 },
  { area: "operators", folder: "admin/text", isOf: (/** @type {string} */ name) => name.startsWith("admin/"), leastCalls: 50 },
];
/** Words of `ui/pieces.js` that the operators' page shows too. */
const BORROWED = ["confirm.no", "theme.system", "theme.light", "theme.dark"];

for (const { area, folder, isOf, leastCalls } of AREAS) {
  const words = async (/** @type {string} */ code) => JSON.parse(await readFile(path.join(WEB, folder, `${code}.json`), "utf8"));
  const [en, de] = await Promise.all(["en", "de"].map(words));
  const code = await sources(isOf);

  /** What a call's first argument may be: the literals in it, but for those that something is compared with. @param {number} from behind the bracket */
  function literalsFrom(from) {
    const argument = /^(?:[^()`,"]|"[^"]*"|`[^`]*`|\((?:[^()])*\))*/.exec(code.slice(from, from + 400))?.[0] ?? "";
    return [...argument.replace(/`[^`]*`/g, "").matchAll(/([!=]==\s*)?"([\w.-]+)"/g)].flatMap(([, compared, literal]) => (compared ? [] : [literal]));
  }
  const called = [...code.matchAll(/\bt\(/g)].flatMap(({ index, 0: call }) => literalsFrom(index + call.length));

  /** All that could be a key, and how keys that are built begin: t(`verdict.${outcome}`); or end: t(`${key}Last`). What is kept in the browser has names of its own. */
  const literals = new Set([...code.matchAll(/"([\w-]+(?:\.[\w-]+)*)"/g)].map(([, literal]) => literal).concat(area === "operators" ? BORROWED : []));
  const beginnings = [...new Set([...code.matchAll(/`(?!rejoin\.)([a-zA-Z]+\.[\w.-]*)\$\{/g)].map(([, beginning]) => beginning))];
  const endings = [...code.matchAll(/`\$\{key\}([\w.-]+)`/g)].map(([, ending]) => ending);

  const isThere = (/** @type {string} */ key) => key in en || `${key}.other` in en;

  test(`${area}: every key that is used is there`, () => {
    assert.ok(called.length > leastCalls, "the calls are found");
    assert.deepEqual(called.filter((key) => !isThere(key)), []);
    const keys = Object.keys(en);
    assert.deepEqual(beginnings.filter((beginning) => !keys.some((key) => key.startsWith(beginning))), []);
  });

  test(`${area}: every key that is there is used`, () => {
    const isNamed = (/** @type {string} */ key) => literals.has(key) || endings.some((ending) => key.endsWith(ending) && literals.has(key.slice(0, -ending.length)));
    const isUsed = (/** @type {string} */ key) => [key, key.replace(FORM, "")].some((one) => isNamed(one)) || beginnings.some((beginning) => key.startsWith(beginning));
    assert.deepEqual(Object.keys({ ...en, ...de }).filter((key) => !isUsed(key)), []);
  });

  test(`${area}: both languages have the same keys, with the same things to fill in`, () => {
    /** The names in braces by key, those of all plural forms together. @param {Record<string, string>} texts */
    const blanks = (texts) => {
      /** @type {Record<string, string[]>} */
      const found = {};
      for (const [key, text] of Object.entries(texts)) {
        const names = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        found[key.replace(FORM, "")] = [...new Set([...(found[key.replace(FORM, "")] ?? []), ...names])].sort();
      }
      return Object.fromEntries(Object.entries(found).sort());
    };
    assert.deepEqual(blanks(de), blanks(en));
  });

  test(`${area}: every plural has its last form, and nothing is empty`, () => {
    for (const texts of [en, de]) {
      assert.deepEqual(Object.entries(texts).filter(([, text]) => !text.trim()), []);
      assert.deepEqual(Object.keys(texts).filter((key) => FORM.test(key) && !(key.replace(FORM, ".other") in texts)), []);
    }
  });
}
