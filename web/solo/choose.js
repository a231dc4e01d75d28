/** Which game to play: a bank, what to draw from it, and how many questions. */
import { html, useState } from "../vendor/preact.js";
import { GoOn } from "../player/go-on.js";
import { useTitle } from "../ui/live.js";
import { Mark, Switches } from "../ui/pieces.js";
import { quizzes } from "../ui/quizzes.js";
import { fault, t } from "../ui/text.js";
import { useCall } from "../ui/use.js";

/** @import { Bank } from "../ui/quizzes.js" */

const COUNTS = [5, 10, 20];
const MOST = 200;

/** The numbers of questions to choose from. @param {Bank} bank @returns {(number | "all")[]} */
const countsOf = ({ questionCount }) => [...COUNTS.filter((count) => count < questionCount), ...(questionCount <= MOST ? [/** @type {"all"} */ ("all")] : [])];

/** The number that a bank is played with if nobody chooses. @param {Bank} bank */
const usualCount = (bank) => [bank.defaults.count, 10, "all"].find((count) => countsOf(bank).includes(/** @type {any} */ (count))) ?? countsOf(bank)[0];

/** @param {{onStart: (settings: any) => Promise<void>}} props */
export function Choose({ onStart }) {
  const [tries, setTries] = useState(0);
  const { value: all, problem } = useCall(quizzes, [tries]);
  const banks = all?.filter(({ play }) => play.includes("solo"));
  useTitle(t("landing.solo"));
  return html`<main class="page choose">
    <header class="topbar"><${Mark} /><${Switches} /></header>
    <div><h1>${t("landing.solo")}</h1><p class="muted">${t("solo.hint")}</p></div>
    <${GoOn} only=${(/** @type {any} */ { kind }) => kind === "solo"} />
    ${problem ? html`<section class="note bad stack"><p>${fault(problem)}</p><button class="button compact quiet" onClick=${() => setTries(tries + 1)}>${t("again")}</button></section>` : null}
    ${banks?.length === 0 ? html`<p class="note">${t("solo.none")}</p>` : null}
    ${banks?.length ? html`<${Form} banks=${banks} onStart=${onStart} />` : null}
  </main>`;
}

/** @param {{banks: Bank[], onStart: (settings: any) => Promise<void>}} props */
function Form({ banks, onStart }) {
  const [bank, setBank] = useState(banks[0]);
  const [category, setCategory] = useState("");
  const [difficulty, setDifficulty] = useState("");
  const [count, setCount] = useState(usualCount(bank));
  const [note, setNote] = useState(/** @type {string | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const choose = (/** @type {Bank} */ chosen) => {
    setBank(chosen);
    setCategory("");
    setDifficulty("");
    setCount(usualCount(chosen));
    setNote(null);
  };
  const start = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setNote(null);
    onStart({ quizId: bank.quizId, count, ...(category ? { category } : {}), ...(difficulty ? { difficulty } : {}) }).catch((problem) => {
      setBusy(false);
      setNote(problem.code === "no-questions" ? t("solo.noQuestions") : fault(problem));
    });
  };
  return html`<form class="stack choose-form" onSubmit=${start}>
    <fieldset class="banks"><legend class="label">${t("solo.bank")}</legend>
      ${banks.map((one) => html`<label key=${one.quizId} class=${`card bank ${one === bank ? "chosen" : ""}`}>
        <input type="radio" name="bank" checked=${one === bank} onChange=${() => choose(one)} />
        <span class="grow"><b>${one.title}</b><span class="muted small">${one.description}</span><span class="muted small">${t("stage.questions", { count: one.questionCount })}</span></span>
      </label>`)}
    </fieldset>
    ${bank.categories.length > 1 ? html`<div class="field"><label for="category">${t("set.category")}</label>
      <select id="category" class="input" value=${category} onChange=${(/** @type {any} */ event) => (setCategory(event.target.value), setNote(null))}>
        <option value="">${t("solo.allCategories")}</option>${bank.categories.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
      </select></div>` : null}
    ${bank.difficulties.length > 1 ? html`<${Segments} name="difficulty" label=${t("solo.difficulty")} values=${["", ...bank.difficulties]} value=${difficulty} words=${(/** @type {string} */ value) => t(`solo.level.${value || "any"}`)} onChange=${setDifficulty} />` : null}
    <${Segments} name="count" label=${t("solo.number")} values=${countsOf(bank)} value=${count} words=${(/** @type {any} */ value) => (value === "all" ? t("solo.all") : String(value))} onChange=${setCount} />
    ${note ? html`<p class="fault" role="alert">${note}</p>` : null}
    <button class="button wide" aria-disabled=${isBusy ? "true" : undefined}>${t("solo.start")}</button>
  </form>`;
}

/**
 * A few values, one of which is chosen.
 * @param {{name: string, label: string, values: any[], value: any, words: (value: any) => string, onChange: (value: any) => void}} props
 */
const Segments = ({ name, label, values, value, words, onChange }) =>
  html`<fieldset class="segments"><legend class="label">${label}</legend><div>
    ${values.map((one) => html`<label key=${one} class=${one === value ? "chosen" : ""}><input type="radio" name=${name} checked=${one === value} onChange=${() => onChange(one)} /><span>${words(one)}</span></label>`)}
  </div></fieldset>`;
