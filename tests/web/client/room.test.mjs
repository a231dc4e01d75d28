import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import WebSocket from "ws";
import { fromSnapshot } from "../../../web/client/fold.js";
import { memoryStorage, Problem, Room } from "../../../web/client/index.js";
import { someAnswer, startServer, stateOf, until } from "../support.mjs";
import { answerIn, isFinished, isLive, isOpen, isRevealed, playToTheEnd, scoresOf, Table } from "./players.mjs";

/** @type {import("../support.mjs").Server} */
let server;
/** @type {Table} */
let table;

before(async () => void (server = await startServer()));
after(() => server.stop());
beforeEach(() => void (table = new Table(server)));
afterEach(() => table.close());

/** What events and snapshots both tell: who else has answered only snapshots do, and of presence neither counts. */
function comparable({ asOfMs, expiresAtMs, answeredCount, ...room }) {
  const you = JSON.parse(JSON.stringify(room.you));
  const seats = room.seats.map(({ present, answered, ...seat }) => seat);
  const paused = room.paused && { by: room.paused.by };
  // As if a pause ended now.
  const question = room.paused && room.question ? { ...room.question, opensAtMs: 0, closesAtMs: 0 } : room.question;
  return { ...room, you, seats, paused, question };
}

/** A WebSocket that a proxy swallows: it never opens, or is refused at once. */
class BlockedWebSocket extends WebSocket {
  constructor() {
    super("ws://127.0.0.1:9/");
  }
}

describe("a room", () => {
  test("is played to its end, every kind of question, and all see the scores of the results", async () => {
    const { opened, host } = await table.host({ quizId: "mixed", hostPlays: false });
    const names = ["Ada", "Bob", "Cleo"];
    const players = await Promise.all(names.map((name) => table.player(opened.joinCode, name)));
    await playToTheEnd(host, players);
    const { results, told, shown } = await scoresOf(host, players);
    assert.equal(results.completed, true);
    assert.equal(results.questions.length, 14);
    assert.deepEqual(shown, told);
    const kinds = new Set(results.questions.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ["choice", "multiple", "number", "order", "poll", "text"]);
    for (const { state } of players) {
      assert.deepEqual(state.room.ranking, host.state.room.ranking);
      assert.deepEqual(state.room.seats.map(({ name }) => name).sort(), ["Ada", "Bob", "Cleo", "Host"]);
    }
    for (const seat of results.seats) assert.ok(seat.answers.every(({ responseMs }) => responseMs !== null));
    const csv = await host.results({ csv: true, separator: "semicolon" });
    assert.match(csv, /"rank";"seatId";"name"/);
  });

  test("shows what happens in it: joins, presence, locks, answers, reveals, places", async () => {
    const { opened, host } = await table.host({ quizId: "space", count: 2, timeLimitMs: 60_000 });
    const ada = await table.player(opened.joinCode, "Ada");
    const bob = await table.player(opened.joinCode, "Bob");
    const seated = (state) => state.room?.seats.filter(({ present }) => present).length === 3;
    await Promise.all([host, ada, bob].map((room) => stateOf(room, "three seats are present", seated)));
    assert.equal((await host.move("lock", { locked: true })).room.locked, true);
    await stateOf(ada, "it is locked", ({ room }) => room.locked);
    await host.move("lock", { locked: false });
    await host.newJoinCode();
    await stateOf(ada, "another code", ({ room }) => room.joinCode !== opened.joinCode);
    await host.move("start");
    await stateOf(ada, "the question", isOpen(0));
    const { question } = ada.state.room;
    assert.ok(question.closesAtMs - question.opensAtMs === 60_000);
    assert.ok(Math.abs(ada.now() - Date.now()) < 2_000);
    assert.equal(ada.state.pending, null);
    const reply = await ada.answer({ optionId: question.options[0].optionId });
    assert.equal(reply.accepted, true);
    assert.equal(ada.state.pending.status, "accepted");
    assert.equal(ada.state.room.you.answered, true);
    await stateOf(host, "one has answered", ({ room }) => room.answeredCount === 1);
    await bob.answer({ optionId: null });
    const { room } = await stateOf(bob, "the reveal", isRevealed(0));
    assert.equal(room.reveal.mine.correct, false);
    assert.equal(room.reveal.mine.responseMs !== null, true);
    await stateOf(host, "the reveal", isRevealed(0));
    await host.move("next");
    await stateOf(ada, "the next question", isOpen(1));
    assert.equal(ada.state.pending, null);
    await host.move("finish");
    await stateOf(ada, "the end", isFinished);
    await ada.leave();
    assert.equal(ada.state.connection.reason, "left");
    await host.remove();
    assert.equal(host.state.connection.reason, "gone");
    await stateOf(bob, "the room is gone", ({ connection }) => connection.reason === "gone");
  });

  test("is the same by events as by snapshots", async () => {
    const { opened, host } = await table.host({ quizId: "mixed", count: 6, timeLimitMs: 60_000, advance: "auto", revealMs: 60_000 });
    const ada = await table.player(opened.joinCode, "Ada");
    await stateOf(ada, "there", isLive);
    await stateOf(host, "there", isLive);
    const compare = async () => {
      const path = `/api/rooms/${opened.roomId}`;
      const snapshot = await table.api.get(path, { token: ada.token });
      const { room } = await stateOf(ada, `event ${snapshot.head}`, (state) => state.room.head >= snapshot.head);
      assert.deepEqual(comparable(room), comparable(fromSnapshot(snapshot)));
    };
    const bob = await table.player(opened.joinCode, "Bob");
    await table.player(opened.joinCode, "Cleo");
    await compare();
    await host.move("start");
    await compare();
    await answerIn(ada, 0, 1, 100).catch(() => {});
    await compare();
    await host.move("pause", { paused: true });
    await compare();
    await host.move("pause", { paused: false });
    await compare();
    await host.move("close");
    await compare();
    await host.move("pause", { paused: true });
    await compare();
    await host.move("pause", { paused: false });
    await stateOf(ada, "the reveal goes on", ({ room }) => room.paused === null && room.advancesAtMs !== null);
    await compare();
    await table.player(opened.joinCode, "Dan");
    await host.move("next");
    await compare();
    await bob.leave();
    await compare();
    await host.move("close");
    await compare();
    await host.move("lock", { locked: true });
    await host.newJoinCode();
    await compare();
    await host.move("finish");
    await compare();
  });

  test("stops where the token is none", async () => {
    const { opened } = await table.host({ quizId: "space", count: 1 });
    for (const transport of ["websocket", "poll"]) {
      const room = table.connect({ roomId: opened.roomId, token: "0".repeat(64) }, { transport });
      await stateOf(room, "stopped", ({ connection }) => connection.reason === "bad-token");
    }
  });

  test("stands still in a pause, and its times move by it", async () => {
    const { opened, host } = await table.host({ quizId: "space", count: 1, timeLimitMs: 60_000, readyMs: 60_000 });
    const ada = await table.player(opened.joinCode, "Ada");
    await stateOf(ada, "there", isLive);
    await host.move("start");
    await stateOf(ada, "the question", isOpen(0));
    await host.move("pause", { paused: true });
    const paused = await stateOf(ada, "a pause", ({ room }) => room.paused);
    assert.deepEqual(paused.room.paused, { by: "host", remainingMs: 60_000 });
    await host.move("pause", { paused: false });
    const { room } = await stateOf(ada, "it goes on", ({ room }) => room.paused === null);
    const snapshot = (await table.api.get(`/api/rooms/${opened.roomId}`, { token: opened.token })).question;
    assert.equal(room.question.opensAtMs, Date.parse(snapshot.opensAt));
    assert.equal(room.question.closesAtMs, Date.parse(snapshot.closesAt));
  });

  test("sends one answer for a double click, and tells why one is refused", async () => {
    const { opened, host } = await table.host({ quizId: "space", count: 2, timeLimitMs: 60_000 });
    const ada = await table.player(opened.joinCode, "Ada");
    await table.player(opened.joinCode, "Bob");
    await host.move("start");
    const { room } = await stateOf(ada, "the question", isOpen(0));
    await host.move("pause", { paused: true });
    const refused = await ada.answer({ optionId: room.question.options[0].optionId }).catch((problem) => problem);
    assert.ok(refused instanceof Problem);
    assert.equal(refused.code, "room-paused");
    assert.deepEqual(ada.state.pending.status, "refused");
    await host.move("pause", { paused: false });
    const [first, second] = room.question.options;
    const replies = await Promise.all([ada.answer({ optionId: first.optionId }), ada.answer({ optionId: second.optionId })]);
    assert.deepEqual(replies.map(({ optionId }) => optionId), [first.optionId, first.optionId]);
    const late = await ada.answer({ optionId: second.optionId }).catch((problem) => problem);
    assert.equal(late.reason, "already-answered");
  });

  test("tells the one who was kicked, and the one whose seat is taken elsewhere", async () => {
    const { opened, host } = await table.host({ quizId: "space", count: 1 });
    const ada = await table.player(opened.joinCode, "Ada");
    const seat = await Room.join(table.api, { joinCode: opened.joinCode, name: "Bob" });
    const bob = table.connect(seat);
    await Promise.all([stateOf(ada, "there", isLive), stateOf(bob, "there", isLive), stateOf(host, "there", isLive)]);
    const again = table.connect(seat);
    await stateOf(again, "there", isLive);
    await stateOf(bob, "superseded", ({ connection }) => connection.reason === "superseded");
    bob.start();
    await stateOf(bob, "back", isLive);
    await stateOf(again, "superseded", ({ connection }) => connection.reason === "superseded");
    await host.move("kick", { seatId: ada.state.room.you.seatId });
    await stateOf(ada, "kicked", ({ connection }) => connection.reason === "kicked");
    await stateOf(bob, "Ada is gone", ({ room }) => !room.seats.some(({ name }) => name === "Ada"));
    const { seatCode } = await bob.seatCode(seat.seatId);
    const taken = await Room.takeSeat(table.api, { joinCode: opened.joinCode, seatCode });
    assert.equal(taken.seatId, seat.seatId);
    await stateOf(bob, "taken over", ({ connection }) => connection.status === "stopped");
  });

  test("is played over HTTP where no WebSocket comes through", async () => {
    const { opened, host } = await table.host({ quizId: "space", count: 2 });
    const ada = await table.player(opened.joinCode, "Ada", { WebSocket: BlockedWebSocket });
    const bob = await table.player(opened.joinCode, "Bob", { transport: "poll" });
    const cleo = await table.player(opened.joinCode, "Cleo", { WebSocket: null, transport: "auto" });
    const polls = (state) => isLive(state) && state.connection.via === "poll";
    await Promise.all([stateOf(ada, "over HTTP", polls), stateOf(bob, "over HTTP", polls)]);
    await stateOf(cleo, "there", isLive);
    const here = ({ room }) => room.seats.filter(({ present }) => present).length === 4;
    await stateOf(bob, "presence is looked up", here);
    await playToTheEnd(host, [ada, bob, cleo]);
    const { told, shown } = await scoresOf(host, [ada, bob, cleo]);
    assert.deepEqual(shown, told);
    const seat = await Room.join(table.api, { joinCode: opened.joinCode, name: "Dan" }).catch(({ code }) => code);
    assert.equal(seat, "room-finished");
  });

  test("a host over HTTP, and a second tab over HTTP", async () => {
    const { opened, host } = await table.host({ quizId: "space", count: 1 }, { transport: "poll" });
    const seat = await Room.join(table.api, { joinCode: opened.joinCode, name: "Ada" });
    const first = table.connect(seat, { transport: "poll" });
    await stateOf(first, "there", isLive);
    const second = table.connect(seat, { transport: "poll" });
    await stateOf(second, "there", isLive);
    await stateOf(first, "superseded", ({ connection }) => connection.reason === "superseded");
    await playToTheEnd(host, [second]);
    assert.equal(host.state.room.ranking.length, 1);
    await host.remove();
    await stateOf(second, "gone", ({ connection }) => ["gone", "bad-token"].includes(connection.reason));
  });

  test("goes on in another room with the same seats and tokens", async (context) => {
    const { calls } = await table.api.get("/api").catch(() => ({ calls: [] }));
    if (!calls.some(({ path }) => path.endsWith("/again"))) return context.skip("this server can't");
    const { opened, host } = await table.host({ quizId: "space", count: 1 });
    const ada = await table.player(opened.joinCode, "Ada");
    const bob = await table.player(opened.joinCode, "Bob", { transport: "poll" });
    await playToTheEnd(host, [ada, bob]);
    const next = await host.again();
    assert.deepEqual((await host.again()).roomId, next.roomId);
    const { roomId, joinCode } = next;
    for (const room of [host, ada, bob]) {
      const { room: old } = await stateOf(room, "where it goes on", (state) => state.room.successor);
      assert.deepEqual(old.successor, { roomId, joinCode });
      const again = table.connect({ roomId, token: room.token });
      const { room: lobby } = await stateOf(again, "there", isLive);
      assert.deepEqual([lobby.phase, lobby.you.seatId, lobby.you.name], ["lobby", old.you.seatId, old.you.name]);
    }
  });

  test("goes from HTTP to the WebSocket once that comes through", async () => {
    let opens = 0;
    class FailingTwice extends WebSocket {
      constructor(/** @type {string} */ url) {
        super(++opens === 2 || opens === 3 ? "ws://127.0.0.1:9/" : url);
      }
    }
    const { host } = await table.host({ quizId: "space", count: 1 }, { WebSocket: FailingTwice });
    await stateOf(host, "there", isLive);
    await server.restart();
    await stateOf(host, "over HTTP", ({ connection }) => connection.status === "live" && connection.via === "poll");
    await stateOf(host, "over a WebSocket", ({ connection }) => connection.via === "websocket");
  });

  test("answers come through a reload, and once", async () => {
    const { opened, host } = await table.host({ quizId: "space", count: 1, timeLimitMs: 60_000 });
    const seat = await Room.join(table.api, { joinCode: opened.joinCode, name: "Ada" });
    await table.player(opened.joinCode, "Bob");
    const storage = memoryStorage();
    let isDeaf = false;
    class Deaf extends WebSocket {
      send(/** @type {string} */ text) {
        if (!(isDeaf && text.includes('"answer"'))) super.send(text);
      }
    }
    const before = table.connect(seat, { storage, WebSocket: Deaf });
    await stateOf(host, "there", isLive);
    await host.move("start");
    const { room } = await stateOf(before, "the question", isOpen(0));
    isDeaf = true;
    const { optionId } = room.question.options[1];
    void before.answer({ optionId }).catch(() => {});
    assert.equal(before.state.pending.status, "sending");
    before.stop();
    const later = table.connect(seat, { storage });
    const sent = await stateOf(later, "the answer is taken", ({ pending }) => pending?.status === "accepted");
    assert.deepEqual(sent.pending.fields, { optionId });
    await stateOf(later, "it is known", ({ room }) => room.you.answered && room.you.optionId === optionId);
    await until("nothing is kept", 1_000, () => storage.get(`rejoin.answers.${seat.roomId}.${seat.token.slice(-8)}`) === null);
    const third = table.connect(seat, { storage });
    const known = await stateOf(third, "a page that never asked knows it", ({ pending }) => pending?.status === "accepted");
    assert.deepEqual(known.pending.fields, { optionId });
  });

  test("goes on after the server was killed in mid-question", async () => {
    const { opened, host } = await table.host({ quizId: "mixed", count: 3, timeLimitMs: 60_000 });
    const players = await Promise.all(["Ada", "Bob"].map((name) => table.player(opened.joinCode, name)));
    await Promise.all([host, ...players].map((room) => stateOf(room, "there", isLive)));
    await host.move("start");
    const [ada, bob] = players;
    const { room } = await stateOf(ada, "the question", isOpen(0));
    await ada.answer(someAnswer(room.question, 1));
    await server.kill();
    await stateOf(bob, "the connection is lost", ({ connection }) => connection.status !== "live");
    // Kept while nobody is there.
    await stateOf(bob, "the question", isOpen(0));
    const answer = bob.answer(someAnswer(room.question, 2));
    await server.start();
    await answer;
    await Promise.all(players.map((player) => stateOf(player, "the reveal", isRevealed(0), 20_000)));
    await stateOf(host, "the reveal", isRevealed(0), 20_000);
    await host.move("next");
    for (const index of [1, 2]) {
      await Promise.all(players.map((player, seat) => answerIn(player, index, seat)));
      await stateOf(host, "revealed", isRevealed(index));
      await host.move("next");
    }
    await Promise.all(players.map((player) => stateOf(player, "the end", isFinished)));
    const { told, shown } = await scoresOf(host, players);
    assert.deepEqual(shown, told);
  });
});
