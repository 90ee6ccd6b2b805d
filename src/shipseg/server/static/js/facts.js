/** What a picture is, and how many ships are on it. */

import { button, icon, make } from "./dom.js";
import { again } from "./queue.js";
import { shownShips } from "./state.js";
import { percent, time } from "./words.js";

/**
 * Make the elements.
 * @param {import("./state.js").Item} item
 * @returns {HTMLElement[]}
 */
export function factsOf(item) {
  const name = make("h2", { class: "name", title: item.file.name }, item.file.name);
  if (!item.answer) {
    return [name, make("p", { class: "small" }, item.status === "failed" ? "" : item.note)];
  }
  const { image } = item.answer;
  const parts = [name, make("p", { class: "small" }, describe(item.answer)), headline(item)];
  for (const warning of [...image.warnings, ...(item.note ? [item.note] : [])]) {
    parts.push(make("p", { class: "small warning" }, icon("warn"), make("span", {}, warning)));
  }
  // Of a file that has a place on the Earth, the file knows best.
  if (image.gsd_m === null || item.asked.gsd) parts.push(scale(item));
  return parts;
}

function describe({ image, timings_ms: timings }) {
  const facts = [`${image.width.toLocaleString("en")} × ${image.height.toLocaleString("en")} px`];
  if (image.gsd_m !== null) facts.push(`${Number(image.gsd_m.toPrecision(3))} m per pixel`);
  facts.push(time(timings.total));
  return facts.join(" · ");
}

/** The number of ships in large figures, and what the gate thought. */
function headline(item) {
  const { answer } = item;
  const all = answer.ships.length;
  if (!all) return nothing(item);
  const shown = shownShips(item).length;
  const of = shown === all ? "" : `of ${all.toLocaleString("en")} `;
  return make(
    "div",
    { class: "headline" },
    make(
      "p",
      { class: "count" },
      make("strong", {}, shown.toLocaleString("en")),
      make("span", {}, `${of}${all === 1 ? "ship" : "ships"}`),
    ),
    make(
      "p",
      { class: "gate small" },
      "Any ship at all",
      make("b", {}, percent(answer.ship_probability)),
    ),
  );
}

/** Where the gate saw nothing, the segmenter was not asked; the person may want it to be. */
function nothing(item) {
  const { passed, ship_probability: any, thresholds } = item.answer;
  const box = make(
    "div",
    { class: "nothing" },
    make("p", { class: "count" }, make("strong", {}, "No ships")),
  );
  if (passed) {
    box.append(make("p", { class: "small" }, "The picture was searched pixel by pixel."));
    return box;
  }
  const why =
    `A first look gives any ship a probability of ${percent(any)}; ` +
    `the search begins at ${percent(thresholds.gate)}.`;
  const look = () => again(item, { ...item.asked, gate: "off" });
  box.append(
    make("p", { class: "small" }, why),
    button("Search anyway", look, { kind: "small-button" }),
  );
  return box;
}

/** A field for what the file does not say; the server looks again, at the model's own scale. */
function scale(item) {
  const field = make("input", {
    type: "number",
    name: "gsd",
    min: 0.01,
    max: 1000,
    step: "any",
    required: true,
    inputmode: "decimal",
    placeholder: "1.5",
    value: item.asked.gsd ?? null,
  });
  const submit = (event) => {
    event.preventDefault();
    again(item, { ...item.asked, gsd: Number(field.value) });
  };
  return make(
    "form",
    { class: "scale small", onsubmit: submit },
    make("label", {}, "Metres per pixel", field),
    make("button", { class: "button small-button" }, "Measure"),
  );
}
