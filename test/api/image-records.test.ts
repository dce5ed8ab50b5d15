import { expect, test } from 'vitest';
import { createTestApp } from '../support/app.ts';
import { orderWithImages } from '../support/image-orders.ts';
import { inlinePng } from '../support/images.ts';
import { createLimitedApp, usageOf } from '../support/limited-app.ts';
import { imagesOf, orderOf } from '../support/orders.ts';
import { countTasks } from '../support/placing.ts';

const maxBytes = 64 * 1_024;

const urlOf = (length: number, letter = 'x') => {
  const start = 'https://images.example.com/';
  return start + letter.repeat(length - start.length);
};

/** Twenty URLs of which a row keeps so many bytes of JSON. */
function urlsTaking(bytes: number): string[] {
  const around = JSON.stringify([{ kind: 'URL', url: '' }]).length - '[]'.length + ','.length;
  const length = Math.floor((bytes - 1) / 20) - around;
  const urls = Array.from({ length: 20 }, () => urlOf(length));
  const rest = bytes - JSON.stringify(urls.map((url) => ({ kind: 'URL', url }))).length;
  return [urlOf(length + rest), ...urls.slice(1)];
}

const tooLarge = {
  data: { submitVideo: null },
  errors: [
    { extensions: { code: 'LIMIT_EXCEEDED', retryable: false, limit: 'MAX_IMAGE_RECORD_BYTES', max: maxBytes } },
  ],
};

test('what a row keeps of its images is 64 KiB at most: beyond it nothing is counted, kept or sent', async () => {
  const app = await createLimitedApp({ CALLS_PER_DAY: '10' });
  expect(await orderWithImages(app, 'GROK_VIDEO3_PRO', urlsTaking(maxBytes + 1))).toMatchObject(tooLarge);
  expect(await orderWithImages(app, 'GROK_VIDEO3_PRO', Array(20).fill(urlOf(8_000)))).toMatchObject(tooLarge);
  // Each of the letters is kept as six characters.
  const encoded = Array(20).fill(`https://images.example.com/${'é'.repeat(1_200)}`);
  expect(await orderWithImages(app, 'GROK_VIDEO3_PRO', encoded)).toMatchObject(tooLarge);
  expect(await usageOf(app)).toEqual({ submits: 0, seconds: 0, calls: 0 });
  expect(await countTasks(app)).toBe(0);
  expect(app.upstream.submits).toEqual([]);

  const fitting = urlsTaking(maxBytes);
  expect((await orderWithImages(app, 'GROK_VIDEO3_PRO', fitting)).errors).toBeUndefined();
  expect(app.upstream.submits).toMatchObject([{ image_urls: fitting }]);
  expect(await usageOf(app)).toEqual({ submits: 1, seconds: 0, calls: 1 });
});

test('an image of megabytes that is sent inline takes as little room as any other', async () => {
  const app = await createTestApp();
  const image = inlinePng('x'.repeat(5_000_000));
  expect((await orderWithImages(app, 'GROK_VIDEO3_PRO', [image, urlOf(8_000)])).errors).toBeUndefined();
  expect(app.upstream.submits).toMatchObject([{ image_urls: [image, urlOf(8_000)] }]);
});

test('in a batch such an order is the one that is not placed', async () => {
  const app = await createTestApp();
  const orders = [urlsTaking(maxBytes + 1), []].map((urls) => ({
    input: orderOf('GROK_VIDEO3_PRO', { images: imagesOf(urls) }),
  }));
  const document =
    'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { task { status } } ... on SubmitVideoError { code } } } }';
  const { data } = await app.query(document, { orders });
  expect(data.submitVideos.outcomes).toEqual([{ code: 'LIMIT_EXCEEDED' }, { task: { status: 'QUEUED' } }]);
  expect(app.upstream.submits).toHaveLength(1);
});
