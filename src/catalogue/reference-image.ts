import { createHash } from 'node:crypto';
import { LimitExceededError } from '../errors.ts';
import { readDataUri } from './data-uri.ts';
import type { ImageForm } from './models.ts';
import { type ReadImage, readPublicUrl } from './public-url.ts';

/** What is kept of a reference image: its URL, or of an inline image all but the image itself. */
export type ReferenceImage =
  | { readonly kind: 'URL'; readonly url: string }
  | { readonly kind: 'INLINE'; readonly mimeType: string; readonly sizeBytes: number; readonly sha256: string };

/** How much of a row what is kept of an order's images may take, as JSON in UTF-8. */
export const maxImageRecordBytes = 64 * 1_024;

/**
 * What to keep of the images of an order.
 *
 * @throws LimitExceededError where that would be too much for a row.
 */
export function describeImages(urls: readonly string[]): ReferenceImage[] {
  const images = urls.map(describeImage);
  if (Buffer.byteLength(JSON.stringify(images)) <= maxImageRecordBytes) return images;
  const what = "The order's reference images take more than is kept of them, so that nothing was ordered";
  throw new LimitExceededError(what, 'MAX_IMAGE_RECORD_BYTES', maxImageRecordBytes, null);
}

/** Reads an image that was given in this form: as it is sent on, or with what is wrong with it. */
export const imageReaders: Readonly<Record<ImageForm, (text: string) => ReadImage>> = {
  url: readPublicUrl,
  dataUri: readDataUri,
};

/** The form of an image that is only a text, as the upstream's API has it. */
export const imageFormOf = (text: string): ImageForm => (/^data:/i.test(text) ? 'dataUri' : 'url');

function describeImage(url: string): ReferenceImage {
  if (!url.startsWith('data:')) return { kind: 'URL', url };
  const bytes = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
  return {
    kind: 'INLINE',
    mimeType: url.slice('data:'.length, url.indexOf(';')),
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}
