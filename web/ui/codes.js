/** Codes and addresses as people read them aloud. */

/** A room's code, in two groups. @param {string} code */
export const grouped = (code) => `${code.slice(0, 3)}\u2009${code.slice(3)}`;

/** A seat's code, in groups of four. @param {string} code */
export const inFours = (code) => code.replace(/(.{4})(?=.)/g, "$1 ");

/** An address as people type it. @param {string} address */
export const spoken = (address) => address.replace(/^https?:\/\//, "");
