/** The settings of a game: what most hosts choose is seen, the rest is folded away. */
import { html } from "../../vendor/preact.js";
import { t } from "../../ui/text.js";
import { read, write } from "../../ui/prefs.js";
import { Choice, Text, Tick } from "./fields.js";

/**
 * @typedef {object} Settings
 * @property {string} category @property {string} difficulty @property {string} count @property {string} order @property {string} optionOrder
 * @property {number} seconds @property {"host" | "auto"} advance @property {number} readySeconds @property {number} revealSeconds
 * @property {boolean} lateJoin @property {boolean} hostPlays @property {string} hostName @property {string} maxSeats @property {"pause" | "oldestSeat"} hostAway
 */

/** What a quiz offers to choose from. @typedef {{categories: string[], difficulties: string[], questionCount: number, defaults?: any, isOwn: boolean}} Offer */

/** @type {Settings} */
const DEFAULTS = {
  category: "", difficulty: "", count: "10", order: "shuffle", optionOrder: "bank", seconds: 20, advance: "host", readySeconds: 3, revealSeconds: 8,
  lateJoin: true, hostPlays: false, hostName: "", maxSeats: "", hostAway: "pause",
};

/** Those of the last game in this browser. @returns {Settings} */
export function lastSettings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(read("hostSettings") ?? "{}") };
  } catch {
    return DEFAULTS;
  }
}

/** @param {Settings} settings */
export const keepSettings = ({ category, difficulty, count, order, optionOrder, ...rest }) => write("hostSettings", JSON.stringify(rest));

/** What a quiz says about how it is played. @param {Offer} offer @returns {Partial<Settings>} */
export const ofQuiz = ({ defaults, isOwn, questionCount }) => ({
  category: "", difficulty: "",
  count: countOf(defaults?.count ?? (isOwn ? "all" : 10), questionCount), order: defaults?.order ?? (isOwn ? "bank" : "shuffle"), optionOrder: defaults?.optionOrder ?? "bank",
});

/** @param {number | "all"} count @param {number} questionCount */
const countOf = (count, questionCount) => (count === "all" || count >= questionCount ? "all" : String(count));

/** The request's fields, beside those that choose the questions. @param {Settings} settings */
export function toRequest(settings) {
  const { seconds, advance, readySeconds, revealSeconds, lateJoin, hostPlays, hostName, maxSeats, hostAway } = settings;
  return {
    timeLimitMs: Number(seconds) * 1000, readyMs: Number(readySeconds) * 1000, revealMs: Number(revealSeconds) * 1000,
    advance, lateJoin, hostPlays, hostAway,
    hostName: hostName.trim() || t("setup.host"), ...(maxSeats ? { maxSeats: Number(maxSeats) } : {}),
  };
}

const SECONDS = [5, 10, 15, 20, 30, 45, 60, 90, 120, 300];
const READY = [0, 1, 3, 5, 10];
const REVEAL = [3, 5, 8, 12, 20, 30];

/** @param {{settings: Settings, offer: Offer, onChange: (change: Partial<Settings>) => void}} props */
export function SettingsForm({ settings, offer, onChange }) {
  const times = (/** @type {number[]} */ list) => list.map((seconds) => [seconds, t("setup.seconds", { count: seconds })]);
  const choice = (/** @type {keyof Settings} */ name, /** @type {any} */ options, note = "") => html`<${Choice} id=${`set-${name}`} label=${t(`set.${name}`)} value=${settings[name]} options=${options} note=${note} onChange=${(/** @type {string} */ value) => onChange({ [name]: value })} />`;
  const counts = [...new Set([5, 10, 15, 20, 30, 50, Number(settings.count) || 5])].sort((one, other) => one - other).filter((count) => count < offer.questionCount).map((count) => [count, t("stage.questions", { count })]);
  const all = ["all", offer.questionCount > 200 ? t("setup.first200") : t("setup.allOf", { count: offer.questionCount })];
  const orders = (/** @type {string} */ what) => [["bank", t(`set.${what}.bank`)], ["shuffle", t(`set.${what}.shuffle`)]];
  return html`<div class="setup-grid">
      ${choice("count", [...counts, all])}
      ${offer.categories.length > 1 ? choice("category", [["", t("edit.any")], ...offer.categories.map((word) => [word, word])]) : null}
      ${offer.difficulties.length > 1 ? choice("difficulty", [["", t("edit.any")], ...offer.difficulties.map((word) => [word, t(`difficulty.${word}`)])]) : null}
      ${choice("seconds", times(SECONDS), t("set.secondsNote"))}
      ${choice("advance", [["host", t("set.advance.host")], ["auto", t("set.advance.auto")]])}
    </div>
    <${Tick} label=${t("set.hostPlays")} checked=${settings.hostPlays} onChange=${(/** @type {boolean} */ hostPlays) => onChange({ hostPlays })} />
    ${settings.hostPlays ? html`<${Text} id="set-hostName" label=${t("set.hostName")} value=${settings.hostName} placeholder=${t("setup.host")} maxlength="32" onInput=${(/** @type {string} */ hostName) => onChange({ hostName })} />` : null}
    <details><summary>${t("set.more")}</summary><div class="stack setup-fold"><div class="setup-grid">
      ${choice("order", orders("order"))}${choice("optionOrder", orders("optionOrder"))}
      ${choice("readySeconds", times(READY))}
      ${settings.advance === "auto" ? choice("revealSeconds", times(REVEAL)) : null}
      <${Text} id="set-maxSeats" type="number" min="1" max="1000" label=${t("set.maxSeats")} value=${settings.maxSeats} placeholder="200" onInput=${(/** @type {string} */ maxSeats) => onChange({ maxSeats })} />
      ${choice("hostAway", [["pause", t("set.hostAway.pause")], ["oldestSeat", t("set.hostAway.oldestSeat")]])}
    </div><${Tick} label=${t("set.lateJoin")} checked=${settings.lateJoin} onChange=${(/** @type {boolean} */ lateJoin) => onChange({ lateJoin })} /></div></details>`;
}
