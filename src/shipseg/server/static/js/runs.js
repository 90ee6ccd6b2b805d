/** Kaggle's run lengths: "start length" pairs, from 1, down the columns. */

/**
 * Read a mask.
 * @param {string} text
 * @returns {[number, number][]} Starts from 0, and lengths.
 */
export function parseRuns(text) {
  const numbers = text.split(" ").filter(Boolean).map(Number);
  const runs = [];
  for (let n = 0; n + 1 < numbers.length; n += 2) runs.push([numbers[n] - 1, numbers[n + 1]]);
  return runs;
}

/**
 * Give COCO's counts: pixels outside and inside by turns, down the columns, beginning outside.
 * @param {[number, number][]} runs
 * @param {number} pixels Of the whole picture.
 */
export function countsOf(runs, pixels) {
  const counts = [];
  let end = 0;
  for (const [start, length] of runs) {
    counts.push(start - end, length);
    end = start + length;
  }
  counts.push(pixels - end);
  return counts;
}

/**
 * Draw masks.
 * @param {string[]} texts
 * @param {{width: number, height: number}} size
 * @returns {Uint8Array} Row by row, 255 where any mask is.
 */
export function maskOf(texts, { width, height }) {
  const mask = new Uint8Array(width * height);
  for (const text of texts) {
    for (const [start, length] of parseRuns(text)) {
      for (let at = start; at < start + length; at += 1) {
        mask[(at % height) * width + Math.floor(at / height)] = 255;
      }
    }
  }
  return mask;
}
