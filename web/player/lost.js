/** An address where there is nothing. */
import { html } from "../vendor/preact.js";
import { useFocus, useTitle } from "../ui/live.js";
import { Mark, Switches } from "../ui/pieces.js";
import { t } from "../ui/text.js";

export default function Lost() {
  const heading = useFocus();
  useTitle(t("lost.title"));
  return html`<main class="page">
    <header class="topbar"><${Mark} /><${Switches} /></header>
    <section class="notice stack">
      <h1 tabindex="-1" ref=${heading}>${t("lost.title")}</h1>
      <p class="muted">${t("lost.text")}</p>
      <a class="button" href="/">${t("end.home")}</a>
    </section>
  </main>`;
}
