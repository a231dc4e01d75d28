/** A reveal as bars: what was answered how often, and which of it is right. Pure. @import { Count, Reveal, RoomQuestion, SeatVerdict } from "../../client/types.js" */
import { inWords } from "../../ui/answer/fields.js";
import { plain } from "../../ui/markup.js";

/**
 * @typedef {object} Bar_
 * @property {string} key
 * @property {number | null} index the option's place, null for what was typed
 * @property {string} label
 * @property {number} count
 * @property {number} share of the longest bar
 * @property {boolean | null} right null where nothing is right
 * @property {number[]} [order] the options in the order that was answered
 */

/** How long a word may be in a column, by the number of columns. Longer ones make rows of them. */
const LONGEST_WORD = [0, 30, 30, 18, 12, 9, 7];
const MOST_LINES = 3;

/**
 * @param {RoomQuestion} question
 * @param {Reveal} reveal
 * @returns {{layout: "columns" | "rows" | "words", bars: Bar_[]}}
 */
export function barsOf(question, reveal) {
  const options = question.options ?? [];
  if (reveal.kind === "order" || !options.length) return { layout: reveal.kind === "poll" ? "words" : "rows", bars: typed(question, reveal) };
  const right = new Set(reveal.correctOptionIds ?? (reveal.correctOptionId === undefined ? [] : [reveal.correctOptionId]));
  const counts = new Map(reveal.counts.map(({ optionId, count }) => [optionId, count]));
  const bars = options.map(({ optionId, text }, index) => ({
    key: String(optionId),
    index,
    label: text,
    count: counts.get(optionId) ?? 0,
    share: 0,
    right: reveal.kind === "poll" ? null : right.has(optionId),
  }));
  const longest = LONGEST_WORD[bars.length] ?? 0;
  return { layout: areShort(bars.map(({ label }) => plain(label)), MOST_LINES * longest, longest) ? "columns" : "rows", bars: scaled(bars) };
}

/** Whether no text is longer than that, and none of its words. @param {string[]} texts @param {number} most @param {number} word */
export const areShort = (texts, most, word) => texts.every((text) => text.length <= most && text.split(/\s+/).every(({ length }) => length <= word));

/** @param {RoomQuestion} question @param {Reveal} reveal @returns {Bar_[]} */
function typed(question, reveal) {
  const right = reveal.verdicts.filter(({ correct }) => correct).map(sign);
  const counts = reveal.counts.slice(0, reveal.kind === "poll" ? 20 : reveal.kind === "order" ? 5 : 7);
  return scaled(
    counts.sort((one, other) => (one.number ?? 0) - (other.number ?? 0)).map((count) => ({
      key: sign(count),
      index: null,
      label: inWords(question, count),
      order: count.optionIds,
      count: count.count,
      share: 0,
      right: reveal.kind === "poll" ? null : right.includes(sign(count)),
    })),
  );
}

/** What makes two typed answers one. @param {Count | SeatVerdict} answer */
const sign = ({ text, number: typedNumber, optionIds }) =>
  text === undefined ? JSON.stringify(typedNumber ?? optionIds) : text.trim().replace(/\s+/g, " ").toLowerCase();

/** @param {Bar_[]} bars */
function scaled(bars) {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return bars.map((bar) => ({ ...bar, share: bar.count / most }));
}

/**
 * The fastest right answer.
 * @param {Reveal} reveal
 * @returns {SeatVerdict | null}
 */
export function fastest(reveal) {
  const right = reveal.verdicts.filter(({ correct, responseMs }) => correct && responseMs !== null);
  return right.reduce((best, one) => (best && Number(best.responseMs) <= Number(one.responseMs) ? best : one), /** @type {SeatVerdict | null} */ (null));
}

/**
 * The places before and after a reveal, best first.
 * @param {{seatId: number, name: string | null, total: number | null, rank: number | null}[]} seats
 * @param {SeatVerdict[]} verdicts
 * @param {number} most
 */
export function movement(seats, verdicts, most) {
  const points = new Map(verdicts.map(({ seatId, points }) => [seatId, points]));
  const playing = seats.flatMap((seat) =>
    seat.total === null ? [] : [{ ...seat, total: seat.total, gained: points.get(seat.seatId) ?? 0, before: seat.total - (points.get(seat.seatId) ?? 0) }],
  );
  const after = [...playing].sort((one, other) => other.total - one.total || one.seatId - other.seatId).slice(0, most);
  const rank = (/** @type {number} */ before) => 1 + playing.filter((seat) => seat.before > before).length;
  const isFirst = playing.every((seat) => seat.before === 0);
  const rows = after.map((seat) => ({ ...seat, up: isFirst ? 0 : rank(seat.before) - (seat.rank ?? 0) }));
  return { after: rows, before: [...rows].sort((one, other) => other.before - one.before || one.seatId - other.seatId) };
}
