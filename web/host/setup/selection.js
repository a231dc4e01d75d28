/** Which questions a game asks: kept with the host's seat, so that "play again" draws alike. */
import { library } from "./library.js";
import { cleaned, drawn, lacks, MOST_QUESTIONS } from "./quiz.js";

/** @typedef {import("../../client/storage.js").Selection} Selection */

/**
 * @param {{quizId?: string, quiz?: import("./quiz.js").OwnQuiz, questionCount: number}} entry what is played
 * @param {import("./settings.js").Settings} settings
 * @returns {Selection}
 */
export function selectionOf({ quizId, quiz, questionCount }, { category, difficulty, count, order, optionOrder }) {
  const most = count === "all" ? (questionCount > MOST_QUESTIONS ? MOST_QUESTIONS : "all") : Number(count);
  return { ...(quiz ? { ownId: quiz.id } : { quizId }), category, difficulty, count: most, order, optionOrder };
}

/**
 * The fields of a request that draw so.
 * @param {Selection} selection
 * @returns {object | null} null where the own quiz is gone, or no longer fit to be played
 */
export function quizFields({ quizId, ownId, category, difficulty, count, order, optionOrder }) {
  if (!ownId) return { quizId, count, ...(category ? { category } : {}), ...(difficulty ? { difficulty } : {}), order, optionOrder };
  const quiz = library.value.find((/** @type {import("./quiz.js").OwnQuiz} */ { id }) => id === ownId);
  const questions = drawn(quiz?.questions ?? [], { category, difficulty, count, order });
  if (!questions.length || questions.some((question) => lacks(question).length)) return null;
  return { questions: questions.map(cleaned), ...(quiz?.scoring ? { scoring: quiz.scoring } : {}), order, optionOrder };
}

/**
 * A bank's selection as a field of an address, which a phone as remote takes along; an own quiz lies in this browser alone.
 * @param {Selection | undefined} selection @returns {Record<string, string>}
 */
export function toAddress(selection) {
  if (!selection?.quizId) return {};
  const { quizId, category, difficulty, count, order, optionOrder } = selection;
  return { quiz: [quizId, category, difficulty, count, order, optionOrder].join("~") };
}

/** @param {URLSearchParams} said @returns {Selection | undefined} */
export function fromAddress(said) {
  const [quizId, category, difficulty, count, order, optionOrder] = said.get("quiz")?.split("~") ?? [];
  return optionOrder ? { quizId, category, difficulty, count: Number(count) || "all", order, optionOrder } : undefined;
}
