/** An image format that shows in a file's first bytes. */
interface ImageFormat {
  readonly name: string;
  /** The mime types under which such a file may come, in lower case. */
  readonly types: readonly string[];
  /** Whether a file that begins so is one; each character stands for a byte. */
  readonly begins: (head: string) => boolean;
}

const startsWith =
  (...signatures: string[]) =>
  (head: string): boolean =>
    signatures.some((signature) => head.startsWith(signature));

/** ISO 14496-12: the first box names the kinds of file that this is, each with four letters. */
const hasBrand =
  (...brands: string[]) =>
  (head: string): boolean => {
    if (!head.startsWith('ftyp', 4)) return false;
    const box = head.slice(0, Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE());
    // The third word is a version; all others are brands.
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

/** Names that are in use beside the registered ones. */
const aliases: Readonly<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/jfif': 'image/jpeg',
  'image/tif': 'image/tiff',
  'image/x-png': 'image/png',
  'image/x-bmp': 'image/bmp',
  'image/x-ms-bmp': 'image/bmp',
};

/** The registered name of a mime type in lower case, where it has another one. */
export const registeredType = (type: string): string => (Object.hasOwn(aliases, type) && aliases[type]) || type;

/** How many bytes are looked at. */
const headBytes = 256;

/**
 * Why an image cannot be of the type that it is labelled with. A type that is not in the table (an SVG is text, and
 * begins as it likes) is believed, unless the bytes are those of a format that is.
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
