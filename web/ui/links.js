/** Addresses: which screen is shown. A link to a page of this site changes the screen without loading anew. */
import { signal } from "../vendor/preact.js";

/** The path that is shown, such as `/j/ABC234`. */
export const path = signal(location.pathname);

/** The fragment of the address, with its `#`, or nothing. */
export const hash = signal(location.hash);

/** A part of an address as it reads; null if it is no text. @param {string} part */
export function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** Shows another screen. @param {string} to @param {{replace?: boolean}} [how] */
export function go(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  path.value = location.pathname;
  hash.value = location.hash;
  scrollTo(0, 0);
}

addEventListener("popstate", () => {
  path.value = location.pathname;
  hash.value = location.hash;
});

addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const own = link.origin === location.origin && !link.target && !link.hasAttribute("download") && !/^\/(api|media|web)\//.test(link.pathname);
  if (!own) return;
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
});
