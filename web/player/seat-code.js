/** A code by which another device goes on with the own seat. */
import { html } from "../vendor/preact.js";
import { Api } from "../client/api.js";
import { Dialog } from "../ui/pieces.js";
import { origin } from "../ui/server.js";
import { fault, t } from "../ui/text.js";
import { useCall } from "../ui/use.js";
import { grouped } from "./code.js";

/** @param {import("../client/room.js").Room} room @param {import("../client/types.js").RoomView} view */
async function makeCode(room, view) {
  const { seatCode } = await room.seatCode(view.you?.seatId ?? 0);
  const link = `${origin()}/j/${view.joinCode}#seat=${seatCode}`;
  const picture = await new Api().text("/api/qr", { body: { text: link } }).catch(() => null);
  return { seatCode, picture: picture && `data:image/svg+xml,${encodeURIComponent(picture)}` };
}

/** A code as people read it aloud. @param {string} code */
const inFours = (code) => code.replace(/(.{4})(?=.)/g, "$1 ");

/** @param {{room: import("../client/room.js").Room, view: import("../client/types.js").RoomView, onClose: () => void}} props */
export function SeatCode({ room, view, onClose }) {
  const { value, problem } = useCall(() => makeCode(room, view), []);
  return html`<${Dialog} label=${t("device.title")} onClose=${onClose}>
    <div class="stack device">
      <h2>${t("device.title")}</h2>
      <p class="muted">${t("device.hint", { code: grouped(view.joinCode) })}</p>
      ${problem ? html`<p class="fault" role="alert">${fault(problem)}</p>` : null}
      ${value?.picture ? html`<img class="qr" src=${value.picture} alt=${t("device.qr")} />` : null}
      <p class="device-code" aria-live="polite">${value ? inFours(value.seatCode) : "…"}</p>
      <p class="muted small">${t("device.note")}</p>
      <button class="button wide" onClick=${onClose}>${t("menu.back")}</button>
    </div>
  <//>`;
}
