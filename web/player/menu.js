/** What a player may do beside playing: go on with another device, and leave. */
import { html, useState } from "../vendor/preact.js";
import { seats } from "../client/storage.js";
import { Confirm } from "../ui/confirm.js";
import { go } from "../ui/links.js";
import { Dialog, Switches } from "../ui/pieces.js";
import { fault, t } from "../ui/text.js";
import { grouped } from "../ui/codes.js";
import { SeatCode } from "./seat-code.js";

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
      <div class="row between"><h2>${view.you?.name}</h2><${Switches} /></div>
      <p class="muted">${t("join.room", { code: grouped(view.joinCode) })}</p>
      <button class="button quiet wide" onClick=${() => show("code")}>${t("menu.device")}</button>
      ${isOpener ? null : html`<button class="button danger wide" onClick=${() => show("leave")}>${t("menu.leave")}</button>`}
      <button class="button wide" onClick=${onClose}>${t("menu.back")}</button>
    </div>
  <//>`;
}
