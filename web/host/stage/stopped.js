/** What the stage says when there is no game to show. */
import { html, useState } from "../../vendor/preact.js";
import { fault, t } from "../../ui/text.js";
import { go } from "../../ui/links.js";
import { Mark } from "../../ui/pieces.js";
import { Api } from "../../client/api.js";
import { Room } from "../../client/room.js";
import { keepSeat } from "./seat.js";

/** A game that goes on here by the two codes that its other device shows. */
export function TakeOver() {
  const [wrong, setWrong] = useState("");
  const take = async (/** @type {any} */ event) => {
    event.preventDefault();
    const { joinCode, seatCode } = Object.fromEntries(new FormData(event.currentTarget));
    try {
      const { roomId, token } = await Room.takeSeat(new Api(), { joinCode: String(joinCode), seatCode: String(seatCode) });
      keepSeat({ roomId, token, joinCode: String(joinCode) });
      go(`/host/${roomId}`);
    } catch (problem) {
      setWrong(fault(/** @type {any} */ (problem)));
    }
  };
  return html`<form class="stack" onSubmit=${take}>
    <p class="muted">${t("stage.takeHow")}</p>
    <div class="field"><label for="take-room">${t("stage.roomCode")}</label><input class="input compact" id="take-room" name="joinCode" required autocomplete="off" autocapitalize="characters" spellcheck=${false} /></div>
    <div class="field"><label for="take-seat">${t("seat.label")}</label><input class="input compact" id="take-seat" name="seatCode" required autocomplete="off" autocapitalize="characters" spellcheck=${false} /></div>
    ${wrong ? html`<p class="fault" role="alert">${wrong}</p>` : null}
    <button class="button">${t("takeOver.go")}</button>
  </form>`;
}

/** @param {{reason: string}} props */
export function Stopped({ reason }) {
  const isElsewhere = ["superseded", "bad-token", "no-token"].includes(reason);
  return html`<main class="page host-stopped">
    <div class="topbar"><${Mark} /></div>
    <h1>${t(`hostStopped.${reason}`)}</h1>
    <p class="muted">${t(`hostStopped.${reason}.more`)}</p>
    ${isElsewhere ? html`<details class="card"><summary>${t("stage.takeTitle")}</summary><${TakeOver} /></details>` : null}
    <a class="button quiet" href="/host">${t("stage.newGame")}</a>
  </main>`;
}
