import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { VideoTask } from '../../src/tasks/task.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { createTestDomain, minuteMs, type TestDomain, trackerWith } from '../support/domain.ts';
import { held } from '../support/held-answer.ts';
import { holdWriteLock } from '../support/sqlite-lock.ts';
import { recordStatements } from '../support/statements.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { type Answer, hang, inTurn, reply, startUpstream, status } from '../support/upstream.ts';

const queued = status('queued');
const notFound = reply(404, { message: 'no such task' });
const secondMs = 1_000;

const settings = { concurrency: 10, leaseMs: 30_000, pollMs: 1_000 };

const idOf = (request: { url?: string | undefined }): string => request.url?.split('/').at(-1) ?? '';

/** So many tasks, all due, over an upstream that has been asked about none of them. */
async function dueTasks(count: number, databaseUrl: string) {
  const upstream = await startUpstream();
  const test = await createTestDomain(upstream, { databaseUrl });
  // One after another: together, on a busy machine, some would not be answered in time.
  const tasks: VideoTask[] = [];
  for (let index = 0; index < count; index++) tasks.push(await test.submit());
  test.clock.now = new Date(test.clock.now.getTime() + 30 * secondMs);
  const read = () => Promise.all(tasks.map(({ id }) => test.find(id)));
  return { ...test, upstream, databaseUrl, tasks, read };
}

/** The row after a check that brought nothing new. */
const checked = (task: VideoTask, { clock }: Pick<TestDomain, 'clock'>): VideoTask => ({
  ...task,
  version: task.version + 2,
  checkCount: task.checkCount + 1,
  lastCheckedAt: clock.now,
  nextCheckAt: expect.any(Date),
});

describe.each(databaseProviders)('checks that bring nothing new, on %s', (provider) => {
  test('are recorded with every task’s own times and counts', async () => {
    const { tracker, tasks, read, clock, upstream, find } = await dueTasks(25, await freshDatabase(provider));
    const missing = tasks[3]!.upstreamId;
    const broken = tasks[5]!.upstreamId;
    upstream.onCheck = (response, request) => {
      const answers: Record<string, Answer> = { [`${missing}`]: notFound, [`${broken}`]: reply(501) };
      (answers[idOf(request)] ?? queued)(response, request);
    };
    await tracker.checkDue();
    const expected = tasks.map((task) => checked(task, { clock }));
    expected[3] = { ...expected[3]!, repeatedAnswer: 'UPSTREAM_TASK_NOT_FOUND', repeatedAnswerCount: 1 };
    expected[5] = { ...expected[5]!, lastCheckedAt: null };
    const first = await read();
    expect(first).toEqual(expected);
    expect(new Set(first.map(({ nextCheckAt }) => nextCheckAt?.getTime())).size).toBeGreaterThan(15);

    upstream.onCheck = queued;
    clock.now = new Date(clock.now.getTime() + minuteMs);
    await tracker.checkDue();
    expect(await read()).toEqual(
      first.map((task) => ({ ...checked(task, { clock }), repeatedAnswer: null, repeatedAnswerCount: 0 })),
    );
    expect((await find(tasks[0]!.id)).checkCount).toBe(2);
  });

  test('are written many at once, and tasks that are due together are claimed together', async () => {
    const { parts, read, upstream } = await dueTasks(60, await freshDatabase(provider));
    upstream.onCheck = queued;
    const statements = recordStatements();
    const tracker = trackerWith(parts, { ...settings, concurrency: 20 });
    tracker.start();
    const all = async () => (await read()).every(({ checkCount }) => checkCount === 1);
    await expect.poll(all, { timeout: 10_000, interval: 100 }).toBe(true);
    await tracker.stop();
    const writes = statements.filter((text) => /^\s*UPDATE/i.test(text));
    // One by one there would be two for each task.
    expect(writes.length).toBeLessThan(60);
  });

  test('are not written over what came later', async () => {
    const databaseUrl = await freshDatabase(provider);
    const { answer, arrived, release } = held(queued);
    const { tracker, tasks, read, clock, upstream, parts } = await dueTasks(3, databaseUrl);
    upstream.onCheck = answer;
    const checking = tracker.checkDue();
    await arrived;
    await expect.poll(() => upstream.checks).toHaveLength(3);
    // Another instance claimed it, because its lease had ended.
    const [claimed] = await read();
    const later = await parts.store.update(claimed!, { upstreamStatus: 'said to somebody else' });
    release();
    await checking;
    expect(await read()).toEqual([later, checked(tasks[1]!, { clock }), checked(tasks[2]!, { clock })]);
  });

  test('are written by a stop, and an aborted check leaves its task without a lease and due as before', async () => {
    const { parts, tasks, read, clock, upstream } = await dueTasks(3, await freshDatabase(provider));
    upstream.onCheck = inTurn(queued, queued, hang);
    let replies = 0;
    const check: typeof parts.upstream.check = (...asked) =>
      parts.upstream.check(...asked).finally(() => {
        replies += 1;
      });
    const tracker = trackerWith({ ...parts, upstream: { ...parts.upstream, check } }, settings);
    tracker.start();
    // While one of them is under way, the others wait in the batch.
    await expect.poll(() => replies, { interval: 1 }).toBe(2);
    await expect.poll(() => upstream.checks).toHaveLength(3);
    await tracker.stop();
    const hung = upstream.checks.at(-1);
    expect(await read()).toEqual(
      tasks.map((task) => {
        const brokenOff = { ...task, version: task.version + 2 };
        return task.upstreamId === hung ? brokenOff : checked(task, { clock });
      }),
    );
  });

  test('are visible at once to every reader', async () => {
    const { upstream, submit, query, untilNextCheck } = await createTrackedApp(provider);
    upstream.onCheck = queued;
    const id = await submit({ grokVideo3: { prompt: 'A paper boat' } });
    const times = async () => {
      const { data } = await query('query ($id: ID!) { videoTask(id: $id) { lastCheckedAt nextCheckAt } }', { id });
      return data.videoTask as { lastCheckedAt: string | null; nextCheckAt: string };
    };
    const before = await times();
    expect(before.lastCheckedAt).toBeNull();
    untilNextCheck();
    await expect.poll(async () => (await times()).lastCheckedAt).toBe('2026-11-22T12:01:00.000Z');
    expect((await times()).nextCheckAt > '2026-11-22T12:01:00.000Z').toBe(true);
  });
});

test('checks that cannot be written are said in the log, and made again when their leases have run out', async () => {
  const { parts, tasks, read, clock, upstream, databaseUrl } = await dueTasks(2, await freshDatabase());
  let released: Promise<unknown> | undefined;
  upstream.onCheck = async (response, request) => {
    // Longer than a write waits.
    if (upstream.checks.length === tasks.length) ({ released } = await holdWriteLock(databaseUrl, 4_000));
    queued(response, request);
  };
  const lines: { msg: string; tasks: number }[] = [];
  const log = pino({ level: 'error' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const tracker = trackerWith({ ...parts, log }, settings);
  await tracker.checkDue();
  expect(lines.map(({ msg }) => msg)).toContain('checks could not be recorded');
  await released;
  expect((await read()).some(({ checkCount }) => checkCount === 0)).toBe(true);

  upstream.onCheck = queued;
  clock.now = new Date(clock.now.getTime() + settings.leaseMs);
  await tracker.checkDue();
  expect((await read()).map(({ checkCount, leasedUntil }) => [checkCount, leasedUntil])).toEqual([
    [1, null],
    [1, null],
  ]);
});
