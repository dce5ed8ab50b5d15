import { expect, test } from 'vitest';
import type { CheckReply } from '../../src/tasks/upstream.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { type Answer, apiKey, reply, startUpstream, status, videoUrl } from '../support/upstream.ts';

const signal = new AbortController().signal;

async function check(answer: Answer): Promise<CheckReply> {
  const upstream = await startUpstream();
  upstream.onCheck = answer;
  const client = createUpstreamClient({ baseUrl: upstream.url, apiKey, submitTimeoutMs: 2_000, checkTimeoutMs: 2_000 });
  return client.check('video_1', signal);
}

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
  ['new-api for OpenAI', { id: 'video_1', object: 'video', status: 'completed', metadata: { url: videoUrl } }],
  ['new-api of late', { id: 'video_1', status: 'completed', metadata: { video_url: videoUrl } }],
  ['Vidu', { id: 'video_1', state: 'success', err_code: '', creations: [{ id: 'c', url: videoUrl }] }],
  ['Luma', { id: 'video_1', state: 'completed', assets: { video: videoUrl } }],
  ['Zhipu', { id: 'video_1', task_status: 'SUCCESS', video_result: [{ url: videoUrl }] }],
  [
    'kie.ai',
    { code: 200, data: { taskId: 'video_1', state: 'success', resultJson: `{"resultUrls":["${videoUrl}"]}` } },
  ],
  [
    'kie.ai for Veo',
    { code: 200, data: { taskId: 'video_1', state: 'success', response: { resultUrls: [videoUrl] } } },
  ],
  ['Freepik', { data: { task_id: 'video_1', status: 'COMPLETED', generated: [videoUrl] } }],
  ['JSON in a text', { code: 200, data: JSON.stringify({ id: 'video_1', status: 'done', video_url: videoUrl }) }],
  ['a list of links', { id: 'video_1', status: 'completed', video_url: [videoUrl] }],
  ['more links than one', { id: 'video_1', status: 'completed', video_urls: [videoUrl] }],
  ['an object with a link', { id: 'video_1', status: 'completed', video_url: { url: videoUrl } }],
  ['a link without a scheme', { id: 'video_1', status: 'completed', url: videoUrl.replace('https:', '') }],
  ['a video with an id', { id: 'video_1', status: 'completed', result: { video_id: 'v9', video_url: videoUrl } }],
  ['an empty word before another', { id: 'video_1', status: '', state: 'completed', url: videoUrl }],
  ['ready', { id: 'video_1', status: 'ready', url: videoUrl }],
  ['生成成功', { id: 'video_1', status: '生成成功', url: videoUrl }],
  ['a numeric list', { id: 'video_1', status: 'complete', videos: [{ url: 7 }, { url: videoUrl }] }],
  ['an unknown word', { id: 'video_1', status: 'archived', video_url: videoUrl }],
])('a video is found in the wording of %s', async (_, body) => {
  expect(await check(reply(200, body))).toMatchObject({ kind: 'OBSERVED', videoUrl, otherIds: [] });
});

test.each<[string, object, string]>([
  ['an unknown word and a link that may be any', { id: 'video_1', status: 'archived', url: otherUrl }, 'UNKNOWN'],
  ['an unfinished envelope', { status: 'success', data: { id: 'video_1', status: 'processing' } }, 'PROCESSING'],
  [
    'an envelope word beside the word of the task',
    { task_id: 'video_1', status: 'success', task_status: 'processing' },
    'PROCESSING',
  ],
  ['an envelope word beside a failure', { id: 'video_1', status: 'success', state: 'failed' }, 'FAILED'],
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
  ['a firewall', { status: 'blocked', message: 'Your IP address is blocked' }],
  ['a server', { status: 'rejected', message: 'server maintenance' }],
  ['metadata', { status: 'failed', metadata: { region: 'eu' }, error: 'database is locked' }],
  ['assets', { status: 'failed', assets: {} }],
  ['a word for a refusal', { status: 'rejected' }],
  ['a check of the video', { id: 'video_1', progress: 80, message: 'Running safety checks on your video' }],
  ['a refusal of another task', { id: 'video_2', error: { code: 'content_policy_violation' } }],
  ['a refusal of another task in it', { data: { task_id: 'video_2', error: { code: 'content_policy_violation' } } }],
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

test.each<[string, object]>([
  ['xAI', { status: 'done', video: { url: '', respect_moderation: false }, model: 'grok-imagine-video' }],
  ['xAI with an id', { id: 'video_1', status: 'done', video: { respect_moderation: false } }],
  ['a word', { id: 'video_1', status: 'Content Moderated' }],
  ['another word', { id: 'video_1', status: 'moderation_failed', video_url: otherUrl }],
  ['a Chinese word', { id: 'video_1', status: '审核不通过' }],
])('a video is held back by moderation in the wording of %s', async (_, body) => {
  expect(await check(reply(200, body))).toMatchObject({ kind: 'OBSERVED', status: 'FAILED', moderated: true });
});

test('a task that is completed without a link has the reason that stands beside it', async () => {
  const said = await check(status('completed', { error: 'The storage was full' }));
  expect(said).toMatchObject({ status: 'COMPLETED', videoUrl: null, error: 'The storage was full' });
});

test.each<[number, string, object]>([
  [500, 'failed', { status: 'FAILED' }],
  [404, 'processing', { status: 'PROCESSING' }],
  [409, 'queued', { status: 'QUEUED' }],
])('HTTP %i with our id and the word "%s" is read as of our task', async (code, word, expected) => {
  expect(await check(reply(code, { id: 'video_1', status: word }))).toMatchObject({ kind: 'OBSERVED', ...expected });
});

test.each<[number, object]>([
  [500, { id: 'video_1', status: 'error', message: 'internal' }],
  [500, { id: 'video_2', status: 'failed' }],
  [500, { status: 'failed' }],
  [503, { id: 'video_1', status: 503 }],
  [401, { id: 'video_1', status: 'failed' }],
  [429, { id: 'video_1', status: 'failed' }],
])('HTTP %i with %j says nothing about our task', async (code, body) => {
  expect(await check(reply(code, body))).not.toMatchObject({ kind: 'OBSERVED' });
});

test('a refusal of content that names another task by HTTP 400 says nothing about ours', async () => {
  const error = { code: 'content_policy_violation' };
  expect(await check(reply(400, { id: 'video_2', error }))).toMatchObject({ kind: 'ANSWER_LOST' });
  expect(await check(reply(400, { id: 'video_1', error }))).toMatchObject({ kind: 'REFUSED', topic: 'CONTENT' });
});
