/** How pictures come in: chosen, dropped, pasted, or drawn by the server. */

import { byId, toast } from "./dom.js";
import { add } from "./queue.js";
import { request } from "./transport.js";

const SAMPLE_GSD_M = 1.5;

/** Wire the ways in. */
export function startIntake() {
  const input = byId("files");
  input.addEventListener("change", () => {
    add([...input.files]);
    // So that the same file may be chosen again.
    input.value = "";
  });
  document.addEventListener("paste", (event) => take(event, event.clipboardData));
  startDropping();
}

/** Open the browser's dialog. */
export function choose() {
  byId("files").click();
}

/** Have a scene drawn, another one each time. */
export async function sample() {
  const seed = Math.floor(Math.random() * 100_000);
  const ships = 3 + (seed % 6);
  try {
    const blob = await request(`v1/sample?seed=${seed}&ships=${ships}`, { accept: "image/png" });
    add([new File([blob], `sample-${seed}.png`, { type: "image/png" })], { gsd: SAMPLE_GSD_M });
  } catch (problem) {
    toast(`No sample: ${problem.title}`);
  }
}

function take(event, data) {
  const files = [...(data?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  add(files);
}

function startDropping() {
  const sign = byId("dropping");
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const set = (next) => {
    depth = Math.max(0, next);
    sign.classList.toggle("on", depth > 0);
  };
  document.addEventListener("dragenter", (event) => brings(event) && set(depth + 1));
  document.addEventListener("dragleave", (event) => brings(event) && set(depth - 1));
  document.addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!brings(event)) return;
    set(0);
    event.preventDefault();
    take(event, event.dataTransfer);
  });
}
