import { expect, test } from 'vitest';
import type { Speaker } from '../support/app.ts';
import { as, createKeysFor } from '../support/callers.ts';
import { imagesByType, png } from '../support/images.ts';
import { codeOf } from '../support/limited-app.ts';
import { createStoringApp } from '../support/storing-app.ts';
import { askForUpload, createUpload, send, uploaded, uploadOf } from '../support/uploading.ts';

const hourMs = 60 * 60_000;

const image = png('a boat');

/** A JPEG whose frame of 640 × 480 pixels stands behind so many bytes of other segments. */
function jpegBehind(bytes: number): Buffer {
  const parts = [Buffer.from('\xff\xd8', 'latin1')];
  for (let left = bytes; left > 0; left -= 65_000) {
    const segment = Buffer.alloc(Math.min(left, 65_000) + 4);
    segment.writeUInt16BE(0xffe1, 0);
    segment.writeUInt16BE(segment.length - 2, 2);
    parts.push(segment);
  }
  parts.push(Buffer.from('\xff\xff\xc4\0\x03\0\xff\xc2\0\x11\x08\x01\xe0\x02\x80\x03', 'latin1'));
  return Buffer.concat(parts);
}

const webp = (chunk: string) => Buffer.from(`RIFF\0\0\0\0WEBP${chunk}`, 'latin1');

const sizes: [string, string, Buffer, [number, number] | null][] = [
  ['a PNG', 'PNG', image, [1, 1]],
  ['a JPEG', 'JPEG', jpegBehind(0), [640, 480]],
  ['a JPEG with half a megabyte of EXIF', 'JPEG', jpegBehind(500_000), [640, 480]],
  ['a JPEG without a frame', 'JPEG', imagesByType['image/jpeg'], null],
  ['a JPEG of empty segments', 'JPEG', Buffer.concat([jpegBehind(0).subarray(0, 2), Buffer.alloc(50_000, 0xff)]), null],
  ['a WebP with losses', 'WEBP', imagesByType['image/webp'], [1, 1]],
  ['a WebP without losses', 'WEBP', webp('VP8L\0\0\0\0\x2f\x7f\xc2\x77\0'), [640, 480]],
  ['an extended WebP', 'WEBP', webp('VP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0'), [640, 480]],
  ['a WebP that ends too early', 'WEBP', webp('VP8X'), null],
];

test.each(sizes)('the size in pixels of %s is read from its header', async (_, type, bytes, size) => {
  const app = await createStoringApp();
  const id = await uploaded(app, Buffer.from(bytes), type);
  const { widthPixels, heightPixels } = (await uploadOf(app, id)) ?? {};
  expect([widthPixels, heightPixels]).toEqual(size ?? [null, null]);
});

test('the size of an upload is a number of bytes from 1 to 20 MiB', async () => {
  const app = await createStoringApp();
  for (const sizeBytes of [0, -1, 20 * 1024 * 1024 + 1]) {
    const answer = await askForUpload(app, sizeBytes);
    expect(answer).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['input', 'sizeBytes'] }] } }],
    });
  }
  expect((await askForUpload(app, 20 * 1024 * 1024)).errors).toBeUndefined();
});

test('a client has so many uploads open, and so many bytes stored, however many it asks for at once', async () => {
  const app = await createStoringApp({ settings: { MAX_UPLOADS: '3', STORED_BYTES: '1000' } });
  const answers = await Promise.all(Array.from({ length: 10 }, () => askForUpload(app, 100)));
  const open = answers.filter(({ errors }) => errors === undefined);
  expect(open.length).toBeLessThanOrEqual(3);
  for (const { errors } of answers.filter((answer) => answer.errors))
    expect(errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_UPLOADS', max: 3 } }]);
  const tooMuch = await askForUpload(app, 1_001 - 100 * open.length);
  expect(tooMuch).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
  app.advance(2 * hourMs);
  await expect.poll(async () => codeOf(await askForUpload(app, 1_000)), { timeout: 20_000 }).toBeUndefined();
  expect(await askForUpload(app, 1)).toMatchObject({
    errors: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'STORED_BYTES', max: 1_000 } }],
  });
});

test('images count among the stored bytes of their client', async () => {
  const app = await createStoringApp();
  await uploaded(app, image);
  await createUpload(app, png('never sent'));
  const { data } = await app.query('{ videoClient { storedBytes } }');
  expect(data.videoClient.storedBytes).toBe(image.length);
});

test('an upload is seen by its client and the operator, and its link by those who may order', async () => {
  const app = await createStoringApp();
  const keys = await createKeysFor(app.databaseUrl, {
    owner: { client: 'one' },
    reader: { client: 'one', scopes: ['read'] },
    other: { client: 'other' },
    admin: { client: 'operator', scopes: ['admin'] },
  });
  const seenBy = (speaker: Speaker, id: string) => uploadOf(speaker, id);
  const { id } = await createUpload(as(app, keys.owner), image);
  expect(await seenBy(as(app, keys.owner), id)).toMatchObject({ id, url: expect.stringContaining(id) });
  expect(await seenBy(as(app, keys.reader), id)).toMatchObject({ id, url: null });
  expect(await seenBy(as(app, keys.admin), id)).toMatchObject({ id });
  expect(await seenBy(as(app, keys.other), id)).toBeNull();
  for (const wrong of ['', 'x', '019accd0-0000-7000-8000-000000000000'])
    expect(await seenBy(as(app, keys.owner), wrong)).toBeNull();
});

test('where nothing is stored, an upload is refused with the setting that it takes', async () => {
  const app = await createStoringApp({ settings: { STORAGE_URL: 'none' } });
  const answer = await askForUpload(app, 100);
  expect(answer).toMatchObject({ errors: [{ extensions: { code: 'NOT_CONFIGURED', retryable: false } }] });
  expect(answer.errors?.[0]?.message).toContain('STORAGE_URL');
});

test('where the store has no space, an upload is refused without naming folders, and can be tried again', async () => {
  const app = await createStoringApp({ settings: { STORAGE_MIN_FREE_BYTES: String(2 ** 52) } });
  const answer = await askForUpload(app, 100);
  expect(answer).toMatchObject({ errors: [{ extensions: { code: 'STORAGE_UNAVAILABLE', retryable: true } }] });
  expect(JSON.stringify(answer)).not.toContain(app.folder);
});

test('a link begins with PUBLIC_BASE_URL', async () => {
  const app = await createStoringApp({ settings: { PUBLIC_BASE_URL: 'https://videos.example.com/' } });
  const upload = await createUpload(app, image);
  expect(upload.url).toMatch(/^https:\/\/videos\.example\.com\/files\//);
  expect((await send(app, upload, image)).status).toBe(204);
});
