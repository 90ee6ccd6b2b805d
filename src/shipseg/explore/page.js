"use strict";
// Values on hover and by arrow keys, zoom by dragging over a histogram, tiles enlarged on a click.
const tip = document.getElementById("tip");

function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 8)) + "px";
  tip.style.top = (y + box.height + 24 > innerHeight ? y - box.height - 12 : y + 16) + "px";
}

function hideTip() { tip.hidden = true; }

for (const svg of document.querySelectorAll(".plot svg")) {
  const marks = [...svg.querySelectorAll("[data-tip]")];
  let at = -1;
  svg.addEventListener("pointermove", (event) => {
    const text = event.target.getAttribute("data-tip");
    if (text) showTip(text, event.clientX, event.clientY); else hideTip();
  });
  svg.addEventListener("pointerleave", hideTip);
  svg.addEventListener("blur", () => {
    hideTip();
    for (const mark of marks) mark.classList.remove("on");
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !marks.length) return;
    event.preventDefault();
    if (at >= 0) marks[at].classList.remove("on");
    at = at < 0 ? 0 : (at + step + marks.length) % marks.length;
    marks[at].classList.add("on");
    const box = marks[at].getBoundingClientRect();
    showTip(marks[at].getAttribute("data-tip"), box.right, box.top);
  });
  if (svg.dataset.zoom) makeZoomable(svg);
}

function makeZoomable(svg) {
  const [x0, y0, x1, y1, lo, hi, top, log] = svg.dataset.zoom.split(" ").map(Number);
  const bars = [...svg.querySelectorAll(".bar")].map((node) => ({
    node, ...Object.fromEntries(["x", "y", "width", "height"].map((k) => [k, +node.getAttribute(k)])),
  }));
  const ticks = [...svg.querySelectorAll(".tick, .second")];
  const hint = svg.closest(".plot").querySelector(".hint");
  const words = hint.textContent;
  const brush = make("rect", { class: "brush", y: y0, height: y1 - y0, width: 0 });
  let added = [], from = null;
  svg.append(brush);

  const valueAt = (x) => {
    const share = (x - x0) / (x1 - x0);
    return log ? lo * (hi / lo) ** share : lo + share * (hi - lo);
  };
  const place = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY);
    return Math.max(x0, Math.min(x1, point.matrixTransform(svg.getScreenCTM().inverse()).x));
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType !== "touch") from = place(event);
  });
  addEventListener("pointermove", (event) => {
    if (from === null) return;
    const to = place(event);
    brush.setAttribute("x", Math.min(from, to));
    brush.setAttribute("width", Math.abs(to - from));
  });
  addEventListener("pointerup", (event) => {
    if (from === null) return;
    const to = place(event), left = Math.min(from, to), right = Math.max(from, to);
    from = null;
    brush.setAttribute("width", 0);
    if (right - left > 8) zoom(left, right);
  });
  svg.addEventListener("dblclick", () => zoom(x0, x1));

  // What is zoomed again is what is seen: a place on the screen becomes one on the whole axis.
  let seen = [x0, x1];
  function zoom(left, right) {
    const whole = left === x0 && right === x1;
    const unseen = (x) => seen[0] + ((x - x0) / (x1 - x0)) * (seen[1] - seen[0]);
    seen = whole ? [x0, x1] : [unseen(left), unseen(right)];
    const [a, b] = seen, stretch = (x1 - x0) / (b - a);
    const inside = bars.filter((bar) => bar.x + bar.width > a && bar.x < b);
    const tallest = Math.max(1e-9, ...inside.map((bar) => bar.height));
    const lift = whole ? 1 : ((y1 - y0) * 0.95) / tallest;
    for (const bar of bars) {
      const start = Math.max(bar.x, a), end = Math.min(bar.x + bar.width, b);
      const height = bar.height * lift;
      bar.node.setAttribute("x", x0 + (start - a) * stretch);
      bar.node.setAttribute("width", Math.max(0, end - start) * stretch);
      bar.node.setAttribute("y", y1 - height);
      bar.node.setAttribute("height", height);
    }
    for (const node of added) node.remove();
    added = [];
    for (const node of ticks) node.style.display = whole ? "" : "none";
    if (!whole) axes(valueAt(a), valueAt(b), (top / lift) || 1);
    hint.textContent = whole ? words : "";
    if (!whole) {
      const button = document.createElement("button");
      button.textContent = "show all";
      button.addEventListener("click", () => zoom(x0, x1));
      hint.append(button);
    }
  }

  function axes(least, most, high) {
    const step = roundStep((most - least) / 8);
    for (let value = Math.ceil(least / step) * step; value <= most * (1 + 1e-9); value += step) {
      const share = log ? Math.log(value / least) / Math.log(most / least) : (value - least) / (most - least);
      add("text", { class: "faint", x: x0 + share * (x1 - x0), y: y1 + 18, "text-anchor": "middle" }, value);
    }
    const rise = roundStep(high / 5);
    for (let value = rise; value <= high; value += rise) {
      const y = y1 - (value / high) * (y1 - y0);
      add("text", { class: "faint", x: x0 - 8, y: y + 4, "text-anchor": "end" }, value);
    }
  }
  function add(name, attributes, value) {
    const node = make(name, attributes);
    node.textContent = Number(value.toPrecision(4)).toLocaleString("en");
    svg.insertBefore(node, brush);
    added.push(node);
  }
}

function make(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 2.5, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) * power;
}

const large = document.getElementById("large");
for (const button of document.querySelectorAll(".tile button")) {
  button.addEventListener("click", () => {
    for (const old of large.querySelectorAll(".picture, p")) old.remove();
    const picture = document.createElement("div");
    picture.className = "picture";
    picture.append(button.querySelector("svg").cloneNode(true));
    const words = document.createElement("p");
    words.textContent = [...button.parentElement.querySelectorAll("figcaption > *")]
      .map((node) => node.textContent).join(": ");
    large.append(picture, words);
    let near = false;
    picture.addEventListener("click", (event) => {
      near = !near;
      const box = picture.getBoundingClientRect(), svg = picture.firstChild;
      const x = ((event.clientX - box.left) / box.width) * 100;
      const y = ((event.clientY - box.top) / box.height) * 100;
      svg.style.transformOrigin = x + "% " + y + "%";
      svg.style.transform = near ? "scale(3)" : "";
      picture.style.cursor = near ? "zoom-out" : "zoom-in";
    });
    large.showModal();
  });
}
