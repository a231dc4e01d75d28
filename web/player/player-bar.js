/** The line above every screen of a room: name, question, points, and the menu. */
import { html, useState } from "../vendor/preact.js";
import { number, t } from "../ui/text.js";
import { Menu } from "./menu.js";

/** @param {{room: import("../client/room.js").Room, view: import("../client/types.js").RoomView, seat: any}} props */
export function PlayerBar({ room, view, seat }) {
  const [isOpen, open] = useState(false);
  const { you, question, questionCount } = view;
  return html`<header class="player-bar">
    <b class="player-name">${you?.name}</b>
    ${question ? html`<span class="muted">${t("room.of", { number: question.index + 1, of: questionCount })}</span>` : null}
    <span class="row"><b class="player-points">${you?.plays && view.phase !== "lobby" ? html`${number(you.total)}<span class="only-heard"> ${t("unit.points")}</span>` : null}</b>
      <button class="menu-button" aria-label=${t("menu.title")} aria-haspopup="dialog" onClick=${() => open(true)}><svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="currentColor"><circle cx="12" cy="5" r="2.2" /><circle cx="12" cy="12" r="2.2" /><circle cx="12" cy="19" r="2.2" /></svg></button>
    </span>
    ${isOpen ? html`<${Menu} room=${room} view=${view} seat=${seat} onClose=${() => open(false)} />` : null}
  </header>`;
}
