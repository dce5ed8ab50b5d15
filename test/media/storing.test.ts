import { readdirSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { describe, expect, test } from 'vitest';
import { anOrder, createTestApp, submitDocument } from '../support/app.ts';
import { databaseProviders, freshDatabase, freshDirectory } from '../support/database.ts';
import { createStoringApp, secret, videoDocument } from '../support/storing-app.ts';
import { status } from '../support/upstream.ts';
import { brokenOff, mp4Of, sha256Of, startVideoHost, wholeVideo } from '../support/video-host.ts';

const secondMs = 1_000;
const hourMs = 60 * 60 * secondMs;

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('/videos/'))
    .map(({ name }) => name);

const historyDocument = `query ($id: ID!) { videoTask(id: $id) { status history { edges { node { from to cause storageState } } } } }`;

describe.each(databaseProviders)('over %s', (provider) => {
  test('the video of a completed task is stored, and its link leads to the same bytes', async () => {
    const app = await createStoringApp({ provider });
    const id = await app.order();
    const { url, state, expiresAt, storage } = await app.until(id, 'STORED');
    expect(storage).toMatchObject({
      sizeBytes: app.video.length,
      sha256: sha256Of(app.video),
      contentType: 'video/mp4',
    });
    expect({ state, message: storage.message, deleteAt: storage.deleteAt }).toEqual({
      state: 'AVAILABLE',
      message: null,
      deleteAt: null,
    });
    expect(url).toMatch(new RegExp(`^${new URL(app.url).origin}/files/.*${id}\\.mp4$`));
    const aheadMs = Date.parse(expiresAt) - Date.now();
    expect(aheadMs).toBeGreaterThan(23.9 * hourMs);
    expect(aheadMs).toBeLessThan(25.1 * hourMs);
    const served = await fetch(url ?? '');
    expect(sha256Of(new Uint8Array(await served.arrayBuffer()))).toBe(sha256Of(app.video));
    expect(filesIn(app.folder)).toHaveLength(1);
    expect(app.upstream.submits).toHaveLength(1);
  });

  test('the end of storing is an entry of the history, and the status stays', async () => {
    const app = await createStoringApp({ provider });
    const id = await app.order();
    await app.until(id, 'STORED');
    const entries = async () => {
      const { data } = await app.query(historyDocument, { id });
      return data.videoTask.history.edges.map(({ node }: { node: object }) => node);
    };
    await expect.poll(entries, { timeout: 10_000 }).toContainEqual({
      from: 'COMPLETED',
      to: 'COMPLETED',
      cause: 'STORE',
      storageState: 'STORED',
    });
    expect((await entries()).filter(({ cause }: { cause: string }) => cause === 'STORE')).toHaveLength(1);
  });

  test('a task that was completed before files were stored is stored while its link lives', async () => {
    const databaseUrl = await freshDatabase(provider);
    const host = await startVideoHost(mp4Of(5_000));
    const before = await createTestApp({ databaseUrl, started: true, settings: { STORAGE_URL: 'none' } });
    before.upstream.onCheck = status('completed', { video_url: host.link });
    const { data } = await before.query(submitDocument, { input: anOrder });
    const { id } = data.submitVideo.task;
    const video = async () => (await before.query(videoDocument, { id })).data.videoTask.video;
    await expect.poll(video, { timeout: 10_000 }).toMatchObject({ url: host.link, state: 'AVAILABLE', storage: null });

    const after = await createStoringApp({ databaseUrl, host, provider });
    await after.until(id, 'STORED');
  });
});

/** What a host may do instead of sending the video, and what the owner of the task reads about it. */
const faults: Record<string, { answer: (video: Buffer) => RequestListener; message: RegExp }> = {
  'the connection breaks in the middle': { answer: (video) => brokenOff(video, 50_000), message: /broke|ended|reset/ },
  'a page is sent instead': {
    answer: () => (_, response) =>
      void response.writeHead(200, { 'content-type': 'video/mp4' }).end('<html>Sorry</html>'),
    message: /not an MP4/,
  },
  'the link is refused': { answer: () => (_, response) => void response.writeHead(403).end(), message: /HTTP 403/ },
  'the host fails': { answer: () => (_, response) => void response.writeHead(500).end(), message: /HTTP 500/ },
  'nothing is sent': {
    answer: () => (_, response) => void response.writeHead(200, { 'content-length': 0 }).end(),
    message: /not an MP4/,
  },
  'the end cannot be told': {
    answer: (video) => (_, response) => {
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { connection: 'close' }).end(video);
    },
    message: /does not say where the file ends/,
  },
  'it leads to a private address': {
    answer: () => (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1080/x' }).end(),
    message: /public host/,
  },
};

test.each(Object.entries(faults))('%s: nothing is stored, and a later attempt stores it', async (_, fault) => {
  const app = await createStoringApp();
  app.host.onRequest = fault.answer(app.video);
  const id = await app.order();
  await app.untilMessage(id, fault.message);
  expect((await app.videoOf(id)).storage.message).not.toContain('signature');
  expect(await app.videoOf(id)).toMatchObject({ url: app.host.link, state: 'AVAILABLE' });
  expect(filesIn(app.folder)).toEqual([]);

  app.host.onRequest = wholeVideo(app.video);
  app.advance(31 * secondMs);
  expect((await app.until(id, 'STORED')).storage.sha256).toBe(sha256Of(app.video));
  expect(app.upstream.submits).toHaveLength(1);
});

test('a download that breaks off goes on from where it was, of the same version of the file', async () => {
  const app = await createStoringApp();
  let first = true;
  app.host.onRequest = (request, response) => {
    const broken = brokenOff(app.video, 50_000, { 'accept-ranges': 'bytes', etag: '"v1"' });
    (first ? broken : wholeVideo(app.video))(request, response);
    first = false;
  };
  const id = await app.order();
  expect((await app.until(id, 'STORED')).storage.sha256).toBe(sha256Of(app.video));
  expect(app.host.requests.map(({ range }) => range)).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/)]);
});

test('a download does not go on with another version of the file', async () => {
  const app = await createStoringApp();
  const other = mp4Of(app.video.length);
  app.host.onRequest = ({ headers }, response) => {
    const known = { 'accept-ranges': 'bytes', etag: headers.range ? '"v2"' : '"v1"' };
    if (headers.range) return void response.writeHead(200, known).end(other);
    brokenOff(app.video, 50_000, known)(undefined as never, response as never);
  };
  const id = await app.order();
  await app.untilMessage(id, /broke off after \d+ bytes/);
  expect(filesIn(app.folder)).toEqual([]);
});

test('storing that fails until the link has expired ends with the reason, and the task stays completed', async () => {
  const app = await createStoringApp();
  app.host.onRequest = (_, response) => void response.writeHead(403).end();
  const id = await app.order();
  await app.untilMessage(id, /HTTP 403/);
  app.advance(25 * hourMs);
  expect(await app.until(id, 'FAILED')).toMatchObject({
    url: null,
    state: 'EXPIRED',
    storage: { message: expect.stringMatching(/HTTP 403/) },
  });
  const { data } = await app.query(historyDocument, { id });
  expect(data.videoTask.status).toBe('COMPLETED');
  expect(app.upstream.submits).toHaveLength(1);
});

test('a video larger than the limit is not stored, whether its size is announced or not', async () => {
  const app = await createStoringApp({ settings: { MAX_VIDEO_BYTES: '100000' } });
  const announced = await app.order();
  await app.untilMessage(announced, /larger than 100000/);
  app.host.onRequest = (_, response) => void response.writeHead(200, { 'content-type': 'video/mp4' }).end(app.video);
  const chunked = await app.order();
  await app.untilMessage(chunked, /larger than 100000/);
  expect(filesIn(app.folder)).toEqual([]);
});

test('a client whose files have reached their limit gets no more, until some are deleted', async () => {
  const app = await createStoringApp({ settings: { STORED_BYTES: '200000' } });
  const first = await app.order();
  await app.until(first, 'STORED');
  const second = await app.order();
  await app.untilMessage(second, /limit of 200000 bytes/);
  expect((await app.query('{ videoClient { storedBytes } }')).data.videoClient.storedBytes).toBe(app.video.length);
  const { errors } = await app.query('mutation ($id: ID!) { deleteVideoFile(taskId: $id) { task { id } } }', {
    id: first,
  });
  expect(errors).toBeUndefined();
  app.advance(31 * secondMs);
  await app.until(second, 'STORED');
});

test('a video is deleted when its time to be kept is over', async () => {
  const app = await createStoringApp({ settings: { VIDEO_RETENTION_DAYS: '2' } });
  const id = await app.order();
  const { storage } = await app.until(id, 'STORED');
  expect(Date.parse(storage.deleteAt ?? '') - Date.parse(storage.storedAt ?? '')).toBe(48 * hourMs);
  app.advance(49 * hourMs);
  expect(await app.until(id, 'DELETED')).toMatchObject({ url: null, state: 'DELETED' });
  await expect.poll(() => filesIn(app.folder), { timeout: 10_000 }).toEqual([]);
});

test('another instance serves what the first has stored, and another folder or database keeps it from starting', async () => {
  const app = await createStoringApp();
  const id = await app.order();
  await app.until(id, 'STORED');
  const { databaseUrl, folder, host } = app;
  const other = await createStoringApp({ databaseUrl, folder, host });
  const { url } = await other.videoOf(id);
  expect(url).toMatch(new URL(other.url).origin);
  expect((await fetch(url ?? '')).status).toBe(200);

  await expect(createStoringApp({ databaseUrl, folder: freshDirectory(), host })).rejects.toThrow(
    /not the one that files were kept in/,
  );
  await expect(createStoringApp({ folder, host })).rejects.toThrow(/file store/);
  const settings = { SERVICE_SECRET: `${Buffer.alloc(32, 9).toString('base64')},${secret}` };
  const rotated = await createStoringApp({ databaseUrl, folder, host, settings });
  expect((await fetch((url ?? '').replace(new URL(other.url).origin, new URL(rotated.url).origin))).status).toBe(200);
});
