import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import type { SubmitReply } from '../../src/tasks/upstream.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { type Answer, apiKey, halfBody, reply, startUpstream } from '../support/upstream.ts';

const order = { ...requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' }), imageUrls: [] };

async function submit(answer: Answer): Promise<SubmitReply> {
  const upstream = await startUpstream();
  upstream.onSubmit = answer;
  const client = createUpstreamClient({ baseUrl: upstream.url, apiKey, submitTimeoutMs: 2_000, checkTimeoutMs: 2_000 });
  return client.submit(order, new AbortController().signal);
}

test.each<[number, unknown, string]>([
  [
    422,
    { detail: [{ loc: ['body', 'image_urls'], msg: 'image is larger than 10 MB', type: 'value_error' }] },
    'image is larger than 10 MB (value_error)',
  ],
  [
    400,
    { type: 'https://errors.example.com/x', title: 'Bad prompt', detail: 'too long', status: 400 },
    'Bad prompt; too long',
  ],
  [400, 'The image cannot be read.', 'The image cannot be read.'],
  [400, '"quoted reason"', 'quoted reason'],
  [400, { msg: 'no such size' }, 'no such size'],
  [400, '{"error":{"message":"half a reason","co', 'half a reason'],
])('HTTP %i with %j gives its reason', async (code, body, reason) => {
  expect(await submit(reply(code, body))).toMatchObject({
    kind: 'REFUSED',
    message: `The upstream answered with HTTP ${code}: ${reason}`,
  });
});

test('HTTP 400 with a web page gives no reason', async () => {
  expect(await submit(reply(400, '<html><title>400</title></html>'))).toHaveProperty(
    'message',
    'The upstream answered with HTTP 400',
  );
});

const half = (body: string): Answer => halfBody(body);

test.each<[string, Answer, string]>([
  ['a request id alone', reply(200, { request_id: 'video_7' }), 'video_7'],
  ['a task id', reply(200, { task_id: 'video_7' }), 'video_7'],
  ['an id before its request', reply(200, { request_id: 'req_1', generation_id: 'video_7' }), 'video_7'],
  ['an envelope', reply(200, { code: 0, request_id: 'req_1', data: { id: 'video_7' } }), 'video_7'],
  ['the outermost of two', reply(200, { data: { id: 'other' }, task_id: 'video_7' }), 'video_7'],
  ['half a body after a user', half('{"user":{"id":"u_1"},"id":"video_7","obj'), 'video_7'],
  ['half a body with braces in a text', half('{"note":"a } \\" { b","data":{"id":"no"},"id":"video_7","o'), 'video_7'],
  ['half an envelope', half('{"code":0,"data":{"task_id":"video_7","sta'), 'video_7'],
  ['HTTP 429', reply(429, { id: 'video_7' }), 'video_7'],
  ['HTTP 429 around it', reply(429, { code: 0, data: { id: 'video_7', status: 'queued' } }), 'video_7'],
  ['HTTP 400 around it', reply(400, { video: { id: 'video_7' } }), 'video_7'],
  ['HTTP 429 and a job', reply(429, { object: 'video', status: 'queued', job_id: 'j7' }), 'j7'],
  ['a job', reply(200, { code: 0, request_id: 'req_1', data: { job_id: 'j7' } }), 'j7'],
  ['Tencent', reply(200, { Response: { TaskId: 't7', RequestId: 'r' } }), 't7'],
  ['an id alone in its wrapper', reply(200, { code: 'success', message: '', data: 'v7' }), 'v7'],
  ['an id alone beside a request', reply(200, { code: 0, request_id: 'req_1', data: 't7' }), 't7'],
  ['a request id in a wrapper', reply(200, { code: 0, data: { request_id: 'req_7' } }), 'req_7'],
  ['piapi', reply(200, { code: 200, data: { task_id: 't7', error: { code: 0, message: '' } } }), 't7'],
  ['Volcengine', reply(200, { code: 10000, data: { task_id: 't7' }, message: 'Success', request_id: 'r' }), 't7'],
  [
    'a long list beside a number beyond what is counted exactly',
    reply(200, `{"x":[${'1e1,'.repeat(20_000)}1],"id":1234567890123456789}`),
    '1234567890123456789',
  ],
  [
    'a long list beside an escape',
    reply(200, `{"x":[${'1,'.repeat(20_000)}1],"id":"video\\u005f\\u00007"}`),
    'video_7',
  ],
  ['half a body with a code that is none', half('{"id":"video_7","code":{"a":1},"obj'), 'video_7'],
  ['a code that cannot be written', reply(200, { id: 'video_7', code: { toString: 1, valueOf: 1 } }), 'video_7'],
  ['HTTP 500', reply(500, { taskId: 'video_7', error: 'late' }), 'video_7'],
])('an order was accepted that is answered with %s', async (_, answer, upstreamId) => {
  expect(await submit(answer)).toMatchObject({ kind: 'ACCEPTED', upstreamId });
});

test.each<[string, Answer, string]>([
  ['an error beside a request id', reply(200, { error: { message: 'busy' }, request_id: 'req_1' }), 'ANSWER_LOST'],
  ['half an error', half('{"request_id":"req_1","error":"Too many req'), 'ANSWER_LOST'],
  ['a code that is not 0', reply(200, { code: 1001, data: { id: 'video_7' } }), 'ANSWER_LOST'],
  ['a word for failure', reply(200, { status: 'failed', data: { id: 'video_7' } }), 'ANSWER_LOST'],
  ['a user', reply(200, { user: { id: 'u_1' }, account: { id: 'a_1' } }), 'ANSWER_LOST'],
  ['half an envelope with a request id', half('{"code":0,"message":"SUCCEED","request_id":"Cj12","da'), 'ANSWER_LOST'],
  ['a request id beside half an id', half('{"request_id":"Cj12","output":{"task_id":"vid'), 'ANSWER_LOST'],
  ['a request id around something', reply(200, { code: 0, request_id: 'Cj12', data: { n: 1 } }), 'ANSWER_LOST'],
  ['a request id beside an object', reply(200, { request_id: 'Cj12', id: { value: 'v7' } }), 'ANSWER_LOST'],
  ['half a user', half('{"user":{"id":"u_1"},"obj'), 'ANSWER_LOST'],
  ['HTTP 429 and a request id', reply(429, { request_id: 'req_1' }), 'RATE_LIMITED'],
  ['HTTP 400 and an id in its error', reply(400, { error: { id: 'err_1' } }), 'REFUSED'],
])('no task is named by %s', async (_, answer, kind) => {
  expect(await submit(answer)).toMatchObject({ kind });
});

const halfError = (code: number, body: string): Answer => halfBody(body, code);

test.each<[string, Answer]>([
  ['an id beside an error', reply(429, { code: 429, message: 'busy', data: { task_id: 'video_7' } })],
  ['a word for a running task', reply(429, { code: 429, data: { task_status: 'submitted' } })],
  ['an id that is an object', reply(429, { object: 'video', id: { value: 'video_7' } })],
  ['an id that is a list', reply(400, { data: { id: ['video_7'] } })],
  ['a list of two tasks', reply(429, [{ id: 'video_7' }, { id: 'video_8' }])],
  ['a list of two tasks in a wrapper', reply(429, { data: [{ id: 'video_7' }, { id: 'video_8' }] })],
  ['an end inside the id', halfError(429, '{"object":"video","id":"vide')],
  ['an end inside an id beside an error', halfError(429, '{"error":"busy","data":{"task_id":"vide')],
  ['an end before the id', halfError(429, '{"object":"video","created":1,"mo')],
  ['an end after a word for success', halfError(429, '{"code":0,"message":"success","da')],
  ['an end in a word for success', halfError(403, '{"code":0,"message":"suc')],
  ['an end before anything', halfError(429, ' ')],
  ['a whole answer that is not whole', reply(400, '{"object":"video","id":"vide')],
  ['an answer that hangs', (response) => void response.writeHead(429).write('{"obj')],
])('an error status with %s leaves open what became of the order', async (_, answer) => {
  expect(await submit(answer)).toMatchObject({ kind: 'ANSWER_LOST', message: expect.any(String) });
});

test.each<[string, Answer]>([
  ['an error', halfError(400, '{"error":{"message":"no such si')],
  ['a code', halfError(400, '{"code":1001,"mess')],
  ['a page', halfError(400, '<html><body>Bad req')],
  ['an id in its error', reply(400, { error: { id: 'err_1', task_id: 'err_1' } })],
  ['a request id', reply(400, { request_id: 'req_1', message: 'no' })],
  ['a user', reply(400, { user: { id: 'u_1' }, message: 'no' })],
  ['nothing', reply(400)],
])('an error status with %s is a refusal', async (_, answer) => {
  expect(await submit(answer)).toMatchObject({ kind: 'REFUSED' });
});

test.each<[string, unknown]>([
  ['256 characters', 'x'.repeat(256)],
  ['300,000 characters', 'x'.repeat(300_000)],
  ['a control character', 'video\u0001'],
  ['a step in a path', '..'],
])('an id of %s leaves open what became of the order, and is shown', async (_, id) => {
  for (const code of [200, 429, 400]) {
    const said = await submit(reply(code, { id }));
    expect(said).toMatchObject({ kind: 'ANSWER_LOST', message: expect.stringContaining('cannot be used') });
    expect((said as { message: string }).message.length).toBeLessThan(300);
  }
});

test.each<[number, unknown, string, string]>([
  [429, { error: { code: 'insufficient_quota' } }, 'RATE_LIMITED', 'CREDIT'],
  [403, { error: { code: 'insufficient_user_quota' } }, 'REFUSED', 'CREDIT'],
  [403, { message: '余额不足' }, 'REFUSED', 'CREDIT'],
  [403, { error: 'Prompt rejected by content moderation' }, 'REFUSED', 'CONTENT'],
])('HTTP %i with %j is %s about %s', async (code, body, kind, topic) => {
  expect(await submit(reply(code, body))).toMatchObject({ kind, topic });
});
