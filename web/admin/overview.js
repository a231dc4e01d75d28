/** How the server is: ready or not and why, what it holds, which limits were met. */
import { html } from "../vendor/preact.js";
import { number, t } from "../ui/text.js";
import { status } from "./server.js";
import { date, size, span } from "./words.js";

const SIGNS = { ok: "good", degraded: "warn", unavailable: "bad" };

/** @typedef {import("./history.js").Status} Status */

/** @param {{said: Status}} props */
function Readiness({ said }) {
  return html`<section class=${`note state ${SIGNS[said.status]}`} aria-live="polite">
    <h2>${t(`state.${said.status}`)}</h2>
    ${said.since ? html`<p>${t("state.since", { reason: said.reason, cause: said.cause ?? "", date: date(said.since) })}</p>` : html`<p>${t("state.fine")}</p>`}
    ${said.since && said.reachable ? html`<p>${t("state.goOn")}</p>` : null}
  </section>`;
}

/** @param {{title: string, facts: [string, string | null][]}} props `null` for what this server does not know */
const Facts = ({ title, facts }) =>
  html`<section class="card"><h2>${title}</h2><dl class="facts">${facts.map(([name, value]) => (value === null ? null : html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`))}</dl></section>`;

/** @param {Status} said @param {string} name @param {(value: number) => string} [word] */
const level = (said, name, word = number) => (typeof said.now[name] === "number" ? word(said.now[name]) : null);

/** @param {{said: Status}} props */
function Limits({ said }) {
  const hits = Object.entries(said.limitsHit).sort(([, one], [, other]) => other - one);
  return html`<section class="card"><h2>${t("limits.title")}</h2>
    ${said.limits === "off" ? html`<p class="fault">${t("limits.off")}</p>` : null}
    ${hits.length === 0 ? html`<p class="muted">${t("limits.none")}</p>` : html`<dl class="facts">${hits.map(([name, count]) => html`<div key=${name}><dt><code>${name}</code></dt><dd>${number(count)}</dd></div>`)}</dl>`}
  </section>`;
}

export function Overview() {
  const said = /** @type {Status} */ (status.value);
  const breaker = said.breaker ? t(`breaker.${said.breaker}`) : null;
  return html`<${Readiness} said=${said} />
    <div class="cards">
      <${Facts} title=${t("server.title")} facts=${[
        [t("server.version"), said.version],
        [t("server.commit"), said.commit],
        [t("server.instance"), said.instance ?? null],
        [t("server.up"), span(Date.parse(said.serverTime) - Date.parse(said.startedAt))],
        [t("server.memory"), level(said, "memoryBytes", size)],
        [t("server.connections"), level(said, "connections")],
      ]} />
      <${Facts} title=${t("games.title")} facts=${[
        [t("games.live"), number(said.liveSessions)],
        [t("games.rooms"), level(said, "rooms")],
        [t("games.seats"), level(said, "seats")],
        [t("games.damaged"), said.damaged > 0 ? number(said.damaged) : null],
      ]} />
      <${Facts} title=${t("store.title")} facts=${[
        [t("store.engine"), said.engine],
        [t("store.breaker"), breaker],
        [t("store.records"), number(said.records)],
        [t("store.file"), level(said, "fileBytes", size)],
        [t("store.free"), level(said, "diskFreeBytes", size)],
        [t("store.lag"), level(said, "cleanedUpMs", span)],
      ]} />
      <${Limits} said=${said} />
    </div>`;
}
