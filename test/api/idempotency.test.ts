import { describe, expect, test } from 'vitest';
import { capabilityOf, type ModelName, modelNames, optionsOf } from '../../src/catalogue/models.ts';
import { anOrder, createTestApp, nothing } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { hourMs } from '../support/domain.ts';
import { inlinePng } from '../support/images.ts';
import { fieldOf, imagesOf, inContractWords, optionNames, orderOf } from '../support/orders.ts';
import { countTasks, place, placed, readTask } from '../support/placing.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { type Answer, completed, reply, reset, status } from '../support/upstream.ts';

const mismatch = { data: nothing, errors: [{ extensions: { code: 'IDEMPOTENCY_KEY_MISMATCH', retryable: false } }] };
const accepted = reply(200, { id: 'video_1', status: 'queued' });
const images = ['https://images.example.com/1.png', 'https://images.example.com/2.png'];

/** How a task comes into each state: how its submit is answered and, where one is needed, its check. */
const lives: [state: string, onSubmit: Answer, onCheck?: Answer][] = [
  ['QUEUED', accepted],
  ['PROCESSING', accepted, status('processing')],
  ['COMPLETED', accepted, completed],
  ['FAILED', accepted, status('failed', { error: 'The camera broke.' })],
  ['CANCELLED', accepted, status('cancelled')],
  ['UNCONFIRMED', reset],
];

describe.each(databaseProviders)('on %s', (provider) => {
  test.each(lives)('the same order under the same key is answered with the task, which is %s', async (...life) => {
    const [state, onSubmit, onCheck] = life;
    const app = await createTrackedApp(provider);
    app.upstream.onSubmit = onSubmit;
    const first = await placed(app, anOrder, 'boat-1');
    expect(first.replayed).toBe(false);
    if (onCheck) {
      app.upstream.onCheck = onCheck;
      app.untilNextCheck();
    }
    await expect.poll(async () => (await readTask(app, first.task.id)).status).toBe(state);
    // The upstream would accept it now, so the unchanged task shows that nothing was sent.
    app.upstream.onSubmit = accepted;
    const before = await readTask(app, first.task.id);
    const again = await placed(app, anOrder, 'boat-1');
    expect(again).toMatchObject({ replayed: true, task: { id: first.task.id, status: state } });
    expect(await readTask(app, first.task.id)).toEqual(before);
    expect(app.upstream.submits).toHaveLength(1);
    expect(await countTasks(app)).toBe(1);
  });

  test('another order under the same key is refused, and neither orders nor changes anything', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const { task } = await placed(app, anOrder, 'boat-1');
    const before = await readTask(app, task.id);
    const other = await place(app, orderOf('GROK_VIDEO3', { prompt: 'A tin boat' }), 'boat-1');
    expect(other).toMatchObject(mismatch);
    expect(other.errors).toMatchObject([
      { message: expect.stringContaining(task.id), extensions: { taskId: task.id } },
    ]);
    expect(await readTask(app, task.id)).toEqual(before);
    expect(await countTasks(app)).toBe(1);
    expect(app.upstream.submits).toHaveLength(1);
    expect(await placed(app, anOrder, 'boat-1')).toMatchObject({ replayed: true, task: { id: task.id } });
  });

  test('keys are told apart to the letter, and an order without one is never a repetition', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const keys = ['boat', 'Boat', 'boat_', 'boat%', "'boat'", undefined, undefined, null, null];
    const orders = [];
    for (const key of keys) orders.push(await placed(app, anOrder, key));
    expect(orders.map(({ replayed }) => replayed)).toEqual(keys.map(() => false));
    expect(new Set(orders.map(({ task }) => task.id)).size).toBe(keys.length);
    expect(app.upstream.submits).toHaveLength(keys.length);
  });

  test.each([
    ['30 days', 30, {}],
    ['as many days as IDEMPOTENCY_KEY_DAYS says', 2, { IDEMPOTENCY_KEY_DAYS: '2' }],
  ])('a key is kept for %s, and its task for good', async (_, days, settings) => {
    const clock = { now: new Date('2026-11-22T12:00:00.000Z') };
    const pass = (ms: number) => {
      clock.now = new Date(clock.now.getTime() + ms);
    };
    const databaseUrl = await freshDatabase(provider);
    const app = await createTestApp({ databaseUrl, settings, now: () => clock.now });
    const { task: old } = await placed(app, anOrder, 'boat-1');
    pass(days * 24 * hourMs - 1);
    expect(await placed(app, anOrder, 'boat-1')).toMatchObject({ replayed: true, task: { id: old.id } });

    pass(1);
    const duplicates = await Promise.all(Array.from({ length: 10 }, () => placed(app, anOrder, 'boat-1')));
    expect(duplicates.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const [id, ...others] = new Set(duplicates.map(({ task }) => task.id));
    expect(others).toEqual([]);
    expect(id).not.toBe(old.id);
    expect(app.upstream.submits).toHaveLength(2);
    expect(await readTask(app, old.id)).toMatchObject({ status: 'QUEUED', upstreamId: 'video_1' });

    // The key belongs to the new order now, for the same time; that may be another order.
    pass(days * 24 * hourMs - 1);
    expect(await placed(app, anOrder, 'boat-1')).toMatchObject({ replayed: true, task: { id } });
    pass(1);
    expect(await placed(app, orderOf('GROK_VIDEO3_PRO'), 'boat-1')).toMatchObject({ replayed: false });
  });
});

/** The same order in the spellings that client libraries may produce. */
function spellings(model: ModelName): object[] {
  const options = optionsOf(model);
  const settable = optionNames.filter((name) => options[name].settable);
  const defaults = inContractWords(Object.fromEntries(settable.map((name) => [name, options[name].default])));
  const said = Object.entries({ prompt: 'A paper boat', ...defaults, images: [] });
  return [
    orderOf(model),
    orderOf(model, Object.fromEntries(said)),
    { [Object.keys(orderOf(model))[0]!]: Object.fromEntries(said.toReversed()) },
    orderOf(model, { ...Object.fromEntries(settable.map((name) => [fieldOf(name), null])), images: null }),
    orderOf(model, { prompt: ' \n A paper boat\t' }),
  ];
}

test.each(modelNames)('%s is the same order in every spelling', async (model) => {
  const app = await createTestApp();
  const ways = spellings(model);
  const first = await placed(app, ways[0]!, 'boat-1');
  for (const way of ways) {
    expect(await placed(app, way, 'boat-1'), JSON.stringify(way)).toEqual({ ...first, replayed: true });
  }
  expect(app.upstream.submits).toHaveLength(1);
});

/** Orders that differ in one value from one with two images and every default. */
function neighbours(model: ModelName): object[] {
  const options = optionsOf(model);
  const others = optionNames.flatMap((name) => {
    const { settable, values, default: byDefault } = options[name];
    return settable ? values.filter((value) => value !== byDefault).map((value) => ({ [name]: value })) : [];
  });
  const [one, two] = images;
  const lists = [[], [one], [two, one], [one, two, one], [one, `${two}?`]].map(imagesOf);
  const both = imagesOf(images);
  return [
    ...others.map((chosen) => orderOf(model, { images: both, ...inContractWords(chosen) })),
    ...lists.map((images) => orderOf(model, { images })),
    orderOf(model, { prompt: 'A paper boat.', images: both }),
    orderOf(model, { prompt: 'a paper boat', images: both }),
    ...modelNames.filter((name) => name !== model).map((name) => orderOf(name, { images: both })),
  ];
}

test.each(modelNames)('%s is another order where a single value is another', async (model) => {
  const app = await createTestApp();
  const original = orderOf(model, { images: imagesOf(images) });
  const first = await placed(app, original, 'boat-1');
  for (const other of neighbours(model)) {
    expect(await place(app, other, 'boat-1'), JSON.stringify(other)).toMatchObject(mismatch);
  }
  expect(app.upstream.submits).toHaveLength(1);
  expect(await placed(app, original, 'boat-1')).toEqual({ ...first, replayed: true });
});

const inlineModels = modelNames.filter((model) => capabilityOf(model).images.forms.includes('dataUri'));

test.each(inlineModels)('%s is told apart by what is in an inline image, although that is not kept', async (model) => {
  const app = await createTestApp();
  const withImage = (content: string) => orderOf(model, { images: imagesOf([inlinePng(content)]) });
  const first = await placed(app, withImage('one image'), 'boat-1');
  expect(await placed(app, withImage('one image'), 'boat-1')).toEqual({ ...first, replayed: true });
  expect(await place(app, withImage('two image'), 'boat-1')).toMatchObject(mismatch);
});

test('an order that is refused for its form does not use its key up', async () => {
  const app = await createTestApp();
  for (const input of [
    orderOf('GROK_VIDEO3', { prompt: ' ' }),
    orderOf('GROK_VIDEO3', { duration: 'SECONDS_5' }),
    orderOf('GROK_VIDEO3', { images: imagesOf(['http://127.0.0.1/']) }),
    orderOf('GROK_VIDEO3', { seed: 7 }),
    {},
  ]) {
    const { errors } = await place(app, input, 'boat-1');
    expect(errors?.[0]?.extensions.code, JSON.stringify(input)).toBe('BAD_USER_INPUT');
  }
  expect(await countTasks(app)).toBe(0);
  expect(await placed(app, anOrder, 'boat-1')).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
});

const visible = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index)).join('');

test.each(databaseProviders)('a key is 1 to 255 visible ASCII characters, on %s', async (provider) => {
  const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
  for (const key of ['!', '~', visible, 'k'.repeat(255)]) {
    const first = await placed(app, anOrder, key);
    expect(first.replayed, key).toBe(false);
    expect(await placed(app, anOrder, key), key).toEqual({ ...first, replayed: true });
  }
  const paid = app.upstream.submits.length;
  for (const key of [
    '',
    '""',
    '"a b"',
    'k'.repeat(256),
    `"${'k'.repeat(256)}"`,
    ' ',
    'a b',
    ' key',
    'key ',
    'key\n',
    'a\tb',
    'a\u0000b',
    '\u007f',
    'é',
    '🔑',
  ]) {
    const { data, errors } = await place(app, anOrder, key);
    expect(data, JSON.stringify(key)).toEqual(nothing);
    expect(errors, JSON.stringify(key)).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', issues: [{ path: ['idempotencyKey'] }] } },
    ]);
  }
  expect(app.upstream.submits).toHaveLength(paid);
});
