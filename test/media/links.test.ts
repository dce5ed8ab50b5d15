import { request } from 'node:http';
import { expect, test } from 'vitest';
import { createKeysFor } from '../support/callers.ts';
import { createStoringApp, type StoringApp } from '../support/storing-app.ts';
import { sha256Of } from '../support/video-host.ts';

const deleteDocument =
  'mutation ($id: ID!) { deleteVideoFile(taskId: $id) { task { status video { url state storage { state } } } } }';

async function storedVideo(): Promise<{ app: StoringApp; id: string; url: string }> {
  const app = await createStoringApp();
  const id = await app.order();
  const { url } = await app.until(id, 'STORED');
  return { app, id, url: url ?? '' };
}

test('a link answers GET and HEAD, and says what it is', async () => {
  const { app, id, url } = await storedVideo();
  for (const method of ['GET', 'HEAD']) {
    const response = await fetch(url, { method });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(app.video.length),
      'content-disposition': `inline; filename="${id}.mp4"`,
      'accept-ranges': 'bytes',
      'cache-control': expect.stringMatching(/^private, max-age=\d+, immutable$/),
      etag: `"${sha256Of(app.video)}"`,
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
    });
    expect((await response.bytes()).length).toBe(method === 'GET' ? app.video.length : 0);
  }
});

const ranges: [string, number, number, number][] = [
  ['bytes=0-99', 206, 0, 100],
  ['bytes=100-', 206, 100, 200_000],
  ['bytes=-50', 206, 199_950, 200_000],
  ['bytes=199999-300000', 206, 199_999, 200_000],
  ['bytes=0-1,5-9', 200, 0, 200_000],
  ['lines=1-2', 200, 0, 200_000],
];

test('a link answers a range with just that part', async () => {
  const { app, url } = await storedVideo();
  for (const [range, status, start, end] of ranges) {
    const response = await fetch(url, { headers: { range } });
    expect([range, response.status]).toEqual([range, status]);
    expect(Buffer.from(await response.bytes()).equals(app.video.subarray(start, end)), range).toBe(true);
    if (status === 206) expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/200000`);
  }
  const beyond = await fetch(url, { headers: { range: 'bytes=200000-' } });
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */200000']);
});

test('a link answers 304 to a client that has the file, and a range of another version with the whole', async () => {
  const { app, url } = await storedVideo();
  const etag = `"${sha256Of(app.video)}"`;
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
  expect((await fetch(url, { headers: { 'if-none-match': '"another"' } })).status).toBe(200);
  expect((await fetch(url, { headers: { range: 'bytes=0-9', 'if-range': etag } })).status).toBe(206);
  expect((await fetch(url, { headers: { range: 'bytes=0-9', 'if-range': '"another"' } })).status).toBe(200);
});

test('a link that was changed in any part, or has ended, is answered with 403 and nothing else', async () => {
  const { app, id, url } = await storedVideo();
  const [, expires = '', signature = ''] = /files\/(\d+)\/([^/]+)\//.exec(url) ?? [];
  const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
  const changed = {
    expiry: url.replace(expires, String(Number(expires) + 3_600)),
    signature: url.replace(signature, flipped),
    'signature of another length': url.replace(signature, signature.slice(1)),
    file: url.replace(id, '019accd0-0000-7000-8000-000000000000'),
    kind: url.replace('/videos/', '/images/'),
    extension: url.replace('.mp4', '.mov'),
    'no signature': url.replace(`${expires}/${signature}/`, ''),
    'a path out': url.replace(id, '..%2f..%2fx'),
    query: `${url}?x=1`,
  };
  for (const [part, other] of Object.entries(changed)) {
    const response = await fetch(other);
    expect([part, response.status, await response.text()]).toEqual([part, 403, '']);
  }
  app.advance(26 * 60 * 60_000);
  expect((await fetch(url)).status).toBe(403);
  const renewed = (await app.videoOf(id)).url ?? '';
  expect((await fetch(renewed)).status).toBe(200);
});

test('a link takes no other methods, and browsers of other origins may ask for it', async () => {
  const { url } = await storedVideo();
  expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
  const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://app.example.com' } });
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, HEAD']);
});

test('the Host header has no part in a link', async () => {
  const { app, id } = await storedVideo();
  const { local } = await createKeysFor(app.databaseUrl, { local: { client: 'local' } });
  const { hostname, port, pathname } = new URL(app.url);
  const body = JSON.stringify({ query: `{ videoTask(id: "${id}") { video { url } } }` });
  const text = await new Promise<string>((resolve, reject) => {
    const credentials = { authorization: `Bearer ${local.key}` };
    const headers = { 'content-type': 'application/json', host: 'evil.example.com', ...credentials };
    const asked = request({ hostname, port, path: pathname, method: 'POST', headers }, (response) => {
      response.setEncoding('utf8');
      let received = '';
      response.on('data', (part: string) => (received += part)).on('end', () => resolve(received));
    });
    asked.on('error', reject);
    asked.end(body);
  });
  expect(text).toContain(new URL(app.url).origin);
  expect(text).not.toContain('evil');
});

test('a video that its owner deletes is gone at once, with its links, and the task stays', async () => {
  const { app, id, url } = await storedVideo();
  const deleted = { status: 'COMPLETED', video: { url: null, state: 'DELETED', storage: { state: 'DELETED' } } };
  for (let times = 0; times < 2; times++) {
    const { data } = await app.query(deleteDocument, { id });
    expect(data.deleteVideoFile.task).toEqual(deleted);
  }
  expect((await fetch(url)).status).toBe(404);
});

test('a client that leaves in the middle of a file leaves nothing open', async () => {
  const { url } = await storedVideo();
  for (let times = 0; times < 20; times++) {
    const leaving = new AbortController();
    const response = await fetch(url, { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
  }
  expect((await fetch(url)).status).toBe(200);
});

test('files are sent to all readers together at FILE_BYTES_PER_SECOND', async () => {
  // 600,000 bytes, of which all but the last parts have to wait.
  const app = await createStoringApp({ settings: { FILE_BYTES_PER_SECOND: '400000' } });
  const { url } = await app.until(await app.order(), 'STORED');
  const began = performance.now();
  const read = async () => (await (await fetch(url ?? '')).bytes()).length;
  expect(await Promise.all([read(), read(), read()])).toEqual([200_000, 200_000, 200_000]);
  expect(performance.now() - began).toBeGreaterThan(900);
});
