/** What the host opens over the stage: players, phone, menu, keys, and what is asked before it is done. @import { RoomView } from "../../client/types.js" */
import { html, useEffect, useState } from "../../vendor/preact.js";
import { fault, grouped, has, inFours, number, spoken, t } from "../../ui/text.js";
import { Confirm, Cross, Dialog, Switches } from "../../ui/pieces.js";
import { origin } from "../../ui/server.js";
import { KEYS, toggleFullScreen } from "./keys.js";
import { Loopback } from "./lobby.js";
import { Qr } from "../../ui/qr.js";
import { savedSeat } from "./seat.js";
import { toAddress } from "../setup/selection.js";

/**
 * @typedef {"seats" | "remote" | "menu" | "keys" | "finish" | "joinCode" | "moveAway"} DialogName
 * @typedef {object} DialogProps
 * @property {import("../../client/index.js").Room} game
 * @property {RoomView} room
 * @property {string} token
 * @property {string} title
 * @property {(move: string, extra?: object) => Promise<any>} act
 * @property {(name: DialogName | null) => void} open
 */

/** @param {{label: string, onClose: () => void, children?: any}} props */
const Sheet = ({ label, onClose, children }) =>
  html`<${Dialog} label=${label} onClose=${onClose}><div class="host-sheet stack">
    <div class="row between"><h2 tabindex="-1">${label}</h2><button type="button" class="button plain" aria-label=${t("host.close")} onClick=${onClose}><${Cross} /></button></div>${children}
  </div><//>`;

/** @param {{seat: RoomView["seats"][number]} & Pick<DialogProps, "game" | "act">} props */
function SeatRow({ seat, game, act }) {
  const [asked, ask] = useState(false);
  const [code, setCode] = useState("");
  // The row goes, and what has the focus with it.
  const kick = (/** @type {any} */ { currentTarget }) => {
    currentTarget.closest("dialog")?.querySelector("button")?.focus();
    act("kick", { seatId: seat.seatId });
  };
  const fetchCode = () => game.seatCode(seat.seatId).then(({ seatCode }) => setCode(inFours(seatCode)), (problem) => setCode(fault(problem)));
  return html`<li class="row host-seat"><span class=${`dot ${seat.present ? "" : "off"}`} title=${t(seat.present ? "stage.online" : "stage.offline")}></span>
    <span class="grow"><b>${seat.name}</b>${seat.total ? html` <span class="muted">${number(seat.total)}</span>` : null}${code ? html`<br /><code class="host-code">${code}</code>` : null}</span>
    ${asked
      ? html`<button type="button" class="button danger compact" onClick=${kick}>${t("stage.kickSure")}</button><button type="button" class="button plain" onClick=${() => ask(false)}>${t("host.no")}</button>`
      : html`<button type="button" class="button plain" onClick=${fetchCode} aria-label=${t("stage.codeFor", { name: seat.name ?? "" })}>${t("seat.label")}</button><button type="button" class="button plain danger" onClick=${() => ask(true)} aria-label=${t("stage.kickName", { name: seat.name ?? "" })}>${t("stage.kick")}</button>`}
  </li>`;
}

/** @param {DialogProps} props */
function Seats({ game, room, act, open }) {
  const others = room.seats.filter(({ seatId }) => seatId !== room.you?.seatId);
  return html`<${Sheet} label=${t("lobby.here", { count: others.length })} onClose=${() => open(null)}>
    <ul class="host-seats">${others.map((seat) => html`<${SeatRow} key=${seat.seatId} seat=${seat} game=${game} act=${act} />`)}</ul>
    <p class="muted small">${t("stage.renameHow")} ${t("stage.seatCodeHow")}</p>
  <//>`;
}

/** Most bytes of a remote's address: more would be a code too fine for a phone. */
const MOST_ADDRESS = 300;

/**
 * The address that makes a phone a remote: the token stands in the fragment, which no server sees. With an own quiz it takes
 * along what fits of the title; that of a bank is known.
 * @param {Pick<DialogProps, "room" | "token" | "title">} props
 */
function remoteAddress({ room, token, title }) {
  for (const letters = [...title].slice(0, 20); ; letters.pop()) {
    const played = room.quizId === "own" ? { title: letters.join("") } : toAddress(savedSeat(room.roomId)?.selection);
    const address = `${origin()}/host/${room.roomId}#${new URLSearchParams({ token, ...played })}`;
    if (address.length <= MOST_ADDRESS || !letters.length) return address;
  }
}

/** @param {DialogProps} props */
function Remote({ room, token, title, open }) {
  const [isShown, show] = useState(false);
  return html`<${Sheet} label=${t("stage.remote")} onClose=${() => open(null)}>
    <p>${t(isShown ? "stage.remoteHow" : "stage.remoteFirst")}</p>
    ${isShown ? html`<div class="center"><${Qr} text=${remoteAddress({ room, token, title })} label=${t("stage.remoteQr")} /></div>` : html`<button type="button" class="button" onClick=${() => show(true)}>${t("stage.remoteShow")}</button>`}
    <${Loopback} />
  <//>`;
}

/** A code by which another computer takes the game over. @param {DialogProps} props */
function MoveAway({ game, room, open }) {
  const [code, setCode] = useState("");
  const [wrong, setWrong] = useState("");
  useEffect(() => void game.seatCode(room.you?.seatId ?? 1).then(({ seatCode }) => setCode(seatCode), (problem) => setWrong(fault(problem))), []);
  return html`<${Sheet} label=${t("stage.moveAway")} onClose=${() => open(null)}>
    <p>${t("stage.moveAwayHow", { address: `${spoken(origin())}/host` })}</p>
    <dl class="host-codes"><dt>${t("stage.roomCode")}</dt><dd>${grouped(room.joinCode)}</dd><dt>${t("seat.label")}</dt><dd>${inFours(code) || "…"}</dd></dl>
    ${wrong ? html`<p class="fault" role="alert">${wrong}</p>` : null}
    <p class="muted small">${t("stage.moveAwayNote")}</p>
  <//>`;
}

/** @param {DialogProps} props */
function Menu({ room, act, open }) {
  const isOver = room.phase === "finished";
  const item = (/** @type {string} */ key, /** @type {() => void} */ run, kind = "quiet") => html`<button type="button" class=${`button compact wide ${kind}`} onClick=${run}>${t(key)}</button>`;
  return html`<${Sheet} label=${t("menu.title")} onClose=${() => open(null)}>
    <div class="host-menu">${isOver ? null : item(room.locked ? "stage.unlock" : "stage.lock", () => (act("lock", { locked: !room.locked }), open(null)))}
    ${item("stage.players", () => open("seats"))}
    ${item("stage.remote", () => open("remote"))}
    ${item("stage.moveAway", () => open("moveAway"))}
    ${isOver ? null : item("stage.newCode", () => open("joinCode"))}
    ${item("stage.fullscreen", () => (toggleFullScreen(), open(null)))}
    ${item("stage.keys", () => open("keys"))}
    ${isOver ? null : item("stage.finish", () => open("finish"), "danger")}</div>
    <${Switches} />
  <//>`;
}

/** @param {{label: string, text: string, yes: string, run: () => Promise<any>, open: DialogProps["open"]}} props */
function Sure({ label, text, yes, run, open }) {
  const [wrong, setWrong] = useState("");
  const close = () => open(null);
  return html`<${Confirm} title=${label} text=${text} yes=${yes} fault=${wrong} onYes=${() => run().then(close, (problem) => setWrong(fault(problem)))} onClose=${close} />`;
}

/** @param {DialogProps} props */
const Finish = ({ act, open }) => html`<${Sure} label=${t("stage.finish")} text=${t("stage.finishSure")} yes=${t("stage.finishYes")} run=${() => act("finish")} open=${open} />`;

/** @param {DialogProps} props */
const JoinCode = ({ game, open }) => html`<${Sure} label=${t("stage.newCode")} text=${t("stage.newCodeSure")} yes=${t("stage.newCodeYes")} run=${() => game.newJoinCode()} open=${open} />`;

/** @param {DialogProps} props */
const Keys = ({ open }) =>
  html`<${Sheet} label=${t("stage.keys")} onClose=${() => open(null)}><dl class="host-keys">${KEYS.map(([command, keys]) => html`<dt key=${command}>${keys.map((key) => html`<kbd key=${key}>${has(`key.${key}`) ? t(`key.${key}`) : key}</kbd>`)}</dt><dd>${t(`keys.${command}`)}</dd>`)}<dt><kbd>Esc</kbd></dt><dd>${t("keys.close")}</dd></dl><//>`;

const DIALOGS = { seats: Seats, remote: Remote, menu: Menu, keys: Keys, finish: Finish, joinCode: JoinCode, moveAway: MoveAway };

/** @param {DialogProps & {name: DialogName}} props */
export const StageDialog = ({ name, ...rest }) => html`<${DIALOGS[name]} key=${name} ...${rest} />`;
