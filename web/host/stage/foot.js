/** The bar at the bottom of the stage: what the host can do, and at its end the one next step. @import { RoomView } from "../../client/types.js" */
import { html } from "../../vendor/preact.js";
import { grouped, seconds, t } from "../../ui/text.js";
import { fastest } from "./bars.js";
import { Paused } from "./question.js";

/** @typedef {import("./steps.js").Step} Step @typedef {import("./dialogs.js").DialogName} DialogName */

/** @param {{step: Step, onStep: () => void, wide?: boolean}} props */
export const Next = ({ step, onStep, wide }) =>
  html`<button type="button" data-next class=${`button stage-next ${wide ? "wide" : ""}`} aria-disabled=${step.isIdle ? "true" : undefined} aria-keyshortcuts="Space" onClick=${onStep}>
    ${t(`step.${step.name}`)}${wide || step.isIdle ? null : html` <kbd aria-hidden="true">${t("key.space")}</kbd>`}
  </button>`;

/** @param {{name: string, letter?: string, onPress: () => void}} props */
const Quiet = ({ name, letter, onPress }) =>
  html`<button type="button" class="button quiet compact" aria-keyshortcuts=${letter} onClick=${onPress}>${name}${letter ? html` <kbd aria-hidden="true">${letter}</kbd>` : null}</button>`;

/** What stands at the left: what is played in the lobby, the fastest at a reveal, else the code for those who come late. @param {{room: RoomView, title: string}} props */
function Aside({ room, title }) {
  const { reveal } = room;
  if (room.phase === "lobby") return html`${[title, t("stage.questions", { count: room.questionCount })].filter(Boolean).join(" · ")}`;
  if (room.paused && reveal) return html`<${Paused} room=${room} kind="" />`;
  const first = reveal && fastest(reveal);
  if (first) return html`${t("stage.fastest")} <b>${room.seats.find(({ seatId }) => seatId === first.seatId)?.name}</b>, ${seconds(first.responseMs ?? 0)}`;
  return room.phase === "finished" ? title : html`<b>${grouped(room.joinCode)}</b>`;
}

/**
 * @param {object} props
 * @param {RoomView} props.room @param {string} props.title @param {Step} props.step @param {() => void} props.onStep
 * @param {() => void} props.onPause @param {() => void} props.onLock @param {(name: DialogName) => void} props.open
 */
export function Foot({ room, title, step, onStep, onPause, onLock, open }) {
  const isRunning = room.phase === "question" || room.phase === "reveal";
  return html`<footer class="stage-foot">
    <span class="grow muted stage-aside"><${Aside} room=${room} title=${title} /></span>
    ${room.you?.plays && room.phase !== "finished" ? html`<a class="button quiet compact" href=${`/room/${room.roomId}`} target="_blank">${t("stage.playAlong")}</a>` : null}
    ${isRunning && !room.paused ? html`<${Quiet} name=${t("stage.pause")} letter="P" onPress=${onPause} />` : null}
    ${room.phase === "lobby" ? html`<${Quiet} name=${t(room.locked ? "stage.unlock" : "stage.lock")} letter="L" onPress=${onLock} /><${Quiet} name=${t("stage.remote")} letter="R" onPress=${() => open("remote")} />` : null}
    <${Quiet} name=${t("menu.title")} letter="M" onPress=${() => open("menu")} />
    <${Next} step=${step} onStep=${onStep} />
  </footer>`;
}
