/** A bank that ships, looked at before it is played, or copied into an own quiz. */
import { html, useState } from "../../vendor/preact.js";
import { fault, t } from "../../ui/text.js";
import { Markup } from "../../ui/markup.js";
import { useCall } from "../../ui/use.js";
import { hostApi, isAboutKey } from "./access.js";
import { openEditor } from "./editor.js";
import { addQuiz } from "./library.js";
import { Preview } from "./preview.js";

/** How many questions are shown at first. */
const FIRST = 30;

/** @param {any} problem @returns {never} */
function toldOfKey(problem) {
  isAboutKey(problem);
  throw problem;
}

/** @param {{quizId: string, onPlay: () => void}} props */
export function Bank({ quizId, onPlay }) {
  const api = hostApi();
  const { value: bank, problem } = useCall(() => api.get(`/api/banks/${encodeURIComponent(quizId)}`).catch(toldOfKey), [quizId, api.key]);
  const [most, setMost] = useState(FIRST);
  if (problem || (bank && !bank.questions)) return html`<div class="stack"><a class="button plain" href="/host">${t("setup.back")}</a><p class="fault" role="alert">${problem && problem.status !== 404 ? fault(problem) : t("lost.title")}</p></div>`;
  if (!bank) return html`<p class="muted" aria-busy="true">${t("setup.loading")}</p>`;
  const copy = () => openEditor(addQuiz({ title: t("bank.copyOf", { title: bank.title }), description: bank.description, questions: bank.questions.map((/** @type {any} */ one) => ({ kind: "choice", ...one })), scoring: bank.scoring, defaults: bank.defaults }));
  return html`<div class="stack">
    <div class="topbar"><a class="button plain" href="/host">${t("setup.back")}</a><div class="row"><button type="button" class="button quiet compact" onClick=${copy}>${t("bank.copy")}</button><button type="button" class="button compact" onClick=${onPlay}>${t("edit.play")}</button></div></div>
    <h1>${bank.title}</h1><p class="muted">${bank.description}</p>
    <ol class="bank-list">${bank.questions.slice(0, most).map(
      (/** @type {any} */ question, /** @type {number} */ at) => html`<li key=${question.questionId}><details class="card"><summary><span class="muted">${at + 1}</span> <${Markup} text=${question.text} /></summary><${Preview} question=${{ kind: "choice", ...question }} /></details></li>`,
    )}</ol>
    ${bank.questions.length > most ? html`<button type="button" class="button quiet" onClick=${() => setMost(Infinity)}>${t("ranking.all", { count: bank.questions.length })}</button>` : null}
  </div>`;
}
