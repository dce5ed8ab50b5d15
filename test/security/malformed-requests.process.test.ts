import { expect, test } from 'vitest';
import {
  callUp,
  expectAlive,
  type Guarded,
  headOf,
  orderBody,
  postOf,
  startGuarded,
  statusesIn,
  whoami,
} from './guarded.ts';

const patience = { timeout: 10_000, interval: 20 };

/** Bytes of which none may be taken for a request that is carried out; what they are answered with. */
const unreadable: Record<string, (order: string) => [bytes: string, answer: RegExp]> = {
  garbage: () => ['\u0000\u0001garbage\r\n\r\n', /^HTTP\/1\.1 400 /],
  'a TLS greeting': () => ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', /^HTTP\/1\.1 400 /],
  'the preface of HTTP/2': () => ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^(HTTP\/1\.1 400 |$)/],
  CONNECT: () => ['CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n', /^(HTTP\/1\.1 4\d\d |$)/],
  'many small headers before one that matters': (order) => [
    order.replace('\r\n', `\r\n${'x: y\r\n'.repeat(2_100)}`),
    /^HTTP\/1\.1 431 /,
  ],
  'too many headers': (order) => [
    order.replace('\r\n\r\n', `\r\n${'x-xx: yyyy\r\n'.repeat(4_000)}\r\n`),
    /^HTTP\/1\.1 431 /,
  ],
  'a header that is too long': (order) => [
    order.replace('\r\n\r\n', `\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
  ],
  'a control character in a header': (order) => [
    order.replace('\r\n\r\n', '\r\nx: a\u0000b\r\n\r\n'),
    /^HTTP\/1\.1 400 /,
  ],
  'a space before the colon': (order) => [order.replace('content-length:', 'content-length :'), /^HTTP\/1\.1 400 /],
  'two lengths': (order) => [order.replace('\r\n\r\n', '\r\ncontent-length: 3\r\n\r\n'), /^HTTP\/1\.1 400 /],
  'a list of lengths': (order) => [
    order.replace(/content-length: (\d+)/, 'content-length: $1, $1'),
    /^HTTP\/1\.1 400 /,
  ],
  'a negative length': (order) => [order.replace(/content-length: /, 'content-length: -'), /^HTTP\/1\.1 400 /],
  'a signed length': (order) => [order.replace(/content-length: /, 'content-length: +'), /^HTTP\/1\.1 400 /],
  'a length and chunks': (order) => [
    order.replace('\r\n\r\n', '\r\ntransfer-encoding: chunked\r\n\r\n'),
    /^HTTP\/1\.1 400 /,
  ],
  'an encoding that is none': (order) => [
    order.replace(/content-length: \d+/, 'transfer-encoding: xchunked'),
    /^HTTP\/1\.1 400 /,
  ],
  'chunks that are not last': (order) => [
    order.replace(/content-length: \d+/, 'transfer-encoding: chunked, gzip'),
    /^HTTP\/1\.1 400 /,
  ],
  'a size of a chunk that is none': (order) => [inChunks(order, 'zz'), /^HTTP\/1\.1 400 /],
  'a size of a chunk with a sign': (order) => [inChunks(order, '+5'), /^HTTP\/1\.1 400 /],
  'a chunk that is longer than its size': (order) => [inChunks(order, '5'), /^HTTP\/1\.1 400 /],
  'an endless extension of a chunk': (order) => [inChunks(order, `5;${'x'.repeat(20_000)}`), /^HTTP\/1\.1 413 /],
  'no Host': (order) => [order.replace('host: localhost\r\n', ''), /^HTTP\/1\.1 400 /],
  'a line that is folded': (order) => [order.replace('\r\n\r\n', '\r\nx: a\r\n b\r\n\r\n'), /^HTTP\/1\.1 400 /],
  'lines that end with LF': (order) => [order.replaceAll('\r\n', '\n'), /^HTTP\/1\.1 400 /],
};

/** The same request in chunks, with one of this size where it has its body. */
function inChunks(order: string, size: string): string {
  const [head = '', body = ''] = order.split('\r\n\r\n');
  return `${head.replace(/content-length: \d+/, 'transfer-encoding: chunked')}\r\n\r\n${size}\r\n${body}\r\n0\r\n\r\n`;
}

test('bytes that are no request are refused, order nothing and end with their connection', async () => {
  const service = await startGuarded();
  for (const [name, make] of Object.entries(unreadable)) {
    const [bytes, answer] = make(postOf(service, orderBody));
    const line = await callUp(service.url);
    line.socket.write(bytes, 'latin1');
    expect.soft(await line.closedWithin(5_000), name).toBe(true);
    expect.soft(line.heard(), name).toMatch(answer);
    expect.soft(statusesIn(line).length, name).toBeLessThan(2);
  }
  expect(service.upstream.submits).toEqual([]);
  await expectAlive(service);
}, 60_000);

const refusedFirst: Record<string, (service: Guarded) => [request: string, status: string]> = {
  'broken JSON': (service) => [postOf(service, whoami).slice(0, -1).concat('!'), '400'],
  'an unknown field': (service) => [postOf(service, { query: '{ nothing }' }), '200'],
  'no key': (service) => [postOf(service, orderBody, { authorization: '' }), '401'],
  'a wrong key': (service) => [postOf(service, orderBody, { authorization: 'Bearer no' }), '401'],
  'a form': (service) => [postOf(service, orderBody, { 'content-type': 'text/plain' }), '415'],
  'a body that is too large': (service) => [
    headOf({ authorization: `Bearer ${service.key}`, 'content-length': 10_000_000_000 }),
    '413',
  ],
  'another path': (service) => [postOf(service, orderBody).replace('/graphql', '/elsewhere'), '404'],
  TRACE: () => ['TRACE /graphql HTTP/1.1\r\nhost: localhost\r\n\r\n', '4\\d\\d'],
  PUT: (service) => [postOf(service, orderBody).replace('POST', 'PUT'), '405'],
  'an upgrade to HTTP/2': () => [
    'GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n',
    '200',
  ],
  'an upgrade to a WebSocket': () => [
    'GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    '4\\d\\d',
  ],
  'an expectation that cannot be met': (service) => [postOf(service, orderBody, { expect: 'the moon' }), '417'],
  'chunks with extensions and trailers': (service) => {
    const [head = '', body = ''] = postOf(service, whoami).split('\r\n\r\n');
    const size = body.length.toString(16);
    return [
      `${head.replace(/content-length: \d+/, 'transfer-encoding: chunked')}\r\n\r\n${size};a=b\r\n${body}\r\n0\r\nauthorization: Bearer no\r\n\r\n`,
      '200',
    ];
  },
};

test('after every refusal the next request has its own answer, or the connection is closed', async () => {
  const service = await startGuarded();
  for (const [name, make] of Object.entries(refusedFirst)) {
    const [request, status] = make(service);
    const line = await callUp(service.url, request);
    await expect.poll(line.heard, patience).toMatch(/^HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/);
    expect.soft(line.heard(), name).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    line.socket.write(postOf(service, whoami, { 'x-request-id': 'the-next' }));
    const answered = () => line.socket.destroyed || line.heard().includes('x-request-id: the-next');
    await expect.poll(answered, patience).toBe(true);
    const [, second] = line.heard().split(/(?=HTTP\/1\.1 \d)/);
    if (second !== undefined)
      expect.soft(second, name).toMatch(/^HTTP\/1\.1 200 [\s\S]*x-request-id: the-next[\s\S]*"videoClient"/);
  }
  expect(service.upstream.submits).toEqual([]);
  await expectAlive(service);
}, 60_000);

test('a client that sends Expect: 100-continue is told to go on, and its order is carried out once', async () => {
  const service = await startGuarded();
  const [head = '', body = ''] = postOf(service, orderBody, { expect: '100-continue' }).split('\r\n\r\n');
  const line = await callUp(service.url, `${head}\r\n\r\n`);
  await expect.poll(line.heard, patience).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  line.socket.write(body);
  await expect.poll(line.heard, patience).toMatch(/HTTP\/1\.1 200 [\s\S]*QUEUED/);
  expect(service.upstream.submits).toHaveLength(1);
});

test.each([
  ['HTTP/1.0 without a Host', 'POST /graphql HTTP/1.1\r\nhost: localhost', 'POST /graphql HTTP/1.0'],
  ['the absolute form', 'POST /graphql HTTP/1.1', 'POST http://localhost/graphql HTTP/1.1'],
  [
    'the absolute form with another port',
    'POST /graphql HTTP/1.1',
    'POST HTTPS://videos.example.com:8443/graphql? HTTP/1.1',
  ],
])('%s is answered', async (_, usual, unusual) => {
  const service = await startGuarded();
  const request = postOf(service, whoami, { connection: 'close' });
  expect(request).toContain(usual);
  const line = await callUp(service.url, request.replace(usual, unusual));
  expect(await line.closedWithin(5_000)).toBe(true);
  expect(line.heard()).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"data":\{"videoClient"/);
});
