import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/**
 * Turns an SVG into a PNG, at `scale` times its own size (default 2, for sharp screens) or `width` px wide.
 * Text is set in Inter, which ships with the package, so that it looks the same everywhere.
 */
export async function svgToPng(
  svg: string,
  size: { scale: number } | { width: number } = { scale: 2 },
): Promise<Uint8Array> {
  const { renderAsync } = await import("@resvg/resvg-js");
  const image = await renderAsync(svg, {
    fitTo: "width" in size ? { mode: "width", value: size.width } : { mode: "zoom", value: size.scale },
    font: {
      fontFiles: ["400Regular/Inter_400Regular", "600SemiBold/Inter_600SemiBold"].map((name) =>
        require.resolve(`@expo-google-fonts/inter/${name}.ttf`),
      ),
      defaultFontFamily: "Inter",
      // Scripts that Inter lacks need the system's fonts; looking for those takes time, so only then.
      loadSystemFonts: beyondInter.test(svg),
    },
  });
  return image.asPng();
}

const beyondInter =
  /[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}\p{Script=Inherited}]/u;
