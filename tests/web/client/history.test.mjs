// What the charts of the operators' page draw: rates and latencies from counts that only rise.
import assert from "node:assert/strict";
import test from "node:test";
import { EVERY_MS, History, KEPT, quantile } from "../../../web/admin/history.js";

const T0 = Date.parse("2026-01-01T00:00:00.000Z");

/** What a server says `ms` after T0. @param {number} ms @param {number} requests @param {number[]} counts @param {string} [startedAt] */
const said = (ms, requests, counts, startedAt = "a") =>
  /** @type {any} */ ({ startedAt, serverTime: new Date(T0 + ms).toISOString(), now: { seats: 3 }, totals: { requests }, latencies: { http: { boundsMs: [1, 10], counts } } });

test("a rate is what was counted since the last sample", () => {
  const history = new History();
  history.add(said(0, 100, [0, 0, 0]), T0);
  history.add(said(2000, 140, [1, 2, 2]), T0 + 2000);
  assert.deepEqual(history.line("requests"), [null, 20]);
  assert.deepEqual(history.line("seats"), [3, 3]);
  assert.deepEqual(history.line("http.p50"), [null, 1]);
  assert.deepEqual(history.times, [T0 / 1000, T0 / 1000 + 2]);
});

test("an outage is a gap, and so is a restart, whose counts begin again", () => {
  const history = new History();
  history.add(said(0, 100, [0, 0, 0]), T0);
  history.miss(T0 + 2000);
  history.add(said(4000, 180, [9, 9, 9]), T0 + 4000);
  history.add(said(6000, 10, [1, 1, 1], "b"), T0 + 6000);
  history.add(said(8000, 12, [1, 1, 1], "b"), T0 + 8000);
  assert.deepEqual(history.line("requests"), [null, null, null, null, 1]);
  assert.deepEqual(history.line("seats"), [3, null, 3, 3, 3]);
  assert.deepEqual(history.line("http.p99"), [null, null, null, null, null], "nothing was asked");
  // A page that nobody saw has asked nothing.
  history.add(said(100_000, 500, [1, 1, 1], "b"), T0 + 100_000);
  assert.equal(history.line("requests").at(-1), null);
});

test("no more than 15 minutes are kept", () => {
  const history = new History();
  for (let n = 0; n < 3 * KEPT; n++) history.add(said(n * EVERY_MS, n, [0, 0, 0]), T0 + n * EVERY_MS);
  assert.equal(KEPT * EVERY_MS, 15 * 60_000);
  for (const line of [history.times, history.line("requests"), history.line("seats")]) assert.equal(line.length, KEPT);
  assert.equal(history.times.at(-1), (T0 + (3 * KEPT - 1) * EVERY_MS) / 1000);
});

test("a quantile lies within its bucket", () => {
  const boundsMs = [1, 10, 100];
  assert.equal(quantile({ boundsMs, counts: [0, 0, 0, 0] }, null, 0.5), null);
  assert.equal(quantile({ boundsMs, counts: [10, 10, 10, 10] }, null, 0.5), 0.5);
  assert.equal(quantile({ boundsMs, counts: [0, 10, 10, 10] }, null, 0.5), 5.5);
  assert.equal(quantile({ boundsMs, counts: [0, 0, 0, 10] }, null, 0.5), 100, "longer than all bounds");
  assert.equal(quantile({ boundsMs, counts: [50, 60, 60, 60] }, { boundsMs, counts: [50, 50, 50, 50] }, 0.5), 5.5);
});
