/** A lost connection: a calm word at the bottom, which goes away by itself. */
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { useTicks } from "./pieces.js";
import { t } from "./text.js";

const BACK_MS = 1_800;

/** Whole seconds until the next try. @param {number | null} retryAt */
function useSecondsTo(retryAt) {
  const read = () => (retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)));
  const [, set] = useState(0);
  useTicks(() => set(read()), 250);
  return read();
}

/** Whether the connection has just come back. @param {boolean} isLost */
function useJustBack(isLost) {
  const [isBack, set] = useState(false);
  const was = useRef(isLost);
  useEffect(() => {
    const returned = was.current && !isLost;
    was.current = isLost;
    set(returned);
    if (!returned) return;
    const timer = setTimeout(() => set(false), BACK_MS);
    return () => clearTimeout(timer);
  }, [isLost]);
  return isBack;
}

/**
 * @param {{isLost: boolean, retryAt: number | null, text: string}} props
 * `retryAt`: when it is tried again, by Date.now(). `text`: what is said as long as it is lost.
 */
export function ConnectionPill({ isLost, retryAt, text }) {
  const left = useSecondsTo(isLost ? retryAt : null);
  const isBack = useJustBack(isLost);
  if (isBack) return html`<p class="pill connection back" role="status"><span class="dot"></span>${t("connection.back")}</p>`;
  if (!isLost) return null;
  return html`<p class="pill connection" role="status">
    <span class="dot wait"></span><span class="grow">${text}</span>
    <span class="muted" aria-hidden="true">${left ? t("connection.next", { value: left }) : "…"}</span>
  </p>`;
}
