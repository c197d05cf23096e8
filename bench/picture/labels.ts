/**
 * Where the names of dots go, so that none covers another or a dot.
 *
 * @module
 */

/** A part of the picture, in its units. */
export interface Box {
  /** The left edge. */
  readonly x: number;
  /** The upper edge. */
  readonly y: number;
  /** How wide. */
  readonly width: number;
  /** How high. */
  readonly height: number;
}

/** A dot. */
export interface Dot {
  /** Its centre. */
  readonly x: number;
  /** Its centre. */
  readonly y: number;
  /** Its radius. */
  readonly r: number;
}

/** A dot and the size of its name. */
export interface Named extends Dot {
  /** How wide its name is. */
  readonly width: number;
  /** How high its name is. */
  readonly height: number;
}

/** The least distance between a name and anything else. */
const AIR = 3;

/** Where names are tried: further and further out, in all directions. */
const DIRECTIONS = 32;
const STEP = 6;
const FURTHEST = 150;

/** In how many steps the line between a dot and its name is looked at. */
const LINE_POINTS = 12;

/**
 * A place for the name of each dot, in their order; inside the frame. A name
 * for which there is none gets undefined.
 *
 * @param obstacles what names may not cover, and the lines to them only where
 * there is no other place
 */
export function placeLabels(
  names: readonly Named[],
  frame: Box,
  obstacles: readonly Box[],
): (Box | undefined)[] {
  const used = [...obstacles];
  const lines: Box[] = [];
  return names.map((name) => {
    const free = candidates(name).filter((box) =>
      isInside(box, frame) && !used.some((other) => overlap(box, other))
    );
    const place = free.find((box) =>
      !lines.some((point) =>
        overlap(box, point)
      ) &&
      !lineTo(name, box).some((point) =>
        used.some((other) =>
          // Under the dot itself lie those that it covers.
          overlap(point, other) && !overlap(boxOf(name), other)
        )
      )
    ) ?? free[0];
    if (place !== undefined) {
      used.push(place);
      lines.push(...lineTo(name, place));
    }
    return place;
  });
}

/** The square around a dot. */
export function boxOf({ x, y, r }: Dot): Box {
  return { x: x - r, y: y - r, width: 2 * r, height: 2 * r };
}

/** The point of a name that is nearest to a dot. */
export function nearest({ x, y }: Dot, box: Box): [x: number, y: number] {
  return [
    Math.min(Math.max(x, box.x), box.x + box.width),
    Math.min(Math.max(y, box.y), box.y + box.height),
  ];
}

/** Whether two parts are nearer than a little air. */
export function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width + AIR && b.x < a.x + a.width + AIR &&
    a.y < b.y + b.height + AIR && b.y < a.y + a.height + AIR;
}

/** Places around a dot: the nearest first, and to the right before others. */
function candidates({ x, y, r, width, height }: Named): Box[] {
  const boxes: Box[] = [];
  for (let away = r + AIR + 1; away < FURTHEST; away += STEP) {
    for (let i = 0; i < DIRECTIONS; i++) {
      // 0, 1, -1, 2, -2 .. of these.
      const turn = Math.ceil(i / 2) * (i % 2 === 0 ? -1 : 1);
      const angle = turn / DIRECTIONS * 2 * Math.PI;
      // The name's edge, not its middle, is that far away.
      boxes.push({
        x: x + Math.cos(angle) * (away + width / 2) - width / 2,
        y: y + Math.sin(angle) * (away + height / 2) - height / 2,
        width,
        height,
      });
    }
  }
  return boxes;
}

function isInside(box: Box, frame: Box): boolean {
  return box.x >= frame.x + AIR && box.y >= frame.y + AIR &&
    box.x + box.width <= frame.x + frame.width - AIR &&
    box.y + box.height <= frame.y + frame.height - AIR;
}

/** Points of the line from a dot to its name. */
function lineTo(dot: Dot, box: Box): Box[] {
  const [toX, toY] = nearest(dot, box);
  return Array.from({ length: LINE_POINTS + 1 }, (_, i) => {
    const part = i / LINE_POINTS;
    const x = dot.x + (toX - dot.x) * part;
    const y = dot.y + (toY - dot.y) * part;
    return { x, y, width: 0, height: 0 };
  });
}
