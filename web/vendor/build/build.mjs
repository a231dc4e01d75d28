// Makes ../preact.js and ../LICENSES.txt from the packages that package-lock.json pins, and SHA256SUMS of both:
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

/** What is inside preact.js; signals-core comes with signals. */
const PACKAGES = ["preact", "@preact/signals", "@preact/signals-core", "htm"];

/** @param {string} name */
async function licence(name) {
  const folder = path.join(here, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const text = await readFile(path.join(folder, "LICENSE"), "utf8");
  return { title: `${name} ${version}`, text: `${name} ${version} (${license})\n\n${text.trim()}\n` };
}

const licences = await Promise.all(PACKAGES.map(licence));
const contents = licences.map(({ title }) => title).join(", ");
const { outputFiles } = await build({
  entryPoints: [path.join(here, "entry.js")],
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

/** @type {Record<string, string>} */
const files = { "preact.js": outputFiles[0].text, "LICENSES.txt": licences.map(({ text }) => text).join(`\n${"-".repeat(72)}\n\n`) };
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
