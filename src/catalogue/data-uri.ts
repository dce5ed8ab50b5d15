import { formatProblem, registeredType } from './image-formats.ts';
import type { ReadImage } from './public-url.ts';

/** Bound for the part before the comma. It may hold parameters, such as a file name, which are not sent on. */
const maxHeadLength = 1_000;

/** RFC 6838 allows a subtype 127 characters. */
const imageType = /^image\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;

const base64Marker = /; *base64$/i;

/**
 * Reads an inline image as RFC 2397 and the Fetch standard's data: URL processor do: parameters, percent-escapes, and
 * every spelling of base64 that browsers accept. The image is sent on in one spelling: `data:image/png;base64,…`,
 * padded. The returned problem never quotes the image.
 */
export function readDataUri(text: string): ReadImage {
  const comma = text.indexOf(',');
  const head = text
    .slice('data:'.length, comma < 0 ? 0 : Math.min(comma, maxHeadLength))
    .replace(/[\t\n\r]/g, '')
    .trim();
  if (comma < 0 || comma > maxHeadLength || head.includes('#')) {
    return { problem: 'must be a data URI of the form data:image/png;base64,…' };
  }
  const [said = ''] = head.split(';', 1);
  const type = registeredType(said.trim().toLowerCase());
  if (!imageType.test(type)) return { problem: 'must have the type of an image before its comma, such as image/png' };
  const payload = text.slice(comma + 1);
  const read = base64Marker.test(head) ? fromBase64(payload) : fromText(payload);
  if ('problem' in read) return read;
  const { image, base64 = image.toString('base64') } = read;
  if (image.length === 0) return { problem: 'must not be empty after its comma' };
  const problem = formatProblem(type, image);
  if (problem) return { problem };
  const url = `data:${type};base64,${base64}`;
  // Returns the given string itself when it is equal, so that two copies of a long string are not kept in memory.
  return { url: url === text ? text : url };
}

/** The bytes of an image, and their base64 where it is known already. */
type Decoded = { readonly image: Buffer; readonly base64?: string } | { readonly problem: string };

const tabAndNewline = [0x09, 0x0a, 0x0d];
const whiteSpace = [0x09, 0x0a, 0x0c, 0x0d, 0x20];

/** The Infra standard's forgiving-base64 decode: white space is ignored, and padding is optional. */
function fromBase64(payload: string): Decoded {
  const image = Buffer.from(payload, 'base64');
  const base64 = image.toString('base64');
  if (base64 === payload) return { image, base64 };
  const fragment = payload.indexOf('#');
  const bytes = Buffer.from(fragment < 0 ? payload : payload.slice(0, fragment));
  const plain = without(whiteSpace, unescaped(without(tabAndNewline, bytes))).toString('latin1');
  const padding = plain.length % 4 > 0 ? 0 : plain.endsWith('==') ? 2 : plain.endsWith('=') ? 1 : 0;
  const letters = plain.length - padding;
  // Checked here, because Buffer skips characters that are not base64 and also accepts the URL-safe alphabet.
  const valid = letters % 4 !== 1 && !/[^A-Za-z0-9+/]/.test(plain.slice(0, letters));
  return valid ? { image: Buffer.from(plain, 'base64') } : { problem: 'must carry valid base64 after its comma' };
}

/** Reads an image that is not in base64 but is text, such as an SVG. */
function fromText(payload: string): Decoded {
  // A URL ends at its fragment, so an unescaped # would cut the image in half, and the half would be paid for.
  if (payload.includes('#')) return { problem: 'must write # as %23 where it is not in base64' };
  if (!payload.isWellFormed()) return { problem: 'must not contain one half of a surrogate pair alone' };
  return { image: unescaped(without(tabAndNewline, Buffer.from(payload))) };
}

/** Removes some byte values from a buffer, in place. */
function without(dropped: readonly number[], bytes: Buffer): Buffer {
  if (!dropped.some((byte) => bytes.includes(byte))) return bytes;
  const isDropped = new Uint8Array(256);
  for (const byte of dropped) isDropped[byte] = 1;
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (isDropped[byte] === 0) bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

const percent = 0x25;

/** Decodes percent-escapes in a buffer, in place. */
function unescaped(bytes: Buffer): Buffer {
  if (!bytes.includes(percent)) return bytes;
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    const high = bytes[index] === percent ? hexDigit(bytes[index + 1]) : -1;
    const low = high < 0 ? -1 : hexDigit(bytes[index + 2]);
    bytes[length++] = low < 0 ? (bytes[index] ?? 0) : high * 16 + low;
    if (low >= 0) index += 2;
  }
  return bytes.subarray(0, length);
}

/** The value of a hexadecimal digit; -1 for any other byte. */
function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
