/** The sessions: a list, one of them, and its end. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { announce } from "../ui/live.js";
import { Confirm, Dialog } from "../ui/pieces.js";
import { number, t } from "../ui/text.js";
import { call } from "./server.js";
import { date, span, time } from "./words.js";

const KINDS = ["", "room", "solo", "damaged"];

/**
 * A session as the server shows it.
 * @typedef {object} Session
 * @property {string} session
 * @property {"solo" | "room" | "damaged"} kind
 * @property {string} [phase]
 * @property {string} [quizId]
 * @property {string} [title]
 * @property {number} [questions]
 * @property {number} [done]
 * @property {number} [seats]
 * @property {number} [present]
 * @property {string} [owner]
 * @property {string} [instance]
 * @property {string} [createdAt]
 * @property {string} [expiresAt]
 * @property {string} [roomId]
 * @property {string} serverTime
 */
/** @typedef {{sessions: Session[], next?: string, incomplete: boolean, serverTime: string}} Page */

/** @param {any} problem */
const fault = (problem) => (problem.status === 0 ? t("problem.away") : problem.code === "session-not-found" ? t("problem.gone") : problem.detail || t("problem.other"));

/** @param {Session} session */
const kindOf = ({ kind, phase }) => (phase ? `${t(`kind.${kind}`)}, ${t(`phase.${phase}`)}` : t(`kind.${kind}`));

/** How far the game is, and who plays. @param {Session} session */
function progress({ done, questions, present, seats }) {
  const parts = [];
  if (questions !== undefined && done !== undefined) parts.push(t("session.done", { done, questions }));
  if (seats !== undefined && present !== undefined) parts.push(t("session.present", { present, seats }));
  return parts.join(" · ");
}

/** @param {{session: Session, now: string, onOpen: () => void}} props */
const Row = ({ session, now, onOpen }) =>
  html`<li><button class="session" onClick=${onOpen} aria-haspopup="dialog">
    <code>${session.session}</code>
    <span class="grow"><b>${session.title ?? session.quizId ?? t(`kind.${session.kind}`)}</b><span class="muted small">${kindOf(session)}</span></span>
    <span class="small">${progress(session)}</span>
    <span class="small muted">${session.createdAt ? t("session.age", { span: span(Date.parse(now) - Date.parse(session.createdAt)) }) : ""}</span>
  </button></li>`;

/** @param {{session: Session, onClose: () => void, onEnd: () => void}} props */
function Details({ session, onClose, onEnd }) {
  /** @type {[string, any][]} */
  const facts = [
    [t("session.kind"), kindOf(session)],
    [t("session.quiz"), session.title ?? session.quizId],
    [t("session.progress"), progress(session)],
    [t("session.created"), session.createdAt && date(session.createdAt)],
    [t("session.expires"), session.expiresAt && date(session.expiresAt)],
    [t("session.owner"), session.owner],
    [t("session.instance"), session.instance],
    [t("session.room"), session.roomId],
  ];
  return html`<${Dialog} label=${t("session.title", { session: session.session })} onClose=${onClose}>
    <div class="stack"><h2 tabindex="-1">${t("session.title", { session: session.session })}</h2>
      <dl class="facts">${facts.map(([name, value]) => (value ? html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>` : null))}</dl>
      <div class="row"><button class="button quiet grow" onClick=${onClose}>${t("close")}</button><button class="button danger grow" onClick=${onEnd}>${t("session.end")}</button></div>
    </div>
  <//>`;
}

/** What is lost with a session. @param {Session} session */
function loss(session) {
  if (session.kind === "damaged") return t("end.damaged");
  const answered = session.done ?? 0;
  return session.kind === "room" ? t("end.room", { count: session.seats ?? 0, questions: number(answered) }) : t("end.solo", { count: answered });
}

/** @param {{onFound: (session: Session) => void}} props */
function Search({ onFound }) {
  const [wrong, setWrong] = useState("");
  const find = async (/** @type {any} */ event) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("session")).trim();
    setWrong("");
    try {
      onFound(await call(`sessions/${encodeURIComponent(name)}`));
    } catch (problem) {
      setWrong(fault(problem));
    }
  };
  return html`<form class="field grow" onSubmit=${find}><label for="session">${t("sessions.find")}</label>
    <div class="row"><input class="input compact grow" id="session" name="session" required autocomplete="off" spellcheck=${false} aria-describedby="session-note" /><button class="button compact quiet">${t("sessions.look")}</button></div>
    <p class="muted small" id="session-note">${t("sessions.findNote")}</p>
    ${wrong ? html`<p class="fault" role="alert">${wrong}</p>` : null}</form>`;
}

export function Sessions() {
  const [page, setPage] = useState(/** @type {Page | null} */ (null));
  const [wanted, setWanted] = useState({ kind: "", after: "", times: 0 });
  const [wrong, setWrong] = useState("");
  const [shown, setShown] = useState(/** @type {Session | null} */ (null));
  const [ending, setEnding] = useState(/** @type {{session: Session, fault: string | null} | null} */ (null));
  useEffect(() => {
    let isCurrent = true;
    const query = Object.entries({ kind: wanted.kind, after: wanted.after }).filter(([, value]) => value);
    call(`sessions?${new URLSearchParams(query)}`).then(
      (next) => isCurrent && (setPage(next), setWrong("")),
      (problem) => isCurrent && setWrong(fault(problem)),
    );
    return () => {
      isCurrent = false;
    };
  }, [wanted]);
  const list = (/** @type {object} */ change) => setWanted({ ...wanted, times: wanted.times + 1, ...change });
  const open = (/** @type {Session} */ { session }) => call(`sessions/${session}`).then(setShown, (problem) => setWrong(fault(problem)));
  const end = async (/** @type {Session} */ session) => {
    try {
      await call(`sessions/${session.session}`, "DELETE");
    } catch (problem) {
      // Whoever ended it, it has ended.
      if (/** @type {any} */ (problem).code !== "session-not-found") return setEnding({ session, fault: fault(problem) });
    }
    setEnding(null);
    announce(t("end.done", { session: session.session }));
    list({});
  };
  return html`<section class="card stack"><div class="row between"><h2>${t("sessions.title")}</h2><button class="button plain compact" onClick=${() => list({ after: "" })}>${t("sessions.again")}</button></div>
    <div class="tools"><div class="field"><label for="kind">${t("sessions.kind")}</label>
        <select class="input compact" id="kind" onChange=${(/** @type {any} */ event) => list({ kind: event.currentTarget.value, after: "" })}>${KINDS.map((kind) => html`<option key=${kind} value=${kind}>${t(`kinds.${kind || "all"}`)}</option>`)}</select></div>
      <${Search} onFound=${setShown} /></div>
    ${wrong ? html`<p class="fault" role="alert">${wrong}</p>` : null}
    ${page ? html`<p class="muted small">${t("sessions.asOf", { time: time(page.serverTime) })}</p>` : null}
    ${page?.incomplete ? html`<p class="note warn">${t("sessions.incomplete")}</p>` : null}
    ${page && page.sessions.length === 0 ? html`<p class="muted">${t(page.next ? "sessions.noneHere" : "sessions.none")}</p>` : null}
    <ul class="sessions">${page?.sessions.map((session) => html`<${Row} key=${session.session} session=${session} now=${page.serverTime} onOpen=${() => open(session)} />`)}</ul>
    <div class="row">${wanted.after ? html`<button class="button quiet compact" onClick=${() => list({ after: "" })}>${t("sessions.first")}</button>` : null}
      ${page?.next ? html`<button class="button quiet compact" onClick=${() => list({ after: page.next })}>${t("sessions.next")}</button>` : null}</div>
    ${shown && !ending ? html`<${Details} session=${shown} onClose=${() => setShown(null)} onEnd=${() => (setEnding({ session: shown, fault: null }), setShown(null))} />` : null}
    ${ending ? html`<${Confirm} title=${t("end.title", { session: ending.session.session })} text=${loss(ending.session)} yes=${t("end.yes")} fault=${ending.fault} onYes=${() => end(ending.session)} onClose=${() => setEnding(null)} />` : null}
  </section>`;
}
