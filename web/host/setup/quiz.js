/** An own quiz and its questions: what can be done with them. Pure. */

/** @typedef {"choice" | "multiple" | "text" | "number" | "order" | "poll"} Kind */
/** @typedef {{optionId: number, text: string}} Option */

/**
 * A question with what is right, as banks and `POST /api/rooms` have it.
 * @typedef {object} Draft
 * @property {string} questionId
 * @property {Kind} kind
 * @property {string} text
 * @property {string} [category] @property {string} [difficulty] @property {string} [image] @property {string} [alt]
 * @property {number} [timeLimitMs] @property {number} [points] @property {boolean} [noSpeedBonus] @property {string} [explanation]
 * @property {Option[]} [options]
 * @property {number} [correctOptionId] @property {number[]} [correctOptionIds] @property {number[]} [correctOrder]
 * @property {string[]} [correctTexts] @property {boolean} [ignoreAccents] @property {number} [maxTypos]
 * @property {number} [correctNumber] @property {number} [tolerance] @property {{min: number, max: number}} [correctRange]
 */

/**
 * @typedef {object} OwnQuiz
 * @property {string} id
 * @property {string} title
 * @property {string} [description]
 * @property {Draft[]} questions
 * @property {any} [scoring]
 * @property {any} [defaults]
 * @property {number} [savedAt]
 */

/** @type {Kind[]} */
export const KINDS = ["choice", "multiple", "text", "number", "order", "poll"];
export const MOST_OPTIONS = 12;
/** Most questions of one game. */
export const MOST_QUESTIONS = 200;

/** What a bank without `scoring` has. */
export const SPEED_BONUS = [{ withinMs: 5000, points: 50 }, { withinMs: 15000, points: 25 }];

const COMMON = ["questionId", "kind", "text", "category", "difficulty", "image", "alt", "timeLimitMs", "points", "noSpeedBonus", "explanation"];
/** @type {Record<Kind, string[]>} */
const FIELDS = {
  choice: ["options", "correctOptionId"],
  multiple: ["options", "correctOptionIds"],
  text: ["correctTexts", "ignoreAccents", "maxTypos"],
  number: ["correctNumber", "tolerance", "correctRange"],
  order: ["options", "correctOrder"],
  poll: ["options"],
};

/** @returns {string} */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {Kind} kind @returns {Draft} */
export const blank = (kind) => withKind({ questionId: `q-${newId()}`, kind, text: "" }, kind);

/**
 * The same question as another kind: what fits is taken along.
 * @param {Draft} question @param {Kind} kind @returns {Draft}
 */
export function withKind(question, kind) {
  const hasOptions = kind !== "text" && kind !== "number";
  const options = hasOptions ? (question.options?.length ? question.options : [1, 2, 3, 4].map((optionId) => ({ optionId, text: "" }))) : undefined;
  const first = question.correctOptionId ?? question.correctOptionIds?.[0];
  const next = { ...question, kind, options };
  if (kind === "choice") next.correctOptionId = first;
  if (kind === "multiple") next.correctOptionIds = question.correctOptionIds ?? (first === undefined ? [] : [first]);
  if (kind === "order") next.correctOrder = question.correctOrder ?? options?.map(({ optionId }) => optionId);
  if (kind === "text") next.correctTexts = question.correctTexts ?? [];
  return next;
}

/**
 * A question as the server takes it: only the fields of its kind, none that is empty.
 * @param {Draft} question @returns {Draft}
 */
export function cleaned(question) {
  const isFilled = (/** @type {any} */ value) => value !== undefined && value !== null && value !== "" && value !== false && !(Array.isArray(value) && !value.length);
  const fields = [...COMMON, ...FIELDS[question.kind]].map((name) => [name, /** @type {any} */ (question)[name]]);
  const next = Object.fromEntries(fields.filter(([, value]) => isFilled(value)));
  // An empty option is none, if it is not to be right and two are left.
  const used = next.options?.filter((/** @type {Option} */ { optionId, text }) => text.trim() || optionId === next.correctOptionId || next.correctOptionIds?.includes(optionId));
  if (next.kind === "poll" || used?.length > 1) {
    next.options = used;
    next.correctOrder &&= next.correctOrder.filter((/** @type {number} */ id) => used.some((/** @type {Option} */ { optionId }) => optionId === id));
  }
  if (next.kind === "order") Object.assign(next, renumbered(listed(/** @type {Draft} */ (next))));
  if (next.kind === "poll" && !next.options?.length) delete next.options;
  if (next.kind === "text") next.correctTexts = (next.correctTexts ?? []).map((/** @type {string} */ text) => text.trim()).filter(Boolean);
  return /** @type {Draft} */ (next);
}

/** The options in the order that the form shows: the right order where there is one. @param {Draft} question @returns {Option[]} */
export function listed({ kind, options = [], correctOrder = [] }) {
  if (kind !== "order") return options;
  const place = (/** @type {number} */ id) => (correctOrder.includes(id) ? correctOrder.indexOf(id) : Infinity);
  return [...options].sort((one, other) => place(one.optionId) - place(other.optionId));
}

/** What is in order, with other ids: those of the form go up, and players see them. @param {Option[]} options */
function renumbered(options) {
  let correctOrder = options.map((_, at) => at + 1);
  while (options.length > 1 && correctOrder.every((id, at) => id === at + 1)) correctOrder = shuffled(correctOrder);
  return { options: options.map(({ text }, at) => ({ optionId: correctOrder[at], text })), correctOrder };
}

/** @template T @param {T[]} list */
const shuffled = (list) => list.map((one) => ({ one, chance: Math.random() })).sort((one, other) => one.chance - other.chance).map(({ one }) => one);

/**
 * What a question still lacks, as keys of texts.
 * @param {Draft} question @returns {string[]}
 */
export function lacks(question) {
  const { kind, text, options = [], correctOptionId, correctOptionIds = [], correctTexts = [], correctNumber, correctRange } = cleaned(question);
  const ids = options.map(({ optionId }) => optionId);
  const filled = options.filter((option) => option.text.trim());
  const needsOptions = kind === "choice" || kind === "multiple" || kind === "order";
  return [
    !text?.trim() && "lack.text",
    needsOptions && filled.length < options.length && "lack.option",
    (needsOptions ? options.length < 2 : options.length === 1) && "lack.options",
    new Set(filled.map((option) => option.text.trim())).size < filled.length && "lack.same",
    kind === "choice" && !ids.includes(correctOptionId ?? -1) && "lack.right",
    kind === "multiple" && !correctOptionIds.length && "lack.right",
    kind === "text" && !correctTexts.length && "lack.texts",
    kind === "number" && correctNumber === undefined && !correctRange && "lack.number",
    correctRange !== undefined && correctRange.min > correctRange.max && "lack.range",
  ].filter((key) => key !== false);
}

/**
 * A list with one thing at another place.
 * @template T @param {T[]} list @param {number} from @param {number} to @returns {T[]}
 */
export function moved(list, from, to) {
  const next = [...list];
  next.splice(Math.max(0, Math.min(to, list.length - 1)), 0, ...next.splice(from, 1));
  return next;
}

/** A bank's file. @param {OwnQuiz} quiz */
export function toBank({ title, description, questions, scoring, defaults }) {
  const quizId = title.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64) || "quiz";
  return { quizId, title, ...(description ? { description } : {}), play: ["rooms"], defaults: defaults ?? { count: "all", order: "bank" }, ...(scoring ? { scoring } : {}), questions: questions.map(cleaned) };
}

/**
 * The questions of a game, where not all are played.
 * @param {Draft[]} questions
 * @param {{category: string, difficulty: string, count: number | "all", order: string}} choice
 */
export function drawn(questions, { category, difficulty, count, order }) {
  const fitting = questions.filter((question) => (!category || question.category === category) && (!difficulty || question.difficulty === difficulty));
  const most = count === "all" ? MOST_QUESTIONS : count;
  if (fitting.length <= most || order !== "shuffle") return fitting.slice(0, most);
  const chosen = shuffled(fitting).slice(0, most);
  return fitting.filter((question) => chosen.includes(question));
}

/** The words that questions of a quiz have in a field. @param {Draft[]} questions @param {"category" | "difficulty"} field */
export const wordsOf = (questions, field) => [...new Set(questions.flatMap((question) => question[field] || []))];
