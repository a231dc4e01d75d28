/** The field for a room's code: six boxes to look at, one input beneath. */
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { go } from "../ui/links.js";
import { hasKeyboard } from "../ui/live.js";
import { t } from "../ui/text.js";

const LENGTH = 6;
const BOXES = [...Array(LENGTH).keys()];

/**
 * The code in what was typed or pasted: in small or full-width letters, in groups, with dashes, or as a whole link.
 * @param {string} typed @returns {string} at most six signs
 */
export function readCode(typed) {
  const text = typed.normalize("NFKC");
  const link = /\/j\/([^/?#\s]+)/.exec(text);
  return (link?.[1] ?? text).toUpperCase().replace(/[^2-9A-HJKMNP-Z]/g, "").slice(0, LENGTH);
}

/** Whether something was typed that no code has. @param {string} typed */
const hasOtherSigns = (typed) => /[01ILO]/i.test(typed.normalize("NFKC")) && !typed.includes("/");

/** @param {{code?: string, fault?: string | null}} props */
export function CodeForm({ code = "", fault = null }) {
  const [typed, setTyped] = useState(code);
  const [note, setNote] = useState(fault);
  /** @type {{current: HTMLInputElement | null}} */
  const field = useRef(null);
  useEffect(() => {
    if (hasKeyboard()) field.current?.focus();
  }, []);

  const join = (/** @type {string} */ whole) => {
    if (whole.length === LENGTH) return go(`/j/${whole}`);
    setNote(t("code.short"));
    field.current?.focus();
  };
  const type = (/** @type {any} */ event) => {
    const read = readCode(event.target.value);
    setNote(hasOtherSigns(event.target.value) ? t("code.signs") : null);
    event.target.value = read;
    setTyped(read);
    if (read.length === LENGTH && read !== typed) join(read);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    join(typed);
  };

  return html`<form class="stack code-form" onSubmit=${submit}>
    <div class="code" onClick=${() => field.current?.focus()}>
      <input ref=${field} value=${typed} aria-label=${t("code.label")} aria-describedby="code-note" aria-invalid=${note ? "true" : undefined} autocomplete="off" autocapitalize="characters" autocorrect="off" spellcheck=${false} enterkeyhint="go" onInput=${type} />
      ${BOXES.map((at) => html`<b key=${at} aria-hidden="true" class=${`${at === Math.min(typed.length, LENGTH - 1) ? "next" : ""} ${typed[at] ? "filled" : ""}`}>${typed[at] ?? ""}</b>`)}
    </div>
    <p id="code-note" class=${note ? "fault" : "only-heard"} role=${note ? "alert" : undefined}>${note ?? t("code.hint")}</p>
    <button class="button wide">${t("join.title")}</button>
  </form>`;
}
