/** Which game this tab plays: it outlives a reload, and two tabs may play two games. */
import { tab } from "../client/storage.js";

const KEY = "rejoin.solo";

/** @returns {string | null} */
export const openedGame = () => tab.get(KEY);

/** @param {string | null} sessionId null to choose another */
export const openGame = (sessionId) => tab.set(KEY, sessionId);
