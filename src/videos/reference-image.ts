import { createHash } from 'node:crypto';
import { readDataUri } from './data-uri.ts';
import type { ImageForm } from './models.ts';
import { type ReadImage, readPublicUrl } from './public-url.ts';

/** What is kept of a reference image: its URL, or of an inline image all but the image itself. */
export type ReferenceImage =
  | { readonly kind: 'URL'; readonly url: string }
  | { readonly kind: 'INLINE'; readonly mimeType: string; readonly sizeBytes: number; readonly sha256: string };

/** Reads an image in one of the forms that a model takes: as it is sent on, or with what is wrong with it. */
export const imageReaders: Readonly<Record<ImageForm, (text: string) => ReadImage>> = {
  PUBLIC_URL: readPublicUrl,
  PUBLIC_URL_OR_DATA_URI: (text) => (/^data:/i.test(text) ? readDataUri(text) : readPublicUrl(text)),
};

/** What to keep of a reference image that was read so. */
export function describeImage(url: string): ReferenceImage {
  if (!url.startsWith('data:')) return { kind: 'URL', url };
  const bytes = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  return {
    kind: 'INLINE',
    mimeType: url.slice('data:'.length, url.indexOf(';')),
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}
