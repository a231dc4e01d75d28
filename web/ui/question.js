/** A question's text, picture, clock and input. */
import { html } from "../vendor/preact.js";
import { Arrange } from "./answer/arrange.js";
import { ChooseOne, ChooseSeveral } from "./answer/choose.js";
import { TypeAnswer } from "./answer/type.js";
import { useAnnounced, useFocus } from "./live.js";
import { Markup, plain } from "./markup.js";
import { useCountdown } from "./pieces.js";
import { t } from "./text.js";

/** How long a text may be before it is shown smaller, and before it is shown smaller still. */
const LONG = [90, 220];

/** The class for the size of a text: long ones shrink in two steps, and then scroll with the page. @param {string} text */
export function sizeOf(text) {
  const length = plain(text).length + 30 * (text.split("\n").length - 1);
  return ["", "long", "longer"][LONG.filter((limit) => length > limit).length];
}

/**
 * The question as the heading of its screen, which takes the focus when the question comes in.
 * @param {{question: {questionId: string, text: string, image?: string, alt?: string}, quiet?: boolean}} props
 */
export function QuestionText({ question, quiet = false }) {
  const { text, image, alt } = question;
  const heading = useFocus(question.questionId, !quiet);
  return html`<div class=${`question ${sizeOf(text)}`}>
    <${quiet ? "h2" : "h1"} class="question-text" tabindex="-1" ref=${heading}><${Markup} text=${text} /><//>
    ${image ? html`<img class="question-picture" src=${image} alt=${alt ?? ""} />` : null}
  </div>`;
}

/** Seconds at which the time that is left is read out, and shown as scarce. */
const SCARCE = 5;

/**
 * The time that is left, as a bar and in seconds.
 * @param {{span: {opensAtMs: number, closesAtMs: number}, now: () => number, stoppedLeftMs?: number}} props
 * `stoppedLeftMs` is what is left while the game stands still.
 */
export function Clock({ span, now, stoppedLeftMs }) {
  const { left, share } = useCountdown(span, now, stoppedLeftMs);
  const isScarce = left <= SCARCE;
  useAnnounced(left === SCARCE && t("clock.left", { count: left }));
  return html`<div class=${`clock ${stoppedLeftMs !== undefined ? "stopped" : isScarce ? "scarce" : ""}`} role="timer" aria-label=${t("clock.left", { count: left })}>
    <div class="bar"><i style=${{ transform: `scaleX(${share})` }}></i></div><b aria-hidden="true">${left}</b>
  </div>`;
}

const INPUTS = { choice: ChooseOne, multiple: ChooseSeveral, text: TypeAnswer, number: TypeAnswer, order: Arrange, poll: ChooseOne };

/** The input that fits the kind. @param {import("./answer/choose.js").InputProps} props */
export function AnswerInput(props) {
  const { kind, options, questionId } = props.question;
  const Input = kind === "poll" && !options?.length ? TypeAnswer : INPUTS[kind];
  return html`<${Input} key=${questionId} ...${props} />`;
}
