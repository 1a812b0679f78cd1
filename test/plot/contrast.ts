export type Rgb = [number, number, number];

/** Linear-light sRGB from 0 to 1. */
export function linear(hex: string): Rgb {
  return [1, 3, 5].map((start) => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
}

function luminance(hex: string): number {
  const [r, g, b] = linear(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2.2's contrast ratio. */
export function contrast(a: string, b: string): number {
  const [darker, lighter] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** What is seen where a colour lies over another. */
export function mixed(above: string, below: string, opacity: number): string {
  const part = (color: string, start: number) => Number.parseInt(color.slice(start, start + 2), 16);
  const channels = [1, 3, 5].map((start) =>
    Math.round(opacity * part(above, start) + (1 - opacity) * part(below, start)),
  );
  return `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
