/** A code by which another device goes on with the own seat. */
import { html } from "../vendor/preact.js";
import { grouped, inFours } from "../ui/codes.js";
import { Dialog } from "../ui/pieces.js";
import { Qr } from "../ui/qr.js";
import { origin } from "../ui/server.js";
import { fault, t } from "../ui/text.js";
import { useCall } from "../ui/use.js";

/** @param {{room: import("../client/room.js").Room, view: import("../client/types.js").RoomView, onClose: () => void}} props */
export function SeatCode({ room, view, onClose }) {
  const { value, problem } = useCall(() => room.seatCode(view.you?.seatId ?? 0), []);
  const link = value && `${origin()}/j/${view.joinCode}#seat=${value.seatCode}`;
  return html`<${Dialog} label=${t("device.title")} onClose=${onClose}>
    <div class="stack device">
      <h2>${t("device.title")}</h2>
      <p class="muted">${t("device.hint", { code: grouped(view.joinCode) })}</p>
      ${problem ? html`<p class="fault" role="alert">${fault(problem)}</p>` : null}
      ${link ? html`<div class="center"><${Qr} text=${link} label=${t("device.qr")} /></div>` : null}
      <p class="device-code" aria-live="polite">${value ? inFours(value.seatCode) : "…"}</p>
      <p class="muted small">${t("device.note")}</p>
      <button class="button wide" onClick=${onClose}>${t("menu.back")}</button>
    </div>
  <//>`;
}
