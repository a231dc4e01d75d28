// The types of preact.js, for the checker of tests/web.
import type { VNode } from "preact";

export { Fragment, createContext, h, render } from "preact";
export { useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
export type { ComponentChildren, ComponentType, RefObject, VNode } from "preact";
export type { ReadonlySignal, Signal } from "@preact/signals";
export declare const html: (strings: TemplateStringsArray, ...values: any[]) => VNode<any>;
