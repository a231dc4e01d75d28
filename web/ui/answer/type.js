/** Answers that are typed: a text or a number. */
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { hasKeyboard } from "../live.js";
import { t } from "../text.js";
import { Send } from "./choose.js";
import { digits, inWords } from "./fields.js";
import { readNumber } from "./number.js";

/** Most bytes of a typed text. */
const MOST_BYTES = 200;

/** @param {string} typed @returns {{fields?: {text: string}, fault?: string}} */
function readText(typed) {
  const text = typed.trim();
  if (!text) return { fault: t("answer.fault.empty") };
  return new TextEncoder().encode(text).length > MOST_BYTES ? { fault: t("answer.fault.long") } : { fields: { text } };
}

/** @param {string} typed @returns {{fields?: {number: number}, fault?: string}} */
function readNumeric(typed) {
  const value = readNumber(typed);
  return value === null ? { fault: t("answer.fault.number") } : { fields: { number: value } };
}

/** How a typed number is understood, where that could be doubted. @param {string} typed */
function understood(typed) {
  const value = readNumber(typed);
  if (value === null || !/[.,\s]/.test(typed.trim())) return null;
  return t("answer.understood", { value: digits(value) });
}

/** The same number with the other sign: some keyboards for numbers have no minus. @param {string} typed */
const withOtherSign = (typed) => (/^\s*[-−–]/.test(typed) ? typed.replace(/^\s*[-−–]/, "") : `-${typed}`);

/** @param {import("./choose.js").InputProps} props */
export function TypeAnswer({ question, given, disabled, onAnswer }) {
  const isNumber = question.kind === "number";
  const [typed, setTyped] = useState("");
  const [fault, setFault] = useState(/** @type {string | undefined} */ (undefined));
  /** @type {{current: HTMLInputElement | null}} */
  const field = useRef(null);
  useEffect(() => {
    if (!disabled && !given && hasKeyboard()) field.current?.focus();
  }, [disabled, given, question.questionId]);

  if (given) return html`<p class="given"><span class="muted small">${t("answer.yours")}</span><b>${inWords(question, given)}</b></p>`;

  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (disabled) return;
    const read = isNumber ? readNumeric(typed) : readText(typed);
    setFault(read.fault);
    if (read.fields) onAnswer(read.fields);
    else field.current?.focus();
  };
  const label = t(isNumber ? "answer.number" : question.kind === "poll" ? "answer.word" : "answer.yours");
  const note = fault ?? (isNumber ? understood(typed) : null);
  return html`<form class="typed" onSubmit=${send} novalidate>
    <div class="field">
      <label for="typed-answer">${label}</label>
      <div class="row"><input id="typed-answer" class="input" ref=${field} value=${typed} inputmode=${isNumber ? "decimal" : "text"} autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck=${false} enterkeyhint="send"
        aria-invalid=${fault ? "true" : undefined} aria-describedby="typed-note" onInput=${(/** @type {any} */ event) => (setTyped(event.target.value), setFault(undefined))} />
        ${isNumber ? html`<button type="button" class="button quiet sign-button" aria-label=${t("answer.sign")} onClick=${() => setTyped(withOtherSign(typed))}>±</button>` : null}</div>
      <p id="typed-note" class=${fault ? "fault" : "muted small"} role=${fault ? "alert" : undefined}>${note}</p>
    </div>
    <${Send} disabled=${disabled || !typed.trim()} />
  </form>`;
}
