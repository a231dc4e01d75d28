/** The screen `/host`: choose a quiz or bring an own one, set how it is played, open the room. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { fault, t } from "../ui/text.js";
import { go, hash } from "../ui/links.js";
import { Mark, Switches } from "../ui/pieces.js";
import { useCall } from "../ui/use.js";
import { Room } from "../client/room.js";
import { GoOn } from "../player/go-on.js";
import { hostApi, isAboutKey, KeyCard, keyIsWanted } from "./setup/access.js";
import { Bank } from "./setup/bank.js";
import { Editor, openEditor } from "./setup/editor.js";
import { Drop } from "./setup/import.js";
import { addQuiz, dropQuiz, library } from "./setup/library.js";
import { lacks, newId, wordsOf } from "./setup/quiz.js";
import { quizFields, selectionOf } from "./setup/selection.js";
import { keepSettings, lastSettings, ofQuiz, SettingsForm, toRequest } from "./setup/settings.js";
import { keepSeat, savedSeat } from "./stage/seat.js";
import { TakeOver } from "./stage/stopped.js";

/**
 * @typedef {import("./setup/quiz.js").OwnQuiz} OwnQuiz
 * @typedef {import("./setup/settings.js").Offer} Offer
 * @typedef {Offer & {id: string, title: string, description?: string, quizId?: string, quiz?: OwnQuiz}} Entry what can be played
 */

/** @param {any} bank @returns {Entry} */
const ofBank = (bank) => ({ ...bank, id: `bank-${bank.quizId}`, isOwn: false });

/** @param {OwnQuiz} quiz @returns {Entry} */
const ofOwn = (quiz) => ({
  id: `own-${quiz.id}`, title: quiz.title || t("setup.untitled"), description: quiz.description, quiz, isOwn: true, questionCount: quiz.questions.length, defaults: quiz.defaults,
  categories: wordsOf(quiz.questions, "category"), difficulties: wordsOf(quiz.questions, "difficulty"),
});

export default function Setup() {
  const [tries, setTries] = useState(0);
  const { value, problem } = useCall(() => hostApi().get("/api/quizzes"), [tries]);
  const [chosen, choose] = useState("");
  const [fresh, begin] = useState(/** @type {OwnQuiz | null} */ (null));
  const [report, setReport] = useState(/** @type {import("./setup/files.js").Imported | null} */ (null));
  const own = library.value.map(ofOwn);
  const banks = (value?.quizzes ?? []).filter((/** @type {any} */ { play }) => play.includes("rooms")).map(ofBank);
  const entry = [...own, ...banks].find(({ id }) => id === chosen) ?? banks[0] ?? own[0] ?? null;
  useEffect(() => {
    document.title = `${t("setup.title")} · rejoin`;
  }, []);

  const [what, id] = hash.value.slice(1).split("=");
  const quiz = what === "quiz" ? [...library.value, fresh].find((/** @type {OwnQuiz | null} */ one) => one?.id === id) : null;
  const play = (/** @type {string} */ next) => () => {
    choose(next);
    go("/host");
  };
  const brought = (/** @type {import("./setup/files.js").Imported} */ read) => {
    setReport(read.leftOutCount || read.warnings.length ? read : null);
    openEditor(addQuiz({ title: read.title || t("setup.untitled"), description: read.description, questions: read.questions, scoring: read.scoring ?? undefined, defaults: read.defaults ?? undefined }));
  };
  const create = () => {
    setReport(null);
    // It is kept once something is written.
    const quiz = { id: newId(), title: "", questions: [] };
    begin(quiz);
    openEditor(quiz.id);
  };
  return html`<main class="page wide setup">
    <div class="topbar"><${Mark} /><${Switches} /></div>
    ${what && keyIsWanted() ? html`<${KeyCard} />` : null}
    ${quiz ? html`<${Editor} key=${quiz.id} quiz=${quiz} report=${report} onReport=${setReport} onPlay=${play(`own-${quiz.id}`)} />`
      : what === "bank" ? html`<${Bank} key=${id} quizId=${id} onPlay=${play(`bank-${id}`)} />`
      : html`<h1>${t("setup.title")}</h1><${HostGames} /><${KeyCard} />
        <div class="setup-columns">
          <div class="stack">
            ${own.length ? html`<${Entries} label=${t("setup.own")} entries=${own} chosen=${entry?.id} onChoose=${choose} />` : null}
            <${Entries} label=${t("setup.banks")} entries=${banks} chosen=${entry?.id} onChoose=${choose} />
            ${problem ? html`<section class="note bad stack" role="alert"><p>${fault(problem)}</p><button class="button compact quiet" onClick=${() => setTries(tries + 1)}>${t("again")}</button></section>` : null}
            <section class="card stack"><h2>${t("setup.bring")}</h2><${Drop} onRead=${brought} /><button type="button" class="button quiet compact" onClick=${create}>${t("setup.write")}</button></section>
            <details class="card"><summary>${t("stage.goOn")}</summary><${TakeOver} /></details>
          </div>
          ${entry ? html`<${Play} key=${entry.id} entry=${entry} />` : null}
        </div>`}
  </main>`;
}

/** The games that this browser hosts, and those of its key that run elsewhere: the computer that ran one may be gone. */
function HostGames() {
  const api = hostApi();
  const { value } = useCall(async () => api.key && api.get("/api/rooms?limit=200"), [api.key]);
  const [wrong, setWrong] = useState("");
  const running = (value?.rooms ?? []).filter((/** @type {any} */ { roomId, mode, phase }) => mode === "quiz" && phase !== "finished" && !savedSeat(roomId));
  const take = (/** @type {string} */ roomId) => (/** @type {Event} */ event) => {
    event.preventDefault();
    api.post(`/api/rooms/${roomId}/host`).then(({ token }) => (keepSeat({ roomId, token }), go(`/host/${roomId}`)), (problem) => setWrong(fault(problem)));
  };
  return html`<${GoOn} only=${(/** @type {any} */ { role }) => role === "host"} others=${running.map((/** @type {any} */ { roomId }) => ({ kind: "room", roomId, token: api.key, take: take(roomId) }))} />
    ${wrong ? html`<p class="fault" role="alert">${wrong}</p>` : null}`;
}

/** @param {{label: string, entries: Entry[], chosen?: string, onChoose: (id: string) => void}} props */
const Entries = ({ label, entries, chosen, onChoose }) =>
  html`<fieldset class="stack setup-entries"><legend class="label">${label}</legend>${entries.map((entry) => html`<${Choosable} key=${entry.id} entry=${entry} isChosen=${entry.id === chosen} onChoose=${() => onChoose(entry.id)} />`)}</fieldset>`;

/** @param {{entry: Entry, isChosen: boolean, onChoose: () => void}} props */
function Choosable({ entry, isChosen, onChoose }) {
  const { id, title, description, questionCount, quiz, quizId } = entry;
  const [gone, setGone] = useState(false);
  const remove = () => (gone && quiz ? dropQuiz(quiz.id) : setGone(true));
  return html`<div class=${`card setup-entry ${isChosen ? "chosen" : ""}`}>
    <label class="row"><input type="radio" name="quiz" value=${id} checked=${isChosen} onChange=${onChoose} />
      <span class="grow"><b class="setup-name">${title}</b><span class="muted small setup-about">${[t("stage.questions", { count: questionCount }), description].filter(Boolean).join(" · ")}</span></span></label>
    <div class="row setup-entry-actions">
      <a class="setup-link small" href=${quiz ? `/host#quiz=${quiz.id}` : `/host#bank=${quizId}`} aria-label=${`${t(quiz ? "setup.edit" : "setup.look")}: ${title}`}>${t(quiz ? "setup.edit" : "setup.look")}</a>
      ${quiz ? html`<button type="button" class="setup-link small" onClick=${remove} onBlur=${() => setGone(false)} aria-label=${`${t("setup.delete")}: ${title}`}>${t(gone ? "setup.deleteSure" : "setup.delete")}</button>` : null}
    </div>
  </div>`;
}

/** The settings, and the button that opens the room. @param {{entry: Entry}} props */
function Play({ entry }) {
  const [settings, set] = useState({ ...lastSettings(), ...ofQuiz(entry) });
  const [wrong, setWrong] = useState("");
  const [isBusy, setBusy] = useState(false);
  const open = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    const bad = entry.quiz?.questions.filter((question) => lacks(question).length).length ?? 0;
    if (bad || (entry.quiz && !entry.questionCount)) return setWrong(bad ? t("edit.stillBad", { count: bad }) : t("edit.stillEmpty"));
    const selection = selectionOf(entry, settings);
    const fields = quizFields(selection);
    if (!fields) return setWrong(t("setup.noFit"));
    setWrong("");
    setBusy(true);
    keepSettings(settings);
    try {
      const { roomId, token, joinCode } = await Room.open(hostApi(), { ...toRequest(settings), ...fields });
      keepSeat({ roomId, token, joinCode, title: entry.title, name: settings.hostName, selection });
      return go(`/host/${roomId}`);
    } catch (problem) {
      setWrong(isAboutKey(problem) ? t("access.needed") : explained(/** @type {any} */ (problem)));
    }
    setBusy(false);
  };
  return html`<form class="card stack setup-play" onSubmit=${open} aria-label=${t("setup.how")}>
    <h2>${entry.title}</h2>
    <${SettingsForm} settings=${settings} offer=${entry} onChange=${(/** @type {any} */ change) => set({ ...settings, ...change })} />
    ${wrong && (wrong !== t("access.needed") || keyIsWanted()) ? html`<p class="fault" role="alert">${wrong}</p>` : null}
    <button class="button wide" aria-disabled=${isBusy ? "true" : undefined}>${t("setup.open")}</button>
  </form>`;
}

/** A refusal with the questions that it is about. @param {{code: string, detail?: string, problems?: {path: string, message: string}[]}} problem */
function explained(problem) {
  const [first] = problem.problems ?? [];
  const place = /^questions\[(\d+)\]\.?(.*)$/.exec(first?.path ?? "");
  return place ? t("setup.badQuestion", { index: Number(place[1]) + 1, message: [place[2], first?.message].filter(Boolean).join(": ") }) : fault(problem);
}
