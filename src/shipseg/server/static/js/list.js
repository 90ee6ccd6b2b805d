/** The list of ships: one stop for the Tab key, arrow keys within, selected with the picture. */

import { byId, icon, make } from "./dom.js";
import { colourOf } from "./paint.js";
import { hover, isShown, on, select, state } from "./state.js";
import { long, percent, place, sentence } from "./words.js";

const COLUMNS = [
  { name: "No.", title: "number", value: (ship) => ship.id, falling: false },
  { name: "Score", title: "score", value: (ship) => ship.score, falling: true },
  {
    name: "Length",
    title: "length",
    value: (ship) => ship.length_m ?? ship.length_px,
    falling: true,
  },
  { name: "Width", title: "width", value: (ship) => ship.width_m ?? ship.width_px, falling: true },
  { name: "Heading", title: "heading", value: (ship) => ship.heading_deg, falling: false },
];

let order = { column: COLUMNS[0], falling: false };
let shownAnswer = null;
/** @type {Map<number, HTMLElement>} */
let rows = new Map();

/** Wire the list. */
export function startList() {
  byId("columns").append(...COLUMNS.map(header));
  const list = byId("list");
  list.addEventListener("keydown", press);
  list.addEventListener("click", (event) => {
    const row = event.target.closest("[role=option]");
    if (row) select(Number(row.dataset.id), "list");
  });
  list.addEventListener("pointerover", (event) => {
    const row = event.target.closest("[role=option]");
    hover(row ? Number(row.dataset.id) : null);
  });
  list.addEventListener("pointerleave", () => hover(null));
  on("current", refresh);
  on("item", (item) => item === state.current && refresh());
  on("least", filter);
  on("selected", mark);
  on("hovered", point);
}

function header(column) {
  const title = `Order by ${column.title}`;
  const sort = () => {
    const falling = order.column === column ? !order.falling : column.falling;
    order = { column, falling };
    fill();
  };
  return make("button", { type: "button", "aria-label": title, title, onclick: sort }, column.name);
}

function refresh() {
  const answer = state.current?.answer ?? null;
  if (answer === shownAnswer) return;
  shownAnswer = answer;
  rows = new Map();
  fill();
}

function fill() {
  const ships = [...(shownAnswer?.ships ?? [])];
  const { column, falling } = order;
  ships.sort((a, b) => (column.value(a) - column.value(b)) * (falling ? -1 : 1) || a.id - b.id);
  byId("list").replaceChildren(...ships.map(rowOf));
  [...byId("columns").children].forEach((button, n) => {
    const sorted = COLUMNS[n] === column;
    button.setAttribute("aria-pressed", String(sorted));
    button.dataset.sorted = sorted ? (falling ? "falling" : "rising") : "";
  });
  filter();
}

function rowOf(ship) {
  let row = rows.get(ship.id);
  if (!row) {
    row = makeRow(ship);
    rows.set(ship.id, row);
  }
  return row;
}

function makeRow(ship) {
  const number = make("span", { class: "number" }, String(ship.id));
  number.style.background = colourOf(ship);
  const heading = make(
    "span",
    { class: "heading" },
    icon("axis", ship.heading_deg),
    `${Math.round(ship.heading_deg)}°`,
  );
  return make(
    "div",
    {
      role: "option",
      class: "row",
      "data-id": ship.id,
      "aria-label": sentence(ship),
      tabindex: -1,
    },
    number,
    make("span", { class: "score" }, percent(ship.score)),
    make("span", {}, long(ship.length_m, ship.length_px)),
    make("span", {}, long(ship.width_m, ship.width_px)),
    heading,
    make("span", { class: "place" }, place(ship)),
  );
}

/** Hide what the slider leaves out. */
function filter() {
  for (const ship of shownAnswer?.ships ?? []) rows.get(ship.id).hidden = !isShown(ship);
  mark("list");
}

/** Mark the selected row; it, or the first one, is where the Tab key stops. */
function mark(from) {
  const chosen = rows.get(state.selected);
  const shown = visible();
  const stop = chosen && !chosen.hidden ? chosen : shown[0];
  for (const row of rows.values()) {
    row.setAttribute("aria-selected", String(row === chosen));
    row.tabIndex = row === stop ? 0 : -1;
  }
  if (chosen && from !== "list") reveal(chosen);
}

/** Scroll the list, and never the page: the picture would go out of view. */
function reveal(row) {
  const list = byId("list");
  const top = row.offsetTop - list.offsetTop;
  const bottom = top + row.offsetHeight;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

function point() {
  for (const [id, row] of rows) row.classList.toggle("pointed", id === state.hovered);
}

const visible = () => [...byId("list").children].filter((row) => !row.hidden);

function press(event) {
  const shown = visible();
  const at = shown.indexOf(document.activeElement);
  const steps = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: shown.length - 1,
    PageDown: at + 10,
    PageUp: at - 10,
  };
  const chooses = event.key === "Enter" || event.key === " ";
  if (!(event.key in steps) && !chooses) return;
  event.preventDefault();
  event.stopPropagation();
  const row = chooses
    ? shown[at]
    : shown[Math.min(shown.length - 1, Math.max(0, steps[event.key]))];
  if (!row) return;
  row.focus();
  select(Number(row.dataset.id), "list");
}
