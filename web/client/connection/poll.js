import { asProblem } from "../problem.js";
import { Acks } from "./acks.js";

/**
 * @import { Problem } from "../problem.js"
 * @import { Frame } from "../types.js"
 * @import { Connection, ConnectionOptions } from "./connection.js"
 */

/** The server holds a request for events this long. */
const HOLD_MS = 25_000;
/** Presence is not told over HTTP: it is looked up this often. */
const LOOK_MS = 3_000;
/** What is not held takes no longer than this. */
const SILENCE_MS = 5_000;
/** A server that doesn't hold a request is asked no more often than this. */
const IDLE_MS = 1_000;
const CUT = 1006;

/** Close codes of the WebSocket for what ends a connection over HTTP. @type {Record<string, number>} */
const CLOSE_CODES = {
  "bad-token": 4401,
  "token-required": 4401,
  kicked: 4403,
  "room-not-found": 4404,
  "not-found": 4404,
  superseded: 4409,
  "already-connected": 4429,
};

/**
 * The same as one WebSocket, over HTTP requests: for networks that let no WebSocket through.
 * @implements {Connection}
 */
export class PollConnection {
  /** @type {"poll"} */
  via = "poll";
  isWelcome = false;
  generation = 0;
  #options;
  #path;
  #token;
  #epoch = "";
  #after = 0;
  #abort = new AbortController();
  /** Ends the request that is held, and nothing else. */
  #hold = new AbortController();
  #acks = new Acks((sequence) => void this.#act("ack", { sequence }));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #looking;

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#options = options;
    this.#path = `/api/rooms/${options.roomId}`;
    this.#token = options.resume().token;
  }

  open() {
    void this.#run();
  }

  /** @param {Frame} frame */
  send(frame) {
    const { type, id, ...body } = frame;
    void this.#act(type, body, id);
  }

  async probe() {
    // The request that is held may have been lost meanwhile, which nobody would tell.
    this.#hold.abort();
    await this.#call(() => this.#options.api.post(`${this.#path}/heartbeat`, {}, this.#callOptions(SILENCE_MS)));
  }

  /** @param {number} sequence */
  applied(sequence) {
    this.#acks.applied(sequence);
  }

  close() {
    this.#acks.stop();
    clearTimeout(this.#looking);
    this.#abort.abort();
    this.#hold.abort();
  }

  async #run() {
    const { token, ...known } = this.#options.resume();
    const resumed = await this.#call(() => this.#options.api.post(`${this.#path}/resume`, known, this.#callOptions(SILENCE_MS)));
    if (!resumed) return;
    this.generation = resumed.generation ?? 0;
    this.#after = resumed.recovered ? (known.lastSequence ?? 0) : resumed.snapshot.head;
    this.isWelcome = true;
    this.#take({ ...resumed, isWelcome: true });
    if (this.#abort.signal.aborted) return;
    this.#looking = setTimeout(() => this.#look(), LOOK_MS);
    while (!this.#abort.signal.aborted) {
      this.#hold = new AbortController();
      const { signal } = this.#hold;
      const query = `after=${this.#after}&epoch=${encodeURIComponent(this.#epoch)}&waitMs=${HOLD_MS}`;
      const options = { ...this.#callOptions(HOLD_MS + SILENCE_MS), signal };
      const askedAt = performance.now();
      const told = await this.#call(() => this.#options.api.get(`${this.#path}/events?${query}`, options), signal);
      if (!told && signal.aborted) continue;
      if (!told) return;
      if (!told.recovered) this.#after = told.snapshot.head;
      this.#take({ ...told, isWelcome: !told.recovered });
      const isHeld = told.events.length > 0 || performance.now() - askedAt > IDLE_MS;
      if (!isHeld) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    }
  }

  /** @param {any} told */
  #take({ isWelcome, events, ...told }) {
    this.#epoch = told.epoch;
    if (isWelcome) this.#options.onFrame(this, { ...told, type: "welcome" });
    for (const frame of events) {
      if (this.#abort.signal.aborted) return;
      this.#after = frame.sequence;
      this.#options.onFrame(this, frame);
    }
  }

  async #look() {
    await this.#act("snapshot", {});
    if (!this.#abort.signal.aborted) this.#looking = setTimeout(() => this.#look(), LOOK_MS);
  }

  /**
   * @param {string} type
   * @param {object} body
   * @param {string} [id]
   */
  async #act(type, body, id) {
    const options = { ...this.#callOptions(SILENCE_MS), idempotencyKey: type === "answer" ? undefined : id };
    const { api } = this.#options;
    try {
      const isLook = type === "snapshot";
      const reply = isLook ? { snapshot: await api.get(this.#path, options) } : await api.post(`${this.#path}/${type}`, body, options);
      if (!this.#abort.signal.aborted) this.#options.onFrame(this, { ...reply, type: id ? "reply" : isLook ? "snapshot" : "done", re: id });
    } catch (error) {
      this.#refused(asProblem(error), id);
    }
  }

  /**
   * @param {Problem} problem
   * @param {string} [id]
   */
  #refused(problem, id) {
    if (this.#abort.signal.aborted) return;
    const { code, detail, reason, retryAfterMs } = problem;
    if (code === "network" || code in CLOSE_CODES) this.#end(problem);
    else if (id) this.#options.onFrame(this, { type: "error", re: id, code, detail, reason, retryAfterMs });
  }

  /**
   * A call without which the connection is none.
   * @param {() => Promise<any>} call
   * @param {AbortSignal} [signal] gives the call up, and not the connection
   * @returns {Promise<any>} null if the connection has ended, or the call was given up
   */
  async #call(call, signal) {
    try {
      const reply = await call();
      return this.#abort.signal.aborted ? null : reply;
    } catch (error) {
      if (!this.#abort.signal.aborted && !signal?.aborted) this.#end(asProblem(error));
      return null;
    }
  }

  /** @param {Problem} problem */
  #end({ code, retryAfterMs }) {
    this.close();
    this.#options.onClosed(this, { code: CLOSE_CODES[code] ?? CUT, retryAfterMs });
  }

  /** @param {number} timeoutMs */
  #callOptions(timeoutMs) {
    // Hosts have no generation: several may be connected.
    const headers = this.generation > 0 ? { "Rejoin-Generation": String(this.generation) } : undefined;
    return { token: this.#token, headers, timeoutMs, signal: this.#abort.signal };
  }
}
