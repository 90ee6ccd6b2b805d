/** The pictures of this visit, as thumbnails. */

import { byId, icon, make } from "./dom.js";
import { remove } from "./queue.js";
import { on, show, shownShips, state } from "./state.js";
import { plural } from "./words.js";

const cells = new WeakMap();

/** Wire the strip. */
export function startStrip() {
  on("items", refresh);
  on("item", fill);
  on("current", () => {
    for (const item of state.items) fill(item);
    cells.get(state.current)?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  });
  on("least", () => state.items.forEach(fill));
}

function refresh() {
  byId("history").replaceChildren(...state.items.map(cellOf));
}

function cellOf(item) {
  if (!cells.has(item)) {
    const open = make("button", { type: "button", class: "open", onclick: () => show(item) });
    const away = make(
      "button",
      {
        type: "button",
        class: "away",
        "aria-label": `Remove ${item.file.name}`,
        title: "Remove",
        onclick: () => remove(item),
      },
      icon("close"),
    );
    cells.set(item, make("li", {}, open, away));
    fill(item);
  }
  return cells.get(item);
}

function fill(item) {
  const cell = cells.get(item);
  if (!cell) return;
  const open = cell.firstChild;
  cell.dataset.status = item.status;
  open.setAttribute("aria-current", String(item === state.current));
  open.title = item.file.name;
  open.replaceChildren(
    make(
      "span",
      { class: "thumb", "aria-hidden": "true" },
      item.thumb ?? icon(item.status === "failed" ? "warn" : "waves"),
    ),
    badge(item),
    make("span", { class: "label" }, item.file.name),
  );
}

function badge(item) {
  if (item.status === "failed") return make("span", { class: "badge bad" }, "Failed");
  if (!item.answer) {
    return make("span", { class: "badge" }, item.status === "waiting" ? "Waiting" : "Looking…");
  }
  const count = shownShips(item).length;
  return make("span", { class: "badge good" }, plural(count, "ship"));
}
