import { describe, expect, test } from 'vitest';
import { as, createKeysFor } from '../support/callers.ts';
import { databaseProviders } from '../support/database.ts';
import { dataUri, inlinePng, png } from '../support/images.ts';
import { placed } from '../support/placing.ts';
import { resubmit, stateConflict } from '../support/resolving.ts';
import { createStoringApp } from '../support/storing-app.ts';
import {
  background,
  ended,
  imagesIn,
  orderWith,
  referenceImagesOf,
  sentImages,
  uploaded,
} from '../support/uploading.ts';

const hourMs = 60 * 60_000;

const link = 'https://images.example.com/1.png';
const inline = inlinePng('inline');

describe.each(databaseProviders)('over %s', (provider) => {
  test('inline images of an order are kept once, so that it can be ordered again, until they are deleted', async () => {
    const app = await createStoringApp({ provider });
    const input = orderWith('GROK_VIDEO3', { dataUri: inline }, { url: link }, { dataUri: inline });
    const { task } = await placed(app, input);
    await ended(app, task.id);
    // The image is kept in the background; until then the task cannot be resubmitted.
    await expect.poll(async () => (await resubmit(app, task.id, 'again-1')).errors, background).toBeUndefined();
    const { data: ordered } = await resubmit(app, task.id, 'again-1');
    const again = ordered.resubmitVideo;
    expect(again).toMatchObject({ replayed: true, task: { resubmissionOf: { id: task.id } } });
    expect(sentImages(app)).toEqual([
      [inline, link, inline],
      [inline, link, inline],
    ]);
    expect(await referenceImagesOf(app, again.task.id)).toEqual(await referenceImagesOf(app, task.id));

    await placed(app, orderWith('GROK_VIDEO3_PRO', { dataUri: inline }));
    expect(imagesIn(app.folder)).toHaveLength(1);
    const imagesLater = () => {
      app.advance(74 * hourMs);
      return imagesIn(app.folder);
    };
    await expect.poll(imagesLater, background).toEqual([]);
    expect((await resubmit(app, task.id, 'again-1')).data.resubmitVideo).toMatchObject({ replayed: true });
    const refused = await resubmit(app, task.id, 'again-2');
    expect(refused).toMatchObject(stateConflict);
    expect(refused.errors?.[0]?.message).toMatch(/not kept.*submitVideo/);
    expect(app.upstream.submits).toHaveLength(3);
  });
});

test('inline images beyond the stored bytes of a client are not kept, and the order is placed all the same', async () => {
  const app = await createStoringApp({ settings: { STORED_BYTES: '10' } });
  const { task } = await placed(app, orderWith('GROK_VIDEO3', { dataUri: inline }));
  await ended(app, task.id);
  expect(await resubmit(app, task.id)).toMatchObject(stateConflict);
  expect(imagesIn(app.folder)).toEqual([]);
});

test("the operator orders a client's order with images again", async () => {
  const app = await createStoringApp();
  const keys = await createKeysFor(app.databaseUrl, {
    one: { client: 'one' },
    admin: { client: 'operator', scopes: ['admin'] },
  });
  const one = { ...as(app, keys.one), url: app.url };
  const uploadId = await uploaded(one, png('a boat'));
  const { task } = await placed(one, orderWith('GROK_VIDEO3', { uploadId }, { dataUri: inline }));
  await ended({ ...app, ...one }, task.id);
  const again = async () => (await resubmit(as(app, keys.admin), task.id)).errors;
  await expect.poll(again, background).toBeUndefined();
  expect(sentImages(app)[1]).toEqual([dataUri('image/png', png('a boat')), inline]);
});
