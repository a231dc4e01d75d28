/** Looks so often whether the timers stood still. */
const EVERY_MS = 1_000;
/** Timers that come this late stood still: the device slept, or the page was frozen. */
const GAP_MS = 3_500;

/**
 * Tells when the page wakes: it is shown again, comes back from the cache of the browser, the network is back, or timers
 * stood still.
 * @param {() => void} woke
 * @returns {() => void} ends it
 */
export function onWake(woke) {
  const isBrowser = typeof document !== "undefined";
  const shown = () => {
    if (document.visibilityState === "visible") woke();
  };
  /** @param {PageTransitionEvent} event */
  const restored = ({ persisted }) => {
    if (persisted) woke();
  };
  if (isBrowser) {
    document.addEventListener("visibilitychange", shown);
    window.addEventListener("pageshow", restored);
    window.addEventListener("online", woke);
  }
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - last > GAP_MS) woke();
    last = now;
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    if (!isBrowser) return;
    document.removeEventListener("visibilitychange", shown);
    window.removeEventListener("pageshow", restored);
    window.removeEventListener("online", woke);
  };
}
