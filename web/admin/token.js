/** Asks for the token, where the listener wants one. It is kept in this tab alone. */
import { html } from "../vendor/preact.js";
import { t } from "../ui/text.js";
import { showToken, tokenWanted } from "./server.js";

export function Token() {
  const isWrong = tokenWanted.value === "wrong";
  const show = (/** @type {any} */ event) => {
    event.preventDefault();
    showToken(String(new FormData(event.currentTarget).get("token")).trim());
  };
  return html`<form class="card stack" onSubmit=${show}>
    <div class="field"><label for="token">${t("token.title")}</label>
      <p class="muted small" id="token-why">${t("token.why")}</p>
      <input class="input" id="token" name="token" type="password" required pattern="[!-~]+" autocomplete="off" spellcheck=${false} aria-describedby="token-why" aria-invalid=${isWrong ? "true" : undefined} />
      ${isWrong ? html`<p class="fault" role="alert">${t("token.wrong")}</p>` : null}
    </div>
    <button class="button">${t("token.show")}</button>
  </form>`;
}
