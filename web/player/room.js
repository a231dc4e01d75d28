/** A player's seat in a room: which of its screens is shown, and what stands around it. */
import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { Room } from "../client/room.js";
import { Api } from "../client/api.js";
import { retrying } from "../client/retry.js";
import { seats, tabSeat } from "../client/storage.js";
import { ConnectionPill } from "../ui/connection.js";
import { useCall, useStore } from "../ui/use.js";
import { t } from "../ui/text.js";
import { useAnnounced, useTitle } from "../ui/live.js";
import { End } from "./end.js";
import { HostBar, TakeOverOffer } from "./host-bar.js";
import { Lobby } from "./lobby.js";
import { PlayerBar } from "./player-bar.js";
import { Question } from "./question.js";
import { Reveal } from "./reveal.js";
import { NoSeat, Stopped } from "./stopped.js";
import { go } from "../ui/links.js";

/**
 * @import { RoomView } from "../client/types.js"
 * @typedef {{room: Room, view: RoomView, state: import("../client/types.js").RoomState, seat: import("../client/storage.js").SavedSeat}} ScreenProps
 */

const SCREENS = { lobby: Lobby, question: Question, reveal: Reveal, finished: End };

/** The seat that this browser holds in a room: this tab's own, else a player's before a host's. @param {string} roomId */
function seatIn(roomId) {
  const held = seats.list().filter((seat) => seat.roomId === roomId && seat.token);
  const seat = held.find(({ token }) => token === tabSeat.of(roomId)) ?? held.find(({ role }) => role !== "host") ?? held[0];
  if (seat) tabSeat.choose(seat);
  return seat;
}

/** @param {{argument: string}} props */
export default function RoomScreen({ argument: roomId }) {
  const seat = useMemo(() => seatIn(roomId), [roomId]);
  return seat ? html`<${Seat} key=${seat.token} seat=${seat} />` : html`<${NoSeat} />`;
}

/** @param {{seat: import("../client/storage.js").SavedSeat}} props */
function Seat({ seat }) {
  const [room] = useState(() => new Room({ roomId: seat.roomId ?? "", token: seat.token ?? "", name: seat.name }));
  useEffect(() => {
    room.start();
    return () => room.stop();
  }, [room]);
  const state = useStore(room) ?? room.state;
  const { connection, room: view } = state;
  useTitle(titleOf(view));
  const follow = useSuccessor(view, seat, connection.status === "live");

  const isStopped = connection.status === "stopped" && connection.reason !== "closed";
  if (isStopped) return html`<${Stopped} reason=${connection.reason} seat=${seat} room=${room} />`;
  const isLost = connection.status === "waiting" || (connection.status === "connecting" && connection.attempts > 0);
  const pill = html`<${ConnectionPill} isLost=${isLost} retryAt=${connection.retryAt} text=${t(state.pending?.status === "sending" ? "connection.kept" : "connection.lost")} />`;
  if (!view) return html`<main class="page play"><section class="notice"><p class="muted come-in late">${t("room.connecting")}</p></section>${pill}</main>`;
  const Screen = SCREENS[view.phase ?? "lobby"];
  return html`<main class=${`page play phase-${view.phase}`}>
    <${PlayerBar} room=${room} view=${view} seat=${seat} />
    <${PauseNote} view=${view} />
    <${Screen} key=${view.phaseNumber} room=${room} view=${view} state=${state} seat=${seat} />
    <${TakeOverOffer} room=${room} view=${view} />
    <${HostBar} room=${room} view=${view} />
    ${follow}
    ${pill}
  </main>`;
}

/** @param {RoomView | null} view */
function titleOf(view) {
  if (view?.question) return t("room.questionOf", { number: view.question.index + 1, of: view.questionCount });
  return t(view?.phase === "finished" ? "room.over" : "room.lobby");
}

/** Why the game stands still. @param {{view: RoomView}} props */
function PauseNote({ view }) {
  const text = view.paused && t(`paused.${view.paused.by}`);
  useAnnounced(text);
  if (!text) return null;
  return html`<p class="note warn row come-in"><svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="currentColor"><rect x="5" y="4" width="5" height="16" rx="1.5" /><rect x="14" y="4" width="5" height="16" rx="1.5" /></svg><span class="grow">${text}</span></p>`;
}

const PAUSE_MS = 2_500;

/**
 * Follows the room that comes after this one, where the same token is good.
 * @param {import("../client/types.js").RoomView | null} view @param {import("../client/storage.js").SavedSeat} seat
 * @param {boolean} isLive asks anew when the connection is back
 * @returns {any} what is shown meanwhile
 */
function useSuccessor(view, seat, isLive) {
  const next = view?.successor;
  // Where it is deleted, the results of this one stay.
  const { value: isThere } = useCall(async () => next && retrying(() => new Api().get(`/api/rooms/${next.roomId}`, { token: seat.token })), [next?.roomId, isLive]);
  const follow = () => {
    if (!next) return;
    const moved = { ...seat, roomId: next.roomId, joinCode: next.joinCode, from: 0 };
    seats.forget(seat.token ?? "");
    seats.keep(moved);
    tabSeat.choose(moved);
    go(`/room/${next.roomId}`, { replace: true });
  };
  useEffect(() => {
    if (!isThere) return;
    const timer = setTimeout(follow, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [isThere]);
  return isThere ? html`<div class="pill successor come-in" role="status"><span class="grow">${t("successor.text")}</span><button class="button compact" onClick=${follow}>${t("successor.now")}</button></div>` : null;
}
