/** The time that is left, as a bar and in seconds. */
import { html } from "../vendor/preact.js";
import { useAnnounced } from "./live.js";
import { useCountdown } from "./pieces.js";
import { t } from "./text.js";

/** Seconds at which the time that is left is read out, and shown as scarce. */
const SCARCE = 5;

/**
 * @param {{span: {opensAtMs: number, closesAtMs: number}, now: () => number, stoppedLeftMs?: number}} props
 * `stoppedLeftMs` is what is left while the game stands still.
 */
export function Clock({ span, now, stoppedLeftMs }) {
  const { left, share } = useCountdown(span, now, stoppedLeftMs);
  const isScarce = left <= SCARCE;
  useAnnounced(left === SCARCE && t("clock.left", { count: left }));
  return html`<div class=${`clock ${isScarce ? "scarce" : ""}`} role="timer" aria-label=${t("clock.left", { count: left })}>
    <div class="bar"><i style=${{ transform: `scaleX(${share})` }}></i></div><b aria-hidden="true">${left}</b>
  </div>`;
}
