import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import type { SubmitReply } from '../../src/tasks/upstream.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { closedPort } from '../support/closed-port.ts';
import {
  type Answer,
  apiKey,
  halfBody,
  hang,
  reply,
  reset,
  startUpstream,
  type TestUpstream,
} from '../support/upstream.ts';

const order = { ...requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' }), imageUrls: [] };

function submitTo(baseUrl: string, submitTimeoutMs = 1_000): Promise<SubmitReply> {
  const client = createUpstreamClient({ baseUrl, apiKey, submitTimeoutMs, checkTimeoutMs: 300 });
  return client.submit(order, new AbortController().signal);
}

/** Submits once to an upstream that answers like this. In every case exactly one request has arrived. */
async function submitAnsweredBy(answer: Answer, submitTimeoutMs?: number): Promise<SubmitReply> {
  const upstream = await startUpstream();
  upstream.onSubmit = answer;
  const result = await submitTo(upstream.url, submitTimeoutMs);
  expectOnePost(upstream);
  return result;
}

function expectOnePost({ submits, keys, checks }: TestUpstream): void {
  expect({ posts: submits.length, requests: keys.length, checks }).toEqual({ posts: 1, requests: 1, checks: [] });
}

const begun =
  (body: string): Answer =>
  (response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).write(body);

/** A byte now and then, without an end. */
const drip: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
};

const tooLarge = 512 * 1024;

test.each<[string, Answer]>([
  ['a reset before the answer', reset],
  ['no answer in time', hang],
  ['an answer that stops after its headers', begun('')],
  ['an answer that drips on past the timeout', drip],
  ['half a body without an id', halfBody('{"object":"video","cre')],
  ['half a body that breaks off inside the id', halfBody('{"id":"video_12')],
  ['half a body that breaks off inside a numeric id', halfBody('{"id":12')],
  ['an HTML page', reply(200, '<html><body id="top">Bad gateway</body></html>', { 'content-type': 'text/html' })],
  ['an empty body', reply(200)],
  ['an empty body with status 202', reply(202)],
  ['an empty body with status 204', reply(204)],
  ['JSON without an id', reply(200, { status: 'queued' })],
  ['JSON whose id is empty', reply(200, { id: ' ', status: 'queued' })],
  ['JSON whose id is null', reply(200, { id: null, status: 'queued' })],
  ['JSON about an error that has an id', reply(200, { code: 500, error: { id: 'err_7', message: 'busy' } })],
  ['JSON that is no object', reply(200, '[]')],
  [
    'a body over 512 KiB without an id in the part that is read',
    reply(200, { padding: 'x'.repeat(2 * tooLarge), id: 'a' }),
  ],
])('%s leaves open what became of the order', async (_, answer) => {
  expect(await submitAnsweredBy(answer)).toMatchObject({ kind: 'ANSWER_LOST' });
});

test.each([500, 501, 502, 503, 504, 520, 524, 599, 408, 499])(
  'HTTP %i leaves open what became of the order',
  async (status) => {
    const lost = await submitAnsweredBy(reply(status, { error: { message: 'gateway gave up' } }));
    expect(lost).toMatchObject({ kind: 'ANSWER_LOST', httpStatus: status });
    expect(lost).toHaveProperty('message', expect.stringContaining('gateway gave up'));
  },
);

test.each([301, 302, 303, 307, 308])('HTTP %i is neither followed nor a refusal', async (status) => {
  const elsewhere = await startUpstream();
  const result = await submitAnsweredBy(reply(status, '', { location: `${elsewhere.url}/v1/grok/videos` }));
  expect(result).toMatchObject({ kind: 'ANSWER_LOST', httpStatus: status });
  expect(elsewhere.keys).toEqual([]);
});

test.each([400, 401, 402, 403, 404, 409, 410, 413, 421, 422, 425, 451])('HTTP %i is a refusal', async (status) => {
  const refused = await submitAnsweredBy(reply(status, { error: { message: 'not like this' } }));
  expect(refused).toMatchObject({ kind: 'REFUSED', httpStatus: status });
  expect(refused).toHaveProperty('message', expect.stringContaining('not like this'));
});

test('a refusal whose reason never ends is still a refusal', async () => {
  const refused = await submitAnsweredBy((response) => void response.writeHead(400).write('{"message":'));
  expect(refused).toMatchObject({ kind: 'REFUSED', httpStatus: 400 });
});

const inTwoMinutes = (): string => new Date(Date.now() + 120_000).toUTCString();

test.each<[string, () => string, number, number]>([
  ['seconds', () => '120', 120_000, 120_000],
  ['seconds and a fraction', () => '1.5', 1_500, 1_500],
  ['seconds with their unit', () => '120 seconds', 120_000, 120_000],
  ['seconds twice', () => '30, 30', 30_000, 30_000],
  ['an HTTP date', inTwoMinutes, 90_000, 120_000],
  ['a date that has passed', () => 'Wed, 21 Oct 2015 07:28:00 GMT', 0, 0],
  ['a thousand million seconds', () => '1000000000', 1e12, 1e12],
])('HTTP 429 says how long to wait by %s', async (_, header, min, max) => {
  const limited = await submitAnsweredBy(reply(429, {}, { 'retry-after': header() }));
  expect(limited).toMatchObject({ kind: 'RATE_LIMITED', httpStatus: 429 });
  const { retryAfterMs } = limited as UpstreamError;
  expect(retryAfterMs).toBeGreaterThanOrEqual(min);
  expect(retryAfterMs).toBeLessThanOrEqual(max);
});

test.each<[string, Record<string, string>]>([
  ['garbage', { 'retry-after': 'soon, please' }],
  ['nothing', {}],
])('HTTP 429 with %s for a Retry-After says nothing about how long', async (_, headers) => {
  expect(await submitAnsweredBy(reply(429, '', headers))).toMatchObject({
    kind: 'RATE_LIMITED',
    retryAfterMs: undefined,
  });
});

test.each<[string, Answer, string]>([
  ['a whole answer', reply(200, { id: 'video_7', status: 'queued' }), 'video_7'],
  ['an answer with status 201', reply(201, { id: 'video_7' }), 'video_7'],
  ['a numeric id', reply(200, { id: 1234567890 }), '1234567890'],
  ['a numeric id with more digits than a double has', reply(200, '{"id":1234567890123456789}'), '1234567890123456789'],
  ['JSON under a wrong type', reply(200, '{"id":"video_7"}', { 'content-type': 'text/html' }), 'video_7'],
  ['half a body with the id in it', halfBody('{"id": "video_7","object":"vi'), 'video_7'],
  ['half a body with a numeric id in it', halfBody('{"id": 1234567890,"object":"vi'), '1234567890'],
  ['broken JSON with the id in it', reply(200, '{"object":"video","id":"video_7","error":nil}'), 'video_7'],
  ['an answer that hangs after the id', begun('{"id":"video_7",'), 'video_7'],
  [
    'a body over 512 KiB that begins with the id',
    reply(200, { id: 'video_7', padding: 'x'.repeat(tooLarge) }),
    'video_7',
  ],
])('%s tells the id of the task', async (_, answer, upstreamId) => {
  expect(await submitAnsweredBy(answer)).toMatchObject({ kind: 'ACCEPTED', upstreamId });
});

test('what else an answer says is no obstacle, and its status is kept as it was said', async () => {
  const body = { id: 'video_7', status: 'QUEUED', object: 7, created: 'today', amount: { paid: '?' }, error: [] };
  expect(await submitAnsweredBy(reply(200, body))).toEqual({
    kind: 'ACCEPTED',
    upstreamId: 'video_7',
    upstreamStatus: 'QUEUED',
  });
});

test('an answer that is too large is not read to its end', async () => {
  const closed = Promise.withResolvers<void>();
  const result = await submitAnsweredBy((response) => {
    response.on('close', closed.resolve);
    response.writeHead(200);
    const more = () => void response.write('x'.repeat(64 * 1024), () => setImmediate(more));
    more();
  }, 20_000);
  expect(result).toHaveProperty('message', expect.stringContaining('512 KiB'));
  await closed.promise;
});

test.each<[string, Answer]>([
  ['a field', (response, request) => reply(400, { message: request.headers.authorization })(response, request)],
  ['a nested field', (response, { headers }) => response.writeHead(403).end(JSON.stringify({ error: headers }))],
  ['a long text', reply(400, { error: `${'x'.repeat(480)} Bearer ${apiKey} ${'y'.repeat(5_000)}` })],
  ['a page', reply(502, `<pre>${apiKey}</pre>`)],
  ['an answer that is only the key', reply(200, apiKey)],
])('an upstream that echoes the key in %s does not make it public', async (_, answer) => {
  const result = (await submitAnsweredBy(answer)) as UpstreamError;
  expect(result).toBeInstanceOf(UpstreamError);
  // The log writes an error with its causes.
  for (let error: unknown = result; error instanceof Error; error = error.cause) {
    expect(`${error.message} ${error.stack}`).not.toContain(apiKey);
  }
  expect(result.message.length).toBeLessThan(600);
});

test('an answer that breaks off inside the key does not show its beginning', async () => {
  const result = (await submitAnsweredBy(halfBody(`{"error":"Bearer ${apiKey.slice(0, -1)}`))) as UpstreamError;
  expect(result.message).toContain('Bearer [redacted]');
  expect(result.message).not.toContain(apiKey.slice(0, 5));
});

test('a closed port means that nothing was sent', async () => {
  const result = await submitTo(`http://127.0.0.1:${await closedPort()}`);
  expect(result).toMatchObject({ kind: 'NEVER_SENT', message: expect.stringContaining('ECONNREFUSED') });
});

test('an unknown host means that nothing was sent', async () => {
  expect(await submitTo('http://upstream.invalid', 10_000)).toMatchObject({ kind: 'NEVER_SENT' });
});

test('an aborted submit leaves open whether the order was accepted', async () => {
  const upstream = await startUpstream();
  const aborting = new AbortController();
  upstream.onSubmit = () => aborting.abort();
  const client = createUpstreamClient({ baseUrl: upstream.url, apiKey, submitTimeoutMs: 20_000, checkTimeoutMs: 300 });
  expect(await client.submit(order, aborting.signal)).toMatchObject({ kind: 'ANSWER_LOST' });
  expectOnePost(upstream);
});

test.each(['', '/', '/kyyReactApiServer', '/kyyReactApiServer/'])('a base URL may end in %j', async (end) => {
  const upstream = await startUpstream();
  const seen: string[] = [];
  const accept: Answer = (response, request) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    reply(200, { id: 'video_7' })(response, request);
  };
  upstream.onSubmit = accept;
  upstream.onCheck = accept;
  expect(await submitTo(upstream.url + end)).toMatchObject({ kind: 'ACCEPTED' });
  expect(seen).toEqual([`POST ${end.replace(/\/$/, '')}/v1/grok/videos Bearer ${apiKey}`]);
});
