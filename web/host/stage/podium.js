/** The end: three on the podium, the next ones above it. @import { Ranked, RoomView } from "../../client/types.js" */
import { html, useRef } from "../../vendor/preact.js";
import { number, t } from "../../ui/text.js";
import { useFit } from "./fit.js";

/** The podium's places from left to right. */
const SIDES = [1, 0, 2];

/** @param {{seat: Ranked, at: number}} props */
const Step = ({ seat, at }) =>
  html`<li class=${`stage-step place-${Math.min(seat.rank, 3)} at-${at}`} value=${seat.rank}><b class="stage-rank">${seat.rank}</b><b class="stage-name">${seat.name}</b><span class="stage-total">${number(seat.total)}</span></li>`;

/** @param {{room: RoomView, title: string, children?: any}} props */
export function Podium({ room, title, children }) {
  const ranking = room.ranking ?? [];
  const rest = ranking.slice(3);
  /** @type {{current: HTMLElement | null}} */
  const others = useRef(null);
  useFit(others, 2, [rest.length]);
  return html`<section class="stage-end" aria-label=${t("stage.end")}>
    <div class="row between stage-ask"><h1>${title ? t("stage.thatWas", { title }) : t("stage.end")}</h1>${children}</div>
    <ol class="stage-rest" ref=${others}>${rest.map((seat) => html`<li class="chip" key=${seat.seatId}><b>${seat.rank}</b> ${seat.name} <span class="muted">${number(seat.total)}</span></li>`)}</ol>
    ${ranking.length ? html`<ol class="stage-podium">${SIDES.map((at) => ranking[at] && html`<${Step} key=${ranking[at].seatId} seat=${ranking[at]} at=${at} />`)}</ol>` : html`<p class="stage-typed muted">${t("stage.nobodyPlayed")}</p>`}
  </section>`;
}
