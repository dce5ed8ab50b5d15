import { describe, expect, test } from 'vitest';
import { modelNames } from '../../src/catalogue/models.ts';
import { as, createKeysFor } from '../support/callers.ts';
import { databaseProviders } from '../support/database.ts';
import { takesDataUris } from '../support/image-orders.ts';
import { dataUri, imagesByType, inlinePng, png } from '../support/images.ts';
import { usageOf } from '../support/limited-app.ts';
import { countTasks, place, placed } from '../support/placing.ts';
import { resubmit } from '../support/resolving.ts';
import { createStoringApp } from '../support/storing-app.ts';
import {
  atService,
  background,
  createUpload,
  ended,
  orderWith,
  referenceImagesOf,
  sentImages,
  uploaded,
  uploadOf,
} from '../support/uploading.ts';
import { sha256Of } from '../support/video-host.ts';

const hourMs = 60 * 60_000;

const image = png('a boat');
const link = 'https://images.example.com/1.png';
const publicly = { settings: { PUBLIC_BASE_URL: 'https://videos.example.com' } };

const conflict = { data: { submitVideo: null }, errors: [{ extensions: { code: 'UPLOAD_STATE_CONFLICT' } }] };

describe.each(databaseProviders)('over %s', (provider) => {
  test('an order has uploads, URLs and inline images in its order, and is replayed when they are gone', async () => {
    const app = await createStoringApp({ provider });
    const uploadId = await uploaded(app, image);
    const jpeg = await uploaded(app, imagesByType['image/jpeg'], 'JPEG');
    const inline = inlinePng('inline');
    const input = orderWith(
      'GROK_VIDEO3',
      { uploadId: uploadId.toUpperCase() },
      { url: link },
      { dataUri: inline },
      { uploadId: jpeg },
      { uploadId },
    );
    const { task } = await placed(app, input, 'boat-1');
    const asSent = dataUri('image/png', image);
    const sent = [asSent, link, inline, dataUri('image/jpeg', imagesByType['image/jpeg']), asSent];
    expect(sentImages(app)).toEqual([sent]);
    const facts = { mimeType: 'image/png', sizeBytes: image.length, sha256: sha256Of(image) };
    expect(await referenceImagesOf(app, task.id)).toMatchObject([
      { __typename: 'VideoUploadedImage', uploadId, ...facts },
      { __typename: 'VideoUrlImage', url: link },
      { __typename: 'VideoInlineImage', sha256: sha256Of(png('inline')) },
      { __typename: 'VideoUploadedImage', uploadId: jpeg, mimeType: 'image/jpeg' },
      { __typename: 'VideoUploadedImage', uploadId, ...facts },
    ]);

    app.advance(24 * 4 * hourMs);
    await expect.poll(async () => (await uploadOf(app, uploadId))?.state, background).toBe('DELETED');
    expect(await placed(app, input, 'boat-1')).toMatchObject({ replayed: true, task: { id: task.id } });
    const other = orderWith('GROK_VIDEO3', { uploadId: jpeg });
    expect(await place(app, other, 'boat-1')).toMatchObject({
      errors: [{ extensions: { code: 'IDEMPOTENCY_KEY_MISMATCH' } }],
    });
    expect(await place(app, input, 'boat-2')).toMatchObject(conflict);
    expect(app.upstream.submits).toHaveLength(1);
  });

  test('an order keeps its uploads for three days, and another order for three more', async () => {
    const app = await createStoringApp({ provider });
    const uploadId = await uploaded(app, image);
    const input = orderWith('GROK_VIDEO3_PRO', { uploadId });
    const keptHours = async () => {
      const { deleteAt } = (await uploadOf(app, uploadId)) ?? {};
      return (Date.parse(deleteAt ?? '') - Date.now()) / hourMs;
    };
    await Promise.all(Array.from({ length: 5 }, () => placed(app, input)));
    expect(await keptHours()).toBeGreaterThan(71.9);
    app.advance(72 * hourMs);
    await placed(app, input);
    expect(await keptHours()).toBeGreaterThan(72 + 71.9);
    expect(await keptHours()).toBeLessThan(72 + 73.1);
    expect(app.upstream.submits).toHaveLength(6);
  });
});

const linked = modelNames.filter((model) => !takesDataUris(model));

test.each(linked)('%s is sent a link to an upload, which is answered as the vendor asks for it', async (model) => {
  const app = await createStoringApp(publicly);
  const uploadId = await uploaded(app, image);
  const { task } = await placed(app, orderWith(model, { url: link }, { uploadId }));
  const [[first, url]] = sentImages(app) as [[string, string]];
  expect(first).toBe(link);
  expect(url).toMatch(new RegExp(`^https://videos\\.example\\.com/files/\\d+/[\\w-]{43}/images/${uploadId}\\.png$`));
  for (const method of ['HEAD', 'GET']) {
    const response = await fetch(atService(app, url), { method, redirect: 'manual' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('content-length')).toBe(String(image.length));
    expect(Buffer.from(await response.bytes())).toEqual(method === 'HEAD' ? Buffer.alloc(0) : image);
  }
  for (const other of [url.replace('.png', '.webp'), url.replace(uploadId, task.id)])
    expect((await fetch(atService(app, other))).status).toBe(403);
  await ended(app, task.id);
  expect((await resubmit(app, task.id)).errors).toBeUndefined();
  expect(sentImages(app)[1]).toEqual([link, url]);

  app.advance(72 * hourMs);
  expect((await fetch(atService(app, url))).status).toBe(200);
  app.advance(2 * hourMs);
  expect((await fetch(atService(app, url))).status).toBe(403);
  expect((await resubmit(app, task.id)).errors?.[0]?.extensions.code).toBe('TASK_STATE_CONFLICT');
});

test.each(linked)(
  '%s is sent nothing where the service has no public address, and the answer says what to set',
  async (model) => {
    for (const settings of [
      {},
      { PUBLIC_BASE_URL: 'http://10.0.0.7' },
      { PUBLIC_BASE_URL: 'https://videos.internal' },
    ]) {
      const app = await createStoringApp({ settings });
      const input = orderWith(model, { uploadId: await uploaded(app, image) });
      const answer = await place(app, input);
      expect(answer).toMatchObject({
        data: { submitVideo: null },
        errors: [{ extensions: { code: 'NOT_CONFIGURED' } }],
      });
      expect(answer.errors?.[0]?.message).toContain('PUBLIC_BASE_URL');
      expect(await countTasks(app)).toBe(0);
      expect(app.upstream.submits).toEqual([]);
    }
  },
);

test.each(modelNames)(
  'an upload for %s that is not there is refused, and nothing is counted, kept or sent',
  async (model) => {
    const app = await createStoringApp(publicly);
    const keys = await createKeysFor(app.databaseUrl, { one: { client: 'one' }, other: { client: 'other' } });
    const one = { ...as(app, keys.one), url: app.url };
    const other = { ...as(app, keys.other), url: app.url };
    const refused: Record<string, string> = {
      foreign: await uploaded(other, image),
      waiting: (await createUpload(one, image)).id,
      unknown: '019accd0-0000-7000-8000-000000000000',
    };
    const expired = await uploaded(one, image);
    for (const [what, uploadId] of Object.entries(refused))
      expect(await place(one, orderWith(model, { url: link }, { uploadId })), what).toMatchObject(conflict);
    app.advance(25 * hourMs);
    expect(await place(one, orderWith(model, { uploadId: expired }))).toMatchObject(conflict);
    const invalid = await place(one, orderWith(model, { uploadId: 'x' }));
    expect(invalid).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(await usageOf(one)).toEqual({ submits: 0, seconds: 0, calls: 0 });
    expect(await countTasks(one)).toBe(0);
    expect(app.upstream.submits).toEqual([]);
  },
);

test('uploads that are sent inline have 20 MiB together at most', async () => {
  const app = await createStoringApp();
  const large = png('x'.repeat(11 * 1024 * 1024));
  const uploadId = await uploaded(app, large);
  const tooMuch = await place(app, orderWith('GROK_VIDEO3', { uploadId }, { uploadId }));
  expect(tooMuch).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_INLINED_BYTES' } }] });
  expect(await countTasks(app)).toBe(0);
  await placed(app, orderWith('GROK_VIDEO3', { uploadId }));
  expect(sentImages(app)).toEqual([[dataUri('image/png', large)]]);
});

test('a batch has an outcome for each order: one with an upload that is not there is not placed', async () => {
  const app = await createStoringApp();
  const uploadId = await uploaded(app, image);
  const missing = '019accd0-0000-7000-8000-000000000000';
  const orders = [uploadId, missing, uploadId].map((id) => ({ input: orderWith('GROK_VIDEO3', { uploadId: id }) }));
  const { data } = await app.query(
    'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { __typename ... on SubmitVideoError { code } } } }',
    { orders },
  );
  expect(data.submitVideos.outcomes).toEqual([
    { __typename: 'SubmitVideoPayload' },
    { __typename: 'SubmitVideoError', code: 'UPLOAD_STATE_CONFLICT' },
    { __typename: 'SubmitVideoPayload' },
  ]);
  expect(app.upstream.submits).toHaveLength(2);
});

test('of many orders with kept images at once a few are in memory, and the others wait for their turn', async () => {
  const app = await createStoringApp();
  const uploadId = await uploaded(app, image);
  const accepted = app.upstream.onSubmit;
  const waiting: (() => void)[] = [];
  app.upstream.onSubmit = (...exchange) => void waiting.push(() => accepted(...exchange));
  const orders = Array.from({ length: 10 }, () => place(app, orderWith('GROK_VIDEO3', { uploadId })));
  const withoutImages = place(app, orderWith('GROK_VIDEO3'));
  let most = 0;
  for (let answered = 0; answered < 11; answered++) {
    await expect.poll(() => waiting.length, background).toBeGreaterThan(0);
    // An order more than there may be would have come by now.
    await new Promise((resolve) => setTimeout(resolve, 100));
    most = Math.max(most, waiting.length);
    waiting.pop()?.();
  }
  await Promise.all([...orders, withoutImages]);
  expect(app.upstream.submits).toHaveLength(11);
  expect(most).toBe(4 + 1);
});
