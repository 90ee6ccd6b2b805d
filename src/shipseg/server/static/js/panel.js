/** Beside the picture: what it is, the slider, what may be saved. */

import { announce, byId, makeSvg } from "./dom.js";
import { factsOf } from "./facts.js";
import { startList } from "./list.js";
import { startSaves } from "./saves.js";
import { on, setLeast, shownShips, state } from "./state.js";
import { percent, plural } from "./words.js";

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
  refreshFacts(item);
  if (found) refreshSlider(item);
}

let facts = "";

/** Write the facts anew only where they differ, for there may be a field with the focus in it. */
function refreshFacts(item) {
  const now = item
    ? JSON.stringify([item.id, item.note, item.answer?.request_id, shownShips(item).length])
    : "";
  if (now === facts) return;
  facts = now;
  byId("facts").replaceChildren(...(item ? factsOf(item) : []));
}

function refreshSlider(item) {
  const all = item.answer.ships.length;
  const shown = shownShips(item).length;
  const slider = byId("least");
  slider.value = String(Math.round(state.least * 100));
  slider.style.setProperty("--share", `${state.least * 100}%`);
  slider.setAttribute(
    "aria-valuetext",
    `${percent(state.least)}, ${shown} of ${plural(all, "ship")}`,
  );
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
      class: out ? "out" : null,
      x: (n * 100) / BINS + 0.4,
      y: 24 - height,
      width: 100 / BINS - 0.8,
      height,
      rx: 0.6,
    });
  });
}
