/** The seats and games that this browser holds, as far as they are still there. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { Api } from "../client/api.js";
import { seats, tabSeat } from "../client/storage.js";
import { place, t } from "../ui/text.js";
import { titleOf } from "../ui/quizzes.js";
import { openGame } from "../solo/current.js";

/** @import { SavedSeat } from "../client/storage.js" 
 * @typedef {{title: string, stands: string, isOver?: boolean}} Found
 * @typedef {SavedSeat & {take?: (event: Event) => void}} Offered a seat, or with `take` a game of the API key that can be taken over
 */

const idOf = (/** @type {Offered} */ seat) => (seat.take ? seat.roomId : (seat.token ?? seat.sessionId)) ?? "";

/** How a game of one's own stands. @param {any} game */
const soloStands = ({ answers, questions }) => t("goOn.question", { number: answers.length + 1, of: answers.length + questions.length });

/** How a room stands for a seat. @param {any} room */
function roomStands({ joinCode, phase, question, questionCount, you, seats: others }) {
  const playing = others.filter((/** @type {any} */ seat) => seat.total !== null).length;
  const isRanked = you?.plays && you.rank && phase !== "lobby" && you.total > 0;
  return [
    ...(you ? [you.name] : [joinCode, t("stage.playing", { count: playing })]),
    isRanked && t("place.of", { place: place(you.rank), count: playing }),
    phase === "lobby" ? t("goOn.lobby") : phase === "finished" ? t("goOn.finished") : question && t("goOn.question", { number: question.index + 1, of: questionCount }),
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * Asks the server for a seat or game.
 * @param {SavedSeat} seat @returns {Promise<Found | null>} null if it is gone for good
 */
async function check(seat) {
  const path = seat.kind === "solo" ? `/api/game/session/${seat.sessionId}` : `/api/rooms/${seat.roomId}`;
  try {
    const found = await new Api().get(path, { token: seat.token });
    const title = (await titleOf(found.quizId)) || seat.title || "";
    return { title, stands: seat.kind === "solo" ? soloStands(found) : roomStands(found), isOver: found.phase === "finished" };
  } catch (/** @type {any} */ problem) {
    if ([401, 403, 404].includes(problem.status)) return null;
    return { title: seat.title ?? "", stands: seat.name ?? "" };
  }
}

/** @param {{seat: Offered, onGone: () => void}} props */
function Entry({ seat, onGone }) {
  const [found, set] = useState(/** @type {Found | null} */ (null));
  useEffect(() => {
    check(seat).then((answer) => (answer ? set(answer) : onGone()));
  }, [idOf(seat)]);
  if (!found) return null;
  const href = seat.kind === "solo" ? "/solo" : seat.role === "host" ? `/host/${seat.roomId}` : `/room/${seat.roomId}`;
  const open = () => {
    if (seat.kind === "solo") openGame(seat.sessionId ?? null);
    else tabSeat.choose(seat);
  };
  const kind = t(seat.kind === "solo" ? "goOn.solo" : seat.role === "host" ? "goOn.host" : "goOn.room");
  return html`<li class="come-in"><a class="card row go-on" href=${href} onClick=${seat.take ?? open}>
    <span class="dot"></span>
    <span class="grow"><b>${found.title || kind}</b><span class="muted small">${[found.title && (seat.kind !== "room" || seat.role === "host") && kind, found.stands].filter(Boolean).join(" · ")}</span></span>
    <b class="go-on-verb">${t(seat.take ? "takeOver.go" : found.isOver ? "goOn.results" : "goOn.back")}</b>
  </a></li>`;
}

/** @param {{only?: (seat: SavedSeat) => boolean, others?: Offered[]}} props */
export function GoOn({ only = Boolean, others = [] }) {
  const [kept, keep] = useState(() => seats.list().filter(only));
  const drop = (/** @type {Offered} */ seat) => {
    seats.forget(idOf(seat));
    keep((before) => before.filter((other) => idOf(other) !== idOf(seat)));
  };
  const offered = [...kept, ...others];
  if (!offered.length) return null;
  return html`<section class="stack go-on-list"><h2 class="only-heard">${t("goOn.title")}</h2>
    <ul class="stack">${offered.map((seat) => html`<${Entry} key=${idOf(seat)} seat=${seat} onGone=${() => drop(seat)} />`)}</ul>
  </section>`;
}
