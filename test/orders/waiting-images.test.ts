import { existsSync, renameSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { as, createKeysFor } from '../support/callers.ts';
import { databaseProviders, freshDatabase, freshDirectory } from '../support/database.ts';
import { hourMs, minuteMs } from '../support/domain.ts';
import { dataUri, inlinePng, png } from '../support/images.ts';
import { readTask } from '../support/placing.ts';
import { resubmit } from '../support/resolving.ts';
import { createStoringApp, secret } from '../support/storing-app.ts';
import { ended, imagesIn, orderWith, referenceImagesOf, sentImages, uploaded } from '../support/uploading.ts';
import { reply, startUpstream } from '../support/upstream.ts';
import {
  background,
  busyFor,
  createWaitingApp,
  order,
  orderNamed,
  promptsSent,
  untilSent,
} from '../support/waiting-app.ts';

const inline = inlinePng('inline');
const withInline = { input: orderWith('GROK_VIDEO3', { dataUri: inline }) };

const storingIn = (folder: string) => ({
  STORAGE_URL: `file:${folder}`,
  STORAGE_MIN_FREE_BYTES: '0',
  SERVICE_SECRET: secret,
});

describe.each(databaseProviders)('on %s', (provider) => {
  test('a waiting order is sent later with the very same images, by another instance too', async () => {
    const folder = freshDirectory();
    const settings = storingIn(folder);
    const app = await createWaitingApp({ provider, settings });
    const { onSubmit } = app.upstream;
    const uploadId = await uploaded(app, png('a boat'));
    const link = 'https://images.example.com/1.png';
    const input = orderWith('GROK_VIDEO3', { dataUri: inline }, { uploadId }, { url: link }, { dataUri: inline });
    const images = [inline, dataUri('image/png', png('a boat')), link, inline];
    app.upstream.onSubmit = busyFor(60);
    const { task: refused } = await order(app, { input });
    const { task: later } = await order(app, { input });
    for (const { status } of [refused, later]) expect(status).toBe('WAITING');
    expect(sentImages(app)).toEqual([images]);
    await app.app.stop();

    app.upstream.onSubmit = onSubmit;
    app.advance(minuteMs);
    const { databaseUrl, upstream, clock } = app;
    const next = await createWaitingApp({ databaseUrl, upstream, clock, settings });
    await untilSent(next, 3);
    expect(sentImages(next)).toEqual([images, images, images]);
    for (const { id } of [refused, later]) {
      await expect.poll(async () => (await readTask(next, id)).status, background).toBe('QUEUED');
      expect(await referenceImagesOf(next, id)).toHaveLength(4);
    }
    // The inline image is kept once.
    expect(imagesIn(folder)).toHaveLength(2);
  });

  test('where nothing is stored, an order with inline images cannot wait, and says so', async () => {
    const app = await createWaitingApp({ provider });
    app.upstream.onSubmit = busyFor(60);
    for (const sent of [1, 1]) {
      const { task } = await order(app, withInline);
      expect(await readTask(app, task.id)).toMatchObject({
        status: 'FAILED',
        failure: {
          code: 'UPSTREAM_RATE_LIMITED',
          message: expect.stringMatching(/It could not wait, because its inline images are not kept/),
          mayBeBilled: false,
        },
      });
      expect(app.upstream.submits).toHaveLength(sent);
    }
    // Images that need not be kept do not keep an order from waiting.
    const linked = { input: orderWith('GROK_VIDEO3', { url: 'https://images.example.com/1.png' }) };
    expect((await order(app, linked)).task.status).toBe('WAITING');
  });
});

test('a waiting order whose images are lost ends, and those that come after it are sent', async () => {
  const folder = freshDirectory();
  // The order that is not sent does not count for the pace either.
  const app = await createWaitingApp({ settings: { ...storingIn(folder), UPSTREAM_SUBMITS_PER_MINUTE: '1' } });
  const { onSubmit } = app.upstream;
  app.upstream.onSubmit = busyFor(60);
  const { task } = await order(app, withInline);
  await order(app, orderNamed('later'));
  renameSync(`${folder}/images`, `${folder}/lost`);
  expect(existsSync(`${folder}/images`)).toBe(false);
  app.upstream.onSubmit = onSubmit;
  app.advance(minuteMs);
  await expect.poll(() => promptsSent(app).at(-1), background).toBe('later');
  expect(await readTask(app, task.id)).toMatchObject({
    status: 'FAILED',
    failure: { code: 'IMAGES_NOT_KEPT', mayBeBilled: false },
  });
  expect(app.upstream.submits).toHaveLength(2);
});

test('a waiting order that a changed setting keeps from being sent ends, and those that come after it are sent', async () => {
  const databaseUrl = await freshDatabase();
  const upstream = await startUpstream();
  const { onSubmit } = upstream;
  const stored = storingIn(freshDirectory());
  const reachable = { ...stored, PUBLIC_BASE_URL: 'https://videos.example.com' };
  const first = await createWaitingApp({ databaseUrl, upstream, settings: reachable });
  upstream.onSubmit = busyFor(60);
  await order(first, orderNamed('first'));
  const uploadId = await uploaded(first, png('a boat'));
  const { task } = await order(first, { input: orderWith('GROK_VIDEO3_MAX', { uploadId }) });
  expect(task.status).toBe('WAITING');
  await order(first, orderNamed('last'));
  await first.app.stop();
  upstream.onSubmit = onSubmit;
  first.advance(minuteMs);
  const next = await createWaitingApp({ databaseUrl, upstream, clock: first.clock, settings: stored });
  await expect.poll(() => promptsSent(next).at(-1), background).toBe('last');
  expect(await readTask(next, task.id)).toMatchObject({
    status: 'FAILED',
    failure: { code: 'IMAGES_NOT_KEPT', message: expect.stringContaining('PUBLIC_BASE_URL') },
  });
});

test("the operator's order with an upload of a client waits, and is sent", async () => {
  const app = await createStoringApp();
  const { onSubmit } = app.upstream;
  const keys = await createKeysFor(app.databaseUrl, {
    one: { client: 'one' },
    admin: { client: 'operator', scopes: ['admin'] },
  });
  const one = { ...as(app, keys.one), url: app.url };
  const uploadId = await uploaded(one, png('a boat'));
  app.upstream.onSubmit = busyFor(60);
  const { task } = await order(as(app, keys.admin), { input: orderWith('GROK_VIDEO3', { uploadId }) });
  expect(task.status).toBe('WAITING');
  app.upstream.onSubmit = onSubmit;
  app.advance(minuteMs);
  await ended(as(app, keys.admin), task.id);
  expect(sentImages(app)).toEqual(Array(2).fill([dataUri('image/png', png('a boat'))]));
});

test('images of an order that is refused because too many wait are not kept', async () => {
  const folder = freshDirectory();
  const app = await createWaitingApp({ settings: { ...storingIn(folder), MAX_WAITING: '1' } });
  app.upstream.onSubmit = reply(402);
  await order(app);
  const { errors } = await app.query(
    'mutation ($input: SubmitVideoInput!) { submitVideo(input: $input) { task { id } } }',
    withInline,
  );
  expect(errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_WAITING' } }]);
  expect(existsSync(`${folder}/images`) ? imagesIn(folder) : []).toEqual([]);
});

test('a task that was ordered again and waits uses the images of the first', async () => {
  const app = await createStoringApp();
  const { onSubmit } = app.upstream;
  const { task } = await order(app, withInline);
  await ended(app, task.id);
  app.upstream.onSubmit = busyFor(60);
  const again = async () =>
    (
      await app.query(
        'mutation ($id: ID!) { resubmitVideo(id: $id, idempotencyKey: "again") { task { id status } } }',
        { id: task.id },
      )
    ).data.resubmitVideo;
  // The image is kept in the background; until then the task cannot be resubmitted.
  await expect.poll(again, background).toMatchObject({ task: { status: 'WAITING' } });
  const { id } = (await again()).task;
  app.upstream.onSubmit = onSubmit;
  app.advance(hourMs);
  await ended(app, id);
  expect(sentImages(app)).toEqual([[inline], [inline], [inline]]);
  expect((await resubmit(app, task.id, 'again')).data.resubmitVideo).toMatchObject({ replayed: true });
});
