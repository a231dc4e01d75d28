// What web/vendor/uplot.js exports.
export { default } from "uplot";
