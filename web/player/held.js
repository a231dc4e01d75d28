/** The seat that this browser holds in the room already. */
import { html } from "../vendor/preact.js";
import { useFocus } from "../ui/live.js";
import { t } from "../ui/text.js";

/** @param {{seat: import("../client/storage.js").SavedSeat, onOther: () => void}} props */
export function Held({ seat, onOther }) {
  const heading = useFocus();
  const isHost = seat.role === "host";
  return html`<section class="notice stack">
    <h1 tabindex="-1" ref=${heading}>${isHost ? t("held.host") : t("held.title", { name: seat.name ?? "" })}</h1>
    <p class="muted">${t("held.hint")}</p>
    <a class="button" href=${isHost ? `/host/${seat.roomId}` : `/room/${seat.roomId}`}>${t("held.go")}</a>
    <button class="button plain" onClick=${onOther}>${t("held.other")}</button>
  </section>`;
}
