/** Things that depend on the screen's size: what fits, what has moved, and whether it is a phone. */
import { useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { isCalm } from "../../ui/movement.js";

const overflows = (/** @type {HTMLElement} */ box) => box.scrollHeight > box.clientHeight + 1;

/** Scrolls what is too long for the stage. @param {number} pages */
export function scrollStage(pages) {
  const box = document.querySelector(".stage-body [tabindex='0']");
  box?.scrollBy({ top: pages * box.clientHeight, behavior: isCalm() ? "auto" : "smooth" });
}

/**
 * Shrinks what an element holds in steps until it fits: `data-fit` goes from 0 to `steps`. What doesn't fit then scrolls.
 * @param {{current: HTMLElement | null}} element
 * @param {number} steps
 * @param {unknown[]} changes what makes it measure anew
 */
export function useFit(element, steps, changes) {
  const fit = () => {
    const { current } = element;
    if (!current) return;
    for (let step = 0; step <= steps; step++) {
      current.dataset.fit = String(step);
      if (!overflows(current)) break;
    }
    // Only what scrolls needs a place in the order of the tab key.
    for (const box of [current, .../** @type {NodeListOf<HTMLElement>} */ (current.querySelectorAll("[data-scroll]"))]) {
      if (overflows(box)) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  useLayoutEffect(fit, changes);
  useEffect(() => {
    addEventListener("resize", fit);
    element.current?.querySelectorAll("img").forEach((image) => image.addEventListener("load", fit, { once: true }));
    return () => removeEventListener("resize", fit);
  }, changes);
}

/** Whether a media query holds, now and later. @param {string} query */
export function useMedia(query) {
  const [holds, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const change = () => set(list.matches);
    change();
    list.addEventListener("change", change);
    return () => list.removeEventListener("change", change);
  }, [query]);
  return holds;
}

/** Keeps the screen lit as long as the page is shown. */
export function useWakeLock() {
  useEffect(() => {
    /** @type {any} */
    let lock = null;
    const ask = () => {
      if (document.visibilityState === "visible") /** @type {any} */ (navigator).wakeLock?.request("screen").then((/** @type {any} */ got) => (lock = got), () => {});
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      document.removeEventListener("visibilitychange", ask);
      lock?.release();
    };
  }, []);
}
