/** An 8-bit grey PNG, byte for byte what the mask is; a canvas would make it RGBA. */

const MAGIC = [137, 80, 78, 71, 13, 10, 26, 10];
const GREY = 0;

/**
 * Encode.
 * @param {Uint8Array} pixels Row by row.
 * @param {{width: number, height: number}} size
 * @returns {Promise<Blob>}
 */
export async function greyPng(pixels, { width, height }) {
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    // The byte before each row names its filter, 0 for none.
    rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  }
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint8(8, 8);
  head.setUint8(9, GREY);
  const parts = [
    new Uint8Array(MAGIC),
    ...chunk("IHDR", new Uint8Array(head.buffer)),
    ...chunk("IDAT", await deflated(rows)),
    ...chunk("IEND", new Uint8Array()),
  ];
  return new Blob(parts, { type: "image/png" });
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(name, data) {
  const named = new Uint8Array(4 + data.length);
  named.set([...name].map((letter) => letter.charCodeAt(0)));
  named.set(data, 4);
  return [word(data.length), named, word(crc(named))];
}

function word(value) {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value);
  return new Uint8Array(view.buffer);
}

/** CRC-32 as PNG has it (ISO/IEC 15948, annex D). */
function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
