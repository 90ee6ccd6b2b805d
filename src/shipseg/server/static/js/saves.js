/** Saving what was found, as the slider has it. */

import { announce, byId, icon, make, toast } from "./dom.js";
import { another } from "./analysis.js";
import { coco, filteredGeojson, kaggleCsv, placelessGeojson } from "./formats.js";
import { drawShips } from "./paint.js";
import { greyPng } from "./png.js";
import { maskOf } from "./runs.js";
import { on, shownShips, state } from "./state.js";
import { Problem } from "./transport.js";

// What a browser can hold beside all else it does.
const MOST_MASK_PIXELS = 268_000_000;

const KINDS = [
  { kind: "overlay", name: "Overlay", form: "PNG", file: "overlay.png", make: overlay },
  { kind: "mask", name: "Mask", form: "PNG", file: "mask.png", make: mask },
  { kind: "geojson", name: "Map", form: "GeoJSON", file: "ships.geojson", make: geojson },
  {
    kind: "coco",
    name: "COCO",
    form: "JSON",
    file: "coco.json",
    make: (item) => json(coco(scope(item))),
    many: true,
  },
  {
    kind: "csv",
    name: "Kaggle",
    form: "CSV",
    file: "submission.csv",
    make: (item) => csv(kaggleCsv(scope(item))),
    many: true,
  },
];

let all = false;

/** Wire the buttons. */
export function startSaves() {
  const box = byId("downloads");
  const buttons = KINDS.map((kind) =>
    make(
      "button",
      { type: "button", class: "save", "data-save": kind.kind, onclick: () => save(kind) },
      make("span", { class: "save-name" }, kind.name),
      make("span", { class: "save-form" }, kind.form),
    ),
  );
  const every = make("input", { type: "checkbox", id: "every" });
  every.addEventListener("change", () => (all = every.checked));
  box.append(
    make("h3", {}, icon("down"), "Save"),
    make("div", { class: "saves" }, ...buttons),
    make("label", { class: "every small", hidden: true }, every, make("span")),
  );
  on("item", refresh);
  on("items", refresh);
}

const done = () => state.items.filter((item) => item.answer);
const scope = (item) => (all && done().length > 1 ? done() : [item]);

function refresh() {
  const label = document.querySelector(".every");
  const count = done().length;
  label.hidden = count < 2;
  label.lastChild.textContent = `COCO and Kaggle with all ${count} pictures`;
}

async function save(kind) {
  const item = state.current;
  try {
    const blob = await kind.make(item);
    const many = kind.many && scope(item).length > 1;
    hand(blob, many ? `shipseg-${kind.file}` : `${stem(item.file.name)}.${kind.file}`);
    announce(`${kind.name} saved`);
  } catch (problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    toast(`Not saved: ${problem.detail || problem.title || problem.message}`);
  }
}

function hand(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  // The browser has taken the bytes over by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const stem = (name) => name.replace(/\.[^.]{1,5}$/, "") || "picture";
const json = (text) => new Blob([text], { type: "application/json" });
const csv = (text) => new Blob([text], { type: "text/csv" });

function mask(item) {
  const { width, height } = item.answer.image;
  if (width * height > MOST_MASK_PIXELS) {
    throw new Problem({
      code: "browser",
      title: "Too large for a browser",
      detail: "a mask of this size is too large for a browser; shipseg predict writes it",
    });
  }
  const size = { width, height };
  return greyPng(
    maskOf(
      shownShips(item).map((ship) => ship.rle),
      size,
    ),
    size,
  );
}

async function overlay(item) {
  if (!item.picture) {
    throw new Problem({ code: "browser", title: "The picture is not here yet" });
  }
  const bitmap = await createImageBitmap(item.picture);
  const view = { width: bitmap.width, height: bitmap.height };
  const canvas = document.createElement("canvas");
  Object.assign(canvas, view);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const camera = { scale: view.width / item.answer.image.width, x: 0, y: 0 };
  drawShips(context, shownShips(item), { camera, view, line: 1.6 });
  return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

async function geojson(item) {
  const placed = item.answer.ships.some((ship) => ship.longitude !== null);
  const type = "application/geo+json";
  if (!placed) {
    toast("This picture has no place on the Earth: its ships are saved without geometry.");
    return new Blob([placelessGeojson(item)], { type });
  }
  // Outlines in degrees are the server's work.
  const whole = await another(item, { accept: type });
  return new Blob([filteredGeojson(JSON.parse(await whole.text()))], { type });
}
