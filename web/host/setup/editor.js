/** An own quiz: its questions to reorder, edit, delete and add; every change is kept in this browser at once. */
import { html, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { t } from "../../ui/text.js";
import { announce } from "../../ui/live.js";
import { Markup } from "../../ui/markup.js";
import { Cross } from "../../ui/pieces.js";
import { go } from "../../ui/links.js";
import { useMovement } from "../../ui/movement.js";
import { useReorder } from "./drag.js";
import { Choice, LongText, Text, Tick } from "./fields.js";
import { Drop, Report } from "./import.js";
import { apart, download } from "./files.js";
import { isKept, keepQuiz } from "./library.js";
import { Preview } from "./preview.js";
import { QuestionForm } from "./question-form.js";
import { blank, KINDS, lacks, MOST_QUESTIONS, moved, SPEED_BONUS, toBank } from "./quiz.js";

/** @typedef {import("./quiz.js").Draft} Draft @typedef {import("./quiz.js").OwnQuiz} OwnQuiz */

/**
 * @param {object} props
 * @param {Draft} props.question @param {number} props.at @param {number} props.count @param {boolean} props.isOpen @param {boolean} props.isTold what it lacks is told also while it is edited
 * @param {any} props.handle @param {boolean} props.isHeld
 * @param {() => void} props.onOpen @param {(question: Draft) => void} props.onChange @param {() => void} props.onDelete
 */
function Row({ question, at, count, isOpen, isTold, handle, isHeld, onOpen, onChange, onDelete }) {
  const missing = lacks(question);
  return html`<li class=${`card edit-row ${isHeld ? "held" : ""}`} data-key=${question.questionId}>
    <div class="row">
      <button type="button" class="setup-icon edit-handle" aria-label=${t("edit.handle", { index: at + 1, of: count })} ...${handle}><svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="currentColor"><path d="M8 4h3v3H8zm5 0h3v3h-3zM8 10.500h3v3H8zm5 0h3v3h-3zM8 17h3v3H8zm5 0h3v3h-3z" /></svg></button>
      <button type="button" class="edit-name grow" aria-expanded=${String(isOpen)} onClick=${onOpen}><span class="muted">${at + 1}</span> <span class="grow">${question.text.trim() ? html`<${Markup} text=${question.text} />` : t("edit.noText")}</span></button>
      <span class="small muted edit-kind">${t(`kind.${question.kind}`)}</span>
      <button type="button" class="setup-icon" aria-label=${t("edit.delete", { index: at + 1 })} onClick=${onDelete}><${Cross} /></button>
    </div>
    ${missing.length && (!isOpen || isTold) ? html`<p class="fault small">${missing.map((key) => t(key)).join(" · ")}</p>` : null}
    ${isOpen ? html`<div class="edit-open"><${QuestionForm} question=${question} onChange=${onChange} /><div class="stack"><p class="label">${t("edit.preview")}</p><${Preview} question=${question} /></div></div>` : null}
  </li>`;
}

/** Points and words about the whole quiz. @param {{quiz: OwnQuiz, change: (part: Partial<OwnQuiz>) => void}} props */
function About({ quiz, change }) {
  const { scoring } = quiz;
  const score = (/** @type {object} */ part) => change({ scoring: { ...scoring, ...part } });
  const hasSpeed = !scoring?.speedBonus || scoring.speedBonus.length > 0;
  const isShared = scoring?.multiple === "shares" || scoring?.order === "shares";
  return html`<details><summary>${t("edit.about")}</summary><div class="stack setup-fold">
    <${LongText} id="quiz-description" label=${t("edit.description")} value=${quiz.description} onInput=${(/** @type {string} */ description) => change({ description })} />
    <${Tick} label=${t("edit.speed")} checked=${hasSpeed} onChange=${(/** @type {boolean} */ on) => score({ speedBonus: on ? SPEED_BONUS : [] })} />
    <${Tick} label=${t("edit.shares")} checked=${isShared} onChange=${(/** @type {boolean} */ on) => score({ multiple: on ? "shares" : "allOrNothing", order: on ? "shares" : "allOrNothing" })} />
  </div></details>`;
}

/** @param {{quiz: OwnQuiz, report?: import("./files.js").Imported | null, onReport: (report: import("./files.js").Imported | null) => void, onPlay: () => void}} props */
export function Editor({ quiz, report, onReport, onPlay }) {
  const { questions } = quiz;
  const [open, setOpen] = useState("");
  const [gone, setGone] = useState(/** @type {{question: Draft, at: number} | null} */ (null));
  const [kind, setKind] = useState("choice");
  const [wrong, setWrong] = useState("");
  /** @type {{current: HTMLElement | null}} */
  const list = useRef(null);
  /** @type {{current: HTMLElement | null}} */
  const undoButton = useRef(null);
  // The row that had the focus is gone.
  useLayoutEffect(() => undoButton.current?.focus({ preventScroll: true }), [gone]);
  const change = (/** @type {Partial<OwnQuiz>} */ part) => keepQuiz({ ...quiz, ...part });
  const setQuestions = (/** @type {Draft[]} */ next) => change({ questions: next });
  const move = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (to < 0 || to >= questions.length) return;
    setQuestions(moved(questions, from, to));
    announce(t("stage.questionOf", { index: to + 1, of: questions.length }));
  };
  const { held, handle } = useReorder(list, move);
  useMovement(list, questions.map(({ questionId }) => questionId).join());
  const remove = (/** @type {number} */ at) => {
    setGone({ question: questions[at], at });
    setQuestions(questions.filter((_, other) => other !== at));
  };
  const undo = () => {
    if (!gone) return;
    setQuestions([...questions.slice(0, gone.at), gone.question, ...questions.slice(gone.at)]);
    setGone(null);
    requestAnimationFrame(() => requestAnimationFrame(() => list.current?.children[gone.at]?.querySelector("button")?.focus()));
  };
  const add = () => {
    const question = blank(/** @type {any} */ (kind));
    setQuestions([...questions, question]);
    setOpen(question.questionId);
    requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(`${question.questionId}-text`)?.focus()));
  };
  const append = (/** @type {import("./files.js").Imported} */ read) => {
    onReport(read);
    setQuestions(apart([...questions, ...read.questions]));
  };
  const bad = questions.filter((question) => lacks(question).length).length;
  const play = () => (bad ? setWrong(t("edit.stillBad", { count: bad })) : questions.length ? onPlay() : setWrong(t("edit.stillEmpty")));
  return html`<div class="stack editor">
    <h1 class="only-heard">${quiz.title.trim() || t("setup.untitled")}</h1>
    <div class="topbar"><a class="button plain" href="/host">${t("setup.back")}</a>
      <div class="row"><button type="button" class="button quiet compact" onClick=${() => download(`${toBank(quiz).quizId}.json`, JSON.stringify(toBank(quiz), null, 2), "application/json")}>${t("edit.save")}</button><button type="button" class="button compact" onClick=${play}>${t("edit.play")}</button></div></div>
    ${wrong && (bad || !questions.length) ? html`<p class="fault" role="alert">${wrong}</p>` : null}
    ${isKept.value ? null : html`<p class="note warn" role="alert">${t("edit.notKept")}</p>`}
    <${Text} id="quiz-title" label=${t("edit.title")} value=${quiz.title} onInput=${(/** @type {string} */ title) => change({ title })} maxlength="120" />
    <${About} quiz=${quiz} change=${change} />
    ${report ? html`<${Report} report=${report} onClose=${() => onReport(null)} />` : null}
    <div class="row between edit-count"><h2>${t("stage.questions", { count: questions.length })}</h2><span class="muted small">${t("edit.keptHere")}</span></div>
    ${questions.length > MOST_QUESTIONS ? html`<p class="note">${t("edit.most", { most: MOST_QUESTIONS })}</p>` : null}
    <ol class="edit-list" ref=${list}>${questions.map(
      (question, at) => html`<${Row} key=${question.questionId} question=${question} at=${at} count=${questions.length} isOpen=${open === question.questionId} isTold=${wrong !== ""} isHeld=${held === question.questionId} handle=${handle(question.questionId)}
        onOpen=${() => setOpen(open === question.questionId ? "" : question.questionId)} onChange=${(/** @type {Draft} */ next) => setQuestions(questions.map((one, other) => (other === at ? next : one)))} onDelete=${() => remove(at)} />`,
    )}</ol>
    ${gone ? html`<p class="note row between edit-undo" role="status"><span>${t("edit.deleted")}</span><button type="button" class="button plain" ref=${undoButton} onClick=${undo}>${t("edit.undo")}</button></p>` : null}
    <div class="card stack"><div class="edit-add"><${Choice} id="add-kind" label=${t("edit.addKind")} value=${kind} options=${KINDS.map((one) => [one, t(`kind.${one}`)])} onChange=${setKind} /><button type="button" class="button compact" onClick=${add}>${t("edit.add")}</button></div>
      <details><summary>${t("edit.addFile")}</summary><${Drop} onRead=${append} /></details></div>
  </div>`;
}

/** Every own quiz has a page: `#quiz=<id>`. @param {string} id */
export const openEditor = (id) => go(`/host#quiz=${id}`);

