/** Taking a seat by a link: with a name, with a seat code, or the seat that this browser holds already. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { Api } from "../client/api.js";
import { Room } from "../client/room.js";
import { seats, tabSeat } from "../client/storage.js";
import { decoded, go, hash } from "../ui/links.js";
import { useFocus, useTitle } from "../ui/live.js";
import { Mark, Switches, useTicks } from "../ui/pieces.js";
import { fault, grouped, has, t } from "../ui/text.js";
import { CodeForm, readCode } from "./code.js";
import { NameForm } from "./name-form.js";

/** What a link says of a seat code, which must not stay in the address. @returns {string} */
function seatCodeOfLink() {
  const code = /^#seat=([^&]+)/.exec(location.hash)?.[1] ?? "";
  if (code) history.replaceState(null, "", location.pathname);
  return decoded(code) ?? code;
}

/** The first question of a new seat: not the one that is open already. @param {import("../client/room.js").TakenSeat} taken */
const firstOf = ({ snapshot }) => (snapshot?.question ? snapshot.question.index + 1 : 0);

/**
 * Keeps a seat in this browser, and goes to it.
 * @param {import("../client/room.js").TakenSeat} taken @param {string} joinCode @param {number} [from]
 */
function sitDown({ roomId, token, snapshot }, joinCode, from) {
  const you = snapshot?.you;
  seats.keep({ kind: "room", role: you?.isHost ? "host" : "player", roomId, token, name: you?.name, joinCode, from });
  tabSeat.choose({ kind: "room", roomId, token });
  go(you?.isHost && !you.plays ? `/host/${roomId}` : `/room/${roomId}`, { replace: true });
}

/** @param {{argument: string}} props */
export default function Join({ argument }) {
  const joinCode = readCode(argument);
  const [seatCode, setSeatCode] = useState(seatCodeOfLink);
  const inRoom = seats.list().filter((seat) => seat.kind === "room" && seat.joinCode === joinCode);
  const held = inRoom.find(({ roomId, token }) => token === tabSeat.of(roomId ?? "")) ?? inRoom[0];
  const [way, setWay] = useState(joinCode.length < 6 ? "refused" : seatCode ? "seat" : held ? "held" : "name");
  const [problem, setProblem] = useState(/** @type {any} */ (joinCode.length < 6 ? { code: "join-code-unknown" } : null));
  useTitle(t("join.title"));
  const fragment = hash.value;
  useEffect(() => {
    // A link with a seat code, opened where the room's page is open already.
    const code = seatCodeOfLink();
    if (!code) return;
    setSeatCode(code);
    setWay("seat");
  }, [fragment]);
  useEffect(() => {
    // While a name is typed, the room's screens are loaded.
    import("./room.js").catch(() => {});
  }, []);

  const refuse = (/** @type {any} */ refusal) => {
    setProblem(refusal);
    setWay("refused");
  };
  const sit = (/** @type {any} */ taken) => sitDown(taken, joinCode);
  /** @type {Record<string, () => any>} */
  const screens = {
    name: () => html`<${NameForm} joinCode=${joinCode} onSeat=${(/** @type {any} */ taken) => sitDown(taken, joinCode, firstOf(taken))} onRefused=${refuse} onSeatCode=${() => setWay("code")} />`,
    held: () => html`<${Held} seat=${held} onOther=${() => setWay("name")} />`,
    seat: () => html`<${TakeOver} key=${seatCode} joinCode=${joinCode} seatCode=${seatCode} onSeat=${sit} onAgain=${() => setWay("code")} />`,
    code: () => html`<${SeatCodeForm} joinCode=${joinCode} onSeat=${sit} onName=${() => setWay("name")} />`,
    refused: () => html`<${Refused} problem=${problem} joinCode=${joinCode} onAgain=${() => setWay("name")} onSeatCode=${() => setWay("code")} />`,
  };
  return html`<main class="page join">
    <header class="topbar"><${Mark} /><${Switches} /></header>
    ${screens[way]()}
    ${way === "name" || way === "code" ? html`<p class="muted small center">${t("join.room", { code: grouped(joinCode) })} · <a href="/">${t("join.otherCode")}</a></p>` : null}
  </main>`;
}

/** @param {{joinCode: string, seatCode: string, onSeat: (taken: any) => void, onAgain: () => void}} props */
function TakeOver({ joinCode, seatCode, onSeat, onAgain }) {
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const heading = useFocus(problem);
  const take = () => {
    setProblem(null);
    Room.takeSeat(new Api(), { joinCode, seatCode }).then(onSeat, setProblem);
  };
  useEffect(take, []);
  if (!problem) return html`<section class="notice"><h1 tabindex="-1" ref=${heading}>${t("seat.taking")}</h1></section>`;
  const isUsedUp = problem.code === "join-code-unknown";
  return html`<section class="notice stack">
    <h1 tabindex="-1" ref=${heading}>${t(isUsedUp ? "seat.usedUp" : "refused.other")}</h1>
    <p class="muted">${isUsedUp ? t("seat.usedUpHint") : fault(problem)}</p>
    ${isUsedUp ? html`<button class="button" onClick=${onAgain}>${t("seat.other")}</button>` : html`<button class="button" onClick=${take}>${t("again")}</button>`}
  </section>`;
}

/** @param {{joinCode: string, onSeat: (taken: any) => void, onName: () => void}} props */
function SeatCodeForm({ joinCode, onSeat, onName }) {
  const [typed, setTyped] = useState("");
  const [note, setNote] = useState(/** @type {string | null} */ (null));
  const field = useFocus();
  const take = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!typed.trim()) return setNote(t("seat.empty"));
    Room.takeSeat(new Api(), { joinCode, seatCode: typed.trim() }).then(onSeat, (problem) => setNote(problem.code === "join-code-unknown" ? t("seat.usedUpHint") : fault(problem)));
  };
  return html`<form class="stack" onSubmit=${take} novalidate>
    <div><h1>${t("seat.title")}</h1><p class="muted">${t("seat.hint")}</p></div>
    <div class="field">
      <label for="seat-code">${t("seat.label")}</label>
      <input id="seat-code" class="input seat-code" ref=${field} value=${typed} autocomplete="off" autocapitalize="characters" autocorrect="off" spellcheck=${false} enterkeyhint="go" aria-invalid=${note ? "true" : undefined} aria-describedby="seat-note" onInput=${(/** @type {any} */ event) => (setTyped(event.target.value), setNote(null))} />
      <p id="seat-note" class="fault" role=${note ? "alert" : undefined}>${note}</p>
    </div>
    <button class="button wide">${t("seat.go")}</button>
    <button type="button" class="button plain" onClick=${onName}>${t("seat.none")}</button>
  </form>`;
}

/** The seat that this browser holds in the room already. @param {{seat: import("../client/storage.js").SavedSeat, onOther: () => void}} props */
function Held({ seat, onOther }) {
  const heading = useFocus();
  const isHost = seat.role === "host";
  return html`<section class="notice stack">
    <h1 tabindex="-1" ref=${heading}>${isHost ? t("held.host") : t("held.title", { name: seat.name ?? "" })}</h1>
    <p class="muted">${t("held.hint")}</p>
    <a class="button" href=${isHost ? `/host/${seat.roomId}` : `/room/${seat.roomId}`}>${t("step.resume")}</a>
    <button class="button plain" onClick=${onOther}>${t("held.other")}</button>
  </section>`;
}

/** Refusals that pass by themselves. */
const PASSING = new Set(["too-many-joins", "too-many-requests", "store-busy", "store-full", "store-unavailable"]);
const WAIT_MS = 5_000;

/**
 * @param {{problem: any, joinCode: string, onAgain: () => void, onSeatCode: () => void}} props
 */
function Refused({ problem, joinCode, onAgain, onSeatCode }) {
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
