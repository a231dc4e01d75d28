/** A refused call or frame; `code` is `network` when no reply came. */
export class Problem extends Error {
  /**
   * @param {object} what
   * @param {number} [what.status] the HTTP status; 0 where there is none
   * @param {string} what.code stable, e.g. `name-taken`
   * @param {string} [what.detail] in words, in English
   * @param {string} [what.reason] of `question-not-open`: `not-yet`, `too-late`, `already-answered`, `other-question`
   * @param {{path: string, message: string}[]} [what.problems] the fields that are wrong
   * @param {number | null} [what.retryAfterMs] how long the server asks to wait
   */
  constructor({ status = 0, code, detail = "", reason, problems = [], retryAfterMs = null }) {
    super(detail || code);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.reason = reason;
    this.problems = problems;
    this.retryAfterMs = retryAfterMs;
  }

  /** True if the same request may be sent again, under the same key: it may have happened or not. */
  get isPassing() {
    return PASSING.has(this.code);
  }
}

const PASSING = new Set([
  "network",
  "log-full",
  "outcome-unknown",
  "store-busy",
  "store-full",
  "store-unavailable",
  "session-elsewhere",
  "too-many-requests",
  "body-too-slow",
]);

/**
 * What was thrown, as a Problem.
 * @param {unknown} error
 * @returns {Problem}
 */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  return new Problem({ code: "network", detail: error instanceof Error ? error.message : String(error) });
}
