import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { anOrder } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import {
  callOrder,
  codeOf,
  createLimitedApp,
  overBudget,
  rateLimited,
  secondsOrder,
  usageOf,
  viewerOf,
} from '../support/limited-app.ts';
import { orderOf } from '../support/orders.ts';
import { countTasks, place, placed } from '../support/placing.ts';
import { resubmit } from '../support/resolving.ts';
import { reply, reset } from '../support/upstream.ts';

const secondsUntilMidnight = 12 * 3_600 - 20;

describe.each(databaseProviders)('on %s', (provider) => {
  test('orders beyond the limit of a minute are refused until the minute is over', async () => {
    const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '2' }, { provider });
    await placed(app, anOrder);
    await placed(app, callOrder);
    expect(await place(app, anOrder)).toMatchObject(rateLimited(2, 40));
    app.setTime('2026-11-22T12:00:59.999Z');
    expect(await place(app, callOrder)).toMatchObject(rateLimited(2, 1));
    expect(app.upstream.submits).toHaveLength(2);
    expect(await countTasks(app)).toBe(2);

    app.setTime('2026-11-22T12:01:00.000Z');
    expect(await usageOf(app)).toEqual({ submits: 0, seconds: 10, calls: 1 });
    await placed(app, anOrder);
    await placed(app, anOrder);
    expect(await place(app, anOrder)).toMatchObject(rateLimited(2, 60));
    expect(app.upstream.submits).toHaveLength(4);
  });

  test('seconds and calls each have a budget of their own, which lasts until the day (UTC) is over', async () => {
    const app = await createLimitedApp({ SECONDS_PER_DAY: '26', CALLS_PER_DAY: '1' }, { provider });
    await placed(app, secondsOrder(10));
    await placed(app, secondsOrder(10));
    expect(await place(app, secondsOrder(7))).toMatchObject(overBudget('26 seconds', 20, secondsUntilMidnight));
    // What fits exactly fits, and what does not is no obstacle to it.
    await placed(app, secondsOrder(6));
    expect(await place(app, secondsOrder(6))).toMatchObject(overBudget('26 seconds', 26, secondsUntilMidnight));
    await placed(app, callOrder);
    expect(await place(app, callOrder)).toMatchObject(overBudget('1 calls', 1, secondsUntilMidnight));
    expect(await place(app, orderOf('GROK_VIDEO3_STABLE'))).toMatchObject(
      overBudget('1 calls', 1, secondsUntilMidnight),
    );
    expect(await usageOf(app)).toEqual({ submits: 4, seconds: 26, calls: 1 });

    app.setTime('2026-11-22T23:59:59.999Z');
    expect(await place(app, callOrder)).toMatchObject(overBudget('1 calls', 1, 1));
    app.setTime('2026-11-23T00:00:00.000Z');
    await placed(app, callOrder);
    await placed(app, secondsOrder(26));
    expect(await usageOf(app)).toEqual({ submits: 2, seconds: 26, calls: 1 });
    expect(app.upstream.submits).toHaveLength(6);
  });

  test('of forty orders at once, where there is room for seven, seven are placed and the others refused', async () => {
    const grants = { first: { client: 'app' }, second: { client: 'app' }, other: { client: 'other' } };
    const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '7' }, { provider, grants });
    const { first, second, other } = app.callers;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => place(index % 2 ? first : second, anOrder, `key-${index}`)),
    );
    expect(answers.filter(({ data }) => data?.submitVideo?.task.status === 'QUEUED')).toHaveLength(7);
    expect(answers.filter((answer) => codeOf(answer) === 'RATE_LIMITED')).toHaveLength(33);
    expect(app.upstream.submits).toHaveLength(7);
    expect(await countTasks(first)).toBe(7);
    expect(await usageOf(first)).toEqual({ submits: 7, seconds: 70, calls: 0 });
    expect(await usageOf(other)).toEqual({ submits: 0, seconds: 0, calls: 0 });
  });

  test('an order that is refused by a limit leaves no task, and its key free for any other order', async () => {
    const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '1', SECONDS_PER_DAY: '20' }, { provider });
    await placed(app, anOrder);
    expect(codeOf(await place(app, anOrder, 'key-1'))).toBe('RATE_LIMITED');
    expect(codeOf(await place(app, secondsOrder(11), 'key-2'))).toBe('QUOTA_EXCEEDED');
    expect(await usageOf(app)).toEqual({ submits: 1, seconds: 10, calls: 0 });
    expect(await countTasks(app)).toBe(1);
    for (const [index, key] of ['key-1', 'key-2'].entries()) {
      app.setTime(`2026-11-22T12:0${index + 1}:00.000Z`);
      expect(await placed(app, callOrder, key)).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
    }
    expect(app.upstream.submits).toHaveLength(3);
  });

  test('an order that is sent again under its key is answered beyond the limits too, and costs nothing', async () => {
    const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '2', SECONDS_PER_DAY: '20' }, { provider });
    const { task } = await placed(app, anOrder, 'boat');
    expect(await placed(app, anOrder, 'boat')).toEqual({ replayed: true, task });
    expect(codeOf(await place(app, callOrder, 'boat'))).toBe('IDEMPOTENCY_KEY_MISMATCH');
    expect(await usageOf(app)).toEqual({ submits: 1, seconds: 10, calls: 0 });
    await placed(app, anOrder);
    expect(await placed(app, anOrder, 'boat')).toEqual({ replayed: true, task });
    expect(codeOf(await place(app, callOrder, 'boat'))).toBe('IDEMPOTENCY_KEY_MISMATCH');
    expect(await usageOf(app)).toEqual({ submits: 2, seconds: 20, calls: 0 });
    app.setTime('2026-11-22T12:01:00.000Z');
    expect(await placed(app, anOrder, 'boat')).toEqual({ replayed: true, task });
    expect(codeOf(await place(app, anOrder))).toBe('QUOTA_EXCEEDED');
    expect(app.upstream.submits).toHaveLength(2);
  });

  test('twenty concurrent duplicates get one task where the limit allows one', async () => {
    const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '1' }, { provider });
    const duplicates = await Promise.all(Array.from({ length: 20 }, () => placed(app, anOrder, 'boat')));
    expect(new Set(duplicates.map(({ task }) => task.id)).size).toBe(1);
    expect(await usageOf(app)).toEqual({ submits: 1, seconds: 10, calls: 0 });
  });

  test('orders that are sent again do not use up the limit for an order that arrives with them', async () => {
    const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '2' }, { provider });
    await placed(app, anOrder, 'boat');
    const again = Array.from({ length: 20 }, () => place(app, anOrder, 'boat'));
    const [another, ...replays] = await Promise.all([place(app, callOrder), ...again, place(app, anOrder, 'boat')]);
    expect(replays.map(({ data }) => data?.submitVideo?.replayed)).toEqual(Array(21).fill(true));
    expect(another.data?.submitVideo).toMatchObject({ replayed: false, task: { status: 'QUEUED' } });
    expect(await usageOf(app)).toEqual({ submits: 2, seconds: 10, calls: 1 });
  });

  test.each([
    ['refused (400)', reply(400, { message: 'No boats.' })],
    ['refused for its key (401)', reply(401)],
    ['out of credit (402)', reply(402)],
    ['turned away for now (429)', reply(429)],
  ])('an order that the upstream has %s is given back to the day, but counts for the minute', async (_, answer) => {
    const app = await createLimitedApp(
      { SUBMITS_PER_MINUTE: '3', SECONDS_PER_DAY: '10', CALLS_PER_DAY: '1' },
      { provider },
    );
    app.upstream.onSubmit = answer;
    expect((await placed(app, anOrder)).task.status).toBe('FAILED');
    expect((await placed(app, callOrder)).task.status).toBe('FAILED');
    expect(await usageOf(app)).toEqual({ submits: 2, seconds: 0, calls: 0 });
    app.upstream.onSubmit = reply(200, { id: 'video_1', status: 'queued' });
    await placed(app, anOrder);
    expect(codeOf(await place(app, callOrder))).toBe('RATE_LIMITED');
    app.setTime('2026-11-22T12:01:00.000Z');
    expect(codeOf(await place(app, anOrder))).toBe('QUOTA_EXCEEDED');
  });

  test.each([
    ['lost', reset],
    ['not understood (500)', reply(500)],
  ])('an order whose answer is %s may have been paid, and stays counted', async (_, answer) => {
    const app = await createLimitedApp({ SECONDS_PER_DAY: '10', CALLS_PER_DAY: '1' }, { provider });
    app.upstream.onSubmit = answer;
    const { task } = await placed(app, anOrder);
    expect([task.status, (await placed(app, callOrder)).task.status]).toEqual(['UNCONFIRMED', 'UNCONFIRMED']);
    expect(await usageOf(app)).toEqual({ submits: 2, seconds: 10, calls: 1 });
    expect(codeOf(await place(app, secondsOrder(6)))).toBe('QUOTA_EXCEEDED');
    await app.query(`mutation { abandonVideoTask(id: "${task.id}") { task { id } } }`);
    expect(codeOf(await resubmit(app, task.id))).toBe('QUOTA_EXCEEDED');
    expect(app.upstream.submits).toHaveLength(2);
  });
});

const settings = { SUBMITS_PER_MINUTE: '3', SECONDS_PER_DAY: '40', CALLS_PER_DAY: 'none' };

test("a key's own limits stand in the place of the service's, and `videoClient` tells what holds and what is used", async () => {
  const grants = {
    plain: { client: 'plain', scopes: ['read', 'submit'] },
    tight: { client: 'tight', scopes: ['read', 'submit'], limits: { submitsPerMinute: 1, callsPerDay: 0 } },
    wide: { client: 'wide', scopes: ['admin'], limits: { submitsPerMinute: 5, secondsPerDay: 60 } },
  } as const;
  const { callers, upstream } = await createLimitedApp(settings, { grants });
  const { plain, tight, wide } = callers;
  // No day brings the room for it.
  const never = { code: 'QUOTA_EXCEEDED', retryable: false, retryAfterSeconds: null };
  expect((await place(tight, callOrder)).errors).toMatchObject([{ extensions: never }]);
  const placedBy = async (caller: typeof plain) => {
    const codes = [];
    for (let count = 0; count < 7; count++) codes.push(codeOf(await place(caller, anOrder)) ?? 'PLACED');
    return codes;
  };
  const refused = (count: number) => Array(count).fill('RATE_LIMITED');
  expect(await placedBy(plain)).toEqual([...Array(3).fill('PLACED'), ...refused(4)]);
  expect(await placedBy(tight)).toEqual(['PLACED', ...refused(6)]);
  expect(await placedBy(wide)).toEqual([...Array(5).fill('PLACED'), ...refused(2)]);
  expect(upstream.submits).toHaveLength(9);
  const ends = { minuteEndsAt: '2026-11-22T12:01:00.000Z', dayEndsAt: '2026-11-23T00:00:00.000Z' };
  expect([await viewerOf(plain), await viewerOf(tight), await viewerOf(wide)]).toEqual([
    {
      name: 'plain',
      scopes: ['READ', 'SUBMIT'],
      usage: { submits: 3, seconds: 30, calls: 0, ...ends },
      limits: { submitsPerMinute: 3, secondsPerDay: 40, callsPerDay: null },
    },
    {
      name: 'tight',
      scopes: ['READ', 'SUBMIT'],
      usage: { submits: 1, seconds: 10, calls: 0, ...ends },
      limits: { submitsPerMinute: 1, secondsPerDay: 40, callsPerDay: 0 },
    },
    {
      name: 'wide',
      scopes: ['READ', 'SUBMIT', 'ADMIN'],
      usage: { submits: 5, seconds: 50, calls: 0, ...ends },
      limits: { submitsPerMinute: 5, secondsPerDay: 60, callsPerDay: null },
    },
  ]);
});

test('the keys of one client share its usage, each under its own limits', async () => {
  const keyFor = (submitsPerMinute: number) => ({ client: 'app', limits: { submitsPerMinute } });
  const grants = { one: keyFor(2), two: keyFor(3) };
  const { one, two } = (await createLimitedApp(settings, { grants })).callers;
  await placed(one, anOrder);
  await placed(two, anOrder);
  expect(await place(one, anOrder)).toMatchObject(rateLimited(2, 40));
  await placed(two, anOrder);
  expect(await place(two, anOrder)).toMatchObject(rateLimited(3, 40));
  expect([await usageOf(one), await usageOf(two)]).toEqual(Array(2).fill({ submits: 3, seconds: 30, calls: 0 }));
});

test('every order of a batch counts: those that fit are placed, the others say when to try again', async () => {
  const app = await createLimitedApp({ SUBMITS_PER_MINUTE: '4', CALLS_PER_DAY: '1' });
  await placed(app, anOrder, 'earlier');
  const again = { input: anOrder, idempotencyKey: 'earlier' };
  const orders = [...Array(4).fill({ input: callOrder }), again, ...Array(4).fill({ input: anOrder }), again];
  const { data, errors } = await app.query(
    `mutation ($orders: [SubmitVideoOrder!]!) {
      submitVideos(orders: $orders) {
        outcomes {
          ... on SubmitVideoPayload { replayed task { status } }
          ... on SubmitVideoError { code retryAfterSeconds retryable taskId }
        }
      }
    }`,
    { orders },
  );
  expect(errors).toBeUndefined();
  const { outcomes } = data.submitVideos;
  const made = { replayed: false, task: { status: 'QUEUED' } };
  const refused = (code: string, retryAfterSeconds: number) => {
    return { code, retryAfterSeconds, retryable: true, taskId: null };
  };
  const count = (outcome: object) => outcomes.filter((other: object) => isDeepStrictEqual(other, outcome)).length;
  expect([outcomes[4], outcomes[9]]).toEqual(Array(2).fill({ ...made, replayed: true }));
  expect(count(made)).toBe(3);
  expect(count(refused('QUOTA_EXCEEDED', secondsUntilMidnight))).toBe(3);
  expect(count(refused('RATE_LIMITED', 40))).toBe(2);
  expect(app.upstream.submits).toHaveLength(4);
  expect(await usageOf(app)).toEqual({ submits: 4, seconds: 30, calls: 1 });
});
