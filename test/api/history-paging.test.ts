import { expect, test } from 'vitest';
import { anOrder, createTestApp, type TestApp } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import { placed, taskIn } from '../support/placing.ts';
import { createTrackedApp, type TrackedApp } from '../support/tracked-app.ts';
import { status } from '../support/upstream.ts';

const pageDocument = /* GraphQL */ `
  query ($id: ID!, $first: Int, $last: Int, $after: String, $before: String) {
    videoTask(id: $id) {
      history(first: $first, last: $last, after: $after, before: $before) {
        edges { cursor node { upstreamStatus } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`;

interface Page {
  readonly words: string[];
  readonly cursors: string[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

interface Edge {
  readonly cursor: string;
  readonly node: { readonly upstreamStatus: string };
}

/** Asks for a page as a client would, and holds its cursors to those of its changes. */
async function page({ query }: Pick<TestApp, 'query'>, id: string, variables: object = {}): Promise<Page> {
  const { data, errors } = await query(pageDocument, { id, ...variables });
  expect(errors).toBeUndefined();
  const { edges, pageInfo }: { edges: Edge[]; pageInfo: Page['pageInfo'] } = data.videoTask.history;
  const cursors = edges.map(({ cursor }) => cursor);
  expect(pageInfo.startCursor).toBe(cursors[0] ?? null);
  expect(pageInfo.endCursor).toBe(cursors.at(-1) ?? null);
  return { words: edges.map(({ node }) => node.upstreamStatus), cursors, pageInfo };
}

/** A task whose upstream had so many words for its status, one after the other. */
async function taskWithWords(app: TrackedApp, count: number): Promise<{ id: string; words: string[] }> {
  const id = await app.submit(anOrder);
  const words = Array.from({ length: count - 1 }, (_, index) => `step ${index + 1}`);
  const latest = async () =>
    (await app.query('query ($id: ID!) { videoTask(id: $id) { upstreamStatus } }', { id })).data.videoTask;
  for (const word of words) {
    app.upstream.onCheck = status(word);
    app.untilNextCheck();
    await expect.poll(latest, { interval: 10 }).toEqual({ upstreamStatus: word });
  }
  return { id, words: ['queued', ...words] };
}

test.each(databaseProviders)(
  'a history is paged forwards and backwards, the oldest change first, on %s',
  async (provider) => {
    const app = await createTrackedApp(provider);
    const { id, words } = await taskWithWords(app, 5);
    const whole = await page(app, id);
    expect(whole.words).toEqual(words);
    expect(whole.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: false });

    const forwards: string[][] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { words, pageInfo } = await page(app, id, { first: 2, after });
      forwards.push(words);
      ({ endCursor: after, hasNextPage: more } = pageInfo);
    }
    expect(forwards).toEqual([words.slice(0, 2), words.slice(2, 4), words.slice(4)]);

    const backwards: string[][] = [];
    for (let before: string | null = null, more = true; more; ) {
      const { words, pageInfo } = await page(app, id, { last: 2, before });
      backwards.push(words);
      ({ startCursor: before, hasPreviousPage: more } = pageInfo);
    }
    expect(backwards).toEqual([words.slice(3), words.slice(1, 3), words.slice(0, 1)]);

    const [first, , , fourth] = whole.cursors;
    expect((await page(app, id, { after: first, before: fourth })).words).toEqual(words.slice(1, 3));
  },
);

test('the page after the last change is empty, and later holds the next change', async () => {
  const app = await createTrackedApp();
  const { id } = await taskWithWords(app, 2);
  const after = (await page(app, id)).cursors.at(-1);
  expect(await page(app, id, { after })).toMatchObject({ words: [], pageInfo: { hasNextPage: false } });
  app.upstream.onCheck = status('step 2');
  app.untilNextCheck();
  await expect.poll(async () => (await page(app, id, { first: 5, after })).words).toEqual(['step 2']);
});

test('a page has 20 changes where no size is given, and as many as were asked for where one is', async () => {
  const app = await createTrackedApp();
  const { id, words } = await taskWithWords(app, 21);
  expect((await page(app, id)).words).toEqual(words.slice(0, 20));
  expect((await page(app, id, { first: 100 })).words).toEqual(words);
  expect((await page(app, id, { last: 100 })).words).toEqual(words);
});

test('an empty page has no cursors', async () => {
  const app = await createTrackedApp();
  const submitting = await taskIn('SUBMITTING', app);
  expect((await page(app, submitting)).words).toEqual([]);
  const { id } = await taskWithWords(app, 2);
  expect((await page(app, id, { first: 0 })).words).toEqual([]);
});

const cursorOf = (text: string): string => Buffer.from(text).toString('base64');

test.each<[string, object]>([
  ['after', { after: 'nonsense' }],
  ['before', { before: 'nonsense' }],
  ['after', { after: '' }],
  ['before', { before: cursorOf('OffsetConnection:-1') }],
  ['after', { after: cursorOf('OffsetConnection:1.5') }],
  ['after', { after: cursorOf('OffsetConnection:') }],
  ['after', { after: cursorOf('OtherConnection:1') }],
  ['after', { after: '01a20300-0000-7000-8000-000000000000' }],
  ['first', { first: -1 }],
  ['first', { first: 101 }],
  ['last', { last: 101 }],
  ['last', { first: 1, last: 1 }],
])('as %s, %j is refused', async (name, variables) => {
  const app = await createTestApp();
  const { task } = await placed(app, anOrder);
  const { errors } = await app.query(pageDocument, { id: task.id, ...variables });
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: [name] }] } }]);
});
