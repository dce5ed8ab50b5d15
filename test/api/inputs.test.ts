import { expect, test } from 'vitest';
import {
  type ModelName,
  modelNames,
  type Option,
  type Options,
  optionsOf,
  promptLength,
} from '../../src/catalogue/models.ts';
import { type Answer, createTestApp, nothing, submitDocument, type TestApp } from '../support/app.ts';
import {
  type Chosen,
  fieldOf,
  imagesOf,
  inContractWords,
  optionNames,
  orderOf,
  upstreamBodyOf,
  variantOf,
} from '../support/orders.ts';

const submit = ({ query }: TestApp, input: object | null): Promise<Answer> => query(submitDocument, { input });

const wasAccepted = ({ data, errors }: Answer): boolean => !errors && data.submitVideo.task.status === 'QUEUED';

/** The paths of all problems in an answer, as one reads them. */
const problemPaths = ({ errors = [] }: Answer): string[] =>
  errors.flatMap(({ extensions }) => extensions.issues ?? []).map(({ path }) => path.join('.'));

/** Every value that any model has for an option. */
const everyValue = <Value>(of: (options: Options) => Option<Value>): Value[] => [
  ...new Set(modelNames.flatMap((model) => of(optionsOf(model)).values)),
];

/** All combinations of options: each one left out, with each value of any model, and with a value of none. */
function everyCombination(): Chosen[] {
  const durations = everyValue((options) => options.durationSeconds);
  const [shortest, longest] = [Math.min(...durations), Math.max(...durations)];
  const lengths = [undefined, ...Array.from({ length: longest - shortest + 3 }, (_, index) => shortest - 1 + index)];
  const ratios = [undefined, ...everyValue((options) => options.aspectRatio), '4:3'];
  const resolutions = [undefined, ...everyValue((options) => options.resolution), '1080p'];
  return lengths.flatMap((durationSeconds) =>
    ratios.flatMap((aspectRatio) => resolutions.map((resolution) => ({ durationSeconds, aspectRatio, resolution }))),
  );
}

/** The combinations that the row of the model does not allow. */
function wrongFields(model: ModelName, chosen: Chosen) {
  const options = optionsOf(model);
  return optionNames.filter((name) => {
    const { settable, values } = options[name];
    const value = chosen[name];
    return value !== undefined && !(settable && (values as readonly unknown[]).includes(value));
  });
}

test.each(modelNames)('%s takes every combination in its row, and no other reaches the upstream', async (model) => {
  const app = await createTestApp();
  const surprises: object[] = [];
  const combinations = everyCombination();
  const judge = async (chosen: Chosen) => {
    const wrong = wrongFields(model, chosen);
    const answer = await submit(app, orderOf(model, inContractWords(chosen)));
    const messages = (answer.errors ?? []).map(({ message }) => message).join();
    const named = optionNames.filter(
      (name) => messages.includes(`"${fieldOf(name)}"`) || messages.includes(`.${fieldOf(name)} `),
    );
    const right = wrong.length === 0 ? wasAccepted(answer) : `${named}` === `${wrong}`;
    if (!right) surprises.push({ chosen, wrong, answer });
  };
  // Many at once, because each order waits for the database and the upstream.
  for (let start = 0; start < combinations.length; start += 50) {
    await Promise.all(combinations.slice(start, start + 50).map(judge));
  }
  expect(surprises).toEqual([]);
  const taken = combinations.filter((chosen) => wrongFields(model, chosen).length === 0);
  const inOrder = (bodies: readonly object[]) => bodies.map((body) => JSON.stringify(body)).toSorted();
  expect(inOrder(app.upstream.submits)).toEqual(inOrder(taken.map((chosen) => upstreamBodyOf(model, chosen))));
});

test.each(modelNames)('%s takes null for the default of every field that may be left out', async (model) => {
  const app = await createTestApp();
  const settable = optionNames.filter((name) => optionsOf(model)[name].settable);
  const nulls = Object.fromEntries([...settable.map(fieldOf), 'images'].map((name) => [name, null]));
  expect(wasAccepted(await submit(app, orderOf(model, nulls)))).toBe(true);
  expect(app.upstream.submits).toEqual([upstreamBodyOf(model)]);
});

test.each(modelNames)('%s takes a prompt from its shortest to its longest, and trims it', async (model) => {
  const app = await createTestApp();
  const prompts = ['x'.repeat(promptLength.min), 'x'.repeat(promptLength.max)];
  for (const prompt of prompts) await submit(app, orderOf(model, { prompt: ` \n\t${prompt}\u00a0 ` }));
  expect(app.upstream.submits.map(({ prompt }) => prompt)).toEqual(prompts);
});

test.each(modelNames)('%s refuses a prompt that is empty or too long, and names the limit', async (model) => {
  const app = await createTestApp();
  for (const prompt of ['', ' \n\t\u00a0', 'x'.repeat(promptLength.max + 1)]) {
    const answer = await submit(app, orderOf(model, { prompt }));
    expect(problemPaths(answer)).toEqual([`input.${variantOf(model)}.prompt`]);
  }
  expect(app.upstream.submits).toEqual([]);
});

test('a prompt with a character that PostgreSQL cannot store is refused', async () => {
  const app = await createTestApp();
  const answer = await submit(app, orderOf('GROK_VIDEO3', { prompt: 'A paper\u0000 boat' }));
  expect(problemPaths(answer)).toEqual(['input.grokVideo3.prompt']);
  expect(app.upstream.submits).toEqual([]);
});

/** Inputs that no capability table would allow. */
const malformed: Record<string, object | null> = {
  'no input': null,
  'no model': {},
  'an unknown model': { grokVideo99: { prompt: 'A paper boat' } },
  'two models': { ...orderOf('GROK_VIDEO3'), ...orderOf('GROK_VIDEO3_PRO') },
  'one model and another that is null': { ...orderOf('GROK_VIDEO3'), grokVideo3Pro: null },
  'a model that is null': { grokVideo3: null },
  'an order of the wrong type': { grokVideo3: 'A paper boat' },
  'no prompt': { grokVideo3: {} },
  'a prompt that is null': orderOf('GROK_VIDEO3', { prompt: null }),
  'a prompt that is a number': orderOf('GROK_VIDEO3', { prompt: 7 }),
  'an unknown field': orderOf('GROK_VIDEO3', { seed: 7 }),
  "the upstream's name of a field": orderOf('GROK_VIDEO3', { aspect_ratio: '16:9' }),
  'a number where a word belongs': orderOf('GROK_VIDEO3', { duration: 10 }),
  'a length that is not made': orderOf('GROK_VIDEO3', { duration: 'SECONDS_31' }),
  'a length that another model makes': orderOf('GROK_VIDEO3_STABLE', { duration: 'SECONDS_7' }),
  "the upstream's word for a ratio": orderOf('GROK_VIDEO3', { aspectRatio: '16:9' }),
  "the upstream's word for a resolution": orderOf('GROK_VIDEO3', { resolution: '720p' }),
  'an image that is null': orderOf('GROK_VIDEO3', { images: [null] }),
  'an image that is a text': orderOf('GROK_VIDEO3', { images: ['https://example.com/1.png'] }),
  'an image in no form': orderOf('GROK_VIDEO3', { images: [{}] }),
  'an image in two forms': orderOf('GROK_VIDEO3', {
    images: [{ url: 'https://example.com/1.png', dataUri: 'data:image/png;base64,AAAA' }],
  }),
  'an image in a form and another that is null': orderOf('GROK_VIDEO3', {
    images: [{ url: 'https://example.com/1.png', dataUri: null }],
  }),
  'an inline image where only URLs are taken': orderOf('GROK_VIDEO3_MAX', {
    images: [{ dataUri: 'data:image/png;base64,AAAA' }],
  }),
};

test('an input that is not an order is refused as BAD_USER_INPUT', async () => {
  const app = await createTestApp();
  const codes: Record<string, unknown> = {};
  for (const [what, input] of Object.entries(malformed)) {
    const { data, errors = [] } = await submit(app, input);
    codes[what] = [data ?? null, new Set(errors.map(({ extensions }) => extensions?.code))];
  }
  const refused = Object.keys(malformed).map((what) => [what, [null, new Set(['BAD_USER_INPUT'])]]);
  expect.soft(codes).toEqual(Object.fromEntries(refused));
  expect(app.upstream.submits).toEqual([]);
});

test.each([
  ['a number for an enum', '{ grokVideo3: { prompt: "x", duration: 10 } }', ['input', 'grokVideo3', 'duration']],
  ['a text for an enum', '{ grokVideo3: { prompt: "x", resolution: "720p" } }', ['input', 'grokVideo3', 'resolution']],
  [
    'an image of a list',
    '{ grokVideo3Max: { prompt: "x", images: [{ url: "https://example.com/1.png" }, { url: "ftp://example.com" }] } }',
    ['input', 'grokVideo3Max', 'images', 1, 'url'],
  ],
  ['a field that there is not', '{ grokVideo3Pro: { prompt: "x", seed: 1 } }', ['input', 'grokVideo3Pro', 'seed']],
])('what does not fit in a document is named by its path, as in variables: %s', async (_, input, path) => {
  const { query, upstream } = await createTestApp();
  const { errors } = await query(`mutation { other: submitVideo(input: ${input}) { task { id } } }`);
  expect(errors?.map(({ extensions }) => [extensions.code, extensions.issues?.[0]?.path])).toEqual([
    ['BAD_USER_INPUT', path],
  ]);
  expect(upstream.submits).toEqual([]);
});

test('one answer reports every problem of an order with its path', async () => {
  const app = await createTestApp();
  const images = imagesOf(['https://example.com/1.png', 'http://127.0.0.1/', 'data:image/png;base64,no']);
  const { data, errors } = await submit(app, orderOf('GROK_VIDEO3', { prompt: ' ', images }));
  expect(data).toEqual(nothing);
  expect(errors).toHaveLength(1);
  const [error] = errors!;
  expect(error).toMatchObject({ path: ['submitVideo'], extensions: { code: 'BAD_USER_INPUT' } });
  expect(error!.extensions.issues!.map(({ path }) => path)).toEqual([
    ['input', 'grokVideo3', 'prompt'],
    ['input', 'grokVideo3', 'images', 1, 'url'],
    ['input', 'grokVideo3', 'images', 2, 'dataUri'],
  ]);
  for (const { path, message } of error!.extensions.issues!) {
    expect(error!.message).toContain(`${path.join('.')} ${message}`);
  }
  expect(app.upstream.submits).toEqual([]);
});

test('a refused order leaves no task behind', async () => {
  const app = await createTestApp();
  await submit(app, orderOf('GROK_VIDEO3', { prompt: '' }));
  await submit(app, orderOf('GROK_VIDEO3_PRO', { duration: 'SECONDS_10' }));
  const { data } = await app.query('{ videoTasks { edges { node { id } } } }');
  expect(data.videoTasks.edges).toEqual([]);
});
