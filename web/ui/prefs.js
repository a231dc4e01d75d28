/** What this browser prefers: language, theme, the last name. Nothing of it leaves the browser. */

/** @param {string} name @returns {string | null} */
export function read(name) {
  try {
    return localStorage.getItem(`rejoin.${name}`);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string | null} value */
export function write(name, value) {
  try {
    if (value === null) localStorage.removeItem(`rejoin.${name}`);
    else localStorage.setItem(`rejoin.${name}`, value);
  } catch {
    // A browser that keeps nothing still plays.
  }
}

/** Shows the theme that was chosen: `light`, `dark`, or null for the system's. @param {string | null} theme */
export function setTheme(theme) {
  write("theme", theme);
  showTheme();
}

/** Puts the chosen theme on the page. */
export function showTheme() {
  const theme = read("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
