/** Answers as data: what was given, what is right, and what came of it. */
import { number, t } from "../text.js";
import { plain } from "../markup.js";

/**
 * @import { AnswerFields, Correct, Question, ShownAnswer } from "../../client/types.js"
 * @typedef {"right" | "partly" | "wrong" | "none" | "poll"} Outcome
 */

/**
 * What was answered, out of a verdict, a seat or an entry of the results; null for no answer.
 * @param {ShownAnswer | null | undefined} shown @returns {AnswerFields | null}
 */
export function givenOf(shown) {
  if (!shown) return null;
  const { optionId, optionIds, text, number: typed } = shown;
  if (optionIds) return { optionIds };
  if (typeof text === "string") return { text };
  if (typeof typed === "number") return { number: typed };
  return typeof optionId === "number" ? { optionId } : null;
}

/** The options that an answer names, in its order. @param {any} given @returns {number[]} */
export const namedOptions = (given) => given?.optionIds ?? (typeof given?.optionId === "number" ? [given.optionId] : []);

/** The options that are right. @param {Correct} key @returns {number[]} */
export const rightOptions = (key) => key.correctOptionIds ?? (typeof key.correctOptionId === "number" ? [key.correctOptionId] : []);

/**
 * What came of an answer.
 * @param {ShownAnswer & {correct: boolean | null, share?: number}} verdict @returns {Outcome}
 */
export function outcomeOf(verdict) {
  if (!givenOf(verdict)) return "none";
  if (verdict.correct === null) return "poll";
  if (verdict.correct) return "right";
  return verdict.share ? "partly" : "wrong";
}

/** A number as it was typed or is right: with all its digits. @param {number} value */
export const digits = (value) => number(value, { maximumFractionDigits: 15 });

/** What is right of a typed answer, in words; null for other kinds. @param {Correct} key @returns {string | null} */
export function rightInWords({ correctTexts, correctNumber, correctRange }) {
  if (correctTexts) return correctTexts[0];
  if (correctRange) return t("answer.range", { min: digits(correctRange.min), max: digits(correctRange.max) });
  return correctNumber === undefined ? null : digits(correctNumber);
}

/** An answer in words. @param {Pick<Question, "options">} question @param {any} given @returns {string} */
export function inWords({ options }, given) {
  if (given?.text !== undefined) return given.text;
  if (given?.number !== undefined) return digits(given.number);
  const texts = new Map((options ?? []).map((option) => [option.optionId, plain(option.text)]));
  return namedOptions(given).map((id) => texts.get(id) ?? "").join(", ");
}
