import { z } from 'zod';
import { modelNames, models } from '../catalogue/models.ts';
import { imageInputOf, requestSchemas, type VideoRequest } from '../catalogue/video-request.ts';

/** Words in a prompt that make the sandbox produce an outcome. README.md describes each. */
export const outcomeWords = {
  'sandbox:refuse': 'refuse',
  'sandbox:lost': 'lost',
  'sandbox:moderation': 'moderation',
  'sandbox:no-url': 'no-url',
  'sandbox:slow': 'slow',
  'sandbox:video-slow': 'video-slow',
  'sandbox:video-truncated': 'video-truncated',
  'sandbox:video-reset': 'video-reset',
  'sandbox:video-page': 'video-page',
  'sandbox:video-refused': 'video-refused',
} as const;

export type Outcome = (typeof outcomeWords)[keyof typeof outcomeWords] | 'video';

/** The outcome that a prompt asks for; a video where it names none. */
export function outcomeOf(prompt: string): Outcome {
  for (const [word, outcome] of Object.entries(outcomeWords)) if (prompt.includes(word)) return outcome;
  return 'video';
}

const byUpstreamName = Object.fromEntries(modelNames.map((model) => [models[model].upstreamName, model]));

const body = z.strictObject({
  model: z.enum(Object.keys(byUpstreamName), 'is not a known model'),
  prompt: z.unknown(),
  duration: z.unknown(),
  aspect_ratio: z.unknown(),
  resolution: z.unknown(),
  image_urls: z.unknown().refine((urls) => !Array.isArray(urls) || urls.length > 0, 'must not be empty'),
});

/** Validates the body of a submit by the capability table. Returns the order, or why it is refused. */
export function readOrder(json: unknown): VideoRequest | string {
  const read = body.partial({ duration: true, aspect_ratio: true, resolution: true, image_urls: true }).safeParse(json);
  if (!read.success) return problemsOf(read.error);
  const { model, prompt, duration, aspect_ratio, resolution, image_urls } = read.data;
  const said = { prompt, duration, aspectRatio: aspect_ratio, resolution, images: imagesOf(image_urls) };
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  const order = requestSchemas[byUpstreamName[model]!]!.safeParse(given);
  return order.success ? order.data : problemsOf(order.error);
}

/** Converts the images to the form of the GraphQL inputs. Other values stay as they are, for the schema to refuse. */
const imagesOf = (urls: unknown): unknown =>
  Array.isArray(urls) ? urls.map((url) => (typeof url === 'string' ? imageInputOf(asPublic(url)) : url)) : urls;

/** A link to an uploaded image of this service. */
const uploadLink = /^https?:\/\/[^/]{1,300}(\/files\/\d{1,12}\/[\w-]{43}\/images\/[\w.-]{1,60})$/;

/** Puts a public host into such a link: the sandbox is where the service is, so it takes private hosts there. */
const asPublic = (url: string): string => url.replace(uploadLink, 'https://images.example.com$1');

const problemsOf = ({ issues }: z.ZodError): string =>
  issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ');
