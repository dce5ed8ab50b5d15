import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { callUp, type Guarded, headOf, startGuarded } from '../security/guarded.ts';
import { createKeyFor } from '../support/callers.ts';
import { freshDirectory } from '../support/database.ts';

/** What Yoga answers, and what the fast path answers. */
async function bothWays(service: Guarded, body: object) {
  // With a parameter, the type is out of the ordinary.
  const byYoga = await service.send(body, { 'content-type': 'application/json; charset=utf-8' });
  await service.send(body);
  const fast = await service.send(body);
  return { byYoga: await byYoga.text(), fast: await fast.text() };
}

test('nothing in a query is run as code', async () => {
  const service = await startGuarded();
  const { key } = await createKeyFor(service.databaseUrl, { scopes: [] });
  const code = 'process.stdout.write(`the code ran`)';
  // How the compiler, graphql-jit 0.8.9, marks a Date that it writes into its code.
  const id = `__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d${code}`;
  const queries = [
    `{ videoTask(id: "${id}") { id } }`,
    `{ videoTask(id: """${id}""") { id } }`,
    `query ($id: ID! = "${id}") { videoTask(id: $id) { id } }`,
  ];
  for (const query of queries) {
    for (let time = 0; time < 3; time++) {
      const answer = await service.send({ query }, { authorization: `Bearer ${key}` });
      expect(await answer.text()).toContain('FORBIDDEN');
    }
  }
  expect(service.log()).not.toContain('the code ran');
});

test('queries that compilers get wrong are answered as by Yoga', async () => {
  const service = await startGuarded();
  const shared = 'fragment F on VideoClient { name limits { callsPerDay } }';
  const bodies: { query: string; variables?: object }[] = [
    // One fragment under two conditions.
    {
      query: `query ($a: Boolean!) { a: videoClient @include(if: $a) { ...F } b: videoClient { ...F } } ${shared}`,
      variables: { a: false },
    },
    {
      query: `query ($a: Boolean!) { videoClient { ...F @skip(if: $a) limits { secondsPerDay } } } ${shared}`,
      variables: { a: true },
    },
    { query: '{ videoClient { scopes @skip(if: true) name scopes } }' },
    { query: '{ videoClient { __proto__: name scopes } }' },
    { query: '{ __proto__: videoClient { name } }' },
    { query: 'query class { constructor: videoClient { __typename toString: name } __typename }' },
    { query: '{ _entities(representations: [{ __typename: "VideoModel", name: "GROK_VIDEO3" }]) { __typename } }' },
    {
      query:
        'query ($d: DateTime = "2020-01-01T00:00:00Z") { videoTasks(filter: { createdAfter: $d }) { edges { cursor } } }',
    },
  ];
  for (const body of bodies) {
    const { byYoga, fast } = await bothWays(service, body);
    expect({ ...body, byYoga }).toMatchObject({ byYoga: expect.stringContaining('{"data":{"') });
    expect({ ...body, fast }).toEqual({ ...body, fast: byYoga });
  }
});

test('the text of a document does not stand for the id of one', async () => {
  const file = `${freshDirectory()}/operations.json`;
  writeFileSync(file, JSON.stringify({ whoami: '{ videoClient { name } }' }));
  const service = await startGuarded({ PERSISTED_OPERATIONS_FILE: file });
  const known = { documentId: 'whoami' };
  for (let time = 0; time < 2; time++) await service.send(known);
  const answer = await service.send({ query: JSON.stringify(known) });
  expect(await answer.text()).toContain('PERSISTED_QUERY_ONLY');
});

test('a request without credentials is refused before anything of its body is read', async () => {
  const service = await startGuarded();
  const authorization = `Bearer ${service.key.slice(0, -1)}_`;
  const line = await callUp(service.url, headOf({ authorization, 'content-length': 100 }));
  await expect.poll(() => line.heard()).toContain('401');
});

test('a request whose body is empty is answered', async () => {
  const service = await startGuarded();
  const authorization = `Bearer ${service.key}`;
  const line = await callUp(service.url, headOf({ authorization, 'content-length': 0 }));
  await expect.poll(() => line.heard()).toContain('400 Bad Request');
});

/** Documents of valid queries, and whether they may be compiled. */
const documents: readonly [query: string, isCompiled: boolean][] = [
  ['{ __typename videoClient { __typename name } }', true],
  ['{ videoTasks(first: 2, filter: { statuses: [QUEUED, FAILED], models: null }) { edges { cursor } } }', true],
  [
    'query Q($n: Int = 3, $s: [VideoTaskStatus!]) { videoTasks(first: $n, filter: { statuses: $s }) { __typename } }',
    true,
  ],
  ['query ($n: Int!, $id: ID! = 5) { a: videoTasks(last: $n) { __typename } videoTask(id: $id) { id } }', true],
  ['{ videoClient { ...F ... on VideoClient { scopes } } } fragment F on VideoClient { name }', true],
  ['{ videoClient { name } } # no directive: @skip, no "string", no __name', true],
  ['\uFEFF{ videoClient,,, { name } }\r\n', true],
  ['{ videoTask(id: "5") { id } }', false],
  ['{ videoTask(id: """5""") { id } }', false],
  ['query ($id: ID! = "5") { videoTask(id: $id) { id } }', false],
  ['{ videoClient { name @include(if: true) } }', false],
  ['{ videoClient { __proto__: name } }', false],
  ['{ videoClient { __typenames: name } }', false],
  ['{ videoClient { ...__F } } fragment __F on VideoClient { name }', false],
  ['query __Q { videoClient { name } }', false],
  ['query ($__v: Int) { videoTasks(first: $__v) { __typename } }', false],
  [
    '{ _entities(representations: [{ __typename: VideoModel, name: GROK_VIDEO3, weight: 1.5 }]) { __typename } }',
    false,
  ],
];

test('a document is compiled that consists of names, integers, variables and punctuation, and no other', async () => {
  const service = await startGuarded({ LOG_LEVEL: 'trace' });
  for (const [index, [query]] of documents.entries()) {
    const body = { query, variables: { n: 1 } };
    for (const time of ['first', 'second']) {
      const answer = await service.send(body, { 'x-request-id': `${time}-${index}` });
      expect({ query, text: await answer.text() }).toEqual({ query, text: expect.stringContaining('{"data":{') });
    }
  }
  const prepared = () => [...service.log().matchAll(/"requestId":"second-(\d+)","compiled":(true|false)/g)];
  await expect
    .poll(() => prepared().map(([, index, compiled]) => [documents[Number(index)]?.[0], compiled === 'true']))
    .toEqual(documents);
});
