/** Hooks over what lives longer than a screen. */
import { useEffect, useState } from "../vendor/preact.js";
import { useTicks } from "./pieces.js";

/**
 * The state of a Room or a Solo, shown anew whenever it changes.
 * @template T
 * @param {{state: T, subscribe: (listener: (state: T) => void) => () => void} | null} store
 * @returns {T | null}
 */
export function useStore(store) {
  const [state, set] = useState(/** @type {T | null} */ (store?.state ?? null));
  useEffect(() => {
    set(() => store?.state ?? null);
    return store?.subscribe((next) => set(() => next));
  }, [store]);
  return state;
}

/**
 * Whether a time on the server's clock has come.
 * @param {number | null | undefined} atMs @param {() => number} now
 */
export function useReached(atMs, now) {
  const read = () => atMs !== null && atMs !== undefined && now() >= atMs;
  const [, set] = useState(read);
  useTicks(() => set(read()), 50);
  return read();
}

/**
 * What a call came to: `undefined` while it runs.
 * @template T
 * @param {() => Promise<T>} call @param {unknown[]} dependencies
 * @returns {{value?: T, problem?: any}}
 */
export function useCall(call, dependencies) {
  const [result, set] = useState(/** @type {{value?: T, problem?: any}} */ ({}));
  useEffect(() => {
    let isCurrent = true;
    set({});
    call().then(
      (value) => isCurrent && set({ value }),
      (problem) => isCurrent && set({ problem }),
    );
    return () => {
      isCurrent = false;
    };
  }, dependencies);
  return result;
}
