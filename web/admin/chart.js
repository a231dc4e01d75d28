/** A chart of the last minutes. Its numbers stand beside it as text: a canvas says nothing to those who can't see it. */
import UPlot from "../vendor/uplot.js";
import { html, useEffect, useRef } from "../vendor/preact.js";
import { language, number, t } from "../ui/text.js";
import { EVERY_MS, KEPT } from "./history.js";
import { history, ticks } from "./server.js";

const HEIGHT = 160;
/** What the time axis spans, in s. */
const SHOWN = (KEPT * EVERY_MS) / 1000;
/** How the lines differ, so that hue alone says nothing. @type {number[][]} */
const DASHES = [[], [6, 4], [2, 3]];

/** @typedef {{name: string, label: string}} Line */

/** The value of a custom property of the page. @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Tells when the theme changes, by the system or by the switch. @param {() => void} act */
function onTheme(act) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", act);
  const chosen = new MutationObserver(act);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    system.removeEventListener("change", act);
    chosen.disconnect();
  };
}

/** @param {Line[]} lines @param {HTMLElement} root @param {(value: number) => string} shown */
function drawn(lines, root, shown) {
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const clock = new Intl.DateTimeFormat(language.value, { hour: "2-digit", minute: "2-digit" });
  return new UPlot(
    {
      width: root.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { range: (_, __, last) => [last - SHOWN, last] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        { ...axis, space: 80, size: 28, values: (_, times) => times.map((time) => clock.format(time * 1000)) },
        { ...axis, size: 64, values: (_, values) => values.map(shown) },
      ],
      series: [{}, ...lines.map((_, at) => ({ stroke: colour(`--line-${at + 1}`), width: 2, dash: DASHES[at], points: { show: false } }))],
    },
    data(lines),
    root,
  );
}

/** @param {Line[]} lines @returns {import("../vendor/uplot.js").default.AlignedData} */
const data = (lines) => [history.times, ...lines.map(({ name }) => history.line(name))];

/**
 * @param {{title: string, unit: (value: number) => string, lines: Line[]}} props `unit` writes a value with its unit
 */
export function Chart({ title, unit, lines }) {
  /** @type {{current: HTMLDivElement | null}} */
  const root = useRef(null);
  /** @type {{current: UPlot | null}} */
  const plot = useRef(null);
  ticks.value;
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = drawn(lines, element, (value) => number(value, { maximumFractionDigits: 2 }));
    };
    draw();
    const fitted = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    fitted.observe(element);
    const endTheme = onTheme(draw);
    return () => {
      fitted.disconnect();
      endTheme();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data(lines)), [ticks.value]);
  const word = (/** @type {number | null | undefined} */ value) => (typeof value === "number" ? unit(value) : "–");
  return html`<figure class="card chart">
    <figcaption><h3>${title}</h3></figcaption>
    <dl class="lines">${lines.map(({ name, label }, at) => {
      const values = history.line(name);
      const most = values.reduce((/** @type {number | null} */ most, value) => (value !== null && value > (most ?? -1) ? value : most), null);
      return html`<div key=${name}><dt><svg class=${`line line-${at + 1}`} viewBox="0 0 24 4" aria-hidden="true"><path d="M0 2h24" stroke-dasharray=${DASHES[at].join(" ")} /></svg>${label}</dt>
        <dd><b>${word(values.at(-1))}</b><span class="muted small">${t("chart.most", { value: word(most) })}</span></dd></div>`;
    })}</dl>
    <div class="plot" ref=${root} aria-hidden="true"></div>
  </figure>`;
}
