/** The ranking: the first ones, and where the own seat stands. */
import { html, useState } from "../vendor/preact.js";
import { number, t } from "../ui/text.js";

/** How many are shown first, how many above and below the own place, and how many are shown in any case. */
const FIRST = 5;
const AROUND = 1;
const FEW = 8;

/**
 * @param {{rows: {seatId: number, name: string | null, total: number | null, rank: number | null}[], own: number | undefined}} props
 */
export function Ranking({ rows, own }) {
  const [isWhole, showWhole] = useState(false);
  const ranked = rows.filter(({ total }) => total !== null).sort((one, other) => (one.rank ?? 0) - (other.rank ?? 0));
  const mine = ranked.findIndex(({ seatId }) => seatId === own);
  const isShown = (/** @type {number} */ at) => isWhole || ranked.length <= FEW || at < FIRST || Math.abs(at - mine) <= AROUND;
  const shown = ranked.map((row, at) => ({ row, at })).filter(({ at }) => isShown(at));
  if (ranked.length < 2) return null;
  return html`<section class="ranking"><h2>${t("ranking.title")}</h2>
    <ol>
      ${shown.map(({ row, at }, index) => html`<li key=${row.seatId} class=${`${row.seatId === own ? "own" : ""} ${index && shown[index - 1].at !== at - 1 ? "gap" : ""}`}>
        <b class="rank">${row.total ? row.rank : ""}</b><span class="grow">${row.name}${row.seatId === own ? html`<span class="only-heard"> ${t("ranking.you")}</span>` : null}</span><b>${number(row.total ?? 0)}</b>
      </li>`)}
    </ol>
    ${shown.length < ranked.length ? html`<button class="button plain" onClick=${() => showWhole(true)}>${t("ranking.all", { count: ranked.length })}</button>` : null}
  </section>`;
}
