/** The stage on a phone: a remote in the host's hand. @import { RoomView } from "../../client/types.js" */
import { html, useRef } from "../../vendor/preact.js";
import { grouped, number, t } from "../../ui/text.js";
import { Markup } from "../../ui/markup.js";
import { Bar } from "../../ui/pieces.js";
import { useFit } from "./fit.js";
import { Next } from "./foot.js";
import { Paused } from "./question.js";
import { Chart, Order, Solution } from "./reveal.js";
import { players } from "./steps.js";

/** @param {{room: RoomView, time: {isOpen: boolean, clock: {left: number, share: number}}}} props */
function Now({ room, time }) {
  const { question, reveal } = room;
  const here = players(room).length;
  if (room.phase === "lobby") return html`<p class="muted">${t("stage.roomCode")}</p><p class="remote-code">${grouped(room.joinCode)}</p><h1>${here ? t("lobby.here", { count: here }) : t("stage.nobody")}</h1>`;
  if (room.phase === "finished" || !question) return html`<h1>${t("stage.end")}</h1><ol class="remote-top">${(room.ranking ?? []).slice(0, 5).map((seat) => html`<li key=${seat.seatId}><b>${seat.total ? seat.rank : ""}</b> <span class="grow">${seat.name}</span> ${number(seat.total)}</li>`)}</ol>`;
  return html`<h1 class="remote-question"><${Markup} text=${question.text} /></h1>
    ${reveal
      ? html`<${Solution} question=${question} reveal=${reveal} /><${Chart} question=${question} reveal=${reveal} />`
      : html`${question.options?.length ? html`<${Order} question=${question} optionIds=${question.options.map(({ optionId }) => optionId)} isWhole isLettered=${question.kind !== "order"} />` : null}<div class="row"><b class="remote-left">${time.clock.left}</b><span class="grow"><${Bar} share=${time.clock.share} /></span></div>
        <p class="remote-answered"><b>${room.answeredCount}</b> <span class="muted">${t("stage.answered", { count: here })}</span></p>`}`;
}

/**
 * @param {object} props
 * @param {RoomView} props.room @param {any} props.time @param {import("./steps.js").Step} props.step @param {() => void} props.onStep
 * @param {() => void} props.onPause @param {() => void} props.onLock @param {(name: import("./dialogs.js").DialogName) => void} props.open
 * @param {any} [props.children]
 */
export function Remote({ room, time, step, onStep, onPause, onLock, open, children }) {
  const isRunning = room.phase === "question" || room.phase === "reveal";
  const button = (/** @type {string} */ key, /** @type {() => void} */ run, isIdle = false) => html`<button type="button" class="button quiet compact grow" aria-disabled=${isIdle ? "true" : undefined} onClick=${isIdle ? undefined : run}>${t(key)}</button>`;
  /** @type {{current: HTMLElement | null}} */
  const now = useRef(null);
  useFit(now, 0, [room.phaseNumber]);
  return html`<main class="remote">
    <header class="row between"><b>${grouped(room.joinCode)}</b><span class="muted">${room.question ? t("stage.questionOf", { index: room.question.index + 1, of: room.questionCount }) : ""}</span><span>${t("stage.playing", { count: players(room).length })}</span></header>
    ${room.paused ? html`<${Paused} room=${room} kind="note warn center" />` : null}
    <div class="remote-now stack" ref=${now}><${Now} room=${room} time=${time} />${children}</div>
    ${room.you?.plays && room.phase !== "finished" ? html`<a class="button quiet compact" href=${`/room/${room.roomId}`}>${t("stage.playAlong")}</a>` : null}
    <div class="row">${room.paused ? null : button("stage.pause", onPause, !isRunning)}${button(room.locked ? "stage.unlock" : "stage.lock", onLock, room.phase === "finished")}</div>
    <div class="row">${button("stage.players", () => open("seats"))}${button("menu.title", () => open("menu"))}</div>
    <${Next} step=${step} onStep=${onStep} wide />
  </main>`;
}
