import {
  capabilityOf,
  type ImageForm,
  imageLimitOf,
  type ModelName,
  maxImagesUndocumented,
  modelNames,
  type Option,
  optionsOf,
  promptLength,
} from '../catalogue/models.ts';
import { builder } from './builder.ts';
import { enumOf } from './enums.ts';
import { inputFieldOf } from './names.ts';
import { VideoAspectRatioOption, VideoDurationOption, VideoResolutionOption } from './video-option.ts';

export const VideoBillingUnit = builder.enumType('VideoBillingUnit', {
  description: 'The unit by which the vendor bills a model.',
  values: {
    SECOND: { description: 'Per second of video that was ordered.' },
    CALL: { description: 'Per video, of any length.' },
  } as const,
});

const VideoReferenceImageForm = builder.enumType('VideoReferenceImageForm', {
  description: 'A form in which a reference image can be given.',
  values: {
    URL: { value: 'url', description: "A public http(s) URL, in the image's field `url`." },
    DATA_URI: { value: 'dataUri', description: "The image itself as a data URI, in the image's field `dataUri`." },
    UPLOAD: { value: 'uploadId', description: "An uploaded image by its id, in the image's field `uploadId`." },
  } as const satisfies Record<string, { value: ImageForm; description: string }>,
});

/** One sentence with everything that an order to this model may contain. */
export function describeModel(model: ModelName): string {
  const { upstreamName, durationSeconds, billingUnit } = capabilityOf(model);
  const images = imageLimitOf(model);
  const options = optionsOf(model);
  const sentence = <Value>({ settable, values }: Option<Value>, or: string): string =>
    settable ? values.join(or) : `always ${values[0]}`;
  const duration =
    durationSeconds && 'min' in durationSeconds
      ? `any whole number from ${durationSeconds.min} to ${durationSeconds.max}`
      : sentence(options.durationSeconds, ', ');
  const facts = [
    `${duration} seconds`,
    sentence(options.aspectRatio, ', '),
    sentence(options.resolution, ' or '),
    `up to ${images.max} reference images${images.documented ? '' : " (this service's own limit: the vendor documents none)"}`,
    billingUnit === 'SECOND' ? 'billed per second' : 'billed per call',
  ];
  return `The upstream's \`${upstreamName}\`: ${facts.join('; ')}.`;
}

export const VideoModelName = enumOf(
  'VideoModelName',
  'The Grok video models.',
  modelNames,
  (model) => model,
  describeModel,
);

const VideoIntRange = builder.objectRef<{ min: number; max: number }>('VideoIntRange').implement({
  description: 'A range of whole numbers, both ends included. Its unit is in the name of the field that has it.',
  fields: (t) => ({
    min: t.exposeInt('min', { description: 'The smallest number.' }),
    max: t.exposeInt('max', { description: 'The largest number.' }),
  }),
});

const undocumented = modelNames.filter((model) => !imageLimitOf(model).documented).join(', ');

const VideoReferenceImageLimits = builder.objectRef<ModelName>('VideoReferenceImageLimits').implement({
  description: 'Which reference images a model takes. With any, the order is image-to-video.',
  fields: (t) => ({
    inputField: t.string({ description: "The field of the model's input that takes them.", resolve: () => 'images' }),
    forms: t.field({
      type: [VideoReferenceImageForm],
      description: 'The forms in which each image may be given.',
      resolve: (model) => [...capabilityOf(model).images.forms],
    }),
    max: t.int({
      description: `How many at most: as the vendor documents it or, where it documents no maximum, as for ${undocumented}, this service's own limit of ${maxImagesUndocumented}.`,
      resolve: (model) => imageLimitOf(model).max,
    }),
  }),
});

export const VideoModel = builder.objectRef<ModelName>('VideoModel').implement({
  directives: { key: { fields: 'name' } },
  description:
    'A Grok video model: the options of an order to it, the unit it is billed by, and how long a video takes.',
  fields: (t) => ({
    name: t.field({ type: VideoModelName, description: "The model's name in this API.", resolve: (model) => model }),
    upstreamName: t.string({
      description: "The model's name in the upstream's API.",
      resolve: (model) => capabilityOf(model).upstreamName,
    }),
    inputField: t.string({
      description: 'The field of `SubmitVideoInput` that orders from this model.',
      resolve: inputFieldOf,
    }),
    duration: t.field({
      type: VideoDurationOption,
      description: 'How long its videos can be.',
      resolve: (model) => ({ inputField: 'duration', option: optionsOf(model).durationSeconds }),
    }),
    aspectRatio: t.field({
      type: VideoAspectRatioOption,
      description: 'Which aspect ratios its videos can have.',
      resolve: (model) => ({ inputField: 'aspectRatio', option: optionsOf(model).aspectRatio }),
    }),
    resolution: t.field({
      type: VideoResolutionOption,
      description: 'Which resolutions its videos can have.',
      resolve: (model) => ({ inputField: 'resolution', option: optionsOf(model).resolution }),
    }),
    referenceImages: t.field({
      type: VideoReferenceImageLimits,
      description: 'Which reference images it takes.',
      resolve: (model) => model,
    }),
    promptCharacters: t.field({
      type: VideoIntRange,
      description:
        "How long a prompt may be, in characters after trimming. This service's own limit: the vendor documents none.",
      resolve: () => promptLength,
    }),
    billingUnit: t.field({
      type: VideoBillingUnit,
      description: 'The unit by which the vendor bills it.',
      resolve: (model) => capabilityOf(model).billingUnit,
    }),
    typicalSeconds: t.field({
      type: VideoIntRange,
      description:
        'How long a video usually takes to make, in seconds, as the vendor says; more reference images take longer.',
      resolve: (model) => capabilityOf(model).typicalSeconds,
    }),
  }),
});

builder.queryField('videoModels', (t) =>
  t.field({
    type: [VideoModel],
    // Takes no scope, because models are no secret and are needed to order.
    skipTypeScopes: true,
    description: 'All models with their limits and defaults, enough to build an order form. Takes no scope.',
    resolve: () => modelNames,
  }),
);
