import { numericColumns, type Table } from "./table.js";
import { colors, darkColors, fontFamily } from "./theme.js";

/** A picture as an SVG document. */
export interface Figure {
  svg: string;
  /** Text below the picture, also for screen readers. */
  caption: string;
}

export type Block =
  | { kind: "paragraph"; text: string }
  | { kind: "note" | "warning"; text: string }
  | (Table & { kind: "table"; caption?: string })
  /** A table with a sound in each row; the sounds are embedded in the document. */
  | {
      kind: "sounds";
      headers: readonly string[];
      rows: readonly { cells: readonly string[]; wav: Uint8Array }[];
      caption?: string;
    }
  /** Side by side if the screen is wide enough. */
  | { kind: "figures"; figures: readonly Figure[] };

export interface Section {
  heading: string;
  blocks: readonly Block[];
}

export interface Report {
  title: string;
  intro: string;
  sections: readonly Section[];
}

/** Marks a page as a report. */
const generator = "keyspot";

/** Tells whether a page was made by `htmlReport`. */
export function isReport(html: string): boolean {
  return html.includes(`<meta name="generator" content="${generator}">`);
}

/**
 * Renders a report as one HTML document without JavaScript, network access or other files; it forbids the browser to
 * fetch anything. It follows the system's light or dark theme, and suits phones, large screens and paper. All text is
 * escaped.
 */
export function htmlReport({ title, intro, sections }: Report): string {
  let figureCount = 0;
  const drawn = sections.map(({ heading, blocks }, index) => {
    const parts = blocks.map((block) =>
      block.kind === "figures"
        ? `<div class="figures">${block.figures.map((figure) => figureHtml(figure, `f${figureCount++}-`)).join("")}</div>`
        : blockHtml(block),
    );
    return `<section id="s${index}"><h2>${escapeHtml(heading)}</h2>\n${parts.join("\n")}\n</section>`;
  });
  const hasSounds = sections.some(({ blocks }) => blocks.some(({ kind }) => kind === "sounds"));
  const contents = sections.map(({ heading }, index) => `<a href="#s${index}">${escapeHtml(heading)}</a>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'${hasSounds ? "; media-src data:" : ""}">
<meta name="generator" content="${generator}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${css}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(intro)}</p>
${sections.length > 1 ? `<nav aria-label="Contents">${contents.join("")}</nav>` : ""}
</header>
<main>
${drawn.join("\n")}
</main>
</body>
</html>
`;
}

function blockHtml(block: Exclude<Block, { kind: "figures" }>): string {
  switch (block.kind) {
    case "paragraph":
      return `<p>${escapeHtml(block.text)}</p>`;
    case "note":
    case "warning":
      return `<p class="${block.kind}" role="note"><strong>${block.kind === "note" ? "Note" : "Warning"}</strong> ${escapeHtml(block.text)}</p>`;
    case "table":
      return tableHtml(block);
    case "sounds":
      return tableHtml(
        { ...block, headers: ["", ...block.headers], rows: block.rows.map(({ cells }) => ["", ...cells]) },
        block.rows.map(({ cells, wav }) => playerHtml(wav, cells.join(", "))),
      );
  }
}

function playerHtml(wav: Uint8Array, name: string): string {
  const base64 = Buffer.from(wav).toString("base64");
  return `<audio controls preload="none" aria-label="${escapeHtml(name)}" src="data:audio/wav;base64,${base64}"></audio>`;
}

/** @param first HTML for the first cell of each row, in place of its text */
function tableHtml(
  { headers, rows, caption }: Omit<Extract<Block, { kind: "table" }>, "kind">,
  first: readonly string[] = [],
): string {
  const figures = numericColumns({ headers, rows });
  const align = (column: number) => (figures[column] ? ' class="number"' : "");
  const head = headers.map((header, column) => `<th scope="col"${align(column)}>${escapeHtml(header)}</th>`);
  // On a small screen each row becomes a list of column names and cells.
  const name = (column: number) => ` data-name="${escapeHtml(headers[column] ?? "")}"`;
  const body = rows.map((row, index) => {
    const cells = row.map((cell, column) =>
      column === 0
        ? `<th scope="row"${align(column)}>${first[index] ?? escapeHtml(cell)}</th>`
        : `<td${align(column)}${name(column)}>${escapeHtml(cell)}</td>`,
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  // The table scrolls, not the page. It can have the focus, so that the arrow keys scroll it.
  return `<div class="table" tabindex="0" role="region" aria-label="${escapeHtml(caption ?? headers.join(", "))}"><table>
${caption === undefined ? "" : `<caption>${escapeHtml(caption)}</caption>\n`}<thead><tr>${head.join("")}</tr></thead>
<tbody>
${body.join("\n")}
</tbody>
</table></div>`;
}

/** On a small screen a picture shrinks to this scale, at which its text is just readable, and then scrolls. */
const smallestScale = 0.6;

function figureHtml({ svg, caption }: Figure, prefix: string): string {
  const text = escapeHtml(caption);
  const width = Number(/<svg[^>]*? width="([\d.]+)"/.exec(svg)?.[1] ?? 0);
  const picture = svg
    .slice(svg.indexOf("<svg"))
    // Ids are global in a document: each picture gets its own.
    .replace(/\bid="/g, `id="${prefix}`)
    .replace(/url\(#/g, `url(#${prefix}`)
    .replace(/href="#/g, `href="#${prefix}`)
    .replace(
      "<svg",
      `<svg role="img" aria-label="${text}" style="min-width:${Math.round(smallestScale * width)}px"`,
    );
  return `<figure><div class="picture" tabindex="0">${picture}</div><figcaption>${text}</figcaption></figure>`;
}

/** Escapes text for HTML elements and quoted attributes. Control characters, which HTML forbids, are replaced. */
export function escapeHtml(text: string): string {
  return text
    .replace(/[^\P{Cc}\n\t]|[\p{Surrogate}\ufffe\uffff]/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

// A picture's own colours, changed where they stand.
const darkPictures = Object.entries(darkColors)
  .map(([light, dark]) => `svg [fill="${light}"]{fill:${dark}}svg [stroke="${light}"]{stroke:${dark}}`)
  .join("");

const dark = (color: string) => darkColors[color]!;

const css = `
:root{--background:${colors.background};--ink:${colors.ink};--muted:${colors.muted};--line:${colors.grid};--stripe:#f6f8fa;
--link:${colors.validation};--note:#0068b5;--note-back:#eef5fb;--warning:#b35309;--warning-back:#fdf4e7}
@media screen and (prefers-color-scheme:dark){
:root{--background:${dark(colors.background)};--ink:${dark(colors.ink)};--muted:${dark(colors.muted)};--line:${dark(colors.grid)};--stripe:#1c222b;
--link:${dark(colors.validation)};--note:#4aa3ec;--note-back:#14273a;--warning:#f0a13c;--warning-back:#33240f}
${darkPictures}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem clamp(1rem,4vw,3rem) 4rem;max-width:80rem;background:var(--background);color:var(--ink);
font:1rem/1.55 ${fontFamily};-webkit-text-size-adjust:100%}
h1{margin:0 0 .4rem;font-size:clamp(1.5rem,1.1rem + 1.6vw,2.1rem);line-height:1.2;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{margin:2.6rem 0 .8rem;padding-top:1.2rem;border-top:1px solid var(--line);font-size:1.3rem;letter-spacing:-.01em;overflow-wrap:anywhere}
p{margin:.6rem 0;max-width:46rem;overflow-wrap:anywhere;white-space:pre-line}
header p{color:var(--muted);font-size:1.05rem}
nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin-top:1rem}
a{color:var(--link);text-underline-offset:.2em}
.note,.warning{padding:.7rem 1rem;border-left:4px solid;border-radius:4px}
.note{border-color:var(--note);background:var(--note-back)}
.warning{border-color:var(--warning);background:var(--warning-back)}
.note strong{color:var(--note);margin-right:.4em}
.warning strong{color:var(--warning);margin-right:.4em}
.table{margin:1rem 0;max-width:100%;width:fit-content;max-height:85vh;overflow:auto;border:1px solid var(--line);border-radius:8px}
table{border-collapse:separate;border-spacing:0;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{padding:.6rem .9rem;text-align:left;color:var(--muted);caption-side:top}
th,td{padding:.5rem .9rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
td{max-width:20rem;overflow-wrap:break-word}
thead th{position:sticky;top:0;z-index:1;background:var(--stripe);font-weight:600;vertical-align:bottom}
tbody th{font-weight:500;background:var(--background);overflow-wrap:anywhere;min-width:8rem}
tbody tr:last-child>*{border-bottom:0}
tbody tr:hover>*{background:var(--stripe)}
.number{text-align:right}
audio{display:block;width:15rem;height:2.2rem;color-scheme:light dark}
.figures{display:flex;flex-wrap:wrap;gap:1.2rem;margin:1rem 0;align-items:flex-start}
figure{margin:0;max-width:100%;border:1px solid var(--line);border-radius:8px;overflow:hidden}
.picture{overflow-x:auto}
.picture svg{display:block;max-width:100%;height:auto}
figcaption{padding:.7rem 1rem;border-top:1px solid var(--line);color:var(--muted);font-size:.92rem;overflow-wrap:anywhere}
@media(max-width:72rem){table{font-size:.85rem}th,td{padding-left:.5rem;padding-right:.5rem}}
@media screen and (max-width:40rem){table{font-size:.92rem}.table{width:auto;max-height:none}table,tbody,tr,tbody th,td{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{padding:.5rem .8rem;border-bottom:1px solid var(--line)}tbody tr:last-child{border-bottom:0}
tbody th,tbody th.number,td{padding:.15rem 0;border:0;text-align:left;min-width:0;max-width:none}tbody th{font-weight:600}td:empty{display:none}
td{display:flex;gap:1rem;justify-content:space-between;text-align:right;overflow-wrap:anywhere}td::before{content:attr(data-name);flex:none;max-width:50%;overflow-wrap:normal;text-align:left;color:var(--muted)}}
@media(min-width:60rem){tbody th:first-child,thead th:first-child{position:sticky;left:0}thead th:first-child{z-index:2}}
@media print{body{padding:0;max-width:none;font-size:10.5pt}nav{display:none}.table{max-height:none;overflow:visible;border:0}
.picture{overflow:visible}figure,tr,.note,.warning{break-inside:avoid}h2{break-after:avoid}thead{display:table-header-group}}
`;
