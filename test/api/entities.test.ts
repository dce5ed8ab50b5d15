import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { capabilityOf } from '../../src/catalogue/models.ts';
import type { Provider } from '../../src/database/database.ts';
import { type Answer, createTestApp, type TestApp } from '../support/app.ts';
import { as, createKeyFor } from '../support/callers.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { recordStatements } from '../support/statements.ts';
import { at, create, openStore } from '../support/task-store.ts';

const fields = 'id client model prompt status createdAt';

const entitiesDocument = /* GraphQL */ `
  query ($representations: [_Any!]!) {
    _entities(representations: $representations) {
      __typename
      ... on VideoTask { ${fields} }
      ... on VideoModel { name upstreamName }
    }
  }
`;

const unknownId = '01a20300-0000-7000-8000-000000000000';
const taskOf = (id: unknown) => ({ __typename: 'VideoTask', id });
const modelOf = (name: unknown) => ({ __typename: 'VideoModel', name });

/** What an answer says of the task with this number. */
const answered = (id: string, number: number) => ({
  __typename: 'VideoTask',
  id,
  client: 'app',
  model: 'GROK_VIDEO3',
  prompt: `Boat ${number}`,
  status: 'QUEUED',
  createdAt: at(number).toISOString(),
});

interface Graph {
  readonly testApp: TestApp;
  /** The app's tasks, called by their numbers. */
  readonly ids: readonly string[];
  /** A task of another client. */
  readonly foreignIds: readonly string[];
  ask(representations: readonly unknown[]): Promise<Answer>;
}

/** The service as a gateway sees it with the key of the client `app`. */
async function createGraph(provider: Provider, { own = 3, foreign = 1 } = {}): Promise<Graph> {
  const databaseUrl = await freshDatabase(provider);
  const store = await openStore(databaseUrl);
  const createMany = (client: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, number) => {
        const order = { client, prompt: `Boat ${number}`, createdAt: at(number), nextCheckAt: null };
        return (await create(store, order)).id;
      }),
    );
  const [ids, foreignIds] = [await createMany('app', own), await createMany('other', foreign)];
  const key = await createKeyFor(databaseUrl);
  const testApp = await createTestApp({ databaseUrl });
  return {
    testApp,
    ids,
    foreignIds,
    ask: (representations) => as(testApp, key).query(entitiesDocument, { representations }),
  };
}

const ofTasks = (statements: readonly string[]): readonly string[] => statements.filter((sql) => sql.includes('Task'));

const complaint = (index: number) => ({
  path: ['_entities', index],
  extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['representations', index] }] },
});

describe.each(databaseProviders)('_entities on %s', (provider) => {
  test('answers in the order of the representations, with null for what does not exist or may not be shown', async () => {
    const { ids, foreignIds, ask } = await createGraph(provider);
    const [first = '', second = '', third = ''] = ids;
    const representations = [
      taskOf(third),
      modelOf('GROK_VIDEO3_MAX'),
      taskOf(unknownId),
      taskOf(first),
      taskOf(foreignIds[0]),
      taskOf(third),
      taskOf('not a UUID'),
      taskOf(''),
      taskOf(second.toUpperCase()),
      taskOf('a\u0000b'),
      modelOf('GROK_VIDEO9'),
      modelOf('constructor'),
      { ...taskOf(second), prompt: 'Somebody else says so', product: { id: '1' } },
    ];
    const { upstreamName } = capabilityOf('GROK_VIDEO3_MAX');
    expect(await ask(representations)).toEqual({
      data: {
        _entities: [
          answered(third, 2),
          { __typename: 'VideoModel', name: 'GROK_VIDEO3_MAX', upstreamName },
          null,
          answered(first, 0),
          null,
          answered(third, 2),
          null,
          null,
          answered(second, 1),
          null,
          null,
          null,
          answered(second, 1),
        ],
      },
    });
  });

  test('answers an invalid reference with an error in its place, and all other entities', async () => {
    const { ids, ask } = await createGraph(provider);
    const [first = ''] = ids;
    const malformed = [
      {},
      { id: first },
      { __typename: null, id: first },
      { __typename: 'Product', id: first },
      { __typename: 'VideoResult', id: first },
      { __typename: '__proto__', id: first },
      { __typename: 'VideoTask' },
      taskOf(null),
      taskOf(42),
      taskOf([first]),
      modelOf(undefined),
      modelOf({ GROK_VIDEO3: true }),
      [taskOf(first)],
      first,
      0,
    ];
    const { data, errors } = await ask([taskOf(first), ...malformed, taskOf(first)]);
    expect(data._entities).toEqual([answered(first, 0), ...malformed.map(() => null), answered(first, 0)]);
    expect(errors).toMatchObject(malformed.map((_, index) => complaint(index + 1)));
  });

  test('reads 1,000 of all kinds with one statement', async () => {
    const { ids, foreignIds, ask } = await createGraph(provider, { own: 300, foreign: 100 });
    const kinds = [
      ...ids.map((id, number) => ({ asked: taskOf(id), answer: answered(id, number) })),
      ...foreignIds.map((id) => ({ asked: taskOf(id), answer: null })),
      ...Array.from({ length: 595 }, (_, index) => {
        return { asked: taskOf(`${unknownId.slice(0, -3)}${String(index).padStart(3, '0')}`), answer: null };
      }),
      ...Array.from({ length: 5 }, () => ({ asked: { __typename: 'Product', id: '1' }, answer: null })),
    ];
    // Every kind stands beside every other: 7 and 1,000 have no divisor in common.
    const mixed = kinds.map((_, index) => kinds[(index * 7) % kinds.length]!);
    expect(mixed).toHaveLength(1_000);
    const statements = recordStatements();
    const { data, errors } = await ask(mixed.map(({ asked }) => asked));
    expect(ofTasks(statements)).toEqual([expect.stringMatching(/^SELECT/)]);
    expect(data._entities).toEqual(mixed.map(({ answer }) => answer));
    expect(errors).toHaveLength(5);
  });

  test('reads 1,000 tasks with one statement, in about the time of the same tasks as lists', async () => {
    const { testApp, ids, ask } = await createGraph(provider, { own: 1_000 });
    const key = await createKeyFor(testApp.databaseUrl);
    const page = `query ($after: String) { videoTasks(first: 100, after: $after) {
      edges { node { __typename ${fields} } } pageInfo { endCursor }
    } }`;
    const representations = ids.toReversed().map(taskOf);

    async function readLists(): Promise<unknown[]> {
      const tasks = [];
      for (let after: string | null = null; tasks.length < 1_000; ) {
        const { data }: Answer = await as(testApp, key).query(page, { after });
        tasks.push(...data.videoTasks.edges.map(({ node }: { node: unknown }) => node));
        after = data.videoTasks.pageInfo.endCursor;
      }
      return tasks;
    }
    const readEntities = async (): Promise<unknown[]> => (await ask(representations)).data._entities;

    const [entitiesMs, listsMs] = [await medianMs(readEntities), await medianMs(readLists)];
    console.info(`1,000 tasks on ${provider}: _entities ${entitiesMs} ms, ten pages of a list ${listsMs} ms`);

    const statements = recordStatements();
    expect(await readEntities()).toEqual(await readLists());
    expect(ofTasks(statements)).toHaveLength(1 + 10);
  });

  test('reads nothing where there is nothing to look up, and refuses more than 1,000', async () => {
    const { ask } = await createGraph(provider, { own: 0, foreign: 0 });
    const statements = recordStatements();
    expect(await ask([])).toEqual({ data: { _entities: [] } });
    expect(await ask([taskOf('not a UUID'), modelOf('GROK_VIDEO3'), {}])).toMatchObject({ errors: [complaint(2)] });
    const { data, errors } = await ask(Array.from({ length: 1_001 }, () => taskOf(unknownId)));
    expect(data).toBeNull();
    expect(errors).toMatchObject([
      {
        path: ['_entities'],
        extensions: {
          code: 'BAD_USER_INPUT',
          issues: [{ path: ['representations'], message: 'must be at most 1000' }],
        },
      },
    ]);
    expect(ofTasks(statements)).toEqual([]);
  });
});

async function medianMs(read: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const began = performance.now();
    await read();
    times.push(performance.now() - began);
  }
  return Math.round(times.toSorted((one, other) => one - other)[2]!);
}

test('_entities takes the scope read, _service none', async () => {
  const { testApp, ids } = await createGraph('sqlite');
  const submitter = await createKeyFor(testApp.databaseUrl, { scopes: ['submit'] });
  const representations = [taskOf(ids[0])];
  const { data, errors } = await as(testApp, submitter).query(entitiesDocument, { representations });
  expect(data).toBeNull();
  expect(errors).toMatchObject([{ path: ['_entities'], extensions: { code: 'FORBIDDEN' } }]);
  expect((await as(testApp, submitter).query('{ _service { sdl } }')).data._service.sdl).toContain(
    '@key(fields: "id")',
  );
  expect((await testApp.query('{ _service { sdl } }')).errors).toMatchObject([
    { extensions: { code: 'UNAUTHENTICATED' } },
  ]);
});

test('_entities shows an administrator the tasks of every client', async () => {
  const { testApp, ids, foreignIds } = await createGraph('sqlite');
  const admin = await createKeyFor(testApp.databaseUrl, { client: 'boss', scopes: ['admin'] });
  const representations = [taskOf(foreignIds[0]), taskOf(ids[0])];
  const { data } = await as(testApp, admin).query(entitiesDocument, { representations });
  expect(data._entities).toMatchObject([{ client: 'other' }, { client: 'app' }]);
});
