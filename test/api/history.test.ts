import { describe, expect, test } from 'vitest';
import { anOrder } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import { minuteMs } from '../support/domain.ts';
import { held } from '../support/held-answer.ts';
import { begin, crashDuringSubmit, leaseMs, placed, readTask, taskIn } from '../support/placing.ts';
import { abandon, confirm } from '../support/resolving.ts';
import { createTrackedApp, type TrackedApp } from '../support/tracked-app.ts';
import { type Answer, completed, reply, reset, status } from '../support/upstream.ts';

/** So many minutes after the clock of these tests began. */
const minute = (count: number): string => new Date(begin.getTime() + count * minuteMs).toISOString();

interface Change {
  readonly from: string;
  readonly to: string;
  readonly at: string;
  readonly cause: string;
  readonly upstreamStatus: string | null;
  readonly attempt: number;
}

/** The whole history of a task; its end is the task as it is. */
async function historyOf(app: TrackedApp, id: string): Promise<Change[]> {
  const task = await readTask(app, id);
  const changes: Change[] = task.history.edges.map(({ node }: { node: Change }) => node);
  const last = changes.at(-1);
  expect(last).toMatchObject({ to: task.status, upstreamStatus: task.upstreamStatus });
  expect(changes.map(({ from }) => from)).toEqual(['SUBMITTING', ...changes.slice(0, -1).map(({ to }) => to)]);
  return changes;
}

/** Lets the task be checked once more, a minute later, and waits until that is recorded. */
async function check({ upstream, untilNextCheck, query }: TrackedApp, id: string, onCheck: Answer): Promise<void> {
  const document = 'query ($id: ID!) { videoTask(id: $id) { lastCheckedAt nextCheckAt } }';
  const read = async () => (await query(document, { id })).data.videoTask;
  const before = await read();
  const checks = upstream.checks.length;
  upstream.onCheck = onCheck;
  untilNextCheck();
  await expect.poll(() => upstream.checks.length).toBeGreaterThan(checks);
  await expect.poll(read).not.toEqual(before);
}

const queued = (at: string): Change => ({
  from: 'SUBMITTING',
  to: 'QUEUED',
  at,
  cause: 'SUBMIT',
  upstreamStatus: 'queued',
  attempt: 0,
});

const lost = (at: string): Change => ({ ...queued(at), to: 'UNCONFIRMED', upstreamStatus: null });

describe.each(databaseProviders)('on %s', (provider) => {
  test('the life of a task is recorded change by change, and a check that brings nothing new is not', async () => {
    const app = await createTrackedApp(provider);
    const id = await app.submit(anOrder);
    const answers = [
      status('queued'),
      status('Rendering_Frames'),
      status('processing'),
      status('processing'),
      status('queued'),
      reply(404, { message: 'no such task' }),
      reply(400),
      completed,
    ];
    for (const answer of answers) await check(app, id, answer);
    const seen = { cause: 'CHECK' };
    expect(await historyOf(app, id)).toEqual([
      queued(minute(0)),
      { ...seen, from: 'QUEUED', to: 'QUEUED', at: minute(2), upstreamStatus: 'Rendering_Frames', attempt: 2 },
      { ...seen, from: 'QUEUED', to: 'PROCESSING', at: minute(3), upstreamStatus: 'processing', attempt: 3 },
      // The upstream's word alone has changed: a task that is being made does not go back.
      { ...seen, from: 'PROCESSING', to: 'PROCESSING', at: minute(5), upstreamStatus: 'queued', attempt: 5 },
      { ...seen, from: 'PROCESSING', to: 'COMPLETED', at: minute(8), upstreamStatus: 'completed', attempt: 8 },
    ]);
  });

  test.each<[string, Answer, Partial<Change>]>([
    ['a refusal', reply(400, { message: 'No boats.' }), { to: 'FAILED', upstreamStatus: null }],
    ['a lost answer', reset, { to: 'UNCONFIRMED', upstreamStatus: null }],
    ['an answer without a status', reply(200, { id: 'video_1' }), { to: 'QUEUED', upstreamStatus: null }],
  ])('%s is recorded as what the submit brought', async (_, onSubmit, change) => {
    const app = await createTrackedApp(provider);
    app.upstream.onSubmit = onSubmit;
    const id = await app.submit(anOrder);
    expect(await historyOf(app, id)).toEqual([{ ...queued(minute(0)), ...change }]);
  });

  test('a confirmation is recorded, and what follows it', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('UNCONFIRMED', app);
    app.upstream.onCheck = completed;
    app.setTime(minute(5));
    await confirm(app, id, 'video_found');
    await expect.poll(async () => (await readTask(app, id)).status).toBe('COMPLETED');
    const at = minute(5);
    expect(await historyOf(app, id)).toEqual([
      lost(minute(0)),
      { from: 'UNCONFIRMED', to: 'QUEUED', at, cause: 'CONFIRM', upstreamStatus: null, attempt: 0 },
      { from: 'QUEUED', to: 'COMPLETED', at, cause: 'CHECK', upstreamStatus: 'completed', attempt: 1 },
    ]);
  });

  test('an abandonment is recorded', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('UNCONFIRMED', app);
    app.setTime(minute(5));
    await abandon(app, id);
    expect(await historyOf(app, id)).toEqual([
      lost(minute(0)),
      { from: 'UNCONFIRMED', to: 'FAILED', at: minute(5), cause: 'ABANDON', upstreamStatus: null, attempt: 0 },
    ]);
  });

  test('the recovery of a task whose process died is recorded', async () => {
    const app = await createTrackedApp(provider);
    const id = await crashDuringSubmit(app, { now: begin });
    app.setTime(new Date(begin.getTime() + leaseMs));
    await expect.poll(async () => (await readTask(app, id)).status).toBe('UNCONFIRMED');
    expect(await historyOf(app, id)).toEqual([{ ...lost(minute(1)), cause: 'RECOVERY' }]);
  });

  test('a task of whose submit nothing is known yet has no history', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('SUBMITTING', app);
    expect((await readTask(app, id)).history.edges).toEqual([]);
  });
});

test('an answer that was missed and comes after all is recorded after the recovery', async () => {
  const app = await createTrackedApp();
  const order = held(reply(200, { id: 'video_late', status: 'queued' }));
  app.upstream.onSubmit = order.answer;
  const submitted = placed(app, anOrder);
  await order.arrived;
  app.setTime(new Date(begin.getTime() + leaseMs));
  const unconfirmed = '{ videoTasks(filter: { statuses: [UNCONFIRMED] }) { edges { node { id } } } }';
  await expect.poll(async () => (await app.query(unconfirmed)).data.videoTasks.edges).toHaveLength(1);
  order.release();
  const { task } = await submitted;
  expect(await historyOf(app, task.id)).toEqual([
    { ...lost(minute(1)), cause: 'RECOVERY' },
    { ...queued(minute(1)), from: 'UNCONFIRMED' },
  ]);
});

test('the third 404 in a row is a change, the first two are not', async () => {
  const app = await createTrackedApp();
  const id = await app.submit(anOrder);
  for (let count = 1; count <= 3; count++) await check(app, id, reply(404, { message: 'no such task' }));
  const failed = { from: 'QUEUED', to: 'FAILED', at: minute(3), cause: 'CHECK', upstreamStatus: 'queued', attempt: 3 };
  expect(await historyOf(app, id)).toEqual([queued(minute(0)), failed]);
});

test('a task that is given up after a day says so in its history', async () => {
  const app = await createTrackedApp();
  const id = await app.submit(anOrder);
  app.setTime(minute(24 * 60 - 1));
  await check(app, id, status('queued'));
  await expect.poll(async () => (await readTask(app, id)).status).toBe('FAILED');
  const failed = { from: 'QUEUED', to: 'FAILED', cause: 'CHECK', upstreamStatus: 'queued', attempt: 1 };
  expect(await historyOf(app, id)).toEqual([queued(minute(0)), { ...failed, at: minute(24 * 60) }]);
});

test('a clock that is set back does not change the order of the history', async () => {
  const app = await createTrackedApp();
  app.setTime(minute(60));
  const id = await taskIn('UNCONFIRMED', app);
  app.setTime(minute(0));
  await abandon(app, id);
  const times = (await historyOf(app, id)).map(({ at }) => Date.parse(at));
  expect(times).toEqual(times.toSorted((one, other) => one - other));
});
