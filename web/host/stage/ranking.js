/** Who leads: places move from before the question to after it. @import { RoomView } from "../../client/types.js" */
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { number, place, t } from "../../ui/text.js";
import { Down, Up } from "../../ui/pieces.js";
import { movement } from "./bars.js";
import { useMovement } from "../../ui/movement.js";

const MOST = 8;
const BEFORE_MS = 700;

/** @param {{up: number}} props */
export function Moved({ up }) {
  if (!up) return html`<span class="stage-moved"></span>`;
  const label = t(up > 0 ? "stage.up" : "stage.down", { count: Math.abs(up) });
  return html`<span class=${`stage-moved ${up > 0 ? "up" : "down"}`} title=${label}><${up > 0 ? Up : Down} /><span aria-hidden="true">${Math.abs(up)}</span><span class="only-heard">${label}</span></span>`;
}

/** @param {{room: RoomView}} props */
export function Ranking({ room }) {
  const { before, after } = movement(room.seats, room.reveal?.verdicts ?? [], MOST);
  const [isAfter, show] = useState(false);
  /** @type {{current: HTMLElement | null}} */
  const list = useRef(null);
  useEffect(() => {
    const timer = setTimeout(() => show(true), BEFORE_MS);
    return () => clearTimeout(timer);
  }, []);
  useMovement(list, isAfter);
  const hasLeaders = after.filter(({ rank }) => rank === 1).length <= 3;
  return html`<section class="stage-ranking" aria-label=${t("stage.ranking")}>
    <div class="row between stage-ask"><h1>${t("stage.ranking")}</h1><span class="muted stage-of">${t("stage.of", { index: (room.reveal?.index ?? 0) + 1, of: room.questionCount })}</span></div>
    <ol ref=${list} style=${{ "--rows": after.length }}>${(isAfter ? after : before).map(
      (seat) => html`<li key=${seat.seatId} data-key=${seat.seatId} class=${seat.rank === 1 && isAfter && hasLeaders ? "first" : ""}>
        <b class="stage-place">${isAfter ? place(seat.rank ?? 0) : ""}</b><span class="grow stage-name">${seat.name}</span>
        ${isAfter ? html`<${Moved} up=${seat.up} />` : null}
        <span class="stage-gained">${seat.gained ? `+${number(seat.gained)}` : ""}</span><b class="stage-total">${number(isAfter ? seat.total : seat.before)}</b>
      </li>`,
    )}</ol>
  </section>`;
}
