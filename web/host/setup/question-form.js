/** One question's form: its text, its options and which is right, and what is rarely needed. */
import { html } from "../../vendor/preact.js";
import { number, t } from "../../ui/text.js";
import { readNumber } from "../../ui/answer/number.js";
import { Cross, Down, Up } from "../../ui/pieces.js";
import { hue, letter, Shape } from "../../ui/shapes.js";
import { Choice, LongText, Text, Tick } from "./fields.js";
import { KINDS, listed, MOST_OPTIONS, moved, withKind } from "./quiz.js";

/** @typedef {import("./quiz.js").Draft} Draft @typedef {(change: Partial<Draft>) => void} Change */

/** A number as people type it, as its text. @param {number | undefined} value */
const shown = (value) => (value === undefined ? "" : number(value, { useGrouping: false, maximumFractionDigits: 15 }));

/** @param {{id: string, label: string, value: number | undefined, onNumber: (value: number | undefined) => void, note?: string}} props */
const NumberField = ({ id, label, value, onNumber, note }) =>
  html`<${Text} id=${id} label=${label} note=${note} inputmode="decimal" autocomplete="off" value=${shown(value)} onInput=${() => {}} onChange=${(/** @type {any} */ event) => onNumber(readNumber(event.currentTarget.value) ?? undefined)} />`;

/** What an option's mark says and does, by kind. @param {Draft} question @param {number} optionId @param {Change} change */
function Mark(question, optionId, change) {
  const { kind, questionId, correctOptionIds = [] } = question;
  if (kind === "choice") return html`<input type="radio" name=${`right-${questionId}`} checked=${question.correctOptionId === optionId} aria-label=${t("edit.isRight")} onChange=${() => change({ correctOptionId: optionId })} />`;
  if (kind !== "multiple") return null;
  const isRight = correctOptionIds.includes(optionId);
  return html`<input type="checkbox" checked=${isRight} aria-label=${t("edit.isRight")} onChange=${() => change({ correctOptionIds: isRight ? correctOptionIds.filter((id) => id !== optionId) : [...correctOptionIds, optionId] })} />`;
}

/** @param {{question: Draft, change: Change}} props */
function Options({ question, change }) {
  const { kind, questionId, options = [], correctOptionIds = [] } = question;
  const rows = listed(question);
  const order = rows.map(({ optionId }) => optionId);
  const setText = (/** @type {number} */ id, /** @type {string} */ text) => change({ options: options.map((option) => (option.optionId === id ? { ...option, text } : option)) });
  const remove = (/** @type {any} */ { currentTarget }, /** @type {number} */ id) => {
    // The focus would go with the row.
    const row = currentTarget.closest("li");
    (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("button:last-child")?.focus();
    change({ options: options.filter(({ optionId }) => optionId !== id), correctOptionIds: correctOptionIds.filter((other) => other !== id), ...(kind === "order" ? { correctOrder: order.filter((other) => other !== id) } : {}) });
  };
  const add = () => {
    const optionId = 1 + Math.max(0, ...order);
    change({ options: [...options, { optionId, text: "" }], ...(kind === "order" ? { correctOrder: [...order, optionId] } : {}) });
  };
  const move = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (to < 0 || to >= rows.length) return;
    change(kind === "order" ? { correctOrder: moved(order, from, to) } : { options: moved(options, from, to) });
  };
  const moveBy = (/** @type {any} */ { currentTarget }, /** @type {number} */ at, /** @type {number} */ by) => {
    move(at, at + by);
    // A row that moves keeps its elements, and may lose the focus on the way.
    requestAnimationFrame(() => currentTarget.focus());
  };
  const step = (/** @type {number} */ at, /** @type {number} */ by, /** @type {string} */ key, /** @type {any} */ Icon) =>
    html`<button type="button" class="setup-icon" aria-label=${t(key, { name: letter(at) })} aria-disabled=${at + by < 0 || at + by >= rows.length ? "true" : undefined} onClick=${(/** @type {any} */ event) => moveBy(event, at, by)}><${Icon} /></button>`;
  return html`<fieldset class="field"><legend class="label">${t(`edit.options.${kind}`)}</legend>
    <ul class="edit-options">${rows.map(({ optionId, text }, at) => {
      const index = options.findIndex((option) => option.optionId === optionId);
      return html`<li key=${optionId} class=${`row ${hue(index)}`}><span class="edit-sign">${kind === "order" ? html`<b>${at + 1}</b>` : html`<${Shape} index=${index} />`}</span>
        <input class="input compact grow" id=${`${questionId}-${optionId}`} aria-label=${t("edit.option", { name: kind === "order" ? at + 1 : letter(at) })} value=${text} onInput=${(/** @type {any} */ event) => setText(optionId, event.currentTarget.value)} />
        ${Mark(question, optionId, change)}${step(at, -1, "edit.optionUp", Up)}${step(at, 1, "edit.optionDown", Down)}
        <button type="button" class="setup-icon" aria-label=${t("edit.optionGone", { name: letter(at) })} onClick=${(/** @type {any} */ event) => remove(event, optionId)}><${Cross} /></button></li>`;
    })}</ul>
    ${rows.length < MOST_OPTIONS ? html`<button type="button" class="button plain" onClick=${add}>${t("edit.addOption")}</button>` : null}
  </fieldset>`;
}

/** @param {{question: Draft, change: Change}} props */
function Texts({ question, change }) {
  const { questionId: id, correctTexts = [], ignoreAccents, maxTypos } = question;
  return html`<${LongText} id=${`${id}-texts`} label=${t("edit.texts")} note=${t("edit.textsNote")} rows=${3} value=${correctTexts.join("\n")} onInput=${(/** @type {string} */ text) => change({ correctTexts: text.split("\n") })} />
    <div class="edit-pair"><${Choice} id=${`${id}-typos`} label=${t("edit.typos")} value=${maxTypos ?? 0} options=${[0, 1, 2, 3].map((most) => [most, String(most)])} onChange=${(/** @type {string} */ most) => change({ maxTypos: Number(most) || undefined })} />
    <${Tick} label=${t("edit.accents")} checked=${Boolean(ignoreAccents)} onChange=${(/** @type {boolean} */ on) => change({ ignoreAccents: on })} /></div>`;
}

/** @param {{question: Draft, change: Change}} props */
function Numbers({ question, change }) {
  const { questionId: id, correctNumber, tolerance, correctRange } = question;
  const set = (/** @type {Partial<{min: number, max: number}>} */ part) => {
    const next = { ...(correctRange ?? { min: correctNumber ?? 0, max: correctNumber ?? 0 }), ...part };
    change({ correctRange: next, correctNumber: undefined, tolerance: undefined });
  };
  const choose = (/** @type {string} */ way) => (way === "range" ? set({}) : change({ correctNumber: correctRange?.min, correctRange: undefined }));
  return html`<${Choice} id=${`${id}-way`} label=${t("edit.numberWay")} value=${correctRange ? "range" : "one"} options=${[["one", t("edit.numberOne")], ["range", t("edit.numberRange")]]} onChange=${choose} />
    <div class="edit-pair">${correctRange
      ? html`<${NumberField} id=${`${id}-min`} label=${t("edit.min")} value=${correctRange.min} onNumber=${(/** @type {any} */ min) => min !== undefined && set({ min })} /><${NumberField} id=${`${id}-max`} label=${t("edit.max")} value=${correctRange.max} onNumber=${(/** @type {any} */ max) => max !== undefined && set({ max })} />`
      : html`<${NumberField} id=${`${id}-number`} label=${t("edit.number")} value=${correctNumber} onNumber=${(/** @type {any} */ value) => change({ correctNumber: value })} /><${NumberField} id=${`${id}-near`} label=${t("edit.tolerance")} value=${tolerance} onNumber=${(/** @type {any} */ value) => change({ tolerance: value })} />`}</div>`;
}

/** @param {{question: Draft, change: Change}} props */
function Rare({ question, change }) {
  const { questionId: id } = question;
  const text = (/** @type {"image" | "alt" | "category"} */ name) => html`<${Text} id=${`${id}-${name}`} label=${t(`edit.${name}`)} value=${question[name]} onInput=${(/** @type {string} */ value) => change({ [name]: value })} />`;
  return html`<details><summary>${t("edit.more")}</summary><div class="stack setup-fold">
    <div class="edit-pair"><${Text} id=${`${id}-time`} type="number" min="1" max="3600" label=${t("edit.time")} value=${question.timeLimitMs ? question.timeLimitMs / 1000 : ""} placeholder=${t("edit.timeNone")} onInput=${(/** @type {string} */ value) => change({ timeLimitMs: Number(value) > 0 ? Math.round(Number(value) * 1000) : undefined })} />
      <${Choice} id=${`${id}-points`} label=${t("end.points")} value=${question.points ?? 1} options=${[...new Set([0, 1, 2, 3, question.points ?? 1])].map((factor) => [factor, t(factor === 0 ? "edit.noPoints" : "edit.factor", { factor })])} onChange=${(/** @type {string} */ factor) => change({ points: Number(factor) === 1 ? undefined : Number(factor) })} /></div>
    <${Tick} label=${t("edit.noSpeedBonus")} checked=${Boolean(question.noSpeedBonus)} onChange=${(/** @type {boolean} */ on) => change({ noSpeedBonus: on })} />
    <div class="edit-pair">${text("category")}<${Choice} id=${`${id}-difficulty`} label=${t("set.difficulty")} value=${question.difficulty ?? ""} options=${[["", t("edit.any")], ...["easy", "medium", "hard"].map((word) => [word, t(`difficulty.${word}`)])]} onChange=${(/** @type {string} */ word) => change({ difficulty: word || undefined })} /></div>
    <div class="edit-pair">${text("image")}${text("alt")}</div>
  </div></details>`;
}

/** @param {{question: Draft, onChange: (question: Draft) => void}} props */
export function QuestionForm({ question, onChange }) {
  const { questionId: id, kind } = question;
  const change = (/** @type {Partial<Draft>} */ part) => onChange({ ...question, ...part });
  const Answer = kind === "text" ? Texts : kind === "number" ? Numbers : Options;
  return html`<div class="stack">
    <${LongText} id=${`${id}-text`} label=${t("edit.text")} value=${question.text} onInput=${(/** @type {string} */ text) => change({ text })} />
    <${Choice} id=${`${id}-kind`} label=${t("edit.kind")} value=${kind} options=${KINDS.map((one) => [one, t(`kind.${one}`)])} onChange=${(/** @type {any} */ next) => onChange(withKind(question, next))} />
    <${Answer} question=${question} change=${change} />
    <${LongText} id=${`${id}-why`} label=${t("edit.explanation")} value=${question.explanation} onInput=${(/** @type {string} */ explanation) => change({ explanation })} />
    <${Rare} question=${question} change=${change} />
  </div>`;
}
