// Makes ../preact.js, ../uplot.js, ../uplot.css and ../LICENSES.txt from the packages that package-lock.json pins, and
// SHA256SUMS of all:
//
//     npm ci --ignore-scripts && npm run build     writes them
//     npm run check                                ends with 1 if they are not what the packages give
//
// The same packages give the same bytes.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));

/** The packages inside each module, and its source. signals-core comes with signals. @type {Record<string, {packages: string[], entry: string}>} */
const MODULES = {
  "preact.js": { packages: ["preact", "@preact/signals", "@preact/signals-core", "htm"], entry: "entry.js" },
  "uplot.js": { packages: ["uplot"], entry: "uplot.js" },
};

/** @param {string} name */
async function licence(name) {
  const folder = path.join(here, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const text = await readFile(path.join(folder, "LICENSE"), "utf8");
  return { title: `${name} ${version}`, text: `${name} ${version} (${license})\n\n${text.trim()}\n` };
}

/** @param {string} entry @param {string} contents */
async function bundled(entry, contents) {
  const { outputFiles } = await build({
    entryPoints: [path.join(here, entry)],
    absWorkingDir: here,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    write: false,
    banner: { js: `// ${contents}. Licences: LICENSES.txt. Made by build/build.mjs.` },
  });
  return outputFiles[0].text;
}

/** @type {Record<string, string>} */
const files = {};
/** @type {string[]} */
const texts = [];
for (const [name, { packages, entry }] of Object.entries(MODULES)) {
  const licences = await Promise.all(packages.map(licence));
  files[name] = await bundled(entry, licences.map(({ title }) => title).join(", "));
  texts.push(...licences.map(({ text }) => text));
}
files["uplot.css"] = await readFile(path.join(here, "node_modules/uplot/dist/uPlot.min.css"), "utf8");
files["LICENSES.txt"] = texts.join(`\n${"-".repeat(72)}\n\n`);
files["SHA256SUMS"] = Object.entries(files)
  .map(([name, text]) => `${createHash("sha256").update(text).digest("hex")}  ${name}\n`)
  .join("");

for (const [name, text] of Object.entries(files)) {
  const file = path.join(here, "..", name);
  if (!process.argv.includes("--check")) {
    await writeFile(file, text);
  } else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
    console.error(`${name} is not what the pinned packages give: npm run build`);
    process.exitCode = 1;
  }
}
