/** The charts of the last 15 minutes. */
import { html } from "../vendor/preact.js";
import { number, t } from "../ui/text.js";
import { Chart } from "./chart.js";
import { millis, rate } from "./words.js";

export const Charts = () =>
  html`<section class="stack"><h2>${t("charts.title")}</h2>
    <div class="charts">
      <${Chart} title=${t("charts.rates")} unit=${rate} lines=${[
        { name: "requests", label: t("charts.requests") },
        { name: "answers", label: t("charts.answers") },
        { name: "refusals", label: t("charts.refusals") },
      ]} />
      <${Chart} title=${t("charts.people")} unit=${number} lines=${[
        { name: "connections", label: t("charts.connections") },
        { name: "seats", label: t("charts.seats") },
      ]} />
      <${Chart} title=${t("charts.http")} unit=${millis} lines=${[
        { name: "http.p50", label: t("charts.median") },
        { name: "http.p99", label: t("charts.slow") },
      ]} />
      <${Chart} title=${t("charts.store")} unit=${millis} lines=${[
        { name: "store.p50", label: t("charts.median") },
        { name: "store.p99", label: t("charts.slow") },
      ]} />
    </div>
  </section>`;
