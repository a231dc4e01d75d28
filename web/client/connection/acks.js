/** No two acknowledgements are nearer to each other than this. */
const BETWEEN_MS = 1_000;

/** Acknowledges what was applied, once a second at most. */
export class Acks {
  #send;
  #last = -Infinity;
  #sequence = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(sequence: number) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {number} sequence */
  applied(sequence) {
    this.#sequence = sequence;
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#last + BETWEEN_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#last = performance.now();
      this.#send(this.#sequence);
    }, wait);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
