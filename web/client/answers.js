import { shownAnswer } from "./fold.js";

/**
 * @import { Storage } from "./storage.js"
 * @import { AnswerFields, PendingAnswer, RoomView } from "./types.js"
 * @typedef {PendingAnswer & {id: string}} OwnAnswer
 */

/** The answers of one seat. Those without a reply are kept over reloads. */
export class OwnAnswers {
  /** By question. @type {Map<string, OwnAnswer>} */
  #answers = new Map();
  #storage;
  #key;

  /** @param {Storage} storage @param {string} key */
  constructor(storage, key) {
    this.#storage = storage;
    this.#key = key;
  }

  /** @param {string} questionId */
  get(questionId) {
    return this.#answers.get(questionId);
  }

  /**
   * @param {string} id of the request
   * @param {string} questionId
   * @param {AnswerFields} fields
   * @returns {OwnAnswer}
   */
  add(id, questionId, fields) {
    /** @type {OwnAnswer} */
    const answer = { id, questionId, fields, status: "sending" };
    this.#answers.set(questionId, answer);
    this.#keep();
    return answer;
  }

  /**
   * @param {string} questionId
   * @param {Pick<PendingAnswer, "status" | "code" | "reason">} outcome
   * @returns {OwnAnswer | null}
   */
  settle(questionId, outcome) {
    const answer = this.#answers.get(questionId);
    if (!answer) return null;
    this.#answers.set(questionId, { ...answer, ...outcome });
    this.#keep();
    return answer;
  }

  /** @returns {OwnAnswer[]} those that were kept, by this page or the one before */
  restore() {
    const kept = this.#storage.get(this.#key);
    for (const { id, questionId, fields } of Array.isArray(kept) ? kept : []) {
      this.#answers.set(questionId, { id, questionId, fields, status: "sending" });
    }
    return this.#open();
  }

  /** Nobody will send them any more. */
  forget() {
    this.#storage.remove(this.#key);
  }

  /**
   * The answer to the question that is shown.
   * @param {RoomView | null} room
   * @returns {PendingAnswer | null}
   */
  shown(room) {
    const questionId = room?.question?.questionId;
    if (!room || !questionId) return null;
    const known = this.#answers.get(questionId);
    const { you } = room;
    // Answered before this page was loaded, or from another device.
    if (you?.answered && known?.status !== "accepted") return { questionId, fields: shownAnswer(you), status: "accepted" };
    if (!known) return null;
    const { id, ...pending } = known;
    return pending;
  }

  #open() {
    return [...this.#answers.values()].filter(({ status }) => status === "sending");
  }

  #keep() {
    const open = this.#open().map(({ id, questionId, fields }) => ({ id, questionId, fields }));
    if (open.length > 0) this.#storage.set(this.#key, open);
    else this.#storage.remove(this.#key);
  }
}
