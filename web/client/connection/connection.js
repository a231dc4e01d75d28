/**
 * One connection of a seat to its room, over whatever carries it. It tells its owner every frame and, once, its end.
 *
 * @import { Api } from "../api.js"
 * @import { Frame } from "../types.js"
 *
 * @typedef {object} Connection
 * @property {"websocket" | "poll"} via
 * @property {boolean} isWelcome true once the server has welcomed the seat
 * @property {() => void} open
 * @property {(frame: Frame) => void} send lost if the connection is; a request is sent again on the next one
 * @property {(sequence: number) => void} applied events up to this one are applied, and may be acknowledged
 * @property {() => Promise<void>} probe asks for a sign of life; settled when it comes
 * @property {() => void} close without telling its owner
 *
 * @typedef {object} ConnectionOptions
 * @property {string} base
 * @property {string} roomId
 * @property {Api} api
 * @property {() => {token: string, epoch?: string, lastSequence?: number}} resume
 * @property {(connection: Connection, frame: Frame) => void} onFrame
 * @property {(connection: Connection, end: {code: number, retryAfterMs?: number | null}) => void} onClosed
 * @property {(serverTime: string, sentAt: number) => void} onServerTime
 */

export {};
