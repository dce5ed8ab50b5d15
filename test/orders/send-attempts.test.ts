import { describe, expect, test } from 'vitest';
import type { ModelName } from '../../src/catalogue/models.ts';
import { requestSchemas } from '../../src/catalogue/video-request.ts';
import { DatabaseUnavailableError } from '../../src/errors.ts';
import { createClock } from '../../src/tasks/moment.ts';
import { afterHolding, afterSubmit, beforeSending } from '../../src/tasks/order-transitions.ts';
import type { TaskChange, VideoTask } from '../../src/tasks/task.ts';
import type { NoAnswer, SubmitReply } from '../../src/tasks/upstream.ts';
import { freshDatabase } from '../support/database.ts';
import { createTestDomain, minuteMs, ordersWith, type TestParts } from '../support/domain.ts';
import { localCaller } from '../support/local-caller.ts';
import { create, openStore } from '../support/task-store.ts';
import { reply, startUpstream } from '../support/upstream.ts';
import { promptsSent } from '../support/waiting-app.ts';

const waiting = { whenBusy: 'WAIT', startBefore: null } as const;

const orderOf = (prompt: string, more: object = {}, model: ModelName = 'GROK_VIDEO3') => ({
  request: requestSchemas[model].parse({ prompt, ...more }),
  options: waiting,
});

/** The domain with orders that wait because the first was refused, and a part of it replaced. */
async function withWaiting(prompts: readonly string[], replace: (parts: TestParts) => Partial<TestParts>) {
  const upstream = await startUpstream();
  const { onSubmit } = upstream;
  const { parts, clock } = await createTestDomain(upstream);
  const orders = ordersWith({ ...parts, ...replace(parts) });
  upstream.onSubmit = reply(402);
  const tasks: VideoTask[] = [];
  for (const prompt of prompts) {
    const images = prompt.startsWith('image') ? { images: [{ url: 'https://images.example.com/1.png' }] } : {};
    tasks.push((await orders.submit(localCaller, orderOf(prompt, images))).task);
  }
  upstream.onSubmit = onSubmit;
  upstream.submits.length = 0;
  clock.now = new Date(clock.now.getTime() + minuteMs);
  const statuses = async () => Promise.all(tasks.map(async ({ id }) => (await parts.store.find(id))?.status));
  return { upstream, parts, orders, statuses };
}

test('orders that were claimed before the database failed are sent, and the others afterwards', async () => {
  const claims: string[] = [];
  const failingOnce = ({ store }: TestParts) => ({
    store: {
      ...store,
      update: async (task: Pick<VideoTask, 'id' | 'version'>, change: TaskChange) => {
        if (change.status === 'SUBMITTING' && claims.push(task.id) === 3)
          throw new DatabaseUnavailableError(new Error('The test says so.'));
        return store.update(task, change);
      },
    },
  });
  const { upstream, orders, statuses } = await withWaiting(['a', 'b', 'c', 'd'], failingOnce);
  await orders.waiting.sendDue();
  expect(promptsSent({ upstream })).toEqual(expect.arrayContaining(['a', 'b']));
  await orders.waiting.sendDue();
  expect(upstream.submits).toHaveLength(4);
  expect(await statuses()).toEqual(Array(4).fill('QUEUED'));
});

test('orders that were claimed do not wait until the images of another are read', async () => {
  const upstreamReceived = Promise.withResolvers<void>();
  const slow = ({ store }: TestParts) => ({
    store: {
      ...store,
      findReferenceImages: async (id: string) => {
        await upstreamReceived.promise;
        return store.findReferenceImages(id);
      },
    },
  });
  const { upstream, orders, statuses } = await withWaiting(['a', 'b', 'image c', 'd'], slow);
  const { onSubmit } = upstream;
  upstream.onSubmit = (...exchange) => {
    if (promptsSent({ upstream }).includes('b')) upstreamReceived.resolve();
    onSubmit(...exchange);
  };
  await orders.waiting.sendDue();
  expect(upstream.submits).toHaveLength(4);
  expect(await statuses()).toEqual(Array(4).fill('QUEUED'));
});

test('an order that may not wait was never sent, also where the service died before it said so', async () => {
  const upstream = await startUpstream();
  const domain = await createTestDomain(upstream);
  const dying: TestParts = {
    ...domain.parts,
    store: { ...domain.parts.store, update: () => new Promise<never>(() => {}) },
  };
  const past = new Date(domain.clock.now.getTime() - 1);
  const { request } = orderOf('A paper boat');
  void ordersWith(dying).submit(localCaller, { request, options: { whenBusy: 'WAIT', startBefore: past } });
  const newest = async () => (await domain.parts.store.list({}, { limit: 1, inverted: false }))[0];
  await expect.poll(async () => (await newest())?.status).toBe('SUBMITTING');
  await domain.advance(minuteMs);
  const task = await newest();
  expect(task).toMatchObject({ status: 'FAILED', failureCode: 'WAIT_EXPIRED' });
  expect(upstream.submits).toEqual([]);
});

describe('a reply to an earlier attempt', () => {
  const now = new Date('2026-11-22T12:00:00Z');
  const redact = { redact: (text: string) => text };
  const clock = createClock(() => now, { firstCheckMs: 1, intervalMs: 1 }, redact, false);

  /** An order that was refused at its first attempt, and is being sent a second time. */
  async function secondAttempt(): Promise<VideoTask> {
    const store = await openStore(await freshDatabase());
    const first = { status: 'SUBMITTING', sendAttempt: 1, whenBusy: 'WAIT' } as const;
    const task = await create(store, first);
    const busy: NoAnswer = { kind: 'RATE_LIMITED', message: 'Busy.', httpStatus: 429 };
    const refused = await store.update(task, afterSubmit(task, busy, { sendAttempt: 1, turn: 1 }, clock()) ?? {});
    const again = refused && beforeSending(refused, { leasedUntil: now, account: 'default' }, clock());
    const sending = refused && again && (await store.update(refused, again));
    if (!sending) throw new Error('The order is not sent again.');
    expect(sending).toMatchObject({ status: 'SUBMITTING', sendAttempt: 2, refusalCount: 1, turn: null });
    return sending;
  }

  test.each<[what: string, reply: SubmitReply]>([
    ['429', { kind: 'RATE_LIMITED', message: 'Busy.', httpStatus: 429 }],
    ['400', { kind: 'REFUSED', message: 'No boats.', httpStatus: 400 }],
    ['that no connection was made', { kind: 'NEVER_SENT', message: 'No connection.' }],
    ['that the answer was lost', { kind: 'ANSWER_LOST', message: 'Reset.' }],
  ])('(%s) says nothing about the present one', async (_, said) => {
    const task = await secondAttempt();
    expect(afterSubmit(task, said, { sendAttempt: 1, turn: 7 }, clock())).toBeNull();
    expect(afterSubmit({ ...task, status: 'UNCONFIRMED' }, said, { sendAttempt: 1, turn: 7 }, clock())).toBeNull();
    expect(afterHolding(task, { sendAttempt: 1, turn: 7, reason: 'PACE' }, clock())).toBeNull();
  });

  test('a refusal of the present one never lets an UNCONFIRMED order wait again', async () => {
    const task: VideoTask = { ...(await secondAttempt()), status: 'UNCONFIRMED' };
    const refusal: NoAnswer = { kind: 'RATE_LIMITED', message: 'Busy.', httpStatus: 429 };
    expect(afterSubmit(task, refusal, { sendAttempt: 2, turn: 7 }, clock())).toMatchObject({ status: 'FAILED' });
    const held = afterHolding(task, { sendAttempt: 2, turn: 7, reason: 'INTERRUPTED' }, clock());
    expect(held).toMatchObject({ status: 'FAILED', failureCode: 'UPSTREAM_UNREACHABLE' });
  });
});
