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
import { imageFormOf, imageReaders, type OrderedImage } from './reference-image.ts';

/** A valid order: its model accepts every field, and defaults are filled in. */
export interface VideoRequest {
  readonly model: ModelName;
  readonly prompt: string;
  readonly durationSeconds: number;
  readonly aspectRatio: string;
  readonly resolution: string;
  readonly images: readonly OrderedImage[];
}

/** An order as it is sent to the upstream: each image is a public URL, or a data URI where the model takes it. */
export interface SentRequest extends Omit<VideoRequest, 'images'> {
  readonly imageUrls: readonly string[];
}

const prompt = z
  .string()
  .trim()
  .min(promptLength.min, 'must not be empty')
  .max(promptLength.max, `must be at most ${promptLength.max} characters long`)
  // PostgreSQL cannot store these characters.
  .refine((text) => !text.includes('\0'), 'must not contain the character U+0000')
  .refine((text) => text.isWellFormed(), 'must not contain one half of a surrogate pair alone');

/** A null or absent value becomes the default. */
function orDefault<Value>(schema: z.ZodType<Value>, byDefault: Value) {
  return schema.nullish().transform((value) => value ?? byDefault);
}

/** An image of an order: the name of its form, and the string. */
type ImageInput = Readonly<Partial<Record<ImageForm, string>>>;

/** The input object for an image that is one string. */
export const imageInputOf = (text: string): ImageInput => ({ [imageFormOf(text)]: text });

function imageIn(kind: 'URL' | 'INLINE', form: keyof typeof imageReaders) {
  return z.string().transform((sent, context): OrderedImage => {
    const image = imageReaders[form](sent);
    if ('url' in image) return { kind, sent, url: image.url };
    context.addIssue({ code: 'custom', message: image.problem });
    return z.NEVER;
  });
}

/** The schema of an image in each form. */
const imageSchemas: Readonly<Record<ImageForm, z.ZodType<OrderedImage>>> = {
  url: imageIn('URL', 'url'),
  dataUri: imageIn('INLINE', 'dataUri'),
  uploadId: z
    .guid('must be the id of an upload, a UUID')
    .transform((id): OrderedImage => ({ kind: 'UPLOAD', uploadId: id.toLowerCase() })),
};

/** The schema for the images of an order. Each image has exactly one of the forms that the model takes. */
export function imagesSchema(model: ModelName) {
  const { max } = imageLimitOf(model);
  const { forms } = capabilityOf(model).images;
  const fields = Object.fromEntries(forms.map((form) => [form, imageSchemas[form].optional()]));
  const image = z.strictObject(fields).transform((given, context): OrderedImage => {
    const [image, ...others] = Object.values(given);
    if (image && others.length === 0) return image;
    context.addIssue({ code: 'custom', message: `must be given in one form: ${forms.join(' or ')}` });
    return z.NEVER;
  });
  // The count is checked first, so that no image is parsed when there are too many.
  const few = z.array(z.unknown()).max(max, `must be at most ${max} images`);
  return orDefault<OrderedImage[]>(few.pipe(z.array(image)), []);
}

function choice<Value extends string | number>(values: readonly Value[], byDefault: Value) {
  return orDefault<Value>(z.literal(values, `must be one of ${values.join(', ')}`), byDefault);
}

/** Builds the input schema of a model from its row in the capability table. Parsing reports all problems at once. */
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
  // The model's fixed values stand for the options that an order cannot choose.
  return fields.transform(({ prompt, images, duration, ...chosen }): VideoRequest => {
    const durationSeconds = (duration as number | undefined) ?? options.durationSeconds.default;
    return {
      model,
      prompt,
      images,
      durationSeconds,
      ...unsettable,
      ...(chosen as Partial<typeof unsettable>),
    };
  });
}

/** The schema of each model: it turns raw input into a VideoRequest, or reports every problem with its path. */
export const requestSchemas = Object.fromEntries(modelNames.map((model) => [model, requestSchema(model)])) as Record<
  ModelName,
  ReturnType<typeof requestSchema>
>;

/** The unit by which the vendor bills an order, and how many of them. */
export function billingOf({ model, durationSeconds }: VideoRequest) {
  const unit = capabilityOf(model).billingUnit;
  return { unit, units: unit === 'SECOND' ? durationSeconds : 1 };
}
