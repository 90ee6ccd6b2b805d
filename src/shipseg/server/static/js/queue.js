/** The pictures of this visit: taken in, looked at two at a time, kept, let go. */

import { announce } from "./dom.js";
import { analyse, forget } from "./analysis.js";
import { havePicture, showFile } from "./pictures.js";
import { emit, show, state, update } from "./state.js";
import { Problem } from "./transport.js";
import { plural } from "./words.js";

// One is being looked at while the next one is on its way.
const AT_A_TIME = 2;

let running = 0;
let lastId = 0;

/**
 * Take pictures in; the first one is shown.
 * @param {File[]} files
 * @param {object} [asked] Parameters of the request.
 */
export function add(files, asked = {}) {
  const items = files.map((file) => fresh(file, asked));
  if (!items.length) return;
  state.items.push(...items);
  emit("items");
  show(items[0]);
  announce(`${plural(items.length, "picture")} taken in`);
  pump();
}

function fresh(file, asked) {
  lastId += 1;
  return {
    id: lastId,
    file,
    asked,
    status: "waiting",
    progress: null,
    note: "Waiting for its turn",
    answer: null,
    problem: null,
    job: null,
    picture: null,
    pictureSize: null,
    thumb: null,
    stop: new AbortController(),
  };
}

/** Look at a picture again, with other parameters where they are given. */
export function again(item, asked = item.asked) {
  item.stop.abort();
  if (asked !== item.asked) {
    forget(item);
    item.job = null;
  }
  Object.assign(item, { asked, answer: null, problem: null, stop: new AbortController() });
  update(item, { status: "waiting", progress: null, note: "Waiting for its turn" });
  pump();
}

/** Let a picture go, with what the server keeps of it. */
export function remove(item) {
  item.stop.abort();
  forget(item);
  const at = state.items.indexOf(item);
  state.items.splice(at, 1);
  emit("items");
  if (state.current === item) show(state.items[Math.min(at, state.items.length - 1)] ?? null);
}

function pump() {
  while (running < AT_A_TIME) {
    const item = state.items.find((each) => each.status === "waiting");
    if (!item) return;
    running += 1;
    run(item, item.stop.signal).finally(() => {
      running -= 1;
      pump();
    });
  }
}

async function run(item, signal) {
  update(item, { status: "sending", note: "Sending", progress: null });
  const shown = showFile(item);
  try {
    const answer = await analyse(item);
    if (signal.aborted) return;
    await shown;
    update(item, { answer, status: "done", progress: null, note: "" });
    told(item);
    await havePicture(item);
  } catch (problem) {
    if (!signal.aborted) fail(item, problem);
  }
}

function fail(item, problem) {
  const told = problem instanceof Problem ? problem : unforeseen(problem);
  if (item.answer) {
    // Ships are there; only the picture to draw them on is not.
    update(item, { note: `The picture itself cannot be shown: ${told.title}` });
    return;
  }
  update(item, { status: "failed", problem: told, progress: null, note: told.title });
  announce(`${item.file.name}: ${told.title}`);
}

function unforeseen(error) {
  console.error(error);
  return new Problem({
    code: "other",
    title: "This page failed",
    detail: "The browser's console has the details.",
  });
}

function told(item) {
  announce(`${item.file.name}: ${plural(item.answer.ships.length, "ship")} found`);
}
