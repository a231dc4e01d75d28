/** Words, theme, and the screen that the address names. Each screen is loaded when it is first shown. */
import { html, render, signal } from "./vendor/preact.js";
import { language, setLanguage, t } from "./ui/text.js";
import { showTheme } from "./ui/prefs.js";
import { decoded, path } from "./ui/links.js";
import { server } from "./ui/server.js";
import { useFocus, useTitle } from "./ui/live.js";
import { Mark, Switches } from "./ui/pieces.js";
import { comeBack } from "./start.js";

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
    const argument = decoded(found?.[1] ?? "");
    if (!found || argument === null) continue;
    const [{ default: Screen }] = await Promise.all([load(), styled(style)]);
    if (asked === path.value) shown.value = { Screen, path: asked, argument };
    return;
  }
  await styled("/web/style/player.css");
  shown.value = { Screen: Lost, path: asked };
}

/** What stands in a screen's place. @param {{title: string, children?: any}} props */
function Notice({ title, children }) {
  const heading = useFocus();
  useTitle(title);
  return html`<main class="page">
    <header class="topbar"><${Mark} /><${Switches} /></header>
    <section class="notice stack"><h1 tabindex="-1" ref=${heading}>${title}</h1>${children}</section>
  </main>`;
}

/** An address where there is nothing. */
const Lost = () => html`<${Notice} title=${t("lost.title")}><p class="muted">${t("lost.text")}</p><a class="button" href="/">${t("end.home")}</a><//>`;

/**
 * Shows a screen, or a way on where it broke.
 * @this {any} a component, as Preact makes one of every function
 * @param {{children?: any}} props
 */
function Unbroken(props) {
  return this.state?.isBroken ? html`<${Notice} title=${t("broken")}><button class="button" onClick=${() => location.reload()}>${t("again")}</button><//>` : props.children;
}
Unbroken.getDerivedStateFromError = (/** @type {unknown} */ error) => {
  console.error(error);
  return { isBroken: true };
};

function App() {
  const { Screen, path: at, argument } = shown.value ?? {};
  const chaos = server.value?.chaos;
  return html`${chaos ? html`<p class="banner" role="status">${t("chaos.banner", { percent: Math.round(chaos * 100) })}</p>` : null}
    ${Screen ? html`<${Unbroken} key=${`${at} ${language.value}`}><${Screen} argument=${argument} /><//>` : null}`;
}

showTheme();
await Promise.all([setLanguage(), show()]);
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
path.subscribe(() => void show().catch(() => comeBack(`${t("connection.lost")} …`)));
