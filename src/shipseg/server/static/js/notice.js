/** Over the picture, while there are no ships to see: what goes on, or what went wrong. */

import { button, byId, icon, make } from "./dom.js";
import { again, remove } from "./queue.js";
import { on, state } from "./state.js";
import { bytes, percent } from "./words.js";

const SYMBOLS = { offline: "plug" };
const HINTS = {
  busy: "The picture is kept here. Try again in a minute.",
};
// Trying the same again would end the same.
const FINAL = new Set([
  "image-unsupported",
  "media-type",
  "image",
  "empty",
  "body-too-large",
  "image-too-large",
]);

let shown = "";

/** Wire the notice. */
export function startNotice() {
  on("current", refresh);
  on("item", (item) => item === state.current && refresh());
}

function refresh() {
  const item = state.current;
  const box = byId("notice");
  const kind = !item || item.status === "done" ? "" : item.status === "failed" ? "failed" : "going";
  box.hidden = !kind;
  box.dataset.kind = kind;
  const now = `${item?.id} ${kind}`;
  if (kind === "going") {
    if (now !== shown) box.replaceChildren(...going());
    refreshGoing(box, item);
  } else if (kind === "failed") {
    box.replaceChildren(...failed(item, item.problem));
  }
  shown = now;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function going() {
  return [
    make("p", { class: "what" }),
    make(
      "div",
      {
        class: "bar",
        role: "progressbar",
        "aria-label": "Progress",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
      },
      make("span"),
    ),
    button("Stop", () => remove(state.current), { kind: "quiet small-button" }),
  ];
}

function refreshGoing(box, item) {
  const bar = box.querySelector(".bar");
  const known = item.progress !== null;
  const size = item.status === "sending" ? ` ${bytes(item.file.size)}` : "";
  box.querySelector(".what").textContent =
    item.note + size + (known ? ` · ${percent(item.progress)}` : "");
  bar.classList.toggle("unknown", !known);
  if (known) bar.setAttribute("aria-valuenow", String(Math.round(item.progress * 100)));
  else bar.removeAttribute("aria-valuenow");
  bar.firstChild.style.width = known ? `${item.progress * 100}%` : "";
}

function failed(item, problem) {
  const hint = HINTS[problem.code] ?? problem.hint;
  const choices = make("div", { class: "choices" });
  if (!FINAL.has(problem.code)) {
    choices.append(button("Try again", () => again(item), { kind: "primary" }));
  }
  choices.append(button("Remove", () => remove(item)));
  return [
    icon(SYMBOLS[problem.code] ?? "warn"),
    make("h2", {}, problem.title),
    problem.detail ? make("p", {}, problem.detail) : "",
    hint ? make("p", { class: "hint" }, capital(hint)) : "",
    choices,
    problem.status >= 500 ? make("p", { class: "small" }, `Request ${problem.request_id}`) : "",
  ];
}
