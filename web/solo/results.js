/** How a solo game went, and what to play next. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { AnswerList } from "../ui/answer/outcome.js";
import { GroupChart, PointsChart } from "../ui/chart.js";
import { storage } from "../client/storage.js";
import { useFocus, useTitle } from "../ui/live.js";
import { Mark, Switches } from "../ui/pieces.js";
import { fault, number, t } from "../ui/text.js";

/**
 * @import { Solo, SoloState } from "../client/solo.js"
 * @param {{solo: Solo, state: SoloState, onAgain: (wrongOnly: boolean) => Promise<void>, onLeave: () => void}} props
 */
export function Results({ solo, state, onAgain, onLeave }) {
  const { answers, totalScore, sessionId } = state;
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const heading = useFocus();
  useTitle(t("solo.over"));
  useEffect(() => {
    // Verdicts that came while playing have no answers in words yet.
    solo.results().catch(() => {});
  }, [solo]);

  const scored = answers.filter(({ correct }) => correct !== null);
  const right = scored.filter(({ correct }) => correct).length;
  const wrong = answers.filter(({ correct }) => correct === false);
  const groups = byCategory(sessionId, answers);
  const again = (/** @type {boolean} */ wrongOnly) => onAgain(wrongOnly).catch(setProblem);
  return html`<header class="topbar"><${Mark} /><${Switches} /></header>
    <section class="ended">
      <div class="card final pop-in">
        <p class="muted">${t(praise(right, scored.length))}</p>
        <h1 tabindex="-1" ref=${heading}>${scored.length ? t("end.rightOf", { right, of: scored.length }) : t("solo.over")}</h1>
        <p class="muted">${t("end.total", { count: totalScore, points: number(totalScore) })}</p>
      </div>
      ${problem ? html`<p class="fault" role="alert">${fault(problem)}</p>` : null}
      <div class="stack again">
        ${wrong.length ? html`<button class="button wide" onClick=${() => again(true)}>${t("solo.againWrong", { count: wrong.length })}</button>` : null}
        <div class="row"><button class=${`button grow ${wrong.length ? "quiet" : ""}`} onClick=${() => again(false)}>${t("solo.again")}</button><button class="button quiet grow" onClick=${onLeave}>${t("solo.another")}</button></div>
      </div>
      ${answers.length > 1 ? html`<${PointsChart} answers=${answers} />` : null}
      ${groups.length > 1 ? html`<${GroupChart} title=${t("chart.categories")} groups=${groups} />` : null}
      ${wrong.length && wrong[0].questionText ? html`<${AnswerList} answers=${wrong} title=${t("solo.wrong")} />` : null}
    </section>`;
}

/** What is said of a result. @param {number} right @param {number} of */
function praise(right, of) {
  const share = of ? right / of : 1;
  return share === 1 ? "praise.all" : share >= 0.7 ? "praise.much" : share >= 0.4 ? "praise.half" : "praise.little";
}

/** To which category each question of a game belongs: results don't tell it, and a reload forgets it. */
const KEY = "rejoin.categories";
const MOST_GAMES = 5;

/** @returns {[string, Record<string, string>][]} */
const kept = () => storage.get(KEY) ?? [];

/** @param {string} sessionId @param {{questionId: string, category?: string}[]} questions */
export function keepCategories(sessionId, questions) {
  const categories = Object.fromEntries(questions.flatMap(({ questionId, category }) => (category ? [[questionId, category]] : [])));
  storage.set(KEY, [[sessionId, categories], ...kept().filter(([id]) => id !== sessionId)].slice(0, MOST_GAMES));
}

/**
 * How many answers were right in each category, the best first.
 * @param {string} sessionId @param {{questionId: string, correct: boolean | null}[]} answers
 */
function byCategory(sessionId, answers) {
  const categories = kept().find(([id]) => id === sessionId)?.[1] ?? {};
  /** @type {Map<string, {name: string, right: number, of: number}>} */
  const groups = new Map();
  for (const { questionId, correct } of answers) {
    const name = categories[questionId];
    if (!name || correct === null) continue;
    const { right, of } = groups.get(name) ?? { right: 0, of: 0 };
    groups.set(name, { name, right: right + (correct ? 1 : 0), of: of + 1 });
  }
  return [...groups.values()].sort((one, other) => other.right / other.of - one.right / one.of);
}
