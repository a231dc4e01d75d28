import { Problem } from "./problem.js";

/** One try takes no longer than this, if its caller says nothing else. */
const ONE_TRY_MS = 15_000;

/**
 * @typedef {object} CallOptions
 * @property {string | null} [token] a seat's token, instead of the API key
 * @property {string} [idempotencyKey]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {number} [timeoutMs]
 */

/** The server's HTTP calls. Paths begin with `/api/`. Every refusal is thrown as a {@link Problem}. */
export class Api {
  /** @param {{base?: string, key?: string | null, fetch?: typeof fetch}} [options] */
  constructor({ base = globalThis.location?.origin ?? "", key = null, fetch: fetcher } = {}) {
    this.base = base.replace(/\/+$/, "");
    this.key = key;
    /** @type {typeof fetch} */
    this.fetch = fetcher ?? ((input, init) => globalThis.fetch(input, init));
    /** @type {((serverTime: string, sentAt: number) => void) | null} told of every `serverTime`; `sentAt` by performance.now() */
    this.onServerTime = null;
  }

  /**
   * @param {string} path
   * @param {CallOptions} [options]
   * @returns {Promise<any>} the reply's JSON
   */
  get(path, options) {
    return this.#json("GET", path, undefined, options);
  }

  /**
   * @param {string} path
   * @param {unknown} [body]
   * @param {CallOptions} [options]
   * @returns {Promise<any>} the reply's JSON, null where it has none
   */
  post(path, body = {}, options) {
    return this.#json("POST", path, JSON.stringify(body), options, "application/json");
  }

  /**
   * @param {string} path
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  delete(path, options) {
    return this.#json("DELETE", path, undefined, options);
  }

  /**
   * Sends a file as it is.
   * @param {string} path
   * @param {Blob | ArrayBuffer | Uint8Array} bytes
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  postFile(path, bytes, options) {
    return this.#json("POST", path, /** @type {BodyInit} */ (bytes), options, "application/octet-stream");
  }

  /**
   * A reply that is no JSON: CSV, SVG.
   * @param {string} path
   * @param {CallOptions & {body?: unknown}} [options] with a `body` it is a POST
   * @returns {Promise<string>}
   */
  async text(path, { body, ...options } = {}) {
    const isPost = body !== undefined;
    const sent = isPost ? JSON.stringify(body) : undefined;
    const { text } = await this.#send(isPost ? "POST" : "GET", path, sent, options, isPost ? "application/json" : undefined);
    return text;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {BodyInit | undefined} body
   * @param {CallOptions} [options]
   * @param {string} [type]
   */
  async #json(method, path, body, options, type) {
    const sentAt = performance.now();
    const { text } = await this.#send(method, path, body, options, type);
    if (!text) return null;
    const json = parsed(text);
    if (json === undefined) throw new Problem({ code: "network", detail: "the reply is no JSON" });
    if (typeof json?.serverTime === "string") this.onServerTime?.(json.serverTime, sentAt);
    return json;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {BodyInit | undefined} body
   * @param {CallOptions} [options]
   * @param {string} [type]
   */
  async #send(method, path, body, { token, idempotencyKey, headers, signal, timeoutMs = ONE_TRY_MS } = {}, type) {
    const bearer = token ?? this.key;
    const abort = new AbortController();
    const stop = () => abort.abort();
    const timer = setTimeout(stop, timeoutMs);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
    try {
      const response = await this.fetch(this.base + path, {
        method,
        body,
        headers: {
          ...(type ? { "Content-Type": type } : {}),
          ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
          ...(idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {}),
          ...headers,
        },
        signal: abort.signal,
        cache: "no-store",
        credentials: "same-origin",
      });
      const text = await response.text();
      if (!response.ok) throw refusal(response, text);
      return { text };
    } catch (error) {
      if (error instanceof Problem) throw error;
      const isForeign = globalThis.location && this.base !== location.origin;
      throw new Problem({ code: "network", detail: `no reply came${isForeign ? "; REJOIN_CORS_ORIGINS may not name this page" : ""}` });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** @param {string} text @returns {any} undefined if it is no JSON */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {Response} response
 * @param {string} text
 */
function refusal(response, text) {
  const json = parsed(text) ?? {};
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  // A proxy that answers for a server that is away says no `code`.
  const isAway = !json.code && response.status >= 500;
  return new Problem({
    status: response.status,
    code: json.code ?? (isAway ? "network" : `http-${response.status}`),
    detail: json.detail ?? "",
    reason: json.reason,
    problems: json.problems ?? [],
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
  });
}
