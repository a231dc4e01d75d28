/** What this server is: asked when the page is loaded, and by a stage whenever it is connected. */
import { signal } from "../vendor/preact.js";

/** @typedef {{name: string, version: string, publicUrl: string | null, lanUrl: string | null, hosting: "open" | "key", chaos: number | null}} Server */

/** The server's own words about itself, once they are there. @type {import("../vendor/preact.js").Signal<Server | null>} */
export const server = signal(null);

/** Asks anew: a server that was restarted may have another address. */
export const askServer = () =>
  fetch("/api")
    .then((reply) => reply.json())
    .then((said) => void (server.value = said.name ? said : server.value))
    .catch(() => {});
askServer();

/** Whether an address is good on this very computer alone. @param {string} address */
export const isLoopback = (address) => /^(localhost|127\.|\[::1\])/.test(new URL(address).hostname);

/** The address at which players reach this server, without a slash at its end. */
export function origin() {
  const { publicUrl, lanUrl } = server.value ?? {};
  return (publicUrl ?? (isLoopback(location.origin) && lanUrl ? lanUrl : location.origin)).replace(/\/$/, "");
}
