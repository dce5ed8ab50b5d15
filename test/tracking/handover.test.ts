import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { createUpstreamClient } from '../../src/upstream/rest-client.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { createTestDomain, ordersWith, type TestParts, trackerWith } from '../support/domain.ts';
import { held } from '../support/held-answer.ts';
import { failing, localCaller } from '../support/local-caller.ts';
import { apiKey, completed, reply, startUpstream, status, type TestUpstream } from '../support/upstream.ts';

const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });
const leaseMs = 45_000;

/** A submit whose answer does not arrive during the test. */
function submitPatiently(parts: TestParts, { url: baseUrl }: TestUpstream) {
  const settings = { baseUrl, apiKey, submitTimeoutMs: 20_000, checkTimeoutMs: 500 };
  return ordersWith({ ...parts, upstream: createUpstreamClient(settings) })
    .submit(localCaller, { request, options: failing })
    .then(({ task }) => task);
}

const never = new Promise<never>(() => {});

/** The state after `kill -9`: the process gets as far as `crashing` allows, and does nothing after that. */
async function crashDuringSubmit(parts: TestParts, crashing: Partial<TestParts>): Promise<string> {
  const ids: string[] = [];
  const store = crashing.store ?? parts.store;
  const create: typeof store.create = async (task) => {
    const created = await store.create(task);
    if (created) ids.push(created.id);
    return created;
  };
  void ordersWith({ ...parts, ...crashing, store: { ...store, create } })
    .submit(localCaller, { request, options: failing })
    // A process that is gone tells no caller what became of the order.
    .catch(() => {});
  await expect.poll(() => ids).toHaveLength(1);
  return ids[0]!;
}

const crashes: [string, number, (parts: TestParts) => Partial<TestParts>][] = [
  ['before the order was sent', 0, ({ upstream }) => ({ upstream: { ...upstream, submit: () => never } })],
  ['before the answer was recorded', 1, ({ store }) => ({ store: { ...store, update: () => never } })],
];

test.each(crashes)(
  'a task whose process died %s becomes UNCONFIRMED and is not sent again',
  async (_, paid, crashing) => {
    const upstream = await startUpstream();
    const { parts, advance, find } = await createTestDomain(upstream);
    const id = await crashDuringSubmit(parts, crashing(parts));
    await expect.poll(() => upstream.submits).toHaveLength(paid);

    await advance(leaseMs - 1);
    expect((await find(id)).status).toBe('SUBMITTING');
    await advance(1);
    const task = await find(id);
    expect(task).toMatchObject({
      status: 'UNCONFIRMED',
      failureCode: 'SUBMISSION_UNCONFIRMED',
      upstreamId: null,
      nextCheckAt: null,
      completedAt: null,
    });
    await advance(24 * 60 * 60_000);
    expect(await find(id)).toEqual(task);
    expect(upstream.submits).toHaveLength(paid);
    expect(upstream.checks).toEqual([]);
  },
);

test('an answer that comes after the task was given up is still recorded, and the task tracked', async () => {
  const upstream = await startUpstream();
  const { answer, arrived, release } = held(reply(200, { id: 'video_late', status: 'queued' }));
  upstream.onSubmit = answer;
  const { parts, advance, find } = await createTestDomain(upstream);
  const submitted = submitPatiently(parts, upstream);
  await arrived;
  await advance(leaseMs);
  const [givenUp] = await parts.store.list({}, { limit: 1, inverted: false });
  expect(givenUp?.status).toBe('UNCONFIRMED');

  release();
  const task = await submitted;
  const queued = { status: 'QUEUED', upstreamId: 'video_late', failureCode: null, failureMessage: null };
  expect(task).toMatchObject(queued);
  expect(await find(task.id)).toMatchObject(queued);
  await advance(30_000);
  expect((await find(task.id)).status).toBe('COMPLETED');
  expect(upstream.submits).toHaveLength(1);
});

test('a refusal that comes after the task was given up is still recorded', async () => {
  const upstream = await startUpstream();
  const { answer, arrived, release } = held(reply(402, { message: 'no credit' }));
  upstream.onSubmit = answer;
  const { parts, advance } = await createTestDomain(upstream);
  const submitted = submitPatiently(parts, upstream);
  await arrived;
  await advance(leaseMs);
  release();
  expect(await submitted).toMatchObject({ status: 'FAILED', failureCode: 'UPSTREAM_PAYMENT_REQUIRED' });
});

test('after a restart tracking goes on where it was', async () => {
  const upstream = await startUpstream();
  upstream.onCheck = status('processing');
  const databaseUrl = await freshDatabase();
  const before = await createTestDomain(upstream, { databaseUrl });
  const { id } = await before.submit();
  await before.advance(30_000);
  const left = await before.find(id);
  await before.tracker.stop();

  upstream.onCheck = completed;
  const after = await createTestDomain(upstream, { databaseUrl, clock: { now: before.clock.now } });
  await after.advance(left.nextCheckAt!.getTime() - after.clock.now.getTime() - 1);
  expect(await after.find(id)).toEqual(left);
  await after.advance(1);
  expect((await after.find(id)).status).toBe('COMPLETED');
  expect(upstream.submits).toHaveLength(1);
});

test('a task that was being checked when its process died is checked again once its lease has run out', async () => {
  const upstream = await startUpstream();
  const { submit, parts, clock, advance, find } = await createTestDomain(upstream);
  const { id } = await submit();
  clock.now = new Date(clock.now.getTime() + 30_000);
  const dead = { ...parts, upstream: { ...parts.upstream, check: () => never } };
  void trackerWith(dead, { concurrency: 10, leaseMs: 30_000, pollMs: 1_000 }).checkDue();
  await expect.poll(async () => (await find(id)).leasedUntil).toEqual(new Date(clock.now.getTime() + 30_000));

  await advance(29_999);
  expect((await find(id)).status).toBe('QUEUED');
  await advance(1);
  expect((await find(id)).status).toBe('COMPLETED');
});

test.each(databaseProviders)('two trackers on one %s database check each task once a round', async (provider) => {
  const upstream = await startUpstream();
  const clock = { now: new Date('2026-11-22T12:00:00Z') };
  const databaseUrl = await freshDatabase(provider);
  const [first, second] = [
    await createTestDomain(upstream, { databaseUrl, clock }),
    await createTestDomain(upstream, { databaseUrl, clock }),
  ];
  const tasks = await Promise.all(Array.from({ length: 40 }, first.submit));
  upstream.onCheck = status('processing');
  for (let round = 1; round <= 3; round++) {
    clock.now = new Date(clock.now.getTime() + 45_000);
    // A tracker that loses a race for tasks claims again, as it would on its next turn.
    for (let turn = 0; turn < 3; turn++) await Promise.all([first.tracker.checkDue(), second.tracker.checkDue()]);
    expect(upstream.checks).toHaveLength(tasks.length * round);
    expect(new Set(upstream.checks.slice(-tasks.length)).size).toBe(tasks.length);
  }
});

test.each(databaseProviders)(
  'the result of a paused tracker is not written over a later change, on %s',
  async (provider) => {
    const upstream = await startUpstream();
    const { answer, arrived, release } = held(status('processing'));
    upstream.onCheck = answer;
    const databaseUrl = await freshDatabase(provider);
    const paused = await createTestDomain(upstream, { databaseUrl });
    const hints: string[] = [];
    const { id } = await paused.submit();
    paused.parts.signals.subscribe(id, () => hints.push(id));
    const stale = paused.advance(30_000);
    await arrived;

    upstream.onCheck = completed;
    const other = await createTestDomain(upstream, { databaseUrl, clock: { now: paused.clock.now } });
    await other.advance(29_999);
    expect(upstream.checks).toHaveLength(1);
    await other.advance(1);
    const finished = await other.find(id);
    expect(finished.status).toBe('COMPLETED');

    release();
    await stale;
    expect(await other.find(id)).toEqual(finished);
    // On PostgreSQL each is also notified of the other's change.
    if (provider === 'sqlite') expect(hints).toEqual([]);
  },
);
