import { describe, expect, test } from 'vitest';
import { type TaskStatus, taskStatuses } from '../../src/tasks/task.ts';
import { anOrder, nothing } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { begin, leaseMs, placed, readTask, taskIn } from '../support/placing.ts';
import { abandon, confirm, missingIds, notFound, stateConflict, watchStatuses } from '../support/resolving.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { completed, reply, reset, videoUrl } from '../support/upstream.ts';

const otherStatuses = (Object.keys(taskStatuses) as TaskStatus[]).filter((status) => status !== 'UNCONFIRMED');

describe.each(databaseProviders)('on %s', (provider) => {
  test('a confirmed task is queued again and followed to its video, and its watchers get each change', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('UNCONFIRMED', app);
    const check = held(completed);
    app.upstream.onCheck = check.answer;
    const watch = watchStatuses(app, id);
    expect(await watch.next()).toMatchObject({ value: 'UNCONFIRMED' });

    const { data, errors } = await confirm(app, id, 'video_found');
    expect(errors).toBeUndefined();
    const followed = { id, status: 'QUEUED', upstreamId: 'video_found', failure: null, completedAt: null };
    expect(data.confirmVideoTask.task).toEqual({ ...followed, submittedAt: begin.toISOString() });
    expect(await watch.next()).toMatchObject({ value: 'QUEUED' });

    await check.arrived;
    check.release();
    expect(await watch.next()).toMatchObject({ value: 'COMPLETED' });
    expect(await watch.next()).toMatchObject({ done: true });
    expect(await readTask(app, id)).toMatchObject({ failure: null, video: { url: videoUrl } });
    expect(app.upstream.checks).toEqual(['video_found']);
    expect(app.upstream.submits).toHaveLength(1);
  });

  test('an abandoned task has failed and may still be billed, and its watchers get the change', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('UNCONFIRMED', app);
    const { failure } = await readTask(app, id);
    const watch = watchStatuses(app, id);
    expect(await watch.next()).toMatchObject({ value: 'UNCONFIRMED' });

    const { data } = await abandon(app, id);
    expect(failure).toMatchObject({ code: 'SUBMISSION_UNCONFIRMED', retryable: false, mayBeBilled: true });
    const ended = { id, status: 'FAILED', upstreamId: null, failure };
    expect(data.abandonVideoTask.task).toEqual({ ...ended, submittedAt: null, completedAt: begin.toISOString() });
    expect(await watch.next()).toMatchObject({ value: 'FAILED' });
    expect(await watch.next()).toMatchObject({ done: true });
    expect(app.upstream.submits).toHaveLength(1);
  });

  test('a task that is confirmed and abandoned at once becomes one of the two', async () => {
    const app = await createTrackedApp(provider);
    app.upstream.onCheck = held(completed).answer;
    const id = await taskIn('UNCONFIRMED', app);
    const answers = await Promise.all([confirm(app, id, 'video_found'), abandon(app, id)]);
    expect(answers.filter(({ errors }) => errors)).toMatchObject([stateConflict]);
    const { status, upstreamId, history } = await readTask(app, id);
    expect([status, upstreamId]).toEqual(answers[0]?.errors ? ['FAILED', null] : ['QUEUED', 'video_found']);
    expect(history.edges).toHaveLength(2);
  });

  test('a confirmation that is sent again, or twice at once, changes nothing more', async () => {
    const app = await createTrackedApp(provider);
    app.upstream.onCheck = held(completed).answer;
    const id = await taskIn('UNCONFIRMED', app);
    const duplicates = await Promise.all([confirm(app, id, 'video_found'), confirm(app, id, 'video_found')]);
    const before = await readTask(app, id);
    const again = await confirm(app, id, 'video_found');
    for (const { errors, data } of [...duplicates, again]) {
      expect.soft(errors).toBeUndefined();
      expect.soft(data?.confirmVideoTask.task).toMatchObject({ id, status: 'QUEUED', upstreamId: 'video_found' });
    }
    expect(before.history.edges).toHaveLength(2);
    expect(await readTask(app, id)).toEqual(before);
  });

  test("one order of the vendor's is only one task's, even if several are confirmed with it at once", async () => {
    const app = await createTrackedApp(provider);
    app.upstream.onCheck = held(completed).answer;
    const tasks: string[] = [];
    for (let count = 0; count < 5; count++) tasks.push(await taskIn('UNCONFIRMED', app));
    const answers = await Promise.all(tasks.map((id) => confirm(app, id, 'video_found')));
    expect(answers.filter(({ errors }) => errors)).toMatchObject(Array(4).fill(stateConflict));
    const statuses = await Promise.all(tasks.map(async (id) => (await readTask(app, id)).status));
    expect(statuses.filter((status) => status === 'QUEUED')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'UNCONFIRMED')).toHaveLength(4);
  });
});

test("another task's upstream id is refused, and both tasks stay as they were", async () => {
  const app = await createTrackedApp();
  const owner = await taskIn('COMPLETED', app);
  const id = await taskIn('UNCONFIRMED', app);
  const before = [await readTask(app, owner), await readTask(app, id)];
  const answer = await confirm(app, id, before[0].upstreamId);
  expect(answer).toMatchObject(stateConflict);
  expect([await readTask(app, owner), await readTask(app, id)]).toEqual(before);
});

test('a confirmation can be repeated after the task has ended', async () => {
  const app = await createTrackedApp();
  const id = await taskIn('UNCONFIRMED', app);
  await confirm(app, id, 'video_found');
  await expect.poll(async () => (await readTask(app, id)).status).toBe('COMPLETED');
  const before = await readTask(app, id);
  expect((await confirm(app, id, 'video_found')).data.confirmVideoTask.task.status).toBe('COMPLETED');
  expect(await confirm(app, id, 'video_another')).toMatchObject(stateConflict);
  expect(await readTask(app, id)).toEqual(before);
});

test.each(otherStatuses)('a task that is %s is neither confirmed nor abandoned', async (status) => {
  const app = await createTrackedApp();
  const id = await taskIn(status, app);
  const before = await readTask(app, id);
  for (const answer of [await confirm(app, id, 'video_found'), await abandon(app, id)]) {
    expect(answer).toMatchObject(stateConflict);
    expect(answer.errors?.[0]?.message).toContain(status);
  }
  expect(await readTask(app, id)).toEqual(before);
});

test.each(missingIds)('the missing task %s is neither confirmed nor abandoned', async (id) => {
  const app = await createTrackedApp();
  await taskIn('QUEUED', app);
  expect.soft(await abandon(app, id)).toMatchObject(notFound);
  expect.soft(await confirm(app, id, 'video_found')).toMatchObject(notFound);
  // A caller that asks about a missing task must not learn which task has the upstream id.
  expect.soft(await confirm(app, id, 'video_1')).toMatchObject(notFound);
});

test.each([
  ['empty', ''],
  ['blank', ' \n\t'],
  ['256 characters', 'x'.repeat(256)],
  ['a step in the path', '.'],
  ['a step back in the path', '..'],
  ['a step back with blanks around it', ' .. '],
  ['a character that PostgreSQL cannot store', 'video\u0000'],
  ['half of a surrogate pair', 'video\ud83d'],
])('an upstream id that is %s is refused', async (_, upstreamId) => {
  const app = await createTrackedApp();
  const id = await taskIn('UNCONFIRMED', app);
  const { data, errors } = await confirm(app, id, upstreamId);
  expect.soft(data).toEqual(nothing);
  expect.soft(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['upstreamId'] }] } }]);
  expect((await readTask(app, id)).status).toBe('UNCONFIRMED');
});

test.each(['x'.repeat(255), 'video grok/1?a=b#c%2F', 'видео-🎞'])(
  'the upstream id %s is asked about as it is, without the blanks around it',
  async (upstreamId) => {
    const app = await createTrackedApp();
    const id = await taskIn('UNCONFIRMED', app);
    const { data } = await confirm(app, id, ` ${upstreamId}\n`);
    expect(data.confirmVideoTask.task.upstreamId).toBe(upstreamId);
    await expect.poll(async () => (await readTask(app, id)).status).toBe('COMPLETED');
    expect(app.upstream.checks).toEqual([upstreamId]);
  },
);

test('an abandoned order keeps its key, so that it is not ordered again by mistake', async () => {
  const app = await createTrackedApp();
  app.upstream.onSubmit = reset;
  const { task } = await placed(app, anOrder, 'boat-1');
  await abandon(app, task.id);
  expect(await placed(app, anOrder, 'boat-1')).toMatchObject({
    replayed: true,
    task: { id: task.id, status: 'FAILED', failure: { code: 'SUBMISSION_UNCONFIRMED' } },
  });
  expect(app.upstream.submits).toHaveLength(1);
});

test('an answer that comes after its task was given up and abandoned is still recorded', async () => {
  const app = await createTrackedApp();
  const order = held(reply(200, { id: 'video_late', status: 'queued' }));
  app.upstream.onSubmit = order.answer;
  const submitted = placed(app, anOrder);
  await order.arrived;
  // As in a process that was paused for longer than its lease.
  app.setTime(new Date(begin.getTime() + leaseMs));
  const unconfirmed = '{ videoTasks(filter: { statuses: [UNCONFIRMED] }) { edges { node { id } } } }';
  const givenUp = async () => (await app.query(unconfirmed)).data.videoTasks.edges;
  await expect.poll(givenUp).toHaveLength(1);
  const [{ node }] = await givenUp();
  await abandon(app, node.id);
  order.release();
  const { task } = await submitted;
  // It was paid, so the operator needs the id to ask the vendor about it.
  expect(task).toMatchObject({ id: node.id, upstreamId: 'video_late' });
  expect(await readTask(app, node.id)).toMatchObject({ upstreamId: 'video_late' });
});
