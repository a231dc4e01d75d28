/** A question of a solo game, its clock, and its verdict. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { seats } from "../client/storage.js";
import { Outcome, VerdictCard } from "../ui/answer/outcome.js";
import { isOnControl, useKeys } from "../ui/keys.js";
import { useFocus, useTitle } from "../ui/live.js";
import { Confirm, Cross, useTicks } from "../ui/pieces.js";
import { AnswerInput, Clock, QuestionText } from "../ui/question.js";
import { fault, has, number, t } from "../ui/text.js";
import { useReached } from "../ui/use.js";

/**
 * @import { Solo, SoloState } from "../client/solo.js"
 * @typedef {{solo: Solo, state: SoloState}} Props
 */

/** @param {Props & {onOver: () => void, onLeave: () => void}} props */
export function Play({ solo, state, onOver, onLeave }) {
  const { current, verdict, open, answers, questionCount, status } = state;
  const shownNumber = current ? answers.length + (verdict ? 0 : 1) : answers.length + 1;
  useTitle(t("room.questionOf", { number: shownNumber, of: questionCount }));
  const next = () => {
    if (status === "finished") onOver();
    else if (open[0]) solo.show(open[0].questionId).catch(() => {});
  };
  const Screen = verdict ? Judged : current ? Asked : Ready;
  return html`<${SoloBar} solo=${solo} state=${state} number=${shownNumber} onLeave=${onLeave} />
    <${Screen} key=${current?.question.questionId} solo=${solo} state=${state} onNext=${next} />`;
}

/** @param {Props & {number: number, onLeave: () => void}} props */
function SoloBar({ solo, state, number: shownNumber, onLeave }) {
  const [isAsking, ask] = useState(false);
  const giveUp = () => {
    seats.forget(state.sessionId);
    solo.giveUp().catch(() => {});
    onLeave();
  };
  return html`<header class="player-bar">
    <b>${t("room.of", { number: shownNumber, of: state.questionCount })}</b>
    <span class="row"><b class="player-points">${number(state.totalScore)}<span class="only-heard"> ${t("unit.points")}</span></b>
      <button class="menu-button" aria-label=${t("solo.giveUp")} onClick=${() => ask(true)}><${Cross} /></button></span>
    ${isAsking ? html`<${Confirm} title=${t("solo.giveUp")} text=${t("solo.giveUpText")} yes=${t("stage.finishYes")} onYes=${giveUp} onClose=${() => ask(false)} />` : null}
  </header>`;
}

/** A pause before the clock of the next question starts, after a reload. @param {{onNext: () => void}} props */
function Ready({ onNext }) {
  const heading = useFocus();
  return html`<section class="notice stack"><h1 tabindex="-1" ref=${heading}>${t("solo.ready")}</h1><p class="muted">${t("solo.readyHint")}</p>
    <${NextButton} label=${t("step.resume")} onNext=${onNext} /></section>`;
}

/** @param {Props} props */
function Asked({ solo, state }) {
  const { current, pending } = state;
  const closesAtMs = current?.closesAtMs ?? null;
  const isOver = useReached(closesAtMs, () => solo.now());
  const questionId = current?.question.questionId ?? "";
  const answer = (/** @type {any} */ fields) => void solo.answer(questionId, fields).catch(() => {});
  useEffect(() => {
    if (isOver && !solo.state.pending && !solo.state.verdict) answer({ optionId: null });
  }, [isOver]);
  if (!current) return null;
  const isRefused = pending?.status === "refused";
  const given = pending && !isRefused ? pending.fields : null;
  return html`<section class="asked">
    ${closesAtMs === null ? html`<${Stopwatch} since=${current.openedAtMs} now=${() => solo.now()} />` : html`<${Clock} span=${{ opensAtMs: current.openedAtMs, closesAtMs }} now=${() => solo.now()} />`}
    <${QuestionText} question=${current.question} />
    <div class="answering">
      <${AnswerInput} question=${current.question} given=${given} disabled=${isOver} onAnswer=${answer} />
      ${isRefused ? html`<p class="answer-status fault" role="alert">${has(`refusal.${pending.code}`) ? t(`refusal.${pending.code}`) : fault(pending)}</p>` : null}
    </div>
  </section>`;
}

/** Seconds since a question was shown, where it has no limit. @param {{since: number, now: () => number}} props */
function Stopwatch({ since, now }) {
  const [passed, set] = useState(0);
  useTicks(() => set(Math.max(0, Math.floor((now() - since) / 1000))), 200);
  return html`<p class="stopwatch muted" role="timer"><svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round"><circle cx="12" cy="13.500" r="8" /><path d="M12 13.500V9M9.500 2.500h5" /></svg>${t("unit.seconds", { value: passed })}</p>`;
}

/** @param {Props & {onNext: () => void}} props */
function Judged({ state, onNext }) {
  const { current, verdict, status } = state;
  if (!current || !verdict) return null;
  const { speedBonus } = verdict;
  const note = speedBonus ? t("solo.bonus", { points: speedBonus }) : null;
  return html`<section class="revealed">
    <${VerdictCard} verdict=${verdict} note=${note} />
    <div class="revealed-question">
      <${QuestionText} question=${current.question} quiet=${true} />
      <${Outcome} question=${current.question} told=${verdict} verdict=${verdict} />
    </div>
    <${NextButton} label=${t(status === "finished" ? "solo.results" : "step.next")} onNext=${onNext} />
  </section>`;
}

/** The next step, by Enter too. @param {{label: string, onNext: () => void}} props */
function NextButton({ label, onNext }) {
  useKeys((event) => {
    if (event.key !== "Enter" || isOnControl(event)) return false;
    onNext();
    return true;
  });
  return html`<div class="next-bar"><button class="button wide" onClick=${onNext}>${label} <kbd aria-hidden="true">↵</kbd></button></div>`;
}
