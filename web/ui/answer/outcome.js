/** What came of a question: what is right, what was chosen, and how often each was. */
import { html } from "../../vendor/preact.js";
import { Check, Cross, Dash, Tile, Wave } from "../pieces.js";
import { Markup } from "../markup.js";
import { hue, Shape } from "../shapes.js";
import { number, seconds, t } from "../text.js";
import { givenOf, inWords, namedOptions, outcomeOf, rightInWords, rightOptions } from "./fields.js";
import { useFocus } from "../live.js";

/**
 * @import { Correct, Count, Question, ShownAnswer } from "../../client/types.js"
 * @typedef {Correct & {explanation?: string, counts?: Count[]}} Told What is told with a verdict.
 * @typedef {ShownAnswer & {correct: boolean | null, share?: number, points: number}} Verdict
 */

/**
 * @param {{question: Question, told: Told, verdict: Verdict | null}} props
 */
export function Outcome({ question, told, verdict }) {
  const Body = told.correctOrder ? RightOrder : question.options?.length ? RightOptions : RightWords;
  return html`<div class="outcome">
    <${Body} question=${question} told=${told} verdict=${verdict} />
    ${told.explanation ? html`<p class="explanation"><${Markup} text=${told.explanation} /></p>` : null}
  </div>`;
}

/** How many chose an option. @param {Told} told @param {number} optionId */
const countOf = ({ counts }, optionId) => counts?.find((count) => count.optionId === optionId)?.count ?? 0;

/** @param {{question: Question, told: Told, verdict: Verdict | null}} props */
function RightOptions({ question, told, verdict }) {
  const right = rightOptions(told);
  const mine = namedOptions(givenOf(verdict));
  const isPoll = question.kind === "poll";
  return html`<ul class="tiles outcome-tiles">
    ${question.options.map(({ optionId, text }, index) => {
      const isRight = right.includes(optionId);
      const isMine = mine.includes(optionId);
      const state = isRight ? "right" : isPoll && isMine ? "chosen" : isPoll ? "still" : "faded";
      const signs = [isRight && t("stage.right"), isMine && t("outcome.isMine")].filter(Boolean).join(", ");
      return html`<li key=${optionId}><${Tile} index=${index} text=${text} state=${state}>
        <span class="only-heard">${signs}</span>
        ${isMine ? html`<span class="mine" aria-hidden="true">${t("outcome.mine")}</span>` : null}
        ${told.counts ? html`<span class="count" aria-label=${t("outcome.count", { count: countOf(told, optionId) })}>${number(countOf(told, optionId))}</span>` : null}
        ${isRight ? html`<${Check} />` : isMine && !isPoll ? html`<${Cross} />` : null}
      <//></li>`;
    })}
  </ul>`;
}

/** @param {{question: Question, told: Told, verdict: Verdict | null}} props */
function RightOrder({ question, told, verdict }) {
  const mine = namedOptions(givenOf(verdict));
  const right = told.correctOrder ?? [];
  return html`<h2 class="label">${t("outcome.rightOrder")}</h2>
    <ol class="arrange">
      ${right.map((id, at) => {
        const index = question.options.findIndex(({ optionId }) => optionId === id);
        const myPlace = mine.indexOf(id) + 1;
        return html`<li key=${id} class=${`arranged still ${hue(index)}`}><div class="handle">
          <b class="place">${at + 1}</b><span class="sign"><${Shape} index=${index} /></span><span class="grow"><${Markup} text=${question.options[index]?.text ?? ""} /></span>
          ${!myPlace ? null : myPlace === at + 1 ? html`<span class="good-sign"><${Check} /><span class="only-heard">${t("stage.right")}</span></span>` : html`<span class="muted small">${t("outcome.yourPlace", { place: myPlace })}</span>`}
        </div></li>`;
      })}
    </ol>`;
}

/** @param {{question: Question, told: Told, verdict: Verdict | null}} props */
function RightWords({ question, told, verdict }) {
  const right = rightInWords(told);
  const given = givenOf(verdict);
  const isRight = verdict && outcomeOf(verdict) === "right";
  return html`<dl class="words">
    ${right === null ? null : html`<div class="card word right-word"><dt class="muted small">${t("outcome.right")}</dt><dd><b>${right}</b><${Check} /></dd></div>`}
    ${given && !(isRight && inWords(question, given) === right) ? html`<div class="card word"><dt class="muted small">${t("answer.yours")}</dt><dd><b>${inWords(question, given)}</b>${isRight ? html`<${Check} />` : right === null ? null : html`<${Cross} />`}</dd></div>` : null}
  </dl>
  ${question.kind === "poll" && told.counts?.length ? html`<${Words} counts=${told.counts} />` : null}`;
}

/** The words of a poll, bigger the more often they were typed. @param {{counts: Count[]}} props */
function Words({ counts }) {
  const most = Math.max(...counts.map(({ count }) => count));
  return html`<ul class="cloud">
    ${counts.map(({ text, count }) => html`<li key=${text} style=${{ fontSize: `${16 + Math.round((20 * count) / most)}px` }}>${text}<span class="only-heard"> ${count}</span></li>`)}
  </ul>`;
}

const ICONS = { right: Check, partly: Wave, wrong: Cross, none: Dash, poll: Check };

/**
 * The verdict as the first thing that is seen.
 * @param {{verdict: Verdict & {responseMs?: number | null}, note?: string | null}} props
 * `note` says more, such as how the place has changed.
 */
export function VerdictCard({ verdict, note }) {
  const outcome = outcomeOf(verdict);
  const { share, points, responseMs } = verdict;
  const Icon = ICONS[outcome];
  const heading = useFocus(verdict);
  const notes = [typeof responseMs === "number" && seconds(responseMs), note].filter(Boolean).join(" · ");
  return html`<section class=${`card verdict ${outcome} pop-in`}>
    <span class="verdict-icon"><${Icon} /></span>
    <h1 tabindex="-1" ref=${heading}>${t(outcome === "none" && verdict.correct === null ? "verdict.skipped" : `verdict.${outcome}`)}</h1>
    ${outcome === "partly" && share ? html`<p class="muted">${t("verdict.share", { percent: Math.round(share * 100) })}</p>` : null}
    ${points > 0 ? html`<p class="points">+${number(points)}<span class="only-heard"> ${t("unit.points")}</span></p>` : null}
    ${notes ? html`<p class="muted">${notes}</p>` : null}
  </section>`;
}

/**
 * All questions of a game that is over: what was answered, and what was right.
 * @typedef {ShownAnswer & {questionId: string, questionText: string, answerText: string | null, correctText: string | null, correct: boolean | null, share?: number, explanation?: string, points: number}} ListedAnswer
 * @param {{answers: ListedAnswer[], title?: string}} props
 */
export const AnswerList = ({ answers, title }) =>
  html`<section class="answers"><h2>${title ?? t("answers.title")}</h2>
    ${answers.map((answer) => html`<${Entry} key=${answer.questionId} answer=${answer} />`)}
  </section>`;

/** @param {{answer: ListedAnswer}} props */
function Entry({ answer }) {
  const outcome = outcomeOf(answer);
  const Icon = outcome === "poll" ? Dash : ICONS[outcome];
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
