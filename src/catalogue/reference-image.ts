import { createHash } from 'node:crypto';
import { LimitExceededError } from '../errors.ts';
import { readDataUri } from './data-uri.ts';
import { readPublicUrl } from './public-url.ts';

/** The facts that identify an image without its bytes. */
export type ImageFacts = {
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
};

/** What the service stores with a task of a reference image: its URL, or the facts that identify the image. */
export type ReferenceImage =
  | { readonly kind: 'URL'; readonly url: string }
  | ({ readonly kind: 'INLINE' } & ImageFacts)
  | ({ readonly kind: 'UPLOAD'; readonly uploadId: string } & ImageFacts);

/** An image that the service is to find among those that it keeps. */
export type KeptImage =
  | { readonly kind: 'UPLOAD'; readonly uploadId: string }
  /** An inline image of an earlier order of this client. */
  | ({ readonly kind: 'KEPT_INLINE'; readonly client: string } & ImageFacts);

/** An image of an order: a public URL or a data URI, normalised and as the caller wrote it, or an image that is kept. */
export type OrderedImage = { readonly kind: 'URL' | 'INLINE'; readonly url: string; readonly sent: string } | KeptImage;

/** An image of an order with its facts; one that is kept has to be found first. */
export type DescribedImage = GivenImage | KeptImage;

/** A public URL or a data URI, and the facts to store about it. */
export interface GivenImage {
  readonly kind: 'GIVEN';
  readonly url: string;
  readonly facts: Exclude<ReferenceImage, { readonly kind: 'UPLOAD' }>;
}

/** How many bytes of a row the stored facts about an order's images may take, as JSON in UTF-8. */
export const maxImageRecordBytes = 64 * 1_024;

/** @throws LimitExceededError when the facts about an order's images take more than `maxImageRecordBytes`. */
export function checkRecordSize(images: readonly ReferenceImage[]): void {
  if (Buffer.byteLength(JSON.stringify(images)) <= maxImageRecordBytes) return;
  const what = "The order's reference images take more than is kept of them, so that nothing was ordered";
  throw new LimitExceededError(what, 'MAX_IMAGE_RECORD_BYTES', maxImageRecordBytes, null);
}

/** The function that checks an image that is one string, for each form. */
export const imageReaders = { url: readPublicUrl, dataUri: readDataUri } as const;

/** The form of an image that is one string, as in the upstream's API. */
export const imageFormOf = (text: string): keyof typeof imageReaders => (/^data:/i.test(text) ? 'dataUri' : 'url');

export function describeImage(image: OrderedImage): DescribedImage {
  if (image.kind === 'UPLOAD' || image.kind === 'KEPT_INLINE') return image;
  const { kind, url } = image;
  return { kind: 'GIVEN', url, facts: kind === 'URL' ? { kind, url } : { kind, ...factsOf(url) } };
}

/** The facts about the image in a normalised data URI. */
function factsOf(dataUri: string): ImageFacts {
  const bytes = Buffer.from(dataUri.slice(dataUri.indexOf(',') + 1), 'base64');
  return {
    mimeType: dataUri.slice('data:'.length, dataUri.indexOf(';')),
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}
