import { z } from 'zod';
import { capabilityOf } from '../videos/models.ts';
import type { VideoRequest } from '../videos/request.ts';
import type { Observed } from './replies.ts';

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

/** Replies are read leniently: only what is used, in any form that still says it, and nothing else matters. */
const lenient = <Schema extends z.ZodType>(schema: Schema) =>
  schema
    .nullish()
    .catch(null)
    .transform((value) => value ?? null);

/** Nothing that is a step in a path: the id becomes one. */
const id = z.union([z.string().trim(), z.number().transform(String)]).refine((text) => !/^\.{0,2}$/.test(text));

const submitReply = z.object({ id, status: lenient(z.string()) });

const checkReply = z.object({
  status: lenient(z.string()),
  video_url: lenient(z.url({ protocol: /^https?$/ })),
  actualDuration: lenient(z.union([z.number(), z.string().min(1)]).pipe(z.coerce.number<number | string>().positive())),
  error: lenient(z.unknown()),
});

/** The upstream's words for each status, its own and those other clients of it have met, in lower case. */
const statusWords = new Map<string, Observed['status']>([
  ['queued', 'QUEUED'],
  ['pending', 'QUEUED'],
  ['processing', 'PROCESSING'],
  ['in_progress', 'PROCESSING'],
  ['running', 'PROCESSING'],
  ['completed', 'COMPLETED'],
  ['succeeded', 'COMPLETED'],
  ['success', 'COMPLETED'],
  ['failed', 'FAILED'],
  ['error', 'FAILED'],
  ['cancelled', 'CANCELLED'],
  ['canceled', 'CANCELLED'],
]);

/** The vendor has no code for a refusal of content; these words in its text are all that tells one. */
const moderationWords = /moderat|content polic|safety|sensitive|violat|prohibited|nsfw|违规|审核|敏感/i;

interface AcceptedTask {
  readonly upstreamId: string;
  readonly upstreamStatus: string | null;
}

/** The upstream's id and status in a submit's reply; null where there is no id in it. */
export function readSubmitReply(body: unknown): AcceptedTask | null {
  const reply = submitReply.safeParse(body);
  return reply.success ? { upstreamId: reply.data.id, upstreamStatus: reply.data.status } : null;
}

/**
 * The id in a reply of which only a part arrived, so that what has been paid for is not lost with the rest; null where
 * it did not arrive as a whole.
 */
export function salvageUpstreamId(text: string): AcceptedTask | null {
  const [, quoted, digits] = /"id"\s*:\s*(?:"([^"\\]+)"|(\d+)\s*[,}])/.exec(text) ?? [];
  return readSubmitReply({ id: quoted ?? digits });
}

/** What a check's reply says; null where it is not about a task at all. */
export function readCheckReply(body: unknown): Observed | null {
  const reply = checkReply.safeParse(body);
  if (!reply.success || reply.data.status === null) return null;
  const { status, video_url, actualDuration } = reply.data;
  const error = textOf(reply.data.error);
  return {
    kind: 'OBSERVED',
    status: statusWords.get(status.trim().toLowerCase()) ?? 'UNKNOWN',
    upstreamStatus: status,
    videoUrl: video_url,
    durationSeconds: actualDuration,
    error,
    moderated: error !== null && moderationWords.test(error),
  };
}

/** What an answer with an error status says about its reason, if it says anything. */
export function readErrorText(body: unknown): string | null {
  const text = lenient(z.string().min(1));
  const reply = z.object({ message: text, msg: text, error: lenient(z.unknown()) }).safeParse(body);
  if (!reply.success) return null;
  const { message, msg, error } = reply.data;
  return message ?? msg ?? textOf(error);
}

/** An error is a text, or an object that has one. */
const textOf = (error: unknown): string | null =>
  typeof error === 'string' ? error || null : error === null ? null : readErrorText(error);
