/** The first module. It imports nothing, so that it can say when another one, or the words, did not come. */

let isTrying = false;

/**
 * Says that a part of the page did not come, and loads the page again once the server answers, with ever longer pauses.
 * @param {string} [text] in both languages where there are no words
 */
export async function comeBack(text = "Connection lost, trying again … · Keine Verbindung, neuer Versuch …") {
  if (isTrying) return;
  isTrying = true;
  const note = Object.assign(document.createElement("p"), { className: "banner", role: "alert", textContent: text });
  document.body.prepend(note);
  // The count outlives the reload: a server that answers may still refuse the part that is missing.
  for (let tries = history.state?.tries ?? 0; ; ) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 15_000) * (0.5 + Math.random())));
    history.replaceState({ tries: ++tries }, "");
    const reply = await fetch("/api", { cache: "no-store", signal: AbortSignal.timeout(9_000) }).catch(() => null);
    if (reply?.ok) return location.reload();
  }
}

import("./app.js").then(() => history.replaceState(null, ""), () => comeBack());
