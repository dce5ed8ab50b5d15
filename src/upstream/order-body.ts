import { capabilityOf } from '../catalogue/models.ts';
import type { SentRequest } from '../catalogue/video-request.ts';

/**
 * The body of a submit. Every value that the model takes is sent explicitly, because the vendor has changed its
 * defaults before.
 */
export function toSubmitBody(request: SentRequest): Record<string, unknown> {
  const capability = capabilityOf(request.model);
  return {
    model: capability.upstreamName,
    prompt: request.prompt,
    ...(capability.durationSeconds && { duration: request.durationSeconds }),
    ...(capability.aspectRatio && { aspect_ratio: request.aspectRatio }),
    ...(capability.resolution && { resolution: request.resolution }),
    ...(request.imageUrls.length > 0 && { image_urls: request.imageUrls }),
  };
}
