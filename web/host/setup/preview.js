/** A question as players see it, with what is right marked for the host. */
import { html } from "../../vendor/preact.js";
import { t } from "../../ui/text.js";
import { digits, rightInWords } from "../../ui/answer/fields.js";
import { Markup } from "../../ui/markup.js";
import { Check, Tile } from "../../ui/pieces.js";

/** @typedef {import("./quiz.js").Draft} Draft */

/** What is right of a typed answer, in words. @param {Draft} question */
export function solution(question) {
  const { kind, correctTexts = [], tolerance } = question;
  if (kind === "text") return correctTexts.join(" · ");
  if (kind !== "number") return "";
  return (rightInWords(question) ?? "") + (tolerance ? ` ± ${digits(tolerance)}` : "");
}

/** @param {{question: Draft}} props */
export function Preview({ question }) {
  const { kind, text, image, alt, options = [], explanation } = question;
  const right = new Set(kind === "multiple" ? question.correctOptionIds : kind === "choice" ? [question.correctOptionId] : []);
  const place = (/** @type {number} */ id) => (kind === "order" ? (question.correctOrder ?? []).indexOf(id) + 1 : 0);
  const typed = solution(question);
  return html`<div class="preview">
    <p class="preview-text"><${Markup} text=${text || t("edit.noText")} /></p>
    ${image ? html`<img src=${image} alt=${alt ?? ""} />` : null}
    ${options.length
      ? html`<ul class="preview-tiles">${options.map(({ optionId, text }, index) => html`<li key=${optionId}><${Tile} index=${index} text=${text || "…"}>${right.has(optionId) ? html`<${Check} /><span class="only-heard">${t("stage.right")}</span>` : place(optionId) ? html`<b class="preview-place">${place(optionId)}</b>` : null}<//></li>`)}</ul>`
      : html`<p class="preview-typed muted">${t(kind === "number" ? "edit.typesNumber" : "edit.typesText")}</p>`}
    ${typed ? html`<p class="preview-right"><${Check} /><b>${typed}</b></p>` : null}
    ${explanation ? html`<p class="muted small"><${Markup} text=${explanation} /></p>` : null}
  </div>`;
}
