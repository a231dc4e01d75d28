/** After a question: the own points, what was right, and the ranking. */
import { html } from "../vendor/preact.js";
import { givenOf } from "../ui/answer/fields.js";
import { Outcome, VerdictCard } from "../ui/answer/outcome.js";
import { useFocus } from "../ui/live.js";
import { Bar, useCountdown } from "../ui/pieces.js";
import { QuestionText } from "../ui/question.js";
import { number, place, t } from "../ui/text.js";
import { Ranking } from "./ranking.js";

/** @import { OwnSeat, RoomView } from "../client/types.js" */

/** How the place has changed, in words. @param {OwnSeat | null} you */
function change(you) {
  if (!you?.rank || !you.previousRank || you.rank === you.previousRank) return null;
  return t(you.rank < you.previousRank ? "reveal.up" : "reveal.down", { place: place(you.previousRank) });
}

/** @param {import("./room.js").ScreenProps} props */
export function Reveal({ room, view }) {
  const { reveal, question, you } = view;
  if (!reveal || !question) return null;
  const { mine } = reveal;
  return html`<section class="revealed">
    ${mine ? html`<${VerdictCard} verdict=${mine} note=${change(you)} />` : html`<${PlainTitle} />`}
    ${mine && you?.rank && you.total ? html`<${Standing} view=${view} />` : null}
    <div class="revealed-question">
      <${QuestionText} question=${question} quiet=${true} />
      <${Outcome} question=${question} told=${reveal} verdict=${mine && givenOf(mine) ? mine : null} />
    </div>
    <${Ranking} rows=${view.seats} own=${you?.seatId} />
    <${Next} room=${room} view=${view} />
  </section>`;
}

/** Above a reveal in which the own seat has no part. */
function PlainTitle() {
  const heading = useFocus();
  return html`<h1 tabindex="-1" ref=${heading}>${t("reveal.title")}</h1>`;
}

/** The own place, and what is missing to the next better one. @param {{view: RoomView}} props */
function Standing({ view }) {
  const { you, seats } = view;
  const totals = seats.flatMap(({ total }) => (total === null ? [] : [total]));
  const above = seats.filter(({ total }) => (total ?? -1) > (you?.total ?? 0)).sort((one, other) => (one.total ?? 0) - (other.total ?? 0))[0];
  return html`<dl class="standing">
    <div class="card"><dt class="muted small">${t("reveal.place")}</dt><dd><b>${number(you?.rank ?? 0)}</b> <span class="muted">${t("reveal.of", { count: totals.length })}</span></dd></div>
    ${above ? html`<div class="card"><dt class="muted small">${t("reveal.toNext", { place: place(above.rank ?? 1) })}</dt><dd><b>${number((above.total ?? 0) - (you?.total ?? 0))}</b> <span class="muted">${t("unit.points")}</span></dd></div>` : html`<div class="card"><dt class="muted small">${t("end.points")}</dt><dd><b>${number(you?.total ?? 0)}</b></dd></div>`}
  </dl>`;
}

/** What comes next, and when. @param {{room: import("../client/room.js").Room, view: RoomView}} props */
function Next({ room, view }) {
  const { advancesAtMs, settings, question, questionCount, paused, you } = view;
  const { share } = useCountdown(advancesAtMs ? { opensAtMs: advancesAtMs - settings.revealMs, closesAtMs: advancesAtMs } : null, () => room.now());
  const isLast = (question?.index ?? 0) + 1 >= questionCount;
  if (you?.isHost && settings.advance === "host") return null;
  const key = settings.advance === "auto" ? "next.auto" : "next.host";
  return html`<div class="next-up">
    <p class="muted center">${t(isLast ? `${key}Last` : key)}</p>
    ${advancesAtMs && !paused ? html`<${Bar} share=${share} />` : null}
  </div>`;
}
