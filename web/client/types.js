/**
 * What is answered: one field, by the question's kind; `{optionId: null}` passes.
 * @typedef {{optionId: number | null} | {optionIds: number[]} | {text: string} | {number: number}} AnswerFields
 */

/**
 * @typedef {"choice" | "multiple" | "text" | "number" | "order" | "poll"} Kind
 * @typedef {{optionId: number, text: string}} Option
 */

/**
 * A question as players see it.
 * @typedef {object} Question
 * @property {string} questionId
 * @property {Kind} kind
 * @property {string} text
 * @property {Option[]} options
 * @property {string} [category]
 * @property {string} [difficulty]
 * @property {string} [image]
 * @property {string} [alt]
 * @property {number} [timeLimitMs]
 * @property {number} [points]
 */

/**
 * The question of a room that stands, or is revealed.
 * @typedef {Question & {index: number, timeLimitMs: number, opensAtMs: number, closesAtMs: number}} RoomQuestion
 */

/**
 * What is right, under the names of each kind.
 * @typedef {object} Correct
 * @property {number} [correctOptionId]
 * @property {number[]} [correctOptionIds]
 * @property {string[]} [correctTexts]
 * @property {number} [correctNumber]
 * @property {{min: number, max: number}} [correctRange]
 * @property {number[]} [correctOrder]
 */

/**
 * An answer as the server tells it.
 * @typedef {object} ShownAnswer
 * @property {number | null} [optionId]
 * @property {number[]} [optionIds]
 * @property {string} [text]
 * @property {number} [number]
 */

/**
 * @typedef {object} VerdictFields
 * @property {number} seatId
 * @property {boolean | null} correct null in a poll
 * @property {number} [share]
 * @property {number} points
 * @property {number | null} responseMs null without an answer
 * @property {number} total
 * @property {number} rank
 * @typedef {ShownAnswer & VerdictFields} SeatVerdict
 */

/**
 * @typedef {ShownAnswer & {count: number}} Count
 */

/**
 * @typedef {object} RevealFields
 * @property {number} phaseNumber
 * @property {number} index
 * @property {string} questionId
 * @property {Kind} kind
 * @property {string} [explanation]
 * @property {Count[]} counts
 * @property {SeatVerdict[]} verdicts
 * @property {SeatVerdict | null} mine the own seat's verdict
 * @typedef {Correct & RevealFields} Reveal
 */

/**
 * @typedef {object} Seat
 * @property {number} seatId
 * @property {string | null} name
 * @property {boolean} present
 * @property {boolean} answered
 * @property {number | null} total null for a seat that doesn't play
 * @property {number | null} rank
 */

/**
 * @typedef {object} OwnSeatFields
 * @property {number} seatId
 * @property {string | null} name
 * @property {boolean} isHost
 * @property {boolean} plays
 * @property {boolean} answered
 * @property {number} total
 * @property {number | null} rank
 * @property {number | null} previousRank the place before the reveal that stands; null without one, or where nobody had points
 * @typedef {ShownAnswer & OwnSeatFields} OwnSeat
 */

/**
 * @typedef {{seatId: number, name: string | null, total: number, rank: number}} Ranked
 * @typedef {"lobby" | "question" | "reveal" | "finished"} Phase
 */

/**
 * @typedef {object} RoomSettings
 * @property {"host" | "auto"} advance
 * @property {boolean} lateJoin
 * @property {number} maxSeats
 * @property {boolean} hostPlays
 * @property {"pause" | "oldestSeat"} hostAway
 * @property {number} timeLimitMs
 * @property {number} readyMs
 * @property {number} revealMs
 * @property {number} awayMs
 */

/**
 * A room as the own seat sees it, folded from snapshots and events.
 * @typedef {object} RoomView
 * @property {string} roomId
 * @property {string} joinCode
 * @property {"quiz" | "external"} mode
 * @property {string} [quizId]
 * @property {Phase | null} phase null in an external room
 * @property {number} phaseNumber
 * @property {{by: "host" | "away", remainingMs?: number} | null} paused
 * @property {boolean} locked
 * @property {number | null} hostSeatId
 * @property {number} questionCount
 * @property {RoomQuestion | null} question
 * @property {number | null} advancesAtMs when the reveal ends by itself
 * @property {Reveal | null} reveal
 * @property {OwnSeat | null} you
 * @property {Seat[]} seats
 * @property {number} answeredCount
 * @property {Ranked[] | null} ranking
 * @property {RoomSettings} settings
 * @property {{roomId: string, joinCode: string} | null} successor the room that follows this one
 * @property {number} expiresAtMs
 * @property {string} epoch
 * @property {number} head the newest event that is in here
 * @property {number} asOfMs when a pause began that stands, or was last looked at: the times of the question are right for then
 */

/** @typedef {{type: string, [field: string]: any}} Frame */

/**
 * @typedef {object} EventFrame
 * @property {number} sequence
 * @property {string} at
 * @property {string} event
 * @property {any} payload
 */

/** @typedef {"superseded" | "kicked" | "gone" | "bad-token" | "left" | "closed"} StopReason */

/**
 * @typedef {object} ConnectionState
 * @property {"connecting" | "live" | "waiting" | "stopped"} status
 * @property {"websocket" | "poll"} via
 * @property {number | null} retryAt by Date.now(), when waiting
 * @property {StopReason | null} reason when stopped; `closed` before `start()` and after `stop()`
 * @property {number} attempts failed tries since the connection last stood
 */

/**
 * @typedef {object} PendingAnswer
 * @property {string} questionId
 * @property {AnswerFields} fields
 * @property {"sending" | "accepted" | "refused"} status
 * @property {string} [code] when refused
 * @property {string} [reason] of `question-not-open`
 */

/**
 * @typedef {object} RoomState
 * @property {ConnectionState} connection
 * @property {RoomView | null} room
 * @property {PendingAnswer | null} pending
 */

export {};
