/** The start: words, theme, and the screen that the address names. Each screen is loaded when it is first shown. */
import { html, render, signal } from "./vendor/preact.js";
import { language, setLanguage, t } from "./ui/text.js";
import { showTheme } from "./ui/prefs.js";
import { path } from "./ui/links.js";
import { server } from "./ui/server.js";

/** @type {[RegExp, () => Promise<{default: any}>, string | null][]} */
const SCREENS = [
  [/^\/$/, () => import("./player/landing.js"), "/web/style/player.css"],
  [/^\/j\/([^/]+)\/?$/, () => import("./player/join.js"), "/web/style/player.css"],
  [/^\/room\/([^/]+)\/?$/, () => import("./player/room.js"), "/web/style/player.css"],
  [/^\/solo\/?$/, () => import("./solo/solo.js"), "/web/style/player.css"],
  [/^\/host\/?$/, () => import("./host/setup.js"), "/web/style/host.css"],
  [/^\/host\/([^/]+)\/?$/, () => import("./host/stage.js"), "/web/style/stage.css"],
];

/** @type {import("./vendor/preact.js").Signal<{Screen: any, path: string, argument?: string} | null>} */
const shown = signal(null);

/** Waits until a style sheet is there, so that nothing is shown without it. @param {string | null} href */
function styled(href) {
  if (!href || document.querySelector(`link[href="${href}"]`)) return;
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  const loaded = new Promise((resolve) => {
    link.onload = link.onerror = resolve;
  });
  document.head.append(link);
  return loaded;
}

async function show() {
  const asked = path.value;
  for (const [pattern, load, style] of SCREENS) {
    const found = pattern.exec(asked);
    if (!found) continue;
    const [{ default: Screen }] = await Promise.all([load(), styled(style)]);
    if (asked === path.value) shown.value = { Screen, path: asked, argument: found[1] && decodeURIComponent(found[1]) };
    return;
  }
  const [{ default: Screen }] = await Promise.all([import("./player/lost.js"), styled("/web/style/player.css")]);
  shown.value = { Screen, path: asked };
}

function App() {
  const { Screen, path: at, argument } = shown.value ?? {};
  const chaos = server.value?.chaos;
  return html`${chaos ? html`<p class="banner" role="status">${t("chaos.banner", { percent: Math.round(chaos * 100) })}</p>` : null}
    ${Screen ? html`<${Screen} key=${`${at} ${language.value}`} argument=${argument} />` : null}`;
}

showTheme();
await Promise.all([setLanguage(), show()]);
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
path.subscribe(() => void show());
