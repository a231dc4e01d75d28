const FIRST_MS = 500;
const LONGEST_MS = 8_000;

/**
 * The waits between tries: none, then 0.5, 1, 2, 4, 8, 8 … s, each with up to a half of it more or less, so that the
 * players of a server that comes back don't come all at once.
 */
export class Backoff {
  #tries = 0;

  /** Tries since the last success. */
  get tries() {
    return this.#tries;
  }

  /**
   * How long to wait before the next try.
   * @param {number} [chance] from 0 to 1
   */
  next(chance = Math.random()) {
    const wait = this.#tries === 0 ? 0 : Math.min(FIRST_MS * 2 ** (this.#tries - 1), LONGEST_MS);
    this.#tries += 1;
    return wait * (0.5 + chance);
  }

  /** It worked: the next loss is tried again at once. */
  reset() {
    this.#tries = 0;
  }

  /** The server asks for patience: not at once this time. */
  slowDown() {
    this.#tries = Math.max(this.#tries, 1);
  }
}
