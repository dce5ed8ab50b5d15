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
} from '../videos/models.ts';
import { builder } from './builder.ts';
import { inputFieldOf, ratioName, resolutionName } from './names.ts';

const everyOption = modelNames.map(optionsOf);

/** An enum of the given values, each named and described by computation. */
export function enumOf<Value extends string | number>(
  name: string,
  description: string,
  values: readonly Value[],
  nameOf: (value: Value) => string,
  describe: (value: Value) => string,
) {
  const entries = values.map((value) => [nameOf(value), { value, description: describe(value) }] as const);
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(entries) as Record<string, { value: Value }>,
  });
}

/** An enum of the names of a table whose rows describe themselves. */
export function enumOfTable<Name extends string>(
  name: string,
  description: string,
  table: Readonly<Record<Name, { readonly description: string }>>,
) {
  const names = Object.keys(table) as Name[];
  return enumOf(
    name,
    description,
    names,
    (entry) => entry,
    (entry) => table[entry].description,
  );
}

const unique = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

export const aspectRatioDescription = (ratio: string): string => `${ratio}, width to height.`;
export const resolutionDescription = (resolution: string): string => `${resolution.replace('p', '')} pixels high.`;

export const AspectRatio = enumOf(
  'AspectRatio',
  "A video's width in relation to its height.",
  unique(everyOption.flatMap(({ aspectRatio }) => aspectRatio.values)),
  ratioName,
  aspectRatioDescription,
);

export const Resolution = enumOf(
  'Resolution',
  "A video's resolution.",
  unique(everyOption.flatMap(({ resolution }) => resolution.values)),
  resolutionName,
  resolutionDescription,
);

export const BillingUnit = builder.enumType('BillingUnit', {
  description: 'What the vendor bills a model by.',
  values: {
    SECOND: { description: 'Per second of video that was ordered.' },
    CALL: { description: 'Per video, however long.' },
  } as const,
});

const imageForms: Record<ImageForm, string> = {
  PUBLIC_URL: 'Only public http(s) URLs.',
  PUBLIC_URL_OR_DATA_URI: 'Public http(s) URLs and inline images as `data:image/…;base64,` URIs.',
};

export const ReferenceImageForm = enumOf(
  'ReferenceImageForm',
  'How a model takes reference images.',
  Object.keys(imageForms) as ImageForm[],
  (form) => form,
  (form) => imageForms[form],
);

/** What an order to this model may say, in one sentence. */
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

const IntRange = builder.objectRef<{ min: number; max: number }>('IntRange').implement({
  description: 'A range of whole numbers, both ends included. Its unit is in the name of the field that has it.',
  fields: (t) => ({
    min: t.exposeInt('min', { description: 'The smallest.' }),
    max: t.exposeInt('max', { description: 'The largest.' }),
  }),
});

const settable = 'Whether an order can choose; if not, every video has the default.';

const DurationOption = builder.objectRef<Option<number>>('DurationOption').implement({
  description: 'How long the videos of a model can be, in seconds.',
  fields: (t) => ({
    settable: t.exposeBoolean('settable', { description: settable }),
    values: t.intList({
      description: 'Every length the model makes, in seconds.',
      resolve: ({ values }) => [...values],
    }),
    default: t.exposeInt('default', { description: 'The length, in seconds, where the order names none.' }),
  }),
});

const AspectRatioOption = builder.objectRef<Option<string>>('AspectRatioOption').implement({
  description: 'Which aspect ratios the videos of a model can have.',
  fields: (t) => ({
    settable: t.exposeBoolean('settable', { description: settable }),
    values: t.field({
      type: [AspectRatio],
      description: 'Every aspect ratio the model makes.',
      resolve: ({ values }) => [...values],
    }),
    default: t.expose('default', { type: AspectRatio, description: 'The aspect ratio where the order names none.' }),
  }),
});

const ResolutionOption = builder.objectRef<Option<string>>('ResolutionOption').implement({
  description: 'Which resolutions the videos of a model can have.',
  fields: (t) => ({
    settable: t.exposeBoolean('settable', { description: settable }),
    values: t.field({
      type: [Resolution],
      description: 'Every resolution the model makes.',
      resolve: ({ values }) => [...values],
    }),
    default: t.expose('default', { type: Resolution, description: 'The resolution where the order names none.' }),
  }),
});

const undocumented = modelNames.filter((model) => !imageLimitOf(model).documented).join(', ');

const ReferenceImageLimits = builder.objectRef<ModelName>('ReferenceImageLimits').implement({
  description: 'Which reference images a model takes. With any, the order is image-to-video.',
  fields: (t) => ({
    form: t.field({
      type: ReferenceImageForm,
      description: 'How the images may be given.',
      resolve: (model) => capabilityOf(model).imageUrls.form,
    }),
    max: t.int({
      nullable: true,
      description: `How many at most: as the vendor documents it or, where it documents no maximum, as for ${undocumented}, this service's own limit of ${maxImagesUndocumented}. Never null.`,
      resolve: (model) => imageLimitOf(model).max,
    }),
  }),
});

export const VideoModel = builder.objectRef<ModelName>('VideoModel').implement({
  directives: { key: { fields: 'name' } },
  description: 'A Grok video model: what an order to it may say, what it costs by and how long it takes.',
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
    durationSeconds: t.field({
      type: DurationOption,
      description: 'How long its videos can be, in seconds.',
      resolve: (model) => optionsOf(model).durationSeconds,
    }),
    aspectRatio: t.field({
      type: AspectRatioOption,
      description: 'Which aspect ratios its videos can have.',
      resolve: (model) => optionsOf(model).aspectRatio,
    }),
    resolution: t.field({
      type: ResolutionOption,
      description: 'Which resolutions its videos can have.',
      resolve: (model) => optionsOf(model).resolution,
    }),
    referenceImages: t.field({
      type: ReferenceImageLimits,
      description: 'Which reference images it takes.',
      resolve: (model) => model,
    }),
    promptCharacters: t.field({
      type: IntRange,
      description:
        "How long a prompt may be, in characters after trimming. This service's own limit: the vendor documents none.",
      resolve: () => promptLength,
    }),
    billingUnit: t.field({
      type: BillingUnit,
      description: 'What the vendor bills it by.',
      resolve: (model) => capabilityOf(model).billingUnit,
    }),
    typicalSeconds: t.field({
      type: IntRange,
      description:
        'How long a video usually takes to make, in seconds, as the vendor says; more reference images take longer.',
      resolve: (model) => capabilityOf(model).typicalSeconds,
    }),
  }),
});

builder.queryField('videoModels', (t) =>
  t.field({
    type: [VideoModel],
    // No secret of anybody's, and of use to who may only order.
    skipTypeScopes: true,
    description: 'Every model with all its limits and defaults: all that is needed to build a form. Takes no scope.',
    resolve: () => modelNames,
  }),
);
