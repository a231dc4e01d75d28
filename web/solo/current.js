/** Which game this tab plays: it outlives a reload, and two tabs may play two games. */

const KEY = "rejoin.solo";

/** @returns {string | null} */
export function openedGame() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {string | null} sessionId null to choose another */
export function openGame(sessionId) {
  try {
    if (sessionId) sessionStorage.setItem(KEY, sessionId);
    else sessionStorage.removeItem(KEY);
  } catch {
    // A tab that keeps nothing plays on until it is reloaded.
  }
}
