/** The banks of this server, asked for once. */
import { Api } from "../client/api.js";

/**
 * @typedef {object} Bank
 * @property {string} quizId
 * @property {string} title
 * @property {string} [description]
 * @property {number} questionCount
 * @property {string[]} categories
 * @property {string[]} difficulties
 * @property {string[]} kinds
 * @property {("solo" | "rooms")[]} play
 * @property {"open" | "key"} hosting
 * @property {{count?: number | "all"}} defaults
 */

/** @type {Promise<Bank[]> | null} */
let asked = null;

/** The banks that can be played. @returns {Promise<Bank[]>} */
export function quizzes() {
  asked ??= new Api().get("/api/quizzes").then(({ quizzes }) => quizzes);
  asked.catch(() => {
    asked = null;
  });
  return asked;
}

/** The title of a bank; empty if it can't be known. @param {string | undefined} quizId */
export async function titleOf(quizId) {
  const banks = await quizzes().catch(() => []);
  return banks.find((bank) => bank.quizId === quizId)?.title ?? "";
}
