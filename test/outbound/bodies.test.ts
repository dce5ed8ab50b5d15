import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { answerText, type ForeignAnswer, says, sends, startForeign } from '../support/foreign-server.ts';
import { failureOf, type Options, readBody, startClient } from '../support/outbound.ts';

async function startPair(answer: ForeignAnswer) {
  const server = await startForeign(answer);
  const { request, call } = await startClient([`127.0.0.2:${server.port}`]);
  const url = `http://127.0.0.2:${server.port}/1.mp4?signature=secret`;
  return {
    server,
    request: (options?: Options) => request(url, options),
    call: (options?: Options) => call(url, options),
  };
}

const chunked = { 'transfer-encoding': 'chunked' };
const oldAnswer = 'HTTP/1.0 200 OK\r\n\r\na video';

test.each([
  ['a length', answerText(200, { 'content-length': 7 }, 'a video'), 7, true],
  ['chunks', answerText(200, chunked, '2\r\na \r\n5\r\nvideo\r\n0\r\n\r\n'), null, true],
  ['chunks and trailers', answerText(200, chunked, '7\r\na video\r\n0\r\nx: y\r\n\r\n'), null, true],
  ['neither, as in HTTP/1.0', oldAnswer, null, false],
  [
    '1xx answers before it',
    `${answerText(100)}${answerText(103, { link: '<x>' })}${answerText(200, { 'content-length': 7 }, 'a video')}`,
    7,
    true,
  ],
  [
    'the encoding identity',
    answerText(200, { 'content-encoding': 'Identity', 'content-length': 7 }, 'a video'),
    7,
    true,
  ],
  ['another answer after its end', answerText(200, { 'content-length': 7 }, `a video${oldAnswer}`), 7, true],
  ['other bytes after its end', answerText(200, { 'content-length': 7 }, 'a video, and more'), 7, true],
])('a body with %s is read, and its connection is closed', async (_, answer, announcedBytes, hasKnownEnd) => {
  const { request, server } = await startPair((socket) => void socket.write(answer, () => hasKnownEnd || socket.end()));
  const response = await request();
  expect(response).toMatchObject({ status: 200, announcedBytes, hasKnownEnd });
  expect(await readBody(response)).toBe('a video');
  await expect.poll(server.open).toBe(0);
});

/** Sends the beginning of an answer, then resets the connection. */
const resets =
  (text: string): ForeignAnswer =>
  (socket) =>
    void socket.write(text, () => void setTimeout(50).then(() => socket.resetAndDestroy()));

test.each<[string, ForeignAnswer]>([
  ['less than its length', sends(answerText(200, { 'content-length': 8 }, 'a video'))],
  ['no byte of its length', sends(answerText(200, { 'content-length': 8 }))],
  ['no last chunk', sends(answerText(200, chunked, '7\r\na video\r\n'))],
  ['half a chunk', sends(answerText(200, chunked, '7\r\na v'))],
  ['a chunk that is none', sends(answerText(200, chunked, '7\r\na video\r\nx\r\n'))],
  ['a reset after a part of its length', resets(answerText(200, { 'content-length': 8 }, 'a video'))],
  ['a reset between chunks', resets(answerText(200, chunked, '7\r\na video\r\n'))],
  ['a reset without length and chunks', resets(oldAnswer)],
])('a body with %s is broken', async (_, answer) => {
  const { request, server } = await startPair(answer);
  const response = await request();
  expect(response.status).toBe(200);
  const failure = failureOf(await readBody(response).catch((error: unknown) => error));
  expect(failure).toMatchObject({ kind: 'BROKEN', message: expect.stringContaining('broke off') });
  expect(failure.message).not.toContain('secret');
  await expect.poll(server.open).toBe(0);
});

test.each<[string, ForeignAnswer]>([
  ['nothing', (socket) => void socket.end()],
  ['a reset', (socket) => void socket.resetAndDestroy()],
  ['half of the headers', sends('HTTP/1.1 200 OK\r\ncontent-le')],
  ['another protocol', sends('220 mail.example.com ESMTP\r\n')],
  ['a page without headers', sends('<html></html>')],
  ['a second length', sends('HTTP/1.1 200 OK\r\ncontent-length: 7\r\ncontent-length: 8\r\n\r\na video')],
  ['a length that is none', sends(answerText(200, { 'content-length': '-7' }, 'a video'))],
  ['a length and chunks', sends(answerText(200, { ...chunked, 'content-length': 7 }, '7\r\na video\r\n0\r\n\r\n'))],
  ['an upgrade that was not asked for', sends(answerText(101, { connection: 'upgrade', upgrade: 'websocket' }))],
])('an answer of %s is broken', async (_, answer) => {
  const { call, server } = await startPair(answer);
  const { kind, message } = await call();
  expect(kind).toBe('BROKEN');
  expect(message).not.toContain('secret');
  await expect.poll(server.open).toBe(0);
});

test('a body of exactly the bytes that are allowed is read', async () => {
  const { call } = await startPair(says('a video'));
  expect(await call({ maxBytes: 7 })).toMatchObject({ text: 'a video' });
  expect(await call({ maxBytes: 6 })).toMatchObject({ kind: 'TOO_LARGE' });
});

test('a body that announces too many bytes is refused before one of them is read', async () => {
  const { request, server } = await startPair(
    (socket) => void socket.write(answerText(200, { 'content-length': 1_000_001 }, 'a video')),
  );
  const response = await request({ maxBytes: 1_000_000 });
  // The caller still learns the status, as of a page that says why there is no video.
  expect(response).toMatchObject({ status: 200, announcedBytes: 1_000_001 });
  const read: unknown[] = [];
  const reading = (async () => {
    for await (const chunk of response.body) read.push(chunk);
  })();
  expect(failureOf(await reading.catch((error: unknown) => error))).toMatchObject({ kind: 'TOO_LARGE' });
  expect(read).toEqual([]);
  await expect.poll(server.open).toBe(0);
});

const endless =
  (head: string, part: string): ForeignAnswer =>
  (socket) => {
    socket.write(head);
    const more = () => {
      while (socket.writable && socket.write(part));
    };
    socket.on('drain', more);
    more();
  };

test.each([
  ['chunks', answerText(200, chunked), `10000\r\n${'x'.repeat(65_536)}\r\n`],
  ['no length', 'HTTP/1.0 200 OK\r\n\r\n', 'x'.repeat(65_536)],
])('an endless body with %s ends at the bytes that are allowed', async (_, head, part) => {
  const { request, server } = await startPair(endless(head, part));
  let received = 0;
  const reading = (async () => {
    for await (const chunk of (await request({ maxBytes: 1_000_000 })).body) received += chunk.byteLength;
  })();
  expect(failureOf(await reading.catch((error: unknown) => error))).toMatchObject({ kind: 'TOO_LARGE' });
  expect(received).toBeGreaterThan(800_000);
  expect(received).toBeLessThanOrEqual(1_000_000);
  await expect.poll(server.open).toBe(0);
});

test('a sender is held up by a reader that is slow', async () => {
  let sent = 0;
  const part = 'x'.repeat(65_536);
  const { request } = await startPair((socket, text) => {
    socket.on('drain', () => {
      sent += part.length;
    });
    endless('HTTP/1.0 200 OK\r\n\r\n', part)(socket, text);
  });
  const response = await request({ maxBytes: Number.MAX_SAFE_INTEGER });
  const chunks = response.body[Symbol.asyncIterator]();
  await chunks.next();
  const taken = async () => {
    const before = sent;
    await setTimeout(300);
    return sent - before;
  };
  // The buffers of both sides fill up, and then no more is taken.
  await expect.poll(taken, { timeout: 20_000 }).toBe(0);
  await chunks.next();
  response.cancel();
});

test.each([
  ['a header that is too long', answerText(200, { 'x-bomb': 'x'.repeat(20_000) })],
  [
    'too many headers',
    answerText(200, Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`x-${at}`, 'bomb']))),
  ],
])('an answer with %s is refused', async (_, answer) => {
  const { call, server } = await startPair((socket) => void socket.write(answer));
  expect(await call()).toMatchObject({ kind: 'TOO_LARGE' });
  await expect.poll(server.open).toBe(0);
});

test.each(['gzip', 'br', 'deflate', 'zstd', 'x-unknown', 'identity, gzip'])(
  'a body with the encoding %s is refused, as none was asked for, and the status is known',
  async (encoding) => {
    const answer = answerText(403, { 'content-encoding': encoding, 'content-length': 7 }, 'a video');
    const { request, server } = await startPair((socket) => void socket.write(answer));
    const response = await request();
    expect(response.status).toBe(403);
    expect(failureOf(await readBody(response).catch((error: unknown) => error))).toMatchObject({ kind: 'ENCODED' });
    expect(server.requests[0]).toContain('accept-encoding: identity\r\n');
    await expect.poll(server.open).toBe(0);
  },
);

test('a body whose transfer is compressed is refused', async () => {
  const { call } = await startPair(
    sends(answerText(200, { 'transfer-encoding': 'gzip, chunked' }, '1\r\nx\r\n0\r\n\r\n')),
  );
  expect(await call()).toMatchObject({ kind: 'ENCODED' });
});

test.each([
  ['HEAD', { method: 'HEAD' }, answerText(200, { 'content-length': 5_000_000_000, 'content-encoding': 'gzip' }), 200],
  ['204', {}, answerText(204), 204],
  ['304', {}, answerText(304, { 'content-length': 7 }), 304],
] as const)(
  'the answer to %s has an empty body, and its connection is closed unread',
  async (_, options, answer, status) => {
    const { request, server } = await startPair((socket) => void socket.write(answer));
    const response = await request(options);
    expect(response).toMatchObject({ status, hasKnownEnd: true });
    await expect.poll(server.open).toBe(0);
    expect(await readBody(response)).toBe('');
  },
);

test('a POST sends its body with its length, and the headers that follow from a request are not the caller’s', async () => {
  const { call, server } = await startPair(says('thanks'));
  const headers = {
    'Content-Type': 'application/json',
    'User-Agent': 'another',
    'Accept-Encoding': 'gzip',
    Host: 'internal',
    'Transfer-Encoding': 'chunked',
    'Content-Length': '1',
    Expect: '100-continue',
    Connection: 'upgrade',
    Upgrade: 'websocket',
  };
  expect(await call({ method: 'POST', body: '{"ü":1}', headers })).toMatchObject({ text: 'thanks' });
  const [request = ''] = server.requests;
  expect(request).toMatch(/^POST \/1\.mp4\?signature=secret HTTP\/1\.1\r\n/);
  const lines = request.toLowerCase().split('\r\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'content-type: application/json',
      'user-agent: grok-video-graphql',
      'accept-encoding: identity',
      `host: 127.0.0.2:${server.port}`,
      'content-length: 8',
      'connection: close',
    ]),
  );
  expect(request).not.toMatch(/another|gzip|internal|chunked|expect|upgrade/i);
});
