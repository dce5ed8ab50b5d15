/** Brands of ISO base media files whose type is not that of MP4. */
const typesByBrand: Readonly<Record<string, string>> = { 'qt  ': 'video/quicktime' };

/**
 * The MIME type of a video by the first bytes of its file; null where they are not those of an MP4 or QuickTime file
 * (ISO 14496-12: the first box is called `ftyp` and begins with the major brand).
 */
export function videoTypeOf(head: Buffer): string | null {
  if (head.toString('latin1', 4, 8) !== 'ftyp') return null;
  return typesByBrand[head.toString('latin1', 8, 12)] ?? 'video/mp4';
}
