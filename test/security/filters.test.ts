import { describe, expect, test } from 'vitest';
import { modelNames } from '../../src/catalogue/models.ts';
import { taskStatuses } from '../../src/tasks/task.ts';
import { createTestApp, type Speaker } from '../support/app.ts';
import { as, createKeysFor } from '../support/callers.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';

const statuses = Object.keys(taskStatuses);
const clients = (count: number) => Array.from({ length: count }, (_, index) => `client ${index}`);

const lists = (count: number) =>
  `query ($filter: VideoTaskFilter) { ${Array.from({ length: count }, (_, index) => `a${index}: videoTasks(filter: $filter) { __typename }`).join(' ')} }`;

const everything = { clients: clients(100), statuses, models: modelNames };
const few = { clients: clients(3), statuses: ['FAILED'] };

test.each<[what: string, count: number, filter: object]>([
  ['50 lists of 2,800 combinations', 50, everything],
  ['11 lists of 2,800 combinations', 11, everything],
  ['one list of 2,800 combinations', 1, everything],
  ['50 lists of 28 combinations', 50, { statuses, models: modelNames }],
  ['50 lists of all states, which stand for all models too', 50, { statuses }],
  ['50 lists of 100 clients', 50, { clients: clients(100) }],
])('a document is refused before any database is asked where it asks for %s', async (_, count, filter) => {
  const { query } = await createTestApp();
  const { data, errors } = await query(lists(count), { filter });
  expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([]);
  expect(errors?.[0]).toMatchObject({ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_COMPLEXITY', max: 20_000 } });
});

test('a document of empty lines and many errors is refused before each error looks for its line', async () => {
  const { query } = await createTestApp();
  const fields = Array.from({ length: 39 }, (_, index) => `a${index}: _entities(representations: $r) { __typename }`);
  for (const line of ['\n', '\r\n', '\r']) {
    const document = `query ($r: [_Any!]!) {${line.repeat(40_000)}${fields.join(' ')}}`;
    const { errors } = await query(document, { r: Array(100).fill(1) });
    expect(errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_TOKENS' } }]);
  }
  const { errors } = await query(`query ($r: [_Any!]!) { ${fields.join(' ')} }`, { r: Array(100).fill(1) });
  expect(errors?.length).toBeLessThan(40);
});

/** What a list of 20 weighs, with one field of it: itself, and the field. */
const listWeight = 2;

test.each<[what: string, filter: object, combinations: number]>([
  ['nothing', {}, 1],
  ['an empty list', { statuses: [] }, 1],
  ['one client', { clients: clients(1) }, 1],
  ['three clients', { clients: clients(3) }, 3],
  ['one client three times', { clients: ['ann', 'ann', 'ann'] }, 1],
  ['a state, of any model', { statuses: ['FAILED'] }, 4],
  ['a model, in any state', { models: ['GROK_VIDEO3'] }, 8],
  ['two states and two models', { statuses: ['FAILED', 'QUEUED'], models: modelNames.slice(2) }, 4],
  ['three clients and a state', few, 12],
  ['times', { createdAfter: '2026-01-01T00:00:00Z' }, 1],
])('a filter by %s weighs what its combinations weigh', async (_, filter, combinations) => {
  const weight = listWeight + 20 * (combinations - 1);
  const document = 'query ($filter: VideoTaskFilter) { videoTasks(filter: $filter, first: 1) { __typename } }';
  for (const [max, code] of [
    [weight, undefined],
    [weight - 1, 'LIMIT_EXCEEDED'],
  ] as const) {
    const { query } = await createTestApp({ settings: { MAX_COMPLEXITY: String(max) } });
    const { errors } = await query(document, { filter });
    expect(errors?.[0]?.extensions.code).toBe(code);
  }
});

test('an entity weighs its fields and that it is looked up', async () => {
  const document = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on VideoModel { name } } }';
  const r = Array(10).fill({ __typename: 'VideoModel', name: 'GROK_VIDEO3' });
  const max = 1 + 10 * (4 + 2);
  const { query } = await createTestApp({ settings: { MAX_COMPLEXITY: String(max) } });
  expect((await query(document, { r })).errors).toBeUndefined();
  expect((await query(document, { r: [...r, r[0]] })).errors?.[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
});

test('a caller without the scope admin is not charged for the clients in its filter', async () => {
  const databaseUrl = await freshDatabase();
  const keys = await createKeysFor(databaseUrl, { ann: { client: 'ann' }, admin: { scopes: ['admin'] } });
  const app = await createTestApp({ databaseUrl, settings: { MAX_COMPLEXITY: '100' } });
  const codeFor = async (speaker: Speaker) =>
    (await speaker.query(lists(1), { filter: { clients: clients(100) } })).errors?.[0]?.extensions.code;
  expect(await codeFor(as(app, keys.ann))).toBeUndefined();
  expect(await codeFor(as(app, keys.admin))).toBe('LIMIT_EXCEEDED');
});

describe.each(databaseProviders)('on %s', (provider) => {
  test.each<[what: string, filter: object, path: (string | number)[]]>([
    ['more clients than there is room for', { clients: clients(101) }, ['filter', 'clients']],
    ['one client 9,000 times', { clients: Array(9_000).fill('ann') }, ['filter', 'clients']],
    ['one state 9,000 times', { statuses: Array(9_000).fill('QUEUED') }, ['filter', 'statuses']],
    ['one model 9,000 times', { models: Array(9_000).fill('GROK_VIDEO3') }, ['filter', 'models']],
    ['a client of 256 characters', { clients: ['x'.repeat(256)] }, ['filter', 'clients', 0]],
    ['U+0000', { clients: ['ann', 'a\u0000n'] }, ['filter', 'clients', 1]],
    ['half a surrogate pair', { clients: ['a\ud800n'] }, ['filter', 'clients', 0]],
  ])('a filter with %s is refused by its path', async (_, filter, path) => {
    const { query } = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const { data, errors } = await query(lists(1), { filter });
    expect(data ?? null).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path }] } }]);
  });
});

test('entities that are none of ours are refused one by one, and more than 20 of them at once', async () => {
  const { query } = await createTestApp();
  const document = 'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }';
  const fine = { __typename: 'VideoModel', name: 'GROK_VIDEO3' };
  const few = await query(document, { r: [fine, ...Array(20).fill(0)] });
  expect(few.data._entities[0]).toEqual({ __typename: 'VideoModel' });
  expect(few.errors).toHaveLength(20);
  const many = await query(document, { r: [fine, ...Array(21).fill(0)] });
  expect(many.errors).toMatchObject([{ path: ['_entities'], extensions: { code: 'BAD_USER_INPUT' } }]);
});
