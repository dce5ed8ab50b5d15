import { expect, test } from 'vitest';
import { createUpstreamClient } from '../../src/upstream/client.ts';
import type { CheckReply, SubmitReply } from '../../src/upstream/replies.ts';
import { requestSchemas } from '../../src/videos/request.ts';
import { type Answer, apiKey, halfBody, reply, startUpstream, status, videoUrl } from '../support/upstream.ts';

const order = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });
const signal = new AbortController().signal;

async function clientAnsweredBy(answer: Answer) {
  const upstream = await startUpstream();
  upstream.onCheck = answer;
  upstream.onSubmit = answer;
  return createUpstreamClient({ baseUrl: upstream.url, apiKey, submitTimeoutMs: 2_000, checkTimeoutMs: 2_000 });
}

const check = async (answer: Answer): Promise<CheckReply> => (await clientAnsweredBy(answer)).check('video_1', signal);

const submit = async (answer: Answer): Promise<SubmitReply> => (await clientAnsweredBy(answer)).submit(order, signal);

test('of a word of any length no more is kept than a word has', async () => {
  expect(await check(status('p'.repeat(300_000)))).toMatchObject({ upstreamStatus: 'p'.repeat(100) });
});

test('an error text is kept to a readable length and without the key', async () => {
  const said = await check(status('failed', { error: `key ${apiKey} ${'x'.repeat(5_000)}` }));
  expect(said).toMatchObject({ error: expect.stringMatching(/^key \[redacted\] x{100,490}$/) });
});

const otherUrl = 'https://videos.example.com/other.mp4';

test.each<[string, object]>([
  ['done with a link', { id: 'video_1', status: 'done', video_url: videoUrl }],
  [
    'Kling',
    {
      code: 0,
      request_id: 'r',
      data: {
        task_id: 'video_1',
        task_status: 'succeed',
        task_result: { videos: [{ id: 'v', url: videoUrl, duration: '10' }] },
      },
    },
  ],
  ['Runway', { id: 'video_1', status: 'SUCCEEDED', output: [videoUrl] }],
  ['xAI', { status: 'done', video: { url: videoUrl, duration: 10 } }],
  ['xAI without a word', { video: { url: videoUrl, duration: 10 }, model: 'grok-imagine-video' }],
  [
    'new-api',
    {
      code: 'success',
      message: '',
      data: { task_id: 'video_1', status: 'SUCCESS', fail_reason: videoUrl, data: { id: 'theirs' } },
    },
  ],
  ['an envelope around it', { code: 0, status: 'success', data: { id: 'video_1', state: 'Finished', url: videoUrl } }],
  ['a link outside', { status: 'completed', video_url: videoUrl, data: { id: 'video_1' } }],
  ['a link inside', { id: 'video_1', status: 'completed', data: { video_url: videoUrl } }],
  ['a numeric list', { id: 'video_1', status: 'complete', videos: [{ url: 7 }, { url: videoUrl }] }],
  ['an unknown word', { id: 'video_1', status: 'archived', video_url: videoUrl }],
])('a video is found in the wording of %s', async (_, body) => {
  expect(await check(reply(200, body))).toMatchObject({ kind: 'OBSERVED', videoUrl, otherIds: [] });
});

test.each<[string, object, string]>([
  ['an unknown word and a link that may be any', { id: 'video_1', status: 'archived', url: otherUrl }, 'UNKNOWN'],
  ['an unfinished envelope', { status: 'success', data: { id: 'video_1', status: 'processing' } }, 'PROCESSING'],
  ['a picture beside it', { id: 'video_1', status: 'completed', last_frame_url: otherUrl }, 'COMPLETED'],
  [
    'another task inside',
    { id: 'video_1', status: 'queued', data: { id: 'video_2', status: 'completed', video_url: otherUrl } },
    'QUEUED',
  ],
])('no video is found in %s', async (_, body, expected) => {
  expect(await check(reply(200, body))).toMatchObject({ status: expected, videoUrl: null });
});

test.each<[string, object]>([
  ['an id', { id: 'video_2', status: 'completed', video_url: otherUrl }],
  ['the same id in other case', { id: 'VIDEO_1', status: 'completed', video_url: otherUrl }],
  ['a number', { id: 1, status: 'failed' }],
  ['an id inside', { status: 'success', data: { task_id: 'video_2', status: 'completed', video_url: otherUrl } }],
])('a reply that names another task by %s is told from ours', async (_, body) => {
  const said = await check(reply(200, body));
  expect(said).toMatchObject({ kind: 'OBSERVED', otherIds: [expect.any(String)] });
});

test.each<[string, unknown]>([
  ['too many requests', { status: 'error', error: 'Too many requests' }],
  ['an envelope of a failure', { code: 500, status: 'fail', message: 'internal error' }],
  ['an envelope of a success', { status: 'success', url: otherUrl }],
  ['a failure without a task', { status: 'failed', error: 'database is locked' }],
  ['a code', { code: 1234, message: 'busy' }],
  ['an error object', { error: { code: 'server_error', message: 'no worker' }, request_id: 'req_1' }],
  [
    'a list of two tasks',
    [
      { id: 'video_1', status: 'failed' },
      { id: 'video_2', status: 'failed' },
    ],
  ],
])('%s speaks of the request and says nothing about the task', async (_, body) => {
  expect(await check(reply(200, body))).toMatchObject({ kind: 'ANSWER_LOST' });
});

test.each<[object, string, boolean]>([
  [
    { error: { code: 'content_policy_violation', message: 'Request rejected.' } },
    'Request rejected. (content_policy_violation)',
    true,
  ],
  [{ error: null, fail_reason: 'upstream worker lost' }, 'upstream worker lost', false],
  [{ error: { code: 'RESOURCE_EXHAUSTED' } }, 'RESOURCE_EXHAUSTED', false],
  [{ error: [{ msg: 'no worker' }] }, 'no worker', false],
  [{ errors: [{ message: 'one' }, { message: 'two' }] }, 'one; two', false],
  [
    { failure: 'The input was flagged', failureCode: 'SAFETY.INPUT.TEXT' },
    'The input was flagged (SAFETY.INPUT.TEXT)',
    true,
  ],
  [{ title: 'Failed', detail: 'disk full' }, 'Failed; disk full', false],
  [{ error: 'duplicate key violates unique constraint' }, 'duplicate key violates unique constraint', false],
])('a failure of %j has its reason', async (more, error, moderated) => {
  expect(await check(status('failed', more))).toMatchObject({ status: 'FAILED', error, moderated });
});

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
  ['half a user', half('{"user":{"id":"u_1"},"obj'), 'ANSWER_LOST'],
  ['HTTP 429 and a request id', reply(429, { request_id: 'req_1' }), 'RATE_LIMITED'],
  ['HTTP 400 and an id in its error', reply(400, { error: { id: 'err_1' } }), 'REFUSED'],
])('no task is named by %s', async (_, answer, kind) => {
  expect(await submit(answer)).toMatchObject({ kind });
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
