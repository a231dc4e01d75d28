/** Before the game: who is here. */
import { html } from "../vendor/preact.js";
import { useFocus } from "../ui/live.js";
import { t } from "../ui/text.js";
import { titleOf } from "../ui/quizzes.js";
import { useCall } from "../ui/use.js";

/** Most names that are shown. */
const MOST = 60;

/** @param {import("./room.js").ScreenProps} props */
export function Lobby({ view }) {
  const heading = useFocus();
  const { value: title } = useCall(() => titleOf(view.quizId), [view.quizId]);
  const players = view.seats.filter((seat) => seat.total !== null);
  const others = players.filter((seat) => seat.seatId !== view.you?.seatId);
  const shown = [...players.filter((seat) => seat.seatId === view.you?.seatId), ...others.reverse()].slice(0, MOST);
  return html`<section class="stack lobby">
    <div>
      <h1 tabindex="-1" ref=${heading}>${t(view.you?.plays ? "lobby.title" : "lobby.titleHost", { name: view.you?.name ?? "" })}</h1>
      <p class="muted">${t(view.you?.isHost ? "lobby.hintHost" : "lobby.hint")}</p>
    </div>
    ${title ? html`<p class="card lobby-quiz"><span class="muted small">${t("lobby.quiz")}</span><b>${title}</b><span class="muted small">${t("stage.questions", { count: view.questionCount })}</span></p>` : null}
    <h2 class="lobby-count">${t("lobby.here", { count: players.length })}</h2>
    <ul class="chips">
      ${shown.map((seat) => html`<li key=${seat.seatId} class=${`chip pop-in ${seat.present ? "" : "away"} ${seat.seatId === view.you?.seatId ? "own" : ""}`}>${seat.name}${seat.present ? null : html`<span class="only-heard"> ${t("lobby.away")}</span>`}</li>`)}
      ${players.length > shown.length ? html`<li class="chip">${t("lobby.more", { count: players.length - shown.length })}</li>` : null}
    </ul>
  </section>`;
}
