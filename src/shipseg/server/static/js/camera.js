/** Where the picture lies on the screen: pure geometry, in CSS pixels. */

const MOST_ZOOM = 40;
const MARGIN = 24;

/** @typedef {{scale: number, x: number, y: number}} Camera Screen = picture × scale + (x, y). */
/** @typedef {{width: number, height: number}} Size */

/** Show all of a picture. @returns {Camera} */
export function fitted(picture, view, bottom = 0) {
  const width = Math.max(1, view.width - 2 * MARGIN);
  const height = Math.max(1, view.height - 2 * MARGIN - bottom);
  const scale = Math.min(width / picture.width, height / picture.height, MOST_ZOOM);
  return centred(scale, picture.width / 2, picture.height / 2, {
    width: view.width,
    height: view.height - bottom,
  });
}

/** Bring a point of the picture to the middle. @returns {Camera} */
function centred(scale, x, y, view) {
  return { scale, x: view.width / 2 - x * scale, y: view.height / 2 - y * scale };
}

/** Zoom around a point of the screen, which stays where it is. @returns {Camera} */
export function zoomed(camera, factor, at, least) {
  const scale = Math.min(MOST_ZOOM, Math.max(least, camera.scale * factor));
  const ratio = scale / camera.scale;
  return { scale, x: at.x - (at.x - camera.x) * ratio, y: at.y - (at.y - camera.y) * ratio };
}

/** Move, but keep the picture within reach. @returns {Camera} */
export function kept(camera, picture, view) {
  const clamp = (value, length, room) => {
    const reach = Math.min(room / 2, length);
    return Math.min(room - reach, Math.max(reach - length, value));
  };
  return {
    scale: camera.scale,
    x: clamp(camera.x, picture.width * camera.scale, view.width),
    y: clamp(camera.y, picture.height * camera.scale, view.height),
  };
}

/** Bring a box of the picture into view, with some sea around it. @returns {Camera} */
export function around([x0, y0, x1, y1], camera, view) {
  const side = Math.max(x1 - x0, y1 - y0, 12) * 4;
  const close = Math.min(view.width, view.height) / side;
  // A ship that is already large enough on the screen is not zoomed at.
  const scale = Math.min(8, Math.max(camera.scale, Math.min(close, 6)));
  return centred(scale, (x0 + x1) / 2, (y0 + y1) / 2, view);
}

/** Tell whether a box of the picture is on the screen whole. */
export function isInView([x0, y0, x1, y1], { scale, x, y }, view) {
  const left = x0 * scale + x;
  const top = y0 * scale + y;
  return left >= 0 && top >= 0 && x1 * scale + x <= view.width && y1 * scale + y <= view.height;
}

/** Go a part of the way; scales go by ratios, so that zooming looks even. @returns {Camera} */
export function between(from, to, share) {
  const scale = from.scale * (to.scale / from.scale) ** share;
  const ratio = to.scale === from.scale ? share : (scale - from.scale) / (to.scale - from.scale);
  return { scale, x: from.x + (to.x - from.x) * ratio, y: from.y + (to.y - from.y) * ratio };
}
