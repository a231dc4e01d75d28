/** Words: one JSON file a language, chosen by the browser's languages or by the switch. */
import { signal } from "../vendor/preact.js";
import { read, write } from "./prefs.js";

/** The languages there are, by code, each in its own words. @type {Record<string, string>} */
export const languages = { en: "English", de: "Deutsch" };

/** The language's code: `en` or `de`. */
export const language = signal("en");

/** @type {Record<string, string>} */
let words = {};

/** The folder of the files. */
let folder = new URL("../text/", import.meta.url);

/** Takes the words from another folder, whose name ends with a slash. @param {URL} url */
export const wordsFrom = (url) => void (folder = url);

/**
 * Loads a language: the one that was chosen before, else the first of the browser's that is there.
 * @param {string} [code]
 */
export async function setLanguage(code) {
  const wanted = [code, read("language"), ...navigator.languages.map((tag) => tag.slice(0, 2)), "en"];
  const chosen = wanted.find((tag) => tag && tag in languages) ?? "en";
  const reply = await fetch(new URL(`${chosen}.json`, folder));
  if (!reply.ok) throw new Error(`${reply.url}: ${reply.status}`);
  words = await reply.json();
  if (code) write("language", code);
  document.documentElement.lang = chosen;
  language.value = chosen;
}

/**
 * The text of a key, with `{name}` filled in. With a `count` the key's plural form is taken: `key.one`, `key.other`.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const code = language.value;
  const forms = "count" in values ? [`${key}.${new Intl.PluralRules(code).select(Number(values.count))}`, `${key}.other`, key] : [key];
  const found = forms.map((form) => words[form]).find((text) => text !== undefined);
  if (found === undefined) return key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : value;
  });
}

/** Whether there is a text for a key. @param {string} key */
export const has = (key) => key in words;

/** A number as the language writes it. @param {number} value @param {Intl.NumberFormatOptions} [options] */
export const number = (value, options) => new Intl.NumberFormat(language.value, options).format(value);

/** Milliseconds as seconds with one digit. @param {number} ms */
export const seconds = (ms) => t("unit.seconds", { value: number(ms / 1000, { minimumFractionDigits: 1, maximumFractionDigits: 1 }) });

/** A place: 1st, 2nd; 1., 2. @param {number} rank */
export function place(rank) {
  const form = new Intl.PluralRules(language.value, { type: "ordinal" }).select(rank);
  return t(`place.${form}`, { rank });
}

/**
 * What a refused call is to a user: by its code, else the server's own words.
 * @param {{code?: string, detail?: string}} problem
 */
export function fault(problem) {
  const key = `problem.${problem.code}`;
  const refused = `refused.${problem.code}`;
  if (has(refused)) return `${t(refused)}. ${t(`${refused}.hint`)}`;
  return has(key) ? t(key) : problem.detail || t("problem.other");
}

/** A room's code, in two groups. @param {string} code */
export const grouped = (code) => `${code.slice(0, 3)}\u2009${code.slice(3)}`;

/** A seat's code, in groups of four. @param {string} code */
export const inFours = (code) => code.replace(/(.{4})(?=.)/g, "$1 ");

/** An address as people type it. @param {string} address */
export const spoken = (address) => address.replace(/^https?:\/\//, "");
