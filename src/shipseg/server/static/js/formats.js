/** Ships as files: Kaggle's CSV, COCO, GeoJSON. What the slider leaves out is left out. */

import { countsOf, parseRuns } from "./runs.js";
import { isShown, shownShips } from "./state.js";

/** Give Kaggle's table: a row for each ship, or one with an empty cell. */
export function kaggleCsv(items) {
  const lines = ["ImageId,EncodedPixels"];
  for (const item of items) {
    const masks = shownShips(item).map((ship) => ship.rle);
    for (const mask of masks.length ? masks : [""]) lines.push(`${cell(item.file.name)},${mask}`);
  }
  return `${lines.join("\n")}\n`;
}

function cell(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Give COCO's annotations with scores. */
export function coco(items) {
  const annotations = [];
  const images = items.map((item, n) => {
    const { width, height } = item.answer.image;
    for (const ship of shownShips(item)) {
      annotations.push(annotation(ship, annotations.length + 1, n + 1, { width, height }));
    }
    return { id: n + 1, file_name: item.file.name, width, height };
  });
  return JSON.stringify({
    info: { description: "ships found by shipseg" },
    images,
    categories: [{ id: 1, name: "ship", supercategory: "vehicle" }],
    annotations,
  });
}

function annotation(ship, id, image, { width, height }) {
  const [x0, y0, x1, y1] = ship.box;
  return {
    id,
    image_id: image,
    category_id: 1,
    segmentation: segmentation(ship, width, height),
    area: ship.area_px,
    bbox: [x0, y0, x1 - x0, y1 - y0],
    iscrowd: 0,
    score: ship.score,
    attributes: {
      lon: ship.longitude,
      lat: ship.latitude,
      length_m: ship.length_m,
      width_m: ship.width_m,
      heading_deg: ship.heading_deg,
    },
  };
}

/** Give polygons, or runs where there are holes, which COCO's polygons cannot have. */
function segmentation(ship, width, height) {
  if (ship.outline.every((rings) => rings.length === 1)) {
    return ship.outline.map(([ring]) => ring.flat());
  }
  return { size: [height, width], counts: countsOf(parseRuns(ship.rle), width * height) };
}

/**
 * Leave ships out of the server's GeoJSON.
 * @param {any} collection
 */
export function filteredGeojson(collection) {
  const features = collection.features.filter(({ properties }) => isShown(properties));
  return JSON.stringify({ ...collection, features });
}

/** Give GeoJSON of a picture that is nowhere on the Earth: as the server does, without geometry. */
export function placelessGeojson(item) {
  const features = shownShips(item).map(({ id, ...properties }) => ({
    type: "Feature",
    id,
    geometry: null,
    properties,
  }));
  return JSON.stringify({ type: "FeatureCollection", name: item.file.name, features });
}
