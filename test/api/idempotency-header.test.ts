import { expect, test } from 'vitest';
import { anOrder, createTestApp, nothing } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { orderOf } from '../support/orders.ts';
import { countTasks, placeDocument, placed, sendWithHeader } from '../support/placing.ts';
import { rewriteRow } from '../support/rows.ts';

const badKey = [{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['idempotencyKey'] }] } }];

test.each(databaseProviders)('the header means the same as the argument, on %s', async (provider) => {
  const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
  const byHeader = async (key: string) => (await sendWithHeader(app, key, placeDocument)).data.submitVideo;
  const first = await byHeader('boat-1');
  expect(first).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
  expect(await byHeader('boat-1')).toEqual({ ...first, replayed: true });
  expect(await placed(app, anOrder, 'boat-1')).toEqual({ ...first, replayed: true });

  const { errors } = await sendWithHeader(app, 'boat-1', placeDocument, { input: orderOf('GROK_VIDEO3_PRO') });
  expect(errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
  expect(app.upstream.submits).toHaveLength(1);

  const second = await placed(app, anOrder, 'boat-2');
  expect(await byHeader('boat-2')).toEqual({ ...second, replayed: true });
});

test('an argument that is not what the header says is refused before anything is ordered', async () => {
  const app = await createTestApp();
  const { errors } = await sendWithHeader(app, 'header', placeDocument, { input: anOrder, key: 'argument' });
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['idempotencyKey'] }] } }]);
  expect(app.upstream.submits).toEqual([]);
  const { data } = await sendWithHeader(app, 'same', placeDocument, { input: anOrder, key: 'same' });
  expect(data.submitVideo).toMatchObject({ replayed: false });
});

const bySpelling = ['boat-1', '"boat-1"'];

test.each(databaseProviders)(
  'a key in quotes is the key without them, in the header and the argument, on %s',
  async (provider) => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const first = await placed(app, anOrder, 'boat-1');
    for (const key of bySpelling) {
      expect((await sendWithHeader(app, key, placeDocument)).data.submitVideo).toEqual({ ...first, replayed: true });
      expect(await placed(app, anOrder, key)).toEqual({ ...first, replayed: true });
      for (const argument of bySpelling) {
        const { data } = await sendWithHeader(app, key, placeDocument, { input: anOrder, key: argument });
        expect(data.submitVideo).toEqual({ ...first, replayed: true });
      }
    }
    const batch =
      'mutation ($input: SubmitVideoInput!) { submitVideos(orders: [{ input: $input, idempotencyKey: "\\"boat-1\\"" }]) { outcomes { ... on SubmitVideoPayload { replayed } } } }';
    expect((await app.query(batch, { input: anOrder })).data.submitVideos.outcomes).toEqual([{ replayed: true }]);
    expect(app.upstream.submits).toHaveLength(1);
  },
);

test('quotes and backslashes in a quoted key are escaped, and are part of it', async () => {
  const app = await createTestApp();
  const first = (await sendWithHeader(app, String.raw`"a\"b\\c"`, placeDocument)).data.submitVideo;
  expect(await placed(app, anOrder, String.raw`a"b\c`)).toEqual({ ...first, replayed: true });
  const longest = `"${'\\"'.repeat(255)}"`;
  const long = (await sendWithHeader(app, longest, placeDocument)).data.submitVideo;
  expect(await placed(app, anOrder, '"'.repeat(255))).toEqual({ ...long, replayed: true });
  expect(app.upstream.submits).toHaveLength(2);
});

test.each(databaseProviders)(
  'a key that an older version has kept with its quotes still stands for its order, on %s',
  async (provider) => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const first = await placed(app, anOrder, 'a"b');
    await rewriteRow(app.databaseUrl, first.task.id, { idempotencyKey: String.raw`"a\"b"` });
    const retried = (await sendWithHeader(app, String.raw`"a\"b"`, placeDocument)).data.submitVideo;
    expect(retried).toEqual({ ...first, replayed: true });
    expect(await placed(app, anOrder, 'a"b')).toEqual({ ...first, replayed: true });
    const other = await sendWithHeader(app, String.raw`"a\"b"`, placeDocument, { input: orderOf('GROK_VIDEO3_PRO') });
    expect(other.errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
    expect(app.upstream.submits).toHaveLength(1);
  },
);

test('of two orders that an older version took under the two spellings of a key, each is still answered', async () => {
  const app = await createTestApp();
  const quotedOne = await placed(app, anOrder, 'boat-1');
  await rewriteRow(app.databaseUrl, quotedOne.task.id, { idempotencyKey: '"boat-2"' });
  const plainOne = await placed(app, orderOf('GROK_VIDEO3_PRO'), 'boat-1');
  await rewriteRow(app.databaseUrl, plainOne.task.id, { idempotencyKey: 'boat-2' });
  expect(await placed(app, anOrder, 'boat-2')).toEqual({ ...quotedOne, replayed: true });
  expect(await placed(app, orderOf('GROK_VIDEO3_PRO'), 'boat-2')).toEqual({ ...plainOne, replayed: true });
  expect(app.upstream.submits).toHaveLength(2);
});

test('with an argument that is null the header counts', async () => {
  const app = await createTestApp();
  const { data } = await sendWithHeader(app, 'boat-1', placeDocument, { input: anOrder, key: null });
  expect(await placed(app, anOrder, 'boat-1')).toEqual({ ...data.submitVideo, replayed: true });
});

test.each([
  ['nothing', ''],
  ['256 characters', 'k'.repeat(256)],
  ['a space', 'a b'],
  ['two keys', 'a, b'],
  ['a letter beyond ASCII', 'é'],
  ['two keys in quotes', '"a", "b"'],
  ['nothing in quotes', '""'],
  ['a space in quotes', '"a b"'],
  ['256 characters in quotes', `"${'k'.repeat(256)}"`],
  ['a quote at the beginning only', '"boat-1'],
  ['a quote at the end only', 'boat-1"'],
  ['a quote alone', '"'],
  ['a quote in between', 'boat"1'],
  ['a quote in quotes that is not escaped', '"boat"1"'],
  ['an escape of another character', String.raw`"boat\-1"`],
  ['an escape of the last quote', String.raw`"boat-1\"`],
  ['more after the quotes', '"boat-1";a=1'],
  ['quotes in quotes', String.raw`"\"boat-1\""`],
])('a header of %s is refused before anything is ordered', async (_, key) => {
  const app = await createTestApp();
  expect(await sendWithHeader(app, key, placeDocument)).toMatchObject({ data: nothing, errors: badKey });
  expect(app.upstream.submits).toEqual([]);
  expect(await countTasks(app)).toBe(0);
});

const head = 'mutation ($input: SubmitVideoInput!)';
const order = 'submitVideo(input: $input) { task { id } }';
const orderWithKey = 'submitVideo(input: $input, idempotencyKey: "own") { task { id } }';
const batch =
  'submitVideos(orders: [{ input: $input, idempotencyKey: "own" }]) { outcomes { ... on SubmitVideoPayload { replayed } } }';
const again = 'resubmitVideo(id: "x") { replayed }';

test('a header over a batch is refused before anything is ordered', async () => {
  const app = await createTestApp();
  expect(await sendWithHeader(app, 'boat-1', `${head} { ${batch} }`)).toMatchObject({ data: nothing, errors: badKey });
  expect(app.upstream.submits).toEqual([]);
  expect(await countTasks(app)).toBe(0);
});

/** Documents that would spend money more than once. */
const several: Record<string, string> = {
  'two orders': `${head} { a: ${order} b: ${order} }`,
  'two orders, one of them in a fragment': `${head} { a: ${order} ...More } fragment More on Mutation { b: ${order} }`,
  'two orders in inline fragments': `${head} { ... { a: ${order} } ... on Mutation { b: ${order} } }`,
  'the same order twice': `${head} { ${order} ${order} }`,
  'an order and a batch': `${head} { ${order} ${batch} }`,
  'an order and a repeated one': `${head} { ${order} ${again} }`,
  'an order with a key of its own and one without': `${head} { a: ${orderWithKey} b: ${order} }`,
};

test.each(Object.entries(several))('%s in one document are refused before anything is ordered', async (_, document) => {
  const app = await createTestApp();
  const refused = { errors: [{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'PAYING_FIELDS', max: 1 } }] };
  expect(await app.query(document, { input: anOrder })).toMatchObject(refused);
  expect(await sendWithHeader(app, 'boat-1', document)).toMatchObject(refused);
  expect(app.upstream.submits).toEqual([]);
  expect(await countTasks(app)).toBe(0);
});

test('one order may stand in a fragment and beside __typename', async () => {
  const app = await createTestApp();
  const document = `${head} { __typename ...Order } fragment Order on Mutation { ${order} }`;
  const { data } = await sendWithHeader(app, 'boat-1', document);
  expect(await placed(app, anOrder, 'boat-1')).toMatchObject({ replayed: true, task: data.submitVideo.task });
});

test('a document that orders nothing ignores the header', async () => {
  const app = await createTestApp();
  const { task } = await placed(app, anOrder);
  const document = 'query ($id: ID!) { a: videoTask(id: $id) { id } b: videoTask(id: $id) { id } }';
  const { data, errors } = await sendWithHeader(app, 'a b', document, { id: task.id });
  expect(errors).toBeUndefined();
  expect(data).toEqual({ a: { id: task.id }, b: { id: task.id } });
});
