import { z } from 'zod';
import {
  capabilityOf,
  durationsOf,
  type ImageForm,
  imageLimitOf,
  type ModelName,
  modelNames,
  optionsOf,
  promptLength,
} from './models.ts';
import { imageFormOf, imageReaders } from './reference-image.ts';

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

/** An image in the one form that an order gives it in. */
type ImageInput = Readonly<Partial<Record<ImageForm, string>>>;

/** An image that is only a text, as an input would give it. */
export const imageInputOf = (text: string): ImageInput => ({ [imageFormOf(text)]: text });

function imageIn(form: ImageForm) {
  return z.string().transform((sent, context): Image => {
    const image = imageReaders[form](sent);
    if ('url' in image) return { sent, url: image.url };
    context.addIssue({ code: 'custom', message: image.problem });
    return z.NEVER;
  });
}

/** What reads the images of an order to the model: of each, exactly one form that the model takes. */
export function imagesSchema(model: ModelName) {
  const { max } = imageLimitOf(model);
  const { forms } = capabilityOf(model).images;
  const fields = Object.fromEntries(forms.map((form) => [form, imageIn(form).optional()]));
  const image = z.strictObject(fields).transform((given, context): Image => {
    const [image, ...others] = Object.values(given);
    if (image && others.length === 0) return image;
    context.addIssue({ code: 'custom', message: `must be given in one form: ${forms.join(' or ')}` });
    return z.NEVER;
  });
  // None is looked at where there are too many.
  const few = z.array(z.unknown()).max(max, `must be at most ${max} images`);
  return orDefault<Image[]>(few.pipe(z.array(image)), []);
}

function choice<Value extends string | number>(values: readonly Value[], byDefault: Value) {
  return orDefault<Value>(z.literal(values, `must be one of ${values.join(', ')}`), byDefault);
}

/** The row turned into the schema of its input: what is sent, checked against every rule at once, becomes an order. */
function requestSchema(model: ModelName) {
  const { durationSeconds, aspectRatio, resolution } = capabilityOf(model);
  const fields = z.strictObject({
    prompt,
    ...(durationSeconds && { duration: choice(durationsOf(durationSeconds), durationSeconds.default) }),
    ...(aspectRatio && { aspectRatio: choice(aspectRatio.values, aspectRatio.default) }),
    ...(resolution && { resolution: choice(resolution.values, resolution.default) }),
    images: imagesSchema(model),
  });
  const options = optionsOf(model);
  const unsettable = {
    aspectRatio: options.aspectRatio.default,
    resolution: options.resolution.default,
  };
  // What the row does not let an order choose is as the model has it.
  return fields.transform(({ prompt, images, duration, ...chosen }): VideoRequest => {
    const imageUrls = images.map(({ url }) => url);
    const sentImageUrls = images.map(({ sent }) => sent);
    const durationSeconds = (duration as number | undefined) ?? options.durationSeconds.default;
    return {
      model,
      prompt,
      imageUrls,
      sentImageUrls,
      durationSeconds,
      ...unsettable,
      ...(chosen as Partial<typeof unsettable>),
    };
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
