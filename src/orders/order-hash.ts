import { createHash } from 'node:crypto';
import type { ReferenceImage } from '../catalogue/reference-image.ts';
import type { VideoRequest } from '../catalogue/video-request.ts';

/** What a caller asks for: a video, or that of a task again. */
export interface RequestedOrder {
  readonly request: VideoRequest;
  /** The ended task whose order this one repeats. */
  readonly resubmissionOfId?: string | undefined;
}

const sha256Of = (facts: unknown): string => createHash('sha256').update(JSON.stringify(facts)).digest('hex');

/**
 * By this, orders under one idempotency key are told apart: all that the caller has said, in its normal form, and
 * nothing else. Its version comes first. A new rule needs a new version, because hashes stay in the database.
 */
export function orderHashOf({ request, resubmissionOfId }: RequestedOrder, images: readonly ReferenceImage[]): string {
  const { model, prompt, durationSeconds, aspectRatio, resolution } = request;
  const pictures = images.map((image) => (image.kind === 'URL' ? image.url : [image.mimeType, image.sha256]));
  const facts =
    resubmissionOfId === undefined
      ? ['submitVideo', model, prompt, durationSeconds, aspectRatio, resolution, pictures]
      : ['resubmitVideo', resubmissionOfId];
  return `2:${sha256Of(facts)}`;
}

/** The rule before there were versions: images as they were sent, and the link to the task that was repeated. */
function firstOrderHashOf({ request, resubmissionOfId }: RequestedOrder): string {
  const { model, prompt, durationSeconds, aspectRatio, resolution, sentImageUrls } = request;
  return sha256Of([model, prompt, durationSeconds, aspectRatio, resolution, sentImageUrls, resubmissionOfId]);
}

/** Whether a row's hash stands for the same order, by the rule that it was made by. */
export const isSameOrder = (order: RequestedOrder, hash: string | null, stored: string | null): boolean =>
  stored === (stored?.includes(':') ? hash : firstOrderHashOf(order));
