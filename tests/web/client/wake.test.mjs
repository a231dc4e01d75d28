import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Network, someAnswer, startServer, stateOf, until } from "../support.mjs";
import { isLive, isOpen, Table } from "./players.mjs";

/** @type {import("../support.mjs").Server} */
let server;
/** @type {Table} */
let table;
/** @type {Network} */
let network;

before(async () => {
  server = await startServer();
  // What a browser tells of its page.
  globalThis.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  globalThis.window = new EventTarget();
});
after(() => server.stop());
beforeEach(async () => {
  table = new Table(server);
  network = await new Network(server).start();
});
afterEach(() => {
  table.close();
  network.stop();
});

const wake = () => document.dispatchEvent(new Event("visibilitychange"));

/** What is begun where no page tells that it wakes. @template T @param {() => Promise<T>} begin */
async function deaf(begin) {
  const { document } = globalThis;
  globalThis.document = /** @type {any} */ (undefined);
  try {
    return await begin();
  } finally {
    globalThis.document = document;
  }
}

test("a dead WebSocket is replaced at a wake-up, before silence tells that it is dead", async () => {
  const { opened, host } = await table.host({ quizId: "space", count: 1 });
  // He was there first: of the two his silence would be noticed first.
  const bob = await deaf(async () => {
    const sleeper = await table.player(opened.joinCode, "Bob", { base: network.base, transport: "websocket" });
    await stateOf(sleeper, "there", isLive);
    return sleeper;
  });
  const ada = await table.player(opened.joinCode, "Ada", { base: network.base, transport: "websocket" });
  await Promise.all([stateOf(ada, "there", isLive), stateOf(host, "there", isLive)]);
  network.freeze();
  await host.move("start");
  assert.equal(ada.state.room.phase, "lobby");
  wake();
  const { room, connection } = await stateOf(ada, "the question", isOpen(0));
  assert.equal(connection.status, "live");
  assert.equal(bob.state.room.phase, "lobby", "who does not wake knows of nothing yet");
  await ada.answer(someAnswer(room.question));
});

test("over long polls a wake-up asks at once, beside the request that may be lost", async () => {
  const { opened, host } = await table.host({ quizId: "space", count: 1 });
  /** @type {string[]} */
  const asked = [];
  /** @type {typeof fetch} */
  const watched = (input, init) => (asked.push(String(input)), fetch(input, init));
  const ada = await table.player(opened.joinCode, "Ada", { base: network.base, transport: "poll", fetch: watched });
  await Promise.all([stateOf(ada, "there", isLive), stateOf(host, "there", isLive)]);
  await until("events are asked for", 5_000, () => asked.some((url) => url.includes("/events?")));
  network.freeze();
  await host.move("start");
  const isHeartbeat = (/** @type {string} */ url) => url.endsWith("/heartbeat");
  assert.ok(!asked.some(isHeartbeat), "nothing else sends one");
  wake();
  await until("it asks", 5_000, () => asked.some(isHeartbeat));
  const { room, connection } = await stateOf(ada, "the question", isOpen(0));
  assert.equal(connection.status, "live");
  await ada.answer(someAnswer(room.question));
});

test("a connection that lives is kept at a wake-up", async () => {
  let opens = 0;
  const { default: WebSocket } = await import("ws");
  class Counted extends WebSocket {
    constructor(/** @type {string} */ url) {
      super(url);
      opens += 1;
    }
  }
  const { host } = await table.host({ quizId: "space", count: 1 }, { WebSocket: Counted });
  await stateOf(host, "there", isLive);
  wake();
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await host.move("lock", { locked: true });
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  assert.equal(opens, 1);
});

test("a network that comes back ends the wait", async () => {
  const { opened } = await table.host({ quizId: "space", count: 1 });
  const ada = await table.player(opened.joinCode, "Ada", { base: network.base });
  await stateOf(ada, "there", isLive);
  network.down();
  const isLong = ({ connection }) => connection.status === "waiting" && connection.retryAt - Date.now() > 2_500;
  const { connection } = await stateOf(ada, "a long wait", isLong);
  assert.ok(connection.attempts >= 2);
  network.up();
  window.dispatchEvent(new Event("online"));
  await stateOf(ada, "back", isLive);
  assert.ok(Date.now() < connection.retryAt, "before it would have tried by itself");
});

test("silence after a heartbeat ends a connection without any wake-up", async () => {
  const { opened, host } = await table.host({ quizId: "space", count: 1 });
  const ada = await table.player(opened.joinCode, "Ada", { base: network.base });
  await Promise.all([stateOf(ada, "there", isLive), stateOf(host, "there", isLive)]);
  network.freeze();
  await host.move("start");
  await stateOf(ada, "the question", isOpen(0));
});
