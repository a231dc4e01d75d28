/** Small charts. Each says in words what it draws. */
import { html } from "../vendor/preact.js";
import { outcomeOf } from "./answer/fields.js";
import { number, t } from "./text.js";

const WIDTH = 320;
const HEIGHT = 96;
const FOOT = 20;

/** The sign under a bar, so that hue alone says nothing. */
const SIGNS = { right: "M-4 0-1 3 4-3", partly: "M-5 1q2.5-4 5-1t5-1", wrong: "M-3-3 3 3M3-3-3 3", none: "M-1 0h2", poll: "M-1 0h2" };

/**
 * The points of each question as bars.
 * @param {{answers: any[]}} props
 */
export function PointsChart({ answers }) {
  const most = Math.max(1, ...answers.map(({ points }) => points));
  const step = WIDTH / answers.length;
  const bar = Math.min(28, step * 0.7);
  const right = answers.filter(({ correct }) => correct).length;
  return html`<figure class="chart"><figcaption class="label">${t("chart.points")}</figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT + FOOT}`} role="img" aria-label=${t("chart.pointsHeard", { right, of: answers.length, most: number(most) })}>
      <path class="chart-floor" d=${`M0 ${HEIGHT}H${WIDTH}`} />
      ${answers.map((answer, index) => {
        const height = Math.max(3, (HEIGHT - 4) * (answer.points / most));
        const middle = step * (index + 0.5);
        const outcome = outcomeOf(answer);
        return html`<g key=${index} class=${`chart-${outcome}`}>
          <rect x=${middle - bar / 2} y=${HEIGHT - height} width=${bar} height=${height} rx=${Math.min(5, bar / 3)} />
          <path transform=${`translate(${middle} ${HEIGHT + 11}) scale(${Math.min(1, step / 14)})`} d=${SIGNS[outcome]} />
        </g>`;
      })}
    </svg>
  </figure>`;
}

/**
 * How much of each group was right, as bars with their figures.
 * @param {{title: string, groups: {name: string, right: number, of: number}[]}} props
 */
export function GroupChart({ title, groups }) {
  return html`<figure class="chart"><figcaption class="label">${title}</figcaption>
    <dl class="groups">${groups.map(
      ({ name, right, of }) => html`<div key=${name}><dt>${name}</dt><dd><span class="bar"><i style=${{ transform: `scaleX(${right / of})` }}></i></span><b>${t("end.rightOf", { right, of })}</b></dd></div>`,
    )}</dl>
  </figure>`;
}
