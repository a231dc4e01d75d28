/** A file becomes questions: dropped, chosen or pasted; what can't be read is named by its line. */
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { fault, language, t } from "../../ui/text.js";
import { Cross } from "../../ui/pieces.js";
import { isAboutKey, keyIsWanted } from "./access.js";
import { LongText } from "./fields.js";
import { importFiles, pastedFile } from "./files.js";

/** @typedef {import("./files.js").Imported} Imported */

const MOST_BYTES = 256 * 1024;
/** Kinds of files in which no questions are: tables and texts are `text/…` or `application/…`. */
const NO_QUESTIONS = /^(image|audio|video)\//;

/** What keeps a file from being read, as a text's key. @param {File} file */
function unfit({ size, type }) {
  if (NO_QUESTIONS.test(type)) return "import.picture";
  if (size > MOST_BYTES) return "import.large";
  return size ? null : "import.empty";
}

/** @type {("dragover" | "dragleave" | "drop")[]} */
const DRAGS = ["dragover", "dragleave", "drop"];

const intoView = (/** @type {HTMLElement | null} */ element) => element?.scrollIntoView({ block: "nearest" });

/**
 * Takes files that are dropped anywhere on the page: the browser would leave the page for them.
 * @param {(files: File[]) => void} read @returns {boolean} whether something is held over the page
 */
function useDropped(read) {
  const [isOver, setOver] = useState(false);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const hear = (/** @type {DragEvent} */ event) => {
      const { type, dataTransfer, relatedTarget } = event;
      if (!dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      if (type !== "dragleave" || !relatedTarget) setOver(type === "dragover");
      if (type === "drop") latest.current([...dataTransfer.files]);
    };
    for (const type of DRAGS) addEventListener(type, hear);
    return () => DRAGS.forEach((type) => removeEventListener(type, hear));
  }, []);
  return isOver;
}

/** @param {{onRead: (read: Imported) => void}} props */
export function Drop({ onRead }) {
  const [wrong, setWrong] = useState("");
  const [empty, setEmpty] = useState(/** @type {Imported | null} */ (null));
  const [isBusy, setBusy] = useState(false);
  const [text, setText] = useState("");
  /** @type {{current: HTMLInputElement | null}} */
  const chooser = useRef(null);
  const read = async (/** @type {File[]} */ files) => {
    if (!files.length || isBusy) return;
    const why = files.map(unfit).find(Boolean);
    setWrong(why ? t(why) : "");
    setEmpty(null);
    // Where it was dropped beside this, it may be folded up.
    chooser.current?.closest("details")?.setAttribute("open", "");
    if (why) return;
    setBusy(true);
    try {
      const got = await importFiles(files);
      if (!got.questions.length) return setEmpty(got);
      setText("");
      onRead(got);
    } catch (problem) {
      const known = isAboutKey(problem);
      setWrong(known ? t("access.needed") : fault(/** @type {any} */ (problem)));
    } finally {
      setBusy(false);
    }
  };
  const isOver = useDropped(read);
  const isShown = wrong && (wrong !== t("access.needed") || keyIsWanted());
  return html`<div class="stack">
    <div class=${`drop ${isOver ? "over" : ""}`} aria-busy=${String(isBusy)}>
      <p><b>${t("import.drop")}</b></p><p class="muted small">${t("import.formats")}</p>
      <input type="file" multiple class="only-heard" tabindex="-1" aria-hidden="true" ref=${chooser} onChange=${(/** @type {any} */ event) => (read([...event.currentTarget.files]), (event.currentTarget.value = ""))} />
      <button type="button" class="button quiet compact" onClick=${() => chooser.current?.click()}>${t("import.choose")}</button>
    </div>
    <details><summary>${t("import.paste")}</summary><div class="stack setup-fold"><${LongText} id="paste" label=${t("import.pasted")} rows=${6} value=${text} onInput=${setText} spellcheck=${false} /><button type="button" class="button compact" aria-disabled=${text.trim() ? undefined : "true"} onClick=${() => text.trim() && read([pastedFile(text)])}>${t("import.read")}</button></div></details>
    ${isShown ? html`<p class="fault" role="alert" ref=${intoView}>${wrong}</p>` : null}
    ${empty ? html`<${Report} report=${empty} />` : null}
  </div>`;
}

/** A place in a file, in the page's language. @param {string | undefined} path */
function placed(path) {
  if (language.value === "en" || !path) return path;
  return path.replace(/^(line|row|file|sheet|question|entry)\b/, (word) => t(`import.${word}`));
}

/** @param {{title: string, entries: any[], kind: string}} props */
const Entries = ({ title, entries, kind }) =>
  entries.length
    ? html`<div class=${`note ${kind}`}><h3>${title}</h3><ul class="import-list">${entries.map((entry, at) => html`<li key=${at}>${typeof entry === "string" ? entry : html`<b>${placed(entry.path)}</b> ${entry.message}`}</li>`)}</ul></div>`
    : null;

/** What an import understood, and what it left out. @param {{report: Imported, onClose?: () => void}} props */
export function Report({ report, onClose }) {
  const { summary, leftOut, leftOutCount, warnings, questions } = report;
  /** @type {{current: HTMLElement | null}} */
  const box = useRef(null);
  useEffect(() => intoView(box.current), [report]);
  return html`<section class="card stack" ref=${box} role="status" aria-label=${t("import.report")}>
    <div class="row between"><h2>${questions.length ? t("import.got", { count: questions.length }) : t("import.none")}</h2>${onClose ? html`<button type="button" class="setup-icon" aria-label=${t("host.close")} onClick=${onClose}><${Cross} /></button>` : null}</div>
    <p class="muted small">${summary}</p>
    <${Entries} kind="bad" title=${t("import.leftOut", { count: leftOutCount })} entries=${leftOut} />
    <${Entries} kind="warn" title=${t("import.warnings")} entries=${warnings} />
  </section>`;
}
