/**
 * A room, folded from what the server tells: snapshots, numbered events, presence. Pure; a new object where something
 * changes, the same one where nothing does.
 *
 * @import { AnswerFields, EventFrame, OwnSeat, Reveal, RoomQuestion, RoomView, Seat, SeatVerdict, ShownAnswer } from "./types.js"
 */

/** No answer, over the fields that an answer to the question before may stand in. */
const NO_ANSWER = { optionId: null, optionIds: undefined, text: undefined, number: undefined };

/**
 * The room as a snapshot tells it.
 * @param {any} snapshot
 * @returns {RoomView}
 */
export function fromSnapshot(snapshot) {
  const { opensAt, closesAt, ...shown } = snapshot.question ?? {};
  const { advancesAt, expiresAt, serverTime, ...rest } = snapshot;
  const question = snapshot.question && { ...shown, opensAtMs: Date.parse(opensAt), closesAtMs: Date.parse(closesAt) };
  /** @type {RoomView} */
  const room = {
    ...rest,
    question,
    advancesAtMs: advancesAt ? Date.parse(advancesAt) : null,
    expiresAtMs: Date.parse(expiresAt),
    asOfMs: Date.parse(serverTime),
    successor: snapshot.successor ?? null,
    reveal: null,
    answeredCount: snapshot.seats.filter((/** @type {Seat} */ seat) => seat.answered).length,
    you: snapshot.you && { ...snapshot.you, previousRank: null },
  };
  return snapshot.reveal ? withReveal(room, snapshot.reveal) : room;
}

/**
 * Takes a snapshot in, unless the room is further already.
 * @param {RoomView | null} room
 * @param {any} snapshot
 * @returns {RoomView}
 */
export function foldSnapshot(room, snapshot) {
  if (room && snapshot.epoch === room.epoch && snapshot.head < room.head) return room;
  return fromSnapshot(snapshot);
}

/**
 * Takes an event in, unless the room knows it already.
 * @param {RoomView} room
 * @param {EventFrame} event
 * @returns {RoomView}
 */
export function foldEvent(room, event) {
  if (event.sequence <= room.head) return room;
  const fold = EVENTS[event.event];
  const at = Date.parse(event.at);
  return { ...(fold ? fold(room, event.payload, at) : room), head: event.sequence };
}

/**
 * An event for other seats: a number, and nothing else.
 * @param {RoomView} room
 * @param {number} sequence
 * @returns {RoomView}
 */
export function foldSkip(room, sequence) {
  return sequence <= room.head ? room : { ...room, head: sequence };
}

/**
 * @param {RoomView} room
 * @param {{present: number[], answered: number}} presence
 * @returns {RoomView}
 */
export function foldPresence(room, { present, answered }) {
  const here = new Set(present);
  const changes = room.seats.some((seat) => seat.present !== here.has(seat.seatId));
  const seats = changes ? room.seats.map((seat) => ({ ...seat, present: here.has(seat.seatId) })) : room.seats;
  // Presence counts answers to an open question alone.
  const answeredCount = room.phase === "question" ? answered : room.answeredCount;
  return changes || answeredCount !== room.answeredCount ? { ...room, seats, answeredCount } : room;
}

/**
 * The own answer was taken.
 * @param {RoomView} room
 * @param {string} questionId
 * @param {AnswerFields} fields
 * @returns {RoomView}
 */
export function foldOwnAnswer(room, questionId, fields) {
  const { you } = room;
  if (!you || you.answered || room.phase !== "question" || room.question?.questionId !== questionId) return room;
  const seats = room.seats.map((seat) => (seat.seatId === you.seatId ? { ...seat, answered: true } : seat));
  return {
    ...room,
    you: { ...you, ...NO_ANSWER, ...fields, answered: true },
    seats,
    answeredCount: Math.max(room.answeredCount, seats.filter((seat) => seat.answered).length),
  };
}

/**
 * True if the room can't be known from events alone, and a snapshot should be asked for.
 * @param {RoomView} before
 * @param {EventFrame} event
 */
export function needsSnapshot(before, event) {
  if (event.event !== "resumed" || event.sequence <= before.head) return false;
  // How much of the reveal was left when the pause began is known only if its beginning was seen.
  return before.phase === "reveal" && before.settings.advance === "auto";
}

/** @type {Record<string, (room: RoomView, payload: any, at: number) => RoomView>} */
const EVENTS = {
  joined: (room, { seatId, name }) => withSeats(room, [...without(room, seatId), newSeat(room, seatId, name)]),
  left: (room, { seatId }) => withSeats(room, without(room, seatId)),
  kicked: (room, { seatId }) => withSeats(room, without(room, seatId)),
  revoked: (room, { seatId }) => withSeats(room, without(room, seatId)),
  locked: (room, { locked }) => ({ ...room, locked }),
  joinCode: (room, { joinCode }) => ({ ...room, joinCode }),
  host: (room, { seatId }) => ({
    ...room,
    hostSeatId: seatId,
    you: room.you && { ...room.you, isHost: room.you.seatId === seatId },
  }),
  question: askQuestion,
  reveal: (room, payload, at) =>
    withReveal(
      {
        ...room,
        phase: "reveal",
        phaseNumber: payload.phaseNumber,
        advancesAtMs: room.settings.advance === "auto" ? at + room.settings.revealMs : null,
      },
      payload,
    ),
  paused: pause,
  resumed: resume,
  finished: (room, { phaseNumber, ranking }) => ({
    ...withoutAnswers(room),
    phase: "finished",
    phaseNumber,
    ranking: ranking ?? null,
    paused: null,
    question: null,
    reveal: null,
    advancesAtMs: null,
  }),
  successor: (room, { roomId, joinCode }) => ({ ...room, successor: { roomId, joinCode } }),
};

/** @param {RoomView} room @param {any} payload @param {number} at @returns {RoomView} */
function askQuestion(room, { phaseNumber, index, question, readyMs, timeLimitMs }, at) {
  const opensAtMs = at + readyMs;
  return {
    ...withoutAnswers(room),
    phase: "question",
    phaseNumber,
    question: { ...question, index, timeLimitMs, opensAtMs, closesAtMs: opensAtMs + timeLimitMs },
    reveal: null,
    advancesAtMs: null,
  };
}

/** @param {RoomView} room @param {{by: "host" | "away"}} payload @param {number} at @returns {RoomView} */
function pause(room, { by }, at) {
  // Another reason for a pause that stands is no new pause.
  if (room.paused) return { ...room, paused: { ...room.paused, by } };
  const open = room.phase === "question" ? room.question : null;
  const remainingMs = open ? Math.max(0, Math.min(open.closesAtMs - at, open.timeLimitMs)) : undefined;
  return { ...room, paused: { by, ...(open ? { remainingMs } : {}) }, advancesAtMs: null, asOfMs: at };
}

/** @param {RoomView} room @param {{remainingMs?: number}} payload @param {number} at @returns {RoomView} */
function resume(room, { remainingMs }, at) {
  const { question } = room;
  if (room.phase !== "question" || !question || !room.paused) return { ...room, paused: null };
  const stood = Math.max(0, at - room.asOfMs);
  // Capped at the limit where the question was still to open; exact otherwise.
  const isExact = remainingMs !== undefined && remainingMs < question.timeLimitMs;
  const shift = isExact ? at + remainingMs - question.closesAtMs : stood;
  return {
    ...room,
    paused: null,
    question: { ...question, opensAtMs: question.opensAtMs + shift, closesAtMs: question.closesAtMs + shift },
  };
}

/**
 * @param {RoomView} room
 * @param {Omit<Reveal, "mine">} payload
 * @returns {RoomView}
 */
function withReveal(room, payload) {
  const verdicts = new Map(payload.verdicts.map((verdict) => [verdict.seatId, verdict]));
  const told = room.seats.map((seat) => judged(seat, verdicts.get(seat.seatId)));
  const mine = (room.you && verdicts.get(room.you.seatId)) ?? null;
  const folded = withSeats({ ...room, reveal: { ...payload, mine } }, told);
  const { you } = folded;
  return {
    ...folded,
    answeredCount: told.filter((seat) => seat.answered).length,
    you: you && {
      ...you,
      ...NO_ANSWER,
      ...shownAnswer(mine),
      answered: mine !== null && mine.responseMs !== null,
      previousRank: previousRank(told, verdicts, you),
    },
  };
}

/**
 * The fields of an answer, out of what the server tells with it.
 * @param {ShownAnswer | null} told
 * @returns {AnswerFields}
 */
export function shownAnswer(told) {
  if (told?.optionIds) return { optionIds: told.optionIds };
  if (told?.text !== undefined) return { text: told.text };
  if (told?.number !== undefined) return { number: told.number };
  return { optionId: told?.optionId ?? null };
}

/** @param {Seat} seat @param {SeatVerdict} [verdict] @returns {Seat} */
function judged(seat, verdict) {
  return verdict ? { ...seat, total: verdict.total, answered: verdict.responseMs !== null } : { ...seat, answered: false };
}

/**
 * The place that the own seat had before this reveal.
 * @param {Seat[]} seats
 * @param {Map<number, SeatVerdict>} verdicts
 * @param {OwnSeat} you
 */
function previousRank(seats, verdicts, you) {
  const before = seats.map((seat) => ({
    ...seat,
    total: seat.total === null ? null : seat.total - (verdicts.get(seat.seatId)?.points ?? 0),
  }));
  if (before.every((seat) => !seat.total)) return null;
  return ranked(before).find((seat) => seat.seatId === you.seatId)?.rank ?? null;
}

/** @param {RoomView} room @returns {RoomView} */
function withoutAnswers(room) {
  return {
    ...room,
    seats: room.seats.map((seat) => ({ ...seat, answered: false })),
    answeredCount: 0,
    you: room.you && { ...room.you, ...NO_ANSWER, answered: false, previousRank: null },
  };
}

/** @param {RoomView} room @param {number} seatId */
function without(room, seatId) {
  return room.seats.filter((seat) => seat.seatId !== seatId);
}

/** @param {RoomView} room @param {number} seatId @param {string | null} name @returns {Seat} */
function newSeat(room, seatId, name) {
  return { seatId, name, present: true, answered: false, total: room.mode === "quiz" ? 0 : null, rank: null };
}

/**
 * The room with these seats, in their order, each with its place.
 * @param {RoomView} room
 * @param {Seat[]} seats
 * @returns {RoomView}
 */
function withSeats(room, seats) {
  const sorted = ranked([...seats].sort((one, other) => one.seatId - other.seatId));
  const own = sorted.find((seat) => seat.seatId === room.you?.seatId);
  return {
    ...room,
    seats: sorted,
    you: room.you && own ? { ...room.you, total: own.total ?? room.you.total, rank: own.rank } : room.you,
  };
}

/**
 * Equal points share a place, and the next is left out.
 * @param {Seat[]} seats
 * @returns {Seat[]}
 */
function ranked(seats) {
  const totals = seats.flatMap(({ total }) => (total === null ? [] : [total])).sort((one, other) => other - one);
  /** @type {Map<number, number>} */
  const places = new Map();
  totals.forEach((total, index) => places.has(total) || places.set(total, index + 1));
  return seats.map((seat) => {
    const rank = seat.total === null ? null : (places.get(seat.total) ?? null);
    return seat.rank === rank ? seat : { ...seat, rank };
  });
}
