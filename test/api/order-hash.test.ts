import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createTestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase, freshDirectory } from '../support/database.ts';
import { dataUri, imagesByType } from '../support/images.ts';
import { place, placed, taskIn } from '../support/placing.ts';
import { resubmit } from '../support/resolving.ts';
import { rewriteRow, rowOf, writeImageRow } from '../support/rows.ts';
import { createTrackedApp } from '../support/tracked-app.ts';

const gif = dataUri('image/gif', imagesByType['image/gif']);
const link = 'https://images.example.com/1.png';

/** Orders with the hash that stands in databases for them, by the rule in force and by the one before. */
const literal: Record<string, { input: object; now: string; before: string }> = {
  'the simplest order': {
    input: { grokVideo3: { prompt: 'A paper boat' } },
    now: '2:c120d7d4952bf94c517c066adbf69a89b0fca242fb858f5ef2be09413f4f1e07',
    before: '839853604933e0cd08ee99fa332e78f6be6e6bcded16106599b8a5b23f5501e2',
  },
  'every option of grok_video3': {
    input: {
      grokVideo3: {
        prompt: ' Ein Schiffchen 🚣 ',
        duration: 'SECONDS_7',
        aspectRatio: 'RATIO_2_3',
        resolution: 'RESOLUTION_480P',
        images: [{ url: link }, { dataUri: gif }],
      },
    },
    now: '2:c0d6fda39425afc31c50e6ef2129837a4c4bd3f7f731bddc74332c0b4cf6bad0',
    before: 'ed4213b7dcf47daf51d09f8948126aab404f9c64137b474d9bddae6ebbe6e64f',
  },
  'an image in another spelling': {
    input: { grokVideo3: { prompt: 'A paper boat', images: [{ url: 'HTTPS://IMAGES.EXAMPLE.COM:443/ü.png#top' }] } },
    now: '2:055370d9b9b9916e6328339c7ec76fb3fee099b39fcf180a7da1a44c4eb73604',
    before: '4c58e49c90e04c693f18cdef511b29389175e880b58c58e3089626914331fb00',
  },
  'an inline image in another spelling': {
    input: {
      grokVideo3Pro: { prompt: 'A paper boat', images: [{ dataUri: gif.replace('data:image/gif', 'data:image/GIF') }] },
    },
    now: '2:eb7069fbec769ba8656117c8c165346ebb50f04c0b5c986e70bd43721d8ec924',
    before: '7b24863af75264f54b7cc7d2d89a9f533a5b0259ab59e20b97d4704e63305a53',
  },
  grok_video3_pro: {
    input: { grokVideo3Pro: { prompt: 'A paper boat' } },
    now: '2:cb7c2eb39d26f0a4c7504c9ab9362f98aa18b4f68507583b9ef9416d84b1ad55',
    before: '91dc928122d515403dee9f4df191b0873fb2f8ac3127c639ac56f007ace5cbe7',
  },
  grok_video3_max: {
    input: { grokVideo3Max: { prompt: 'A paper boat', duration: 'SECONDS_20', images: [{ url: link }] } },
    now: '2:2f9cd77289b3529a646fc8b8f6705666fe25fa378d4a18892dbc9d0f660425b1',
    before: '7b574688477e267e20dd4acfa2d47f3c67fdc40b4afc76ca2d7246d747e901ee',
  },
  grok_video3_stable: {
    input: { grokVideo3Stable: { prompt: 'A paper boat', aspectRatio: 'RATIO_3_2' } },
    now: '2:616ca3d97fb96512be56fae316b76376b1d0862a04598be75820d82da38e60e3',
    before: 'd6758eeaf038632c843261a58b9cbed93de43bdf1b253243d2b9eb96c3abacc1',
  },
};

const keyOf = (what: string) => what.replaceAll(' ', '-');
const mismatch = { errors: [{ extensions: { code: 'IDEMPOTENCY_KEY_MISMATCH' } }] };

describe.each(databaseProviders)('on %s', (provider) => {
  test('each order has the hash that it has always had, and one with the hash before is still the same', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    for (const [what, { input, now, before }] of Object.entries(literal)) {
      const first = await placed(app, input, keyOf(what));
      expect.soft((await rowOf(app.databaseUrl, first.task.id)).orderHash, what).toBe(now);
      await rewriteRow(app.databaseUrl, first.task.id, { orderHash: before });
      expect
        .soft(await place(app, input, keyOf(what)), what)
        .toMatchObject({ data: { submitVideo: { replayed: true } } });
      const [model, fields] = Object.entries(input)[0]!;
      const other = { [model]: { ...fields, prompt: 'A tin boat' } };
      expect.soft(await place(app, other, keyOf(what)), what).toMatchObject(mismatch);
    }
    expect(app.upstream.submits).toHaveLength(Object.keys(literal).length);
  });
});

const uploadId = '019accd0-0000-7000-8000-000000000000';

/** Orders with uploaded images, and the hashes that stand in databases for them. */
const withUploads: Record<string, { images: object[]; hash: string }> = {
  'an uploaded image': {
    images: [{ uploadId }],
    hash: '2:3cf2d1691863bcab44c4d2147013732715b40f9f5e07356999555d7bd21ab5ae',
  },
  'an uploaded image in upper case': {
    images: [{ uploadId: uploadId.toUpperCase() }],
    hash: '2:3cf2d1691863bcab44c4d2147013732715b40f9f5e07356999555d7bd21ab5ae',
  },
  'an uploaded image behind a URL': {
    images: [{ url: link }, { uploadId }],
    hash: '2:670f54ed5a5e5401e3847a588826742e3792106ec6096c1f654dce44d639e229',
  },
};

test('the hash of an order with an uploaded image covers the id of the upload, and nothing of the image', async () => {
  const settings = {
    STORAGE_URL: `file:${freshDirectory()}`,
    PUBLIC_BASE_URL: 'https://videos.example.com',
  };
  const app = await createTestApp({ settings });
  for (const sha256 of ['1'.repeat(64), '2'.repeat(64)]) {
    await writeImageRow(app.databaseUrl, { id: uploadId, sha256 });
    for (const [what, { images, hash }] of Object.entries(withUploads)) {
      const { task } = await placed(
        app,
        { grokVideo3Max: { prompt: 'A paper boat', images } },
        `${sha256[0]}-${keyOf(what)}`,
      );
      expect.soft((await rowOf(app.databaseUrl, task.id)).orderHash, what).toBe(hash);
    }
  }
});

test('a resubmission is told by the id alone, and one from before by what it had ordered as well', async () => {
  const app = await createTrackedApp();
  const input = { grokVideo3Max: { prompt: 'A paper boat', images: [{ url: link }] } };
  const old = await taskIn('FAILED', app, input);
  const first = (await resubmit(app, old, 'again-1')).data.resubmitVideo;
  // The order of the repeated task may have another hash in another version, so it does not count.
  await rewriteRow(app.databaseUrl, old, { prompt: 'A tin boat' });
  expect((await resubmit(app, old, 'again-1')).data.resubmitVideo).toEqual({ ...first, replayed: true });
  expect((await rowOf(app.databaseUrl, first.task.id)).orderHash).toMatch(/^2:[0-9a-f]{64}$/);
  expect(await place(app, input, 'again-1')).toMatchObject(mismatch);
  const facts = ['GROK_VIDEO3_MAX', 'A tin boat', 10, '16:9', '720p', [link], old];
  const before = createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  await rewriteRow(app.databaseUrl, first.task.id, { orderHash: before });
  expect((await resubmit(app, old, 'again-1')).data.resubmitVideo).toEqual({ ...first, replayed: true });
  expect(app.upstream.submits).toHaveLength(2);
});

test('what is resubmitted of an older version is sent in its normal form, and what is not taken any more is not', async () => {
  const app = await createTrackedApp();
  const input = { grokVideo3Max: { prompt: 'A paper boat', images: [{ url: link }] } };
  const old = await taskIn('FAILED', app, input);
  const withImage = (url: string) =>
    rewriteRow(app.databaseUrl, old, { referenceImages: JSON.stringify([{ kind: 'URL', url }]) });
  await withImage('https://printer.lan/1.png');
  const refused = await resubmit(app, old, 'again-1');
  expect(refused).toMatchObject({ errors: [{ extensions: { code: 'TASK_STATE_CONFLICT' } }] });
  expect(refused.errors?.[0]?.message).not.toContain('printer');
  await withImage('HTTPS://images.example.com/ü.png#top');
  expect((await resubmit(app, old, 'again-1')).data.resubmitVideo.replayed).toBe(false);
  const normal = 'https://images.example.com/%C3%BC.png';
  expect(app.upstream.submits.map((body) => body['image_urls'])).toEqual([[link], [normal]]);
});

test('what an older version took with more images than its model takes now is not resubmitted', async () => {
  const app = await createTrackedApp();
  const input = { grokVideo3Max: { prompt: 'A paper boat', images: [{ url: link }] } };
  const old = await taskIn('FAILED', app, input);
  const images = Array.from({ length: 6 }, () => ({ kind: 'URL', url: link }));
  await rewriteRow(app.databaseUrl, old, { referenceImages: JSON.stringify(images) });
  const refused = await resubmit(app, old, 'again-1');
  expect(refused).toMatchObject({ errors: [{ extensions: { code: 'TASK_STATE_CONFLICT' } }] });
  expect(app.upstream.submits).toHaveLength(1);
});
