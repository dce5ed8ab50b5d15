import { modelNames, type Option, optionsOf } from '../catalogue/models.ts';
import { builder } from './builder.ts';
import { enumOf } from './enums.ts';
import { durationName, ratioName, resolutionName } from './names.ts';

const everyOption = modelNames.map(optionsOf);

const unique = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

export const aspectRatioDescription = (ratio: string): string => `${ratio}, width to height.`;
export const resolutionDescription = (resolution: string): string => `${resolution.replace('p', '')} pixels high.`;

export const VideoAspectRatio = enumOf(
  'VideoAspectRatio',
  "A video's width in relation to its height.",
  unique(everyOption.flatMap(({ aspectRatio }) => aspectRatio.values)),
  ratioName,
  aspectRatioDescription,
);

export const VideoResolution = enumOf(
  'VideoResolution',
  "A video's resolution.",
  unique(everyOption.flatMap(({ resolution }) => resolution.values)),
  resolutionName,
  resolutionDescription,
);

/** One option of a model, and the input field for it. */
interface Choice<Value> {
  /** The field of the input that chooses the value. */
  readonly inputField: string;
  readonly option: Option<Value>;
}

/** Defines the GraphQL types of one option: the option, and its values, each with its enum name and its value. */
function optionType<Value extends string | number>(
  what: 'Duration' | 'AspectRatio' | 'Resolution',
  description: string,
  name: { readonly description: string; readonly of: (value: Value) => string },
  value: { readonly description: string; readonly type: Value extends number ? 'Int' : 'String' },
) {
  const ValueType = builder.objectRef<Value>(`Video${what}Value`).implement({
    description: `${description.replace(/\.$/, '')}: one of the values.`,
    fields: (t) => ({
      name: t.string({ description: name.description, resolve: name.of }),
      value: t.field({ type: value.type, description: value.description, resolve: (it) => it as never }),
    }),
  });
  return builder.objectRef<Choice<Value>>(`Video${what}Option`).implement({
    description,
    fields: (t) => ({
      inputField: t.string({
        nullable: true,
        description: "The field of the model's input that chooses it; null where every video has the default.",
        resolve: ({ inputField, option }) => (option.settable ? inputField : null),
      }),
      values: t.field({
        type: [ValueType],
        description: 'Every value that the model makes.',
        resolve: ({ option }) => [...option.values],
      }),
      default: t.field({
        type: ValueType,
        description: 'The value where the order names none.',
        resolve: ({ option }) => option.default as never,
      }),
    }),
  });
}

const enumName = (example: string) => `Its name in the enum of the input: \`${example}\`.`;

export const VideoDurationOption = optionType<number>(
  'Duration',
  'How long the videos of a model can be.',
  { description: enumName(durationName(10)), of: durationName },
  { description: 'The length in seconds.', type: 'Int' },
);

export const VideoAspectRatioOption = optionType<string>(
  'AspectRatio',
  'Which aspect ratios the videos of a model can have.',
  { description: `${enumName(ratioName('16:9'))} \`VideoAspectRatio\` has the same name.`, of: ratioName },
  { description: 'Width to height, as the vendor writes it: `16:9`.', type: 'String' },
);

export const VideoResolutionOption = optionType<string>(
  'Resolution',
  'Which resolutions the videos of a model can have.',
  { description: `${enumName(resolutionName('720p'))} \`VideoResolution\` has the same name.`, of: resolutionName },
  { description: 'The height in pixels, as the vendor writes it: `720p`.', type: 'String' },
);
