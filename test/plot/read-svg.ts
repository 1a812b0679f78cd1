/** An element of a drawn picture with its place on the picture: all transforms above it added up. */
export interface Drawn {
  tag: string;
  x: number;
  y: number;
  attributes: Record<string, string>;
  /** What the reader sees of a text element. */
  text: string;
  /** Class names of the groups around it. */
  inside: string;
}

/**
 * Reads the flat list of what an SVG draws. Understands what Vega writes, nested groups with translations, and fails on
 * what is not well-formed.
 */
export function readSvg(svg: string): Drawn[] {
  // What XML 1.0 does not allow.
  const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(svg);
  if (forbidden) throw new Error(`character ${forbidden[0].codePointAt(0)} at ${forbidden.index}`);
  const drawn: Drawn[] = [];
  const open: { tag: string; x: number; y: number; classes: string; element: Drawn }[] = [];
  const token = /<(\/?)([\w:]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  let end = 0;
  for (let match = token.exec(svg); match !== null; match = token.exec(svg)) {
    end = token.lastIndex;
    const [, closing, tag = "", attributeText = "", selfClosing, text] = match;
    const parent = open.at(-1);
    if (text !== undefined) {
      if (parent !== undefined) parent.element.text += unescaped(text);
    } else if (closing) {
      if (open.pop()?.tag !== tag) throw new Error(`</${tag}> closes nothing`);
    } else {
      const attributes = Object.fromEntries(
        Array.from(attributeText.matchAll(/([\w:-]+)="([^"]*)"/g), ([, name, value]) => [
          name,
          unescaped(value!),
        ]),
      );
      const [, dx = "0", dy = "0"] =
        /translate\(([-\d.e]+)[ ,]+([-\d.e]+)\)/.exec(attributes.transform ?? "") ?? [];
      const x = (parent?.x ?? 0) + Number(dx);
      const y = (parent?.y ?? 0) + Number(dy);
      const element = { tag, x, y, attributes, text: "", inside: parent?.classes ?? "" };
      drawn.push(element);
      if (!selfClosing)
        open.push({ tag, x, y, classes: `${element.inside} ${attributes.class ?? ""}`, element });
    }
  }
  if (end !== svg.length || open.length > 0)
    throw new Error(`not well-formed at ${end}: ${svg.slice(end, end + 80)}`);
  return drawn;
}

export function textsOf(drawn: readonly Drawn[]): string[] {
  return drawn.filter(({ tag }) => tag === "text").map(({ text }) => text);
}

/** The points that a path of lines goes through, on the picture. */
export function pathPoints({ attributes, x, y }: Drawn): { x: number; y: number }[] {
  return Array.from((attributes.d ?? "").matchAll(/[ML](-?[\d.e-]+),(-?[\d.e-]+)/g), ([, px, py]) => ({
    x: x + Number(px),
    y: y + Number(py),
  }));
}

/** A rectangle that is drawn as `M x,y h width v height …`. */
export function boxOf({ attributes, x, y }: Drawn): { x: number; y: number; width: number; height: number } {
  const [, px, py, width, height] =
    /^M(-?[\d.e-]+),(-?[\d.e-]+)h([\d.e-]+)v([\d.e-]+)h/.exec(attributes.d ?? "") ?? [];
  return { x: x + Number(px), y: y + Number(py), width: Number(width), height: Number(height) };
}

/** Where a value stands on the picture, by the labels of its axis: the straight line through the first and the last. */
export function axisScale(labels: readonly Drawn[], across: "x" | "y", parse: (text: string) => number) {
  const [first, last] = [labels[0]!, labels.at(-1)!];
  const [from, to] = [parse(first.text), parse(last.text)];
  return (value: number) => first[across] + ((value - from) / (to - from)) * (last[across] - first[across]);
}

function unescaped(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}
