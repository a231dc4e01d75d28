/** The host's next step, for a host who plays on this page, and for whoever stands in for one who is away. */
import { html, useState } from "../vendor/preact.js";
import { fault, t } from "../ui/text.js";

/** @import { RoomView } from "../client/types.js" @import { Room } from "../client/room.js" */

/** @param {RoomView} view @returns {["start" | "close" | "next" | "pause", {paused: false}?] | null} */
function nextMove({ phase, paused }) {
  if (paused) return ["pause", { paused: false }];
  if (phase === "lobby") return ["start"];
  if (phase === "question") return ["close"];
  return phase === "reveal" ? ["next"] : null;
}

/** Makes a move, and tells what went wrong with it. @param {Room} room */
function useMove(room) {
  const [state, set] = useState({ isBusy: false, problem: /** @type {any} */ (null) });
  const move = (/** @type {Parameters<Room["move"]>[0]} */ kind, /** @type {Parameters<Room["move"]>[1]} */ extra = {}) => {
    if (state.isBusy) return;
    set({ isBusy: true, problem: null });
    room.move(kind, extra).then(
      () => set({ isBusy: false, problem: null }),
      (problem) => set({ isBusy: false, problem }),
    );
  };
  return { ...state, move };
}

/** @param {{room: Room, view: RoomView}} props */
export function HostBar({ room, view }) {
  const { isBusy, problem, move } = useMove(room);
  const next = view.you?.isHost ? nextMove(view) : null;
  if (!next) return null;
  const isLast = next[0] === "next" && (view.question?.index ?? 0) + 1 >= view.questionCount;
  const label = t(isLast ? "hostBar.end" : next[1] ? "step.resume" : `step.${next[0]}`);
  return html`<aside class="host-bar" aria-label=${t("hostBar.title")}>
    ${problem ? html`<p class="fault" role="alert">${fault(problem)}</p>` : null}
    <button class="button wide" aria-disabled=${isBusy ? "true" : undefined} onClick=${() => move(...next)}>${label}</button>
  </aside>`;
}

/** Whether the own seat is the one that may stand in for a host who is away. @param {RoomView} view */
function mayTakeOver({ settings, seats, hostSeatId, you, phase }) {
  const host = seats.find(({ seatId }) => seatId === hostSeatId);
  if (settings.hostAway !== "oldestSeat" || phase === "finished" || host?.present || you?.isHost) return false;
  const oldest = Math.min(...seats.filter(({ present, seatId }) => present && seatId !== hostSeatId).map(({ seatId }) => seatId));
  return oldest === you?.seatId;
}

/** @param {{room: Room, view: RoomView}} props */
export function TakeOverOffer({ room, view }) {
  const { isBusy, problem, move } = useMove(room);
  if (!mayTakeOver(view)) return null;
  return html`<aside class="note row takeover come-in">
    <p class="grow">${problem ? fault(problem) : t("takeOver.text")}</p>
    <button class="button compact quiet" aria-disabled=${isBusy ? "true" : undefined} onClick=${() => move("takeover")}>${t("takeOver.go")}</button>
  </aside>`;
}
