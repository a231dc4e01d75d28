/** Why a seat is not played on here, each reason with what can be done. */
import { html, useEffect } from "../vendor/preact.js";
import { seats } from "../client/storage.js";
import { useFocus, useTitle } from "../ui/live.js";
import { Mark, Switches } from "../ui/pieces.js";
import { t } from "../ui/text.js";
import { CodeForm } from "./code.js";

/** A screen that says one thing. @param {{title: string, text: string, children?: any}} props */
function Notice({ title, text, children }) {
  const heading = useFocus();
  useTitle(title);
  return html`<main class="page">
    <header class="topbar"><${Mark} /><${Switches} /></header>
    <section class="notice stack"><h1 tabindex="-1" ref=${heading}>${title}</h1><p class="muted">${text}</p>${children}</section>
  </main>`;
}

const Home = () => html`<a class="button quiet" href="/">${t("end.home")}</a>`;

/** This browser has no seat in the room of this address. */
export const NoSeat = () => html`<${Notice} title=${t("noSeat.title")} text=${t("noSeat.text")}><${CodeForm} /><${Home} /><//>`;

/**
 * @param {{reason: string | null, seat: import("../client/storage.js").SavedSeat, room: import("../client/room.js").Room}} props
 */
export function Stopped({ reason, seat, room }) {
  const isOver = reason !== "superseded";
  useEffect(() => {
    if (isOver) seats.forget(seat.token ?? "");
  }, [isOver]);
  const title = t(`seatGone.${reason}`);
  const text = t(`seatGone.${reason}.hint`);
  if (!isOver) return html`<${Notice} title=${title} text=${text}><button class="button" onClick=${() => room.start()}>${t("seat.go")}</button><${Home} /><//>`;
  const mayReturn = reason === "bad-token" && seat.joinCode;
  return html`<${Notice} title=${title} text=${text}>${mayReturn ? html`<a class="button" href=${`/j/${seat.joinCode}`}>${t("seatGone.joinAgain")}</a>` : null}<${Home} /><//>`;
}
