/** The width and the height of an image. */
export interface PixelSize {
  readonly widthPixels: number;
  readonly heightPixels: number;
}

/** How many segments of a JPEG are passed over at most, so that a made-up file costs little. */
const maxSegments = 1_000;

/** The size that the beginning of a PNG, JPEG or WebP file says; null where it says none. */
export function pixelSizeOf(head: Buffer): PixelSize | null {
  try {
    const [widthPixels = 0, heightPixels = 0] = inPng(head) ?? inWebp(head) ?? inJpeg(head) ?? [];
    return widthPixels > 0 && heightPixels > 0 ? { widthPixels, heightPixels } : null;
  } catch (error) {
    // The beginning ends before the size.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

type Size = readonly [width: number, height: number] | null;

const has = (head: Buffer, text: string, at: number): boolean => head.toString('latin1', at, at + text.length) === text;

/** PNG (RFC 2083): the first chunk begins with both as 32-bit numbers. */
const inPng = (head: Buffer): Size =>
  has(head, '\x89PNG', 0) && has(head, 'IHDR', 12) ? [head.readUInt32BE(16), head.readUInt32BE(20)] : null;

/** WebP (RFC 9649): three kinds of first chunks, each with its own fields. */
function inWebp(head: Buffer): Size {
  if (!has(head, 'RIFF', 0) || !has(head, 'WEBP', 8)) return null;
  if (has(head, 'VP8X', 12)) return [head.readUIntLE(24, 3) + 1, head.readUIntLE(27, 3) + 1];
  if (has(head, 'VP8L', 12)) {
    const bits = head.readUInt32LE(21);
    return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
  }
  return has(head, 'VP8 ', 12) ? [head.readUInt16LE(26) & 0x3fff, head.readUInt16LE(28) & 0x3fff] : null;
}

/** The markers of JPEG's frames (ITU-T T.81), without those of tables that stand between them. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** JPEG: segments with their lengths, up to the one that describes the frame. */
function inJpeg(head: Buffer): Size {
  if (!has(head, '\xff\xd8', 0)) return null;
  let at = 2;
  for (let segments = 0; segments < maxSegments; segments++) {
    if (head.readUInt8(at) !== 0xff) return null;
    const marker = head.readUInt8(at + 1);
    if (isFrame(marker)) return [head.readUInt16BE(at + 7), head.readUInt16BE(at + 5)];
    // A byte 0xff before a marker only fills space; the length counts itself.
    at += marker === 0xff ? 1 : 2 + head.readUInt16BE(at + 2);
  }
  return null;
}
