/** Files: questions that the server reads, keeping nothing of them, and what the browser saves. */
import { hostApi } from "./access.js";
import { newId } from "./quiz.js";

/**
 * @typedef {object} Imported
 * @property {string} title
 * @property {string} [description]
 * @property {import("./quiz.js").Draft[]} questions
 * @property {any} [scoring] @property {any} [defaults]
 * @property {string} summary
 * @property {{path: string, message: string}[]} leftOut
 * @property {number} leftOutCount
 * @property {(string | {path?: string, message: string})[]} warnings
 */

/** A bank's own words about itself, which an import doesn't hand back. @param {string} text @returns {{title?: string, description?: string, scoring?: any}} */
function headOf(text) {
  try {
    const { title, description, scoring } = JSON.parse(text);
    return { title, description, scoring };
  } catch {
    return {};
  }
}

/**
 * Reads files one after another into one quiz, which is called after the first.
 * @param {File[]} files
 * @returns {Promise<Imported>}
 */
export async function importFiles(files) {
  /** @type {any[]} */
  const all = [];
  for (const file of files) all.push(await importFile(file));
  const of = (/** @type {string} */ name) => all.flatMap((one) => one[name]);
  return { ...all[0], questions: apart(of("questions")), summary: of("summary").join(" · "), leftOut: of("leftOut"), leftOutCount: of("leftOutCount").reduce((sum, count) => sum + count), warnings: of("warnings") };
}

/** Two files may name their questions alike, and one quiz may hold both. @param {import("./quiz.js").Draft[]} questions */
export function apart(questions) {
  const known = new Set();
  return questions.map((question) => {
    const questionId = known.has(question.questionId) ? `q-${newId()}` : question.questionId;
    known.add(questionId);
    return { ...question, questionId };
  });
}

/** @param {File} file @returns {Promise<Imported>} */
async function importFile(file) {
  const read = await hostApi().postFile(`/api/quizzes/import?name=${encodeURIComponent(file.name)}`, file);
  const head = /\.json$/i.test(file.name) || file.name === "" ? headOf(await file.text()) : {};
  const questions = read.questions.map((/** @type {any} */ question) => ({ kind: "choice", ...question }));
  return { ...read, questions, title: head.title ?? nameOf(file.name), description: head.description, scoring: read.scoring ?? head.scoring };
}

/** A title from a file's name. @param {string} name */
const nameOf = (name) => name.replace(/\.[^.]+$/, "").replace(/[_-]+/g, " ").trim();

/** A pasted text as a file. @param {string} text */
export const pastedFile = (text) => new File([text], "", { type: "text/plain" });

/** Lets the browser save a file. @param {string} name @param {string} text @param {string} type */
export function download(name, text, type) {
  const href = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href, download: name.replace(/[\\/:*?"<>|]+/g, " ").trim() });
  link.click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
