/** The reveal: what was answered as bars, the right one marked. @import { Reveal as RevealOf, RoomQuestion, RoomView } from "../../client/types.js" */
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { t } from "../../ui/text.js";
import { rightInWords } from "../../ui/answer/fields.js";
import { Markup, plain } from "../../ui/markup.js";
import { Check, Tile } from "../../ui/pieces.js";
import { hue, letter, Shape } from "../../ui/shapes.js";
import { barsOf } from "./bars.js";
import { useFit } from "./fit.js";

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
  return html`<ul class="stage-columns" data-count=${bars.length}>${bars.map(
    (bar) => html`<li key=${bar.key} class=${stateOf(bar)}>
      <b class="stage-count">${bar.count}</b>
      <span class=${`stage-column ${hue(bar.index ?? 0)}`}><i style=${{ transform: `scaleY(${grown ? bar.share : 0})` }}></i></span>
      <${Tile} index=${bar.index} text=${bar.label} state=${stateOf(bar)}>${bar.right ? html`<${Right} />` : ""}<//>
    </li>`,
  )}</ul>`;
}

/** Many short ones stand in two columns. @param {{bars: import("./bars.js").Bar_[]}} props */
function Rows({ bars }) {
  const grown = useGrown();
  const isPaired = bars.length > 6 && bars.every(({ label }) => plain(label).length <= 22);
  return html`<ul class=${`stage-rows ${isPaired ? "pairs" : ""}`} style=${{ "--rows": Math.ceil(bars.length / (isPaired ? 2 : 1)) }}>${bars.map(
    (bar) => html`<li key=${bar.key} class=${stateOf(bar)}>
      ${bar.index === null ? html`<span class="stage-said">${bar.label}${bar.right ? html`<${Right} />` : null}</span>` : html`<${Tile} index=${bar.index} text=${bar.label} state=${stateOf(bar)}>${bar.right ? html`<${Right} />` : null}<//>`}
      <span class=${`stage-length ${bar.index === null ? "" : hue(bar.index)}`}><i style=${{ transform: `scaleX(${grown ? bar.share : 0})` }}></i></span><b class="stage-count">${bar.count}</b>
    </li>`,
  )}</ul>`;
}

/** @param {{bars: import("./bars.js").Bar_[]}} props */
const Words = ({ bars }) =>
  html`<ul class="stage-words">${bars.map((bar) => html`<li key=${bar.key} class="pop-in" style=${{ fontSize: `calc(var(--u) * ${Math.round(26 + 62 * bar.share)})` }}>${bar.label}<sub>${bar.count}</sub></li>`)}</ul>`;

/** What is right, where no bar says it. @param {{question: RoomQuestion, reveal: RevealOf}} props */
export function Solution({ question, reveal }) {
  if (reveal.correctOrder) return html`<${Order} question=${question} optionIds=${reveal.correctOrder} />`;
  const right = rightInWords(reveal);
  const isBar = barsOf(question, reveal).bars.some((bar) => bar.right && bar.label === right);
  return right === null || isBar ? null : html`<p class="stage-solution"><${Right} /><b>${right}</b></p>`;
}

/** @param {{question: RoomQuestion, optionIds: number[]}} props */
function Order({ question, optionIds }) {
  const index = (/** @type {number} */ id) => question.options.findIndex(({ optionId }) => optionId === id);
  return html`<ol class="stage-order">${optionIds.map((id) => {
    const at = index(id);
    return html`<li key=${id} class=${hue(at)}><${Shape} index=${at} /><b>${letter(at)}</b><${Markup} text=${question.options[at]?.text ?? ""} /></li>`;
  })}</ol>`;
}

const CHARTS = { columns: Columns, rows: Rows, words: Words };

/** @param {{question: RoomQuestion, reveal: RevealOf}} props */
export function Chart({ question, reveal }) {
  const { layout, bars } = barsOf(question, reveal);
  const Bars = CHARTS[layout];
  return bars.length ? html`<${Bars} bars=${bars} />` : html`<p class="stage-typed muted">${t("stage.noAnswers")}</p>`;
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
      <span class="muted stage-of">${t("stage.of", { index: reveal.index + 1, of: room.questionCount })}</span></div>
    <${Solution} question=${question} reveal=${reveal} />
    <${Chart} question=${question} reveal=${reveal} />
    ${reveal.explanation ? html`<p class="stage-explanation muted"><${Markup} text=${reveal.explanation} /></p>` : null}
  </section>`;
}
