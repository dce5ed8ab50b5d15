import { describe, expect, test } from 'vitest';
import { type ModelName, modelNames } from '../../src/catalogue/models.ts';
import { createTestApp, type TestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { minuteMs } from '../support/domain.ts';
import { orderOf } from '../support/orders.ts';
import { type Answer, inTurn, reply, reset } from '../support/upstream.ts';

const listDocument = /* GraphQL */ `
  query ($first: Int, $last: Int, $after: String, $before: String, $filter: VideoTaskFilter) {
    videoTasks(first: $first, last: $last, after: $after, before: $before, filter: $filter) {
      edges { cursor node { id } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;

interface Page {
  readonly ids: string[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

/** Asks for a page as a client would, and holds its cursors to those of its items. */
async function page({ query }: TestApp, variables: Record<string, unknown> = {}): Promise<Page> {
  const { data, errors } = await query(listDocument, variables);
  expect(errors).toBeUndefined();
  const { edges, pageInfo }: { edges: { cursor: string; node: { id: string } }[]; pageInfo: Page['pageInfo'] } =
    data.videoTasks;
  expect(pageInfo.startCursor).toBe(edges[0]?.cursor ?? null);
  expect(pageInfo.endCursor).toBe(edges.at(-1)?.cursor ?? null);
  return { ids: edges.map(({ node }) => node.id), pageInfo };
}

interface ListedTask {
  readonly id: string;
  readonly model: ModelName;
  readonly status: string;
  readonly createdAt: string;
}

const submitDocument = /* GraphQL */ `
  mutation ($input: SubmitVideoInput!) {
    submitVideo(input: $input, options: { whenBusy: FAIL }) { task { id model status createdAt } }
  }
`;

/**
 * The outcomes of the orders, in turn: the first is accepted, the second refused, and the answer to the third is lost.
 */
const outcomes = (): Answer => {
  const accept = reply(200, { id: 'video_1', status: 'queued' });
  const rounds = Array.from({ length: 30 }, () => [accept, reply(400, { message: 'No.' }), reset]);
  return inTurn(...rounds.flat());
};

/** A list of tasks of all models and of several states, one a minute; the newest comes first. */
async function listOf(count: number, databaseUrl: string): Promise<{ app: TestApp; tasks: ListedTask[] }> {
  let nowMs = Date.parse('2026-11-22T12:00:00.000Z');
  const app = await createTestApp({ databaseUrl, now: () => new Date(nowMs) });
  app.upstream.onSubmit = outcomes();
  const tasks: ListedTask[] = [];
  for (let index = 0; index < count; index++) {
    const input = orderOf(modelNames[index % modelNames.length]!);
    const { data } = await app.query(submitDocument, { input });
    tasks.unshift(data.submitVideo.task);
    nowMs += minuteMs;
  }
  return { app, tasks };
}

const idsOf = (tasks: readonly ListedTask[]): string[] => tasks.map(({ id }) => id);

describe.each(databaseProviders)('on %s', (provider) => {
  test('the first 20 tasks are listed where no page size is given, newest first', async () => {
    const { app, tasks } = await listOf(21, await freshDatabase(provider));
    const newest = idsOf(tasks.slice(0, 20));
    const { ids, pageInfo } = await page(app);
    expect(ids).toEqual(newest);
    expect(pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const { data } = await app.query('{ videoTasks(first: 100) { edges { node { id } } } }');
    expect(data.videoTasks.edges).toHaveLength(21);
  });

  test('forward pages make the whole list, and so do backward pages', async () => {
    const { app, tasks } = await listOf(6, await freshDatabase(provider));
    const [newer, middle, older] = [tasks.slice(0, 2), tasks.slice(2, 4), tasks.slice(4)].map(idsOf);

    const first = await page(app, { first: 2 });
    const second = await page(app, { first: 2, after: first.pageInfo.endCursor });
    const third = await page(app, { first: 2, after: second.pageInfo.endCursor });
    expect([first.ids, second.ids, third.ids]).toEqual([newer, middle, older]);
    expect([first, second, third].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, true, false]);
    expect(first.pageInfo.hasPreviousPage).toBe(false);

    const last = await page(app, { last: 2 });
    const secondLast = await page(app, { last: 2, before: last.pageInfo.startCursor });
    const thirdLast = await page(app, { last: 2, before: secondLast.pageInfo.startCursor });
    expect([last.ids, secondLast.ids, thirdLast.ids]).toEqual([older, middle, newer]);
    expect([last, secondLast, thirdLast].map(({ pageInfo }) => pageInfo.hasPreviousPage)).toEqual([true, true, false]);
    expect(last.pageInfo.hasNextPage).toBe(false);
  });

  test('a page lies between its two cursors, counted from the side that is asked for', async () => {
    const { app, tasks } = await listOf(6, await freshDatabase(provider));
    const ids = idsOf(tasks);
    const between = { after: ids[0], before: ids[5] };
    expect((await page(app, { first: 3, ...between })).ids).toEqual(ids.slice(1, 4));
    expect((await page(app, { last: 3, ...between })).ids).toEqual(ids.slice(2, 5));
    expect((await page(app, { first: 10, before: ids[2] })).ids).toEqual(ids.slice(0, 2));
    expect((await page(app, { last: 10, after: ids[3] })).ids).toEqual(ids.slice(4));
  });

  test('an empty page has no cursors and still says whether the list goes on', async () => {
    const { app, tasks } = await listOf(1, await freshDatabase(provider));
    const nothing = { ids: [], pageInfo: { startCursor: null, endCursor: null } };
    const afterTheEnd = await page(app, { first: 5, after: tasks[0]!.id });
    expect(afterTheEnd).toMatchObject({ ...nothing, pageInfo: { hasNextPage: false, hasPreviousPage: true } });
    const beforeTheStart = await page(app, { last: 5, before: tasks[0]!.id });
    expect(beforeTheStart).toMatchObject({ ...nothing, pageInfo: { hasNextPage: true, hasPreviousPage: false } });
    expect(await page(app, { first: 0 })).toMatchObject({ ids: [], pageInfo: { hasNextPage: true } });
    expect(await page(app, { last: 0 })).toMatchObject({ ids: [], pageInfo: { hasPreviousPage: true } });
    expect(await page(app, { filter: { statuses: ['COMPLETED'] } })).toMatchObject({
      ids: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false },
    });
  });

  test('a filter leaves the tasks that meet each of its conditions', async () => {
    const { app, tasks } = await listOf(12, await freshDatabase(provider));
    expect(new Set(tasks.map(({ status }) => status))).toEqual(new Set(['QUEUED', 'FAILED', 'UNCONFIRMED']));
    const [from, to] = [tasks[8]!.createdAt, tasks[3]!.createdAt];
    const aMillisecondLater = (time: string) => new Date(Date.parse(time) + 1).toISOString();
    const cases: [filter: object, meets: (task: ListedTask) => boolean][] = [
      [{}, () => true],
      [{ statuses: null, models: null, ids: null, createdAfter: null, createdBefore: null }, () => true],
      [{ statuses: ['FAILED'] }, ({ status }) => status === 'FAILED'],
      [{ statuses: ['FAILED', 'UNCONFIRMED'] }, ({ status }) => status !== 'QUEUED'],
      [{ statuses: [] }, () => false],
      [{ models: ['GROK_VIDEO3_MAX'] }, ({ model }) => model === 'GROK_VIDEO3_MAX'],
      [{ models: modelNames.slice(1) }, ({ model }) => model !== modelNames[0]],
      [{ ids: [tasks[2]!.id, tasks[9]!.id.toUpperCase()] }, ({ id }) => id === tasks[2]!.id || id === tasks[9]!.id],
      [{ ids: [tasks[2]!.id], statuses: [] }, () => false],
      [{ ids: [] }, () => false],
      [{ createdAfter: from }, ({ createdAt }) => createdAt >= from],
      [{ createdAfter: aMillisecondLater(from) }, ({ createdAt }) => createdAt > from],
      [{ createdBefore: to }, ({ createdAt }) => createdAt < to],
      [{ createdBefore: aMillisecondLater(to) }, ({ createdAt }) => createdAt <= to],
      [{ createdAfter: '1969-12-31T23:59:59Z', createdBefore: '9999-12-31T23:59:59Z' }, () => true],
      [
        { createdAfter: '2026-11-22T14:00:00+02:00', createdBefore: '2026-11-22T14:01:00+02:00' },
        ({ id }) => id === tasks.at(-1)!.id,
      ],
      [
        {
          statuses: ['QUEUED', 'FAILED'],
          models: ['GROK_VIDEO3', 'GROK_VIDEO3_PRO'],
          createdAfter: from,
          createdBefore: to,
        },
        ({ status, model, createdAt }) =>
          status !== 'UNCONFIRMED' &&
          ['GROK_VIDEO3', 'GROK_VIDEO3_PRO'].includes(model) &&
          createdAt >= from &&
          createdAt < to,
      ],
    ];
    for (const [filter, meets] of cases) {
      expect([filter, (await page(app, { filter })).ids]).toEqual([filter, idsOf(tasks.filter(meets))]);
    }
  });

  test('a filter holds across pages', async () => {
    const { app, tasks } = await listOf(12, await freshDatabase(provider));
    const filter = { models: ['GROK_VIDEO3'], createdBefore: tasks[1]!.createdAt };
    const matching = idsOf(tasks.filter(({ model }) => model === 'GROK_VIDEO3'));
    expect(matching).toHaveLength(3);
    const first = await page(app, { first: 2, filter });
    const second = await page(app, { first: 2, after: first.pageInfo.endCursor, filter });
    const last = await page(app, { last: 2, filter });
    expect([first.ids, second.ids, last.ids]).toEqual([matching.slice(0, 2), matching.slice(2), matching.slice(1)]);
    expect([first, second].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, false]);
  });
});

test.each<[what: string, variables: Record<string, unknown>, paths: string[]]>([
  ['more than 100 from the start', { first: 101 }, ['first']],
  ['more than 100 from the end', { last: 101 }, ['last']],
  ['a negative number from the start', { first: -1 }, ['first']],
  ['a negative number from the end', { last: -1 }, ['last']],
  ['both ends at once', { first: 1, last: 1 }, ['last']],
  ['a cursor that is none, to go on after', { after: 'x' }, ['after']],
  ['a cursor that is none, to go on before', { before: '' }, ['before']],
  ['all of that', { first: 101, last: -1, after: 'x', before: 'y' }, ['first', 'last', 'after', 'before', 'last']],
])('a list is refused by the path of each problem where it is asked for %s', async (_, variables, paths) => {
  const { query } = await createTestApp();
  const { data, errors } = await query(listDocument, variables);
  expect(data).toBeNull();
  expect(errors).toHaveLength(1);
  expect(errors![0]).toMatchObject({ path: ['videoTasks'], extensions: { code: 'BAD_USER_INPUT' } });
  expect(errors![0]!.extensions.issues!.map(({ path }) => path)).toEqual(paths.map((name) => [name]));
});

test('an invalid time in a filter is refused as BAD_USER_INPUT', async () => {
  const { query } = await createTestApp();
  const { data, errors } = await query(listDocument, { filter: { createdAfter: 'yesterday' } });
  expect(data ?? null).toBeNull();
  expect(errors).toMatchObject([
    { message: expect.stringContaining('filter.createdAfter'), extensions: { code: 'BAD_USER_INPUT' } },
  ]);
});
