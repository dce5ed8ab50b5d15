import { expect, test } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { type Answer, createTestApp, type Speaker } from '../support/app.ts';
import { as, createKeysFor } from '../support/callers.ts';
import { freshDatabase } from '../support/database.ts';
import { silentLog } from '../support/log.ts';

const order = 'submitVideo(input: { grokVideo3: { prompt: "A paper boat" } })';
const batch = 'submitVideos(orders: [{ input: { grokVideo3: { prompt: "A boat" } } }])';
const abandon = 'abandonVideoTask(id: "x") { task { id } }';

test.each([
  ...['image/png', 'text/html', 'text/json', 'application/graphql+json', 'application/json;charset=latin1'],
  ...['application/json; charset="utf-8"', 'garbage', 'text/event-stream', 'multipart/mixed', '*/*;q=0', ''],
])('an order is answered with its task where the client accepts only "%s"', async (accept) => {
  const { app, upstream } = await createTestApp();
  const headers = { 'content-type': 'application/json', accept };
  const body = JSON.stringify({ query: `mutation { ${order} { task { id } } }` });
  const response = await app.fetch(new Request('http://localhost/graphql', { method: 'POST', headers, body }));
  expect(response.status).toBe(200);
  expect(await response.text()).toMatch(/"task":\{"id":"[0-9a-f-]{36}"/);
  expect(upstream.submits).toHaveLength(1);
});

test.each(['a,'.repeat(7_000), ','.repeat(14_000)])(
  'a header of thousands of forms is answered briefly',
  async (accept) => {
    const { app } = await createTestApp();
    const headers = { 'content-type': 'application/json', accept };
    for (const query of ['{ __typename }', 'subscription { videoTaskUpdated(id: "x") { id } }']) {
      const body = JSON.stringify({ query });
      const response = await app.fetch(new Request('http://localhost/graphql', { method: 'POST', headers, body }));
      expect(JSON.stringify([...response.headers]).length + (await response.text()).length).toBeLessThan(2_000);
    }
  },
);

test.each([
  ['a variable of one model', 'mutation ($a: GrokVideo3Input) { submitVideo(input: { grokVideo3: $a }) { replayed } }'],
  ['a prompt', 'mutation ($a: String = "x") { submitVideo(input: { grokVideo3: { prompt: $a } }) { replayed } }'],
])('null for %s that must not be null is bad input', async (_, document) => {
  const { query, upstream } = await createTestApp();
  const { errors } = await query(document, { a: null });
  expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  expect(upstream.submits).toEqual([]);
});

test.each<[what: string, document: string]>([
  ['after it', `mutation { ${order} { replayed } ${abandon} }`],
  ['before it', `mutation { ${abandon} ${order} { replayed } }`],
  ['under aliases', `mutation { a: ${order} { replayed } b: ${abandon} }`],
  ['in an inline fragment', `mutation { ${order} { replayed } ... on Mutation { ${abandon} } }`],
  ['in a fragment without a type', `mutation { ${order} { replayed } ... { ... { ${abandon} } } }`],
  ['in a fragment', `mutation { ${order} { replayed } ...F } fragment F on Mutation { ${abandon} }`],
  ['while it is in a fragment itself', `mutation { ...F ${abandon} } fragment F on Mutation { ${order} { replayed } }`],
  ['that is skipped', `mutation { ${order} { replayed } ${abandon.replace(' {', ' @skip(if: true) {')} }`],
  ['while it is skipped itself', `mutation { ${order} @skip(if: true) { replayed } ${abandon} }`],
  ['beside a batch', `mutation { ${batch} { outcomes { ... on SubmitVideoPayload { replayed } } } ${abandon} }`],
  ['beside a resubmission', `mutation { resubmitVideo(id: "x") { replayed } ${abandon} }`],
  ['in one of two operations', `mutation A { ${order} { replayed } ${abandon} } query B { videoClient { name } }`],
])('an operation that spends money is refused, before it does, with another root field %s', async (_, query) => {
  const { app, upstream } = await createTestApp();
  const body = JSON.stringify({ query, ...(query.includes('mutation A') && { operationName: 'A' }) });
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const response = await app.fetch(new Request('http://localhost/graphql', { method: 'POST', headers, body }));
  const { data, errors } = (await response.json()) as Answer;
  expect(data).toBeUndefined();
  expect(errors).toMatchObject([
    {
      message: expect.stringContaining('alone'),
      extensions: { code: 'LIMIT_EXCEEDED', limit: 'PAYING_FIELDS', max: 1 },
    },
  ]);
  expect(upstream.submits).toEqual([]);
});

test.each<[what: string, document: string]>([
  [
    '__typename',
    `mutation { __typename ${order} { replayed } kind: __typename ...F } fragment F on Mutation { __typename }`,
  ],
  ['what is in another operation', `mutation A { ${order} { replayed } } mutation B { ${abandon} b: ${abandon} }`],
])('an operation that spends money may have %s beside it', async (_, query) => {
  const { app, upstream } = await createTestApp();
  const operationName = query.includes('mutation A') ? 'A' : undefined;
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const body = JSON.stringify({ query, operationName });
  const response = await app.fetch(new Request('http://localhost/graphql', { method: 'POST', headers, body }));
  expect(await response.json()).toMatchObject({ data: { submitVideo: { replayed: false } } });
  expect(upstream.submits).toHaveLength(1);
});

test('an operation without one that spends money may have many root fields, each with an answer of its own', async () => {
  const { query } = await createTestApp();
  const { data, errors } = await query(`mutation { a: ${abandon} b: ${abandon} __typename }`);
  expect(data).toEqual({ a: null, b: null, __typename: 'Mutation' });
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['NOT_FOUND', 'NOT_FOUND']);
});

const history = (args: string) => `history(${args}) { edges { cursor } }`;
const paid = (below: string, variables = '') => `mutation ${variables} { ${order} { task { ${below} } } }`;
const offset = (text: string) => JSON.stringify(Buffer.from(`OffsetConnection:${text}`).toString('base64'));

test.each<[what: string, document: string, variables?: Record<string, unknown>]>([
  ['a negative page', paid(history('first: -1'))],
  ['a page that is too long', paid(history('last: 101'))],
  ['both ends at once', paid(history('first: 1, last: 1'))],
  ['a cursor that is none', paid(history('after: "x"'))],
  ['a cursor beyond all numbers', paid(history(`before: ${offset('9'.repeat(400))}`))],
  ['a cursor with a sign', paid(history(`after: ${offset('-1')}`))],
  ['a negative page in a variable', paid(history('first: $n'), '($n: Int)'), { n: -1 }],
  ['a negative page by default', paid(history('first: $n'), '($n: Int = -1)')],
  ['a bad cursor in a variable', paid(history('after: $c'), '($c: String)'), { c: 'T2Zm' }],
  ['a bad page under an alias', paid(`a: ${history('first: 1')} b: ${history('first: -1')}`)],
  ['a bad page in an inline fragment', paid(`... on VideoTask { ... { ${history('first: -1')} } }`)],
  [
    'a bad page in a fragment',
    `${paid('...F')} fragment F on VideoTask { ...G } fragment G on VideoTask { ${history('first: -1')} }`,
  ],
  ['a bad page in a skipped field', paid(`history(first: -1) @skip(if: true) { edges { cursor } }`)],
  ['a bad page of a related task', paid(`resubmissionOf { resubmissions { ${history('first: -1')} } }`)],
  [
    'a bad page below a batch',
    `mutation { ${batch} { outcomes { ... on SubmitVideoPayload { task { ${history('first: -1')} } } } } }`,
  ],
  ['a condition that is null', paid('id @include(if: $b)', '($b: Boolean = true)'), { b: null }],
  [
    'a condition that is null on a fragment',
    `${paid('id ...F @skip(if: $b)', '($b: Boolean = true)')} fragment F on VideoTask { id }`,
    { b: null },
  ],
  [
    'a condition that is null on an inline fragment',
    paid('id ... @skip(if: $b) { prompt }', '($b: Boolean = true)'),
    { b: null },
  ],
])('nothing is paid where below the payload is %s', async (_, document, variables) => {
  const { upstream, send } = await createTestApp();
  const response = await send(document, variables, 'application/graphql-response+json');
  const { data, errors } = (await response.json()) as Answer;
  expect(data).toBeUndefined();
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  expect(response.status).toBe(400);
  expect(upstream.submits).toEqual([]);
});

const everythingBelow = 'id resubmissionOf { id } resubmissions { id } history(first: 2) { edges { node { to } } }';

async function submitOnly(): Promise<Speaker> {
  const databaseUrl = await freshDatabase();
  const keys = await createKeysFor(databaseUrl, { app: { scopes: ['submit'] } });
  return as(await createTestApp({ databaseUrl }), keys.app);
}

test('a caller that may order and not read gets its task, and each refused field names the task', async () => {
  const { query } = await submitOnly();
  const { data, errors } = await query(paid(everythingBelow));
  const { id } = data.submitVideo.task;
  expect(data.submitVideo.task).toMatchObject({
    id: expect.any(String),
    resubmissions: null,
    history: { edges: [{ node: { to: 'QUEUED' } }] },
  });
  expect(errors).toMatchObject([
    { path: ['submitVideo', 'task', 'resubmissionOf'], extensions: { code: 'FORBIDDEN', taskId: id } },
    { path: ['submitVideo', 'task', 'resubmissions'], extensions: { code: 'FORBIDDEN', taskId: id } },
  ]);
});

test('an error below an outcome of a batch names the task of that outcome', async () => {
  const { query } = await submitOnly();
  const inputs = Array(3).fill('{ input: { grokVideo3: { prompt: "A boat" } } }').join();
  const { data, errors } = await query(
    `mutation { all: submitVideos(orders: [${inputs}]) { o: outcomes { ... on SubmitVideoPayload { t: task { id r: resubmissions { id } } } } } }`,
  );
  const ids = data.all.o.map(({ t }: { t: { id: string } }) => t.id);
  expect(new Set(ids).size).toBe(3);
  expect(errors).toHaveLength(3);
  for (const { path, extensions } of errors ?? []) {
    const [, , index] = path ?? [];
    expect(extensions).toMatchObject({ code: 'FORBIDDEN', taskId: ids[Number(index)] });
  }
});

test('an internal error below a payload removes the payload, and names the task', async () => {
  const { query, databaseUrl, upstream } = await createTestApp();
  const keyed = order.replace('})', '}, idempotencyKey: "boat-1")');
  const first = await query(`mutation { ${keyed} { task { id } } }`);
  const { id } = first.data.submitVideo.task;
  const { client, close } = await openDatabase(databaseUrl, silentLog);
  await client
    .$executeRawUnsafe(`UPDATE "Task" SET "aspectRatio" = 'NONSENSE', "version" = "version" + 1`)
    .finally(close);
  const { data, errors } = await query(`mutation { again: ${keyed} { task { id options { aspectRatio } } } }`);
  expect(data).toEqual({ again: null });
  expect(errors).toMatchObject([
    {
      message: 'Unexpected error.',
      path: ['again', 'task', 'options', 'aspectRatio'],
      extensions: { code: 'INTERNAL_SERVER_ERROR', taskId: id },
    },
  ]);
  expect(upstream.submits).toHaveLength(1);
});

test('an error in a query names no ordered task', async () => {
  const { query } = await createTestApp();
  await query(paid('id'));
  const { errors } = await query('{ videoTasks(first: 101) { __typename } }');
  expect(errors?.[0]?.extensions).not.toHaveProperty('taskId');
});
