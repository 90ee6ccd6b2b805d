/** Around the canvas: its toolbar, the divider, what lies under the mouse. */

import { announce, byId, toast } from "./dom.js";
import { another } from "./analysis.js";
import { startGestures } from "./gestures.js";
import { colouredMap } from "./pictures.js";
import { on, shipOf, state } from "./state.js";
import { Viewer, describe, follow } from "./viewer.js";
import { long, percent } from "./words.js";

const STEP_PX = 60;
const ZOOM_STEP = 1.5;

/** @type {Viewer} */
let viewer;
let shownBlob = null;
const maps = new WeakMap();
let mouse = null;

/** Wire the stage. */
export function startStage() {
  viewer = new Viewer(byId("canvas"));
  viewer.onmove = () => {
    // Before the first picture there is nothing whose size could be told.
    if (viewer.item) byId("zoom").textContent = `${Math.round(viewer.camera.scale * 100)} %`;
    placeTip();
  };
  startGestures(viewer, {
    onPoint: (point) => {
      mouse = point;
      placeTip();
    },
  });
  startTools();
  startDivider();
  on("current", refresh);
  on("item", (item) => item === state.current && refresh());
  on("least", () => (describe(state.current), viewer.draw()));
  on("selected", (from) => follow(viewer, from));
  on("hovered", () => viewer.draw());
}

async function refresh() {
  const item = state.current;
  describe(item);
  viewer.draw();
  const blob = item?.picture ?? null;
  if (blob === shownBlob) return refreshHeat();
  shownBlob = blob;
  const bitmap = blob && (await createImageBitmap(blob, { imageOrientation: "from-image" }));
  if (shownBlob !== blob) return bitmap?.close();
  // A large scene's picture is shrunk; its ships are in the scene's own pixels.
  const size = item?.answer?.image ?? item?.pictureSize ?? { width: 1, height: 1 };
  viewer.setPicture(item, bitmap, { width: size.width, height: size.height });
  byId("stage").classList.toggle("bare", !bitmap);
  await refreshHeat();
}

const actions = {
  in: () => viewer.zoom(ZOOM_STEP, null, true),
  out: () => viewer.zoom(1 / ZOOM_STEP, null, true),
  one: () => viewer.natural(),
  fit: () => viewer.fit(),
  hide: () => {
    viewer.layers.hidden = press("hide");
    viewer.draw();
  },
  compare: () => setDivider(press("compare") ? 0.5 : null),
  heat: () => {
    byId("opacity-box").hidden = !press("heat");
    refreshHeat();
  },
};

/** Do what a button of the toolbar does. */
export function view(action) {
  actions[action]();
}

/** Hide all that lies over the picture, for as long as a key is held. */
export function peek(held) {
  viewer.layers.peek = held;
  viewer.draw();
}

/** Move the picture by steps. */
export function nudge(x, y) {
  viewer.pan(x * STEP_PX, y * STEP_PX, true);
}

const toolOf = (name) => document.querySelector(`[data-view="${name}"][aria-pressed]`);
const isOn = (name) => toolOf(name).getAttribute("aria-pressed") === "true";

function press(name) {
  const next = !isOn(name);
  toolOf(name).setAttribute("aria-pressed", String(next));
  return next;
}

function startTools() {
  for (const tool of document.querySelectorAll(".tools [data-view]")) {
    tool.addEventListener("click", () => view(tool.dataset.view));
  }
  byId("opacity").addEventListener("input", (event) => {
    viewer.layers.opacity = event.target.value / 100;
    viewer.draw();
  });
}

async function refreshHeat() {
  const item = state.current;
  viewer.heat = null;
  if (isOn("heat") && item?.answer) {
    if (!maps.has(item.answer)) maps.set(item.answer, fetchHeat(item));
    const answer = item.answer;
    const map = await maps.get(answer);
    if (!map) maps.delete(answer);
    if (state.current?.answer === answer && isOn("heat")) viewer.heat = map;
  }
  viewer.draw();
}

async function fetchHeat(item) {
  try {
    const blob = await another(item, { accept: "image/png", layer: "probability" });
    const map = await colouredMap(blob);
    announce("Probability map shown");
    return map;
  } catch (problem) {
    const kept = problem.code !== "layer-missing";
    toast(
      kept
        ? `No probability map: ${problem.title}`
        : "No probability map is kept of a scene this large",
    );
    press("heat");
    byId("opacity-box").hidden = true;
    return null;
  }
}

function setDivider(share) {
  const handle = byId("divider");
  viewer.layers.divider = share;
  handle.hidden = share === null;
  if (share !== null) {
    handle.style.left = `${share * 100}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    handle.setAttribute("aria-valuetext", `${Math.round(share * 100)} % plain picture`);
  }
  viewer.draw();
}

function startDivider() {
  const handle = byId("divider");
  const steps = {
    ArrowLeft: -0.02,
    ArrowRight: 0.02,
    PageDown: -0.1,
    PageUp: 0.1,
    Home: -1,
    End: 1,
  };
  const to = (share) => setDivider(Math.min(1, Math.max(0, share)));
  handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = viewer.canvas.getBoundingClientRect();
    to((event.clientX - box.left) / box.width);
  });
  handle.addEventListener("keydown", (event) => {
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    to(viewer.layers.divider + steps[event.key]);
  });
}

/** Say what lies under the mouse, and what is selected where there is no mouse. */
function placeTip() {
  const tip = byId("tip");
  const at = mouse && viewer.bitmap ? viewer.toPicture(mouse) : null;
  const { width, height } = viewer.size;
  const inside = at && at.x >= 0 && at.y >= 0 && at.x < width && at.y < height;
  byId("reading").textContent = inside ? `${Math.floor(at.x)}, ${Math.floor(at.y)}` : "";
  const ship = shipOf(state.current, mouse ? state.hovered : state.selected);
  tip.hidden = !ship || viewer.layers.hidden || viewer.layers.peek;
  if (tip.hidden) return;
  const size = `${long(ship.length_m, ship.length_px)} × ${long(ship.width_m, ship.width_px)}`;
  tip.textContent = `${ship.id} · ${percent(ship.score)} · ${size}`;
  // Above the mouse, or below the ship, where its tag is not.
  const below = viewer.toScreen({ x: ship.box[0], y: ship.box[3] });
  const { x, y } = mouse ?? { x: below.x - 16, y: below.y + 44 };
  const far = x > viewer.view.width - 190;
  tip.style.left = `${Math.max(8, x + (far ? -14 : 16))}px`;
  tip.style.top = `${Math.max(8, y - 36)}px`;
  tip.classList.toggle("left", far);
}
