/** Why the game stands still. */
import { html } from "../vendor/preact.js";
import { useAnnounced } from "../ui/live.js";
import { t } from "../ui/text.js";

/** @param {{view: import("../client/types.js").RoomView}} props */
export function PauseNote({ view }) {
  const text = view.paused && t(`paused.${view.paused.by}`);
  useAnnounced(text);
  if (!text) return null;
  return html`<p class="note warn row come-in"><svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="currentColor"><rect x="5" y="4" width="5" height="16" rx="1.5" /><rect x="14" y="4" width="5" height="16" rx="1.5" /></svg><span class="grow">${text}</span></p>`;
}
