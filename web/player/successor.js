/** "Play again" of the host: the seat goes along into the room that follows. */
import { html, useEffect } from "../vendor/preact.js";
import { seats } from "../client/storage.js";
import { go } from "../ui/links.js";
import { t } from "../ui/text.js";

const PAUSE_MS = 2_500;

/**
 * Follows the room that comes after this one, where the same token is good.
 * @param {import("../client/types.js").RoomView | null} view @param {import("../client/storage.js").SavedSeat} seat
 * @returns {any} what is shown meanwhile
 */
export function useSuccessor(view, seat) {
  const next = view?.successor;
  const follow = () => {
    if (!next) return;
    seats.forget(seat.token ?? "");
    seats.keep({ ...seat, roomId: next.roomId, joinCode: next.joinCode });
    go(`/room/${next.roomId}`, { replace: true });
  };
  useEffect(() => {
    if (!next) return;
    const timer = setTimeout(follow, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [next?.roomId]);
  return next ? html`<div class="pill successor come-in" role="status"><span class="grow">${t("successor.text")}</span><button class="button compact" onClick=${follow}>${t("successor.now")}</button></div>` : null;
}
