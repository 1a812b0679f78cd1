import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { confusionSvg } from "../../src/plot/confusion.js";
import { escapeHtml, htmlReport, isReport } from "../../src/plot/html.js";

const figure = (svg: string) => ({ svg, caption: "a picture" });
const clipped = `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><defs><clipPath id="clip0"><rect width="9" height="9"/></clipPath></defs><g clip-path="url(#clip0)"/></svg>`;

/** A report whose every text is the given one. */
const filledWith = (text: string) =>
  htmlReport({
    title: text,
    intro: text,
    sections: [
      {
        heading: text,
        blocks: [
          { kind: "paragraph", text },
          { kind: "note", text },
          { kind: "warning", text },
          { kind: "table", caption: text, headers: [text, text], rows: [[text, text]] },
          { kind: "figures", figures: [{ svg: clipped, caption: text }] },
        ],
      },
      { heading: text, blocks: [] },
    ],
  });

/** Tag names in order, and a complaint where they do not nest. */
function tagsOf(html: string): string[] {
  const void_ = new Set(["meta", "br", "link"]);
  const open: string[] = [];
  const tags: string[] = [];
  for (const [, closing, tag, , selfClosing] of html.matchAll(
    /<(\/?)([a-zA-Z][\w:]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*(\/?)>/g,
  )) {
    if (closing) {
      if (open.pop() !== tag) throw new Error(`</${tag}> closes nothing`);
    } else {
      tags.push(tag!);
      if (!selfClosing && !void_.has(tag!)) open.push(tag!);
    }
  }
  expect(open).toEqual([]);
  return tags;
}

describe("HTML report", () => {
  it("keeps every text a text, wherever it stands", () => {
    const expected = tagsOf(filledWith("plain"));
    const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'> & &amp; </style>`;
    const html = filledWith(evil);
    expect(tagsOf(html)).toEqual(expected);
    expect(html).not.toContain("<script");
    expect(html).not.toContain("<img");
    // Title, heading, its link, table caption and so on: all of them are there, as what they are.
    expect(html.split(escapeHtml(evil)).length - 1).toBeGreaterThanOrEqual(14);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        expect(tagsOf(filledWith(text))).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it("fetches nothing and runs nothing", async () => {
    const svg = await confusionSvg(
      ["yes", "no"],
      [
        [3, 1],
        [0, 4],
      ],
      "run",
    );
    const html = htmlReport({
      title: "t",
      intro: "i",
      sections: [{ heading: "h", blocks: [{ kind: "figures", figures: [figure(svg)] }] }],
    });
    expect(html).toContain(
      `http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"`,
    );
    expect(html.replaceAll(/xmlns(:xlink)?="[^"]*"/g, "")).not.toMatch(
      /https?:|\/\/|@import|url\((?!#)|<script|<link|\bsrc=/,
    );
  });

  it("shows each picture in place, described, its ids its own", () => {
    const html = htmlReport({
      title: "t",
      intro: "i",
      sections: [
        {
          heading: "h",
          blocks: [
            { kind: "figures", figures: [figure(`<?xml version="1.0"?>${clipped}`), figure(clipped)] },
          ],
        },
      ],
    });
    expect(html).not.toContain("<?xml");
    const ids = Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const used = Array.from(html.matchAll(/url\(#([^)]*)\)/g), ([, id]) => id);
    expect(used).toHaveLength(2);
    for (const id of used) expect(ids).toContain(id);
    expect(html.match(/<svg role="img" aria-label="a picture"/g)).toHaveLength(2);
    expect(html.match(/<figcaption>a picture<\/figcaption>/g)).toHaveLength(2);
  });

  it("lets no table be cut: words wrap, and on a small screen each row is a list that names its figures", () => {
    const table = { kind: "table", headers: ["run", `a "b"`], rows: [["x", "1"]] } as const;
    const html = htmlReport({ title: "t", intro: "i", sections: [{ heading: "h", blocks: [table] }] });
    expect(html).toContain('<td class="number" data-name="a &quot;b&quot;">1</td>');
    expect(html).toMatch(/@media screen and \(max-width:40rem\)\{.*td::before\{content:attr\(data-name\)/s);
    expect(html).not.toContain("nowrap");
  });

  it("is known as one by its generator", () => {
    expect(isReport(filledWith("x"))).toBe(true);
    expect(isReport("<title>keyspot</title>")).toBe(false);
    expect(isReport(filledWith("x").replace("keyspot", "other"))).toBe(false);
  });

  it("puts figures to the right and names each row and column", () => {
    const html = htmlReport({
      title: "t",
      intro: "i",
      sections: [
        {
          heading: "h",
          blocks: [
            {
              kind: "table",
              headers: ["run", "accuracy", "p"],
              rows: [
                ["conv1d", "41.2 %", "1.2e-5"],
                ["skip", "–", "< 0.1"],
              ],
            },
          ],
        },
      ],
    });
    expect(html).toContain(
      `<th scope="col">run</th><th scope="col" class="number">accuracy</th><th scope="col" class="number">p</th>`,
    );
    expect(html).toContain(
      `<tr><th scope="row">skip</th><td class="number" data-name="accuracy">–</td><td class="number" data-name="p">&lt; 0.1</td></tr>`,
    );
  });

  it("links to its sections, in their order", () => {
    const sections = ["Accuracy", "Curves", "Labels"].map((heading) => ({ heading, blocks: [] }));
    const html = htmlReport({ title: "t", intro: "i", sections });
    const links = Array.from(html.matchAll(/<a href="#([^"]*)">([^<]*)<\/a>/g), ([, id, text]) => ({
      id,
      text,
    }));
    expect(links.map(({ text }) => text)).toEqual(["Accuracy", "Curves", "Labels"]);
    for (const { id, text } of links) expect(html).toContain(`<section id="${id}"><h2>${text}</h2>`);
  });
});
