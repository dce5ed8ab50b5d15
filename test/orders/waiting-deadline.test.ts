import { describe, expect, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { anOrder } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import { createTestDomain, hourMs, minuteMs, ordersWith } from '../support/domain.ts';
import { usageOf } from '../support/limited-app.ts';
import { localCaller } from '../support/local-caller.ts';
import { begin, countTasks, readTask, waitDocument } from '../support/placing.ts';
import { reply, startUpstream } from '../support/upstream.ts';
import {
  background,
  busyFor,
  createWaitingApp,
  type Ordered,
  order,
  orderNamed,
  promptsSent,
  someLooks,
} from '../support/waiting-app.ts';

const inMs = (ms: number) => new Date(begin.getTime() + ms).toISOString();

const expired = { status: 'FAILED', failure: { code: 'WAIT_EXPIRED', retryable: true, mayBeBilled: false } };

describe.each(databaseProviders)('on %s', (provider) => {
  test('an order that was not sent in time never is, its budget and its key are free again', async () => {
    const app = await createWaitingApp({ provider, settings: { MAX_WAIT_HOURS: '0.5' } });
    const { onSubmit } = app.upstream;
    app.upstream.onSubmit = busyFor(15 * 60);
    const { task: first } = await order(app, { key: 'boat-1', options: { startBefore: inMs(minuteMs) } });
    expect(first.waiting?.startBefore).toBe(inMs(minuteMs));
    const { task: second } = await order(app);
    expect(second.waiting?.startBefore).toBe(inMs(0.5 * hourMs));
    app.advance(minuteMs - 1);
    await someLooks();
    expect((await readTask(app, first.id)).status).toBe('WAITING');
    app.advance(1);
    await expect.poll(() => readTask(app, first.id), background).toMatchObject(expired);
    expect((await readTask(app, first.id)).failure.message).toMatch(/not sent before 2026-11-22T12:01:00.000Z: .*429/);
    await expect.poll(async () => (await usageOf(app)).seconds).toBe(10);
    const { replayed, task: again } = await order(app, { key: 'boat-1' });
    expect({ replayed, id: again.id }).not.toEqual({ replayed: true, id: first.id });
    expect((await readTask(app, again.id)).resubmissionOf).toEqual({ id: first.id });

    // Both that are left are too late when the upstream takes orders again.
    app.advance(hourMs);
    app.upstream.onSubmit = onSubmit;
    for (const { id } of [second, again]) await expect.poll(() => readTask(app, id), background).toMatchObject(expired);
    expect(app.upstream.submits).toHaveLength(1);
    await expect.poll(async () => (await usageOf(app)).seconds).toBe(0);
    expect((await readTask(app, second.id)).history.edges).toMatchObject([
      { node: { from: 'SUBMITTING', to: 'WAITING', cause: 'HOLD' } },
      { node: { from: 'WAITING', to: 'FAILED', cause: 'DEADLINE' } },
    ]);
  });

  test.each(['2026-11-22T11:59:59.000Z', '1969-12-31T23:59:59.000Z', '0000-01-01T00:00:00.000Z'])(
    'an order whose time was over when it arrived (%s) is recorded and never sent',
    async (startBefore) => {
      const app = await createWaitingApp({ provider });
      for (const whenBusy of ['WAIT', 'FAIL']) {
        const { task } = await order(app, { options: { startBefore, whenBusy } });
        expect(await readTask(app, task.id)).toMatchObject(expired);
      }
      await someLooks();
      expect(app.upstream.submits).toEqual([]);
      expect((await usageOf(app)).seconds).toBe(0);
    },
  );

  test("an order's key stands for it as long as it waits, although keys expire earlier", async () => {
    const app = await createWaitingApp({ provider, settings: { IDEMPOTENCY_KEY_DAYS: '1' } });
    const { onSubmit } = app.upstream;
    app.upstream.onSubmit = busyFor(60);
    const { task } = await order(app, { key: 'boat-1', options: { startBefore: inMs(60 * hourMs) } });
    // No other instance lets the order through before: it is refused again and again.
    app.advance(25 * hourMs);
    await someLooks();
    expect(await order(app, { key: 'boat-1' })).toMatchObject({ replayed: true, task: { id: task.id } });
    app.upstream.onSubmit = onSubmit;
    app.advance(15 * minuteMs);
    await expect.poll(async () => (await readTask(app, task.id)).status, background).toBe('QUEUED');
    app.advance(23 * hourMs);
    expect(await order(app, { key: 'boat-1' })).toMatchObject({ replayed: true, task: { id: task.id } });
  });
});

test('a replay keeps the options of the first order, because a key does not stand for options', async () => {
  const app = await createWaitingApp();
  app.upstream.onSubmit = busyFor(60);
  const { task } = await order(app, { key: 'boat-1', options: { startBefore: inMs(hourMs) } });
  for (const options of [undefined, { startBefore: inMs(2 * hourMs) }, { whenBusy: 'FAIL', startBefore: inMs(-1) }]) {
    const replay = await order(app, { key: 'boat-1', ...(options && { options }) });
    expect(replay).toMatchObject({ replayed: true, task: { id: task.id, status: 'WAITING' } });
    expect(replay.task.waiting?.startBefore).toBe(inMs(hourMs));
  }
  expect(app.upstream.submits).toHaveLength(1);
});

test('an order may say a time within 72 hours; a later one is refused, and nothing is counted or recorded', async () => {
  const app = await createWaitingApp();
  const refused = async (document: string, variables: Record<string, unknown>) => {
    const { errors } = await app.query(document, variables);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  };
  const options = { startBefore: inMs(72 * hourMs + 1) };
  await refused(waitDocument, { input: anOrder, options });
  await refused('mutation ($orders: [SubmitVideoOrder!]!) { submitVideos(orders: $orders) { __typename } }', {
    orders: [{ input: anOrder }, { input: anOrder, options }],
  });
  expect(await countTasks(app)).toBe(0);
  expect(await usageOf(app)).toEqual({ submits: 0, seconds: 0, calls: 0 });
  expect(app.upstream.submits).toEqual([]);
  expect((await order(app, { options: { startBefore: inMs(72 * hourMs) } })).task.status).toBe('QUEUED');
});

test('an order is not sent where its time ends between its record and its sending', async () => {
  const upstream = await startUpstream();
  const { parts, clock } = await createTestDomain(upstream, { clock: { now: begin } });
  const create: typeof parts.store.create = async (task) => {
    const created = await parts.store.create(task);
    clock.now = new Date(begin.getTime() + 10_000);
    return created;
  };
  const orders = ordersWith({ ...parts, store: { ...parts.store, create } });
  const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });
  const options = { whenBusy: 'WAIT', startBefore: new Date(begin.getTime() + 10_000) } as const;
  const { task } = await orders.submit(localCaller, { request, options });
  expect(task).toMatchObject({ status: 'FAILED', failureCode: 'WAIT_EXPIRED' });
  expect(upstream.submits).toEqual([]);
});

test('an order that the upstream refuses 20 times is not sent again', async () => {
  const app = await createWaitingApp();
  const { onSubmit } = app.upstream;
  app.upstream.onSubmit = reply(429);
  const { task } = await order(app);
  for (let sent = 1; sent < 20; sent++) {
    app.advance(5 * minuteMs);
    await expect.poll(() => app.upstream.submits.length, background).toBe(sent + 1);
    // It waits again before the clock moves on.
    await expect.poll(async () => (await readTask(app, task.id)).status, background).not.toBe('SUBMITTING');
  }
  expect(await readTask(app, task.id)).toMatchObject({ status: 'FAILED', failure: { code: 'UPSTREAM_RATE_LIMITED' } });
  app.upstream.onSubmit = onSubmit;
  app.advance(hourMs);
  await someLooks();
  expect(app.upstream.submits).toHaveLength(20);
});

test('an order that is refused again although another was taken in between fails, and the others go on', async () => {
  const app = await createWaitingApp();
  const { onSubmit } = app.upstream;
  app.upstream.onSubmit = (...exchange) => (promptsSent(app).at(-1) === 'unlucky' ? reply(403) : onSubmit)(...exchange);
  const statusOf = async ({ task }: Ordered) => (await readTask(app, task.id)).status;
  const unlucky = await order(app, orderNamed('unlucky'));
  const second = await order(app, orderNamed('second'));
  app.advance(1_000);
  await expect.poll(() => promptsSent(app), background).toEqual(['unlucky', 'unlucky']);
  await expect.poll(() => statusOf(unlucky), background).toBe('WAITING');
  app.advance(2_000);
  await expect.poll(() => statusOf(unlucky), background).toBe('FAILED');
  expect((await readTask(app, unlucky.task.id)).failure).toMatchObject({ code: 'UPSTREAM_ACCESS_DENIED' });
  expect(await statusOf(second)).toBe('QUEUED');
  const third = await order(app, orderNamed('third'));
  app.advance(1_000);
  await expect.poll(() => statusOf(third), background).toBe('QUEUED');
  expect(promptsSent(app)).toEqual(['unlucky', 'unlucky', 'second', 'unlucky', 'third']);
});
