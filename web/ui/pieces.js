/** Small pieces that many screens use. What they look like is in `style/base.css`. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { Markup } from "./markup.js";
import { hue, letter, Shape } from "./shapes.js";
import { language, languages, setLanguage, t } from "./text.js";
import { read, setTheme } from "./prefs.js";

const line = (/** @type {string} */ d) => () =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"><path d=${d} /></svg>`;

export const Check = line("M4 12.5 9.5 18 20 6.5");
export const Cross = line("M6 6l12 12M18 6 6 18");
export const Dash = line("M5 12h14");
export const Wave = line("M4 13.5c2.500-4.500 5-4.500 8-1.500s5.500 3 8-1.500");
export const Up = line("M12 19V5m-6 6 6-6 6 6");
export const Down = line("M12 5v14m-6-6 6 6 6-6");

/** The name and the mark, which lead home. @param {{home?: string}} props */
export const Mark = ({ home = "/" }) =>
  html`<a class="mark" href=${home}><svg viewBox="0 0 26 26" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round"><path d="M21 13a8 8 0 1 1-2.6-5.9" /><path d="M19.6 2.200v5.600H14" /><circle cx="13" cy="13" r="2.6" fill="currentColor" stroke="none" /></svg>rejoin</a>`;

/** What is shown of the theme that is chosen. @type {Record<string, () => any>} */
const THEMES = {
  light: line("M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v.5M12 21.500v.5M2 12h.5M21.500 12h.5M5 5l.3.3M18.700 18.700l.3.3M19 5l-.3.3M5.300 18.700 5 19"),
  dark: line("M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z"),
  system: () => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="3"><circle cx="12" cy="12" r="8.500" /><path d="M12 3.500a8.500 8.500 0 0 1 0 17z" fill="currentColor" stroke="none" /></svg>`,
};

/** The switches of language and theme. */
export function Switches() {
  const [theme, choose] = useState(read("theme"));
  const next = theme === null ? "dark" : theme === "dark" ? "light" : null;
  const other = Object.keys(languages).find((code) => code !== language.value) ?? "en";
  const change = () => {
    setTheme(next);
    choose(next);
  };
  return html`<div class="row switches">
    <button class="button plain small" aria-label=${t(`theme.${theme ?? "system"}`)} title=${t(`theme.${theme ?? "system"}`)} onClick=${change}><${THEMES[theme ?? "system"] ?? THEMES.system} /></button>
    <button class="button plain small" lang=${other} aria-label=${`${other.toUpperCase()}: ${languages[other]}`} onClick=${() => setLanguage(other).catch(() => {})}>${other.toUpperCase()}</button>
  </div>`;
}

/**
 * One option of a question. `state`: `open` (a button), `chosen`, `right`, `faded`, or `still` (shown, not to be chosen).
 * `disabled` keeps a button in its place, and the focus on it, but lets nobody choose it any more.
 * @param {{index: number, text: string, state?: string, onChoose?: () => void, children?: any, role?: string, checked?: boolean, pressed?: boolean, disabled?: boolean}} props
 */
export function Tile({ index, text, state = "still", onChoose, children, role, checked, pressed, disabled = false }) {
  const inside = html`<${Shape} index=${index} /><span class="grow"><${Markup} text=${text} /></span>${children ?? html`<span class="letter" aria-hidden="true">${letter(index)}</span>`}`;
  const names = `tile ${hue(index)} ${state}`;
  return onChoose
    ? html`<button type="button" class=${names} role=${role} aria-checked=${role ? String(Boolean(checked)) : undefined} aria-pressed=${pressed === undefined ? undefined : String(pressed)} aria-disabled=${disabled ? "true" : undefined} onClick=${disabled ? undefined : onChoose}>${inside}</button>`
    : html`<div class=${names}>${inside}</div>`;
}

/**
 * Calls a function with each frame that is shown, at most some times a second, as long as it is on the page.
 * @param {() => void} paint @param {number} [everyMs]
 */
export function useTicks(paint, everyMs = 100) {
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => {
    const timer = setInterval(() => latest.current(), everyMs);
    latest.current();
    return () => clearInterval(timer);
  }, [everyMs]);
}

/**
 * How many whole seconds are left of a time on the server's clock, and how much of the whole: it never goes below 0.
 * @param {{opensAtMs: number, closesAtMs: number} | null | undefined} span @param {() => number} now @param {number} [stoppedLeftMs] What is left while the game stands still.
 */
export function useCountdown(span, now, stoppedLeftMs) {
  const read = () => {
    if (!span) return { left: 0, share: 0, isOpen: false };
    const at = now();
    const whole = Math.max(1, span.closesAtMs - span.opensAtMs);
    const leftMs = stoppedLeftMs ?? Math.min(whole, Math.max(0, span.closesAtMs - at));
    return { left: Math.ceil(leftMs / 1000), share: Math.min(1, leftMs / whole), isOpen: stoppedLeftMs !== undefined || at >= span.opensAtMs };
  };
  const [value, set] = useState(read);
  useTicks(() => {
    const next = read();
    if (next.left !== value.left || Math.abs(next.share - value.share) > 0.002 || next.isOpen !== value.isOpen) set(next);
  }, 100);
  return value;
}

/** The seconds that are left, as a ring, or that they stand still. @param {{left: number, share: number, isStopped?: boolean}} props */
export const Ring = ({ left, share, isStopped }) =>
  html`<svg class=${`ring ${isStopped ? "stopped" : ""}`} viewBox="0 0 100 100" role="timer" aria-label=${t("clock.left", { count: left })}>
    <circle class="track" cx="50" cy="50" r="43" /><circle class="left" cx="50" cy="50" r="43" stroke-dasharray=${`${share * 270.2} 270.2`} transform="rotate(-90 50 50)" />
    ${isStopped ? html`<path d="M42 34v32M58 34v32" />` : html`<text x="50" y=${left > 99 ? 60 : 62} class=${left > 99 ? "many" : ""}>${left}</text>`}
  </svg>`;

/** A share of a whole as a bar. @param {{share: number, label?: string}} props */
export const Bar = ({ share, label }) =>
  html`<div class="bar" role=${label ? "img" : "presentation"} aria-label=${label}><i style=${{ transform: `scaleX(${share})` }}></i></div>`;

/** A dialog over the page; Escape closes it. The focus then goes back to where it was. @param {{label: string, onClose: () => void, children: any}} props */
export function Dialog({ label, onClose, children }) {
  /** @type {{current: HTMLDialogElement | null}} */
  const element = useRef(null);
  const isGone = useRef(false);
  // Before the next frame: whoever sees it may press its keys.
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    dialog?.querySelector("h2")?.focus();
    return () => {
      // Only `close` gives the focus back; what it tells afterwards is news to nobody.
      isGone.current = true;
      dialog?.close();
    };
  }, []);
  return html`<dialog ref=${element} aria-label=${label} onClose=${() => isGone.current || onClose()}>${children}</dialog>`;
}

/**
 * A question before something that can't be undone.
 * @param {{title: string, text: string, yes: string, onYes: () => void, onClose: () => void, fault?: string | null}} props
 */
export const Confirm = ({ title, text, yes, onYes, onClose, fault }) =>
  html`<${Dialog} label=${title} onClose=${onClose}>
    <div class="stack">
      <h2 tabindex="-1">${title}</h2>
      <p>${text}</p>
      ${fault ? html`<p class="fault" role="alert">${fault}</p>` : null}
      <div class="row"><button class="button quiet grow" onClick=${onClose}>${t("confirm.no")}</button><button class="button danger grow" onClick=${onYes}>${yes}</button></div>
    </div>
  <//>`;
