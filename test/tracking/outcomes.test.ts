import { expect, test } from 'vitest';
import type { TaskStatus } from '../../src/tasks/task.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { createTestDomain, hourMs, minuteMs } from '../support/domain.ts';
import { type Answer, completed, hang, inTurn, reply, startUpstream, status, videoUrl } from '../support/upstream.ts';

const processing = status('processing');
const notFound = reply(404, { message: 'no such task' });

/** A submitted task over an upstream whose checks are answered so, on a fresh database. */
async function taskTrackedBy(onCheck: Answer, databaseUrl?: string) {
  const upstream = await startUpstream();
  upstream.onCheck = onCheck;
  const test = await createTestDomain(upstream, databaseUrl === undefined ? {} : { databaseUrl });
  const { id } = await test.submit();
  return {
    ...test,
    upstream,
    read: () => test.find(id),
    /** Moves on by enough for the next check of a young task. */
    check: async () => {
      await test.advance(45_000);
      return test.find(id);
    },
  };
}

test('a finished video is recorded with its URL, its length and the time', async () => {
  const { check, clock, upstream } = await taskTrackedBy(completed);
  expect(await check()).toMatchObject({
    status: 'COMPLETED',
    upstreamStatus: 'completed',
    videoUrl,
    videoDurationSeconds: 10,
    lastCheckedAt: clock.now,
    completedAt: clock.now,
    nextCheckAt: null,
    leasedUntil: null,
    failureCode: null,
  });
  await check();
  expect(upstream.checks).toHaveLength(1);
});

test.each<[string, Answer, TaskStatus, string, string]>([
  ['a failure', status('failed', { error: 'out of capacity' }), 'FAILED', 'GENERATION_FAILED', 'out of capacity'],
  ['a failure without a word', status('failed'), 'FAILED', 'GENERATION_FAILED', 'gave no reason'],
  [
    'a refusal of the content',
    status('failed', { error: 'Content moderation: violates the policy' }),
    'FAILED',
    'CONTENT_REFUSED',
    'Content moderation: violates the policy',
  ],
  ['a cancellation', status('cancelled'), 'CANCELLED', 'CANCELLED_UPSTREAM', 'gave no reason'],
])('%s ends the task for good', async (_, answer, taskStatus, failureCode, message) => {
  const { check, clock, upstream } = await taskTrackedBy(inTurn(answer, completed));
  const ended = await check();
  expect(ended).toMatchObject({ status: taskStatus, failureCode, completedAt: clock.now, nextCheckAt: null });
  expect(ended.failureMessage).toMatch(message);
  expect(ended.videoUrl).toBeNull();
  expect(await check()).toEqual(ended);
  expect(upstream.checks).toHaveLength(1);
});

test.each<[string, Answer]>([
  ['no URL', status('completed')],
  ['a URL that is none', status('completed', { video_url: 'javascript:alert(1)' })],
  ['a URL of 8,001 characters', status('completed', { video_url: `https://a.example/${'x'.repeat(8_000)}` })],
])('a task that is completed with %s has failed when that was said three times', async (_, answer) => {
  const { check, clock } = await taskTrackedBy(answer);
  expect(await check()).toMatchObject({ status: 'QUEUED', upstreamStatus: 'completed' });
  expect(await check()).toMatchObject({ status: 'QUEUED', failureCode: null });
  const ended = await check();
  expect(ended).toMatchObject({ status: 'FAILED', failureCode: 'RESULT_MISSING', completedAt: clock.now });
  expect(ended.failureMessage).toMatch('gave no URL');
});

test('a link that comes after the word for it is a finished video', async () => {
  const { check } = await taskTrackedBy(inTurn(status('completed'), status('completed'), completed));
  await check();
  await check();
  expect(await check()).toMatchObject({ status: 'COMPLETED', videoUrl, failureCode: null });
});

test.each(databaseProviders)(
  'a failure whose text no database can store still ends the task on %s',
  async (provider) => {
    const error = 'bad prompt: \u0000 \ud83d';
    const { check } = await taskTrackedBy(status('failed', { error }), await freshDatabase(provider));
    expect(await check()).toMatchObject({
      status: 'FAILED',
      failureCode: 'GENERATION_FAILED',
      failureMessage: expect.stringContaining('bad prompt'),
    });
  },
);

test('an unknown status is kept as it was said, and the task is tracked on', async () => {
  const { check, clock } = await taskTrackedBy(inTurn(status('Rendering_Frames'), completed));
  const task = await check();
  expect(task).toMatchObject({ status: 'QUEUED', upstreamStatus: 'Rendering_Frames', lastCheckedAt: clock.now });
  expect((await check()).status).toBe('COMPLETED');
});

test('a task that is being made does not go back into the queue', async () => {
  const { check } = await taskTrackedBy(inTurn(processing, status('queued'), status('no word for it'), completed));
  expect((await check()).status).toBe('PROCESSING');
  expect(await check()).toMatchObject({ status: 'PROCESSING', upstreamStatus: 'queued' });
  expect(await check()).toMatchObject({ status: 'PROCESSING', upstreamStatus: 'no word for it' });
  expect((await check()).status).toBe('COMPLETED');
});

test('three 404s in a row are final', async () => {
  const { check } = await taskTrackedBy(notFound);
  expect((await check()).status).toBe('QUEUED');
  expect((await check()).status).toBe('QUEUED');
  expect(await check()).toMatchObject({ status: 'FAILED', failureCode: 'UPSTREAM_TASK_NOT_FOUND', nextCheckAt: null });
});

test('404s are counted from the last time the task was seen', async () => {
  const answers = [notFound, notFound, processing, notFound, notFound, completed];
  const { check } = await taskTrackedBy(inTurn(...answers));
  for (let round = 1; round < answers.length; round++) await check();
  expect(await check()).toMatchObject({ status: 'COMPLETED', repeatedAnswerCount: 0 });
});

test('a fault between two 404s neither counts as one nor forgets them', async () => {
  const { check } = await taskTrackedBy(inTurn(notFound, reply(501), notFound, reply(429), notFound));
  for (let round = 0; round < 4; round++) expect((await check()).status).toBe('QUEUED');
  expect((await check()).failureCode).toBe('UPSTREAM_TASK_NOT_FOUND');
});

test('a task that has not ended a day after its submit is given up, with the id to look it up by', async () => {
  const { advance, read } = await taskTrackedBy(processing);
  await advance(24 * hourMs - 1);
  expect((await read()).status).toBe('PROCESSING');
  await advance(15 * minuteMs);
  const given = await read();
  expect(given).toMatchObject({ status: 'FAILED', failureCode: 'TRACKING_EXPIRED', nextCheckAt: null });
  expect(given.failureMessage).toMatch('video_1');
});

test('a service that was down for longer than a day asks once before it gives a task up', async () => {
  const { advance, read, upstream } = await taskTrackedBy(completed);
  await advance(30 * hourMs);
  expect(upstream.checks).toHaveLength(1);
  expect((await read()).status).toBe('COMPLETED');
});

test('an upstream that never answers does not keep a task for ever', async () => {
  const { advance, read } = await taskTrackedBy(reply(501));
  // The extra time for unanswered checks ends too.
  for (let day = 0; day < 3; day++) await advance(24 * hourMs);
  expect(await read()).toMatchObject({ status: 'FAILED', failureCode: 'TRACKING_EXPIRED' });
});

test.each<[string, Answer]>([
  ['HTTP 429', reply(429, '', { 'retry-after': '60' })],
  ['HTTP 401', reply(401)],
])('%s is no answer about a task, so none is given up for it after a day', async (_, fault) => {
  const { advance, read } = await taskTrackedBy(inTurn(fault, completed));
  await advance(30 * hourMs);
  expect((await read()).status).toBe('QUEUED');
  await advance(15 * minuteMs);
  expect((await read()).status).toBe('COMPLETED');
});

test('a check that the shutdown breaks off is not a check', async () => {
  const { read, tracker, upstream, clock } = await taskTrackedBy(hang);
  const before = await read();
  clock.now = new Date(clock.now.getTime() + 30 * hourMs);
  tracker.start();
  await expect.poll(() => upstream.checks).toHaveLength(1);
  await tracker.stop();
  // The next instance checks at once, because no lease is left and nothing was learned.
  const after = await read();
  expect(after).toMatchObject({ status: 'QUEUED', failureCode: null, leasedUntil: null });
  expect(after.nextCheckAt).toEqual(before.nextCheckAt);
});

test('a word that changes at each check is followed 100 times, and the status to its end', async () => {
  let percent = 0;
  const progress: Answer = (...exchange) => {
    percent += 1;
    (percent <= 120 ? status(`at ${percent} permille`) : completed)(...exchange);
  };
  const { clock, tracker, read } = await taskTrackedBy(progress);
  while ((await read()).status !== 'COMPLETED') {
    const { nextCheckAt } = await read();
    clock.now = nextCheckAt ?? clock.now;
    await tracker.checkDue();
    if (percent === 120) expect(await read()).toMatchObject({ checkCount: 120, lastCheckedAt: clock.now });
  }
  const { history, checkCount } = await read();
  expect(checkCount).toBe(121);
  // The order's acceptance is the first of them.
  expect(history).toHaveLength(101);
  expect(history.at(-1)).toMatchObject({ from: 'QUEUED', to: 'COMPLETED' });
});
