/** Why nobody gets into a room here, and what to do about it. */
import { html, useState } from "../vendor/preact.js";
import { useFocus } from "../ui/live.js";
import { useTicks } from "../ui/pieces.js";
import { fault, has, t } from "../ui/text.js";
import { CodeForm } from "./code.js";

/** Refusals that pass by themselves. */
const PASSING = new Set(["too-many-joins", "too-many-requests", "store-busy", "store-full", "store-unavailable"]);
const WAIT_MS = 5_000;

/**
 * @param {{problem: any, joinCode: string, onAgain: () => void, onSeatCode: () => void}} props
 */
export function Refused({ problem, joinCode, onAgain, onSeatCode }) {
  const heading = useFocus(problem);
  const { code } = problem;
  const known = has(`refused.${code}`) ? code : "other";
  const isUnknown = code === "join-code-unknown";
  return html`<section class="notice stack">
    <h1 tabindex="-1" ref=${heading}>${t(`refused.${known}`)}</h1>
    <p class="muted">${known === "other" ? fault(problem) : t(`refused.${known}.hint`)}</p>
    ${isUnknown ? html`<${CodeForm} code=${joinCode} />` : PASSING.has(code) ? html`<${Wait} ms=${problem.retryAfterMs ?? WAIT_MS} onOver=${onAgain} />` : html`<button class="button" onClick=${onAgain}>${t("again")}</button>`}
    ${isUnknown ? null : html`<button class="button plain" onClick=${onSeatCode}>${t("seat.have")}</button><a class="button plain" href="/">${t("join.otherCode")}</a>`}
  </section>`;
}

/** A button that can be pressed once the time is over. @param {{ms: number, onOver: () => void}} props */
function Wait({ ms, onOver }) {
  const [until] = useState(() => Date.now() + ms);
  const [left, setLeft] = useState(Math.ceil(ms / 1000));
  useTicks(() => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000))), 250);
  return html`<button class="button" aria-disabled=${left ? "true" : undefined} onClick=${left ? undefined : onOver}>${left ? t("again.in", { count: left }) : t("again")}</button>`;
}
