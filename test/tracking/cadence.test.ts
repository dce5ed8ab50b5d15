import { expect, test } from 'vitest';
import type { VideoTask } from '../../src/tasks/task.ts';
import { createTestDomain, hourMs, minuteMs, type TestDomain, trackerWith } from '../support/domain.ts';
import { type Answer, completed, hang, inTurn, reply, reset, startUpstream, status } from '../support/upstream.ts';

const processing = status('processing');
const secondMs = 1_000;

/** A service with an upstream that answers checks like this. */
async function trackedBy(onCheck: Answer) {
  const upstream = await startUpstream();
  upstream.onCheck = onCheck;
  return { upstream, ...(await createTestDomain(upstream)) };
}

/** How long after its last check, or its submit, a task is checked next. */
const pauseOf = ({ nextCheckAt }: VideoTask, { clock }: Pick<TestDomain, 'clock'>): number =>
  (nextCheckAt?.getTime() ?? 0) - clock.now.getTime();

test('the first check comes 30 seconds after the submit and not before', async () => {
  const { submit, advance, upstream } = await trackedBy(processing);
  await submit();
  await advance(30 * secondMs - 1);
  expect(upstream.checks).toEqual([]);
  await advance(1);
  expect(upstream.checks).toEqual(['video_1']);
});

test('a task is not checked again before its next check', async () => {
  const { submit, advance, find, upstream, clock } = await trackedBy(processing);
  const { id } = await submit();
  await advance(30 * secondMs);
  const pause = pauseOf(await find(id), { clock });
  await advance(pause - 1);
  expect(upstream.checks).toHaveLength(1);
  await advance(1);
  expect(upstream.checks).toHaveLength(2);
});

test.each([
  ['from the first check on', 30 * secondMs, 30, 45],
  ['just before 10 minutes', 10 * minuteMs - 1, 30, 45],
  ['from 10 minutes on', 10 * minuteMs, 120, 180],
  ['just before an hour', hourMs - 1, 120, 180],
  ['from an hour on', hourMs, 600, 900],
  ['until the end', 24 * hourMs - 1, 600, 900],
])('%s, pauses are spread over the interval and up to half of it more', async (_, ageMs, minSeconds, maxSeconds) => {
  const { submit, advance, find, clock } = await trackedBy(processing);
  const tasks = await Promise.all(Array.from({ length: 20 }, submit));
  await advance(ageMs);
  const pauses = await Promise.all(tasks.map(async ({ id }) => pauseOf(await find(id), { clock })));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(minSeconds * secondMs);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(maxSeconds * secondMs);
  expect(new Set(pauses).size).toBeGreaterThan(10);
});

test('a clock that is set back neither hurries nor ends a task', async () => {
  const { submit, advance, find, clock } = await trackedBy(processing);
  const { id } = await submit();
  await advance(30 * secondMs);
  clock.now = new Date(clock.now.getTime() - hourMs);
  await advance(hourMs + 45 * secondMs);
  const task = await find(id);
  expect(task.status).toBe('PROCESSING');
  expect(task.lastCheckedAt).toEqual(clock.now);
  expect(pauseOf(task, { clock })).toBeGreaterThanOrEqual(30 * secondMs);
});

test.each([
  ['120 seconds', '120', 120, 120],
  ['garbage, as if it asked for nothing', 'soon', 30, 45],
  ['less than the interval, by keeping to the interval', '1', 30, 45],
  ['a thousand million seconds, as far as 15 minutes', '1000000000', 900, 900],
])('a Retry-After of %s is followed', async (_, header, minSeconds, maxSeconds) => {
  const { submit, advance, find, clock } = await trackedBy(reply(429, '', { 'retry-after': header }));
  const { id } = await submit();
  await advance(30 * secondMs);
  const task = await find(id);
  expect(task.status).toBe('QUEUED');
  expect(pauseOf(task, { clock })).toBeGreaterThanOrEqual(minSeconds * secondMs);
  expect(pauseOf(task, { clock })).toBeLessThanOrEqual(maxSeconds * secondMs);
});

test('HTTP 429 holds the checks of every task for as long as it says', async () => {
  const { submit, advance, upstream, tracker } = await trackedBy(
    inTurn(reply(429, '', { 'retry-after': '300' }), completed),
  );
  await submit();
  await advance(30 * secondMs);
  await submit();
  await advance(5 * minuteMs - 1);
  expect(upstream.checks).toEqual(['video_1']);
  expect(tracker.problem()).toBeNull();
  await advance(1);
  expect(upstream.checks).toHaveLength(3);
  expect(new Set(upstream.checks)).toEqual(new Set(['video_1', 'video_2']));
});

test.each<[string, Answer]>([
  ['HTTP 500', reply(500)],
  ['HTTP 400', reply(400)],
  ['no answer', hang],
  ['a broken connection', reset],
  ['an HTML page', reply(200, '<html>busy</html>')],
])('a check that ends in %s says nothing about the task', async (_, fault) => {
  const { submit, advance, find } = await trackedBy(inTurn(fault, fault, fault, completed));
  const { id } = await submit();
  await advance(30 * secondMs);
  expect(await find(id)).toMatchObject({ status: 'QUEUED', failureCode: null, lastCheckedAt: null });
  for (let round = 0; round < 3; round++) await advance(45 * secondMs);
  expect((await find(id)).status).toBe('COMPLETED');
});

test('twenty faults in a row fail no task', async () => {
  // Not one of the statuses that a check asks about again at once.
  const { submit, advance, find, upstream } = await trackedBy(reply(501));
  const { id } = await submit();
  for (let round = 0; round < 20; round++) await advance(15 * minuteMs);
  expect(upstream.checks).toHaveLength(20);
  expect(await find(id)).toMatchObject({ status: 'QUEUED', failureCode: null });
});

test('no more checks than set are under way at once', async () => {
  let underWay = 0;
  let most = 0;
  const { submit, parts, clock, find } = await trackedBy((response, request) => {
    most = Math.max(most, ++underWay);
    setTimeout(() => {
      underWay--;
      completed(response, request);
    }, 30);
  });
  const tasks = await Promise.all(Array.from({ length: 20 }, submit));
  clock.now = new Date(clock.now.getTime() + 30 * secondMs);
  const tracker = trackerWith(parts, { concurrency: 4, leaseMs: 30_000, pollMs: 5 });
  tracker.start();
  await expect.poll(async () => (await find(tasks.at(-1)!.id)).status, { timeout: 5_000 }).toBe('COMPLETED');
  await tracker.stop();
  expect(most).toBe(4);
});
