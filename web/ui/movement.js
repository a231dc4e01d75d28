/** Rows that change their place glide there. */
import { useLayoutEffect, useRef } from "../vendor/preact.js";

const GLIDE = { duration: 200, easing: "cubic-bezier(.2,.8,.2,1)" };

/** Whether somebody wants no motion. */
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Lets the children of a list glide to where they are now from where they were: each is known by its `data-key`.
 * @param {{current: HTMLElement | null}} list
 * @param {unknown} change what makes them move
 * @param {string | null} [held] the key of one that the pointer moves by itself
 */
export function useMovement(list, change, held = null) {
  /** @type {{current: Map<string, number>}} */
  const places = useRef(new Map());
  useLayoutEffect(() => {
    const items = /** @type {HTMLElement[]} */ ([...(list.current?.children ?? [])]);
    const keyOf = (/** @type {HTMLElement} */ { dataset }) => dataset.key ?? "";
    for (const item of items) {
      const by = (places.current.get(keyOf(item)) ?? item.offsetTop) - item.offsetTop;
      if (by && !isCalm() && keyOf(item) !== held) item.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], GLIDE);
    }
    places.current = new Map(items.map((item) => [keyOf(item), item.offsetTop]));
  }, [change]);
}
