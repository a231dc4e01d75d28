/** The screen `/host/{roomId}`: a game on the projector, or its remote on the host's phone. @import { RoomState, RoomView } from "../client/types.js" */
import { html, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { fault, language, t } from "../ui/text.js";
import { ConnectionPill } from "../ui/connection.js";
import { announce } from "../ui/live.js";
import { plain } from "../ui/markup.js";
import { go, hash } from "../ui/links.js";
import { titleOf } from "../ui/quizzes.js";
import { askServer } from "../ui/server.js";
import { useStore } from "../ui/use.js";
import { Room } from "../client/room.js";
import { storage } from "../client/storage.js";
import { StageDialog } from "./stage/dialogs.js";
import { scrollStage, useMedia, useWakeLock } from "./stage/fit.js";
import { Foot } from "./stage/foot.js";
import { toggleFullScreen, useKeys } from "./stage/keys.js";
import { Lobby } from "./stage/lobby.js";
import { Question, useQuestionTime } from "./stage/question.js";
import { Podium, Ranking } from "./stage/ranking.js";
import { Remote } from "./stage/remote.js";
import { Reveal } from "./stage/reveal.js";
import { keepSeat, savedSeat, takeFragment } from "./stage/seat.js";
import { hasRanking, isLast, nextStep, players } from "./stage/steps.js";
import { Stopped } from "./stage/stopped.js";
import { hostApi } from "./setup/access.js";
import { download } from "./setup/files.js";
import { quizFields } from "./setup/selection.js";

/** Presses that follow each other faster are one press. */
const ONE_PRESS_MS = 400;
/** How long a reveal shows its chart where a remote moves the game, which can't ask for the ranking. */
const CHART_MS = 8000;

/** @param {{argument: string}} props */
export default function Stage({ argument: roomId }) {
  useMemo(() => takeFragment(roomId), [roomId, hash.value]);
  const saved = savedSeat(roomId);
  return saved?.token ? html`<${Game} key=${saved.token} roomId=${roomId} token=${saved.token} />` : html`<${Stopped} reason="no-token" />`;
}

/** @param {{roomId: string, token: string}} props */
function Game({ roomId, token }) {
  const game = useMemo(() => new Room({ roomId, token }), [roomId, token]);
  const state = /** @type {RoomState} */ (useStore(game));
  useEffect(() => {
    game.start();
    return () => game.stop();
  }, [game]);
  useEffect(() => {
    if (state.room) keepSeat({ roomId, token, joinCode: state.room.joinCode, name: state.room.you?.name ?? "" });
  }, [state.room?.joinCode]);
  const { status, reason } = state.connection;
  useEffect(() => void (status === "live" && askServer()), [status]);
  if (status === "stopped" && reason !== "closed") return html`<${Stopped} reason=${reason ?? "gone"} />`;
  if (!state.room) return html`<main class="stage stage-wait" aria-busy="true"><p class="muted">${t("stage.connecting")}</p><${Connection} state=${state} /></main>`;
  return html`<${Show} game=${game} state=${state} room=${state.room} token=${token} />`;
}

/** The title: kept with the seat, else that of the bank. @param {RoomView} room */
function useTitle(room) {
  const [title, setTitle] = useState(savedSeat(room.roomId)?.title ?? "");
  useEffect(() => {
    document.title = title ? `${title} · rejoin` : "rejoin";
    if (title || room.quizId === "own") return;
    titleOf(room.quizId).then(setTitle);
  }, [title]);
  return title;
}

/**
 * What a reveal shows: the chart first, the ranking by the host's step, or by itself where nobody at this screen asks for it.
 * @param {RoomView} room @param {boolean} byItself @param {() => number} now
 * @returns {[import("./stage/steps.js").View, (view: import("./stage/steps.js").View) => void]}
 */
function useView(room, byItself, now) {
  const key = room.phaseNumber;
  const [shown, set] = useState({ key, view: /** @type {import("./stage/steps.js").View} */ ("chart") });
  const view = shown.key === key ? shown.view : "chart";
  const isWaiting = room.phase === "reveal" && !room.paused && hasRanking(room) && !isLast(room) && shown.key !== key;
  const afterMs = room.settings.advance === "auto" ? ((room.advancesAtMs ?? Infinity) - now()) / 2 : byItself ? CHART_MS : Infinity;
  useEffect(() => {
    if (!isWaiting || !Number.isFinite(afterMs)) return;
    const timer = setTimeout(() => set({ key, view: "ranking" }), Math.max(0, afterMs));
    return () => clearTimeout(timer);
  }, [key, isWaiting]);
  return [view, (next) => set({ key, view: next })];
}

/** Goes on in the room that follows, with the same token. @param {RoomView} room @param {string} token @param {string} title */
function useSuccessor(room, token, title) {
  const { successor } = room;
  const known = useRef(successor);
  useEffect(() => {
    if (!successor || known.current?.roomId === successor.roomId) return;
    keepSeat({ roomId: successor.roomId, token, joinCode: successor.joinCode, title, selection: savedSeat(room.roomId)?.selection });
    go(`/host/${successor.roomId}`, { replace: true });
  }, [successor?.roomId]);
}

/**
 * The room that follows, with questions drawn as they were before. Where that can't be any more (the bank has changed, the
 * key is another one), the server plays again what it knows.
 * @param {Room} game @param {import("../client/storage.js").Selection | undefined} selection
 */
async function playAgain(game, selection) {
  const fields = selection && quizFields(selection);
  if (!fields) return game.again();
  try {
    return await game.again(fields, { key: selection.ownId ? hostApi().key : null });
  } catch (problem) {
    if (/** @type {any} */ (problem).isPassing) throw problem;
    return game.again();
  }
}

/** What a screen reader hears when the game goes on. @param {RoomView} room */
function useHeard(room) {
  const { question, reveal } = room;
  const text = room.phase === "question" && question
    ? `${t("stage.questionOf", { index: question.index + 1, of: room.questionCount })}: ${plain(question.text)}`
    : reveal ? t("stage.revealOf", { index: reveal.index + 1 })
    : room.phase === "finished" ? t("stage.end") : t("lobby.here", { count: players(room).length });
  useEffect(() => {
    const timer = setTimeout(() => announce(text), 600);
    return () => clearTimeout(timer);
  }, [text]);
}

/** @param {{game: Room, state: RoomState, room: RoomView, token: string}} props */
function Show({ game, state, room, token }) {
  const title = useTitle(room);
  const isPhone = useMedia("(max-width: 640px), (max-height: 420px) and (max-width: 960px)");
  const [dialog, open] = useState(/** @type {import("./stage/dialogs.js").DialogName | null} */ (null));
  const [hasRemote, setRemote] = useState(false);
  const [wrong, setWrong] = useState("");
  const now = () => game.now();
  const time = useQuestionTime(room, now);
  const [view, setView] = useView(room, hasRemote, now);
  useSuccessor(room, token, title);
  useHeard(room);
  useWakeLock();
  const step = nextStep(room, { view: isPhone ? "ranking" : view, isOpen: time.isOpen });

  const act = async (/** @type {any} */ move, /** @type {any} */ extra = {}) => {
    setWrong("");
    try {
      return await game.move(move, extra);
    } catch (problem) {
      setWrong(fault(/** @type {any} */ (problem)));
    }
  };
  const again = async () => {
    try {
      const selection = savedSeat(room.roomId)?.selection;
      // The room that follows as it was asked for before, or another one if that is gone.
      const { roomId, joinCode } = await playAgain(game, selection);
      keepSeat({ roomId, token, joinCode, title, selection });
      go(`/host/${roomId}`, { replace: true });
    } catch (problem) {
      setWrong(fault(/** @type {any} */ (problem)));
    }
  };
  const pressed = useRef(0);
  const onStep = () => {
    const at = performance.now();
    if (step.isIdle || at - pressed.current < ONE_PRESS_MS) return;
    pressed.current = at;
    if (step.move) act(step.move);
    else if (step.name === "resume") act("pause", { paused: false });
    else if (step.name === "ranking") setView("ranking");
    else if (step.name === "again") again();
  };
  const onPause = () => room.phase !== "lobby" && room.phase !== "finished" && act("pause", { paused: !room.paused });
  const onLock = () => room.phase !== "finished" && act("lock", { locked: !room.locked });
  const openDialog = (/** @type {import("./stage/dialogs.js").DialogName | null} */ name) => {
    if (name === "remote") setRemote(true);
    open(name);
  };
  // The event that a dialog has closed may come when the next one is open already.
  const openFromDialog = (/** @type {import("./stage/dialogs.js").DialogName | null} */ name) => (name ? openDialog(name) : open((/** @type {any} */ now) => (now === dialog ? null : now)));
  const show = (/** @type {import("./stage/dialogs.js").DialogName} */ name) => () => openDialog(name);
  useKeys({ next: onStep, back: () => setView("chart"), down: () => scrollStage(0.6), up: () => scrollStage(-0.6), pause: onPause, lock: onLock, fullscreen: toggleFullScreen, seats: show("seats"), remote: show("remote"), menu: show("menu"), keys: show("keys") });

  const controls = { room, title, time, step, onStep, onPause, onLock, open: openDialog };
  return html`${isPhone
      ? html`<${Remote} ...${controls}>${room.phase === "finished" ? html`<${Results} game=${game} title=${title} />` : null}<//>`
      : html`<main class="stage" data-phase=${room.phase}><div class="stage-body"><${Screen} game=${game} room=${room} time=${time} view=${view} title=${title} /></div><${Foot} ...${controls} /></main>`}
    <div class=${`stage-pills ${isPhone ? "at-top" : ""}`}><${Connection} state=${state} /><${Standing} room=${room} />${room.phase === "lobby" && storage.isForgetful() ? html`<p class="pill" role="status">${t("stage.forgetful")}</p>` : null}${wrong ? html`<p class="pill" role="alert">${wrong}</p>` : null}</div>
    ${dialog ? html`<${StageDialog} name=${dialog} game=${game} room=${room} token=${token} title=${title} act=${act} open=${openFromDialog} />` : null}`;
}

/** @param {{game: Room, room: RoomView, time: any, view: string, title: string}} props */
function Screen({ game, room, time, view, title }) {
  if (room.phase === "question" && room.question) return html`<${Question} key=${room.phaseNumber} room=${room} time=${time} />`;
  if (room.phase === "reveal" && room.reveal && room.question) {
    return view === "ranking" ? html`<${Ranking} key=${room.phaseNumber} room=${room} />` : html`<${Reveal} key=${room.phaseNumber} room=${room} />`;
  }
  if (room.phase === "finished") return html`<${Podium} room=${room} title=${title}><${Results} game=${game} title=${title} /><//>`;
  return html`<${Lobby} room=${room} />`;
}

/** The results as a file; with semicolons where spreadsheets want them. @param {{game: Room, title: string}} props */
function Results({ game, title }) {
  const [wrong, setWrong] = useState("");
  const save = async () => {
    try {
      const csv = await game.results({ csv: true, separator: language.value === "de" ? "semicolon" : "comma" });
      download(`${title || `rejoin-${game.state.room?.joinCode}`}.csv`, `\ufeff${csv.replace(/^\ufeff/, "")}`, "text/csv");
    } catch (problem) {
      setWrong(fault(/** @type {any} */ (problem)));
    }
  };
  return html`<div class="row"><a class="button quiet compact" href="/host">${t("stage.newGame")}</a><button type="button" class="button quiet compact" onClick=${save}>${t("stage.csv")}</button>${wrong ? html`<span class="fault" role="alert">${wrong}</span>` : null}</div>`;
}

/** The connection, where it is lost. @param {{state: RoomState}} props */
function Connection({ state }) {
  const { status, retryAt } = state.connection;
  return html`<${ConnectionPill} isLost=${status === "waiting" || (status === "connecting" && state.room !== null)} retryAt=${retryAt} text=${t("stage.lost")} />`;
}

/** Who stands in. @param {{room: RoomView}} props */
function Standing({ room }) {
  const standIn = room.you && !room.you.isHost && room.seats.find(({ seatId }) => seatId === room.hostSeatId);
  return standIn ? html`<p class="pill" role="status"><span class="dot"></span>${t("stage.standIn", { name: standIn.name ?? "" })}</p>` : null;
}
