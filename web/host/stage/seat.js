/** The host's seat of a room: its token comes by the address's fragment, or was kept by this browser. */
import { seats } from "../../client/storage.js";
import { hash } from "../../ui/links.js";
import { fromAddress } from "../setup/selection.js";

/** @typedef {import("../../client/storage.js").SavedSeat} SavedSeat */

/** @param {string} roomId @returns {SavedSeat | undefined} */
export const savedSeat = (roomId) => seats.list().find((entry) => entry.kind === "room" && entry.role === "host" && entry.roomId === roomId);

/** @param {Partial<SavedSeat> & {roomId: string, token: string}} seat */
export function keepSeat({ roomId, ...rest }) {
  const before = savedSeat(roomId);
  if (before?.token) seats.forget(before.token);
  const changes = Object.entries(rest).filter(([, value]) => value !== undefined);
  seats.keep({ kind: "room", role: "host", name: before?.name ?? "", title: before?.title, joinCode: before?.joinCode, selection: before?.selection, ...Object.fromEntries(changes), roomId });
}

/**
 * Keeps the token that the address carries, and takes it out of the address at once: `#token=…&title=…`, and what is played.
 * @param {string} roomId
 */
export function takeFragment(roomId) {
  const said = new URLSearchParams(location.hash.slice(1));
  const token = said.get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  hash.value = "";
  keepSeat({ roomId, token, title: said.get("title") ?? undefined, selection: fromAddress(said) });
}
