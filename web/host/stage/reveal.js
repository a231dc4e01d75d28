/** The reveal: what was answered as bars, the right one marked. @import { Reveal as RevealOf, RoomQuestion, RoomView } from "../../client/types.js" */
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { t } from "../../ui/text.js";
import { rightInWords } from "../../ui/answer/fields.js";
import { Markup, plain } from "../../ui/markup.js";
import { Check, Tile } from "../../ui/pieces.js";
import { hue, letter, Shape } from "../../ui/shapes.js";
import { barsOf } from "./bars.js";
import { useFit } from "./fit.js";
import { Picture } from "./question.js";

/** Bars begin at nothing and grow. */
function useGrown() {
  const [grown, set] = useState(false);
  useEffect(() => {
    const frame = requestAnimationFrame(() => requestAnimationFrame(() => set(true)));
    return () => cancelAnimationFrame(frame);
  }, []);
  return grown;
}

/** @param {{right: boolean | null}} bar */
const stateOf = ({ right }) => (right === null ? "still" : right ? "right" : "faded");

const Right = () => html`<span class="stage-right"><${Check} /><span class="only-heard">${t("stage.right")}</span></span>`;

/** @param {{bars: import("./bars.js").Bar_[]}} props */
function Columns({ bars }) {
  const grown = useGrown();
  return html`<ul class="stage-columns">${bars.map(
    (bar) => html`<li key=${bar.key} class=${stateOf(bar)}>
      <span class=${`stage-column ${hue(bar.index ?? 0)}`}><b class="stage-count">${bar.count}</b><i style=${{ height: `calc((100% - 1.3em) * ${grown ? bar.share : 0})` }}></i></span>
      <${Tile} index=${bar.index} text=${bar.label} state=${stateOf(bar)}>${bar.right ? html`<${Right} />` : ""}<//>
    </li>`,
  )}</ul>`;
}

/** Many short ones stand in two columns. @param {{bars: import("./bars.js").Bar_[], question: RoomQuestion}} props */
function Rows({ bars, question }) {
  const grown = useGrown();
  const isPaired = bars.length > 6 && bars.every(({ label }) => plain(label).length <= 22);
  return html`<ul class=${`stage-rows ${isPaired ? "pairs" : ""}`} style=${{ "--rows": Math.ceil(bars.length / (isPaired ? 2 : 1)) }}>${bars.map(
    (bar) => html`<li key=${bar.key} class=${stateOf(bar)}>
      ${bar.index === null ? html`<span class="stage-said">${bar.order ? html`<${Order} question=${question} optionIds=${bar.order} />` : bar.label}${bar.right ? html`<${Right} />` : null}</span>` : html`<${Tile} index=${bar.index} text=${bar.label} state=${stateOf(bar)}>${bar.right ? html`<${Right} />` : null}<//>`}
      <span class=${`stage-length ${bar.index === null ? "" : hue(bar.index)}`}><i style=${{ width: `${grown ? 100 * bar.share : 0}%` }}></i></span><b class="stage-count">${bar.count}</b>
    </li>`,
  )}</ul>`;
}

/** @param {{bars: import("./bars.js").Bar_[]}} props */
const Words = ({ bars }) =>
  html`<ul class="stage-words">${bars.map((bar) => html`<li key=${bar.key} class="pop-in" style=${{ fontSize: `${1.3 + 3.1 * bar.share}rem` }}>${bar.label}<sub>${bar.count}</sub></li>`)}</ul>`;

/** What is right, where no bar says it. @param {{question: RoomQuestion, reveal: RevealOf}} props */
export function Solution({ question, reveal }) {
  const right = rightInWords(reveal);
  const isBar = barsOf(question, reveal).bars.some((bar) => bar.right && (bar.order ? isShort(question) : bar.label === right));
  if (reveal.correctOrder && !isBar) return html`<${Order} question=${question} optionIds=${reveal.correctOrder} isWhole />`;
  return right === null || isBar ? null : html`<p class="stage-solution"><${Right} /><b>${right}</b></p>`;
}

/** Whether the options have room beside each other. @param {RoomQuestion} question */
const isShort = ({ options }) => options.reduce((length, { text }) => length + plain(text).length + 4, 0) < 48;

/** Options as chips: in an order, or as a list of all. Long ones are their shapes alone, unless they are told whole. @param {{question: RoomQuestion, optionIds: number[], isWhole?: boolean, isLettered?: boolean}} props */
export function Order({ question, optionIds, isWhole, isLettered }) {
  const index = (/** @type {number} */ id) => question.options.findIndex(({ optionId }) => optionId === id);
  return html`<ol class="stage-order">${optionIds.map((id) => {
    const at = index(id);
    return html`<li key=${id} class=${hue(at)}><${Shape} index=${at} />${isLettered ? html`<b>${letter(at)}</b>` : null}<span class=${isWhole || isShort(question) ? "" : "only-heard"}><${Markup} text=${question.options[at]?.text ?? ""} /></span></li>`;
  })}</ol>`;
}

const CHARTS = { columns: Columns, rows: Rows, words: Words };

/** @param {{question: RoomQuestion, reveal: RevealOf}} props */
export function Chart({ question, reveal }) {
  const { layout, bars } = barsOf(question, reveal);
  const Bars = CHARTS[layout];
  return bars.length ? html`<${Bars} bars=${bars} question=${question} />` : html`<p class="stage-typed muted">${t("stage.noAnswers")}</p>`;
}

/** @param {{room: RoomView}} props */
export function Reveal({ room }) {
  const question = /** @type {RoomQuestion} */ (room.question);
  const reveal = /** @type {RevealOf} */ (room.reveal);
  /** @type {{current: HTMLElement | null}} */
  const screen = useRef(null);
  useFit(screen, 3, [reveal.questionId]);
  return html`<section class="stage-reveal" ref=${screen} aria-label=${t("stage.revealOf", { index: reveal.index + 1 })}>
    <div class="row between stage-ask"><div class="stage-text grow" data-scroll role="heading" aria-level="1"><${Markup} text=${question.text} /></div>
      <${Picture} question=${question} /><span class="muted stage-of">${t("stage.questionOf", { index: reveal.index + 1, of: room.questionCount })}</span></div>
    <${Solution} question=${question} reveal=${reveal} />
    <${Chart} question=${question} reveal=${reveal} />
    ${reveal.explanation ? html`<p class="stage-explanation muted"><${Markup} text=${reveal.explanation} /></p>` : null}
  </section>`;
}
