/** All questions of a game that is over: what was answered, and what was right. */
import { html } from "../../vendor/preact.js";
import { Markup } from "../markup.js";
import { Check, Cross, Dash, Wave } from "../pieces.js";
import { number, t } from "../text.js";
import { outcomeOf } from "./fields.js";

const ICONS = { right: Check, partly: Wave, wrong: Cross, none: Dash, poll: Dash };

/**
 * @typedef {import("../../client/types.js").ShownAnswer & {questionId: string, questionText: string, answerText: string | null, correctText: string | null, correct: boolean | null, share?: number, explanation?: string, points: number}} ListedAnswer
 * @param {{answers: ListedAnswer[], title?: string}} props
 */
export const AnswerList = ({ answers, title }) =>
  html`<section class="answers"><h2>${title ?? t("answers.title")}</h2>
    ${answers.map((answer) => html`<${Entry} key=${answer.questionId} answer=${answer} />`)}
  </section>`;

/** @param {{answer: ListedAnswer}} props */
function Entry({ answer }) {
  const outcome = outcomeOf(answer);
  const Icon = ICONS[outcome];
  const { questionText, answerText, correctText, explanation, points } = answer;
  return html`<details class=${`answer-entry ${outcome}`}>
    <summary><span class="sign"><${Icon} /><span class="only-heard">${t(`verdict.${outcome}`)}</span></span><span class="grow"><${Markup} text=${questionText} /></span>${points ? html`<b>${number(points)}</b>` : null}</summary>
    <div class="stack">
      <dl>
        <dt class="muted small">${t("answer.yours")}</dt><dd>${answerText ?? t("verdict.none")}</dd>
        ${correctText && outcome !== "right" ? html`<dt class="muted small">${t("outcome.right")}</dt><dd><b>${correctText}</b></dd>` : null}
      </dl>
      ${explanation ? html`<p class="muted"><${Markup} text=${explanation} /></p>` : null}
    </div>
  </details>`;
}
