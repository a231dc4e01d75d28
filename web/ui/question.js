/** A question's text and picture. */
import { html } from "../vendor/preact.js";
import { useFocus } from "./live.js";
import { Markup, plain } from "./markup.js";

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
