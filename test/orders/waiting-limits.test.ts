import { describe, expect, test } from 'vitest';
import { anOrder } from '../support/app.ts';
import { databaseProviders } from '../support/database.ts';
import { createLimitedApp, usageOf } from '../support/limited-app.ts';
import { countTasks, readTask, waitDocument } from '../support/placing.ts';
import { completed } from '../support/upstream.ts';
import {
  background,
  busyFor,
  cancel,
  createWaitingApp,
  order,
  orderNamed,
  promptsSent,
  someLooks,
  untilSent,
  type WaitingApp,
} from '../support/waiting-app.ts';

const failing = { options: { whenBusy: 'FAIL' } };

/** Notes when each order arrives, by the clock of the test. */
function timesOf({ upstream, clock }: Pick<WaitingApp, 'upstream' | 'clock'>): number[] {
  const times: number[] = [];
  const { onSubmit } = upstream;
  upstream.onSubmit = (...exchange) => {
    times.push(clock.now.getTime());
    onSubmit(...exchange);
  };
  return times;
}

describe.each(databaseProviders)('on %s', (provider) => {
  test('two instances together never send more orders in any 60 seconds than they may', async () => {
    const settings = { UPSTREAM_SUBMITS_PER_MINUTE: '5' };
    const one = await createWaitingApp({ provider, settings });
    const { databaseUrl, upstream, clock } = one;
    const two = await createWaitingApp({ databaseUrl, upstream, clock, settings });
    const times = timesOf(one);
    const prompts = Array.from({ length: 18 }, (_, index) => `boat ${index}`);
    const placed = await Promise.all(
      prompts.map((prompt, index) => order([one, two][index % 2] ?? one, orderNamed(prompt))),
    );
    const statuses = placed.map(({ task }) => task.status);
    expect(statuses.filter((status) => status === 'QUEUED')).toHaveLength(5);
    expect(new Set(placed.map(({ task }) => task.waiting?.reason))).toEqual(new Set([undefined, 'PACE']));
    // An order that would rather fail is not sent faster either.
    const { task: failed } = await order(two, failing);
    expect(failed).toMatchObject({ status: 'FAILED', failure: { code: 'UPSTREAM_RATE_LIMITED' } });
    // The clock moves only while none may be sent, so that it does not move between a permit and its order.
    for (const sent of [5, 10, 15]) {
      await untilSent(one, sent);
      one.advance(59_999);
      await someLooks();
      expect(one.upstream.submits).toHaveLength(sent);
      one.advance(1);
    }
    await untilSent(one, 18);
    expect(new Set(promptsSent(one))).toEqual(new Set(prompts));
    const inAnyMinute = times.map((from) => times.filter((time) => time >= from && time < from + 60_000).length);
    expect(Math.max(...inAnyMinute)).toBe(5);
  });

  test('an order waits while as many tasks are open as may be, and is sent when one has ended', async () => {
    const app = await createWaitingApp({ provider, settings: { UPSTREAM_MAX_OPEN: '2' } });
    await Promise.all([order(app), order(app), order(app), order(app)]);
    await untilSent(app, 2);
    const { task } = await order(app);
    expect(task).toMatchObject({ status: 'WAITING' });
    await someLooks();
    expect(app.upstream.submits).toHaveLength(2);
    expect((await order(app, failing)).task).toMatchObject({
      status: 'FAILED',
      failure: { code: 'UPSTREAM_RATE_LIMITED' },
    });
    app.upstream.onCheck = completed;
    const afterChecks = () => {
      app.advance(100);
      return app.upstream.submits.length;
    };
    await expect.poll(afterChecks, background).toBe(5);
    await expect.poll(async () => (await readTask(app, task.id)).submittedAt, background).not.toBeNull();
  });

  test("a key's own limit of open tasks makes its orders wait, and no others", async () => {
    const grants = { ann: { client: 'ann', limits: { maxOpen: 1 } }, bob: { client: 'bob' } };
    const app = await createWaitingApp({ provider, grants });
    const { ann, bob } = app.callers;
    expect((await order(ann)).task.status).toBe('QUEUED');
    const { task } = await order(ann);
    expect(task).toMatchObject({ status: 'WAITING', waiting: { reason: 'CLIENT_MAX_OPEN' } });
    // Once the service has found out that it waits for its client alone.
    await expect.poll(async () => (await order(bob)).task.status, background).toBe('QUEUED');
    await someLooks();
    expect((await readTask(ann, task.id)).status).toBe('WAITING');
    app.upstream.onCheck = completed;
    app.advance(1_000);
    await expect.poll(async () => (await readTask(ann, task.id)).submittedAt, background).not.toBeNull();
  });

  test('beyond the limit of waiting orders of a client nothing is counted and nothing is recorded', async () => {
    const grants = { ann: { client: 'ann' }, bob: { client: 'bob' } };
    const app = await createWaitingApp({ provider, grants, settings: { MAX_WAITING: '2' } });
    const { ann, bob } = app.callers;
    app.upstream.onSubmit = busyFor(60);
    await order(ann);
    await order(ann, { key: 'boat-1' });
    const { data, errors } = await ann.query(waitDocument, { input: anOrder, key: 'boat-2' });
    expect(data.submitVideo).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'LIMIT_EXCEEDED', limit: 'MAX_WAITING', max: 2 } }]);
    expect(await countTasks(ann)).toBe(2);
    expect(await usageOf(ann)).toEqual({ submits: 2, seconds: 20, calls: 0 });
    // A replay needs no place, an order that does not wait takes none, and another client has its own.
    expect(await order(ann, { key: 'boat-1' })).toMatchObject({ replayed: true });
    expect((await order(ann, failing)).task.status).toBe('FAILED');
    expect((await order(bob)).task.status).toBe('WAITING');
    expect((await order(ann, { key: 'boat-3', ...failing })).task.status).toBe('FAILED');
  });
});

test('of orders that arrive together no more wait than may', async () => {
  const app = await createWaitingApp({ settings: { MAX_WAITING: '3' } });
  app.upstream.onSubmit = busyFor(900);
  await order(app);
  const ask = () => app.query(waitDocument, { input: anOrder });
  const answers = await Promise.all(Array.from({ length: 20 }, ask));
  expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(2);
  expect(await countTasks(app)).toBe(3);
  expect((await usageOf(app)).seconds).toBe(30);
});

test('a duplicate of the last order that may wait gets that order, and is not refused for its sake', async () => {
  const settings = { MAX_WAITING: '1' };
  const one = await createWaitingApp({ settings });
  const { databaseUrl, upstream, clock } = one;
  const two = await createWaitingApp({ databaseUrl, upstream, clock, settings });
  one.upstream.onSubmit = busyFor(900);
  const { task: first } = await order(one);
  await cancel(one, first.id);
  for (const key of ['boat-1', 'boat-2', 'boat-3', 'boat-4', 'boat-5']) {
    const [{ task }, duplicate] = await Promise.all([order(one, { key }), order(two, { key })]);
    expect(duplicate.task.id).toBe(task.id);
    await cancel(one, task.id);
  }
  expect(upstream.submits).toHaveLength(1);
});

test('an order that does not wait fails at HTTP 429, and says when to try again', async () => {
  const app = await createLimitedApp({});
  app.upstream.onSubmit = busyFor(7);
  const { data } = await app.query(
    `mutation { submitVideo(input: { grokVideo3: { prompt: "A boat" } }, options: { whenBusy: FAIL }) { task { status failure { code retryable } waiting { ahead } } } }`,
  );
  expect(data.submitVideo.task).toEqual({
    status: 'FAILED',
    failure: { code: 'UPSTREAM_RATE_LIMITED', retryable: true },
    waiting: null,
  });
});
