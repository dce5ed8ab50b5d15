import { createHash } from 'node:crypto';
import { LimitExceededError } from '../errors.ts';
import { readDataUri } from './data-uri.ts';
import type { ImageForm } from './models.ts';
import { type ReadImage, readPublicUrl } from './public-url.ts';

/**
 * What the service stores of a reference image: its URL, or the facts that identify an inline image, without the image.
 */
export type ReferenceImage =
  | { readonly kind: 'URL'; readonly url: string }
  | { readonly kind: 'INLINE'; readonly mimeType: string; readonly sizeBytes: number; readonly sha256: string };

/** How many bytes of a row the stored facts about an order's images may take, as JSON in UTF-8. */
export const maxImageRecordBytes = 64 * 1_024;

/**
 * The facts to store about the images of an order.
 *
 * @throws LimitExceededError when they take more than `maxImageRecordBytes`.
 */
export function describeImages(urls: readonly string[]): ReferenceImage[] {
  const images = urls.map(describeImage);
  if (Buffer.byteLength(JSON.stringify(images)) <= maxImageRecordBytes) return images;
  const what = "The order's reference images take more than is kept of them, so that nothing was ordered";
  throw new LimitExceededError(what, 'MAX_IMAGE_RECORD_BYTES', maxImageRecordBytes, null);
}

/** The function that checks an image, for each form. */
export const imageReaders: Readonly<Record<ImageForm, (text: string) => ReadImage>> = {
  url: readPublicUrl,
  dataUri: readDataUri,
};

/** The form of an image that is one string, as in the upstream's API. */
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
