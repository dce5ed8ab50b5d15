import { pino } from 'pino';
import { expect, test } from 'vitest';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { createTestDomain, trackerWith } from '../support/domain.ts';
import { type Answer, inTurn, reply, startUpstream, status, videoUrl } from '../support/upstream.ts';

const secondMs = 1_000;

/** Two tasks of which the first is asked about and answered so; each `check` is the next one. */
async function firstOfTwo(onCheck: Answer, databaseUrl?: string) {
  const upstream = await startUpstream();
  const test = await createTestDomain(upstream, databaseUrl === undefined ? {} : { databaseUrl });
  const { id } = await test.submit();
  const other = await test.submit();
  upstream.onCheck = (response, request) =>
    (request.url?.endsWith('video_1') ? onCheck : status('processing'))(response, request);
  const check = async () => {
    await test.advance(45 * secondMs);
    return test.find(id);
  };
  return { ...test, upstream, id, other, check };
}

const theirs = 'https://videos.example.com/theirs.mp4';

test("another task's video is never taken for ours, however many replies carry it", async () => {
  const { check } = await firstOfTwo(reply(200, { id: 'video_2', status: 'completed', video_url: theirs }));
  for (let round = 0; round < 5; round++) {
    expect(await check()).toMatchObject({ status: 'QUEUED', videoUrl: null, failureCode: null });
  }
});

test.each(databaseProviders)(
  'a relay with ids of its own is believed at the third time, with a warning, on %s',
  async (provider) => {
    const done = reply(200, { id: 'relay-9', status: 'completed', video_url: theirs });
    const running = reply(200, { id: 'relay-9', status: 'processing' });
    const test = await firstOfTwo(inTurn(running, done, done, done), await freshDatabase(provider));
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
    const tracker = trackerWith({ ...test.parts, log }, { concurrency: 10, leaseMs: 30_000, pollMs: 1_000 });
    for (let round = 0; round < 3; round++) {
      test.clock.now = new Date(test.clock.now.getTime() + 45 * secondMs);
      await tracker.checkDue();
      expect(await test.find(test.id)).toMatchObject({ status: 'QUEUED', videoUrl: null });
    }
    expect(await test.check()).toMatchObject({ status: 'COMPLETED', videoUrl: theirs });
    expect(lines.filter((line) => line.includes('relay-9'))).toHaveLength(3);
  },
);

test('a reply under another id each time ends nothing', async () => {
  let round = 0;
  const { check } = await firstOfTwo((response, request) =>
    reply(200, { id: `req_${round++}`, status: 'failed', error: 'no' })(response, request),
  );
  for (let turn = 0; turn < 5; turn++) expect((await check()).status).toBe('QUEUED');
});

test.each<[string, Answer]>([
  ['too many requests', reply(200, { status: 'error', error: 'Too many requests' })],
  ['a failed envelope', reply(200, { code: 500, status: 'failed', message: 'try later' })],
  ['HTTP 400 without a reason', reply(400)],
  ['HTTP 400 about the request', reply(400, { error: 'invalid task id format' })],
  ['HTTP 422 about rates', reply(422, { error: 'Rate limit exceeded' })],
  ['HTTP 403 about credit', reply(403, { error: { code: 'insufficient_user_quota' } })],
  ['HTTP 400 about the key', reply(400, { error: { code: 'invalid_api_key' } })],
])('%s ends no task, even if repeated', async (_, answer) => {
  const { check } = await firstOfTwo(answer);
  for (let round = 0; round < 5; round++) expect(await check()).toMatchObject({ status: 'QUEUED', failureCode: null });
});

test.each<[string, Answer]>([
  ['HTTP 400', reply(400, { code: 'x', error: 'Generated video rejected by content moderation.' })],
  ['HTTP 422', reply(422, { error: { code: 'content_policy_violation', message: 'no' } })],
  ['HTTP 403', reply(403, { detail: '内容审核未通过' })],
  ['an envelope', reply(200, { error: { code: 'content_filter', message: 'no' } })],
])('a refusal of content by %s ends the task at the third time', async (_, refusal) => {
  const { check } = await firstOfTwo(inTurn(refusal, refusal, reply(501), refusal));
  for (let round = 0; round < 3; round++) expect(await check()).toMatchObject({ status: 'QUEUED' });
  expect(await check()).toMatchObject({ status: 'FAILED', failureCode: 'CONTENT_REFUSED' });
});

test('refusals of content between which the task was seen do not end it', async () => {
  const refusal = reply(400, { error: 'rejected by content moderation' });
  const { check } = await firstOfTwo(
    inTurn(refusal, refusal, status('processing'), refusal, refusal, status('processing')),
  );
  for (let round = 0; round < 6; round++) expect((await check()).failureCode).toBeNull();
});

test('HTTP 410 ends the task at once', async () => {
  const { check } = await firstOfTwo(reply(410));
  expect(await check()).toMatchObject({ status: 'FAILED', failureCode: 'UPSTREAM_TASK_NOT_FOUND' });
});

test('a link of a running task is kept for when it is finished without one', async () => {
  const { check } = await firstOfTwo(inTurn(status('processing', { url: videoUrl }), status('completed')));
  expect(await check()).toMatchObject({ status: 'PROCESSING', videoUrl, completedAt: null });
  expect(await check()).toMatchObject({ status: 'COMPLETED', videoUrl });
});

test('a link that is renewed while the task runs replaces the one that was kept', async () => {
  const { check } = await firstOfTwo(
    inTurn(status('processing', { url: theirs }), status('processing', { url: videoUrl }), status('completed')),
  );
  await check();
  expect(await check()).toMatchObject({ status: 'PROCESSING', videoUrl });
  expect(await check()).toMatchObject({ status: 'COMPLETED', videoUrl });
});

test('a failed task stays failed, with any link beside the word', async () => {
  const { check } = await firstOfTwo(status('failed', { video_url: videoUrl, error: 'no' }));
  expect(await check()).toMatchObject({ status: 'FAILED', failureCode: 'GENERATION_FAILED' });
});

test('a word for a refusal without a reason is a refusal of content', async () => {
  const { check } = await firstOfTwo(status('Rejected'));
  expect(await check()).toMatchObject({ status: 'FAILED', failureCode: 'CONTENT_REFUSED' });
});
