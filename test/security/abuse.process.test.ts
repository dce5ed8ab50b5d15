import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/database/database.ts';
import { silentLog } from '../support/log.ts';
import type { ServiceProcess } from '../support/process.ts';
import { type Guarded, memoryOf, startGuarded } from './guarded.ts';

const many = (count: number, part: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');

const nested = (count: number, open: string, close: string, inside = ''): string =>
  open.repeat(count) + inside + close.repeat(count);

/** A chain of fragments that each spread the next one twice, so that the selection doubles at every step. */
const doubling = (type: string, root: string, step: (next: string) => string, leaf: string): string =>
  `{ ${root} } ${many(24, (i) => `fragment F${i} on ${type} { ${step(`...F${i + 1}`)} }`)} fragment F24 on ${type} { ${leaf} }`;

const orderAgain = 'submitVideo(input: $input) { replayed }';
const order = { input: { grokVideo3: { prompt: 'A paper boat' } } };
const inTask = (selection: string): string => `{ videoTask(id: "x") { ${selection} } }`;

const exceeded = (limit: string, max: number) => ({ code: 'LIMIT_EXCEEDED', limit, max });
const tokens = exceeded('MAX_TOKENS', 2_000);
const depth = exceeded('MAX_DEPTH', 12);
const values = exceeded('MAX_VALUES', 10_000);
const nesting = { code: 'BAD_REQUEST' };
const complexity = exceeded('MAX_COMPLEXITY', 20_000);
const invalid = { code: 'GRAPHQL_VALIDATION_FAILED' };

/** Requests that are known to overload GraphQL services, and the answer to each. */
const probes: readonly [name: string, refusal: object, query: string, variables?: string][] = [
  ['1,000 aliases', tokens, `{ ${many(1_000, (i) => `a${i}: videoModels { name }`)} }`],
  ['100 aliases', exceeded('MAX_ALIASES', 50), `{ ${many(100, (i) => `a${i}: videoModels { name }`)} }`],
  ['5,000 fields', tokens, `{ videoModels { ${many(5_000, () => 'name')} } }`],
  ['5,000 directives', tokens, `{ videoModels { name ${many(5_000, () => '@aa')} } }`],
  ['900 directives', exceeded('MAX_DIRECTIVES', 50), `{ videoModels { name ${many(900, () => '@aa')} } }`],
  ['900 on the operation', exceeded('MAX_DIRECTIVES', 50), `query ${many(900, () => '@aa')} { videoModels { name } }`],
  ['depth 50', depth, inTask(nested(50, 'resubmissionOf { ', ' }', 'id'))],
  ['a fragment in itself', invalid, '{ ...A } fragment A on Query { videoModels { name } ...A }'],
  ['fragments in a circle', invalid, '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }'],
  ['doubling spreads', tokens, doubling('Query', '...F0', (next) => `${next} ${next}`, '__typename')],
  [
    'doubling fields',
    depth,
    doubling(
      'VideoTask',
      'videoTask(id: "x") { ...F0 }',
      (next) => `resubmissionOf { ${next} } resubmissionOf { ${next} }`,
      'id',
    ),
  ],
  [
    'doubling aliases',
    depth,
    doubling(
      'VideoTask',
      'videoTask(id: "x") { ...F0 }',
      (next) => `a: resubmissionOf { ${next} } b: resubmissionOf { ${next} }`,
      'id',
    ),
  ],
  [
    'doubling introspection',
    tokens,
    doubling('__Type', '__schema { types { ...F0 } }', (next) => `ofType { ${next} } ofType { ${next} }`, 'name'),
  ],
  ['introspection', invalid, '{ __schema { types { name } } }'],
  ['deep introspection', invalid, `{ __schema { types { ${nested(8, 'fields { type { ', ' } }', 'name')} } } }`],
  ['very deep introspection', invalid, `{ __schema { types { ${nested(400, 'ofType { ', ' }', 'name')} } } }`],
  ['deep variables nobody asked for', nesting, '{ videoModels { name } }', `{"x":${nested(20_000, '[', ']')}}`],
  [
    'deep variables in the place of others',
    nesting,
    'query ($x: [VideoTaskStatus!]) { videoTasks(filter: { statuses: $x }) { edges { cursor } } }',
    `{"x":${nested(4_000, '[', ']')}}`,
  ],
  ['480,000 values', values, '{ videoModels { name } }', `{"x":[${'{},'.repeat(479_999)}{}]}`],
  [
    '200,000 characters',
    exceeded('MAX_DOCUMENT_CHARACTERS', 100_000),
    `{ videoModels { name } } #${'x'.repeat(200_000)}`,
  ],
  [
    'pages of pages',
    complexity,
    '{ videoTasks(first: 100) { edges { node { history(first: 100) { edges { node { at } } } } } } }',
  ],
  [
    'resubmissions of resubmissions',
    complexity,
    '{ videoTasks(first: 60) { edges { node { resubmissionOf { resubmissions { resubmissionOf { resubmissions { id } } } } } } } }',
  ],
  [
    '100 aliases of an order',
    exceeded('MAX_ALIASES', 50),
    `mutation ($input: SubmitVideoInput!) { ${many(100, (i) => `a${i}: ${orderAgain}`)} }`,
    JSON.stringify(order),
  ],
  [
    '40 aliases of an order',
    exceeded('PAYING_FIELDS', 1),
    `mutation ($input: SubmitVideoInput!) { ${many(40, (i) => `a${i}: ${orderAgain}`)} }`,
    JSON.stringify(order),
  ],
  [
    'an order in two fragments',
    exceeded('PAYING_FIELDS', 1),
    `mutation ($input: SubmitVideoInput!) { ...A ... { b: ${orderAgain} } } fragment A on Mutation { a: ${orderAgain} }`,
    JSON.stringify(order),
  ],
];

async function warmUp({ send }: Guarded): Promise<void> {
  const body = { query: '{ videoModels { name } videoClient { name } }' };
  const some = async () => {
    for (let count = 0; count < 100; count++) await (await send(body)).text();
  };
  await Promise.all(Array.from({ length: 20 }, some));
}

/** Asks for /health all the time; says how long the longest answer took. */
function watchHealth({ url }: ServiceProcess) {
  let done = false;
  const longest = (async () => {
    let longestMs = 0;
    for (let count = 0; !done || count === 0; count++) {
      const since = performance.now();
      expect((await fetch(new URL('/health', url))).status).toBe(200);
      longestMs = Math.max(longestMs, performance.now() - since);
      await delay(10);
    }
    return longestMs;
  })();
  return () => {
    done = true;
    return longest;
  };
}

/** The answer, and how long the fastest of three took. */
async function threeTimes(send: () => Promise<Response>) {
  let fastestMs = Number.POSITIVE_INFINITY;
  let answer: { data?: unknown; errors?: { message: string; extensions: Record<string, unknown> }[] } = {};
  for (let count = 0; count < 3; count++) {
    const since = performance.now();
    answer = await (await send()).json();
    fastestMs = Math.min(fastestMs, performance.now() - since);
  }
  return { answer, fastestMs };
}

test('the known ways to abuse GraphQL are refused at once, before any resolver and without taking memory', async () => {
  const service = await startGuarded();
  const { upstream, databaseUrl } = service;
  await warmUp(service);
  // From now on, reading or ordering a task is an internal error.
  const { client, close } = await openDatabase(databaseUrl, silentLog);
  await client.$executeRawUnsafe('DROP TABLE "Task"').finally(close);
  const memory = memoryOf(service);
  const healthAnswered = watchHealth(service);
  for (const [name, refusal, query, variables = '{}'] of probes) {
    const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
    const { answer, fastestMs } = await threeTimes(() => service.send(body));
    expect.soft(answer.data ?? null, name).toBeNull();
    expect.soft(answer.errors?.[0]?.extensions, name).toMatchObject(refusal);
    for (const { message } of answer.errors ?? []) expect.soft(message.length, name).toBeLessThan(600);
    expect.soft(fastestMs, name).toBeLessThan(250);
  }
  expect.soft(await healthAnswered()).toBeLessThan(1_000);
  if (memory !== null) expect.soft(memoryOf(service)! - memory).toBeLessThan(50);
  expect(upstream.submits).toEqual([]);
  expect(service.process.exitCode).toBeNull();
}, 60_000);
