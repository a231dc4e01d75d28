/** Who leads, after a question and at the end. @import { Ranked, RoomView } from "../../client/types.js" */
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { number, place, t } from "../../ui/text.js";
import { Down, Up } from "../../ui/pieces.js";
import { movement } from "./bars.js";
import { players } from "./steps.js";
import { useMovement } from "../../ui/movement.js";
import { useFit } from "./fit.js";

const MOST = 8;
const BEFORE_MS = 700;

/** @param {{up: number}} props */
function Moved({ up }) {
  if (!up) return html`<span class="stage-moved"></span>`;
  const label = t(up > 0 ? "stage.up" : "stage.down", { count: Math.abs(up) });
  return html`<span class=${`stage-moved ${up > 0 ? "up" : "down"}`} title=${label}><${up > 0 ? Up : Down} /><span aria-hidden="true">${Math.abs(up)}</span><span class="only-heard">${label}</span></span>`;
}

/** Places move from before the question to after it. @param {{room: RoomView}} props */
export function Ranking({ room }) {
  const { before, after } = movement(room.seats, room.reveal?.verdicts ?? [], MOST);
  const more = players(room).length - after.length;
  const [isAfter, show] = useState(false);
  /** @type {{current: HTMLElement | null}} */
  const list = useRef(null);
  useEffect(() => {
    const timer = setTimeout(() => show(true), BEFORE_MS);
    return () => clearTimeout(timer);
  }, []);
  useMovement(list, isAfter);
  const hasLeaders = after.filter(({ rank }) => rank === 1).length <= 3;
  return html`<section class="stage-ranking" aria-label=${t("ranking.title")}>
    <div class="row between stage-ask"><h1>${t("ranking.title")}</h1><span class="muted stage-of">${t("stage.after", { index: (room.reveal?.index ?? 0) + 1, of: room.questionCount })}</span></div>
    <ol ref=${list} style=${{ "--rows": after.length }}>${(isAfter ? after : before).map(
      (seat) => html`<li key=${seat.seatId} data-key=${seat.seatId} class=${seat.rank === 1 && seat.total && isAfter && hasLeaders ? "first" : ""}>
        <b class="stage-place">${isAfter && seat.total ? place(seat.rank ?? 0) : ""}</b><span class="grow stage-name">${seat.name}</span>
        <${Moved} up=${isAfter ? seat.up : 0} />
        <span class="stage-gained">${seat.gained ? `+${number(seat.gained)}` : ""}</span><b class="stage-total">${number(isAfter ? seat.total : seat.before)}</b>
      </li>`,
    )}</ol>
    ${more > 0 ? html`<p class="muted center">${t("lobby.more", { count: more })}</p>` : null}
  </section>`;
}

/** The podium's places from left to right. */
const SIDES = [1, 0, 2];

/** All of a rank. Many are counted, and named smaller. @param {{seats: Ranked[], at: number}} props */
const Step = ({ seats: [{ rank, total }, ...others], seats, at }) =>
  html`<li class=${`stage-step place-${rank} at-${at}`} value=${rank}><b class="stage-rank">${rank}</b>${others.length > 2 ? html`<b class="stage-name">${number(seats.length)} ${t("stage.players")}</b><span class="stage-many">${seats.map(({ name }) => name).join(", ")}</span>` : seats.map(({ seatId, name }) => html`<b class="stage-name" key=${seatId}>${name}</b>`)}<span class="stage-total">${number(total)}</span></li>`;

/** The first three ranks on the podium, the next ones above it. @param {{room: RoomView, title: string, children?: any}} props */
export function Podium({ room, title, children }) {
  const ranking = room.ranking ?? [];
  // Without points there is no place.
  const groups = [1, 2, 3].map((place) => ranking.filter(({ rank, total }) => rank === place && total)).filter(({ length }) => length);
  const rest = ranking.filter(({ rank, total }) => rank > 3 || !total);
  /** @type {{current: HTMLElement | null}} */
  const others = useRef(null);
  useFit(others, 2, [rest.length]);
  return html`<section class="stage-end" aria-label=${t("stage.end")}>
    <div class="row between stage-ask"><h1>${title ? t("stage.thatWas", { title }) : t("stage.end")}</h1>${children}</div>
    <ol class="stage-rest" ref=${others}>${rest.map((seat) => html`<li class="chip" key=${seat.seatId}>${seat.total ? html`<b>${seat.rank}</b> ` : null}${seat.name} <span class="muted">${number(seat.total)}</span></li>`)}</ol>
    ${ranking.length ? html`<ol class="stage-podium">${SIDES.map((at) => groups[at] && html`<${Step} key=${at} seats=${groups[at]} at=${at} />`)}</ol>` : html`<p class="stage-typed muted">${t("stage.nobodyPlayed")}</p>`}
  </section>`;
}
