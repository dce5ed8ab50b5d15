import { expect, test } from 'vitest';
import { createTestApp } from '../support/app.ts';
import { memoryOf, startGuarded } from './guarded.ts';

const paged = 'query ($n: Int) { videoTasks(first: $n) { pageInfo { hasNextPage } } }';
const filtered = 'query ($filter: VideoTaskFilter!) { videoTasks(filter: $filter) { pageInfo { hasNextPage } } }';

test('a value that holds the words of a suggestion, 30,000 times, is answered like any other', async () => {
  const { send } = await startGuarded({ INTROSPECTION: 'off' });
  const words = ' Did you mean ';
  const { errors } = await (await send({ query: paged, variables: { n: words.repeat(30_000) } })).json();
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['n'] }] } }]);
  expect(errors[0].message.length).toBeLessThan(510);
  // The words of the request are not a suggestion of the service.
  for (const n of [' Did you mean a boat?', 'Did you mean "QUEUED"?']) {
    const answer = await (await send({ query: paged, variables: { n } })).json();
    expect(answer.errors[0].message).toBe(`n Int cannot represent non-integer value: ${JSON.stringify(n)}.`);
  }
});

test('a document that quotes the words of a suggestion has them quoted, and is given no suggestion', async () => {
  const { query } = await createTestApp({ settings: { INTROSPECTION: 'off' } });
  const { errors } = await query(
    '{ videoTasks(filter: { statuses: [" Did you mean QUEUED?", QUEUE] }) { __typename } }',
  );
  expect(errors?.map(({ message }) => message)).toEqual([
    'Enum "VideoTaskStatus" cannot represent non-enum value: " Did you mean QUEUED?".',
    'Value "QUEUE" does not exist in "VideoTaskStatus" enum.',
  ]);
});

test('every problem of the variables is named in one error, with its path, and up to 100 of them', async () => {
  const { query } = await createTestApp();
  const several = await query(filtered, {
    filter: { statuses: ['QUEUED', 'LOST'], models: 7, createdAfter: 'today', since: 1 },
  });
  expect(several.data).toBeUndefined();
  expect(several.errors).toHaveLength(1);
  const { code, issues = [] } = several.errors![0]!.extensions;
  expect(code).toBe('BAD_USER_INPUT');
  expect(issues.map(({ path }) => path.join('.'))).toEqual([
    'filter.createdAfter',
    'filter.models',
    'filter.statuses.1',
    'filter',
  ]);
  const many = await query(filtered, { filter: { statuses: Array(5_000).fill('LOST') } });
  expect(many.errors).toHaveLength(1);
  expect(many.errors![0]!.extensions.issues).toHaveLength(100);
  const none = await query(filtered, {});
  expect(none.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['filter'] }] } }]);
});

test('a large object with many unknown members is not quoted once for each of them', async () => {
  const service = await startGuarded();
  const memory = memoryOf(service);
  const unknown = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`x${index}`, 0]));
  const filter = { clients: ['x'.repeat(15 * 1024 * 1024)], ...unknown };
  const { errors } = await (await service.send({ query: filtered, variables: { filter } })).json();
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  expect(errors[0].extensions.issues).toHaveLength(60);
  if (memory !== null) expect(memoryOf(service)! - memory).toBeLessThan(300);
});

test('suggestions are made for short values, and not searched for around long ones', async () => {
  const { query } = await createTestApp({ settings: { INTROSPECTION: 'on' } });
  const messagesFor = async (filter: object) =>
    (await query(filtered, { filter })).errors
      ?.flatMap(({ extensions }) => extensions.issues ?? [])
      .map(({ message }) => message);
  expect(await messagesFor({ statuses: ['QUEUE'] })).toEqual([
    'Value "QUEUE" does not exist in "VideoTaskStatus" enum. Did you mean the enum value "QUEUED"?',
  ]);
  for (const filter of [{ statuses: ['QUEUE'.repeat(3_000_000)] }, { ['status'.repeat(3_000_000)]: ['QUEUED'] }]) {
    const [message = ''] = (await messagesFor(filter)) ?? [];
    expect(message).toMatch(/^(Value|Field) "/);
    expect(message).not.toContain('Did you mean');
  }
});
