import { Acks } from "./acks.js";

/**
 * @import { Frame } from "../types.js"
 * @import { Connection, ConnectionOptions } from "./connection.js"
 */

/** Silence after a heartbeat, or after `resume`: so long, and the connection is dead. It may take as long to open. */
const SILENCE_MS = 5_000;
/** A timer that comes this late has slept: what it would decide is decided anew. */
const LATE_MS = 1_500;
/** No close code came. */
const CUT = 1006;

/**
 * One WebSocket, from `resume` to its end.
 * @implements {Connection}
 */
export class WebSocketConnection {
  /** @type {"websocket"} */
  via = "websocket";
  isWelcome = false;
  generation = 0;
  #options;
  /** @type {WebSocket | null} */
  #socket = null;
  #acks = new Acks((sequence) => this.send({ type: "ack", sequence }));
  #heartbeats = 0;
  /** @type {Map<string, {sentAt: number, answered: () => void}>} */
  #sent = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #interval;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #deadline;
  #resumedAt = 0;

  /** @param {ConnectionOptions & {WebSocket: typeof WebSocket}} options */
  constructor(options) {
    this.#options = options;
  }

  open() {
    const { base, roomId, WebSocket } = this.#options;
    try {
      const socket = new WebSocket(`${base.replace(/^http/, "ws")}/api/rooms/${roomId}/ws`);
      this.#socket = socket;
      socket.onopen = () => this.#resume();
      socket.onmessage = (message) => this.#hear(message.data);
      socket.onclose = (event) => this.#end(event.code || CUT);
      // `close` follows, and tells the rest.
      socket.onerror = () => {};
      this.#expect();
    } catch {
      // Nobody is told from within the call.
      this.#deadline = setTimeout(() => this.#end(CUT), 0);
    }
  }

  /** @param {Frame} frame */
  send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /** @returns {Promise<void>} settled by the answer to a heartbeat of now */
  probe() {
    return new Promise((answered) => this.#beat(answered));
  }

  /** @param {number} sequence */
  applied(sequence) {
    this.#acks.applied(sequence);
  }

  close() {
    this.#acks.stop();
    clearInterval(this.#interval);
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // It was never open.
    }
  }

  /** @param {number} code */
  #end(code) {
    this.close();
    this.#options.onClosed(this, { code });
  }

  #resume() {
    this.#resumedAt = performance.now();
    this.send({ type: "resume", ...this.#options.resume() });
    this.#expect();
  }

  /** @param {unknown} data */
  #hear(data) {
    /** @type {Frame} */
    let frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    if (frame.type === "welcome") this.#welcome(frame);
    else if (!this.isWelcome) this.#expect();
    if (frame.type === "heartbeat") this.#answered(frame);
    else this.#options.onFrame(this, frame);
  }

  /** @param {Frame} frame */
  #welcome(frame) {
    this.isWelcome = true;
    this.generation = frame.generation ?? 0;
    this.#options.onServerTime(frame.serverTime, this.#resumedAt);
    const every = Math.max(1_000, frame.heartbeatMs ?? SILENCE_MS);
    this.#interval = setInterval(() => this.#beat(), every);
    // The clock is known better by a frame that costs the server nothing.
    this.#beat();
  }

  #beat(answered = () => {}) {
    this.#heartbeats += 1;
    const id = `h${this.#heartbeats}`;
    this.#sent.set(id, { sentAt: performance.now(), answered });
    this.send({ type: "heartbeat", id });
    if (this.#deadline === undefined) this.#expect();
  }

  /** @param {Frame} frame */
  #answered(frame) {
    const heartbeat = this.#sent.get(frame.re);
    if (!heartbeat) return;
    this.#sent.delete(frame.re);
    this.#options.onServerTime(frame.serverTime, heartbeat.sentAt);
    heartbeat.answered();
  }

  /** Something must be heard from now on, or the connection is dead. */
  #expect(ms = SILENCE_MS) {
    clearTimeout(this.#deadline);
    const due = performance.now() + ms;
    this.#deadline = setTimeout(() => {
      // What came while the page was frozen is read after this.
      const slept = performance.now() - due > LATE_MS;
      if (slept) this.#expect(LATE_MS);
      else this.#end(CUT);
    }, ms);
  }
}
