import { capabilityOf, type ModelName } from '../../src/catalogue/models.ts';
import { type Answer, submitDocument, type TestApp } from './app.ts';
import { imagesOf, orderOf, variantOf } from './orders.ts';

export const imageUrl = (number: number): string => `https://images.example.com/${number}.png`;

export const takesDataUris = (model: ModelName): boolean => capabilityOf(model).images.forms.includes('dataUri');

export const orderWithImages = ({ query }: Pick<TestApp, 'query'>, model: ModelName, texts: readonly unknown[]) =>
  query(submitDocument, { input: orderOf(model, { images: imagesOf(texts) }) }) as Promise<Answer>;

/** Orders with each of the texts as the only image, and returns the texts that some model did not refuse by its path. */
export async function notRefused(
  app: TestApp,
  among: readonly ModelName[],
  texts: readonly string[],
): Promise<string[]> {
  const missed: string[] = [];
  for (const model of among) {
    for (const text of texts) {
      const form = text.startsWith('data:') ? 'dataUri' : 'url';
      const { data, errors = [] } = await orderWithImages(app, model, [text]);
      const paths = errors.flatMap(({ extensions }) => extensions?.issues ?? []).map(({ path }) => path.join('.'));
      const refused = !data?.submitVideo && `${paths}` === `input.${variantOf(model)}.images.0.${form}`;
      if (!refused) missed.push(`${model} ${text}: ${errors.map(({ message }) => message)}`);
    }
  }
  return missed;
}
