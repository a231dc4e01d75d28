/** Asks for a name, and offers one. */
import { html, useRef, useState } from "../vendor/preact.js";
import { Api } from "../client/api.js";
import { Room } from "../client/room.js";
import { uuid } from "../client/ids.js";
import { hasKeyboard, useFocus } from "../ui/live.js";
import { read, write } from "../ui/prefs.js";
import { fault, has, t } from "../ui/text.js";
import { offerName } from "./names.js";

/** Refusals that a different name, or the same after a moment, can mend; others end the form. */
const MENDABLE = new Set(["name-taken", "invalid-request", "network"]);

/** What a refused name is told. @param {any} problem */
function noteOf(problem) {
  if (problem.code === "invalid-request") return t("name.fault");
  const key = `join.${problem.code}`;
  return has(key) ? t(key) : fault(problem);
}

/**
 * @param {{joinCode: string, onSeat: (taken: any) => void, onRefused: (problem: any) => void, onSeatCode: () => void}} props
 */
export function NameForm({ joinCode, onSeat, onRefused, onSeatCode }) {
  const [name, setName] = useState(() => read("name") ?? offerName());
  const [note, setNote] = useState(/** @type {string | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  /** The same name again is the same request, which is carried out once. */
  const request = useRef({ name: "", key: "" });
  const field = useFocus(joinCode, hasKeyboard());

  /** @type {[string | null, (name: string | null) => void]} */
  const [offered, setOffered] = useState(/** @type {string | null} */ (null));

  const offer = () => {
    setName(offerName());
    clear();
  };
  const clear = () => {
    setNote(null);
    setOffered(null);
  };
  const refused = (/** @type {any} */ problem) => {
    setBusy(false);
    if (!MENDABLE.has(problem.code)) return onRefused(problem);
    setNote(noteOf(problem));
    setOffered(problem.code === "name-taken" ? offerName() : null);
    field.current?.focus();
  };
  const joinAs = (/** @type {string} */ wanted) => {
    if (!wanted || isBusy) return setNote(wanted ? null : t("name.empty"));
    if (request.current.name !== wanted) request.current = { name: wanted, key: uuid() };
    write("name", wanted);
    setName(wanted);
    setBusy(true);
    clear();
    Room.join(new Api(), { joinCode, name: wanted }, request.current.key).then(onSeat, refused);
  };
  const join = (/** @type {Event} */ event) => {
    event.preventDefault();
    joinAs(name.trim());
  };

  return html`<form class="stack" onSubmit=${join} novalidate>
    <div><h1>${t("name.title")}</h1><p class="muted">${t("name.hint")}</p></div>
    <div class="field">
      <label for="name">${t("name.label")}</label>
      <div class="name-row">
        <input id="name" class="input name" ref=${field} value=${name} maxlength="32" autocomplete="nickname" autocapitalize="words" spellcheck=${false} enterkeyhint="go" aria-invalid=${note ? "true" : undefined} aria-describedby="name-note" onFocus=${(/** @type {any} */ event) => event.target.select()} onInput=${(/** @type {any} */ event) => (setName(event.target.value), clear())} />
        <button type="button" class="button quiet dice" onClick=${offer} aria-label=${t("name.other")}><${Dice} /></button>
      </div>
      <p id="name-note" class="fault" role=${note ? "alert" : undefined}>${note}</p>
      ${offered ? html`<button type="button" class="button quiet compact" onClick=${() => joinAs(offered)}>${t("name.take", { name: offered })}</button>` : null}
    </div>
    <button class="button wide" aria-disabled=${isBusy ? "true" : undefined}>${t(isBusy ? "name.busy" : "name.go")}</button>
    <button type="button" class="button plain" onClick=${onSeatCode}>${t("seat.have")}</button>
  </form>`;
}

const Dice = () =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><rect x="3" y="3" width="18" height="18" rx="5" fill="none" stroke="currentColor" stroke-width="2.5" /><circle cx="8.500" cy="8.500" r="1.7" fill="currentColor" /><circle cx="15.500" cy="8.500" r="1.7" fill="currentColor" /><circle cx="12" cy="12" r="1.7" fill="currentColor" /><circle cx="8.500" cy="15.500" r="1.7" fill="currentColor" /><circle cx="15.500" cy="15.500" r="1.7" fill="currentColor" /></svg>`;
