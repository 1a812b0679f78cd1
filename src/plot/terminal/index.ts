export { terminalConfusion } from "./confusion.js";
export { terminalCurves } from "./curves.js";
export { terminalTable } from "./table.js";
