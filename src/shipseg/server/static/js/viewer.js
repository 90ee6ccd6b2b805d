/** The canvas: the current picture, its ships, the probability map. */

import { byId } from "./dom.js";
import { around, between, fitted, isInView, kept, zoomed } from "./camera.js";
import { drawShips, shipAt } from "./paint.js";
import { shipOf, shownShips, state } from "./state.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const GLIDE_MS = 220;
const CRISP_FROM = 3;
/** Room for the toolbar over the picture's lower edge. */
const TOOLS_PX = 56;
const REACH_PX = 8;
const LOOKED_AT_PX = 48;

export class Viewer {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    /** What is shown beside the picture. */
    this.layers = { hidden: false, peek: false, divider: null, opacity: 0.75 };
    /** @type {HTMLCanvasElement | null} */
    this.heat = null;
    this.bitmap = null;
    /** Whose picture it is: another item may be current already while its own is decoded. */
    this.item = null;
    this.size = { width: 1, height: 1 };
    this.camera = { scale: 1, x: 0, y: 0 };
    this.fits = true;
    this.glide = null;
    this.waiting = false;
    this.onmove = () => {};
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  get view() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  get least() {
    return Math.min(1, fitted(this.size, this.view, TOOLS_PX).scale) / 2;
  }

  /** Show an item's picture, or nothing. */
  setPicture(item, bitmap, size) {
    this.item = item;
    const changed = size.width !== this.size.width || size.height !== this.size.height;
    this.bitmap?.close();
    this.bitmap = bitmap;
    this.size = size;
    if (changed || this.fits) this.fit(false);
    this.draw();
  }

  fit(gliding = true) {
    this.move(fitted(this.size, this.view, TOOLS_PX), gliding);
    this.fits = true;
  }

  /** Show at one CSS pixel for each of the picture's. */
  natural() {
    const { width, height } = this.view;
    this.zoom(1 / this.camera.scale, { x: width / 2, y: height / 2 }, true);
  }

  zoom(factor, at = null, gliding = false) {
    const { width, height } = this.view;
    const from = this.glide?.to ?? this.camera;
    const point = at ?? { x: width / 2, y: height / 2 };
    this.move(zoomed(from, factor, point, this.least), gliding);
  }

  pan(dx, dy, gliding = false) {
    const from = this.glide?.to ?? this.camera;
    this.move({ ...from, x: from.x + dx, y: from.y + dy }, gliding);
  }

  /** Bring a ship into view, unless it is there and large enough to look at. */
  goTo(ship) {
    const [x0, y0, x1, y1] = ship.box;
    const side = Math.max(x1 - x0, y1 - y0) * this.camera.scale;
    if (isInView(ship.box, this.camera, this.view) && side >= LOOKED_AT_PX) return;
    this.move(around(ship.box, this.camera, this.view), true);
  }

  move(to, gliding) {
    this.fits = false;
    const target = kept(to, this.size, this.view);
    if (!gliding || STILL.matches) {
      this.glide = null;
      this.camera = target;
    } else {
      this.glide = { from: this.camera, to: target, since: performance.now() };
    }
    this.draw();
  }

  toPicture({ x, y }) {
    const { scale, x: left, y: top } = this.camera;
    return { x: (x - left) / scale, y: (y - top) / scale };
  }

  toScreen({ x, y }) {
    const { scale, x: left, y: top } = this.camera;
    return { x: x * scale + left, y: y * scale + top };
  }

  shipAt(point) {
    if (!this.showsShips(point)) return null;
    const ships = shownShips(state.current);
    return shipAt(ships, this.toPicture(point), REACH_PX / this.camera.scale);
  }

  showsShips({ x }) {
    const { hidden, peek, divider } = this.layers;
    return !hidden && !peek && (divider === null || x >= divider * this.view.width);
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    if (this.fits) this.fit(false);
    // Now, not in the next frame: setting the size has cleared the canvas.
    this.paint();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  step() {
    if (!this.glide) return;
    const { from, to, since } = this.glide;
    const share = Math.min(1, (performance.now() - since) / GLIDE_MS);
    this.camera = between(from, to, 1 - (1 - share) ** 3);
    if (share >= 1) this.glide = null;
    else this.draw();
  }

  paint() {
    this.step();
    const { context, camera, view } = this;
    const ratio = this.canvas.width / Math.max(1, view.width);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    if (this.bitmap) {
      context.imageSmoothingEnabled = camera.scale < CRISP_FROM;
      context.imageSmoothingQuality = "high";
      this.place(this.bitmap);
      this.paintFound();
    }
    this.onmove();
  }

  paintFound() {
    const { context, camera, view } = this;
    const { hidden, peek, divider, opacity } = this.layers;
    if (peek || this.item !== state.current) return;
    context.save();
    if (divider !== null) {
      const left = divider * view.width;
      context.beginPath();
      context.rect(left, 0, view.width - left, view.height);
      context.clip();
    }
    if (this.heat) {
      context.globalAlpha = opacity;
      this.place(this.heat);
      context.globalAlpha = 1;
    }
    if (!hidden) {
      const { selected, hovered } = state;
      drawShips(context, shownShips(state.current), { camera, view, selected, hovered });
    }
    context.restore();
  }

  place(image) {
    const { scale, x, y } = this.camera;
    this.context.drawImage(image, x, y, this.size.width * scale, this.size.height * scale);
  }
}

/** Bring what was selected elsewhere into view. */
export function follow(viewer, from) {
  const ship = shipOf(state.current, state.selected);
  if (ship && from !== "canvas") viewer.goTo(ship);
  viewer.draw();
}

/** Label the canvas for who cannot see it. */
export function describe(item) {
  const canvas = byId("canvas");
  if (!item) canvas.setAttribute("aria-label", "No picture yet");
  else if (!item.answer) canvas.setAttribute("aria-label", item.file.name);
  else {
    const ships = shownShips(item).length;
    canvas.setAttribute("aria-label", `${item.file.name} with ${ships} outlined ships`);
  }
}
