/** Mouse, pen, fingers and wheel on the canvas. */

import { hover, select, state } from "./state.js";

const CLICK_PX = 5;
const WHEEL = 0.0016;
const PINCH = 0.01;

/**
 * Wire the canvas.
 * @param {import("./viewer.js").Viewer} viewer
 * @param {{onPoint: (point: {x: number, y: number} | null) => void}} told Of where the mouse is.
 */
export function startGestures(viewer, { onPoint }) {
  const { canvas } = viewer;
  const fingers = new Map();
  let travelled = 0;

  const pointOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      // Lines and pages, where a browser counts in those.
      const step = event.deltaY * [1, 16, 400][event.deltaMode];
      const rate = event.ctrlKey ? PINCH : WHEEL;
      viewer.zoom(Math.exp(-Math.max(-240, Math.min(240, step)) * rate), pointOf(event));
    },
    { passive: false },
  );

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, pointOf(event));
    if (fingers.size === 1) travelled = 0;
  });

  canvas.addEventListener("pointermove", (event) => {
    const point = pointOf(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "touch") return;
      hover(viewer.shipAt(point)?.id ?? null);
      onPoint(point);
      canvas.classList.toggle("over", state.hovered !== null);
      return;
    }
    travelled += Math.hypot(point.x - before.x, point.y - before.y);
    if (fingers.size === 2) pinch(viewer, fingers, event.pointerId, point);
    else if (travelled > CLICK_PX) viewer.pan(point.x - before.x, point.y - before.y);
    fingers.set(event.pointerId, point);
    canvas.classList.toggle("moving", travelled > CLICK_PX);
  });

  const lift = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    canvas.classList.remove("moving");
    if (event.type === "pointerup" && travelled <= CLICK_PX && fingers.size === 0) {
      select(viewer.shipAt(pointOf(event))?.id ?? null, "canvas");
    }
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => {
    hover(null);
    onPoint(null);
  });
  canvas.addEventListener("dblclick", (event) => viewer.zoom(2, pointOf(event), true));
}

/** Two fingers: their middle moves the picture, their distance zooms it. */
function pinch(viewer, fingers, moved, point) {
  const before = fingers.get(moved);
  const [, other] = [...fingers].find(([id]) => id !== moved);
  const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
  const was = Math.hypot(before.x - other.x, before.y - other.y);
  const is = Math.hypot(point.x - other.x, point.y - other.y);
  viewer.pan((point.x - before.x) / 2, (point.y - before.y) / 2);
  viewer.zoom(is / Math.max(1, was), middle);
}
