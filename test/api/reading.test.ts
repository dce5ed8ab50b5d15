import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type Capability,
  capabilityOf,
  modelNames,
  type Option,
  optionsOf,
  promptLength,
} from '../../src/catalogue/models.ts';
import { anOrder, createTestApp, submitDocument } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { dataUri, png } from '../support/images.ts';
import { durationWord, imagesOf, orderOf, ratioWord, resolutionWord, variantOf } from '../support/orders.ts';
import { recordStatements } from '../support/statements.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { reply, status, videoUrl } from '../support/upstream.ts';

const everyField = /* GraphQL */ `
  query ($id: ID!) {
    videoTask(id: $id) {
      id model mode prompt status upstreamId upstreamStatus
      options { durationSeconds aspectRatio resolution }
      referenceImages { ... on VideoUrlImage { url } ... on VideoInlineImage { mimeType sizeBytes sha256 } }
      video { url state expiresAt durationSeconds }
      failure { code message retryable mayBeBilled }
      billing { unit units }
      createdAt submittedAt lastCheckedAt nextCheckAt completedAt
    }
  }
`;

const image = png();
const inlineImage = dataUri('image/png', image);

describe.each(databaseProviders)('on %s', (provider) => {
  test('a task shows its order, what it will cost, and each moment of its way to the video', async () => {
    const app = await createTrackedApp(provider);
    const { query, upstream } = app;
    upstream.onSubmit = (response, request) => {
      app.setTime('2026-11-22T12:00:03.000Z');
      reply(200, { id: 'video_1', status: 'queued' })(response, request);
    };
    const imageUrls = ['https://images.example.com/1.png', inlineImage];
    const images = imagesOf(imageUrls);
    const chosen = { duration: 'SECONDS_7', aspectRatio: 'RATIO_2_3', resolution: 'RESOLUTION_480P', images };
    const id = await app.submit(orderOf('GROK_VIDEO3', { ...chosen, prompt: ' Ein Schiffchen 🚣 ' }));

    const queued = {
      id,
      model: 'GROK_VIDEO3',
      mode: 'IMAGE_TO_VIDEO',
      prompt: 'Ein Schiffchen 🚣',
      options: { durationSeconds: 7, aspectRatio: 'RATIO_2_3', resolution: 'RESOLUTION_480P' },
      referenceImages: [
        { url: imageUrls[0] },
        {
          mimeType: 'image/png',
          sizeBytes: image.length,
          sha256: createHash('sha256').update(image).digest('hex'),
        },
      ],
      billing: { unit: 'SECOND', units: 7 },
      status: 'QUEUED',
      upstreamId: 'video_1',
      upstreamStatus: 'queued',
      video: null,
      failure: null,
      createdAt: '2026-11-22T12:00:00.000Z',
      submittedAt: '2026-11-22T12:00:03.000Z',
      lastCheckedAt: null,
      nextCheckAt: '2026-11-22T12:00:03.020Z',
      completedAt: null,
    };
    expect((await query(everyField, { id })).data.videoTask).toEqual(queued);

    upstream.onCheck = status('Succeeded', { video_url: videoUrl, actualDuration: 7.04 });
    await app.untilEnded(id);
    expect((await query(everyField, { id })).data.videoTask).toEqual({
      ...queued,
      status: 'COMPLETED',
      upstreamStatus: 'Succeeded',
      video: { url: videoUrl, state: 'AVAILABLE', expiresAt: '2026-11-23T12:01:03.000Z', durationSeconds: 7.04 },
      lastCheckedAt: '2026-11-22T12:01:03.000Z',
      nextCheckAt: null,
      completedAt: '2026-11-22T12:01:03.000Z',
    });
  });

  test('the images of a page of tasks are read with one statement, and only where they are selected', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const urls = Array.from({ length: 5 }, (_, index) => `https://images.example.com/${index}.png`);
    for (const url of urls)
      await app.query(submitDocument, { input: orderOf('GROK_VIDEO3_MAX', { images: [{ url }] }) });
    await app.query(submitDocument, { input: orderOf('GROK_VIDEO3_MAX') });
    const read = async (fields: string) =>
      (await app.query(`{ videoTasks(first: 10) { edges { node { ${fields} } } } }`)).data.videoTasks.edges;

    const statements = recordStatements();
    const imageReads = () => statements.filter((text) => text.includes('referenceImages'));
    expect(await read('mode')).toHaveLength(6);
    expect(imageReads()).toEqual([]);
    expect(await read('referenceImages { ... on VideoUrlImage { url } }')).toEqual([
      { node: { referenceImages: [] } },
      ...urls.toReversed().map((url) => ({ node: { referenceImages: [{ url }] } })),
    ]);
    expect(imageReads()).toHaveLength(1);
  });

  test('a failed task says why, and has no video', async () => {
    const app = await createTrackedApp(provider);
    app.upstream.onCheck = status('failed', { error: 'The camera broke.' });
    const id = await app.submit(orderOf('GROK_VIDEO3_PRO'));
    await app.untilEnded(id);
    expect((await app.query(everyField, { id })).data.videoTask).toMatchObject({
      mode: 'TEXT_TO_VIDEO',
      status: 'FAILED',
      referenceImages: [],
      billing: { unit: 'CALL', units: 1 },
      video: null,
      failure: { code: 'GENERATION_FAILED', message: 'The camera broke.', retryable: false, mayBeBilled: true },
      completedAt: '2026-11-22T12:01:00.000Z',
    });
  });

  test.each([
    ['an id that no task has', '01a20300-0000-7000-8000-000000000000'],
    ['an empty id', ''],
    ['an id that is no UUID', "x' OR '1'='1"],
    ['an id that the database could not store', 'a\u0000b'],
  ])('%s finds nothing', async (_, id) => {
    const { query } = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    await query(submitDocument, { input: anOrder });
    expect(await query('query ($id: ID!) { videoTask(id: $id) { id } }', { id })).toEqual({
      data: { videoTask: null },
    });
  });

  test('a prompt is stored as it was ordered, with any characters', async () => {
    const { query } = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const prompt = `纸船 🚣🏽 "'\\ %s \u0007 ${'長'.repeat(promptLength.max - 30)}`;
    const document = /* GraphQL */ `
      mutation ($input: SubmitVideoInput!) { submitVideo(input: $input) { task { prompt } } }
    `;
    const { data } = await query(document, { input: orderOf('GROK_VIDEO3', { prompt }) });
    expect(data.submitVideo.task.prompt).toBe(prompt);
  });
});

test("a video's link is gone 24 hours after the task was completed", async () => {
  const app = await createTrackedApp();
  const id = await app.submit(anOrder);
  await app.untilEnded(id);
  const readVideo = async () => (await app.query(everyField, { id })).data.videoTask.video;
  const { expiresAt } = await readVideo();
  const video = { expiresAt, durationSeconds: 10 };
  app.setTime(new Date(Date.parse(expiresAt) - 1));
  expect(await readVideo()).toEqual({ ...video, state: 'AVAILABLE', url: videoUrl });
  app.setTime(expiresAt);
  expect(await readVideo()).toEqual({ ...video, state: 'EXPIRED', url: null });
});

test('videoModels is the capability table', async () => {
  const { query } = await createTestApp();
  const { data } = await query(/* GraphQL */ `{
    videoModels {
      name upstreamName inputField
      duration { inputField values { name value } default { name value } }
      aspectRatio { inputField values { name value } default { name value } }
      resolution { inputField values { name value } default { name value } }
      referenceImages { inputField forms max }
      promptCharacters { min max }
      billingUnit
      typicalSeconds { min max }
    }
  }`);
  const rows = modelNames.map((model) => {
    const { upstreamName, images, billingUnit, typicalSeconds }: Capability = capabilityOf(model);
    const { durationSeconds, aspectRatio, resolution } = optionsOf(model);
    const inWords = <Value>(
      field: string,
      { settable, values, default: byDefault }: Option<Value>,
      word: (value: Value) => string,
    ) => {
      const named = (value: Value) => ({ name: word(value), value });
      return { inputField: settable ? field : null, values: values.map(named), default: named(byDefault) };
    };
    return {
      name: model,
      upstreamName,
      inputField: variantOf(model),
      duration: inWords('duration', durationSeconds, durationWord),
      aspectRatio: inWords('aspectRatio', aspectRatio, ratioWord),
      resolution: inWords('resolution', resolution, resolutionWord),
      referenceImages: {
        inputField: 'images',
        forms: images.forms.map((form) => ({ url: 'URL', dataUri: 'DATA_URI', uploadId: 'UPLOAD' })[form]),
        max: images.max ?? 20,
      },
      promptCharacters: promptLength,
      billingUnit,
      typicalSeconds,
    };
  });
  expect(data.videoModels).toEqual(rows);
});
