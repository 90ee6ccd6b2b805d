/** One picture's way through the server: at once, or as a job where it is too large for that. */

import { Problem, request, requestJson, sleep } from "./transport.js";
import { state, update } from "./state.js";
import { bytes } from "./words.js";

const TOO_LARGE = new Set(["body-too-large", "image-too-large"]);
const FIRST_LOOK_MS = 400;
const SLOWEST_LOOK_MS = 3000;

/**
 * Find the ships of a picture; the item tells how far it is.
 * @param {import("./state.js").Item} item
 * @throws {Problem}
 */
export async function analyse(item) {
  await checkReadable(item.file);
  const most = state.limits?.max_bytes ?? Infinity;
  if (item.file.size <= most) {
    try {
      return await predict(item);
    } catch (problem) {
      if (!TOO_LARGE.has(problem.code)) throw problem;
    }
  }
  return await asJob(item);
}

/**
 * Get another form of what was found.
 * @param {import("./state.js").Item} item Done.
 * @param {{accept: string, layer?: string}} form
 * @returns {Promise<Blob>}
 */
export function another(item, { accept, layer }) {
  if (item.job) {
    const query = layer ? `?layer=${layer}` : "";
    return request(`v1/jobs/${item.job}/result${query}`, { accept, signal: item.stop.signal });
  }
  const extra = layer ? { layer } : {};
  return post("v1/predict", item, { accept, extra, signal: item.stop.signal });
}

/** Let the server forget a job; nothing depends on whether that works. */
export function forget(item) {
  if (item.job) request(`v1/jobs/${item.job}`, { method: "DELETE" }).catch(() => {});
}

async function predict(item) {
  const body = await post("v1/predict", item, { accept: "application/json", ...telling(item) });
  return JSON.parse(await body.text());
}

async function asJob(item) {
  const most = state.limits?.job_bytes ?? Infinity;
  if (item.file.size > most) throw tooLarge(item.file.size, most);
  if (!item.job) {
    const body = await post("v1/jobs", item, { accept: "application/json", ...telling(item) });
    update(item, { job: JSON.parse(await body.text()).id });
  }
  try {
    await finished(item);
  } catch (problem) {
    // The server keeps jobs for a while only; another try hands it in anew.
    if (problem.code === "job-unknown") item.job = null;
    throw problem;
  }
  return await requestJson(`v1/jobs/${item.job}/result`, { signal: item.stop.signal });
}

async function finished(item) {
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 1.4, SLOWEST_LOOK_MS)) {
    const job = await requestJson(`v1/jobs/${item.job}`, { signal: item.stop.signal });
    if (job.status === "done") return;
    if (job.status === "failed") {
      update(item, { job: null });
      throw new Problem(job.error ?? { code: "other", title: "The job failed" });
    }
    const running = job.status === "running";
    const note = running ? "Looking for ships, window by window" : "Waiting for its turn";
    update(item, { status: "working", progress: running ? job.progress : null, note });
    await sleep(pause, item.stop.signal);
  }
}

function telling(item) {
  return {
    signal: item.stop.signal,
    onUpload: (share) => {
      const sent = share >= 1;
      const note = sent ? "Looking for ships" : "Sending";
      update(item, {
        status: sent ? "working" : "sending",
        progress: sent ? null : share,
        note,
      });
    },
    onWait: (seconds) => {
      const note = `The server is busy; trying again in ${seconds} s`;
      update(item, { status: "pausing", progress: null, note });
    },
  };
}

function post(url, item, { extra = {}, ...options }) {
  const query = new URLSearchParams({ ...item.asked, ...extra }).toString();
  const body = new FormData();
  body.append("file", item.file, item.file.name);
  return request(query ? `${url}?${query}` : url, { method: "POST", body, ...options });
}

async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem({
      code: "unreadable",
      title: "This cannot be read",
      detail: "It is a folder, or a file that was moved or changed since it was chosen.",
      hint: "Choose the picture again.",
    });
  }
  if (file.size === 0) {
    throw new Problem({ code: "empty", title: "The file is empty", detail: "It holds no byte." });
  }
}

function tooLarge(size, most) {
  return new Problem({
    code: "body-too-large",
    title: "The file is too large for this server",
    detail: `It has ${bytes(size)}; the limit is ${bytes(most)}.`,
    hint: "Cut it into parts, or run shipseg predict where the file is.",
  });
}
