import { Backoff } from "../backoff.js";
import { onWake } from "../wake.js";
import { PollConnection } from "./poll.js";
import { WebSocketConnection } from "./websocket.js";

/**
 * @import { Api } from "../api.js"
 * @import { ConnectionState, Frame, StopReason } from "../types.js"
 * @import { Connection } from "./connection.js"
 */

/** No sign of life so long after a wake-up, and another connection is made beside this one. */
const PROBE_MS = 1_000;
/** So many WebSockets without a welcome, and HTTP is tried. */
const BLOCKED_AFTER = 2;
/** Over HTTP the WebSocket is tried again this often; the first time sooner, most of all if it has worked before. */
const UPGRADE_MS = 60_000;
const FIRST_UPGRADE_MS = 10_000;
const UPGRADE_BACK_MS = 2_000;
/** A try that began so shortly before a wake-up did not sleep. */
const YOUNG_MS = 1_000;
/** A seat may be superseded by its own other connection, which is told this late at most. */
const OWN_DOING_MS = 10_000;

/** @type {Record<number, StopReason>} */
const STOPS = { 4401: "bad-token", 4403: "kicked", 4404: "gone", 4409: "superseded" };
/** Closed by the server for what the client did: not again at once. */
const SLOW_DOWN = new Set([1002, 1003, 1007, 1009, 4400, 4429]);

/**
 * @typedef {object} ReconnectingOptions
 * @property {string} base
 * @property {string} roomId
 * @property {Api} api
 * @property {"auto" | "websocket" | "poll"} transport
 * @property {typeof WebSocket | null} WebSocket
 * @property {() => {token: string, epoch?: string, lastSequence?: number}} resume
 * @property {(frame: Frame) => void} onFrame
 * @property {(state: ConnectionState) => void} onState
 * @property {(serverTime: string, sentAt: number) => void} onServerTime
 */

/** A connection that comes back by itself until it is stopped, here or by the server. */
export class ReconnectingConnection {
  #options;
  #backoff = new Backoff();
  #failures = 0;
  /** WebSockets in a row that had no welcome. */
  #blocked = 0;
  #webSocketWorks = false;
  /** @type {Connection | null} */
  #current = null;
  /** Is to take the place of the current one once it is welcomed. @type {Connection | null} */
  #candidate = null;
  #candidateEndedAt = -Infinity;
  /** When the current connection was begun. */
  #begunAt = 0;
  /** @type {"websocket" | "poll"} */
  #next;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #upgrade;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #probe;
  #unwatch = () => {};
  /** @type {ConnectionState} */
  state;

  /** @param {ReconnectingOptions} options */
  constructor(options) {
    this.#options = options;
    this.#next = this.#allowed("websocket");
    this.state = { status: "stopped", via: this.#next, retryAt: null, reason: "closed", attempts: 0 };
  }

  get isLive() {
    return this.state.status === "live";
  }

  start() {
    if (this.state.status !== "stopped") return;
    this.#backoff = new Backoff();
    this.#backoff.next();
    this.#failures = 0;
    this.#unwatch = onWake(() => this.#woke());
    this.#connect();
  }

  /** @param {StopReason} reason */
  stop(reason) {
    if (this.state.status === "stopped") return;
    this.#unwatch();
    for (const timer of [this.#retry, this.#upgrade, this.#probe]) clearTimeout(timer);
    this.#retry = undefined;
    this.#current?.close();
    this.#candidate?.close();
    this.#current = this.#candidate = null;
    this.#tell({ status: "stopped", reason, retryAt: null });
  }

  /** @param {Frame} frame lost if there is no connection */
  send(frame) {
    if (this.#current?.isWelcome) this.#current.send(frame);
  }

  /** @param {number} sequence */
  applied(sequence) {
    this.#current?.applied(sequence);
  }

  /** Begins again with a new connection: what came over this one does not fit. */
  restart() {
    const current = this.#current;
    current?.close();
    if (current) this.#closed(current, { code: 4400 });
  }

  /** @param {Partial<ConnectionState>} patch */
  #tell(patch) {
    this.state = { ...this.state, ...patch };
    this.#options.onState(this.state);
  }

  /** @param {"websocket" | "poll"} wanted @returns {"websocket" | "poll"} */
  #allowed(wanted) {
    const { transport, WebSocket } = this.#options;
    if (transport !== "auto") return transport;
    return WebSocket ? wanted : "poll";
  }

  /** @param {"websocket" | "poll"} via @returns {Connection} */
  #make(via) {
    const { WebSocket } = this.#options;
    const options = {
      ...this.#options,
      onFrame: this.#frame.bind(this),
      onClosed: this.#closed.bind(this),
    };
    return via === "websocket" && WebSocket ? new WebSocketConnection({ ...options, WebSocket }) : new PollConnection(options);
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const current = this.#make(this.#next);
    this.#current = current;
    this.#begunAt = performance.now();
    this.#tell({ status: "connecting", via: current.via, retryAt: null, reason: null, attempts: this.#failures });
    // Whoever was told may have stopped it.
    if (current === this.#current) current.open();
  }

  /** @param {Connection} connection @param {Frame} frame */
  #frame(connection, frame) {
    if (connection === this.#candidate && frame.type === "welcome") {
      this.#current?.close();
      this.#current = connection;
      this.#candidate = null;
    }
    if (connection !== this.#current) return;
    this.#options.onFrame(frame);
    // Whoever was told may have stopped it.
    if (frame.type === "welcome" && connection === this.#current) this.#welcomed(connection);
  }

  /** @param {Connection} connection */
  #welcomed(connection) {
    this.#backoff.reset();
    this.#failures = 0;
    this.#next = connection.via;
    if (connection.via === "websocket") {
      this.#blocked = 0;
      this.#webSocketWorks = true;
      clearTimeout(this.#upgrade);
    } else {
      this.#upgradeIn(this.#webSocketWorks ? UPGRADE_BACK_MS : FIRST_UPGRADE_MS);
    }
    this.#tell({ status: "live", via: connection.via, retryAt: null, reason: null, attempts: 0 });
  }

  /** @param {Connection} connection @param {{code: number, retryAfterMs?: number | null}} end */
  #closed(connection, end) {
    if (connection === this.#candidate) this.#candidateClosed(end);
    else if (connection === this.#current) this.#currentClosed(connection, end);
  }

  /** @param {{code: number, retryAfterMs?: number | null}} end */
  #candidateClosed(end) {
    this.#candidate = null;
    this.#candidateEndedAt = performance.now();
    const reason = STOPS[end.code];
    if (reason) this.stop(reason);
    else if (!this.#current) this.#lost(end);
    else if (this.#current.via === "poll") this.#upgradeIn(UPGRADE_MS);
  }

  /** @param {Connection} connection @param {{code: number, retryAfterMs?: number | null}} end */
  #currentClosed(connection, end) {
    this.#current = null;
    clearTimeout(this.#probe);
    clearTimeout(this.#upgrade);
    const isOwnDoing = this.#candidate !== null || performance.now() - this.#candidateEndedAt < OWN_DOING_MS;
    const reason = STOPS[end.code];
    if (reason && !(reason === "superseded" && isOwnDoing)) return this.stop(reason);
    if (!connection.isWelcome) this.#failed(connection);
    if (this.#candidate) this.#tell({ status: "connecting", via: this.#candidate.via, retryAt: null });
    else this.#lost(end);
  }

  /** A try without a welcome. @param {Connection} connection */
  #failed({ via }) {
    this.#failures += 1;
    // Where HTTP doesn't work either it is not the WebSocket that is blocked.
    this.#blocked = via === "websocket" ? this.#blocked + 1 : 0;
    this.#next = this.#allowed(this.#blocked >= BLOCKED_AFTER ? "poll" : "websocket");
  }

  /** @param {{code: number, retryAfterMs?: number | null}} end */
  #lost({ code, retryAfterMs }) {
    if (SLOW_DOWN.has(code)) this.#backoff.slowDown();
    const wait = Math.max(this.#backoff.next(), retryAfterMs ?? 0);
    if (wait === 0) return this.#connect();
    this.#tell({ status: "waiting", via: this.#next, retryAt: Date.now() + wait, attempts: this.#failures });
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  /** The page wakes: what is known of the connection is old. */
  #woke() {
    clearTimeout(this.#probe);
    if (this.#retry !== undefined) return this.#connect();
    const current = this.#current;
    if (!current || this.#candidate) return;
    if (!current.isWelcome && performance.now() - this.#begunAt < YOUNG_MS) return;
    const begun = performance.now();
    this.#probe = setTimeout(() => {
      // Where the timers sleep too, the answer may lie unread behind this one.
      const slept = performance.now() - begun > 2 * PROBE_MS;
      if (slept) this.#woke();
      else this.#replace(current);
    }, PROBE_MS);
    if (current.isWelcome) void current.probe().then(() => current === this.#current && clearTimeout(this.#probe));
  }

  /** Makes another connection beside one that is probably dead. @param {Connection} doubtful */
  #replace(doubtful) {
    if (doubtful !== this.#current || this.#candidate) return;
    if (doubtful.isWelcome) return this.#tryBeside(doubtful.via);
    // One that is not welcomed yet holds nothing worth waiting for.
    doubtful.close();
    this.#connect();
  }

  /** @param {"websocket" | "poll"} via */
  #tryBeside(via) {
    this.#candidate = this.#make(via);
    this.#candidate.open();
  }

  /** Over HTTP: tries the WebSocket again after a while. @param {number} ms */
  #upgradeIn(ms) {
    clearTimeout(this.#upgrade);
    if (this.#allowed("websocket") === "poll") return;
    this.#upgrade = setTimeout(() => {
      if (this.#current?.via === "poll" && !this.#candidate) this.#tryBeside("websocket");
    }, ms);
  }
}
