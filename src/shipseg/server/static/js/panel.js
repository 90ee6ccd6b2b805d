/** Beside the picture: what it is, the slider, what may be saved. */

import { announce, button, byId, icon, make, makeSvg } from "./dom.js";
import { again } from "./queue.js";
import { startList } from "./list.js";
import { startSaves } from "./saves.js";
import { on, setLeast, shownShips, state } from "./state.js";
import { percent, plural, time } from "./words.js";

const BINS = 25;

/** Wire the panel. */
export function startPanel() {
  startList();
  startSaves();
  const slider = byId("least");
  slider.addEventListener("input", () => setLeast(slider.value / 100));
  slider.addEventListener("change", () => announce(byId("least-count").textContent));
  on("current", refresh);
  on("item", (item) => item === state.current && refresh());
  on("least", refresh);
}

function refresh() {
  const item = state.current;
  const found = item?.answer?.ships.length ?? 0;
  byId("threshold").hidden = !found;
  byId("ships").hidden = !found;
  byId("downloads").hidden = !item?.answer;
  byId("facts").replaceChildren(...(item ? factsOf(item) : []));
  if (found) refreshSlider(item);
}

function factsOf(item) {
  const name = make("h2", { class: "name", title: item.file.name }, item.file.name);
  if (!item.answer) return [name, make("p", { class: "small" }, item.note)];
  const parts = [name, make("p", { class: "small" }, describeImage(item.answer)), headline(item)];
  for (const warning of item.answer.image.warnings) {
    parts.push(make("p", { class: "small warning" }, icon("warn"), warning));
  }
  if (item.note) parts.push(make("p", { class: "small warning" }, icon("warn"), item.note));
  return parts;
}

function describeImage({ image, timings_ms: timings }) {
  const facts = [`${image.width.toLocaleString("en")} × ${image.height.toLocaleString("en")} px`];
  if (image.gsd_m !== null) facts.push(`${Number(image.gsd_m.toPrecision(3))} m per pixel`);
  facts.push(`looked at in ${time(timings.total)}`);
  return facts.join(" · ");
}

/** The number of ships in large figures, and what the gate thought. */
function headline(item) {
  const { answer } = item;
  const shown = shownShips(item).length;
  const count = make("strong", {}, shown.toLocaleString("en"));
  const words = make("span", {}, shown === 1 ? "ship" : "ships");
  const gate = make(
    "p", { class: "small" }, `Probability that there is any ship: ${percent(answer.ship_probability)}`,
  );
  const box = make("div", { class: "headline" }, make("p", { class: "count" }, count, words), gate);
  if (!answer.passed) box.append(lookAnyway(item));
  return box;
}

/** Where the gate saw nothing, the segmenter was not asked; the person may want it to be. */
function lookAnyway(item) {
  return button("Look closely anyway", () => again(item, { ...item.asked, gate: "off" }), {
    kind: "small-button",
  });
}

function refreshSlider(item) {
  const all = item.answer.ships.length;
  const shown = shownShips(item).length;
  const slider = byId("least");
  slider.value = String(Math.round(state.least * 100));
  slider.style.setProperty("--share", `${state.least * 100}%`);
  slider.setAttribute("aria-valuetext", `${percent(state.least)}, ${shown} of ${plural(all, "ship")}`);
  byId("least-value").textContent = percent(state.least);
  byId("least-count").textContent =
    shown === all ? `All ${plural(all, "ship")} shown` : `${shown} of ${plural(all, "ship")} shown`;
  byId("histogram").replaceChildren(...bars(item.answer.ships));
}

function bars(ships) {
  const counts = new Array(BINS).fill(0);
  for (const { score } of ships) counts[Math.min(BINS - 1, Math.floor(score * BINS))] += 1;
  const most = Math.max(...counts);
  return counts.map((count, n) => {
    // The root keeps a bin of one ship visible beside one of hundreds.
    const height = count ? 3 + 21 * Math.sqrt(count / most) : 0;
    const out = (n + 1) / BINS <= state.least;
    return makeSvg("rect", {
      class: out ? "out" : null, x: (n * 100) / BINS + 0.4, y: 24 - height,
      width: 100 / BINS - 0.8, height, rx: 0.6,
    });
  });
}
