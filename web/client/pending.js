import { Problem } from "./problem.js";

/**
 * @import { Frame } from "./types.js"
 * @typedef {object} Request
 * @property {Frame} frame with an `id` of its own
 * @property {Promise<Frame>} reply
 * @property {(reply: Frame) => void} resolve
 * @property {(problem: Problem) => void} reject
 */

/** Requests that have no reply yet, in the order in which they were made. Each is sent again, as it is, on a new connection. */
export class Pending {
  /** @type {Map<string, Request>} */
  #requests = new Map();

  /**
   * @param {Frame} frame
   * @returns {Request}
   */
  add(frame) {
    /** @type {(reply: Frame) => void} */
    let resolve = () => {};
    /** @type {(problem: Problem) => void} */
    let reject = () => {};
    /** @type {Promise<Frame>} */
    const reply = new Promise((resolved, rejected) => ([resolve, reject] = [resolved, rejected]));
    // Whoever made the request may have no interest in its end.
    reply.catch(() => {});
    const request = { frame, reply, resolve, reject };
    this.#requests.set(frame.id, request);
    return request;
  }

  /** Frames to send on a new connection. */
  frames() {
    return Array.from(this.#requests.values(), ({ frame }) => frame);
  }

  /** @param {string} id */
  get(id) {
    return this.#requests.get(id);
  }

  /**
   * The request of this id, which is settled by that.
   * @param {string} id
   */
  take(id) {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    return request;
  }

  /**
   * No reply will come.
   * @param {string} code
   */
  rejectAll(code) {
    for (const { reject } of this.#requests.values()) reject(new Problem({ code, detail: "the connection was given up" }));
    this.#requests.clear();
  }
}
