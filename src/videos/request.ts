import { z } from 'zod';
import {
  capabilityOf,
  type DurationRule,
  imageLimitOf,
  type ModelName,
  modelNames,
  optionsOf,
  promptLength,
} from './models.ts';
import { imageReaders } from './reference-image.ts';

/** An order that its model accepts, with every option the video will have. */
export interface VideoRequest {
  readonly model: ModelName;
  readonly prompt: string;
  readonly durationSeconds: number;
  readonly aspectRatio: string;
  readonly resolution: string;
  /** Public URLs, and data URIs where the model takes them, each in its normal form. */
  readonly imageUrls: readonly string[];
  /** The same as the caller wrote them. */
  readonly sentImageUrls: readonly string[];
}

const prompt = z
  .string()
  .trim()
  .min(promptLength.min, 'must not be empty')
  .max(promptLength.max, `must be at most ${promptLength.max} characters long`)
  // PostgreSQL has no way to keep these.
  .refine((text) => !text.includes('\0'), 'must not contain the character U+0000')
  .refine((text) => text.isWellFormed(), 'must not contain one half of a surrogate pair alone');

/** Null, and nothing at all, stand for the default. */
function orDefault<Value>(schema: z.ZodType<Value>, byDefault: Value) {
  return schema.nullish().transform((value) => value ?? byDefault);
}

interface Image {
  readonly sent: string;
  readonly url: string;
}

/** What reads the images of an order to the model. */
export function imagesSchema(model: ModelName) {
  const { max } = imageLimitOf(model);
  const read = imageReaders[capabilityOf(model).imageUrls.form];
  const image = z.string().transform((text, context) => {
    const image = read(text);
    if ('url' in image) return { sent: text, url: image.url };
    context.addIssue({ code: 'custom', message: image.problem });
    return z.NEVER;
  });
  // None is looked at where there are too many.
  const few = z.array(z.unknown()).max(max, `must be at most ${max} images`);
  return orDefault<Image[]>(few.pipe(z.array(image)), []);
}

function duration(rule: DurationRule) {
  if ('values' in rule) return choice(rule.values, rule.default);
  const message = `must be a whole number from ${rule.min} to ${rule.max}`;
  return orDefault(z.int(message).min(rule.min, message).max(rule.max, message), rule.default);
}

function choice<Value extends string | number>(values: readonly Value[], byDefault: Value) {
  return orDefault<Value>(z.literal(values, `must be one of ${values.join(', ')}`), byDefault);
}

/** The row turned into the schema of its input: what is sent, checked against every rule at once, becomes an order. */
function requestSchema(model: ModelName) {
  const { durationSeconds, aspectRatio, resolution } = capabilityOf(model);
  const fields = z.strictObject({
    prompt,
    ...(durationSeconds && { durationSeconds: duration(durationSeconds) }),
    ...(aspectRatio && { aspectRatio: choice(aspectRatio.values, aspectRatio.default) }),
    ...(resolution && { resolution: choice(resolution.values, resolution.default) }),
    imageUrls: imagesSchema(model),
  });
  const options = optionsOf(model);
  const unsettable = {
    durationSeconds: options.durationSeconds.default,
    aspectRatio: options.aspectRatio.default,
    resolution: options.resolution.default,
  };
  // What the row does not let an order choose is as the model has it.
  return fields.transform(({ prompt, imageUrls: images, ...chosen }): VideoRequest => {
    const imageUrls = images.map(({ url }) => url);
    const sentImageUrls = images.map(({ sent }) => sent);
    return { model, prompt, imageUrls, sentImageUrls, ...unsettable, ...(chosen as Partial<typeof unsettable>) };
  });
}

/** For each model, what turns raw input into a VideoRequest or names every problem with its path. */
export const requestSchemas = Object.fromEntries(modelNames.map((model) => [model, requestSchema(model)])) as Record<
  ModelName,
  ReturnType<typeof requestSchema>
>;

/** What the vendor bills an order by, and how much of it. */
export function billingOf({ model, durationSeconds }: VideoRequest) {
  const unit = capabilityOf(model).billingUnit;
  return { unit, units: unit === 'SECOND' ? durationSeconds : 1 };
}
