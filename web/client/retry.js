import { Backoff } from "./backoff.js";
import { asProblem } from "./problem.js";
import { onWake } from "./wake.js";

/**
 * Sends a request again for as long as no answer comes, or one that passes. The request must be one that can be repeated.
 * @template T
 * @param {() => Promise<T>} attempt
 * @param {object} [options]
 * @param {number} [options.patienceMs] gives up after that
 * @param {AbortSignal} [options.signal] gives up at once
 * @param {(retryAt: number | null) => void} [options.onWait] told when the next try is, and null once it begins
 * @returns {Promise<T>}
 */
export async function retrying(attempt, { patienceMs = 20_000, signal, onWait } = {}) {
  const backoff = new Backoff();
  const end = performance.now() + patienceMs;
  backoff.next();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const problem = asProblem(error);
      const wait = Math.max(backoff.next(), problem.retryAfterMs ?? 0);
      if (!problem.isPassing || signal?.aborted || performance.now() + wait > end) throw problem;
      onWait?.(Date.now() + wait);
      await sleep(wait, signal);
      if (signal?.aborted) throw problem;
      onWait?.(null);
    }
  }
}

/**
 * Waits, or until the page wakes, or until `signal`.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      ended();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    const ended = onWake(done);
    signal?.addEventListener("abort", done);
  });
}
