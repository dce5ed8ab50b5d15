import { expect, test } from 'vitest';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { DatabaseUnavailableError } from '../../src/errors.ts';
import { later } from '../../src/tasks/moment.ts';
import type { TaskStore } from '../../src/tasks/task-store.ts';
import { createTestDomain, hourMs, minuteMs, ordersWith, type TestDomain } from '../support/domain.ts';
import { localCaller } from '../support/local-caller.ts';
import { reply, startUpstream } from '../support/upstream.ts';

const dayMs = 24 * hourMs;

const request = requestSchemas.GROK_VIDEO3.parse({ prompt: 'A paper boat' });

/** Orders that wait for an account without credit, which has some again after a minute. */
async function createWaiting(count: number) {
  const upstream = await startUpstream();
  const { onSubmit } = upstream;
  upstream.onSubmit = reply(402, '', { 'retry-after': '60' });
  const domain = await createTestDomain(upstream);
  const options = { whenBusy: 'WAIT', startBefore: later(domain.clock.now, minuteMs + 20_000) } as const;
  const ids: string[] = [];
  for (let index = 0; index < count; index++)
    ids.push((await domain.orders.submit(localCaller, { request, options })).task.id);
  upstream.onSubmit = onSubmit;
  await domain.advance(minuteMs);
  upstream.submits.length = 0;
  return { upstream, domain, ids };
}

/** The orders, with a store whose writes of SUBMITTING do something else besides. */
function ordersWithSending({ parts }: TestDomain, sending: (update: TaskStore['update']) => TaskStore['update']) {
  const { store } = parts;
  const update: TaskStore['update'] = (task, change) =>
    (change.status === 'SUBMITTING' ? sending(store.update) : store.update)(task, change);
  return ordersWith({ ...parts, store: { ...store, update } });
}

test('an order whose time ends between its claim and its call is not sent', async () => {
  const { upstream, domain, ids } = await createWaiting(1);
  const orders = ordersWithSending(domain, (update) => async (task, change) => {
    const saved = await update(task, change);
    // Within the lease.
    domain.clock.now = later(domain.clock.now, 30_000);
    return saved;
  });
  await orders.waiting.sendDue();
  expect(await domain.find(ids[0]!)).toMatchObject({ status: 'FAILED', failureCode: 'WAIT_EXPIRED' });
  expect(upstream.submits).toEqual([]);
});

test('an order that was claimed is sent although the database fails at the next one', async () => {
  const { upstream, domain, ids } = await createWaiting(3);
  let writes = 0;
  // The first order shows that the upstream takes orders again, and the others are claimed together.
  const orders = ordersWithSending(domain, (update) => (task, change) => {
    writes += 1;
    return writes === 3 ? Promise.reject(new DatabaseUnavailableError(new Error('gone'))) : update(task, change);
  });
  await orders.waiting.sendDue();
  expect(upstream.submits).toHaveLength(3);
  for (const id of ids) expect(await domain.find(id)).toMatchObject({ status: 'QUEUED' });
});

test('a key does not expire while its order waits, nor soon after that was sent', async () => {
  const upstream = await startUpstream();
  const { onSubmit } = upstream;
  upstream.onSubmit = reply(402, '', { 'retry-after': '60' });
  const { clock, orders } = await createTestDomain(upstream);
  const startBefore = later(clock.now, 60 * dayMs);
  const order = { request, idempotencyKey: 'boat', options: { whenBusy: 'WAIT', startBefore } } as const;
  const { task } = await orders.submit(localCaller, order);
  // Longer than the lifetime of a key.
  clock.now = later(clock.now, 31 * dayMs);
  const replayed = { task: { id: task.id }, replayed: true };
  expect(await orders.submit(localCaller, order)).toMatchObject(replayed);
  upstream.onSubmit = onSubmit;
  await orders.waiting.sendDue();
  expect(await orders.submit(localCaller, order)).toMatchObject(replayed);
  expect(upstream.submits).toHaveLength(2);
});

test('an order that was admitted before the upstream refused another is not sent after that', async () => {
  const upstream = await startUpstream();
  upstream.onSubmit = reply(429, '', { 'retry-after': '60' });
  const { parts } = await createTestDomain(upstream);
  const [admitted, refused] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const create: TaskStore['create'] = async (task) => {
    if (task.prompt === 'Late') {
      admitted.resolve();
      await refused.promise;
    }
    return parts.store.create(task);
  };
  const orders = ordersWith({ ...parts, store: { ...parts.store, create } });
  const options = { whenBusy: 'WAIT', startBefore: null } as const;
  const late = orders.submit(localCaller, { request: { ...request, prompt: 'Late' }, options });
  await admitted.promise;
  await orders.submit(localCaller, { request, options });
  refused.resolve();
  expect(await late).toMatchObject({ task: { status: 'WAITING', waitsFor: 'RATE_LIMITED', refusalCount: 0 } });
  expect(upstream.submits).toHaveLength(1);
});
