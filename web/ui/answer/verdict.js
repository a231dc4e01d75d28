/** The verdict as the first thing that is seen: right, partly, wrong, with its points. */
import { html } from "../../vendor/preact.js";
import { useFocus } from "../live.js";
import { Check, Cross, Dash, Wave } from "../pieces.js";
import { number, seconds, t } from "../text.js";
import { outcomeOf } from "./fields.js";

const ICONS = { right: Check, partly: Wave, wrong: Cross, none: Dash, poll: Check };

/**
 * @param {{verdict: import("./outcome.js").Verdict & {responseMs?: number | null}, note?: string | null}} props
 * `note` says more, such as how the place has changed.
 */
export function VerdictCard({ verdict, note }) {
  const outcome = outcomeOf(verdict);
  const { share, points, responseMs } = verdict;
  const Icon = ICONS[outcome];
  const heading = useFocus(verdict);
  const notes = [typeof responseMs === "number" && seconds(responseMs), note].filter(Boolean).join(" · ");
  return html`<section class=${`card verdict ${outcome} pop-in`}>
    <span class="verdict-icon"><${Icon} /></span>
    <h1 tabindex="-1" ref=${heading}>${t(`verdict.${outcome}`)}</h1>
    ${outcome === "partly" && share ? html`<p class="muted">${t("verdict.share", { percent: Math.round(share * 100) })}</p>` : null}
    ${points > 0 ? html`<p class="points">+${number(points)}<span class="only-heard"> ${t("unit.points")}</span></p>` : null}
    ${notes ? html`<p class="muted">${notes}</p>` : null}
  </section>`;
}
