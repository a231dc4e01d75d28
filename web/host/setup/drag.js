/** Rows that are put in another order: dragged by their handle, or by the arrow keys while it has the focus. */
import { useRef, useState } from "../../vendor/preact.js";

/**
 * @param {{current: HTMLElement | null}} list
 * @param {(from: number, to: number) => void} move
 */
export function useReorder(list, move) {
  const [held, hold] = useState(/** @type {string | null} */ (null));
  const id = useRef("");
  const rows = () => /** @type {HTMLElement[]} */ ([...(list.current?.children ?? [])]);
  const at = () => rows().findIndex((row) => row.dataset.key === id.current);
  const drag = (/** @type {PointerEvent} */ event) => {
    const from = at();
    if (held === null || from < 0) return;
    const middles = rows().map((row) => row.getBoundingClientRect()).map((box) => box.top + box.height / 2);
    const up = middles.findIndex((middle, place) => place < from && event.clientY < middle);
    const down = middles.findLastIndex((middle, place) => place > from && event.clientY > middle);
    if (up >= 0) move(from, up);
    else if (down >= 0) move(from, down);
  };
  const drop = () => hold(null);
  return {
    held,
    /** What a row's handle listens to. @param {string} key */
    handle: (key) => ({
      onPointerDown: (/** @type {any} */ event) => {
        if (event.button) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        id.current = key;
        hold(key);
      },
      onPointerMove: drag,
      onPointerUp: drop,
      onPointerCancel: drop,
      onKeyDown: (/** @type {any} */ event) => {
        const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
        if (!by) return;
        event.preventDefault();
        id.current = key;
        const handle = event.currentTarget;
        move(at(), at() + by);
        // A row that moves keeps its element, and may lose the focus on the way.
        requestAnimationFrame(() => handle.focus());
      },
    }),
  };
}
