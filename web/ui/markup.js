/**
 * The small markup of questions: b, i, code, pre, sub and sup, without attributes, each with its closing tag.
 * Everything else is text. The rules are those of `docs/quizzes.md`, "Texts and pictures".
 */
import { Fragment, h } from "../vendor/preact.js";

/** How deep elements may lie within each other. */
const DEEPEST = 50;
const TAG = /<(\/?)(b|i|code|pre|sub|sup)>/g;
/** @type {Record<string, string>} */
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** @param {string} text */
const unescape = (text) => text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);

/** @typedef {{tag: string, children: Node_[]}} Element_ @typedef {string | Element_} Node_ */

/**
 * A text as a tree. A tag that is not closed, or closed without being opened, is text.
 * @param {string} text
 * @returns {Node_[]}
 */
export function parse(text) {
  /** @type {Node_[]} */
  const root = [];
  /** @type {{tag: string, raw: string, children: Node_[]}[]} */
  const open = [];
  const add = (/** @type {Node_} */ node) => (open.at(-1)?.children ?? root).push(node);
  const abandon = () => {
    const lost = open.pop();
    if (lost) [lost.raw, ...lost.children].forEach(add);
  };
  let from = 0;
  for (const match of text.matchAll(TAG)) {
    if (match.index > from) add(unescape(text.slice(from, match.index)));
    from = match.index + match[0].length;
    const [raw, slash, tag] = match;
    if (!slash && open.length < DEEPEST) {
      open.push({ tag, raw, children: [] });
    } else if (slash && open.some((one) => one.tag === tag)) {
      while (open.at(-1)?.tag !== tag) abandon();
      const done = open.pop();
      if (done) add({ tag, children: done.children });
    } else {
      add(raw);
    }
  }
  if (from < text.length) add(unescape(text.slice(from)));
  while (open.length) abandon();
  return root;
}

/**
 * @param {Node_[]} nodes
 * @returns {any[]}
 */
const elements = (nodes) =>
  nodes.flatMap((node) =>
    typeof node === "string"
      ? node.split("\n").flatMap((line, index) => /** @type {any[]} */ (index ? [h("br", null), line] : [line]))
      : [h(/** @type {any} */ (node.tag), null, ...(node.tag === "pre" ? raw(node.children) : elements(node.children)))],
  );

/**
 * Inside `pre` a line feed is a line feed.
 * @param {Node_[]} nodes
 * @returns {any[]}
 */
const raw = (nodes) => nodes.map((node) => (typeof node === "string" ? node : h(/** @type {any} */ (node.tag), null, ...raw(node.children))));

/** A text of a quiz as elements. @param {{text: string}} props @returns {any} */
export function Markup({ text }) {
  return h(Fragment, null, ...elements(parse(text)));
}

/** The same without its markup, for labels and titles. @param {string} text @returns {string} */
export function plain(text) {
  /** @param {Node_[]} nodes @returns {string} */
  const flat = (nodes) => nodes.map((node) => (typeof node === "string" ? node : flat(node.children))).join("");
  return flat(parse(text));
}
