/** The own quizzes of this browser, each under a key of its own. */
import { signal } from "../../vendor/preact.js";
import { storage } from "../../client/storage.js";
import { lacks, newId } from "./quiz.js";

/** @typedef {import("./quiz.js").OwnQuiz} OwnQuiz */

const PREFIX = "rejoin.quiz.";

/** @param {any} quiz what is kept @returns {OwnQuiz[]} it without what is no question, or nothing */
function sound(quiz) {
  const isQuestion = (/** @type {any} */ question) => {
    try {
      return lacks(question);
    } catch {
      return false;
    }
  };
  return quiz?.id && typeof quiz.title === "string" && Array.isArray(quiz.questions) ? [{ ...quiz, questions: quiz.questions.filter(isQuestion) }] : [];
}

/** @returns {OwnQuiz[]} */
function all() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    const found = keys.flatMap((key) => sound(storage.get(key)));
    return found.sort((one, other) => (other.savedAt ?? 0) - (one.savedAt ?? 0));
  } catch {
    return [];
  }
}

/** Newest first. @type {import("../../vendor/preact.js").Signal<OwnQuiz[]>} */
export const library = signal(all());

/** Whether the last change is kept over the end of this page. */
export const isKept = signal(true);

// Another tab may have changed them.
addEventListener("storage", (event) => {
  if (event.key?.startsWith(PREFIX)) library.value = all();
});

/** @param {OwnQuiz} quiz */
export function keepQuiz(quiz) {
  const saved = { ...quiz, savedAt: Date.now() };
  storage.set(PREFIX + quiz.id, saved);
  try {
    isKept.value = localStorage.getItem(PREFIX + quiz.id) === JSON.stringify(saved);
  } catch {
    isKept.value = false;
  }
  const others = library.value.filter((/** @type {OwnQuiz} */ { id }) => id !== quiz.id);
  const at = library.value.findIndex((/** @type {OwnQuiz} */ { id }) => id === quiz.id);
  library.value = at < 0 ? [saved, ...others] : [...others.slice(0, at), saved, ...others.slice(at)];
}

/** @param {Omit<OwnQuiz, "id">} quiz @returns {string} its id */
export function addQuiz(quiz) {
  const id = newId();
  keepQuiz({ ...quiz, id });
  return id;
}

/** @param {string} id */
export function dropQuiz(id) {
  storage.remove(PREFIX + id);
  library.value = library.value.filter((/** @type {OwnQuiz} */ quiz) => quiz.id !== id);
}
