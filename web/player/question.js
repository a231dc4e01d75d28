/** A question: shown, opened, answered. */
import { html } from "../vendor/preact.js";
import { useAnnounced } from "../ui/live.js";
import { useCountdown } from "../ui/pieces.js";
import { AnswerInput, Clock, QuestionText } from "../ui/question.js";
import { has, number, t } from "../ui/text.js";
import { useReached } from "../ui/use.js";

/** @param {import("./room.js").ScreenProps} props */
export function Question({ room, view, state }) {
  const { question, paused } = view;
  const now = () => room.now();
  const isPaused = paused !== null;
  // A pause moves the times when it ends: as long as it stands, they are right for the moment of `asOfMs`.
  const at = () => (isPaused ? view.asOfMs : room.now());
  const isOpen = useReached(question?.opensAtMs, at);
  const isOver = useReached(question?.closesAtMs, at);
  if (!question) return null;
  if (!isOpen) return html`<${GetReady} question=${question} now=${at} />`;
  return html`<section class="asked">
    <${Clock} span=${question} now=${now} stoppedLeftMs=${paused?.remainingMs ?? (isPaused ? question.timeLimitMs : undefined)} />
    <${QuestionText} question=${question} />
    <${Answering} room=${room} view=${view} state=${state} isOver=${isOver} />
  </section>`;
}

/**
 * @param {{question: import("../client/types.js").RoomQuestion, now: () => number}} props
 */
function GetReady({ question, now }) {
  const { left } = useCountdown({ opensAtMs: -Infinity, closesAtMs: question.opensAtMs }, now);
  return html`<section class="asked ready">
    <${QuestionText} question=${question} />
    <p class="ready-count" role="timer"><span class="muted">${t("step.ready")}</span><b key=${left} class="pop-in">${left}</b></p>
  </section>`;
}

/** @param {import("./room.js").ScreenProps & {isOver: boolean}} props */
function Answering({ room, view, state, isOver }) {
  const { question, paused, you } = view;
  const { pending } = state;
  const isRefused = pending?.status === "refused";
  const given = pending && !isRefused ? pending.fields : null;
  // Who joined while it was open has no part in it.
  const isLate = pending?.code === "not-playing";
  const answer = (/** @type {any} */ fields) => void room.answer(fields).catch(() => {});
  const status = statusOf(state, isOver);
  useAnnounced(status);
  if (!question) return null;
  if (!you?.plays) return html`<p class="muted center">${t("question.watching")}</p>`;
  return html`<div class="answering">
    <${AnswerInput} question=${question} given=${given} disabled=${paused !== null || isOver || isLate} onAnswer=${answer} />
    <p class=${`answer-status ${isRefused && !isLate ? "fault" : "muted"}`}>${status} ${given || isOver ? html`<span class="nowrap">${t("question.answered", { count: playing(view), answered: number(view.answeredCount) })}</span>` : null}</p>
  </div>`;
}

/** How many can answer. @param {import("../client/types.js").RoomView} view */
const playing = (view) => view.seats.filter((seat) => seat.total !== null).length;

/**
 * What became of the own answer, in words.
 * @param {import("../client/types.js").RoomState} state @param {boolean} isOver
 */
function statusOf({ pending, connection }, isOver) {
  if (pending?.status === "refused") return refusalOf(pending);
  if (pending?.status === "accepted") return t("question.in");
  if (pending) return t(connection.status === "live" ? "question.sending" : "question.kept");
  return isOver ? t("question.over") : "";
}

/** @param {{code?: string, reason?: string}} pending */
function refusalOf({ code, reason }) {
  const key = [`refusal.${reason}`, `refusal.${code}`].find(has);
  return t(key ?? "problem.other");
}
