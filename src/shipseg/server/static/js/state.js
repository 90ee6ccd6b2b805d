/**
 * What the page knows, and who is told when it changes.
 *
 * @typedef {object} Ship One ship, as POST /v1/predict gives it.
 * @typedef {object} Item One picture of this visit.
 * @property {number} id
 * @property {File} file
 * @property {{gsd?: number, gate?: "off"}} asked Parameters of the request.
 * @property {"waiting" | "sending" | "working" | "pausing" | "done" | "failed"} status
 * @property {number | null} progress 0..1, null where unknown.
 * @property {string} note What is going on, for people.
 * @property {any} answer JSON of the prediction, null until it is there.
 * @property {any} problem Why it failed.
 * @property {string | null} job Id, where it went through /v1/jobs.
 * @property {Blob | null} picture What the browser shows; null until known.
 * @property {HTMLCanvasElement | null} thumb
 * @property {AbortController} stop
 */

export const state = {
  /** @type {Item[]} */ items: [],
  /** @type {Item | null} */ current: null,
  /** Ships with a lower score are left out of what is shown and saved, 0..1. */
  least: 0,
  /** @type {number | null} Id of a ship. */ selected: null,
  /** @type {number | null} Id of a ship. */ hovered: null,
  /** Limits of the server, from GET /v1/models; null until known. */
  /** @type {any} */ limits: null,
};

const listeners = new Map();

/**
 * Listen to a change: "items", "item", "current", "least", "selected" or "hovered".
 * @param {string} what
 * @param {(detail: any) => void} listener
 */
export function on(what, listener) {
  if (!listeners.has(what)) listeners.set(what, []);
  listeners.get(what).push(listener);
}

/** Tell the listeners. */
export function emit(what, detail = null) {
  for (const listener of listeners.get(what) ?? []) listener(detail);
}

/** Change an item and tell. */
export function update(item, changes) {
  Object.assign(item, changes);
  emit("item", item);
}

/** Show another picture. */
export function show(item) {
  if (state.current === item) return;
  state.current = item;
  state.selected = state.hovered = null;
  emit("current", item);
}

/**
 * Select a ship of the current picture.
 * @param {number | null} id
 * @param {"canvas" | "list" | "keys"} from Where; the other side brings it into view.
 */
export function select(id, from) {
  if (state.selected === id) return;
  state.selected = id;
  emit("selected", from);
}

/** Point at a ship, or at none. */
export function hover(id) {
  if (state.hovered === id) return;
  state.hovered = id;
  emit("hovered");
}

/** Set the least score; what it hides is no longer selected. */
export function setLeast(least) {
  state.least = least;
  const chosen = shipOf(state.current, state.selected);
  if (chosen && !isShown(chosen)) select(null, "keys");
  emit("least");
}

/** Tell whether the slider lets a ship through. */
export function isShown(ship) {
  return ship.score >= state.least;
}

/** Give the ships of a picture that the slider lets through. */
export function shownShips(item) {
  return item?.answer ? item.answer.ships.filter(isShown) : [];
}

/** Find a ship by its id. */
export function shipOf(item, id) {
  return item?.answer?.ships.find((ship) => ship.id === id) ?? null;
}
