/** The end: the own place, how it went, and what was right. */
import { html } from "../vendor/preact.js";
import { AnswerList } from "../ui/answer/outcome.js";
import { PointsChart } from "../ui/chart.js";
import { useFocus } from "../ui/live.js";
import { number, place, t } from "../ui/text.js";
import { useCall } from "../ui/use.js";
import { Ranking } from "./ranking.js";

/** @import { RoomView } from "../client/types.js" */

/**
 * The questions that the own seat could answer, each with what it answered.
 * @param {any} results @param {number | undefined} seatId @param {number} [from] the first of them
 */
function ownAnswers(results, seatId, from) {
  const seat = results?.seats.find((/** @type {any} */ one) => one.seatId === seatId);
  if (!seat) return [];
  const given = new Map(seat.answers.map((/** @type {any} */ answer) => [answer.questionId, answer]));
  return results.questions.slice(from).map((/** @type {any} */ { questionId, kind, text, correctText, explanation }) => ({
    questionId, questionText: text, correctText, explanation, answerText: null, points: 0, correct: kind === "poll" ? null : false, ...given.get(questionId),
  }));
}

/** @param {import("./room.js").ScreenProps} props */
export function End({ room, view, seat }) {
  const { you, ranking } = view;
  const { value: results } = useCall(() => room.results(), []);
  const answers = ownAnswers(results, you?.seatId, seat.from);
  const own = ranking?.find(({ seatId }) => seatId === you?.seatId);
  return html`<section class="ended">
    ${own ? html`<${OwnEnd} rank=${own.rank} total=${own.total} of=${ranking?.length ?? 0} answers=${answers} />` : html`<${PlainEnd} />`}
    ${answers.length > 1 ? html`<${PointsChart} answers=${answers} />` : null}
    ${ranking ? html`<${Ranking} rows=${ranking} own=${you?.seatId} />` : null}
    ${answers.length ? html`<${AnswerList} answers=${answers} />` : null}
    <a class="button quiet" href="/">${t("end.home")}</a>
  </section>`;
}

/** @param {{rank: number, total: number, of: number, answers: any[]}} props */
function OwnEnd({ rank, total, of, answers }) {
  const heading = useFocus();
  const scored = answers.filter(({ correct }) => correct !== null);
  const right = scored.filter(({ correct }) => correct).length;
  return html`<div class=${`card final pop-in ${rank === 1 && total > 0 ? "won" : ""}`}>
    ${total ? html`<p class="muted">${t(rank <= 3 && of > 3 ? `end.praise.${rank}` : "stage.end")}</p>` : null}
    <h1 tabindex="-1" ref=${heading}>${total ? t("end.place", { place: place(rank) }) : t("stage.end")}</h1>
    ${total ? html`<p class="muted">${t("end.of", { count: of })}</p>` : null}
    <dl class="final-facts"><div><dt class="muted small">${t("end.points")}</dt><dd>${number(total)}</dd></div>
      ${scored.length ? html`<div><dt class="muted small">${t("end.right")}</dt><dd>${t("end.rightOf", { right, of: scored.length })}</dd></div>` : null}</dl>
  </div>`;
}

function PlainEnd() {
  const heading = useFocus();
  return html`<h1 class="center" tabindex="-1" ref=${heading}>${t("room.over")}</h1>`;
}
