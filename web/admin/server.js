/** The server: asks it for its state as long as somebody looks, and for what a button wants. */
import { signal } from "../vendor/preact.js";
import { EVERY_MS, History } from "./history.js";

/** How long a reply may take, in ms. A search through all sessions takes the longest. */
const PATIENCE_MS = 20_000;
const TOKEN = "rejoin.adminToken";

/** @typedef {import("./history.js").Status} Status */

/** What the server said last. @type {import("../vendor/preact.js").Signal<Status | null>} */
export const status = signal(null);
/** Why a token is asked for: none was shown, or the one that was shown is wrong. @type {import("../vendor/preact.js").Signal<"required" | "wrong" | null>} */
export const tokenWanted = signal(null);
/** Since when the server has not answered, in ms since 1970. @type {import("../vendor/preact.js").Signal<number | null>} */
export const awaySince = signal(null);
/** Rises with every point of the history. */
export const ticks = signal(0);
export const history = new History();

/** The token, in this tab alone. */
function readToken() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}
let token = readToken();

/** A refusal, or a server that is out of reach: then its status is 0. */
export class Refused extends Error {
  /** @param {number} status @param {{code?: string, detail?: string}} problem */
  constructor(status, { code = "", detail = "" }) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

/**
 * Asks the admin listener.
 * @param {string} path @param {string} [method] @param {AbortSignal} [signal] ends the wait
 * @returns {Promise<any>} @throws {Refused}
 */
export async function call(path, method = "GET", signal = AbortSignal.timeout(PATIENCE_MS)) {
  /** @type {Record<string, string>} */
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const reply = await fetch(`/admin/api/${path}`, { method, headers, cache: "no-store", signal }).catch(() => null);
  if (!reply) throw new Refused(0, {});
  const body = await reply.json().catch(() => ({}));
  if (reply.ok) return body;
  if (reply.status === 401) tokenWanted.value = token ? "wrong" : "required";
  throw new Refused(reply.status, body);
}

/** Shows this token from now on. @param {string} next */
export function showToken(next) {
  token = next;
  try {
    sessionStorage.setItem(TOKEN, next);
  } catch {
    // A browser that keeps nothing asks again after a reload.
  }
  tokenWanted.value = null;
  look();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let next;
let isAsking = false;

/** Asks for the state, and again after a pause, as long as the page is seen and the token is not refused. */
async function look() {
  clearTimeout(next);
  if (isAsking || document.hidden || tokenWanted.value) return;
  isAsking = true;
  try {
    const said = await call("status");
    awaySince.value = null;
    history.add(said, Date.now());
    status.value = said;
  } catch (problem) {
    if (/** @type {Refused} */ (problem).status !== 401) {
      awaySince.value ??= Date.now();
      history.miss(Date.now());
    }
  }
  isAsking = false;
  ticks.value++;
  next = setTimeout(look, EVERY_MS);
}

document.addEventListener("visibilitychange", look);
look();
