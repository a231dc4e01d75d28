/** The one next step of a game, by what stands on the stage. Pure. @import { RoomView } from "../../client/types.js" */

/**
 * @typedef {"chart" | "ranking"} View what a reveal shows
 * @typedef {"wait" | "start" | "ready" | "close" | "resume" | "ranking" | "next" | "podium" | "again"} StepName
 * @typedef {{name: StepName, move?: "start" | "close" | "next", isIdle?: boolean}} Step `isIdle`: nothing can be done now
 */

/** The seats that play. @param {RoomView} room */
export const players = (room) => room.seats.filter((seat) => seat.total !== null);

/** Whether the question that stands is the last one. @param {RoomView} room */
export const isLast = (room) => (room.question?.index ?? 0) + 1 >= room.questionCount;

/** Whether a reveal is followed by the ranking: a poll earns nothing. @param {RoomView} room */
export const hasRanking = (room) => room.reveal !== null && room.reveal.kind !== "poll" && players(room).length > 0;

/**
 * @param {RoomView} room
 * @param {{view: View, isOpen: boolean}} shown `isOpen`: answers count already
 * @returns {Step}
 */
export function nextStep(room, { view, isOpen }) {
  if (room.paused) return { name: "resume" };
  if (room.phase === "lobby") return players(room).length ? { name: "start", move: "start" } : { name: "wait", isIdle: true };
  if (room.phase === "question") return isOpen ? { name: "close", move: "close" } : { name: "ready", isIdle: true };
  if (room.phase === "finished") return { name: "again" };
  if (view === "chart" && hasRanking(room) && !isLast(room)) return { name: "ranking" };
  return isLast(room) ? { name: "podium", move: "next" } : { name: "next", move: "next" };
}
