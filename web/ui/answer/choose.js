/** Options to choose from: one, which is the answer at once, or several, which are then sent. */
import { html, useState } from "../../vendor/preact.js";
import { optionOf, isOnControl, useKeys } from "../keys.js";
import { plain } from "../markup.js";
import { Check, Tile } from "../pieces.js";
import { t } from "../text.js";
import { namedOptions } from "./fields.js";

/**
 * @import { AnswerFields, Question } from "../../client/types.js"
 * @typedef {object} InputProps
 * @property {Question} question
 * @property {AnswerFields | null} given The answer that was given, null as long as there is none.
 * @property {boolean} disabled
 * @property {(fields: AnswerFields) => void} onAnswer
 */

/** The class of a list of tiles: many of them, or long ones, stand closer; many short ones stand beside each other. @param {Question} question */
function tilesClass({ options }) {
  const texts = options.map(({ text }) => plain(text));
  const isMany = options.length > 6;
  const isShort = texts.every((text) => text.length <= 20 && text.split(/\s+/).every((word) => word.length <= 9));
  return `tiles ${isMany ? "many" : ""} ${isMany && isShort ? "short" : ""} ${texts.some((text) => text.length > 60) ? "wordy" : ""}`;
}

/** @param {InputProps} props */
export function ChooseOne({ question, given, disabled, onAnswer }) {
  const { options } = question;
  const chosen = namedOptions(given)[0];
  const choose = (/** @type {number} */ optionId) => {
    if (!disabled && !given) onAnswer({ optionId });
  };
  useKeys(({ key }) => {
    const index = optionOf(key, options.length);
    if (index < 0) return false;
    choose(options[index].optionId);
    return true;
  });
  return html`<div class=${tilesClass(question)} style=${{ "--count": options.length }} role="group" aria-label=${t("answer.options")}>
    ${options.map(({ optionId, text }, index) => {
      const isChosen = optionId === chosen;
      const state = isChosen ? "chosen" : given || disabled ? "faded" : "open";
      return html`<${Tile} key=${optionId} index=${index} text=${text} state=${state} pressed=${given ? isChosen : undefined} disabled=${disabled || Boolean(given)} onChoose=${() => choose(optionId)}>
        ${isChosen ? html`<span class="letter"><${Check} /></span>` : null}
      <//>`;
    })}
  </div>`;
}

/** @param {InputProps} props */
export function ChooseSeveral({ question, given, disabled, onAnswer }) {
  const { options } = question;
  const [picked, setPicked] = useState(/** @type {number[]} */ ([]));
  const marked = given ? namedOptions(given) : picked;
  const isFixed = disabled || Boolean(given);
  const toggle = (/** @type {number} */ optionId) => {
    if (!isFixed) setPicked(picked.includes(optionId) ? picked.filter((id) => id !== optionId) : [...picked, optionId]);
  };
  const send = () => {
    if (!isFixed && picked.length) onAnswer({ optionIds: picked });
  };
  useKeys((event) => {
    if (event.key === "Enter" && !isOnControl(event)) return send(), true;
    const index = optionOf(event.key, options.length);
    if (index >= 0) toggle(options[index].optionId);
    return index >= 0;
  });
  return html`<div class=${tilesClass(question)} style=${{ "--count": options.length }} role="group" aria-label=${t("answer.options")}>
      ${options.map(({ optionId, text }, index) => {
        const isMarked = marked.includes(optionId);
        const state = isMarked ? "chosen" : isFixed ? "faded" : "open";
        return html`<${Tile} key=${optionId} index=${index} text=${text} state=${state} role="checkbox" checked=${isMarked} disabled=${isFixed} onChoose=${() => toggle(optionId)}>
          <span class="box" aria-hidden="true">${isMarked ? html`<${Check} />` : null}</span>
        <//>`;
      })}
    </div>
    ${given ? null : html`<${Send} disabled=${disabled || !picked.length} onSend=${send} hint=${t("answer.several")} />`}`;
}

/**
 * The button that sends an answer which is made of several steps.
 * @param {{disabled: boolean, onSend?: () => void, hint?: string, label?: string}} props
 */
export const Send = ({ disabled, onSend, hint, label }) =>
  html`<div class="send">
    <button class="button wide" type=${onSend ? "button" : "submit"} aria-disabled=${disabled ? "true" : undefined} onClick=${onSend}>${label ?? t("answer.send")}</button>
    ${hint ? html`<p class="muted small center">${hint}</p>` : null}
  </div>`;
