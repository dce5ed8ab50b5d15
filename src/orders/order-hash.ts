import { createHash } from 'node:crypto';
import type { DescribedImage } from '../catalogue/reference-image.ts';
import type { VideoRequest } from '../catalogue/video-request.ts';

/** The content of an order: a new video, or the video of a task again. */
export interface RequestedOrder {
  readonly request: VideoRequest;
  /** The ended task whose order this one repeats. */
  readonly resubmissionOfId?: string | undefined;
}

/** What the hash covers of an image: of an upload its id, so that the hash does not depend on whether it is still kept. */
function pictureOf(image: DescribedImage): unknown {
  if (image.kind === 'UPLOAD') return { uploadId: image.uploadId };
  // Images of earlier orders stand in resubmissions only, of whose content the hash covers nothing.
  if (image.kind === 'KEPT_INLINE') return null;
  const { facts } = image;
  return facts.kind === 'URL' ? facts.url : [facts.mimeType, facts.sha256];
}

const sha256Of = (facts: unknown): string => createHash('sha256').update(JSON.stringify(facts)).digest('hex');

/**
 * The hash that tells different orders under one idempotency key apart. It covers everything that the caller asked for,
 * in normalised form, and nothing else. It begins with the version of this rule. A changed rule needs a new version,
 * because the hashes stay in the database.
 */
export function orderHashOf({ request, resubmissionOfId }: RequestedOrder, images: readonly DescribedImage[]): string {
  const { model, prompt, durationSeconds, aspectRatio, resolution } = request;
  const pictures = images.map(pictureOf);
  const facts =
    resubmissionOfId === undefined
      ? ['submitVideo', model, prompt, durationSeconds, aspectRatio, resolution, pictures]
      : ['resubmitVideo', resubmissionOfId];
  return `2:${sha256Of(facts)}`;
}

/** The rule of rows without a version: it covers images as they were sent, and the task that the order repeats. */
function firstOrderHashOf({ request, resubmissionOfId }: RequestedOrder): string {
  const { model, prompt, durationSeconds, aspectRatio, resolution, images } = request;
  // Orders of that time had no other images than these.
  const sentImageUrls = images.map((image) => ('sent' in image ? image.sent : image));
  return sha256Of([model, prompt, durationSeconds, aspectRatio, resolution, sentImageUrls, resubmissionOfId]);
}

/** Whether a stored hash belongs to the same order, by the rule by which it was made. */
export const isSameOrder = (order: RequestedOrder, hash: string | null, stored: string | null): boolean =>
  stored === (stored?.includes(':') ? hash : firstOrderHashOf(order));
