/** Ships on a canvas: outlines with a dark seam, and number tags that do not cover each other. */

/** The colours of `shipseg predict`'s overlays, in the same order. */
const PALETTE = ["#ffd600", "#00e0ff", "#ff70d6", "#80ff54", "#ff9438", "#b2a4ff"];

const SEAM = "rgb(4 16 26 / 70%)";
const INK = "#04101a";
const FONT = "600 12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const TAG = { height: 18, pad: 5, gap: 4 };
// In a crowd, a ship that is smaller than its tag goes without one until one zooms in, unless it is
// among the largest.
const CROWD = 24;
const TAGGED_PX = 22;

const paths = new WeakMap();

/** @returns {string} The colour of a ship. */
export function colourOf(ship) {
  return PALETTE[(ship.id - 1) % PALETTE.length];
}

/** Give a ship's outline as a path in the picture's pixels. */
function pathOf(ship) {
  let path = paths.get(ship);
  if (!path) {
    path = new Path2D();
    for (const polygon of ship.outline) {
      for (const ring of polygon) {
        ring.forEach(([x, y], n) => (n ? path.lineTo(x, y) : path.moveTo(x, y)));
        path.closePath();
      }
    }
    paths.set(ship, path);
  }
  return path;
}

/**
 * Draw ships.
 * @param {CanvasRenderingContext2D} context Its transform is left as it was.
 * @param {any[]} ships
 * @param {object} how
 * @param {import("./camera.js").Camera} how.camera Where the picture's pixels lie.
 * @param {{width: number, height: number}} how.view Size of the canvas in the same units.
 * @param {number} [how.line] Width of a line.
 * @param {number | null} [how.selected]
 * @param {number | null} [how.hovered]
 */
export function drawShips(context, ships, { camera, view, line = 1.75, selected, hovered }) {
  const seen = ships.filter((ship) => touches(ship.box, camera, view));
  context.save();
  context.lineJoin = "round";
  context.transform(camera.scale, 0, 0, camera.scale, camera.x, camera.y);
  for (const ship of seen) {
    const strong = ship.id === selected ? 1.7 : ship.id === hovered ? 1.4 : 1;
    outline(context, ship, (line * strong) / camera.scale, strong > 1);
  }
  context.restore();
  const first = [hovered, selected];
  const isTagged = (ship, n) =>
    seen.length <= CROWD || n < CROWD / 2 || longSide(ship) * camera.scale >= TAGGED_PX;
  drawTags(context, byImportance(seen, first).filter(isTagged), camera, view, first);
}

const longSide = ({ box }) => Math.max(box[2] - box[0], box[3] - box[1]);

function outline(context, ship, width, filled) {
  const path = pathOf(ship);
  const colour = colourOf(ship);
  if (filled) {
    context.globalAlpha = 0.28;
    context.fillStyle = colour;
    context.fill(path, "evenodd");
    context.globalAlpha = 1;
  }
  context.strokeStyle = SEAM;
  context.lineWidth = width * 2.3;
  context.stroke(path);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

/** Tags of selected ships win over those of others, and large ships over small ones. */
function byImportance(ships, first) {
  const rank = (ship) => (first.includes(ship.id) ? Infinity : ship.area_px);
  return [...ships].sort((a, b) => rank(b) - rank(a));
}

function drawTags(context, ships, camera, view, first) {
  const taken = [];
  context.save();
  context.font = FONT;
  context.textBaseline = "middle";
  for (const ship of ships) {
    const text = String(ship.id);
    const width = context.measureText(text).width + 2 * TAG.pad;
    const spot = spotFor(ship.box, width, camera, view, taken, first.includes(ship.id));
    if (!spot) continue;
    taken.push(spot);
    context.fillStyle = SEAM;
    pill(context, spot.x - 1, spot.y - 1, width + 2, TAG.height + 2);
    context.fillStyle = colourOf(ship);
    pill(context, spot.x, spot.y, width, TAG.height);
    context.fillStyle = INK;
    context.fillText(text, spot.x + TAG.pad, spot.y + TAG.height / 2 + 0.5);
  }
  context.restore();
}

function pill(context, x, y, width, height) {
  context.beginPath();
  context.roundRect(x, y, width, height, 4);
  context.fill();
}

/** Find a place beside a box that no other tag has. */
function spotFor(box, width, camera, view, taken, must) {
  const [left, top] = [box[0] * camera.scale + camera.x, box[1] * camera.scale + camera.y];
  const [right, bottom] = [box[2] * camera.scale + camera.x, box[3] * camera.scale + camera.y];
  const corners = [
    [right + TAG.gap, top - TAG.height],
    [left - TAG.gap - width, top - TAG.height],
    [right + TAG.gap, bottom],
    [left - TAG.gap - width, bottom],
  ];
  const spots = corners.map(([x, y]) => ({ x, y, width }));
  const inside = ({ x, y }) =>
    x >= 0 && y >= 0 && x + width <= view.width && y + TAG.height <= view.height;
  const free = spots.find((spot) => inside(spot) && !taken.some((other) => overlaps(spot, other)));
  return free ?? (must ? spots.find(inside) : undefined);
}

function overlaps(a, b) {
  return a.x < b.x + b.width + 2 && b.x < a.x + a.width + 2 && Math.abs(a.y - b.y) < TAG.height + 2;
}

function touches([x0, y0, x1, y1], { scale, x, y }, view) {
  return (
    x1 * scale + x >= 0 &&
    y1 * scale + y >= 0 &&
    x0 * scale + x <= view.width &&
    y0 * scale + y <= view.height
  );
}

const probe = document.createElement("canvas").getContext("2d");

/**
 * Find the ship under a point of the picture; one that is small on the screen is found nearby.
 * @param {any[]} ships
 * @param {{x: number, y: number}} at In the picture's pixels.
 * @param {number} reach In the picture's pixels.
 */
export function shipAt(ships, at, reach) {
  const near = ships.filter(
    ({ box }) =>
      at.x >= box[0] - reach &&
      at.x <= box[2] + reach &&
      at.y >= box[1] - reach &&
      at.y <= box[3] + reach,
  );
  const hit = near.find((ship) => probe.isPointInPath(pathOf(ship), at.x, at.y, "evenodd"));
  if (hit) return hit;
  const away = ({ centre }) => Math.hypot(centre[0] - at.x, centre[1] - at.y);
  return near.sort((a, b) => away(a) - away(b))[0] ?? null;
}
