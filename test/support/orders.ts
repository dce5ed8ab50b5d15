import { capabilityOf, type ModelName } from '../../src/videos/models.ts';

/** What an order can choose, by the names of the input's fields. */
export interface Chosen {
  readonly durationSeconds?: number | undefined;
  readonly aspectRatio?: string | undefined;
  readonly resolution?: string | undefined;
}

export const optionNames = ['durationSeconds', 'aspectRatio', 'resolution'] as const;

/** grok_video3_max → grokVideo3Max: the field of SubmitVideoInput that orders from the model. */
export const variantOf = (model: ModelName): string =>
  capabilityOf(model).upstreamName.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** An input that orders from the model. */
export const orderOf = (model: ModelName, fields: object = {}): Record<string, object> => ({
  [variantOf(model)]: { prompt: 'A paper boat', ...fields },
});

/** The values in the words of the contract; a length where the model takes any number is that number. */
export function inContractWords(
  model: ModelName,
  { durationSeconds, aspectRatio, resolution }: Chosen,
): { [Name in keyof Chosen]: string | number | undefined } {
  const rule = capabilityOf(model).durationSeconds;
  return {
    durationSeconds: durationSeconds && rule && 'values' in rule ? `SECONDS_${durationSeconds}` : durationSeconds,
    aspectRatio: aspectRatio && ratioWord(aspectRatio),
    resolution: resolution && resolutionWord(resolution),
  };
}

export const ratioWord = (ratio: string): string => `RATIO_${ratio.replace(':', '_')}`;
export const resolutionWord = (resolution: string): string => `P${Number.parseInt(resolution, 10)}`;

/** The one body that the upstream may see of an order: everything the model takes, and nothing else. */
export function upstreamBodyOf(model: ModelName, chosen: Chosen = {}, imageUrls: readonly string[] = []): object {
  const { upstreamName, durationSeconds, aspectRatio, resolution } = capabilityOf(model);
  return {
    model: upstreamName,
    prompt: 'A paper boat',
    ...(durationSeconds && { duration: chosen.durationSeconds ?? durationSeconds.default }),
    ...(aspectRatio && { aspect_ratio: chosen.aspectRatio ?? aspectRatio.default }),
    ...(resolution && { resolution: chosen.resolution ?? resolution.default }),
    ...(imageUrls.length > 0 && { image_urls: imageUrls }),
  };
}
