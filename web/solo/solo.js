/** Playing alone: choose a game, play it, see how it went. A reload goes on at the same place. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { Api } from "../client/api.js";
import { Solo } from "../client/solo.js";
import { seats } from "../client/storage.js";
import { ConnectionPill } from "../ui/connection.js";
import { useFocus, useTitle } from "../ui/live.js";
import { Mark, Switches } from "../ui/pieces.js";
import { titleOf } from "../ui/quizzes.js";
import { t } from "../ui/text.js";
import { useStore } from "../ui/use.js";
import { Choose } from "./choose.js";
import { openedGame, openGame } from "./current.js";
import { Play } from "./play.js";
import { keepCategories, Results } from "./results.js";

/** Remembers a game that has begun, and shows its first question. @param {Solo} solo */
async function begin(solo) {
  const { sessionId, open, quizId } = solo.state;
  openGame(sessionId);
  keepCategories(sessionId, open);
  const title = await titleOf(quizId ?? undefined);
  seats.keep({ kind: "solo", sessionId, title });
  // Refused only where the game is gone, which its state then says.
  if (open[0]) await solo.show(open[0].questionId).catch(() => {});
  return solo;
}

function savedGame() {
  const sessionId = openedGame();
  return sessionId ? new Solo({ sessionId }) : null;
}

export default function SoloScreen() {
  const [solo, play] = useState(/** @type {Solo | null} */ (savedGame()));
  const leave = () => {
    openGame(null);
    play(null);
  };
  const start = (/** @type {any} */ settings) => Solo.start(new Api(), settings).then(begin).then(play);
  const again = (/** @type {boolean} */ wrongOnly) => solo?.again({ wrongOnly }).then(begin).then(play);
  return solo ? html`<${Game} key=${solo.state.sessionId} solo=${solo} onLeave=${leave} onAgain=${again} />` : html`<${Choose} onStart=${start} />`;
}

/** @param {{solo: Solo, onLeave: () => void, onAgain: (wrongOnly: boolean) => Promise<void>}} props */
function Game({ solo, onLeave, onAgain }) {
  const state = useStore(solo) ?? solo.state;
  const { status, sessionId, connection, retryAt, pending, verdict } = state;
  const [isSeen, see] = useState(false);
  useEffect(() => {
    // What a load can't mend is said by the state.
    if (solo.state.status === "loading") solo.load().catch(() => {});
    return () => solo.stop();
  }, [solo]);
  useEffect(() => {
    if (status === "finished" || status === "gone") seats.forget(sessionId);
  }, [status]);

  const pill = html`<${ConnectionPill} isLost=${connection === "waiting"} retryAt=${retryAt} text=${t(pending?.status === "sending" ? "connection.kept" : "connection.lost")} />`;
  if (status === "gone") return html`<${Gone} onLeave=${onLeave} />`;
  if (status === "loading") return html`<main class="page play"><section class="notice"><p class="muted come-in late">${t("solo.loading")}</p></section>${pill}</main>`;
  const isOver = status === "finished" && (isSeen || !verdict);
  return html`<main class=${`page play ${isOver ? "phase-finished" : verdict ? "phase-reveal" : "phase-question"}`}>
    ${isOver ? html`<${Results} solo=${solo} state=${state} onAgain=${onAgain} onLeave=${onLeave} />` : html`<${Play} solo=${solo} state=${state} onOver=${() => see(true)} onLeave=${onLeave} />`}
    ${pill}
  </main>`;
}

/** @param {{onLeave: () => void}} props */
function Gone({ onLeave }) {
  const heading = useFocus();
  useTitle(t("solo.gone"));
  return html`<main class="page">
    <header class="topbar"><${Mark} /><${Switches} /></header>
    <section class="notice stack"><h1 tabindex="-1" ref=${heading}>${t("solo.gone")}</h1><p class="muted">${t("solo.goneHint")}</p><button class="button" onClick=${onLeave}>${t("solo.another")}</button></section>
  </main>`;
}
