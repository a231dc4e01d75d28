// Rooms with a host and players, as the tests of the client need them.
import WebSocket from "ws";
import { Api, memoryStorage, Room } from "../../../web/client/index.js";
import { someAnswer, stateOf } from "../support.mjs";

/** Everything that a test opened, to be closed after it. */
export class Table {
  /** @type {Room[]} */
  rooms = [];

  /** @param {import("../support.mjs").Server} server */
  constructor(server) {
    this.server = server;
    this.api = new Api({ base: server.base });
  }

  /** @param {object} seat @param {object} [options] */
  connect(seat, options = {}) {
    const room = new Room({ base: this.server.base, storage: memoryStorage(), WebSocket, ...seat, ...options });
    this.rooms.push(room);
    room.start();
    return Object.assign(room, { token: seat.token });
  }

  /** @param {object} settings @param {object} [options] */
  async host(settings, options) {
    const opened = await Room.open(this.api, { readyMs: 0, ...settings });
    const host = this.connect(opened, options);
    await stateOf(host, "the host is there", isLive);
    return { opened, host };
  }

  /** @param {string} joinCode @param {string} name @param {object} [options] */
  async player(joinCode, name, options) {
    const seat = await Room.join(this.api, { joinCode, name });
    return this.connect(seat, options);
  }

  close() {
    for (const room of this.rooms) room.stop();
  }
}

export const isLive = (state) => state.connection.status === "live" && state.room !== null;
export const isOpen = (index) => (state) => state.room?.phase === "question" && state.room.question.index === index;
export const isRevealed = (index) => (state) => state.room?.phase === "reveal" && state.room.reveal.index === index;
export const isFinished = (state) => state.room?.phase === "finished";

/**
 * Plays a room to its end: each player answers each question, the host goes on once it is revealed.
 * @param {Room} host
 * @param {Room[]} players
 * @param {number} ms for each step at most
 */
export async function playToTheEnd(host, players, ms = 15_000) {
  const { questionCount } = (await stateOf(host, "the host is there", isLive, ms)).room;
  for (let index = 0; index < questionCount; index += 1) {
    // A repeat of a move that was made moves nothing, and a stale one neither.
    if (!isOpen(index)(host.state)) await host.move(index === 0 ? "start" : "next");
    await Promise.all(players.map((player, seat) => answerIn(player, index, seat, ms)));
    await stateOf(host, `question ${index} is revealed`, isRevealed(index), ms);
  }
  await host.move("next");
  await Promise.all([host, ...players].map((room) => stateOf(room, "the end", isFinished, ms)));
}

/** @param {Room} player @param {number} index @param {number} pick @param {number} ms */
export async function answerIn(player, index, pick, ms = 15_000) {
  const isPast = (state) => isOpen(index)(state) || isRevealed(index)(state);
  const { room } = await stateOf(player, `question ${index}`, isPast, ms);
  if (room.phase === "question") {
    await player.answer(someAnswer(room.question, pick)).catch((problem) => {
      // Everybody else had answered, and this seat was away at that moment.
      if (problem.code !== "question-not-open") throw problem;
    });
  }
  await stateOf(player, `question ${index} is revealed`, isRevealed(index), ms);
}

/**
 * The scores that each page shows are those of the results.
 * @param {Room} host
 * @param {Room[]} players
 */
export async function scoresOf(host, players) {
  const results = await host.results();
  const told = new Map(results.seats.map((seat) => [seat.seatId, { total: seat.total, rank: seat.rank }]));
  const shown = players.map(({ state: { room } }) => [room.you.seatId, { total: room.you.total, rank: room.you.rank }]);
  return { results, told, shown: new Map(shown) };
}
