/** Options to put in order: by dragging, by the arrow keys, or by the buttons up and down. */
import { html, useRef, useState } from "../../vendor/preact.js";
import { isOnControl, optionOf, useKeys } from "../keys.js";
import { announce } from "../live.js";
import { Markup, plain } from "../markup.js";
import { useMovement } from "../movement.js";
import { Down, Up } from "../pieces.js";
import { hue, letter, Shape } from "../shapes.js";
import { t } from "../text.js";
import { Send } from "./choose.js";
import { namedOptions } from "./fields.js";

/** A list with one thing at another place. @param {number[]} ids @param {number} id @param {number} to */
function moved(ids, id, to) {
  const others = ids.filter((other) => other !== id);
  others.splice(Math.max(0, Math.min(to, others.length)), 0, id);
  return others;
}

/**
 * Dragging by the pointer: which row is held, how far it is from its place, and what the handle listens to.
 * @param {{current: HTMLElement | null}} list @param {number[]} order @param {(id: number, to: number) => void} move
 */
function useDrag(list, order, move) {
  const [held, hold] = useState(/** @type {{id: number, grip: number, y: number} | null} */ (null));
  const rowOf = (/** @type {number} */ id) => /** @type {HTMLElement | null} */ (list.current?.querySelector(`[data-key="${id}"]`) ?? null);
  const inList = (/** @type {PointerEvent} */ event) => event.clientY - (list.current?.getBoundingClientRect().top ?? 0);
  const row = held && rowOf(held.id);
  const follow = (/** @type {PointerEvent} */ event) => {
    if (!held || !row) return;
    const y = inList(event) - held.grip;
    const middle = y + row.offsetHeight / 2;
    const to = order.filter((id) => id !== held.id).filter((id) => {
      const other = rowOf(id);
      return other && other.offsetTop + other.offsetHeight / 2 < middle;
    }).length;
    hold({ ...held, y });
    if (to !== order.indexOf(held.id)) move(held.id, to);
  };
  const grab = (/** @type {number} */ id) => (/** @type {any} */ event) => {
    if (event.button) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const top = rowOf(id)?.offsetTop ?? 0;
    hold({ id, grip: inList(event) - top, y: top });
  };
  const drop = () => hold(null);
  const style = (/** @type {number} */ id) => (held?.id === id && row ? { transform: `translateY(${held.y - row.offsetTop}px)` } : undefined);
  return {
    held: held?.id ?? null,
    style,
    handle: (/** @type {number} */ id) => ({ onPointerDown: grab(id), onPointerMove: follow, onPointerUp: drop, onPointerCancel: drop }),
  };
}

/** @param {import("./choose.js").InputProps} props */
export function Arrange({ question, given, disabled, onAnswer }) {
  const { options } = question;
  const [arranged, setArranged] = useState(options.map(({ optionId }) => optionId));
  const order = given ? namedOptions(given) : arranged;
  const isFixed = disabled || Boolean(given);
  /** @type {{current: HTMLElement | null}} */
  const list = useRef(null);
  const indexOf = (/** @type {number} */ id) => options.findIndex(({ optionId }) => optionId === id);

  const move = (/** @type {number} */ id, /** @type {number} */ to) => {
    if (isFixed || to < 0 || to >= order.length) return;
    setArranged(moved(order, id, to));
    announce(t("answer.movedTo", { name: plain(options[indexOf(id)].text), place: to + 1, of: order.length }));
  };
  const send = () => {
    if (!isFixed) onAnswer({ optionIds: order });
  };
  const drag = useDrag(list, order, move);
  useMovement(list, order, drag.held === null ? null : String(drag.held));
  const rowKeys = (/** @type {number} */ id) => (/** @type {KeyboardEvent} */ event) => {
    const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (!by) return;
    event.preventDefault();
    move(id, order.indexOf(id) + by);
  };
  useKeys((event) => {
    if (event.key === "Enter" && !isOnControl(event)) return send(), true;
    const index = optionOf(event.key, options.length);
    if (index >= 0) /** @type {HTMLElement | null} */ (list.current?.querySelector(`[data-key="${options[index].optionId}"] .handle`))?.focus();
    return index >= 0;
  });

  return html`<ol class="arrange" ref=${list} aria-label=${t("answer.options")}>
      ${order.map((id, at) => {
        const index = indexOf(id);
        const { text } = options[index];
        const name = plain(text);
        const step = (/** @type {number} */ by, /** @type {string} */ label, /** @type {any} */ Icon) =>
          html`<button type="button" class="step" aria-label=${t(label, { name })} aria-disabled=${isFixed || at + by < 0 || at + by >= order.length ? "true" : undefined} onClick=${() => move(id, at + by)}><${Icon} /></button>`;
        return html`<li key=${id} data-key=${id} class=${`arranged ${hue(index)} ${drag.held === id ? "held" : ""}`} style=${drag.style(id)} onKeyDown=${rowKeys(id)}>
          <button type="button" class="handle" aria-disabled=${isFixed ? "true" : undefined} ...${isFixed ? {} : drag.handle(id)}>
            <b class="place">${at + 1}</b><span class="sign"><${Shape} index=${index} /></span><span class="grow"><${Markup} text=${text} /></span><span class="only-heard">${t("answer.handle", { place: at + 1, of: order.length })}</span><span class="letter" aria-hidden="true">${letter(index)}</span>
          </button>
          ${given ? null : html`${step(-1, "answer.up", Up)}${step(1, "answer.down", Down)}`}
        </li>`;
      })}
    </ol>
    ${given ? null : html`<${Send} disabled=${disabled} onSend=${send} hint=${t("answer.orderHint")} />`}`;
}
