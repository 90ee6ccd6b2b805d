/** Requests to the server: problems as values, patience where it is asked for, keys. */

const MOST_TRIES = 12;
const LONGEST_WAIT_S = 30;
const PASSING = new Set([429, 503]);

/** What went wrong, in words for people. */
export class Problem extends Error {
  /**
   * @param {object} facts As RFC 9457 has them, and how long to wait.
   * @param {number} [facts.status]
   * @param {string} facts.code
   * @param {string} facts.title
   * @param {string} [facts.detail]
   * @param {string} [facts.hint]
   * @param {string} [facts.request_id]
   * @param {number | null} [facts.wait] Seconds.
   */
  constructor({ status = 0, code, title, detail = "", hint = "", request_id = "", wait = null }) {
    super(title);
    Object.assign(this, { status, code, title, detail, hint, request_id, wait });
  }
}

/** The person took it back. */
const stopped = () => new Problem({ code: "stopped", title: "Stopped" });

const unreachable = () =>
  new Problem({
    code: "offline",
    title: "The server cannot be reached",
    detail: "The connection failed or broke off.",
    hint: "The picture is kept here. Try again when the server is back.",
  });

let key = "";
let asking = null;
let askForKey = async () => "";

/** Set the function that asks the person for an API key; "" where none is given. */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/**
 * Send a request until it is answered.
 * @param {string} url Relative to the page.
 * @param {object} [options]
 * @param {string} [options.method]
 * @param {FormData} [options.body]
 * @param {string} [options.accept]
 * @param {AbortSignal} [options.signal]
 * @param {(share: number) => void} [options.onUpload] How much of the body is on its way, 0..1.
 * @param {(seconds: number, problem: Problem) => void} [options.onWait] The server is busy.
 * @returns {Promise<Blob>} The body.
 * @throws {Problem}
 */
export async function request(url, options = {}) {
  for (let tries = 1; ; tries += 1) {
    const used = key;
    const answer = await transfer(url, options);
    if (answer.status >= 200 && answer.status < 300) return answer.response;
    const problem = await problemOf(answer);
    if (problem.code === "api-key" && (await newKey(used))) continue;
    if (!PASSING.has(problem.status) || tries >= MOST_TRIES) throw problem;
    const seconds = Math.min(problem.wait ?? 2 ** Math.min(tries, 4), LONGEST_WAIT_S);
    options.onWait?.(seconds, problem);
    await sleep(seconds * 1000, options.signal);
  }
}

/** The same for a JSON body. */
export async function requestJson(url, options = {}) {
  const body = await request(url, { accept: "application/json", ...options });
  return JSON.parse(await body.text());
}

/** Wait, unless it is stopped. */
export function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(stopped());
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(stopped());
    });
  });
}

// XMLHttpRequest, because fetch does not tell how far an upload is.
function transfer(url, { method = "GET", body, accept = "*/*", signal, onUpload }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(stopped());
    const call = new XMLHttpRequest();
    call.open(method, url);
    call.responseType = "blob";
    call.setRequestHeader("Accept", accept);
    if (key) call.setRequestHeader("Authorization", `Bearer ${key}`);
    if (onUpload) {
      call.upload.onprogress = (event) => onUpload(event.loaded / Math.max(1, event.total));
    }
    call.onload = () => resolve(call);
    call.onerror = () => reject(unreachable());
    call.onabort = () => reject(stopped());
    signal?.addEventListener("abort", () => call.abort());
    call.send(body ?? null);
  });
}

async function problemOf(answer) {
  const wait = Number.parseInt(answer.getResponseHeader("Retry-After") ?? "", 10);
  const facts = { status: answer.status, wait: Number.isNaN(wait) ? null : wait };
  try {
    const found = JSON.parse(await answer.response.text());
    if (found.code && found.title) return new Problem({ ...found, ...facts });
  } catch {
    // A proxy's own page, most likely.
  }
  return new Problem({
    ...facts,
    code: "other",
    title: `The server answered with ${answer.status}`,
  });
}

/** Ask once for all requests that wait for a key; false where there is none to try. */
async function newKey(used) {
  if (key !== used) return true;
  asking ??= askForKey(used !== "").finally(() => {
    asking = null;
  });
  key = await asking;
  return key !== "";
}
