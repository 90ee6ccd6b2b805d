/** Numbers and places as people read them. */

/** @returns {string} "1 ship", "2 ships" */
export function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** @returns {string} "93 %"; never 100 % or 0 % for what is not */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole === 100 && share < 1) return "> 99 %";
  if (whole === 0 && share > 0) return "< 1 %";
  return `${whole} %`;
}

/** @returns {string} "124 m", or "83 px" where metres are not known */
export function long(metres, pixels) {
  return metres === null ? `${round(pixels)} px` : `${round(metres)} m`;
}

function round(value) {
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
}

/** @returns {string} "36.80123° N, 174.78901° E"; the pixel where it is no place on the Earth */
export function place(ship) {
  if (ship.longitude === null || ship.latitude === null) {
    return `x ${Math.round(ship.centre[0])}, y ${Math.round(ship.centre[1])} px`;
  }
  const { latitude: lat, longitude: lon } = ship;
  const north = `${Math.abs(lat).toFixed(5)}° ${lat < 0 ? "S" : "N"}`;
  return `${north}, ${Math.abs(lon).toFixed(5)}° ${lon < 0 ? "W" : "E"}`;
}

const UNITS = [
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
];

/** @returns {string} "12.3 MiB" */
export function bytes(count) {
  for (const [unit, size] of UNITS) {
    if (count >= size) return `${Number((count / size).toPrecision(3))} ${unit}`;
  }
  return `${count} B`;
}

/** @returns {string} "0.42 s" or "38 ms" */
export function time(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 0)} s`;
}

/** Say all of a ship in a sentence, for who listens. */
export function sentence(ship) {
  const heading = Math.round(ship.heading_deg);
  return [
    `Ship ${ship.id}`,
    `score ${percent(ship.score)}`,
    `${long(ship.length_m, ship.length_px)} long`,
    `${long(ship.width_m, ship.width_px)} wide`,
    `heading ${heading} or ${heading + 180} degrees`,
    `at ${place(ship)}`,
  ].join(", ");
}
