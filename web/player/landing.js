/** The first page: join by a code, go on, play alone, or host. */
import { html } from "../vendor/preact.js";
import { useTitle } from "../ui/live.js";
import { Mark, Switches } from "../ui/pieces.js";
import { t } from "../ui/text.js";
import { CodeForm } from "./code.js";
import { GoOn } from "./go-on.js";

export default function Landing() {
  useTitle("");
  return html`<main class="page landing">
    <header class="topbar"><${Mark} /><${Switches} /></header>
    <section class="stack landing-join">
      <div><h1>${t("landing.title")}</h1><p class="muted">${t("landing.hint")}</p></div>
      <${CodeForm} />
    </section>
    <${GoOn} />
    <nav class="row landing-ways" aria-label=${t("landing.ways")}>
      <a class="button quiet grow" href="/solo">${t("landing.solo")}</a><a class="button quiet grow" href="/host">${t("landing.host")}</a>
    </nav>
  </main>`;
}
