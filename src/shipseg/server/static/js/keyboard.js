/** Keys, wherever the focus is not in a field that needs them. */

import { byId, make } from "./dom.js";
import { nudge, peek, view } from "./stage.js";
import { select, show, shownShips, state } from "./state.js";

const KEYS = [
  ["+  −", "Zoom in and out"],
  ["0", "Fit the picture"],
  ["1", "Pixel for pixel"],
  ["← ↑ → ↓", "Move the picture"],
  ["N  P", "Next and previous ship"],
  ["Space", "Hold to see the plain picture"],
  ["H", "Hide or show the outlines"],
  ["C", "Compare with the plain picture"],
  ["M", "Probability map"],
  ["[  ]", "Previous and next picture"],
  ["Ctrl V", "Paste a picture"],
  ["Esc", "Select nothing"],
  ["?", "These keys"],
];

const VIEWS = {
  "+": "in",
  "=": "in",
  "-": "out",
  "−": "out",
  0: "fit",
  1: "one",
  h: "hide",
  c: "compare",
  m: "heat",
};
const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Wire the keyboard. */
export function startKeyboard() {
  for (const [keys, what] of KEYS) {
    const caps = keys.split("  ").map((cap) => make("kbd", {}, cap));
    byId("keys").append(make("dt", {}, ...caps), make("dd", {}, what));
  }
  document.addEventListener("keydown", press);
  document.addEventListener("keyup", (event) => event.key === " " && peek(false));
  window.addEventListener("blur", () => peek(false));
}

/** Show the keys. */
export function help() {
  byId("help").showModal();
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onCanvas = event.target === byId("canvas") || event.target === document.body;
  if (key === "?") help();
  else if (!state.items.length || isField(event.target)) return;
  else if (key === " " && onCanvas) peek(true);
  else if (key in MOVES && onCanvas) nudge(...MOVES[key]);
  else if (key in VIEWS) view(VIEWS[key]);
  else if (key === "n" || key === "p") nextShip(key === "n" ? 1 : -1);
  else if (key === "[" || key === "]") nextPicture(key === "]" ? 1 : -1);
  else if (key === "Escape") select(null, "keys");
  else return;
  event.preventDefault();
}

function isField(element) {
  return element instanceof HTMLInputElement || element instanceof HTMLSelectElement;
}

function nextShip(step) {
  const ships = shownShips(state.current);
  if (!ships.length) return;
  const at = ships.findIndex((ship) => ship.id === state.selected);
  const next = at < 0 && step < 0 ? ships.length - 1 : (at + step + ships.length) % ships.length;
  select(ships[next].id, "keys");
}

function nextPicture(step) {
  const at = state.items.indexOf(state.current);
  const item = state.items[at + step];
  if (item) show(item);
}
