/** What a player may do beside playing: go on with another device, and leave. */
import { html, useState } from "../vendor/preact.js";
import { seats } from "../client/storage.js";
import { go } from "../ui/links.js";
import { Confirm, Dialog, Switches } from "../ui/pieces.js";
import { fault, grouped, inFours, t } from "../ui/text.js";
import { Qr } from "../ui/qr.js";
import { origin } from "../ui/server.js";
import { useCall } from "../ui/use.js";

/** @param {{room: import("../client/room.js").Room, view: import("../client/types.js").RoomView, seat: any, onClose: () => void}} props */
export function Menu({ room, view, seat, onClose }) {
  const [shown, show] = useState("menu");
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const leave = () =>
    room.leave().then(() => {
      seats.forget(seat.token);
      go("/");
    }, setProblem);
  if (shown === "code") return html`<${SeatCode} room=${room} view=${view} onClose=${onClose} />`;
  if (shown === "leave") return html`<${Confirm} title=${t("leave.title")} text=${t(view.phase === "finished" ? "leave.textAfter" : "leave.text")} yes=${t("leave.yes")} fault=${problem && fault(problem)} onYes=${leave} onClose=${onClose} />`;
  const isOpener = view.you?.isHost && view.phase !== "finished";
  return html`<${Dialog} label=${t("menu.title")} onClose=${onClose}>
    <div class="stack menu">
      <div class="row between"><h2 tabindex="-1">${view.you?.name}</h2><${Switches} /></div>
      <p class="muted">${t("join.room", { code: grouped(view.joinCode) })}</p>
      <button class="button quiet wide" onClick=${() => show("code")}>${t("menu.device")}</button>
      ${isOpener ? null : html`<button class="button danger wide" onClick=${() => show("leave")}>${t("menu.leave")}</button>`}
      <button class="button wide" onClick=${onClose}>${t("menu.back")}</button>
    </div>
  <//>`;
}

/** A code by which another device goes on with the own seat. @param {{room: import("../client/room.js").Room, view: import("../client/types.js").RoomView, onClose: () => void}} props */
function SeatCode({ room, view, onClose }) {
  const { value, problem } = useCall(() => room.seatCode(view.you?.seatId ?? 0), []);
  const link = value && `${origin()}/j/${view.joinCode}#seat=${value.seatCode}`;
  return html`<${Dialog} label=${t("menu.device")} onClose=${onClose}>
    <div class="stack device">
      <h2 tabindex="-1">${t("menu.device")}</h2>
      <p class="muted">${t("device.hint", { code: grouped(view.joinCode) })}</p>
      ${problem ? html`<p class="fault" role="alert">${fault(problem)}</p>` : null}
      ${link ? html`<div class="center"><${Qr} text=${link} label=${t("device.qr")} /></div>` : null}
      <p class="device-code" aria-live="polite">${value ? inFours(value.seatCode) : "…"}</p>
      <p class="muted small">${t("device.note")}</p>
      <button class="button wide" onClick=${onClose}>${t("menu.back")}</button>
    </div>
  <//>`;
}
