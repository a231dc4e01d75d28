/** QR codes, drawn by the server. The text goes there in a body, since it may hold a secret. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { Api } from "../client/api.js";

/** @type {Map<string, Promise<string>>} */
const drawn = new Map();

/** @param {string} text @returns {Promise<string>} the picture's URL */
function draw(text) {
  const known = drawn.get(text);
  if (known) return known;
  const made = new Api().text("/api/qr", { body: { text } }).then((svg) => `data:image/svg+xml,${encodeURIComponent(svg)}`);
  made.catch(() => drawn.delete(text));
  drawn.set(text, made);
  return made;
}

/** @param {{text: string, label: string}} props */
export function Qr({ text, label }) {
  const [url, setUrl] = useState(/** @type {string | null} */ (""));
  useEffect(() => {
    let isShown = true;
    const again = () => draw(text).then((made) => isShown && setUrl(made), ({ isPassing }) => isShown && (isPassing ? setTimeout(again, 3000) : setUrl(null)));
    again();
    return () => void (isShown = false);
  }, [text]);
  if (url === null) return html`<span class="small">${text}</span>`;
  return html`<span class="qr">${url ? html`<img src=${url} alt=${label} />` : null}</span>`;
}
