import { describe, expect, test } from 'vitest';
import { anOrder, createTestApp } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { held } from '../support/held-answer.ts';
import { createLimitedApp, usageOf } from '../support/limited-app.ts';
import { orderOf } from '../support/orders.ts';
import {
  begin,
  countTasks,
  crashDuringSubmit,
  isWaiting,
  leaseMs,
  type Placed,
  place,
  placed,
} from '../support/placing.ts';
import { createTrackedApp } from '../support/tracked-app.ts';
import { reply, reset, startUpstream } from '../support/upstream.ts';

/** All duplicates were answered with one task, and only the one that ordered has `replayed: false`. */
function expectOneOrder(duplicates: readonly Placed[]): void {
  expect(new Set(duplicates.map(({ task }) => JSON.stringify(task))).size).toBe(1);
  expect(duplicates[0]?.task.status).toBe('QUEUED');
  expect(duplicates.filter(({ replayed }) => !replayed)).toHaveLength(1);
}

describe.each(databaseProviders)('on %s', (provider) => {
  test.each([
    ['accepted', 'QUEUED', reply(200, { id: 'video_1', status: 'queued' })],
    ['refused', 'FAILED', reply(400, { message: 'No boats.' })],
    ['lost', 'UNCONFIRMED', reset],
  ])('a duplicate waits for the order under way, and gets its task once that is %s', async (_, state, answer) => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const order = held(answer);
    app.upstream.onSubmit = order.answer;
    const first = placed(app, anOrder, 'boat-1');
    await order.arrived;
    const duplicate = placed(app, anOrder, 'boat-1');
    // An order under another key does not wait.
    const { errors } = await place(app, orderOf('GROK_VIDEO3_PRO'), 'boat-1');
    expect(errors?.[0]?.extensions.code).toBe('IDEMPOTENCY_KEY_MISMATCH');
    expect(await isWaiting(duplicate)).toBe(true);

    order.release();
    const { task, replayed } = await first;
    expect([task.status, replayed]).toEqual([state, false]);
    expect(await duplicate).toEqual({ task, replayed: true });
    expect(app.upstream.submits).toHaveLength(1);
  });

  test('of twenty concurrent duplicates one is paid, and all get its task', async () => {
    const app = await createTestApp({ databaseUrl: await freshDatabase(provider) });
    const duplicates = await Promise.all(Array.from({ length: 20 }, () => placed(app, anOrder, 'boat-1')));
    expectOneOrder(duplicates);
    expect(app.upstream.submits).toHaveLength(1);
    expect(await countTasks(app)).toBe(1);
  });

  test('of twenty duplicates at two services on one database one is paid, and all get its task', async () => {
    const databaseUrl = await freshDatabase(provider);
    const upstream = await startUpstream();
    // Slow enough for every duplicate to come while the order is under way.
    const order = held(reply(200, { id: 'video_1', status: 'queued' }));
    upstream.onSubmit = order.answer;
    const apps = [await createTestApp({ databaseUrl, upstream }), await createTestApp({ databaseUrl, upstream })];
    const duplicates = Promise.all(
      Array.from({ length: 20 }, (_, index) => placed(apps[index % 2]!, anOrder, 'boat-1')),
    );
    await order.arrived;
    expect(await isWaiting(duplicates)).toBe(true);
    order.release();
    expectOneOrder(await duplicates);
    expect(upstream.submits).toHaveLength(1);
    expect(await countTasks(apps[0]!)).toBe(1);
  });

  test('a service that did not place the order answers its key too', async () => {
    const databaseUrl = await freshDatabase(provider);
    const upstream = await startUpstream();
    const first = await placed(await createTestApp({ databaseUrl, upstream }), anOrder, 'boat-1');
    const other = await createTestApp({ databaseUrl, upstream });
    expect(await placed(other, anOrder, 'boat-1')).toEqual({ ...first, replayed: true });
    expect(upstream.submits).toHaveLength(1);
  });

  test('a duplicate of an order whose process died waits until the task is UNCONFIRMED, and does not order', async () => {
    const app = await createTrackedApp(provider);
    const id = await crashDuringSubmit(app, { idempotencyKey: 'boat-1', now: begin });
    const duplicate = placed(app, anOrder, 'boat-1');
    expect(await isWaiting(duplicate)).toBe(true);
    app.setTime(new Date(begin.getTime() + leaseMs));
    const unconfirmed = { status: 'UNCONFIRMED', upstreamId: null, failure: { code: 'SUBMISSION_UNCONFIRMED' } };
    expect(await duplicate).toEqual({ replayed: true, task: { id, ...unconfirmed } });
    expect(app.upstream.submits).toEqual([]);
    expect(await countTasks(app)).toBe(1);
  });
});

test('a duplicate whose service stops is answered with the task that it waited for', async () => {
  const app = await createTestApp();
  const order = held(reply(200, { id: 'video_1', status: 'queued' }));
  app.upstream.onSubmit = order.answer;
  const first = placed(app, anOrder, 'boat-1');
  await order.arrived;
  const duplicate = placed(app, anOrder, 'boat-1');
  expect(await isWaiting(duplicate)).toBe(true);
  const stopped = app.app.stop();
  order.release();
  const { task } = await first;
  expect(await duplicate).toMatchObject({ replayed: true, task: { id: task.id } });
  await stopped;
  expect(app.upstream.submits).toHaveLength(1);
});

test('duplicates of an order do not use up the limit for another order that arrives with them', async () => {
  const app = await createLimitedApp({ SECONDS_PER_DAY: '20' });
  const one = { input: anOrder, idempotencyKey: 'one' };
  const document =
    'mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { replayed task { status } } ... on SubmitVideoError { code } } } }';
  const { data } = await app.query(document, { orders: [one, one, one, { input: anOrder, idempotencyKey: 'other' }] });
  const { outcomes } = data.submitVideos;
  expect(outcomes).toEqual(Array(4).fill({ replayed: expect.any(Boolean), task: { status: 'QUEUED' } }));
  expect(outcomes.filter(({ replayed }: { replayed: boolean }) => !replayed)).toHaveLength(2);
  expect(await usageOf(app)).toEqual({ submits: 2, seconds: 20, calls: 0 });
  expect(app.upstream.submits).toHaveLength(2);
});
