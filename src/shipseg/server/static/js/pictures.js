/** What the browser can show of a file, and what only the server can. */

import { another } from "./analysis.js";
import { update } from "./state.js";

const HEAD_BYTES = 256 * 1024;
const THUMB = { width: 144, height: 104 };
const PNG_MAGIC = 0x89504e47;
const ORIENTATION = 0x0112;

/**
 * Take the file itself as the picture, where the browser shows it as the model sees it: upright as
 * stored and with 8 bits a channel. Anything else waits for the server's rendering.
 * @returns {Promise<boolean>} Whether it is shown.
 */
export async function showFile(item) {
  if (item.picture) return true;
  try {
    const head = new DataView(await item.file.slice(0, HEAD_BYTES).arrayBuffer());
    if (isDeep(head) || isTurned(head)) return false;
    return await take(item, item.file);
  } catch {
    return false;
  }
}

/** Have a picture of a finished item, from the server if need be. */
export async function havePicture(item) {
  const { width, height } = item.answer.image;
  if (await showFile(item)) {
    if (item.pictureSize.width === width && item.pictureSize.height === height) return;
  }
  await take(item, await another(item, { accept: "image/png", layer: "picture" }));
}

async function take(item, blob) {
  const bitmap = await createImageBitmap(blob);
  const pictureSize = { width: bitmap.width, height: bitmap.height };
  const thumb = thumbnail(bitmap);
  bitmap.close();
  update(item, { picture: blob, pictureSize, thumb });
  return true;
}

function thumbnail(bitmap) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, THUMB);
  const scale = Math.max(THUMB.width / bitmap.width, THUMB.height / bitmap.height);
  const width = bitmap.width * scale;
  const height = bitmap.height * scale;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  const x = (THUMB.width - width) / 2;
  context.drawImage(bitmap, x, (THUMB.height - height) / 2, width, height);
  return canvas;
}

/** Tell a PNG with 16 bits a channel, which the server stretches and the browser cuts. */
function isDeep(head) {
  return head.byteLength > 24 && head.getUint32(0) === PNG_MAGIC && head.getUint8(24) === 16;
}

/** Tell a picture that the browser would turn: masks and outlines lie on the stored pixels. */
function isTurned(head) {
  for (let at = 0; at + 16 < head.byteLength; at += 1) {
    const order = head.getUint32(at);
    const little = order === 0x49492a00;
    if ((little || order === 0x4d4d002a) && orientation(head, at, little) > 1) return true;
  }
  return false;
}

/** Read the orientation from a TIFF header inside a file (Exif 2.3, 4.6.4). */
function orientation(head, start, little) {
  const entries = start + head.getUint32(start + 4, little);
  if (entries + 2 > head.byteLength) return 1;
  const count = head.getUint16(entries, little);
  for (let n = 0, at = entries + 2; n < count && at + 12 <= head.byteLength; n += 1, at += 12) {
    if (head.getUint16(at, little) === ORIENTATION) return head.getUint16(at + 8, little);
  }
  return 1;
}

/** A level's colour and how much it covers: blue, teal, amber, white hot. */
const RAMP = [
  [0, 20, 40, 120, 0],
  [0.15, 30, 90, 200, 0.45],
  [0.5, 20, 190, 170, 0.75],
  [0.8, 255, 180, 40, 0.92],
  [1, 255, 250, 225, 1],
];

/**
 * Colour a probability map.
 * @param {Blob} blob 8-bit grey PNG.
 * @returns {Promise<HTMLCanvasElement>} Transparent where there is nothing.
 */
export async function colouredMap(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  const table = rampTable();
  for (let n = 0; n < words.length; n += 1) words[n] = table[pixels.data[n * 4]];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function rampTable() {
  const table = new Uint32Array(256);
  const bytes = new Uint8ClampedArray(table.buffer);
  for (let level = 0; level < 256; level += 1) {
    const p = level / 255;
    const next = Math.max(
      1,
      RAMP.findIndex(([stop]) => p <= stop),
    );
    const [low, high] = [RAMP[next - 1], RAMP[next]];
    const t = (p - low[0]) / (high[0] - low[0]);
    for (let channel = 1; channel <= 4; channel += 1) {
      const value = low[channel] + (high[channel] - low[channel]) * t;
      bytes[level * 4 + channel - 1] = channel === 4 ? value * 255 : value;
    }
  }
  return table;
}
