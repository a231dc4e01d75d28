/** The end: the own place, how it went, and what was right. */
import { html } from "../vendor/preact.js";
import { AnswerList } from "../ui/answer/list.js";
import { PointsChart } from "../ui/chart.js";
import { useFocus } from "../ui/live.js";
import { number, place, t } from "../ui/text.js";
import { useCall } from "../ui/use.js";
import { Ranking } from "./ranking.js";

/** @import { RoomView } from "../client/types.js" */

/**
 * The own answers, each with its question.
 * @param {any} results @param {number | undefined} seatId
 */
function ownAnswers(results, seatId) {
  const seat = results?.seats.find((/** @type {any} */ one) => one.seatId === seatId);
  const questions = new Map(results?.questions.map((/** @type {any} */ question) => [question.questionId, question]));
  return (seat?.answers ?? []).map((/** @type {any} */ answer) => {
    const { text, correctText, explanation } = questions.get(answer.questionId) ?? {};
    return { ...answer, questionText: text, correctText, explanation };
  });
}

/** @param {import("./room.js").ScreenProps} props */
export function End({ room, view }) {
  const { you, ranking } = view;
  const { value: results } = useCall(() => room.results(), []);
  const answers = ownAnswers(results, you?.seatId);
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
    <p class="muted">${t(rank <= 3 && of > 3 ? `end.praise.${rank}` : "end.over")}</p>
    <h1 tabindex="-1" ref=${heading}>${t("end.place", { place: place(rank) })}</h1>
    <p class="muted">${t("end.of", { count: of })}</p>
    <dl class="final-facts"><div><dt class="muted small">${t("end.points")}</dt><dd>${number(total)}</dd></div>
      ${scored.length ? html`<div><dt class="muted small">${t("end.right")}</dt><dd>${t("end.rightOf", { right, of: scored.length })}</dd></div>` : null}</dl>
  </div>`;
}

function PlainEnd() {
  const heading = useFocus();
  return html`<h1 class="center" tabindex="-1" ref=${heading}>${t("room.over")}</h1>`;
}
