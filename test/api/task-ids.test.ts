import { describe, expect, test } from 'vitest';
import { databaseProviders } from '../support/database.ts';
import { countTasks, taskIn } from '../support/placing.ts';
import { createTrackedApp } from '../support/tracked-app.ts';

describe.each(databaseProviders)('an id in upper case, on %s', (provider) => {
  test('finds the same task by every path', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('FAILED', app);
    const upper = id.toUpperCase();
    expect(upper).not.toBe(id);
    const document =
      'query ($id: ID!, $r: [_Any!]!) { videoTask(id: $id) { id } _entities(representations: $r) { ... on VideoTask { id } } }';
    const r = [upper, id].map((each) => ({ __typename: 'VideoTask', id: each }));
    expect(await app.query(document, { id: upper, r })).toEqual({
      data: { videoTask: { id }, _entities: [{ id }, { id }] },
    });
    const events = app.subscribe('subscription ($id: ID!) { videoTaskUpdated(id: $id) { id status } }', { id: upper });
    expect((await events.next()).value).toEqual({ data: { videoTaskUpdated: { id, status: 'FAILED' } } });
    expect((await events.next()).done).toBe(true);
  });

  test('is told of each change of the task', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('QUEUED', app);
    const states: string[] = [];
    const document = 'subscription ($id: ID!) { videoTaskUpdated(id: $id) { status } }';
    for await (const { data } of app.subscribe(document, { id: id.toUpperCase() })) {
      states.push(data.videoTaskUpdated.status);
      app.untilNextCheck();
    }
    expect(states).toEqual(['QUEUED', 'COMPLETED']);
  });

  test('orders the same task again, under one key once, and links the two', async () => {
    const app = await createTrackedApp(provider);
    const id = await taskIn('FAILED', app);
    const document =
      'mutation ($id: ID!) { resubmitVideo(id: $id, idempotencyKey: "again") { replayed task { id resubmissionOf { id } } } }';
    const first = (await app.query(document, { id: id.toUpperCase() })).data.resubmitVideo;
    expect(first).toMatchObject({ replayed: false, task: { resubmissionOf: { id } } });
    expect((await app.query(document, { id })).data.resubmitVideo).toEqual({ ...first, replayed: true });
    const { data } = await app.query('query ($id: ID!) { videoTask(id: $id) { resubmissions { id } } }', { id });
    expect(data.videoTask.resubmissions).toEqual([{ id: first.task.id }]);
    expect(await countTasks(app)).toBe(2);
  });

  test('gives up, and confirms, the same task', async () => {
    const app = await createTrackedApp(provider);
    const [one, other] = [await taskIn('UNCONFIRMED', app), await taskIn('UNCONFIRMED', app)];
    const abandoned = await app.query('mutation ($id: ID!) { abandonVideoTask(id: $id) { task { id status } } }', {
      id: one.toUpperCase(),
    });
    expect(abandoned).toEqual({ data: { abandonVideoTask: { task: { id: one, status: 'FAILED' } } } });
    const confirmed = await app.query(
      'mutation ($id: ID!) { confirmVideoTask(id: $id, upstreamId: "video_found") { task { id status } } }',
      { id: other.toUpperCase() },
    );
    expect(confirmed).toEqual({ data: { confirmVideoTask: { task: { id: other, status: 'QUEUED' } } } });
  });

  test('is the same cursor', async () => {
    const app = await createTrackedApp(provider);
    for (let count = 0; count < 3; count++) await taskIn('QUEUED', app);
    const page = async (args: object) => {
      const document =
        'query ($first: Int, $last: Int, $after: String, $before: String) { videoTasks(first: $first, last: $last, after: $after, before: $before) { edges { cursor } } }';
      return (await app.query(document, { ...args })).data.videoTasks.edges.map(
        ({ cursor }: { cursor: string }) => cursor,
      );
    };
    const [newest, middle, oldest] = await page({ first: 3 });
    expect(await page({ first: 5, after: newest.toUpperCase() })).toEqual([middle, oldest]);
    expect(await page({ last: 5, before: oldest.toUpperCase() })).toEqual([newest, middle]);
  });
});

test('an empty list in a filter is a condition that no task meets, and null is none', async () => {
  const app = await createTrackedApp();
  await taskIn('QUEUED', app);
  const found = async (filter: object) => {
    const document = 'query ($filter: VideoTaskFilter) { videoTasks(filter: $filter) { edges { cursor } } }';
    return (await app.query(document, { filter })).data.videoTasks.edges.length;
  };
  for (const name of ['statuses', 'models', 'clients']) {
    expect.soft(await found({ [name]: [] }), name).toBe(0);
    expect.soft(await found({ [name]: null }), name).toBe(1);
  }
  expect(await found({})).toBe(1);
  const { data } = await app.query('{ __type(name: "VideoTaskFilter") { description } }');
  expect(data.__type.description).toContain('met by all tasks, an empty list by none');
});
