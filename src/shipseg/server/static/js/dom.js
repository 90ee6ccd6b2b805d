/** The few things this page needs of the DOM. Text goes in as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Find an element that the page always has.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] Those that are null or false are left out.
 * @param {...(Node | string | null)} children Strings become text nodes.
 */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an SVG element; see `make`. */
export function makeSvg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Make one of the icons in icons.svg. */
export function icon(name, turned = 0) {
  const use = makeSvg("use", { href: `static/icons.svg#${name}` });
  const inner = turned ? makeSvg("g", { transform: `rotate(${turned} 12 12)` }, use) : use;
  return makeSvg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, inner);
}

/** Make a button with a text, and an icon before it. */
export function button(text, onclick, { kind = "", symbol = "" } = {}) {
  const parts = symbol ? [icon(symbol), text] : [text];
  return make("button", { type: "button", class: `button ${kind}`, onclick }, ...parts);
}

let shown = "";

/** Tell a screen reader; what is told twice in a row is told twice. */
export function announce(text) {
  // A live region speaks when its text changes; a trailing space no one hears makes it change.
  shown = shown === text ? `${text}\u00a0` : text;
  byId("live").textContent = shown;
}

/** Show a short message that goes away by itself. */
export function toast(text) {
  const box = make("p", {}, text);
  byId("toasts").append(box);
  setTimeout(() => box.remove(), 8000);
}
