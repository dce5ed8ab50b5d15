import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { databaseProviders } from '../support/database.ts';
import { bodyOf } from '../support/file-stores.ts';
import { imagesByType, png } from '../support/images.ts';
import { createStoringApp } from '../support/storing-app.ts';
import { background, createUpload, imagesIn, incomingIn, send, uploaded, uploadOf } from '../support/uploading.ts';
import { sha256Of } from '../support/video-host.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

describe.each(databaseProviders)('over %s', (provider) => {
  test('an image is sent to its upload once, and is ready then, with its facts', async () => {
    const app = await createStoringApp({ provider });
    const image = png('a boat');
    const upload = await createUpload(app, image);
    expect(upload).toMatchObject({
      state: 'WAITING',
      url: expect.stringMatching(new RegExp(`^${new URL(app.url).origin}/files/.*${upload.id}`)),
      method: 'PUT',
      headers: [{ name: 'Content-Type', value: 'image/png' }],
      contentType: 'image/png',
      sizeBytes: image.length,
      sha256: null,
      widthPixels: null,
      deleteAt: null,
    });
    const validMs = Date.parse(upload.expiresAt) - Date.now();
    expect(validMs).toBeGreaterThan(59 * minuteMs);
    expect(validMs).toBeLessThan(61 * minuteMs);

    expect((await send(app, upload, image)).status).toBe(204);
    const facts = { sizeBytes: image.length, sha256: sha256Of(image), widthPixels: 1, heightPixels: 1 };
    const ready = await uploadOf(app, upload.id);
    expect(ready).toMatchObject({ state: 'READY', url: null, ...facts });
    expect(await uploadOf(app, upload.id.toUpperCase())).toEqual(ready);
    const keptMs = Date.parse(ready?.deleteAt ?? '') - Date.now();
    expect(keptMs).toBeGreaterThan(23.9 * hourMs);
    expect(keptMs).toBeLessThan(24 * hourMs);
    expect(imagesIn(app.folder)).toHaveLength(1);

    const again = await send(app, upload, image);
    expect([again.status, (await again.json()).errors[0].extensions]).toEqual([
      409,
      { code: 'UPLOAD_STATE_CONFLICT', retryable: false },
    ]);
    expect(imagesIn(app.folder)).toHaveLength(1);
  });

  test('of images that are sent to one upload at once, one is taken', async () => {
    const app = await createStoringApp({ provider });
    const other = await createStoringApp({ databaseUrl: app.databaseUrl, folder: app.folder, host: app.host });
    const image = png('x'.repeat(100_000));
    const upload = await createUpload(app, image);
    const services = [app, other, app, other, app, other];
    const answers = await Promise.all(services.map((service) => send(service, upload, image)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(5);
    expect(imagesIn(app.folder)).toHaveLength(1);
  });

  test('an image is deleted a day after it was uploaded, and later its row', async () => {
    const app = await createStoringApp({ provider });
    const id = await uploaded(app, png('a boat'));
    const never = await createUpload(app, png('never sent'));
    const state = async (upload: string) => (await uploadOf(app, upload))?.state;
    app.advance(23 * hourMs);
    expect([await state(id), await state(never.id)]).toEqual(['READY', 'EXPIRED']);
    app.advance(2 * hourMs);
    await expect.poll(() => state(id), background).toBe('DELETED');
    await expect.poll(() => imagesIn(app.folder), background).toEqual([]);
    expect(await state(never.id)).toBe('EXPIRED');
    const aMonthLater = async () => {
      app.advance(31 * 24 * hourMs);
      return [await state(id), await state(never.id)];
    };
    await expect.poll(aMonthLater, background).toEqual([undefined, undefined]);
  });
});

const image = png('a boat');
const page = Buffer.from('<html>Sorry</html>'.padEnd(image.length));
const script = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'.padEnd(image.length));
const longer = Buffer.concat([image, Buffer.alloc(1)]);

const refused: [string, number, RegExp, () => Parameters<typeof send>[2], Record<string, string>?][] = [
  ['of another type', 415, /not those of that format/, () => page],
  ['that is an SVG', 415, /not those of that format/, () => script],
  ['that is a GIF', 415, /GIF/, () => Buffer.concat([imagesByType['image/gif'], page]).subarray(0, image.length)],
  ['shorter than announced', 400, /bytes/, () => image.subarray(1)],
  ['shorter than announced, in parts', 400, /bytes/, () => bodyOf(image.subarray(1))],
  ['longer than announced', 413, /bytes/, () => longer],
  ['longer than announced, in parts', 413, /bytes/, () => bodyOf(image, image)],
  ['without bytes', 400, /bytes/, () => Buffer.alloc(0)],
  ['compressed', 415, /Content-Encoding/, () => image, { 'Content-Encoding': 'gzip' }],
];

test.each(refused)(
  'an image %s is refused with %i, and the upload waits on',
  async (_, status, message, body, more) => {
    const app = await createStoringApp();
    const upload = await createUpload(app, image);
    const headers = [...upload.headers, ...Object.entries(more ?? {}).map(([name, value]) => ({ name, value }))];
    const response = await send(app, { ...upload, headers }, body());
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
    });
    const [error] = (await response.json()).errors;
    expect(error).toEqual({
      message: expect.stringMatching(message),
      extensions: { code: 'BAD_REQUEST', retryable: false },
    });
    expect([...imagesIn(app.folder), ...incomingIn(app.folder)]).toEqual([]);
    expect((await uploadOf(app, upload.id))?.state).toBe('WAITING');
    expect((await send(app, upload, image)).status).toBe(204);
  },
);

test('a client that sends megabytes before it looks for an answer learns why they were refused', async () => {
  const app = await createStoringApp();
  const upload = await createUpload(app, image);
  const large = png('x'.repeat(8_000_000));
  const tampered = { ...upload, url: (upload.url ?? '').replace(upload.id, '019accd0-0000-7000-8000-000000000000') };
  for (const [where, body, status] of [
    [upload, large, 413],
    [upload, bodyOf(large), 413],
    [tampered, large, 403],
  ] as const) {
    const response = await send(app, where, body);
    expect([response.status, (await response.json()).errors.length]).toEqual([status, 1]);
  }
});

test('an image that breaks off leaves nothing, and can be sent again', async () => {
  const app = await createStoringApp();
  const large = png('x'.repeat(300_000));
  const upload = await createUpload(app, large);
  const { hostname, port, pathname } = new URL(upload.url ?? '');
  const headers = { 'content-length': large.length };
  const sending = request({ hostname, port, path: pathname, method: 'PUT', headers });
  const broken = new Promise((resolve) => sending.on('error', resolve));
  sending.write(large.subarray(0, 200_000));
  await expect.poll(() => incomingIn(app.folder), background).toHaveLength(1);
  expect((await send(app, upload, large)).status).toBe(409);
  sending.destroy();
  await broken;
  await expect.poll(() => incomingIn(app.folder), background).toEqual([]);
  await expect.poll(async () => (await send(app, upload, large)).status, background).toBe(204);
});

test('a client that waits for 100 Continue is told to go on', async () => {
  const app = await createStoringApp();
  const upload = await createUpload(app, image);
  const { hostname, port, pathname } = new URL(upload.url ?? '');
  const headers = { 'content-length': image.length, expect: '100-continue' };
  const sending = request({ hostname, port, path: pathname, method: 'PUT', headers });
  sending.flushHeaders();
  await new Promise((resolve) => sending.on('continue', resolve));
  const status = new Promise((resolve) => sending.on('response', ({ statusCode }) => resolve(statusCode)));
  sending.end(image);
  expect(await status).toBe(204);
});

test('a link that was changed or has ended takes nothing, and no link does the work of another', async () => {
  const app = await createStoringApp();
  const upload = await createUpload(app, image);
  const other = await createUpload(app, image);
  const url = upload.url ?? '';
  const [, expires = '', signature = ''] = /files\/(\d+)\/([^/]+)\//.exec(url) ?? [];
  const changed = {
    expiry: url.replace(expires, String(Number(expires) + 60)),
    signature: url.replace(signature, (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)),
    upload: url.replace(upload.id, other.id),
    'upload that is not there': url.replace(upload.id, '019accd0-0000-7000-8000-000000000000'),
    query: `${url}?x=1`,
  };
  for (const [part, link] of Object.entries(changed)) {
    const response = await send(app, { ...upload, url: link }, image);
    expect([part, response.status, (await response.json()).errors[0].extensions.code]).toEqual([
      part,
      403,
      'FORBIDDEN',
    ]);
  }
  expect((await fetch(url)).status).toBe(405);
  for (const name of [`images/${upload.id}.png`, `videos/${upload.id}.mp4`])
    expect((await fetch(url.replace(/uploads\/.*/, name))).status).toBe(403);
  const id = await app.order();
  const video = (await app.until(id, 'STORED')).url ?? '';
  expect((await send(app, { ...upload, url: video }, image)).status).toBe(405);
  expect(
    (await send(app, { ...upload, url: video.replace(/videos\/.*/, `uploads/${upload.id}.put`) }, image)).status,
  ).toBe(403);

  app.advance(61 * minuteMs);
  expect((await send(app, upload, image)).status).toBe(403);
  expect(await uploadOf(app, upload.id)).toMatchObject({ state: 'EXPIRED', url: null });
  expect(imagesIn(app.folder)).toEqual([]);
});

test('pages of other origins may send an image', async () => {
  const app = await createStoringApp();
  const { url } = await createUpload(app, image);
  const asked = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' };
  const preflight = await fetch(url ?? '', { method: 'OPTIONS', headers: asked });
  expect(preflight.status).toBe(204);
  expect(Object.fromEntries(preflight.headers)).toMatchObject({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'PUT',
    'access-control-allow-headers': 'Content-Type',
  });
});
