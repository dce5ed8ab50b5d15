import { expect, test } from 'vitest';
import { answerText, type ForeignAnswer, redirectsTo, says, sends, startForeign } from '../support/foreign-server.ts';
import { startClient } from '../support/outbound.ts';

/** A server whose answers depend on the path of the request. */
async function startSite(pages: Readonly<Record<string, ForeignAnswer>>) {
  const server = await startForeign((socket, request) => {
    const path = request.split(' ')[1] ?? '';
    const answer = pages[path] ?? sends(answerText(404, { 'content-length': 0 }));
    answer(socket, request);
  });
  return { ...server, origin: `http://127.0.0.2:${server.port}`, listed: [`127.0.0.2:${server.port}`] };
}

const paths = (requests: readonly string[]) => requests.map((request) => request.split(' ', 2).join(' '));

test.each([301, 302, 303, 307, 308])(
  'a redirect with the status %d is followed, by a relative link too',
  async (status) => {
    const site = await startSite({
      '/a/1': redirectsTo('../b?x=1#y', status),
      '/b?x=1': redirectsTo('/ü', status),
      '/%C3%BC': says('a video'),
    });
    const { request, call } = await startClient(site.listed);
    expect(await call(`${site.origin}/a/1`)).toEqual({ status: 200, text: 'a video' });
    expect((await request(`${site.origin}/a/1`)).url).toBe(`${site.origin}/%C3%BC`);
  },
);

test('a redirect that is written in UTF-8 without escapes is followed', async () => {
  const location = Buffer.from('/海.mp4').toString('latin1');
  const site = await startSite({
    '/1': (socket) => socket.end(answerText(302, { location, 'content-length': 0 }), 'latin1'),
    '/%E6%B5%B7.mp4': says('a video'),
  });
  const { call } = await startClient(site.listed);
  expect(await call(`${site.origin}/1`)).toMatchObject({ text: 'a video' });
});

test.each([
  ['a private address', 'http://127.0.0.1:PORT/'],
  ['one in another spelling', '//0x7f.1:PORT/'],
  ['a name of this machine', 'http://localhost:PORT/'],
  ['a name that leads to a private address', 'http://private.example.com:PORT/'],
  ['a file', 'file:///etc/passwd'],
  ['a data URI', 'data:video/mp4,x'],
  ['an address with a password', 'http://user:password@127.0.0.2:PORT/1.mp4'],
  ['a port that is not of the web', 'http://videos.example.com:25/'],
])('a redirect to %s is refused', async (_, location) => {
  const trap = await startForeign(says('the trap'), '127.0.0.1');
  const site = await startSite({ '/1': redirectsTo(location.replace('PORT', String(trap.port))), '/1.mp4': says('x') });
  const { call } = await startClient(site.listed, () => ['127.0.0.1']);
  expect(await call(`${site.origin}/1`)).toMatchObject({ kind: 'ADDRESS_REFUSED' });
  expect(trap.connections()).toBe(0);
  expect(site.requests).toHaveLength(1);
  await expect.poll(site.open).toBe(0);
});

test('a name that leads elsewhere in the course of its redirects is refused', async () => {
  const site = await startSite({ '/1': redirectsTo('/2'), '/2': says('a video') });
  const trap = await startForeign(says('the trap'), '127.0.0.9', site.port);
  const { call } = await startClient(site.listed, (_, lookUp) => [lookUp === 1 ? '127.0.0.2' : '127.0.0.9']);
  expect(await call(`http://videos.example.com:${site.port}/1`)).toMatchObject({ kind: 'ADDRESS_REFUSED' });
  expect([site.connections(), trap.connections()]).toEqual([1, 0]);
});

test('five redirects are followed, a sixth and a loop are not', async () => {
  const chain = Object.fromEntries([1, 2, 3, 4, 5, 6].map((step) => [`/${step}`, redirectsTo(`/${step + 1}`)]));
  const site = await startSite({ ...chain, '/7': says('a video'), '/loop': redirectsTo('/loop') });
  const { call } = await startClient(site.listed);
  expect(await call(`${site.origin}/2`)).toMatchObject({ text: 'a video' });
  expect(await call(`${site.origin}/1`)).toMatchObject({ kind: 'REDIRECTS' });
  site.requests.length = 0;
  expect(await call(`${site.origin}/loop`)).toMatchObject({ kind: 'REDIRECTS' });
  expect(site.requests).toHaveLength(6);
  await expect.poll(site.open).toBe(0);
});

test('a redirect to what is no URL is an error, and one without a Location is an answer', async () => {
  const site = await startSite({
    '/1': redirectsTo('http://[::1'),
    '/2': sends(answerText(302, { 'content-length': 4 }, 'text')),
    '/3': sends(answerText(300, { location: '/1', 'content-length': 4 }, 'text')),
  });
  const { call } = await startClient(site.listed);
  expect(await call(`${site.origin}/1`)).toMatchObject({ kind: 'REDIRECTS', status: 302 });
  expect(await call(`${site.origin}/2`)).toEqual({ status: 302, text: 'text' });
  expect(await call(`${site.origin}/3`)).toEqual({ status: 300, text: 'text' });
});

test('a redirect takes no header along that could be a credential, not even to the same host', async () => {
  const site = await startSite({ '/1': redirectsTo('/2'), '/2': says('a video') });
  const { call } = await startClient(site.listed);
  const headers = { Authorization: 'Bearer secret', cookie: 'secret=1', 'X-Api-Key': 'secret', Range: 'bytes=1-' };
  expect(await call(`${site.origin}/1`, { headers })).toMatchObject({ text: 'a video' });
  const [first, second] = site.requests;
  expect(first?.match(/secret/g)).toHaveLength(3);
  expect(second).not.toContain('secret');
  expect(second?.toLowerCase()).not.toContain('referer');
  expect(second).toContain('range: bytes=1-');
});

test('redirects are refused where the caller says so, and always for a POST, which is sent once', async () => {
  const site = await startSite({ '/1': redirectsTo('/2', 307), '/2': says('a video') });
  const { call } = await startClient(site.listed);
  const refused = { kind: 'REDIRECTS', status: 307 };
  expect(await call(`${site.origin}/1`, { redirects: 'refuse' })).toMatchObject(refused);
  expect(await call(`${site.origin}/1`, { method: 'POST', body: '{}' })).toMatchObject(refused);
  expect(paths(site.requests)).toEqual(['GET /1', 'POST /1']);
});

test('a HEAD stays one through redirects', async () => {
  const site = await startSite({
    '/1': redirectsTo('/2', 303),
    '/2': sends(answerText(200, { 'content-length': 99 })),
  });
  const { request } = await startClient(site.listed);
  expect(await request(`${site.origin}/1`, { method: 'HEAD' })).toMatchObject({ status: 200, announcedBytes: 99 });
  expect(paths(site.requests)).toEqual(['HEAD /1', 'HEAD /2']);
  await expect.poll(site.open).toBe(0);
});
