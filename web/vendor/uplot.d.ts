// The types of uplot.js, for the checker of tests/web.
export { default } from "uplot";
