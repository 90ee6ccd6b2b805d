/** The page: everything is wired here. */

import { byId } from "./dom.js";
import { choose, sample, startIntake } from "./intake.js";
import { help, startKeyboard } from "./keyboard.js";
import { startKeys } from "./keys.js";
import { startNotice } from "./notice.js";
import { startPanel } from "./panel.js";
import { startStage } from "./stage.js";
import { on, state } from "./state.js";
import { startStrip } from "./strip.js";
import { startTheme } from "./theme.js";
import { requestJson } from "./transport.js";
import { bytes } from "./words.js";

const DOES = { choose, sample, help };

function startButtons() {
  for (const each of document.querySelectorAll("[data-do]")) {
    each.addEventListener("click", () => DOES[each.dataset.do]());
  }
}

/** From the empty page to work and back. */
function switchView() {
  const before = document.documentElement.dataset.view;
  const now = state.items.length ? "work" : "empty";
  document.documentElement.dataset.view = now;
  document.title = state.current ? `${state.current.file.name} · shipseg` : "shipseg";
  // The button that was pressed is gone; the keyboard goes on at the picture.
  if (before !== now) (now === "work" ? byId("canvas") : byId("main")).focus();
}

async function learn() {
  try {
    const { models, limits } = await requestJson("v1/models");
    state.limits = limits;
    byId("model").textContent = `${models[0].name} ${models[0].version}`;
    byId("limit").textContent =
      `Tiles to whole scenes: up to ${bytes(limits.max_bytes)} at once, ` +
      `${bytes(limits.job_bytes)} in the background`;
  } catch {
    // The first picture will tell what is wrong.
  }
}

startTheme();
startKeys();
startStage();
startPanel();
startNotice();
startStrip();
startIntake();
startKeyboard();
startButtons();
on("items", switchView);
on("current", switchView);
learn();
