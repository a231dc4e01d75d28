import { Api } from "./api.js";
import { ServerClock } from "./clock.js";
import { asProblem, Problem } from "./problem.js";
import { retrying } from "./retry.js";
import { storage as pageStorage } from "./storage.js";

/**
 * @import { AnswerFields, Correct, Kind, Question, ShownAnswer } from "./types.js"
 * @import { Storage } from "./storage.js"
 */

/** How games were started is kept of so many, and not of one that brings very many questions. */
const MOST_GAMES = 10;
const MOST_LENGTH = 50_000;
const GAMES = "rejoin.solo.games";

/**
 * @typedef {object} SoloVerdictFields
 * @property {string} questionId
 * @property {Kind} kind
 * @property {boolean | null} correct null in a poll
 * @property {number} [share]
 * @property {number} points
 * @property {string} [explanation]
 * @property {number} [basePoints] of a fresh verdict
 * @property {number} [speedBonus] of a fresh verdict
 * @property {string} [questionText]
 * @property {string | null} [answerText] in words; of a verdict that was loaded
 * @property {string | null} [correctText]
 * @property {number | null} [responseMs]
 * @typedef {ShownAnswer & Correct & SoloVerdictFields} SoloVerdict
 *
 * @typedef {object} SoloState
 * @property {"loading" | "playing" | "finished" | "gone"} status
 * @property {string} sessionId
 * @property {string | null} quizId
 * @property {number} totalScore
 * @property {number} questionCount
 * @property {SoloVerdict[]} answers
 * @property {Pick<Question, "questionId" | "kind" | "category" | "difficulty" | "timeLimitMs">[]} open in the order to play them
 * @property {{question: Question, openedAtMs: number, closesAtMs: number | null} | null} current the question that is shown; stays with its verdict
 * @property {{questionId: string, fields: AnswerFields, status: "sending" | "refused", code?: string} | null} pending
 * @property {SoloVerdict | null} verdict of the question that is shown
 * @property {"live" | "waiting"} connection
 * @property {number | null} retryAt by Date.now(), when waiting
 */

/** A solo game over HTTP: every request is repeated until it has its reply, and happens once. */
export class Solo {
  #api;
  #storage;
  #clock = new ServerClock();
  #stop = new AbortController();
  /** @type {Set<(state: SoloState) => void>} */
  #subscribers = new Set();
  /** @type {SoloState} */
  #state;
  /** Requests under way, so that a double click makes one. @type {Map<string, Promise<any>>} */
  #under = new Map();
  #settings;

  /**
   * @param {object} options
   * @param {string} [options.base]
   * @param {string} options.sessionId
   * @param {Storage} [options.storage]
   * @param {typeof fetch} [options.fetch]
   * @param {string | null} [options.key] an API key, for games that need one to start
   * @param {any} [options.settings] with which the game was started
   */
  constructor({ base, sessionId, storage = pageStorage, fetch: fetcher, key = null, settings }) {
    this.#api = new Api({ base, fetch: fetcher, key });
    this.#api.onServerTime = (serverTime, sentAt) => this.#clock.sample(serverTime, sentAt);
    this.#storage = storage;
    this.#settings = settings;
    this.#state = {
      status: "loading",
      sessionId,
      quizId: null,
      totalScore: 0,
      questionCount: 0,
      answers: [],
      open: [],
      current: null,
      pending: null,
      verdict: null,
      connection: "live",
      retryAt: null,
    };
  }

  /**
   * Starts a game.
   * @param {Api} api
   * @param {any} settings of `POST /api/game/session`
   * @param {{storage?: Storage}} [options]
   * @returns {Promise<Solo>}
   */
  static async start(api, settings, { storage = pageStorage } = {}) {
    // A lost reply leaves a game behind that nobody plays.
    const game = await retrying(() => api.post("/api/game/session", { ...settings, deliver: "one" }));
    const { base, key, fetch: fetcher } = api;
    const solo = new Solo({ base, key, fetch: fetcher, storage, sessionId: game.sessionId, settings });
    solo.#keepSettings();
    solo.#loaded({ ...game, totalScore: 0, answers: [], current: null });
    return solo;
  }

  /** @returns {SoloState} replaced when something changes */
  get state() {
    return this.#state;
  }

  /**
   * @param {(state: SoloState) => void} fn called when something has changed
   * @returns {() => void} ends it
   */
  subscribe(fn) {
    this.#subscribers.add(fn);
    return () => void this.#subscribers.delete(fn);
  }

  /** The server's time, in ms since 1970. */
  now() {
    return this.#clock.now();
  }

  /** Ends what is under way; the game stays. */
  stop() {
    this.#stop.abort();
  }

  /**
   * The game as the server has it, after a reload: with the question that was shown, and an answer that had no reply.
   * @returns {Promise<SoloState>}
   */
  load() {
    return this.#once("load", async () => {
      const game = await this.#orEnded(() => this.#get(`/api/game/session/${this.#state.sessionId}`));
      if (!game) return this.#state;
      this.#loaded(game);
      const kept = this.#storage.get(this.#answerKey());
      const isOpen = kept && game.questions.some((/** @type {any} */ open) => open.questionId === kept.questionId);
      if (!isOpen) this.#storage.remove(this.#answerKey());
      if (game.current) await this.show(game.current.questionId);
      if (isOpen) await this.answer(kept.questionId, kept.fields);
      return this.#state;
    });
  }

  /**
   * Shows a question, and starts its clock the first time.
   * @param {string} questionId
   * @returns {Promise<SoloState>}
   */
  show(questionId) {
    return this.#once(`show ${questionId}`, async () => {
      const body = { sessionId: this.#state.sessionId, questionId };
      const shown = await this.#orEnded(() => this.#post("/api/game/question", body));
      if (!shown) return this.#state;
      const closesAtMs = shown.closesAt ? Date.parse(shown.closesAt) : null;
      const current = { question: shown.question, openedAtMs: Date.parse(shown.openedAt), closesAtMs };
      this.#update({ current, verdict: null, pending: null });
      return this.#state;
    });
  }

  /**
   * Answers a question, once; `{optionId: null}` passes.
   * @param {string} questionId
   * @param {AnswerFields} fields
   * @returns {Promise<SoloVerdict | null>} null if the game is gone
   */
  answer(questionId, fields) {
    return this.#once(`answer ${questionId}`, async () => {
      this.#storage.set(this.#answerKey(), { questionId, fields });
      this.#update({ pending: { questionId, fields, status: "sending" } });
      try {
        const body = { ...fields, sessionId: this.#state.sessionId, questionId };
        const told = await this.#post("/api/game/answer", body, questionId);
        this.#judged(told);
        return told;
      } catch (error) {
        return this.#notTaken(asProblem(error), questionId, fields);
      }
    });
  }

  /** @returns {Promise<any>} the results so far, or for good */
  async results() {
    const results = await this.#orGone(() => this.#get(`/api/game/results/${this.#state.sessionId}`));
    if (results) this.#resulted(results);
    return results;
  }

  /** Ends the game, results included. */
  async giveUp() {
    await this.#retried(() => this.#api.delete(`/api/game/session/${this.#state.sessionId}`));
    this.#gone();
  }

  /**
   * Another game like this one.
   * @param {{wrongOnly?: boolean}} [options] `wrongOnly`: of the questions that were not answered right
   * @returns {Promise<Solo>}
   */
  again({ wrongOnly = false } = {}) {
    const { quizId, answers } = this.#state;
    const { sessionId, ...settings } = this.#settings ?? this.#keptSettings() ?? { quizId };
    const wrong = answers.filter(({ correct }) => correct === false).map(({ questionId }) => questionId);
    const options = { storage: this.#storage };
    if (!wrongOnly || wrong.length === 0) return Solo.start(this.#api, settings, options);
    const { count, category, difficulty, exclude, order, ...rest } = settings;
    const chosen = rest.questions
      ? { questions: rest.questions.filter((/** @type {Question} */ { questionId }) => wrong.includes(questionId)) }
      : { quizId, questionIds: wrong };
    return Solo.start(this.#api, { ...rest, ...chosen }, options);
  }

  /** @param {Partial<SoloState>} patch */
  #update(patch) {
    this.#state = { ...this.#state, ...patch };
    for (const fn of [...this.#subscribers]) fn(this.#state);
  }

  /** @param {any} game */
  #loaded({ quizId, totalScore, answers, questions }) {
    const questionCount = answers.length + questions.length;
    this.#update({ status: "playing", quizId, totalScore, answers, open: questions, questionCount });
  }

  /** @param {any} told a verdict, with the score after it */
  #judged({ totalScore, answered, remaining, completed, ...verdict }) {
    this.#storage.remove(this.#answerKey());
    const { current, answers, open } = this.#state;
    const { questionId } = verdict;
    const question = current && current.question.questionId === questionId ? current.question : null;
    const entry = { questionText: question?.text, ...verdict };
    this.#update({
      status: completed ? "finished" : "playing",
      totalScore,
      questionCount: answered + remaining,
      answers: [...answers.filter((answer) => answer.questionId !== questionId), entry],
      open: open.filter((other) => other.questionId !== questionId),
      pending: null,
      verdict: question ? entry : this.#state.verdict,
    });
  }

  /**
   * @param {Problem} problem
   * @param {string} questionId
   * @param {AnswerFields} fields
   * @returns {Promise<SoloVerdict | null>}
   */
  async #notTaken(problem, questionId, fields) {
    const { code, reason } = problem;
    if (code === "session-not-found") {
      this.#gone();
      return null;
    }
    // Without a reply the answer is kept for the next page.
    if (problem.isPassing) throw problem;
    this.#storage.remove(this.#answerKey());
    const isAnswered = code === "session-finished" || code === "idempotency-key-reused" || reason === "already-answered";
    const results = isAnswered ? await this.results() : null;
    const told = results?.answers.find((/** @type {SoloVerdict} */ answer) => answer.questionId === questionId);
    if (told) {
      // Another answer was first, from another page: that one counts.
      const isShown = this.#state.current?.question.questionId === questionId;
      this.#update({
        pending: null,
        verdict: isShown ? told : this.#state.verdict,
        open: this.#state.open.filter((open) => open.questionId !== questionId),
      });
      return told;
    }
    this.#update({ pending: { questionId, fields, status: "refused", code } });
    throw problem;
  }

  /** @param {any} results */
  #resulted({ quizId, completed, totalScore, questionCount, answers }) {
    const status = completed ? "finished" : this.#state.status === "loading" ? "playing" : this.#state.status;
    this.#update({ status, quizId, totalScore, questionCount, answers, ...(completed ? { open: [] } : {}) });
  }

  #gone() {
    this.#storage.remove(this.#answerKey());
    this.#update({ status: "gone", current: null, pending: null, verdict: null, open: [] });
  }

  /**
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T | null>} null if the game is over, or gone
   */
  async #orEnded(call) {
    try {
      return await this.#orGone(call);
    } catch (error) {
      if (asProblem(error).code !== "session-finished") throw error;
      await this.results();
      return null;
    }
  }

  /**
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T | null>} null if the game is gone
   */
  async #orGone(call) {
    try {
      return await call();
    } catch (error) {
      if (asProblem(error).code !== "session-not-found") throw error;
      this.#gone();
      return null;
    }
  }

  /** @param {string} path @returns {Promise<any>} */
  #get(path) {
    return this.#retried(() => this.#api.get(path));
  }

  /** @param {string} path @param {object} body @param {string} [idempotencyKey] @returns {Promise<any>} */
  #post(path, body, idempotencyKey) {
    return this.#retried(() => this.#api.post(path, body, { idempotencyKey }));
  }

  /**
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T>}
   */
  async #retried(call) {
    const onWait = (/** @type {number | null} */ retryAt) => {
      if (retryAt !== null) this.#update({ connection: "waiting", retryAt });
    };
    try {
      const reply = await retrying(call, { patienceMs: Infinity, signal: this.#stop.signal, onWait });
      this.#live();
      return reply;
    } catch (error) {
      if (!asProblem(error).isPassing) this.#live();
      throw error;
    }
  }

  #live() {
    if (this.#state.connection === "waiting") this.#update({ connection: "live", retryAt: null });
  }

  /**
   * The same request while it is under way is one.
   * @template T
   * @param {string} name
   * @param {() => Promise<T>} run
   * @returns {Promise<T>}
   */
  #once(name, run) {
    const under = this.#under.get(name);
    if (under) return under;
    const promise = run().finally(() => this.#under.delete(name));
    this.#under.set(name, promise);
    return promise;
  }

  /** @returns {{sessionId: string, settings: any}[]} */
  #games() {
    const kept = this.#storage.get(GAMES);
    return Array.isArray(kept) ? kept : [];
  }

  #keepSettings() {
    const game = { sessionId: this.#state.sessionId, settings: this.#settings };
    if (JSON.stringify(game).length > MOST_LENGTH) return;
    this.#storage.set(GAMES, [game, ...this.#games()].slice(0, MOST_GAMES));
  }

  #keptSettings() {
    return this.#games().find(({ sessionId }) => sessionId === this.#state.sessionId)?.settings;
  }

  #answerKey() {
    return `rejoin.solo.${this.#state.sessionId}.answer`;
  }
}
