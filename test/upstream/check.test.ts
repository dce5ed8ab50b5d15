import { expect, test } from 'vitest';
import type { CheckReply, Observed } from '../../src/tasks/upstream.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { closedPort } from '../support/closed-port.ts';
import {
  type Answer,
  apiKey,
  completed,
  halfBody,
  hang,
  inTurn,
  reply,
  reset,
  startUpstream,
  status,
  videoUrl,
} from '../support/upstream.ts';

const patientMs = 10_000;

const clientOf = (baseUrl: string, checkTimeoutMs: number) =>
  createUpstreamClient({ baseUrl, apiKey, submitTimeoutMs: 300, checkTimeoutMs });

/** One check of an upstream that answers so, and how many requests it took. */
async function check(
  answer: Answer,
  { upstreamId = 'video_1', timeoutMs = patientMs, signal = new AbortController().signal } = {},
): Promise<{ result: CheckReply; requests: number }> {
  const upstream = await startUpstream();
  upstream.onCheck = answer;
  const result = await clientOf(upstream.url, timeoutMs).check(upstreamId, signal);
  expect(upstream.submits).toEqual([]);
  return { result, requests: upstream.checks.length };
}

test('a finished task is read with its video', async () => {
  expect(await check(completed)).toEqual({
    requests: 1,
    result: {
      kind: 'OBSERVED',
      status: 'COMPLETED',
      upstreamStatus: 'completed',
      videoUrl,
      durationSeconds: 10,
      error: null,
      moderated: false,
      otherIds: [],
    },
  });
});

test.each<[Observed['status'], string[]]>([
  [
    'QUEUED',
    ['queued', 'QUEUED', 'pending', 'submitted', 'waiting', 'not_start', 'NOT_START', 'In Queue', 'THROTTLED'],
  ],
  [
    'PROCESSING',
    ['processing', 'Processing', 'in_progress', 'IN-PROGRESS', 'in progress', 'inProgress', 'running', 'generating'],
  ],
  [
    'COMPLETED',
    ['completed', 'complete', ' completed\n', 'succeeded', 'succeed', 'success', 'SUCCESS', 'done', 'finished'],
  ],
  ['COMPLETED', ['TASK_STATUS_SUCCEED', 'JOB_STATE_SUCCEEDED', '成功']],
  [
    'FAILED',
    ['failed', 'FAILED', 'fail', 'Failure', 'error', 'expired', 'timeout', 'rejected', 'Moderated', 'BLOCKED'],
  ],
  ['CANCELLED', ['cancelled', 'canceled', 'CANCELLED', 'deleted']],
  ['UNKNOWN', ['archived', 'constructor', '__proto__', '', 'unfinished', 'incomplete', 'notdone']],
])('%s is understood in every way it is said, and the word is kept', async (expected, words) => {
  for (const word of words) {
    expect((await check(status(word))).result).toMatchObject({ status: expected, upstreamStatus: word.trim() });
  }
});

test.each<[string, unknown]>([
  ['no URL', undefined],
  ['null', null],
  ['an empty string', ''],
  ['a script', 'javascript:alert(1)'],
  ['a relative URL', '/videos/1.mp4'],
  ['a data URI', 'data:video/mp4;base64,AAAA'],
  ['an empty list', []],
])('%s in the place of the video is no video', async (_, video_url) => {
  const { result } = await check(status('completed', { video_url }));
  expect(result).toMatchObject({ status: 'COMPLETED', videoUrl: null });
});

test.each<[unknown, number | null]>([
  [10, 10],
  [9.96, 9.96],
  ['10', 10],
  ['9.96', 9.96],
  ['ten', null],
  ['', null],
  [0, null],
  [-1, null],
  [null, null],
  [true, null],
  [[10], null],
  [{}, null],
])('an actual duration of %j is read as %j', async (actualDuration, durationSeconds) => {
  expect((await check(status('completed', { actualDuration }))).result).toMatchObject({ durationSeconds });
});

test.each<[unknown, string | null]>([
  ['out of capacity', 'out of capacity'],
  [{ code: 7, message: 'out of capacity' }, 'out of capacity (7)'],
  [{ msg: 'out of capacity' }, 'out of capacity'],
  [{ message: '' }, null],
  [{}, null],
  ['', null],
  [null, null],
  [7, '7'],
  [{ type: 'server_error' }, 'server_error'],
  [{ detail: [{ loc: ['body'], msg: 'out of capacity' }] }, 'out of capacity'],
  [[{ message: 'out of capacity' }, 'try later'], 'out of capacity; try later'],
  ['<html><h1>502</h1></html>', null],
  ['out\u0007 of\u202e capacity', 'out  of  capacity'],
  ['out of capacity\n    at Worker.run (/app/worker.js:1:2)', 'out of capacity'],
])('an error of %j is read as %j', async (error, text) => {
  expect((await check(status('failed', { error }))).result).toMatchObject({ error: text, moderated: false });
});

test.each([
  'Content moderation: the prompt violates the policy',
  'rejected by SAFETY system',
  'sensitive content',
  'NSFW image',
  '内容审核未通过',
])('"%s" means moderation', async (error) => {
  expect((await check(status('failed', { error }))).result).toMatchObject({ error, moderated: true });
});

test('an error text is kept to a readable length and without the key', async () => {
  const { result } = await check(status('failed', { error: `key ${apiKey} ${'x'.repeat(5_000)}` }));
  const { error } = result as Observed;
  expect(error).not.toContain(apiKey);
  expect(error?.length).toBeLessThan(600);
});

test.each<[string, Answer, object]>([
  ['HTTP 500', reply(500, { message: 'busy' }), { kind: 'ANSWER_LOST', httpStatus: 500 }],
  ['HTTP 502', reply(502), { kind: 'ANSWER_LOST', httpStatus: 502 }],
  ['HTTP 503', reply(503), { kind: 'ANSWER_LOST', httpStatus: 503 }],
  ['HTTP 503 with a pause', reply(503, '', { 'retry-after': '120' }), { kind: 'ANSWER_LOST', retryAfterMs: 120_000 }],
  ['HTTP 504', reply(504), { kind: 'ANSWER_LOST', httpStatus: 504 }],
  ['a reset', reset, { kind: 'ANSWER_LOST' }],
  ['HTTP 429', reply(429, '', { 'retry-after': '120' }), { kind: 'RATE_LIMITED', retryAfterMs: 120_000 }],
])('%s is asked about once, because the tracker checks the task again anyway', async (_, fault, expected) => {
  const { result, requests } = await check(inTurn(fault, completed));
  expect(result).toMatchObject(expected);
  expect(requests).toBe(1);
});

test.each([400, 401, 402, 403, 404, 409, 410])('HTTP %i is not retried', async (code) => {
  const { result, requests } = await check(reply(code, { error: 'no' }));
  expect(result).toMatchObject({ kind: 'REFUSED', httpStatus: code });
  expect(requests).toBe(1);
});

test('a redirect is not followed', async () => {
  const elsewhere = await startUpstream();
  const { result } = await check(reply(302, '', { location: `${elsewhere.url}/v1/result/video_1` }));
  expect(result).toMatchObject({ kind: 'ANSWER_LOST', httpStatus: 302 });
  expect(elsewhere.keys).toEqual([]);
});

test.each<[string, Answer]>([
  ['an HTML page', reply(200, '<html>busy</html>', { 'content-type': 'text/html' })],
  ['an empty body', reply(200)],
  ['JSON without a status', reply(200, { id: 'video_1' })],
  ['JSON that is no object', reply(200, 'null')],
  ['half a body', halfBody('{"id":"video_1","status":"completed","vi')],
  ['a body over 512 KiB', reply(200, { status: 'completed', padding: 'x'.repeat(512 * 1024) })],
])('%s says nothing about the task', async (_, answer) => {
  expect((await check(answer)).result).toMatchObject({ kind: 'ANSWER_LOST', httpStatus: 200 });
});

test('an error page of any size is not read to its end', async () => {
  let written = 0;
  const { result } = await check((response) => {
    response.writeHead(503);
    const more = () => {
      written += 64 * 1024;
      response.write('x'.repeat(64 * 1024), (error) => error || setImmediate(more));
    };
    more();
  });
  expect(result).toMatchObject({ kind: 'ANSWER_LOST', httpStatus: 503 });
  // 512 KiB, and what the sockets between hold.
  expect(written).toBeLessThan(8 * 1024 * 1024);
});

test.each<[string, Answer]>([
  ['no answer', hang],
  ['an answer that does not end', (response) => void response.writeHead(200).write('{"status":"queued",')],
])('%s is waited for no longer than the timeout', async (_, answer) => {
  const startedMs = performance.now();
  expect((await check(answer, { timeoutMs: 300 })).result).toMatchObject({ kind: 'ANSWER_LOST' });
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test('a check can be aborted', async () => {
  const stopped = new AbortController();
  const { result, requests } = await check(() => stopped.abort(), { signal: stopped.signal });
  expect(result).toMatchObject({ kind: 'ANSWER_LOST', message: expect.stringContaining('stopped') });
  expect(requests).toBe(1);
});

test('a check of an upstream that is not there says why', async () => {
  const client = clientOf(`http://127.0.0.1:${await closedPort()}`, patientMs);
  const result = await client.check('video_1', new AbortController().signal);
  expect(result).toBeInstanceOf(UpstreamError);
  expect(result).toMatchObject({ kind: 'ANSWER_LOST', message: expect.stringContaining('ECONNREFUSED') });
});

test.each(['a/b', 'a?b=c#d', '100%', 'ä ö', '../../admin', '%2e%2e'])('an id of %j stays in its place', async (id) => {
  let path = '';
  await check(
    (response, request) => {
      path = request.url ?? '';
      status('queued')(response, request);
    },
    { upstreamId: id },
  );
  const [, inPath] = /^\/v1\/result\/([^/?#]+)$/.exec(path) ?? [];
  expect(decodeURIComponent(inPath ?? '')).toBe(id);
});
