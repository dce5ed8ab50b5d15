import { expect, onTestFinished, test } from 'vitest';
import { models } from '../../src/catalogue/models.ts';
import { outcomeOf } from '../../src/sandbox/read-order.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { toTaskId } from '../../src/sandbox/sandbox-task-id.ts';
import { freeSandbox } from '../support/free-sandbox.ts';
import { createStoringApp } from '../support/storing-app.ts';

/** A finished video, and how its host answers for it. */
async function finishedVideo() {
  const { url: sandboxUrl, stop } = await startSandbox(freeSandbox);
  onTestFinished(stop);
  const upstreamModel = models.GROK_VIDEO3.upstreamName;
  const id = toTaskId({ createdAtMs: Date.now(), upstreamModel, durationSeconds: 10, outcome: 'video' });
  const url = `${sandboxUrl}/videos/${id}.mp4`;
  const ask = async (init: RequestInit = {}) => {
    const response = await fetch(url, init);
    return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
  };
  return { ask, whole: await ask(), url };
}

test('the video is an MP4 file that all pages can fetch', async () => {
  const { whole, ask } = await finishedVideo();
  expect(whole.status).toBe(200);
  expect(whole.headers.get('content-type')).toBe('video/mp4');
  expect(whole.headers.get('access-control-allow-origin')).toBe('*');
  expect(whole.bytes.subarray(4, 8).toString('latin1')).toBe('ftyp');
  expect(whole.bytes.length).toBe(Number(whole.headers.get('content-length')));
  const origin = 'https://app.example.com';
  const preflight = await ask({ method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  expect(preflight.headers.get('access-control-allow-headers')).toContain('Range');
});

test('HEAD says of the video what GET says, and sends none of it', async () => {
  const { whole, ask } = await finishedVideo();
  const head = await ask({ method: 'HEAD' });
  expect({ status: head.status, length: head.bytes.length }).toEqual({ status: 200, length: 0 });
  for (const name of ['content-type', 'content-length', 'accept-ranges', 'etag', 'access-control-allow-origin'])
    expect.soft(head.headers.get(name), name).toBe(whole.headers.get(name));
});

test.each<[range: string, of: (length: number) => [start: number, end: number]]>([
  ['bytes=0-0', () => [0, 1]],
  ['bytes=0-1023', () => [0, 1024]],
  ['bytes=1000-', (length) => [1000, length]],
  ['bytes=-1000', (length) => [length - 1000, length]],
  ['bytes=-99999999', (length) => [0, length]],
  ['bytes=5-99999999', (length) => [5, length]],
])('the range %s is answered with that part', async (range, of) => {
  const { whole, ask } = await finishedVideo();
  const [start, end] = of(whole.bytes.length);
  const part = await ask({ headers: { range } });
  expect(part.status).toBe(206);
  expect(part.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${whole.bytes.length}`);
  expect(part.bytes.equals(whole.bytes.subarray(start, end))).toBe(true);
  const changed = await ask({ headers: { range, 'if-range': '"another"' } });
  expect([changed.status, changed.bytes.length]).toEqual([200, whole.bytes.length]);
});

test.each(['bytes=99999999-', 'bytes=-0'])('the range %s is beyond the video', async (range) => {
  const { whole, ask } = await finishedVideo();
  const { status, headers } = await ask({ headers: { range } });
  expect([status, headers.get('content-range')]).toEqual([416, `bytes */${whole.bytes.length}`]);
});

test.each(['bytes=5-1', 'bytes=-', 'bytes=0-1,5-9', 'seconds=1-2', 'bytes=a-b'])(
  'the range %s is none, and all is sent',
  async (range) => {
    const { whole, ask } = await finishedVideo();
    const { status, bytes } = await ask({ headers: { range } });
    expect([status, bytes.length]).toEqual([200, whole.bytes.length]);
  },
);

test('a video that the browser has is not sent again, one that is not there is 404, and none is written', async () => {
  const { whole, ask, url } = await finishedVideo();
  expect((await ask({ headers: { 'if-none-match': whole.headers.get('etag') ?? '' } })).status).toBe(304);
  expect((await ask({ method: 'DELETE' })).status).toBe(405);
  const authorization = 'Bearer any';
  expect((await fetch(new URL('x.mp4', url), { headers: { authorization } })).status).toBe(404);
});

test.each([
  ['sandbox:video-truncated', /broke|end/],
  ['sandbox:video-reset', /broke|end/],
  ['sandbox:video-page', /not an MP4/],
  ['sandbox:video-refused', /HTTP 403/],
] as const)('with %s in the prompt the video is made, and not stored', async (word, message) => {
  const { url: sandboxUrl, stop } = await startSandbox(freeSandbox);
  onTestFinished(stop);
  const id = toTaskId({
    createdAtMs: Date.now(),
    upstreamModel: models.GROK_VIDEO3.upstreamName,
    durationSeconds: 10,
    outcome: outcomeOf(`A boat, ${word}`),
  });
  const { host } = new URL(sandboxUrl);
  const faulty = { link: `${sandboxUrl}/videos/${id}.mp4`, host, requests: [], onRequest: () => {} };
  const app = await createStoringApp({ host: faulty });
  await app.untilMessage(await app.order(), message);
});
