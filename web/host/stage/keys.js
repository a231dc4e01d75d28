/** The host's keys: also those that a presenter's remote sends. */
import { useLayoutEffect, useRef } from "../../vendor/preact.js";

/** @typedef {"next" | "back" | "down" | "up" | "pause" | "lock" | "fullscreen" | "seats" | "remote" | "menu" | "keys"} Command */

/** @type {Record<string, Command>} */
const COMMANDS = {
  " ": "next", ArrowRight: "next", PageDown: "next", Enter: "next",
  ArrowLeft: "back", PageUp: "back", ArrowDown: "down", ArrowUp: "up",
  p: "pause", l: "lock", f: "fullscreen", s: "seats", r: "remote", m: "menu", "?": "keys",
};

/** The keys as the help lists them. @type {[Command, string[]][]} */
export const KEYS = [
  ["next", ["␣", "→", "PgDn"]], ["back", ["←", "PgUp"]], ["pause", ["P"]], ["lock", ["L"]], ["seats", ["S"]],
  ["down", ["↓", "↑"]], ["remote", ["R"]], ["fullscreen", ["F"]], ["menu", ["M"]], ["keys", ["?"]],
];

/** Whether the focus was moved by the keyboard. A button that the mouse pressed keeps the focus, but means nothing. */
let isByKeyboard = false;
addEventListener("pointerdown", () => void (isByKeyboard = false), true);
addEventListener("keydown", ({ key }) => void (isByKeyboard ||= key === "Tab"), true);

/**
 * Whether a key is the page's own: typed into a field or a dialog, or meant for the button that the keyboard chose.
 * @param {KeyboardEvent} event
 */
function isTaken(event) {
  const { target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return true;
  if (document.querySelector("dialog[open]") || target.closest("input, textarea, select")) return true;
  if (event.key !== " " && event.key !== "Enter") return false;
  const button = target.closest("button, a[href], [role=radio], [role=checkbox]");
  if (!button) return false;
  if (button.hasAttribute("data-next") || isByKeyboard) return true;
  // Pressed by the mouse before: the key means the next step, and not that button again.
  if (button instanceof HTMLElement) button.blur();
  return false;
}

/** @param {Partial<Record<Command, () => void>>} actions */
export function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  // Before the next frame is painted: whoever sees a screen may press its keys.
  useLayoutEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      const command = COMMANDS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!command || isTaken(event)) return;
      event.preventDefault();
      if (!event.repeat) latest.current[command]?.();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

/** Shows the page on the whole screen, or no longer. */
export const toggleFullScreen = () => void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.().catch(() => {}));
