/** How far two clocks may drift apart, in ms a ms. */
const DRIFT = 1 / 5_000;

/**
 * The server's clock, known from exchanges with it. The device's wall clock has no say, since it may be wrong or be set
 * while a game runs.
 */
export class ServerClock {
  /** @type {{offset: number, error: number, at: number} | null} `error`: how far `offset` may be wrong */
  #best = null;
  #local;

  /** @param {() => number} [local] a clock that is never set; in ms */
  constructor(local = () => performance.now()) {
    this.#local = local;
  }

  /** The server's time in ms since 1970. The device's own before the first exchange. */
  now() {
    return this.#best ? this.#local() + this.#best.offset : Date.now();
  }

  /** True once the server has told its time. */
  get isKnown() {
    return this.#best !== null;
  }

  /**
   * Takes in an exchange: the server said `serverTime` between `sentAt` and now. The one with the least round trip
   * counts, until one contradicts it: then one of the clocks has been set, or this one stood still in a sleep.
   * @param {string | number} serverTime
   * @param {number} sentAt by the local clock
   */
  sample(serverTime, sentAt) {
    const server = typeof serverTime === "number" ? serverTime : Date.parse(serverTime);
    const at = this.#local();
    if (!Number.isFinite(server) || at < sentAt) return;
    const error = (at - sentAt) / 2;
    const offset = server - (sentAt + at) / 2;
    const best = this.#best;
    // What was known gets less exact with age. Times come in whole milliseconds.
    const known = best ? best.error + (at - best.at) * DRIFT + 1 : Infinity;
    const contradicts = best !== null && Math.abs(offset - best.offset) > error + known;
    if (contradicts || error < known) this.#best = { offset, error, at };
  }
}
