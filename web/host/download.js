/** Files that the browser saves. */

/**
 * @param {string} name @param {string} text @param {string} type
 */
export function download(name, text, type) {
  const href = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href, download: name.replace(/[\\/:*?"<>|]+/g, " ").trim() });
  link.click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
