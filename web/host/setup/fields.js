/** The fields that the host's forms are made of. */
import { html } from "../../vendor/preact.js";

/** @param {{id: string, label: string, note?: string, children?: any}} props */
const Field = ({ id, label, note, children }) => html`<div class="field"><label for=${id}>${label}</label>${children}${note ? html`<p class="muted small" id=${`${id}-note`}>${note}</p>` : null}</div>`;

/** @param {{id: string, label: string, value: string | number, options: [string | number, string][], onChange: (value: string) => void, note?: string}} props */
export const Choice = ({ id, label, value, options, onChange, note }) =>
  html`<${Field} id=${id} label=${label} note=${note}><select class="input compact" id=${id} value=${String(value)} aria-describedby=${note ? `${id}-note` : undefined} onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.value)}>
    ${options.map(([code, text]) => html`<option key=${code} value=${String(code)} selected=${String(code) === String(value)}>${text}</option>`)}
  </select><//>`;

/** @param {{label: string, checked: boolean, onChange: (checked: boolean) => void}} props */
export const Tick = ({ label, checked, onChange }) =>
  html`<label class="check"><input type="checkbox" checked=${checked} onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.checked)} /><span>${label}</span></label>`;

/** @param {{id: string, label: string, value: any, onInput: (value: string) => void, note?: string, [more: string]: any}} props */
export const Text = ({ id, label, value, onInput, note, ...more }) =>
  html`<${Field} id=${id} label=${label} note=${note}><input class="input compact" id=${id} value=${value ?? ""} aria-describedby=${note ? `${id}-note` : undefined} onInput=${(/** @type {any} */ event) => onInput(event.currentTarget.value)} ...${more} /><//>`;

/** @param {{id: string, label: string, value: any, rows?: number, onInput: (value: string) => void, note?: string, [more: string]: any}} props */
export const LongText = ({ id, label, value, rows = 2, onInput, note, ...more }) =>
  html`<${Field} id=${id} label=${label} note=${note}><textarea class="input compact" id=${id} rows=${rows} value=${value ?? ""} aria-describedby=${note ? `${id}-note` : undefined} onInput=${(/** @type {any} */ event) => onInput(event.currentTarget.value)} ...${more}></textarea><//>`;
