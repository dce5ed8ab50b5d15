import type { ModelName } from '../catalogue/models.ts';

/** GROK_VIDEO3_MAX → GrokVideo3Max, the first part of the type names of a model. */
export const pascalCase = (name: string): string =>
  name
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');

/** The field of SubmitVideoInput for this model: grokVideo3Max. */
export function inputFieldOf(model: ModelName): string {
  const name = pascalCase(model);
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** 16:9 → RATIO_16_9 */
export const ratioName = (ratio: string): string => `RATIO_${ratio.replace(':', '_')}`;

/** 720p → RESOLUTION_720P */
export const resolutionName = (resolution: string): string => `RESOLUTION_${resolution.toUpperCase()}`;

/** 10 → SECONDS_10 */
export const durationName = (seconds: number): string => `SECONDS_${seconds}`;
