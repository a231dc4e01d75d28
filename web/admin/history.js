/** What the charts draw: the server's counts over the last minutes, as rates, levels and latencies. Nothing here knows the page. */

/** How often the server is asked, in ms. */
export const EVERY_MS = 2000;
/** How many points are kept: those of 15 minutes. */
export const KEPT = (15 * 60_000) / EVERY_MS;
/** Samples that are further apart have a gap between them, in ms. */
const APART_MS = 4 * EVERY_MS;

/**
 * Counts of durations, from 0 up to each bound: `counts` has one more for what is longer than all of them.
 * @typedef {{boundsMs: number[], counts: number[]}} Durations
 */

/**
 * What the server says of itself.
 * @typedef {object} Status
 * @property {"ok" | "degraded" | "unavailable"} status
 * @property {string} version
 * @property {string} commit
 * @property {string} engine
 * @property {boolean} reachable
 * @property {boolean} degraded
 * @property {string} [breaker]
 * @property {string} [cause]
 * @property {string} [since]
 * @property {string} reason
 * @property {string} [instance]
 * @property {string} startedAt
 * @property {string} serverTime
 * @property {"on" | "off"} limits
 * @property {Record<string, number>} limitsHit
 * @property {number} liveSessions
 * @property {number} records
 * @property {number} damaged
 * @property {Record<string, number>} now
 * @property {Record<string, number>} totals
 * @property {Record<string, Durations>} latencies
 */

/**
 * The duration that a share of all stayed under, in ms: the place within its bucket is guessed. `null` if there was none.
 * @param {Durations} durations @param {Durations | null} before the same counts earlier @param {number} share
 */
export function quantile({ boundsMs, counts }, before, share) {
  const fresh = counts.map((count, at) => count - (before?.counts[at] ?? 0));
  const all = fresh.at(-1) ?? 0;
  if (!(all > 0)) return null;
  const wanted = all * share;
  const at = fresh.findIndex((count) => count >= wanted);
  if (at >= boundsMs.length) return boundsMs[boundsMs.length - 1];
  const [low, under] = at === 0 ? [0, 0] : [boundsMs[at - 1], fresh[at - 1]];
  return low + ((boundsMs[at] - low) * (wanted - under)) / Math.max(1, fresh[at] - under);
}

/** The points that are kept. `null` is a gap. */
export class History {
  /** When each point was taken, in s since 1970. @type {number[]} */
  times = [];
  /** @type {Record<string, (number | null)[]>} */
  #lines = {};
  /** @type {{status: Status, atMs: number} | null} */
  #last = null;

  /** The values of a line, one for each time. @param {string} name @returns {(number | null)[]} */
  line(name) {
    return this.#lines[name] ?? this.times.map(() => null);
  }

  /** Adds what the server said. @param {Status} status @param {number} atMs */
  add(status, atMs) {
    const last = this.#last;
    // Another process counts from 0 again.
    const isNext = last && last.status.startedAt === status.startedAt && atMs - last.atMs < APART_MS;
    const before = isNext ? last.status : null;
    this.#last = { status, atMs };
    this.#push(atMs, { ...status.now, ...rates(status, before), ...latencies(status, before) });
  }

  /** Notes that the server did not answer. @param {number} atMs */
  miss(atMs) {
    this.#last = null;
    this.#push(atMs, {});
  }

  /** @param {number} atMs @param {Record<string, number | null>} values */
  #push(atMs, values) {
    for (const name of Object.keys(values)) this.#lines[name] ??= this.times.map(() => null);
    this.times.push(atMs / 1000);
    for (const [name, line] of Object.entries(this.#lines)) line.push(values[name] ?? null);
    for (const line of [this.times, ...Object.values(this.#lines)]) line.splice(0, line.length - KEPT);
  }
}

/** How much of each count there was in a second. @param {Status} status @param {Status | null} before */
function rates({ totals, serverTime }, before) {
  if (!before) return {};
  const seconds = (Date.parse(serverTime) - Date.parse(before.serverTime)) / 1000;
  const rate = (/** @type {string} */ name) => [name, seconds > 0 ? Math.max(0, totals[name] - (before.totals[name] ?? 0)) / seconds : null];
  return Object.fromEntries(Object.keys(totals).map(rate));
}

/** Median and 99th percentile of each kind of calls since the last sample. @param {Status} status @param {Status | null} before */
function latencies({ latencies }, before) {
  if (!before) return {};
  const both = (/** @type {[string, Durations]} */ [name, durations]) => [
    [`${name}.p50`, quantile(durations, before.latencies[name] ?? null, 0.5)],
    [`${name}.p99`, quantile(durations, before.latencies[name] ?? null, 0.99)],
  ];
  return Object.fromEntries(Object.entries(latencies).flatMap(both));
}
