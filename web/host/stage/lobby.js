/** The lobby: the code across the hall, and who is here. @import { RoomView } from "../../client/types.js" */
import { html, useRef } from "../../vendor/preact.js";
import { grouped, spoken, t } from "../../ui/text.js";
import { Mark } from "../../ui/pieces.js";
import { isLoopback, origin } from "../../ui/server.js";
import { useFit } from "./fit.js";
import { Qr } from "../../ui/qr.js";
import { players } from "./steps.js";

/** How phones reach the server, where they can't. */
export const Loopback = () =>
  isLoopback(origin()) ? html`<p class="stage-loopback note warn">${t("stage.loopback")} <code>REJOIN_LISTEN=0.0.0.0:8080</code> <code>REJOIN_PUBLIC_URL=http://…:8080</code></p>` : null;

/** Where players go by hand, and by camera. @param {{joinCode: string}} props */
function Door({ joinCode }) {
  const address = origin();
  return html`<div class="stage-door stack">
    <p class="stage-where muted">${t("stage.joinAt")} <b>${spoken(address)}</b></p>
    <p class="stage-code" aria-label=${t("stage.codeIs", { code: [...joinCode].join(" ") })}>${grouped(joinCode)}</p>
    <div class="row"><${Qr} text=${`${address}/j/${joinCode}`} label=${t("stage.qr")} /><p class="stage-camera muted">${t("stage.camera")}</p></div>
    <${Loopback} />
  </div>`;
}

/** @param {{room: RoomView}} props */
export function Lobby({ room }) {
  const here = players(room);
  /** @type {{current: HTMLElement | null}} */
  const names = useRef(null);
  useFit(names, 4, [here.length]);
  return html`<section class="stage-lobby" aria-label=${t("room.lobby")}>
    <div class="stack"><${Mark} /><${Door} joinCode=${room.joinCode} /></div>
    <div class="stage-here">
      <div class="row between"><h1>${here.length ? t("lobby.here", { count: here.length }) : t("stage.nobody")}</h1>
        <span class="pill"><span class=${room.locked ? "dot wait" : "dot"}></span>${t(room.locked ? "stage.locked" : "stage.open")}</span></div>
      <ul class="stage-names" ref=${names} aria-label=${t("stage.players")}>
        ${here.map(({ seatId, name, present }) => html`<li class=${`chip pop-in ${present ? "" : "gone"}`} key=${seatId}>${name}${present ? null : html`<span class="only-heard">, ${t("stage.offline")}</span>`}</li>`)}
      </ul>
    </div>
  </section>`;
}
