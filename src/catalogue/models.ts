/**
 * The capability table: what each Grok model accepts, as the vendor's create page states it. These facts stand nowhere
 * else. The GraphQL inputs and enums, their validation, the upstream request, the sandbox and the table-driven tests
 * are derived from it.
 */

export type Unit = 'SECOND' | 'CALL';

/** The forms in which an order can give a reference image. Each is also the name of the input field for it. */
export type ImageForm = 'url' | 'dataUri' | 'uploadId';

/** Any whole number from `min` to `max`, or one of `values`. */
export type DurationRule =
  | { readonly min: number; readonly max: number; readonly default: number }
  | { readonly values: readonly number[]; readonly default: number };

export interface ChoiceRule {
  readonly values: readonly string[];
  readonly default: string;
}

/**
 * One row of the table. A model without a rule for a field does not accept that field; `fixed` says which values it
 * uses instead.
 */
export interface Capability {
  /** The model's name in the upstream's API. */
  readonly upstreamName: string;
  readonly durationSeconds?: DurationRule;
  readonly aspectRatio?: ChoiceRule;
  readonly resolution?: ChoiceRule;
  /** `max` is absent where the vendor documents no maximum. */
  readonly images: { readonly forms: readonly ImageForm[]; readonly max?: number };
  readonly fixed?: { readonly durationSeconds: number; readonly aspectRatio: string; readonly resolution: string };
  /** What the vendor bills by. */
  readonly billingUnit: Unit;
  /** How long the vendor says a video usually takes, from its shortest to its longest. */
  readonly typicalSeconds: { readonly min: number; readonly max: number };
}

const resolution = { values: ['480p', '720p'], default: '720p' } as const;

export const models = {
  GROK_VIDEO3: {
    upstreamName: 'grok_video3',
    durationSeconds: { min: 6, max: 30, default: 10 },
    aspectRatio: { values: ['16:9', '9:16', '1:1', '3:2', '2:3'], default: '16:9' },
    resolution,
    images: { forms: ['url', 'dataUri', 'uploadId'], max: 7 },
    billingUnit: 'SECOND',
    typicalSeconds: { min: 120, max: 480 },
  },
  GROK_VIDEO3_PRO: {
    upstreamName: 'grok_video3_pro',
    fixed: { durationSeconds: 10, aspectRatio: '16:9', resolution: '720p' },
    images: { forms: ['url', 'dataUri', 'uploadId'] },
    billingUnit: 'CALL',
    typicalSeconds: { min: 180, max: 360 },
  },
  GROK_VIDEO3_MAX: {
    upstreamName: 'grok_video3_max',
    durationSeconds: { values: [6, 10, 12, 16, 20, 30], default: 10 },
    aspectRatio: { values: ['16:9', '9:16', '1:1'], default: '16:9' },
    resolution,
    images: { forms: ['url', 'uploadId'], max: 5 },
    billingUnit: 'SECOND',
    typicalSeconds: { min: 120, max: 480 },
  },
  GROK_VIDEO3_STABLE: {
    upstreamName: 'grok_video3_stable',
    durationSeconds: { values: [6, 10], default: 10 },
    aspectRatio: { values: ['16:9', '9:16', '3:2', '2:3', '1:1'], default: '16:9' },
    resolution,
    images: { forms: ['url', 'uploadId'], max: 7 },
    billingUnit: 'CALL',
    typicalSeconds: { min: 120, max: 240 },
  },
} as const satisfies Record<string, Capability>;

export type ModelName = keyof typeof models;

export const modelNames = Object.keys(models) as ModelName[];

export const isModelName = (text: string): text is ModelName => Object.hasOwn(models, text);

/** The row of one model, typed as any row, for code that must work for all models. */
export const capabilityOf = (model: ModelName): Capability => models[model];

/** One option of a model: its possible values, and whether an order can choose among them. */
export interface Option<Value> {
  readonly settable: boolean;
  readonly values: readonly Value[];
  readonly default: Value;
}

export interface Options {
  readonly durationSeconds: Option<number>;
  readonly aspectRatio: Option<string>;
  readonly resolution: Option<string>;
}

/** All options of a model, including those that an order cannot choose. */
export function optionsOf(model: ModelName): Options {
  const { durationSeconds, aspectRatio, resolution, fixed } = capabilityOf(model);
  return {
    durationSeconds: option(
      durationSeconds && { ...durationSeconds, values: durationsOf(durationSeconds) },
      fixed?.durationSeconds,
    ),
    aspectRatio: option(aspectRatio, fixed?.aspectRatio),
    resolution: option(resolution, fixed?.resolution),
  };
}

function option<Value>(
  rule: { values: readonly Value[]; default: Value } | undefined,
  fixed: Value | undefined,
): Option<Value> {
  if (rule) return { settable: true, values: rule.values, default: rule.default };
  if (fixed === undefined)
    throw new Error('A row of the capability table has neither a rule nor a fixed value for an option.');
  return { settable: false, values: [fixed], default: fixed };
}

/** All durations that the rule allows, in seconds. */
export function durationsOf(rule: DurationRule): readonly number[] {
  if ('values' in rule) return rule.values;
  return Array.from({ length: rule.max - rule.min + 1 }, (_, index) => rule.min + index);
}

/** The most reference images in an order where the vendor documents no maximum. The limit is this service's own. */
export const maxImagesUndocumented = 20;

/** The most reference images that a model takes, and whether that limit is the vendor's. */
export function imageLimitOf(model: ModelName) {
  const { max } = capabilityOf(model).images;
  return { max: max ?? maxImagesUndocumented, documented: max !== undefined };
}

/** The length of a trimmed prompt in characters. The limits are this service's own; the vendor documents none. */
export const promptLength = { min: 1, max: 10_000 } as const;
