/** The API key, where the server wants one of its hosts: asked for once, kept in this browser. */
import { html, signal, useState } from "../../vendor/preact.js";

import { Api } from "../../client/api.js";
import { fault, t } from "../../ui/text.js";
import { read, write } from "../../ui/prefs.js";
import { server } from "../../ui/server.js";

const key = signal(read("apiKey"));

/** Why the key is asked for: the server wants one, or the one that was given is wrong. @type {import("../../vendor/preact.js").Signal<"required" | "wrong" | null>} */
const asked = signal(null);

/** The calls of a host. A component that makes them is shown anew with another key. */
export const hostApi = () => new Api({ key: key.value });

/**
 * Tells the key's card what a refused call says about the key.
 * @param {any} problem @returns {boolean} whether it does
 */
export function isAboutKey(problem) {
  const about = problem.code === "api-key-required" ? "required" : problem.code === "api-key-invalid" ? "wrong" : null;
  if (about) asked.value = about;
  return about !== null;
}

/** @param {string | null} next */
function setKey(next) {
  key.value = next;
  write("apiKey", next);
}

/** Whether the key's card asks for one, and why. */
export const keyIsWanted = () => asked.value ?? (server.value?.hosting === "key" && !key.value ? "required" : null);

export function KeyCard() {
  const [wrong, setWrong] = useState("");
  const isWanted = keyIsWanted();
  const save = async (/** @type {any} */ event) => {
    event.preventDefault();
    const typed = String(new FormData(event.currentTarget).get("key")).trim();
    // A header can hold no others.
    if (/[^!-~]/.test(typed)) return setWrong(t("access.plain"));
    try {
      await new Api({ key: typed }).get("/api/rooms?limit=1");
      setKey(typed);
      setWrong("");
      asked.value = null;
    } catch (problem) {
      const { code } = /** @type {any} */ (problem);
      setWrong(code === "api-key-invalid" ? t("access.wrong") : fault(/** @type {any} */ (problem)));
    }
  };
  if (!isWanted) return key.value ? html`<p class="small muted">${t("access.kept")} <button type="button" class="setup-link" onClick=${() => setKey(null)}>${t("access.forget")}</button></p>` : null;
  return html`<form class="card stack" onSubmit=${save}>
    <div class="field"><label for="api-key">${t(isWanted === "wrong" ? "access.again" : "access.title")}</label><p class="muted small" id="api-key-why">${t("access.why")}</p>
      <div class="row"><input class="input compact" id="api-key" name="key" type="password" required autocomplete="off" spellcheck=${false} aria-describedby="api-key-why" aria-invalid=${wrong ? "true" : undefined} /><button class="button compact">${t("access.save")}</button></div>
      ${wrong ? html`<p class="fault" role="alert">${wrong}</p>` : null}</div>
  </form>`;
}
