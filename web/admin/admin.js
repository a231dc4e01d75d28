/** The operators' page: how the server is, what it does, and its sessions. */
import { html, render } from "../vendor/preact.js";
import { language, setLanguage, t, wordsFrom } from "../ui/text.js";
import { showTheme } from "../ui/prefs.js";
import { Mark, Switches } from "../ui/pieces.js";
import { useAnnounced, useTitle } from "../ui/live.js";
import { Backups } from "./backups.js";
import { Charts } from "./charts.js";
import { Overview } from "./overview.js";
import { Sessions } from "./sessions.js";
import { awaySince, status, tokenWanted } from "./server.js";
import { Token } from "./token.js";
import { time } from "./words.js";

/** Says since when the server has not answered. */
function Away() {
  const since = awaySince.value;
  const text = since === null ? null : t("away", { time: time(since) });
  useAnnounced(text);
  return text ? html`<p class="banner">${text}</p>` : null;
}

function App() {
  useTitle(t("title"));
  const isShown = status.value !== null && !tokenWanted.value;
  return html`<${Away} />
    <main class="page wide admin" key=${language.value}>
      <header class="topbar"><${Mark} home="/admin" /><${Switches} /></header>
      <h1>${t("title")}</h1>
      ${tokenWanted.value ? html`<${Token} />` : null}
      ${isShown ? html`<${Overview} /><${Charts} /><${Sessions} /><${Backups} />` : null}
      ${!isShown && !tokenWanted.value ? html`<p class="muted">${t("loading")}</p>` : null}
    </main>`;
}

showTheme();
wordsFrom(new URL("./text/", import.meta.url));
await setLanguage();
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
