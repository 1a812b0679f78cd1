import { usageError } from "../../base/errors.js";
import { textWidth } from "../../plot/text-width.js";
import { fontSizes } from "../../plot/theme.js";

/** A rectangle of the picture in whole px, so that the spectrogram's pixels match the picture's. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface LayoutRequest {
  width: number;
  height: number;
  panels: number;
  /** Whether there are no axes, text or margins. */
  plain: boolean;
  titled: boolean;
  /** Whether the panels have names, which are drawn above them. */
  named: boolean;
  waves: boolean;
  /** Widest label of the axes on the left. */
  widestLabel: string;
  /** Widest label of the colour bar. */
  widestBarLabel: string;
}

export interface Layout {
  /** px per unit; it scales text and lines in large pictures. */
  unit: number;
  panels: { spectrogram: Box; wave: Box | undefined }[];
  colorBar: Box;
}

/** Size up to which text keeps its size. A larger picture is this one magnified. */
const baseSize = { width: 800, height: 400 };
const smallest = { width: 60, spectrogram: 30, wave: 16 };
const padding = 16;
export const gaps = { tick: 4, label: 5, title: 8, colorBar: 14, barWidth: 12 };
/** Height of a line of text with the gap after it. */
const line = { normal: fontSizes.normal + gaps.title, heading: fontSizes.heading + 12 };

/**
 * Lays out a picture: panels below each other, each with its waveform below it, and the colour bar to their
 * right.
 *
 * @throws UserError (exit 2) if the size leaves too little room
 */
export function layOut(request: LayoutRequest): Layout {
  const { width, height, plain, panels, waves } = request;
  const unit = plain ? 1 : Math.max(1, Math.min(width / baseSize.width, height / baseSize.height));
  const px = (units: number) => Math.round(unit * units);
  const axis = gaps.tick + gaps.label;
  const room = {
    left: plain ? 0 : px(padding + line.normal + textWidth(request.widestLabel) + axis),
    right: plain
      ? 0
      : px(gaps.colorBar + gaps.barWidth + axis + textWidth(request.widestBarLabel) + line.normal + padding),
    top: plain ? 0 : px(padding + (request.titled ? line.heading : 0)),
    bottom: plain ? 0 : px(axis + fontSizes.normal + line.normal + padding),
    name: request.named && !plain ? px(line.normal) : 0,
    between: plain ? 0 : px(14),
    wave: plain ? 0 : px(14),
  };
  const plotWidth = width - room.left - room.right;
  const each = Math.floor(
    (height - room.top - room.bottom - (panels - 1) * room.between) / panels - room.name,
  );
  const waveHeight = waves ? Math.round(0.25 * (each - room.wave)) : 0;
  const spectrogramHeight = waves ? each - room.wave - waveHeight : each;
  requireRoom(
    request,
    px(plain ? 1 : smallest.width) - plotWidth,
    Math.max(
      px(plain ? 1 : smallest.spectrogram) - spectrogramHeight,
      waves ? 4 * (px(plain ? 1 : smallest.wave) - waveHeight) : 0,
    ),
  );

  const boxes = Array.from({ length: panels }, (_, index) => {
    const top = room.top + room.name + index * (each + room.name + room.between);
    const spectrogram = { left: room.left, top, width: plotWidth, height: spectrogramHeight };
    const waveTop = top + spectrogramHeight + room.wave;
    return {
      spectrogram,
      wave: waves ? { ...spectrogram, top: waveTop, height: waveHeight } : undefined,
    };
  });
  const top = boxes[0]!.spectrogram.top;
  const last = boxes.at(-1)!.spectrogram;
  const colorBar = {
    left: room.left + plotWidth + px(gaps.colorBar),
    top,
    width: px(gaps.barWidth),
    height: last.top + last.height - top,
  };
  return { unit, panels: boxes, colorBar };
}

function requireRoom({ width, height, panels }: LayoutRequest, narrow: number, low: number): void {
  if (narrow <= 0 && low <= 0) return;
  const least = `${Math.ceil(width + Math.max(0, narrow))}x${Math.ceil(height + Math.max(0, low) * panels)}`;
  throw usageError(
    `the picture is too small for its content: got ${width}x${height}, expected about ${least} or more`,
  );
}
