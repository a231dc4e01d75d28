/** Figures and times as people read them. */
import { language, number, t } from "../ui/text.js";

const UNITS = /** @type {const} */ (["B", "KB", "MB", "GB", "TB"]);

/** @param {number} bytes */
export function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${number(bytes / 1000 ** step, { maximumFractionDigits: step > 1 ? 1 : 0 })} ${UNITS[step]}`;
}

/** A span of time in its largest unit that fits. @param {number} ms */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, length] = /** @type {const} */ ([["days", 86_400], ["hours", 3_600], ["minutes", 60]]).find(([, length]) => seconds >= length) ?? ["seconds", 1];
  return t(`span.${unit}`, { count: Math.floor(seconds / length) });
}

/** A time of the day. @param {number | string} at */
export const time = (at) => new Intl.DateTimeFormat(language.value, { timeStyle: "medium" }).format(new Date(at));

/** A date with its time. @param {string} at */
export const date = (at) => new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));

/** @param {number} value */
export const rate = (value) => t("rate", { value: number(value, { maximumFractionDigits: value < 10 ? 1 : 0 }) });

/** @param {number} value in ms */
export const millis = (value) => t("millis", { value: number(value, { maximumSignificantDigits: 2 }) });
