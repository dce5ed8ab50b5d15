import { capabilityOf } from '../catalogue/models.ts';
import type { VideoRequest } from '../catalogue/video-request.ts';

/** The submit's body: every value the model takes is said explicitly, because the vendor's defaults have moved before. */
export function toSubmitBody(request: VideoRequest): Record<string, unknown> {
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
