/** Taking a seat by a link: with a name, with a seat code, or the seat that this browser holds already. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { Api } from "../client/api.js";
import { Room } from "../client/room.js";
import { seats } from "../client/storage.js";
import { go, hash } from "../ui/links.js";
import { useFocus, useTitle } from "../ui/live.js";
import { Mark, Switches } from "../ui/pieces.js";
import { fault, t } from "../ui/text.js";
import { grouped } from "../ui/codes.js";
import { readCode } from "./code.js";
import { Held } from "./held.js";
import { NameForm } from "./name-form.js";
import { Refused } from "./refused.js";

/** What a link says of a seat code, which must not stay in the address. @returns {string} */
function seatCodeOfLink() {
  const code = /^#seat=([^&]+)/.exec(location.hash)?.[1] ?? "";
  if (code) history.replaceState(null, "", location.pathname);
  return decodeURIComponent(code);
}

/**
 * Keeps a seat in this browser, and goes to it.
 * @param {import("../client/room.js").TakenSeat} taken @param {string} joinCode
 */
function sitDown({ roomId, token, snapshot }, joinCode) {
  const you = snapshot?.you;
  seats.keep({ kind: "room", role: you?.isHost ? "host" : "player", roomId, token, name: you?.name, joinCode });
  go(you?.isHost && !you.plays ? `/host/${roomId}` : `/room/${roomId}`, { replace: true });
}

/** @param {{argument: string}} props */
export default function Join({ argument }) {
  const joinCode = readCode(argument);
  const [seatCode, setSeatCode] = useState(seatCodeOfLink);
  const held = seats.list().find((seat) => seat.kind === "room" && seat.joinCode === joinCode);
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
    name: () => html`<${NameForm} joinCode=${joinCode} onSeat=${sit} onRefused=${refuse} onSeatCode=${() => setWay("code")} />`,
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
    <h1 tabindex="-1" ref=${heading}>${t(isUsedUp ? "seat.usedUp" : "seat.failed")}</h1>
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
