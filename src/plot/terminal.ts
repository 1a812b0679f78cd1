export { terminalConfusion } from "./terminal/confusion.js";
export { terminalCurves } from "./terminal/curves.js";
export { terminalTable } from "./terminal/table.js";
