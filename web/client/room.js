import { OwnAnswers } from "./answers.js";
import { Api } from "./api.js";
import { ServerClock } from "./clock.js";
import { ReconnectingConnection } from "./connection/reconnecting.js";
import { foldEvent, foldOwnAnswer, foldPresence, foldSkip, foldSnapshot, fromSnapshot, needsSnapshot } from "./fold.js";
import { uuid } from "./ids.js";
import { Pending } from "./pending.js";
import { Problem } from "./problem.js";
import { retrying } from "./retry.js";
import { storage as pageStorage } from "./storage.js";

/**
 * @import { AnswerFields, ConnectionState, EventFrame, Frame, PendingAnswer, RoomState, RoomView, StopReason } from "./types.js"
 * @import { Storage } from "./storage.js"
 */

/** How long to wait before a request is sent again whose outcome is unknown. */
const AGAIN_MS = 500;
/** The connection is closed after these, and the request gets its reply on another, or never. */
const CLOSING = new Set(["superseded", "kicked", "room-not-found", "bad-token"]);
/** After these nobody comes back to the seat. */
const FINAL = new Set(["kicked", "gone", "bad-token", "left"]);

/**
 * @typedef {object} RoomOptions
 * @property {string} [base] where the server is; the page's own origin if left out
 * @property {string} roomId
 * @property {string} token the seat's
 * @property {string} [name]
 * @property {Storage} [storage]
 * @property {"auto" | "websocket" | "poll"} [transport]
 * @property {typeof WebSocket | null} [WebSocket] instead of the platform's; null for none
 * @property {typeof fetch} [fetch]
 *
 * @typedef {{roomId: string, joinCode: string, seatId: number, token: string, epoch: string, expiresAt: string}} OpenedRoom
 * @typedef {{roomId: string, seatId: number, token: string, snapshot?: any}} TakenSeat
 */

/** One seat of a room: its state, kept up to date, and what can be done in it. */
export class Room {
  /** @type {RoomState} */
  #state;
  /** @type {Set<(state: RoomState) => void>} */
  #subscribers = new Set();
  #token;
  #api;
  #clock = new ServerClock();
  #connection;
  #pending = new Pending();
  #answers;
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  #timers = new Set();
  #epoch = "";
  #last = 0;
  #isLeaving = false;

  /** @param {RoomOptions} options */
  constructor({ base, roomId, token, name, storage = pageStorage, transport = "auto", WebSocket: given, fetch: fetcher }) {
    this.roomId = roomId;
    this.name = name;
    this.#token = token;
    // Two seats of one room may share a browser.
    this.#answers = new OwnAnswers(storage, `rejoin.answers.${roomId}.${token.slice(-8)}`);
    this.#api = new Api({ base, fetch: fetcher });
    /** @type {(serverTime: string, sentAt: number) => void} */
    const onServerTime = (serverTime, sentAt) => this.#clock.sample(serverTime, sentAt);
    this.#api.onServerTime = onServerTime;
    this.#connection = new ReconnectingConnection({
      base: this.#api.base,
      roomId,
      api: this.#api,
      transport,
      WebSocket: given === undefined ? (globalThis.WebSocket ?? null) : given,
      resume: () => ({ token, ...(this.#epoch ? { epoch: this.#epoch, lastSequence: this.#last } : {}) }),
      onFrame: (frame) => this.#hear(frame),
      onState: (connection) => this.#connectionChanged(connection),
      onServerTime,
    });
    this.#state = { connection: this.#connection.state, room: null, pending: null };
    this.#restoreAnswers();
  }

  /**
   * Opens a room.
   * @param {Api} api with a key where the server wants one
   * @param {object} settings
   * @param {string} [idempotencyKey] the same one gives the same room
   * @returns {Promise<OpenedRoom>}
   */
  static open(api, settings, idempotencyKey = uuid()) {
    return retrying(() => api.post("/api/rooms", settings, { idempotencyKey }));
  }

  /**
   * Takes a seat by the room's code.
   * @param {Api} api
   * @param {{joinCode: string, name: string}} body
   * @param {string} [idempotencyKey] the same one gives the same seat, until it connects
   * @returns {Promise<TakenSeat>}
   */
  static join(api, { joinCode, name }, idempotencyKey = uuid()) {
    return retrying(() => api.post("/api/rooms/join", { joinCode, name }, { idempotencyKey }));
  }

  /**
   * Takes a seat over by its code, which is good once.
   * @param {Api} api
   * @param {{joinCode: string, seatCode: string}} body
   * @returns {Promise<TakenSeat>}
   */
  static takeSeat(api, { joinCode, seatCode }) {
    return api.post("/api/rooms/join", { joinCode, seatCode });
  }

  /** @returns {RoomState} replaced when something changes */
  get state() {
    return this.#state;
  }

  /**
   * @param {(state: RoomState) => void} fn called when something has changed
   * @returns {() => void} ends it
   */
  subscribe(fn) {
    this.#subscribers.add(fn);
    return () => void this.#subscribers.delete(fn);
  }

  /** Connects, and stays connected. After `superseded` it takes the seat back. */
  start() {
    this.#isLeaving = false;
    this.#connection.start();
  }

  /** Closes for good; the seat stays, and so does what is stored. */
  stop() {
    this.#connection.stop("closed");
  }

  /** The server's time, in ms since 1970. */
  now() {
    return this.#clock.now();
  }

  /**
   * Answers the question that is open, once. Kept over reloads until its reply is there.
   * @param {AnswerFields} fields
   * @returns {Promise<Frame>} the reply: `{questionId, accepted, receivedAt, …}`
   */
  answer(fields) {
    const { room } = this.#state;
    const question = room?.phase === "question" ? room.question : null;
    if (!question) return Promise.reject(new Problem({ code: "question-not-open", reason: "too-late" }));
    const { questionId } = question;
    const known = this.#answers.get(questionId);
    const isDone = known?.status === "accepted" || room?.you?.answered === true;
    const request = known && this.#pending.get(known.id);
    if (request) return request.reply;
    if (isDone) return Promise.reject(new Problem({ code: "question-not-open", reason: "already-answered" }));
    const reply = this.#ask(answerFrame(this.#answers.add(uuid(), questionId, fields)));
    this.#update({});
    return reply;
  }

  /**
   * Makes a move of the host's, or takes its place (`takeover`). A move that comes too late for the phase that was seen moves nothing.
   * @param {"start" | "next" | "close" | "finish" | "takeover" | "pause" | "lock" | "kick"} kind
   * @param {{paused?: boolean, locked?: boolean, seatId?: number}} [extra]
   * @returns {Promise<RoomState>} the state after it
   */
  async move(kind, extra = {}) {
    const { room } = this.#state;
    if (!room) throw new Problem({ code: "network", detail: "the room is not known yet" });
    await this.#ask({ ...extra, type: kind, id: uuid(), at: room.phaseNumber });
    return this.#state;
  }

  /**
   * A code that hands a seat to another device, once.
   * @param {number} seatId
   * @returns {Promise<{seatCode: string, expiresAt: string}>}
   */
  seatCode(seatId) {
    return this.#post(`/seats/${seatId}/code`);
  }

  /** @returns {Promise<{joinCode: string}>} another code to join by; the one before is void */
  newJoinCode() {
    return this.#post("/join-code");
  }

  /** Gives the seat up. */
  async leave() {
    this.#isLeaving = true;
    try {
      await this.#post("/leave");
    } catch (error) {
      // The repeat of a request whose reply was lost: the token has ended with the seat.
      if (!(error instanceof Problem && error.code === "bad-token")) {
        this.#isLeaving = false;
        throw error;
      }
    }
    this.#stopped("left");
  }

  /**
   * @param {{csv?: boolean, separator?: "comma" | "semicolon"}} [options]
   * @returns {Promise<any>} an object, or the text of the CSV
   */
  results({ csv = false, separator } = {}) {
    const path = `/api/rooms/${this.roomId}/results`;
    const query = `?format=csv${separator === "semicolon" ? "&separator=semicolon" : ""}`;
    const options = { token: this.#token };
    return retrying(() => (csv ? this.#api.text(path + query, options) : this.#api.get(path, options)));
  }

  /**
   * Once the game is over: the room that follows this one, for the same tokens.
   * @param {object} [changes] other settings, or another choice of questions, than the room had
   * @param {{key?: string | null}} [options] an API key, where own questions want one
   * @returns {Promise<Omit<OpenedRoom, "token">>}
   */
  again(changes = {}, { key } = {}) {
    return this.#post("/again", changes, key ?? this.#token);
  }

  /** Deletes the room, with its names and results. */
  async remove() {
    try {
      await retrying(() => this.#api.delete(`/api/rooms/${this.roomId}`, { token: this.#token }));
    } catch (error) {
      const isGone = error instanceof Problem && ["bad-token", "room-not-found"].includes(error.code);
      if (!isGone) throw error;
    }
    this.#stopped("gone");
  }

  /**
   * @param {string} path
   * @param {object} [body]
   * @param {string} [token]
   * @returns {Promise<any>}
   */
  #post(path, body = {}, token = this.#token) {
    return retrying(() => this.#api.post(`/api/rooms/${this.roomId}${path}`, body, { token }));
  }

  /** @param {StopReason} reason */
  #stopped(reason) {
    if (this.#connection.state.status === "stopped") this.#update({ connection: { ...this.#connection.state, reason } });
    else this.#connection.stop(reason);
  }

  /** @param {Frame} frame */
  #ask(frame) {
    const { reply } = this.#pending.add(frame);
    this.#connection.send(frame);
    return reply;
  }

  /** @param {Partial<RoomState>} patch */
  #update(patch) {
    const next = { ...this.#state, ...patch };
    next.pending = this.#answers.shown(next.room);
    this.#state = next;
    for (const fn of [...this.#subscribers]) fn(next);
  }

  /** @param {RoomView} room */
  #roomChanged(room) {
    if (room !== this.#state.room) this.#update({ room });
  }

  /** @param {ConnectionState} connection */
  #connectionChanged(connection) {
    const isStopped = connection.status === "stopped";
    const reason = isStopped && this.#isLeaving && connection.reason === "bad-token" ? "left" : connection.reason;
    if (isStopped) {
      for (const timer of this.#timers) clearTimeout(timer);
      this.#timers.clear();
      // Answers are sent by whoever starts this seat again.
      if (reason && FINAL.has(reason)) this.#answers.forget();
      this.#pending.rejectAll(reason ?? "closed");
    } else if (this.#state.connection.status === "stopped") {
      this.#restoreAnswers();
    }
    this.#update({ connection: { ...connection, reason } });
  }

  /** @param {Frame} frame */
  #hear(frame) {
    const { room } = this.#state;
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "reply") this.#replied(frame);
    else if (frame.type === "error") this.#refused(frame);
    else if (room && frame.type === "event") this.#next(frame.sequence, () => this.#event(room, /** @type {any} */ (frame)));
    else if (room && frame.type === "skip") this.#next(frame.sequence, () => foldSkip(room, frame.sequence));
    else if (room && frame.type === "presence") this.#roomChanged(foldPresence(room, /** @type {any} */ (frame)));
    else if (room && frame.type === "snapshot") this.#roomChanged(foldSnapshot(room, frame.snapshot));
  }

  /** @param {Frame} frame */
  #welcome({ epoch, recovered, snapshot }) {
    const goesOn = recovered && epoch === this.#epoch;
    if (!goesOn) this.#last = snapshot.head;
    this.#epoch = epoch;
    this.#update({ room: goesOn ? foldSnapshot(this.#state.room, snapshot) : fromSnapshot(snapshot) });
    for (const frame of this.#pending.frames()) this.#connection.send(frame);
  }

  /**
   * Applies what has a number if it is the next one.
   * @param {number} sequence
   * @param {() => RoomView} fold
   */
  #next(sequence, fold) {
    if (sequence <= this.#last) return;
    if (sequence > this.#last + 1) return this.#connection.restart();
    this.#last = sequence;
    this.#connection.applied(sequence);
    this.#roomChanged(fold());
  }

  /** @param {RoomView} room @param {EventFrame} event */
  #event(room, event) {
    if (needsSnapshot(room, event)) this.#ask({ type: "snapshot", id: uuid() });
    return foldEvent(room, event);
  }

  /** @param {Frame} reply */
  #replied(reply) {
    const request = this.#pending.take(reply.re);
    if (reply.snapshot && this.#state.room) this.#roomChanged(foldSnapshot(this.#state.room, reply.snapshot));
    if (!request) return;
    const { type, questionId } = request.frame;
    if (type === "answer") this.#answered(questionId, { status: "accepted" });
    request.resolve(reply);
  }

  /** @param {Frame} error */
  #refused({ re, code, detail, reason, retryAfterMs }) {
    const request = this.#pending.get(re);
    if (!request || CLOSING.has(code)) return;
    const problem = new Problem({ code, detail, reason, retryAfterMs });
    if (problem.isPassing) return this.#later(retryAfterMs ?? AGAIN_MS, () => this.#connection.send(request.frame), re);
    this.#pending.take(re);
    if (request.frame.type === "answer") this.#answered(request.frame.questionId, { status: "refused", code, reason });
    request.reject(problem);
  }

  /** @param {number} ms @param {() => void} then @param {string} id of the request that must still be open */
  #later(ms, then, id) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#pending.get(id)) then();
    }, ms);
    this.#timers.add(timer);
  }

  /** @param {string} questionId @param {Pick<PendingAnswer, "status" | "code" | "reason">} outcome */
  #answered(questionId, outcome) {
    const answer = this.#answers.settle(questionId, outcome);
    if (!answer) return;
    const { room } = this.#state;
    const isTaken = outcome.status === "accepted" && room;
    this.#update(isTaken ? { room: foldOwnAnswer(room, questionId, answer.fields) } : {});
  }

  #restoreAnswers() {
    for (const answer of this.#answers.restore()) {
      if (!this.#pending.get(answer.id)) this.#pending.add(answerFrame(answer));
    }
  }
}

/** @param {{id: string, questionId: string, fields: AnswerFields}} answer @returns {Frame} */
function answerFrame({ id, questionId, fields }) {
  return { ...fields, type: "answer", id, questionId };
}
