import { capabilityOf, type ModelName } from '../../src/catalogue/models.ts';

/** What an order can choose, by the names of the table's rules. */
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

/** The input's field that chooses the option. */
export const fieldOf = (option: keyof Chosen): 'duration' | 'aspectRatio' | 'resolution' =>
  option === 'durationSeconds' ? 'duration' : option;

/** What was chosen, by the fields of an input and in the words of its enums. */
export const inContractWords = ({ durationSeconds, aspectRatio, resolution }: Chosen) => ({
  duration: durationSeconds && durationWord(durationSeconds),
  aspectRatio: aspectRatio && ratioWord(aspectRatio),
  resolution: resolution && resolutionWord(resolution),
});

/** Reference images as an order gives them: a text that begins with data: as a data URI, all else as a URL. */
export const imagesOf = (texts: readonly unknown[]): object[] =>
  texts.map((text) => ({ [/^data:/i.test(String(text)) ? 'dataUri' : 'url']: text }));

export const durationWord = (seconds: number): string => `SECONDS_${seconds}`;

export const ratioWord = (ratio: string): string => `RATIO_${ratio.replace(':', '_')}`;
export const resolutionWord = (resolution: string): string => `RESOLUTION_${Number.parseInt(resolution, 10)}P`;

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
