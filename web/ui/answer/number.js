/** Numbers as people type them. */

/** Most digits that the server takes. */
const MOST_DIGITS = 15;

/**
 * Reads a typed number: `3,14` and `3.14` are the same, `1 230` and `1.234.567,5` are read as they are meant.
 * @param {string} typed @returns {number | null} null for what is no number
 */
export function readNumber(typed) {
  const text = typed.normalize("NFKC").replace(/[\s'’_]/g, "").replace(/^[−–]/, "-").replace(/^\+/, "");
  const match = /^(-?)([\d.,]*\d[\d.,]*)$/.exec(text);
  if (!match) return null;
  const [, sign, body] = match;
  const decimal = decimalMark(body);
  const [whole, part = ""] = decimal ? [body.slice(0, body.lastIndexOf(decimal)), body.slice(body.lastIndexOf(decimal) + 1)] : [body];
  if (/[.,]/.test(whole) && !/^\d{1,3}([.,]\d{3})+$/.test(whole)) return null;
  const digits = whole.replace(/[.,]/g, "");
  if ((digits + part).replace(/^0+/, "").length > MOST_DIGITS) return null;
  return Number(`${sign}${digits || "0"}.${part || "0"}`);
}

/** Which mark stands before the decimals: the last one, unless it is there more than once. @param {string} body */
function decimalMark(body) {
  const last = /[.,](?=[^.,]*$)/.exec(body)?.[0];
  return last && body.indexOf(last) === body.lastIndexOf(last) ? last : null;
}
