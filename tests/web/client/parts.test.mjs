import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backoff } from "../../../web/client/backoff.js";
import { ServerClock } from "../../../web/client/clock.js";
import { Api, browserStorage, memoryStorage, savedSeats, uuid } from "../../../web/client/index.js";
import { Pending } from "../../../web/client/pending.js";

describe("back-off", () => {
  const waits = (backoff, chance, count) => Array.from({ length: count }, () => backoff.next(chance));

  test("the first try is at once, and the others double up to eight seconds", () => {
    assert.deepEqual(waits(new Backoff(), 0.5, 8), [0, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  test("chance makes a wait up to a half longer or shorter", () => {
    assert.deepEqual(waits(new Backoff(), 0, 3), [0, 250, 500]);
    assert.deepEqual(waits(new Backoff(), 1, 3), [0, 750, 1500]);
  });

  test("it begins anew after a success, unless the server asks for patience", () => {
    const backoff = new Backoff();
    waits(backoff, 0.5, 5);
    backoff.reset();
    assert.deepEqual(waits(backoff, 0.5, 2), [0, 500]);
    backoff.reset();
    backoff.slowDown();
    assert.deepEqual(waits(backoff, 0.5, 2), [500, 1000]);
  });
});

describe("the server's clock", () => {
  /** A local clock, and a server's that is `ahead` of it. */
  function clocks() {
    const local = { now: 1_000 };
    return { local, clock: new ServerClock(() => local.now), server: (ahead) => local.now + ahead };
  }

  test("is known best from the shortest round trip", () => {
    const { local, clock, server } = clocks();
    const exchange = (ahead, there, back) => {
      const sentAt = local.now;
      local.now += there;
      const told = server(ahead);
      local.now += back;
      clock.sample(told, sentAt);
    };
    exchange(5_000, 10, 90);
    assert.equal(clock.now(), local.now + 4_960);
    exchange(5_000, 2, 2);
    assert.equal(clock.now(), local.now + 5_000);
    exchange(5_000, 400, 10);
    assert.equal(clock.now(), local.now + 5_000);
  });

  test("follows where a clock was set, or stood still in a sleep", () => {
    const { local, clock } = clocks();
    clock.sample(6_000, 1_000);
    assert.equal(clock.now(), 6_000);
    local.now += 1_000;
    // An hour has gone for the server meanwhile.
    clock.sample(3_607_050, local.now - 100);
    assert.equal(clock.now(), 3_607_100);
  });

  test("has nothing to do with the wall clock", (context) => {
    const clock = new ServerClock();
    clock.sample("2026-01-01T12:00:00.000Z", performance.now());
    context.mock.method(Date, "now", () => 0);
    assert.ok(Math.abs(clock.now() - Date.parse("2026-01-01T12:00:00.000Z")) < 1_000);
  });
});

describe("storage", () => {
  const refusing = {
    getItem: () => {
      throw new Error("no");
    },
    setItem: () => {
      throw new Error("full");
    },
    removeItem: () => {
      throw new Error("no");
    },
  };

  for (const [name, storage] of [["memory", memoryStorage()], ["none", browserStorage(null)], ["refused", browserStorage(refusing)]]) {
    test(`keeps values: ${name}`, () => {
      assert.equal(storage.get("rejoin.a"), null);
      storage.set("rejoin.a", { b: [1] });
      assert.deepEqual(storage.get("rejoin.a"), { b: [1] });
      storage.remove("rejoin.a");
      assert.equal(storage.get("rejoin.a"), null);
    });
  }

  test("what cannot be read is nothing", () => {
    assert.equal(browserStorage({ ...refusing, getItem: () => "{" }).get("rejoin.a"), null);
  });

  test("seats are listed newest first, one for each place", () => {
    const seats = savedSeats(memoryStorage());
    seats.keep({ kind: "room", role: "player", roomId: "r1", token: "t1", name: "Ada" });
    seats.keep({ kind: "solo", sessionId: "s1" });
    seats.keep({ kind: "room", role: "player", roomId: "r1", token: "t2", name: "Ada" });
    assert.deepEqual(seats.list().map(({ token }) => token), ["t2", undefined]);
    assert.ok(seats.list()[0].savedAt > 0);
    seats.forget("s1");
    seats.forget("t2");
    assert.deepEqual(seats.list(), []);
  });
});

test("requests wait in order, and are settled once", async () => {
  const pending = new Pending();
  const first = pending.add({ type: "answer", id: "1" });
  const second = pending.add({ type: "next", id: "2" });
  assert.deepEqual(pending.frames().map(({ id }) => id), ["1", "2"]);
  pending.take("1").resolve({ type: "reply" });
  assert.equal(pending.take("1"), undefined);
  assert.deepEqual(await first.reply, { type: "reply" });
  pending.rejectAll("superseded");
  await assert.rejects(second.reply, { code: "superseded" });
});

test("ids are UUIDs, over plain HTTP too", () => {
  const { randomUUID } = crypto;
  for (const of of [randomUUID, undefined]) {
    Object.defineProperty(crypto, "randomUUID", { value: of, configurable: true, writable: true });
    assert.match(uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(uuid(), uuid());
  }
  Object.defineProperty(crypto, "randomUUID", { value: randomUUID, configurable: true, writable: true });
});

describe("calls", () => {
  /** @param {() => Response | Promise<Response>} reply */
  const api = (reply) => new Api({ base: "http://host/", key: "k", fetch: async (url, init) => ((api.last = { url, ...init }), reply()) });

  test("carry the key, or the token instead", async () => {
    await api(() => Response.json({})).post("/api/rooms", { a: 1 }, { idempotencyKey: "i" });
    assert.equal(api.last.url, "http://host/api/rooms");
    assert.deepEqual(api.last.headers, { "Content-Type": "application/json", Authorization: "Bearer k", "Idempotency-Key": "i" });
    await api(() => Response.json({})).get("/api/rooms/r", { token: "t" });
    assert.equal(api.last.headers.Authorization, "Bearer t");
    assert.equal(await api(() => new Response(null, { status: 204 })).delete("/x"), null);
    assert.equal(await api(() => new Response("<svg/>")).text("/api/qr", { body: { text: "x" } }), "<svg/>");
    assert.equal(api.last.method, "POST");
  });

  test("throw what a problem says", async () => {
    const problem = { status: 429, code: "too-many-requests", detail: "slower", problems: [{ path: "a", message: "b" }] };
    const reply = () => Response.json(problem, { status: 429, headers: { "Retry-After": "7" } });
    await assert.rejects(api(reply).get("/x"), { ...problem, retryAfterMs: 7_000, isPassing: true });
  });

  test("throw `network` where no reply of the server came", async () => {
    const cut = () => Promise.reject(new TypeError("cut"));
    await assert.rejects(api(cut).get("/x"), { code: "network", status: 0 });
    await assert.rejects(api(() => new Response("bad gateway", { status: 502 })).get("/x"), { code: "network", status: 502 });
    await assert.rejects(api(() => new Response("<html>")).get("/x"), { code: "network" });
  });
});

describe("a call that gets no reply", () => {
  const fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  const detailOf = (base) => new Api({ base, fetch }).get("/api").catch(({ code, detail }) => [code, detail]);

  test("names the setting that may shut a page of another origin out", async (t) => {
    t.after(() => Reflect.deleteProperty(globalThis, "location"));
    globalThis.location = { origin: "https://quiz.example.org" };
    assert.deepEqual(await detailOf("https://quiz.example.org"), ["network", "no reply came"]);
    assert.match((await detailOf("https://play.example.org"))[1], /REJOIN_CORS_ORIGINS/);
  });
});
