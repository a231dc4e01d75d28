/** A question before something that can't be undone. */
import { html } from "../vendor/preact.js";
import { Dialog } from "./pieces.js";
import { t } from "./text.js";

/**
 * @param {{title: string, text: string, yes: string, onYes: () => void, onClose: () => void, fault?: string | null}} props
 */
export const Confirm = ({ title, text, yes, onYes, onClose, fault }) =>
  html`<${Dialog} label=${title} onClose=${onClose}>
    <div class="stack">
      <h2>${title}</h2>
      <p>${text}</p>
      ${fault ? html`<p class="fault" role="alert">${fault}</p>` : null}
      <div class="row"><button class="button quiet grow" onClick=${onClose}>${t("confirm.no")}</button><button class="button danger grow" onClick=${onYes}>${yes}</button></div>
    </div>
  <//>`;
