/** A question, read across the hall. @import { RoomQuestion, RoomView } from "../../client/types.js" */
import { html, useRef } from "../../vendor/preact.js";
import { t } from "../../ui/text.js";
import { Markup, plain } from "../../ui/markup.js";
import { Ring, Tile, useCountdown } from "../../ui/pieces.js";
import { areShort } from "./bars.js";
import { useFit } from "./fit.js";
import { players } from "./steps.js";

/** What kind of answer a question wants, in words; nothing where the options say it. @param {{question: RoomQuestion}} props */
function Hint({ question }) {
  const { kind, points } = question;
  const key = kind === "poll" ? (question.options?.length ? "poll" : "pollText") : kind;
  const parts = [kind === "choice" ? "" : t(`hint.${key}`), points !== undefined && points !== 1 ? t("hint.points", { points }) : ""].filter(Boolean);
  return parts.length ? html`<span class="stage-hint">${parts.join(" · ")}</span>` : null;
}

/**
 * The time that matters now: until the question opens, then until it closes.
 * @param {RoomView} room @param {() => number} now
 */
export function useQuestionTime(room, now) {
  const { question, settings, paused } = room;
  const stoppedLeftMs = room.phase === "question" && paused ? paused.remainingMs : undefined;
  const open = useCountdown(room.phase === "question" ? question : null, now, stoppedLeftMs);
  const ready = useCountdown(
    room.phase === "question" && question ? { opensAtMs: question.opensAtMs - settings.readyMs, closesAtMs: question.opensAtMs } : null,
    now,
  );
  return { isOpen: open.isOpen, clock: open.isOpen ? open : ready };
}

/** How many have answered. @param {{room: RoomView}} props */
export const Answered = ({ room }) =>
  html`<span class="stage-answered"><b>${room.answeredCount}</b> <span class="muted">${t("stage.answered", { count: players(room).length })}</span></span>`;

/** @param {{question: RoomQuestion}} props */
export const Picture = ({ question }) => (question.image ? html`<figure class="stage-picture"><img src=${question.image} alt=${question.alt ?? ""} /></figure>` : null);

/** How large options can be written: two of a word each across the hall. @param {{text: string}[]} options */
function sizeOf(options) {
  const texts = options.map(({ text }) => plain(text));
  return texts.length === 2 && areShort(texts, 12, 6) ? "huge" : texts.length < 7 && areShort(texts, 24, 12) ? "large" : "";
}

/** That the game stands still. @param {{room: RoomView, kind: string}} props */
export const Paused = ({ room, kind }) => html`<b class=${kind} role="status">${t(room.paused?.by === "away" ? "stage.pausedAway" : "stage.paused")}</b>`;

/** @param {{room: RoomView, time: ReturnType<typeof useQuestionTime>}} props */
export function Question({ room, time }) {
  const question = /** @type {RoomQuestion} */ (room.question);
  /** @type {{current: HTMLElement | null}} */
  const screen = useRef(null);
  useFit(screen, 3, [question.questionId, room.paused]);
  const options = question.options ?? [];
  const state = (/** @type {number} */ optionId) => (!time.isOpen || room.paused ? "faded" : question.kind === "order" ? "card" : room.you?.optionId === optionId ? "chosen" : "still");
  return html`<section class=${`stage-question ${time.isOpen ? "" : "is-ready"}`} ref=${screen} aria-label=${t("stage.questionOf", { index: question.index + 1, of: room.questionCount })}>
    <div class="row between stage-head"><span class="muted">${t("stage.questionOf", { index: question.index + 1, of: room.questionCount })}</span><${Hint} question=${question} /><span class="grow"></span>
      ${room.paused ? html`<${Paused} room=${room} kind="stage-text" />` : time.isOpen ? html`<${Answered} room=${room} />` : html`<b>${t("step.ready")}</b>`}</div>
    <div class="row stage-ask"><div class="stage-text grow" data-scroll role="heading" aria-level="1"><${Markup} text=${question.text} /></div><${Ring} ...${time.clock} isStopped=${Boolean(room.paused)} /></div>
    <div class=${`stage-answers ${question.image ? "with-picture" : ""}`}>
      <${Picture} question=${question} />
      ${options.length
        ? html`<ul class=${`stage-tiles ${options.length > 6 ? "many" : ""}`} data-size=${sizeOf(options)}>${options.map(
            ({ optionId, text }, index) =>
              html`<li key=${optionId}><${Tile} index=${index} text=${text} state=${state(optionId)}>${question.kind === "order" ? "" : null}<//></li>`,
          )}</ul>`
        : html`<p class="stage-typed muted">${t(`stage.type.${question.kind}`)}</p>`}
    </div>
  </section>`;
}
