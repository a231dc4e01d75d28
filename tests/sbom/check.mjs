// Checks a bill of materials: node tests/sbom/check.mjs <file> <list of crates>. It must follow CycloneDX's own schema
// and name every crate of the list, which has lines such as `redb v4.6.1`. It may name more: the tool that makes it
// goes by the lock file, where features that are off have crates too.
import { readFile } from "node:fs/promises";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";

const [file, list] = process.argv.slice(2);
const text = await readFile(file, "utf8");
const bill = JSON.parse(text);

const version = Spec.Version[`v${bill.specVersion.replace(".", "dot")}`];
const problem = await new Validation.JsonStrictValidator(version).validate(text);
if (problem !== null) {
    throw new Error(`${file} does not follow the schema: ${JSON.stringify(problem)}`);
}

const lines = (await readFile(list, "utf8")).split("\n").filter(Boolean);
const wanted = new Set(lines.map((line) => line.split(" ").slice(0, 2).join(" ")));
const named = new Set(bill.components.map(({ name, version }) => `${name} v${version}`));
const missing = [...wanted].filter((crate) => !named.has(crate));
if (wanted.size < 100 || missing.length > 0) {
    throw new Error(`${file}: of ${wanted.size} crates in the binary these are missing: ${missing}`);
}
const noLicense = bill.components.filter(({ licenses }) => !licenses?.length).map(({ name }) => name);
if (noLicense.length > 0) {
    throw new Error(`${file}: without a licence: ${noLicense}`);
}
const more = named.size - wanted.size;
console.log(`the bill follows CycloneDX ${bill.specVersion} and names the ${wanted.size} crates in the binary, and ${more} more`);
