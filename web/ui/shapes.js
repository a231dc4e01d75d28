/** The sign of an answer: the same shape and hue on phone and projector. From the seventh on hues repeat with other shapes. */
import { html } from "../vendor/preact.js";

const PATHS = [
  "M12 3 22.5 21h-21z",
  "M12 1.5 22.5 12 12 22.5 1.5 12z",
  "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20z",
  "M4.5 2.5h15a2 2 0 0 1 2 2v15a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2v-15a2 2 0 0 1 2-2z",
  "M12 1.5l9.3 5.25v10.5L12 22.5l-9.3-5.25V6.75z",
  "M12 1.8l3 7 7.5.7-5.7 5 1.7 7.4L12 18l-6.5 3.9 1.7-7.4-5.7-5 7.5-.7z",
  "M12 21 1.5 3h21z",
  "M8.5 2h7v6.500H22v7h-6.500V22h-7v-6.500H2v-7h6.500z",
  "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 6a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
  "M12 21.500C5 16.5 2 12.7 2 8.8 2 5.6 4.4 3.5 7.2 3.500c2 0 3.7 1 4.8 2.7 1.1-1.7 2.8-2.7 4.8-2.7 2.8 0 5.2 2.1 5.2 5.3 0 3.9-3 7.7-10 12.700z",
  "M2 6h12V1.500L23 12l-9 10.500V18H2z",
  "M16.5 2.500A10 10 0 1 0 21.5 17 8.5 8.5 0 0 1 16.5 2.500z",
];

/** The letter of the option at a place. @param {number} index */
export const letter = (index) => String.fromCharCode(65 + index);

/** The class that gives an answer its hue. @param {number} index */
export const hue = (index) => `hue-${index % 6}`;

/** @param {{index: number}} props */
export const Shape = ({ index }) =>
  html`<svg viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor" fill-rule="evenodd" d=${PATHS[index % PATHS.length]} /></svg>`;
