/**
 * What is kept over reloads. Values are JSON.
 * @typedef {object} Storage
 * @property {(key: string) => any} get null if there is none
 * @property {(key: string, value: unknown) => void} set
 * @property {(key: string) => void} remove
 */

/**
 * Which questions a game asks, so that another one can be drawn alike: of a bank, or of a quiz of this browser.
 * @typedef {object} Selection
 * @property {string} [quizId] the bank
 * @property {string} [ownId] the own quiz
 * @property {string} category empty for any
 * @property {string} difficulty empty for any
 * @property {number | "all"} count
 * @property {string} order
 * @property {string} optionOrder
 */

/**
 * A seat or a game of this browser, to go on with.
 * @typedef {object} SavedSeat
 * @property {"room" | "solo"} kind
 * @property {"player" | "host"} [role]
 * @property {string} [roomId]
 * @property {string} [sessionId]
 * @property {string} [token]
 * @property {string} [name]
 * @property {string} [title]
 * @property {string} [joinCode]
 * @property {number} [from] the first question that it plays, from 0 on
 * @property {Selection} [selection] what the host's game draws its questions from
 * @property {number} [savedAt] ms since 1970, set by `keep`
 */

const SEATS = "rejoin.seats";
const MOST_SEATS = 30;

/** @returns {Storage} one that lasts as long as the page */
export function memoryStorage() {
  /** @type {Map<string, string>} */
  const values = new Map();
  return {
    get: (key) => JSON.parse(values.get(key) ?? "null"),
    set: (key, value) => void values.set(key, JSON.stringify(value)),
    remove: (key) => void values.delete(key),
  };
}

/**
 * A storage over `localStorage`. Where that refuses (private mode, no room left), values last as long as the tab, or else the page.
 * @param {globalThis.Storage | null} [local]
 * @param {globalThis.Storage | null} [session]
 * @returns {Storage & {isForgetful: () => boolean}} `isForgetful`: something lasts as long as the page only
 */
export function browserStorage(local = own("localStorage"), session = own("sessionStorage")) {
  const memory = memoryStorage();
  let isForgetful = false;
  return {
    isForgetful: () => isForgetful,
    get(key) {
      // What is newer lies in the lesser one.
      const read = (/** @type {globalThis.Storage | null} */ store) => tried(() => JSON.parse(store?.getItem(key) ?? "null"));
      return memory.get(key) ?? read(session) ?? read(local) ?? null;
    },
    set(key, value) {
      const keeper = [local, session].find((store) => store && tried(() => (store.setItem(key, JSON.stringify(value)), true)));
      if (keeper) memory.remove(key);
      else memory.set(key, value);
      isForgetful ||= !keeper;
      if (keeper === local) tried(() => session?.removeItem(key));
    },
    remove(key) {
      memory.remove(key);
      for (const store of [local, session]) tried(() => store?.removeItem(key));
    },
  };
}

/**
 * What a storage gives, if it works.
 * @template T
 * @param {() => T} use
 */
function tried(use) {
  try {
    return use();
  } catch {
    return undefined;
  }
}

/** @param {"localStorage" | "sessionStorage"} name */
function own(name) {
  // Node has one only behind a flag, and warns where it is named.
  return (typeof document !== "undefined" && tried(() => globalThis[name])) || null;
}

/** The storage of this page. */
export const storage = browserStorage();

/** What this tab alone keeps. */
export const tab = browserStorage(null);

/** Which seat of a room this tab plays, where the browser holds several: its token. */
export const tabSeat = {
  /** @param {string} roomId @returns {string | null} */
  of: (roomId) => tab.get(`rejoin.seat.${roomId}`),
  /** @param {SavedSeat} seat */
  choose: ({ roomId, token }) => tab.set(`rejoin.seat.${roomId}`, token),
};

/**
 * The list of seats and games that can be gone on with, newest first.
 * @param {Storage} [over]
 */
export function savedSeats(over = storage) {
  /** @returns {SavedSeat[]} */
  const list = () => {
    const kept = over.get(SEATS);
    return Array.isArray(kept) ? kept.filter((seat) => typeof (seat?.kind === "solo" ? seat.sessionId : seat?.roomId) === "string") : [];
  };
  return {
    list,
    /** @param {SavedSeat} entry takes the place of one for the same room, role and name, or the same game */
    keep(entry) {
      const others = list().filter((other) => !isSame(other, entry));
      over.set(SEATS, [{ ...entry, savedAt: Date.now() }, ...others].slice(0, MOST_SEATS));
    },
    /**
     * Takes out the entries of a room or game.
     * @param {string} id a roomId, a sessionId, or a token
     */
    forget(id) {
      over.set(SEATS, list().filter((entry) => ![entry.roomId, entry.sessionId, entry.token].includes(id)));
    },
  };
}

/** @param {SavedSeat} one @param {SavedSeat} other */
function isSame(one, other) {
  if (one.kind !== other.kind) return false;
  return one.kind === "solo"
    ? one.sessionId === other.sessionId
    : one.roomId === other.roomId && one.role === other.role && one.name === other.name;
}

/** The seats and games of this browser. */
export const seats = savedSeats();
