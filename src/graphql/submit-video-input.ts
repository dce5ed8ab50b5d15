import type { InputFieldMap } from '@pothos/core';
import {
  type ChoiceRule,
  capabilityOf,
  type DurationRule,
  durationsOf,
  type ImageForm,
  imageLimitOf,
  type ModelName,
  modelNames,
  promptLength,
} from '../catalogue/models.ts';
import { maxUrlLength } from '../catalogue/public-url.ts';
import { maxImageRecordBytes } from '../catalogue/reference-image.ts';
import { requestSchemas } from '../catalogue/video-request.ts';
import { builder, type InputFieldBuilder } from './builder.ts';
import { enumOf } from './enums.ts';
import { durationName, inputFieldOf, pascalCase, ratioName, resolutionName } from './names.ts';
import { describeModel } from './video-model.ts';
import { aspectRatioDescription, resolutionDescription } from './video-option.ts';

/** A scalar for strings with this beginning. The rest of the string is checked with the whole input. */
function imageScalar(
  name: 'VideoImageUrl' | 'VideoImageDataUri',
  beginning: { readonly pattern: RegExp; readonly words: string },
  description: string,
) {
  return builder.scalarType(name, {
    description,
    serialize: String,
    parseValue(value) {
      if (typeof value === 'string' && beginning.pattern.test(value)) return value;
      throw new TypeError(`${name} must be a string that starts with ${beginning.words}.`);
    },
  });
}

/** The scalar and the field description of each form of an image. */
const imageForms = {
  url: {
    scalar: imageScalar(
      'VideoImageUrl',
      { pattern: /^https?:\/\//i, words: 'https:// or http://' },
      `A public http(s) URL: no user name or password, no private, local or otherwise reserved address or host name, port 80, 443 or from 1024 up, at most ${maxUrlLength.toLocaleString('en')} characters, a limit of this service's own. It is kept and sent on as the URL standard normalises it: the host in Punycode, other characters percent-encoded, without a fragment. The upstream fetches it, not this service.`,
    ),
    description: 'The image by its public URL, which the upstream fetches.',
  },
  dataUri: {
    scalar: imageScalar(
      'VideoImageDataUri',
      { pattern: /^data:[\t\n\f\r ]*image\//i, words: 'data:image/' },
      'An inline image as a data URI: `data:image/png;base64,iVBORw0…`. Parameters, percent-escapes, white space and missing padding are taken as browsers take them, and text instead of base64; it is sent on as `data:<type>;base64,<padded base64>`. Images labelled as PNG, JPEG, GIF, WebP, BMP, TIFF, AVIF or HEIC must begin with the bytes of that format, and images of other types must not; any other type of image, such as `image/svg+xml`, is not checked. Of an inline image the service keeps mime type, size and SHA-256 for good; where it stores files and has room for it, also the image, so that the order can be repeated, until it has not been used for a day (`UPLOAD_RETENTION_HOURS`), and at least 72 hours after the order.',
    ),
    description: 'The image itself, as a `data:image/…` URI.',
  },
  uploadId: {
    scalar: 'ID',
    description:
      'The id of an uploaded image (`createVideoImageUpload`), once it is READY. It is sent to the upstream inline where the model takes inline images, 20 MiB of them in one order at most; other models fetch it from this service by an unguessable URL, which works for 72 hours and takes a public `PUBLIC_BASE_URL`. UPLOAD_STATE_CONFLICT where the image is not there.',
  },
} as const satisfies Record<ImageForm, unknown>;

const kibibytes = maxImageRecordBytes / 1_024;

/** The input type of a reference image of a model, with a field for each form that the model takes. */
function imageInputOf(model: ModelName, forms: readonly ImageForm[]) {
  return builder.inputType(`${pascalCase(model)}ImageInput`, {
    description: `A reference image of an order for ${model}: exactly one of its fields.`,
    isOneOf: true,
    fields: (t): InputFieldMap =>
      Object.fromEntries(
        forms.map((form) => {
          const { scalar, description } = imageForms[form];
          return [form, t.field({ type: scalar, description })];
        }),
      ),
  });
}

const byDefault = (name: string | number): string => `\`${name}\` where it is left out or null.`;

function durationField(t: InputFieldBuilder, model: ModelName, rule: DurationRule) {
  const type = enumOf(
    `${pascalCase(model)}Duration`,
    `The lengths of video that ${model} makes.`,
    durationsOf(rule),
    durationName,
    (seconds) => `${seconds} seconds.`,
  );
  return t.field({
    type,
    description: `The length of the video. ${byDefault(durationName(rule.default))}`,
    defaultValue: rule.default,
  });
}

function aspectRatioField(t: InputFieldBuilder, model: ModelName, rule: ChoiceRule) {
  const description = `The aspect ratios that ${model} makes.`;
  const type = enumOf(`${pascalCase(model)}AspectRatio`, description, rule.values, ratioName, aspectRatioDescription);
  return t.field({
    type,
    description: `The width of the video in relation to its height. ${byDefault(ratioName(rule.default))}`,
    defaultValue: rule.default,
  });
}

function resolutionField(t: InputFieldBuilder, model: ModelName, rule: ChoiceRule) {
  const description = `The resolutions that ${model} makes.`;
  const type = enumOf(
    `${pascalCase(model)}Resolution`,
    description,
    rule.values,
    resolutionName,
    resolutionDescription,
  );
  return t.field({
    type,
    description: `The resolution of the video. ${byDefault(resolutionName(rule.default))}`,
    defaultValue: rule.default,
  });
}

function imagesField(t: InputFieldBuilder, model: ModelName) {
  const { max, documented } = imageLimitOf(model);
  const { forms } = capabilityOf(model).images;
  const whose = documented ? '' : " The limit is this service's own: the vendor documents none.";
  return t.field({
    type: [imageInputOf(model, forms)],
    description: `Reference images: with any, the order is image-to-video. At most ${max}.${whose} What the service keeps of an order's images, their URLs above all, takes ${kibibytes} KiB at most. An empty list means no images.`,
  });
}

/** The input type of one model, with a field for each option that the model accepts. */
function inputOf(model: ModelName) {
  const { durationSeconds, aspectRatio, resolution } = capabilityOf(model);
  return builder.inputType(`${pascalCase(model)}Input`, {
    description: `An order for ${model}. ${describeModel(model)}`,
    validate: requestSchemas[model],
    fields: (t): InputFieldMap => ({
      prompt: t.string({
        required: true,
        description: `What the video shows, ${promptLength.min} to ${promptLength.max.toLocaleString('en')} characters after trimming. The limit is this service's own: the vendor documents none.`,
      }),
      ...(durationSeconds && { duration: durationField(t, model, durationSeconds) }),
      ...(aspectRatio && { aspectRatio: aspectRatioField(t, model, aspectRatio) }),
      ...(resolution && { resolution: resolutionField(t, model, resolution) }),
      images: imagesField(t, model),
    }),
  });
}

export const SubmitVideoInput = builder.inputType('SubmitVideoInput', {
  description: 'The video to order: exactly one of the models, with what that model accepts.',
  isOneOf: true,
  fields: (t): InputFieldMap =>
    Object.fromEntries(
      modelNames.map((model) => [
        inputFieldOf(model),
        t.field({ type: inputOf(model), description: `Order from ${model}. ${describeModel(model)}` }),
      ]),
    ),
});
