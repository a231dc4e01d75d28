import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { foldEvent, foldOwnAnswer, foldPresence, foldSkip, foldSnapshot, fromSnapshot, needsSnapshot } from "../../../web/client/fold.js";

const START = Date.parse("2026-01-01T12:00:00.000Z");
const at = (seconds) => new Date(START + seconds * 1000).toISOString();

const LOBBY = {
  roomId: "r1", joinCode: "ABC234", mode: "quiz", quizId: "space", phase: "lobby", phaseNumber: 0, paused: null,
  locked: false, hostSeatId: 1, questionCount: 2, question: null, advancesAt: null, reveal: null,
  you: { seatId: 2, name: "Ada", isHost: false, plays: true, answered: false, optionId: null, total: 0, rank: 1 },
  seats: [
    { seatId: 1, name: "Host", present: true, answered: false, total: null, rank: null },
    { seatId: 2, name: "Ada", present: true, answered: false, total: 0, rank: 1 },
    { seatId: 3, name: "Bob", present: true, answered: false, total: 0, rank: 1 },
  ],
  ranking: null,
  settings: { advance: "auto", lateJoin: true, maxSeats: 200, hostPlays: false, hostAway: "pause", timeLimitMs: 20_000, readyMs: 3_000, revealMs: 5_000, awayMs: 15_000 },
  epoch: "e1", head: 2, expiresAt: at(3600), serverTime: at(0),
};
const QUESTION = { questionId: "q1", kind: "choice", text: "?", options: [{ optionId: 1, text: "a" }, { optionId: 2, text: "b" }] };
const verdict = (seatId, points, total, rank, optionId = 1) => ({ seatId, optionId, correct: points > 0, points, responseMs: 900, total, rank });
const reveal = (index, verdicts) => ({ phaseNumber: 2 * index + 2, index, questionId: "q1", kind: "choice", correctOptionId: 1, counts: [], verdicts });

/** A room after these events, which are numbered after the snapshot's head. */
function after(...events) {
  return events.reduce((room, [event, payload, seconds = 10]) => {
    return foldEvent(room, { sequence: room.head + 1, at: at(seconds), event, payload });
  }, fromSnapshot(LOBBY));
}
const asked = ["question", { phaseNumber: 1, index: 0, question: QUESTION, readyMs: 3_000, timeLimitMs: 20_000 }, 10];
const revealed = (index, ...verdicts) => ["reveal", reveal(index, verdicts), 20];

describe("events", () => {
  test("a question counts its times from the event", () => {
    const room = after(asked);
    assert.equal(room.phase, "question");
    assert.equal(room.question.opensAtMs, START + 13_000);
    assert.equal(room.question.closesAtMs, START + 33_000);
    assert.equal(room.question.timeLimitMs, 20_000);
    assert.deepEqual([room.phaseNumber, room.question.index, room.reveal, room.answeredCount], [1, 0, null, 0]);
  });

  test("a question wipes the answers to the one before", () => {
    const room = after(asked, revealed(0, verdict(2, 150, 150, 1), verdict(3, 0, 0, 2)), asked);
    assert.equal(room.you.answered, false);
    assert.equal(room.you.optionId, null);
    assert.equal(room.you.previousRank, null);
    assert.ok(room.seats.every(({ answered }) => !answered));
    assert.deepEqual(room.seats.map(({ total }) => total), [null, 150, 0]);
  });

  test("a reveal moves scores and places, and tells the place before it", () => {
    const first = after(asked, revealed(0, verdict(2, 0, 0, 2), verdict(3, 150, 150, 1)));
    assert.equal(first.phase, "reveal");
    assert.equal(first.advancesAtMs, START + 25_000);
    assert.deepEqual([first.you.total, first.you.rank, first.you.previousRank], [0, 2, null]);
    assert.equal(first.reveal.mine.points, 0);
    const second = foldEvent(first, { sequence: 9, at: at(30), event: "reveal", payload: reveal(1, [verdict(2, 200, 200, 1), verdict(3, 0, 150, 2)]) });
    assert.deepEqual([second.you.total, second.you.rank, second.you.previousRank], [200, 1, 2]);
    assert.equal(second.you.optionId, 1);
    assert.equal(second.answeredCount, 2);
  });

  test("a reveal without the own seat has no own verdict", () => {
    const room = after(asked, revealed(0, verdict(3, 150, 150, 1)));
    assert.equal(room.reveal.mine, null);
    assert.equal(room.you.answered, false);
    assert.deepEqual(room.seats.map(({ rank }) => rank), [null, 2, 1]);
  });

  test("seats come and go, and equal points share a place", () => {
    const room = after(["joined", { seatId: 4, name: "Cleo" }], asked, revealed(0, verdict(3, 100, 100, 1), verdict(4, 100, 100, 1)), ["left", { seatId: 3 }]);
    assert.deepEqual(room.seats.map(({ seatId, rank }) => [seatId, rank]), [[1, null], [2, 2], [4, 1]]);
    assert.equal(room.you.rank, 2);
    assert.deepEqual(after(["kicked", { seatId: 3 }], ["revoked", { seatId: 2 }]).seats.map(({ seatId }) => seatId), [1]);
    assert.equal(after(["joined", { seatId: 3, name: "Bob" }]).seats.length, 3);
  });

  test("locked, joinCode, host, successor", () => {
    const room = after(["locked", { locked: true }], ["joinCode", { joinCode: "XYZ789" }], ["host", { seatId: 2 }], ["successor", { roomId: "r2", joinCode: "NEW234" }]);
    assert.deepEqual([room.locked, room.joinCode, room.hostSeatId, room.you.isHost], [true, "XYZ789", 2, true]);
    assert.deepEqual(room.successor, { roomId: "r2", joinCode: "NEW234" });
    assert.equal(after(["host", { seatId: 3 }]).you.isHost, false);
  });

  test("the end", () => {
    const ranking = [{ seatId: 2, name: "Ada", total: 150, rank: 1 }];
    const room = after(asked, revealed(0, verdict(2, 150, 150, 1)), ["finished", { phaseNumber: 3, ranking }]);
    assert.deepEqual([room.phase, room.phaseNumber, room.question, room.reveal], ["finished", 3, null, null]);
    assert.equal(room.ranking, ranking);
    assert.equal(room.you.total, 150);
  });

  test("a pause keeps what is left, and moves the times by its length", () => {
    const paused = after(asked, ["paused", { by: "host" }, 15]);
    assert.deepEqual(paused.paused, { by: "host", remainingMs: 18_000 });
    const other = foldEvent(paused, { sequence: 9, at: at(20), event: "paused", payload: { by: "away" } });
    assert.deepEqual(other.paused, { by: "away", remainingMs: 18_000 });
    const room = foldEvent(other, { sequence: 10, at: at(75), event: "resumed", payload: { remainingMs: 18_000 } });
    assert.deepEqual([room.paused, room.question.opensAtMs, room.question.closesAtMs], [null, START + 73_000, START + 93_000]);
  });

  test("a pause before the question opens moves its opening", () => {
    const room = after(asked, ["paused", { by: "host" }, 11], ["resumed", { remainingMs: 20_000 }, 41]);
    assert.deepEqual([room.question.opensAtMs, room.question.closesAtMs], [START + 43_000, START + 63_000]);
  });

  test("a pause that was seen only in a snapshot", () => {
    const question = { ...QUESTION, index: 0, timeLimitMs: 20_000, opensAt: at(17), closesAt: at(37) };
    const paused = fromSnapshot({ ...LOBBY, phase: "question", phaseNumber: 1, question, paused: { by: "away", remainingMs: 20_000 }, serverTime: at(15) });
    const room = foldEvent(paused, { sequence: 3, at: at(20), event: "resumed", payload: { remainingMs: 20_000 } });
    assert.deepEqual([room.question.opensAtMs, room.question.closesAtMs], [START + 22_000, START + 42_000]);
  });

  test("only a reveal that goes on by itself needs a snapshot after a pause", () => {
    const event = { sequence: 99, at: at(30), event: "resumed", payload: {} };
    assert.equal(needsSnapshot(after(asked, revealed(0), ["paused", { by: "host" }]), event), true);
    assert.equal(needsSnapshot(after(asked, ["paused", { by: "host" }]), event), false);
    assert.equal(after(asked, revealed(0), ["paused", { by: "host" }]).advancesAtMs, null);
  });

  test("events of another kind, and skips, count and change nothing", () => {
    const room = after(["moved", { to: "e4" }]);
    assert.deepEqual({ ...room, head: 2 }, fromSnapshot(LOBBY));
    assert.equal(room.head, 3);
    assert.equal(foldSkip(room, 4).head, 4);
  });
});

describe("what is known already", () => {
  test("is not told again: an event, a skip, a snapshot", () => {
    const room = after(asked, ["locked", { locked: true }]);
    assert.equal(foldEvent(room, { sequence: 3, at: at(10), event: "locked", payload: { locked: false } }), room);
    assert.equal(foldSkip(room, 2), room);
    assert.equal(foldSnapshot(room, LOBBY), room);
    assert.equal(foldSnapshot(room, { ...LOBBY, head: 4 }).phase, "lobby");
    assert.equal(foldSnapshot(room, { ...LOBBY, epoch: "e2" }).phase, "lobby");
  });

  test("a replay behind a newer snapshot does not turn the room back", () => {
    const newer = fromSnapshot({ ...LOBBY, head: 4, phase: "finished", phaseNumber: 3, ranking: [] });
    const replayed = foldEvent(foldEvent(newer, { sequence: 3, at: at(1), event: asked[0], payload: asked[1] }), { sequence: 4, at: at(2), event: "locked", payload: { locked: true } });
    assert.equal(replayed, newer);
  });
});

describe("presence and the own answer", () => {
  test("presence tells who is here, and how many have answered an open question", () => {
    const open = after(asked);
    const room = foldPresence(open, { present: [2], answered: 1 });
    assert.deepEqual(room.seats.map(({ present }) => present), [false, true, false]);
    assert.equal(room.answeredCount, 1);
    assert.equal(foldPresence(room, { present: [2], answered: 1 }), room);
    const revealedRoom = after(asked, revealed(0, verdict(2, 0, 0, 1)));
    assert.equal(foldPresence(revealedRoom, { present: [1, 2, 3], answered: 0 }), revealedRoom);
  });

  test("the own answer stands in the room once it is taken, and only to its question", () => {
    const open = after(asked);
    const room = foldOwnAnswer(open, "q1", { optionIds: [2, 1] });
    assert.deepEqual([room.you.answered, room.you.optionIds, room.answeredCount], [true, [2, 1], 1]);
    assert.equal(foldOwnAnswer(open, "q0", { optionId: 1 }), open);
    assert.equal(foldOwnAnswer(room, "q1", { optionId: 1 }), room);
  });
});

test("a snapshot keeps every field, with times in milliseconds", () => {
  const question = { ...QUESTION, index: 0, timeLimitMs: 20_000, opensAt: at(13), closesAt: at(33) };
  const room = fromSnapshot({ ...LOBBY, phase: "reveal", phaseNumber: 2, question, reveal: reveal(0, [verdict(2, 150, 150, 1)]), advancesAt: at(40) });
  assert.equal(room.question.opensAtMs, START + 13_000);
  assert.equal(room.advancesAtMs, START + 40_000);
  assert.equal(room.expiresAtMs, START + 3_600_000);
  assert.equal(room.reveal.mine.points, 150);
  assert.equal(room.successor, null);
  assert.ok(!("opensAt" in room.question) && !("serverTime" in room));
});
