/** To which category each question of a game belongs: results don't tell it, and a reload forgets it. */
import { storage } from "../client/storage.js";

const KEY = "rejoin.categories";
const MOST_GAMES = 5;

/** @returns {[string, Record<string, string>][]} */
const kept = () => storage.get(KEY) ?? [];

/** @param {string} sessionId @param {{questionId: string, category?: string}[]} questions */
export function keepCategories(sessionId, questions) {
  const categories = Object.fromEntries(questions.flatMap(({ questionId, category }) => (category ? [[questionId, category]] : [])));
  storage.set(KEY, [[sessionId, categories], ...kept().filter(([id]) => id !== sessionId)].slice(0, MOST_GAMES));
}

/**
 * How many answers were right in each category, the best first.
 * @param {string} sessionId @param {{questionId: string, correct: boolean | null}[]} answers
 */
export function byCategory(sessionId, answers) {
  const categories = kept().find(([id]) => id === sessionId)?.[1] ?? {};
  /** @type {Map<string, {name: string, right: number, of: number}>} */
  const groups = new Map();
  for (const { questionId, correct } of answers) {
    const name = categories[questionId];
    if (!name || correct === null) continue;
    const { right, of } = groups.get(name) ?? { right: 0, of: 0 };
    groups.set(name, { name, right: right + (correct ? 1 : 0), of: of + 1 });
  }
  return [...groups.values()].sort((one, other) => other.right / other.of - one.right / one.of);
}
