// What web/vendor/preact.js exports.
import { h } from "preact";
import htm from "htm";

export { Fragment, createContext, h, render } from "preact";
export { useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";

/** Templates as elements: html`<p>${text}</p>`. */
export const html = htm.bind(h);
