/** Keys that work wherever the focus is, except in a field or a dialog. */
import { useLayoutEffect, useRef } from "../vendor/preact.js";

/** @param {EventTarget | null} target */
const takesKeys = (target) => target instanceof Element && Boolean(target.closest("input:not([type=checkbox]), textarea, select, dialog"));

/**
 * Calls a function with each key that is pressed and not meant for a field. If it returns true, the key is used up.
 * @param {(event: KeyboardEvent) => boolean | void} press
 */
export function useKeys(press) {
  const latest = useRef(press);
  latest.current = press;
  // Before the next frame is painted: whoever sees a screen may press its keys.
  useLayoutEffect(() => {
    const listen = (/** @type {KeyboardEvent} */ event) => {
      if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey || takesKeys(event.target)) return;
      if (latest.current(event)) event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}

/**
 * Which option a key names: A is the first, so is 1.
 * @param {string} key @param {number} count How many options there are. @returns {number} -1 for none
 */
export function optionOf(key, count) {
  const index = /^[1-9]$/.test(key) ? Number(key) - 1 : /^[a-z]$/i.test(key) ? key.toUpperCase().charCodeAt(0) - 65 : -1;
  return index < count ? index : -1;
}

/**
 * Whether Enter would press something where the focus is.
 * @param {KeyboardEvent} event
 */
export const isOnControl = (event) => event.target instanceof Element && Boolean(event.target.closest("button, a[href], summary"));
