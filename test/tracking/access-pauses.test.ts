import { expect, test } from 'vitest';
import { createTestDomain, minuteMs, trackerWith } from '../support/domain.ts';
import { type Answer, completed, reply, startUpstream, status } from '../support/upstream.ts';

const secondMs = 1_000;
const processing = status('processing');

/** So many tasks, due in their order, of which those whose number is in `refused` are refused. */
async function tasksOf(count: number, refused: readonly number[], refusal: Answer = reply(403), others = processing) {
  const upstream = await startUpstream();
  const test = await createTestDomain(upstream);
  for (let index = 0; index < count; index++) {
    await test.submit();
    test.clock.now = new Date(test.clock.now.getTime() + 1);
  }
  upstream.onCheck = (response, request) => {
    const number = Number(request.url?.split('_').at(-1));
    (refused.includes(number) ? refusal : others)(response, request);
  };
  return { ...test, upstream };
}

test.each([401, 403])('HTTP %i for one task stops no other, and goes on being asked about', async (code) => {
  const { advance, upstream, tracker } = await tasksOf(5, [2], reply(code));
  for (let round = 1; round <= 4; round++) {
    await advance(45 * secondMs);
    expect(upstream.checks).toHaveLength(5 * round);
    expect(tracker.problem()).toBeNull();
  }
});

test.each([401, 403])(
  'HTTP %i for three tasks stops all checks, says so, and another task is tried after 5 minutes',
  async (code) => {
    const { advance, upstream, tracker, clock } = await tasksOf(4, [1, 2, 3], reply(code));
    clock.now = new Date(clock.now.getTime() + 30 * secondMs);
    await tracker.checkDue();
    expect(tracker.problem()).toMatch(`HTTP ${code}`);
    const before = upstream.checks.length;
    await advance(5 * minuteMs - 1);
    expect(upstream.checks).toHaveLength(before);
    upstream.checks.length = 0;
    upstream.onCheck = reply(code);
    await advance(1);
    await advance(5 * minuteMs);
    await advance(5 * minuteMs);
    expect(upstream.checks).toHaveLength(3);
    expect(new Set(upstream.checks).size).toBe(3);
    upstream.onCheck = completed;
    await advance(5 * minuteMs);
    expect(tracker.problem()).toBeNull();
    expect(new Set(upstream.checks).size).toBe(4);
  },
);

test('refused tasks between which another one was answered stop nothing', async () => {
  const { parts, clock, upstream, tracker } = await tasksOf(6, [1, 2, 4, 5]);
  clock.now = new Date(clock.now.getTime() + 30 * secondMs);
  const oneByOne = trackerWith(parts, { concurrency: 1, leaseMs: 30_000, pollMs: 1_000 });
  await oneByOne.checkDue();
  expect(upstream.checks).toHaveLength(6);
  expect(tracker.problem()).toBeNull();
});

test('a refusal of content, of credit or of rates says nothing about the key', async () => {
  for (const error of ['rejected by content moderation', '余额不足', 'rate limit exceeded']) {
    const { advance, tracker } = await tasksOf(4, [1, 2, 3, 4], reply(403, { error }));
    await advance(45 * secondMs);
    expect(tracker.problem()).toBeNull();
  }
});

test.each<[string, Answer]>([
  ['HTTP 401', reply(401)],
  ['HTTP 403', reply(403, { error: 'no' })],
])('a submit that is answered with %s stops the checks, until another one is accepted', async (_, refusal) => {
  const { advance, submit, upstream, tracker, clock } = await tasksOf(2, []);
  const { onSubmit } = upstream;
  upstream.onSubmit = refusal;
  await submit();
  expect(tracker.problem()).not.toBeNull();
  await advance(minuteMs);
  expect(upstream.checks).toEqual([]);
  upstream.onSubmit = onSubmit;
  await submit();
  expect(tracker.problem()).toBeNull();
  await advance(1);
  expect(upstream.checks).toHaveLength(2);
  expect(clock.now.getTime()).toBeGreaterThan(0);
});

test('a submit whose content or credit is refused stops no check', async () => {
  const { submit, upstream, tracker } = await tasksOf(1, []);
  for (const body of [
    { error: 'Prompt rejected by content moderation' },
    { error: { code: 'insufficient_user_quota' } },
  ]) {
    upstream.onSubmit = reply(403, body);
    await submit();
    expect(tracker.problem()).toBeNull();
  }
});

test('a check that had been under way when the key was refused does not hide that', async () => {
  const { parts, clock, upstream, tracker, submit } = await tasksOf(1, []);
  clock.now = new Date(clock.now.getTime() + 30 * secondMs);
  upstream.onCheck = async (response, request) => {
    upstream.onSubmit = reply(401);
    clock.now = new Date(clock.now.getTime() + 1);
    await submit();
    processing(response, request);
  };
  await tracker.checkDue();
  expect(parts.throttle.problem()).toMatch('HTTP 401');
});

const firewall = reply(403, '<html><title>403 Forbidden</title></html>', { 'content-type': 'text/html' });

test('orders that are refused with HTTP 403 again and again do not prolong a pause, and are not heeded after it', async () => {
  const { advance, submit, upstream, tracker } = await tasksOf(2, []);
  upstream.onSubmit = firewall;
  for (let minute = 0; minute < 10; minute++) {
    await submit();
    await advance(minuteMs);
  }
  expect(tracker.problem()).toBeNull();
  expect(upstream.checks.length).toBeGreaterThan(8);
});

test('an order that is refused with HTTP 401 stops the checks after one with HTTP 403 was found to say nothing', async () => {
  const { advance, submit, upstream, tracker } = await tasksOf(1, []);
  upstream.onSubmit = firewall;
  await submit();
  await advance(5 * minuteMs);
  expect(tracker.problem()).toBeNull();
  upstream.onSubmit = reply(401);
  await submit();
  expect(tracker.problem()).toMatch('HTTP 401');
});
