/** What changes, for those who hear the page, and where the focus goes. */
import { useEffect, useRef } from "../vendor/preact.js";

const region = Object.assign(document.createElement("div"), { className: "only-heard", role: "status" });
region.setAttribute("aria-live", "polite");
document.body.append(region);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let next;

/** Has a text read out, once the reader is done with what it reads. @param {string} text */
export function announce(text) {
  clearTimeout(next);
  region.textContent = "";
  next = setTimeout(() => {
    region.textContent = text;
    // Whoever wanders over the page later should not meet it.
    next = setTimeout(() => (region.textContent = ""), 5000);
  }, 50);
}

/** Has a text read out whenever it is another one. @param {string | null | undefined | false} text */
export function useAnnounced(text) {
  useEffect(() => {
    if (text) announce(text);
  }, [text]);
}

/**
 * A ref for the element that gets the focus when it comes in, or when `what` changes: the heading of a screen.
 * @param {unknown} [what] @param {boolean} [isOn] false to leave the focus where it is
 */
export function useFocus(what, isOn = true) {
  /** @type {{current: any}} */
  const element = useRef(null);
  useEffect(() => {
    if (isOn) element.current?.focus({ preventScroll: true });
  }, [what]);
  return element;
}

/** Whether there is a real keyboard and a mouse: only then does a field take the focus by itself. */
export const hasKeyboard = () => matchMedia("(hover: hover) and (pointer: fine)").matches;

/** Names the page for the browser's tab and its history. @param {string} title */
export function useTitle(title) {
  useEffect(() => {
    document.title = title ? `${title} · rejoin` : "rejoin";
  }, [title]);
}
