import { crc32, deflateSync } from 'node:zlib';

/** A PNG of one pixel that carries a text, so that images can be told apart and be of any size. */
export function png(text = ''): Buffer {
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('tEXt', Buffer.from(`Comment\0${text}`)),
    chunk('IDAT', deflateSync(Buffer.from([0, 0]))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(type), data]);
  const framed = Buffer.alloc(content.length + 8);
  framed.writeUInt32BE(data.length);
  content.copy(framed, 4);
  framed.writeUInt32BE(crc32(content), content.length + 4);
  return framed;
}

/** The one spelling in which an inline image is sent on. */
export const dataUri = (type: string, image: Buffer): string => `data:${type};base64,${image.toString('base64')}`;

/** An inline PNG that carries a text. */
export const inlinePng = (text = ''): string => dataUri('image/png', png(text));

/** A file of the ISO 14496-12 family that names these brands and ends there. */
function branded(major: string, ...compatible: string[]): Buffer {
  const box = Buffer.from(`....ftyp${major}\0\0\0\0${compatible.join('')}`, 'latin1');
  box.writeUInt32BE(box.length);
  return Buffer.concat([box, Buffer.from('\0\0\0\bmdat', 'latin1')]);
}

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><text>ü &amp; 100%</text></svg>';

/** Images by their registered mime types: whole ones, or as much of them as tells their format. */
export const imagesByType = {
  'image/png': png(),
  'image/apng': png('moving'),
  'image/jpeg': Buffer.from('\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9', 'latin1'),
  'image/gif': Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
  'image/webp': Buffer.from('UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=', 'base64'),
  'image/bmp': Buffer.from(
    'Qk06AAAAAAAAADYAAAAoAAAAAQAAAAEAAAABABgAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==',
    'base64',
  ),
  'image/tiff': Buffer.from('II*\0\b\0\0\0\0\0\0\0\0\0', 'latin1'),
  'image/avif': branded('avif', 'mif1', 'miaf'),
  'image/heic': branded('mif1', 'mif1', 'heic'),
  'image/heif': branded('mif1', 'miaf'),
  'image/svg+xml': Buffer.from(svg),
} as const;

export type ImageType = keyof typeof imagesByType;
