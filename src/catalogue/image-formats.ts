/** An image format that can be recognised by the first bytes of a file. */
interface ImageFormat {
  readonly name: string;
  /** The MIME types of such a file, in lower case. */
  readonly types: readonly string[];
  /** Whether a file with this beginning is one. Each character of `head` is a byte. */
  readonly begins: (head: string) => boolean;
}

const startsWith =
  (...signatures: string[]) =>
  (head: string): boolean =>
    signatures.some((signature) => head.startsWith(signature));

/** ISO 14496-12: the first box of the file lists its brands, each with four letters. */
const hasBrand =
  (...brands: string[]) =>
  (head: string): boolean => {
    if (!head.startsWith('ftyp', 4)) return false;
    const box = head.slice(0, Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE());
    // The third word of the box is a version number; all other words are brands.
    const named = [box.slice(8, 12), ...(box.slice(16).match(/.{4}/gs) ?? [])];
    return brands.some((brand) => named.includes(brand));
  };

const formats: readonly ImageFormat[] = [
  {
    name: 'PNG',
    types: ['image/png', 'image/apng', 'image/vnd.mozilla.apng'],
    begins: startsWith('\x89PNG\r\n\x1a\n'),
  },
  { name: 'JPEG', types: ['image/jpeg'], begins: startsWith('\xff\xd8\xff') },
  { name: 'GIF', types: ['image/gif'], begins: startsWith('GIF87a', 'GIF89a') },
  { name: 'WebP', types: ['image/webp'], begins: (head) => head.startsWith('RIFF') && head.startsWith('WEBP', 8) },
  { name: 'BMP', types: ['image/bmp'], begins: startsWith('BM') },
  {
    name: 'TIFF',
    types: ['image/tiff', 'image/tiff-fx', 'image/x-adobe-dng'],
    begins: startsWith('II*\0', 'MM\0*', 'II+\0', 'MM\0+'),
  },
  { name: 'AVIF', types: ['image/avif', 'image/avif-sequence'], begins: hasBrand('avif', 'avis') },
  {
    name: 'HEIC',
    types: ['image/heic', 'image/heic-sequence', 'image/heif', 'image/heif-sequence'],
    begins: hasBrand('heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'hevm', 'hevs'),
  },
  {
    name: 'HEIF',
    types: ['image/heif', 'image/heif-sequence', 'image/avci', 'image/avcs'],
    begins: hasBrand('mif1', 'mif2', 'msf1'),
  },
];

/** Unregistered MIME types in use, and the registered type of each. */
const aliases: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/jfif': 'image/jpeg',
  'image/tif': 'image/tiff',
  'image/x-png': 'image/png',
  'image/x-bmp': 'image/bmp',
  'image/x-ms-bmp': 'image/bmp',
};

/** The registered spelling of a MIME type. `type` must be in lower case. */
export const registeredType = (type: string): string => (Object.hasOwn(aliases, type) && aliases[type]) || type;

/** How many bytes at the start of a file are compared. */
const headBytes = 256;

/**
 * Why an image cannot have the MIME type that it is labelled with; null where it can. Types that are not in the table
 * are accepted, unless the bytes are those of a format in the table: an SVG, for one, is text without a fixed
 * beginning.
 */
export function formatProblem(type: string, image: Buffer): string | null {
  const head = image.toString('latin1', 0, headBytes);
  const shown = formats.filter(({ begins }) => begins(head));
  const labelled = formats.filter(({ types }) => types.includes(type));
  if (labelled.length === 0 ? shown.length === 0 : labelled.some((format) => shown.includes(format))) return null;
  const namesOf = (some: readonly ImageFormat[]) => some.map(({ name }) => name).join(' or ');
  if (labelled.length === 0) return `is labelled as another type, but begins with the bytes of ${namesOf(shown)}`;
  const bytes = shown.length > 0 ? `those of ${namesOf(shown)}` : 'not those of that format';
  return `is labelled as ${namesOf(labelled)}, but its first bytes are ${bytes}`;
}
