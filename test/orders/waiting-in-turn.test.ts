import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Speaker } from '../support/app.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { minuteMs } from '../support/domain.ts';
import { held } from '../support/held-answer.ts';
import { begin, readTask } from '../support/placing.ts';
import { type Answer, reply, startUpstream, type TestUpstream } from '../support/upstream.ts';
import {
  background,
  busyFor,
  createWaitingApp,
  order,
  orderNamed,
  promptsSent,
  someLooks,
  untilSent,
} from '../support/waiting-app.ts';

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix} ${index}`);

/** Holds each answer for a moment, and counts how many orders are under way at most. */
function countingConcurrency(upstream: TestUpstream, answer: Answer) {
  const seen = { underWay: 0, most: 0 };
  upstream.onSubmit = async (response, request) => {
    seen.underWay += 1;
    seen.most = Math.max(seen.most, seen.underWay);
    await sleep(10);
    seen.underWay -= 1;
    answer(response, request);
  };
  return seen;
}

/** Places orders of a caller all at once. */
const together = (caller: Pick<Speaker, 'query'>, prompts: readonly string[]) =>
  Promise.all(prompts.map((prompt) => order(caller, orderNamed(prompt))));

/** The order of the clients, by the first words of the prompts. */
const clientsIn = (prompts: readonly unknown[]) => prompts.map((prompt) => String(prompt).split(' ')[0]);

describe.each(databaseProviders)('on %s', (provider) => {
  test('while an order waits new ones wait behind it, and after HTTP 429 they are sent one at a time, in turn, by two instances', async () => {
    const app = await createWaitingApp({ provider });
    const { onSubmit } = app.upstream;
    const { databaseUrl, upstream, clock } = app;
    await createWaitingApp({ databaseUrl, upstream, clock });
    app.upstream.onSubmit = busyFor(60);
    await order(app, orderNamed('first'));
    app.upstream.onSubmit = onSubmit;
    const later = names('later', 12);
    for (const [index, prompt] of later.entries())
      expect((await order(app, orderNamed(prompt))).task).toMatchObject({
        status: 'WAITING',
        waiting: { reason: 'RATE_LIMITED', ahead: index + 1 },
      });
    await someLooks();
    expect(promptsSent(app)).toEqual(['first']);

    const seen = countingConcurrency(app.upstream, onSubmit);
    app.advance(minuteMs);
    await untilSent(app, 14);
    expect(promptsSent(app)).toEqual(['first', 'first', ...later]);
    expect(seen.most).toBe(1);
    // No order waits any more, so that several are sent at the same time again.
    const atOnce = async () => {
      await someLooks();
      return (await together(app, names('after', 4))).every(({ task }) => task.status === 'QUEUED') && seen.most > 1;
    };
    await expect.poll(atOnce, background).toBe(true);
  });

  test('an order that is placed while others wait, although the account takes orders again, waits for its turn', async () => {
    const app = await createWaitingApp({ provider });
    app.upstream.onSubmit = reply(402);
    await order(app, orderNamed('first'));
    await order(app, orderNamed('second'));
    const { answer, arrived, release } = held(reply(200, { id: 'video_1' }));
    app.upstream.onSubmit = answer;
    app.advance(1_000);
    await arrived;
    expect((await order(app, orderNamed('third'))).task.status).toBe('WAITING');
    app.upstream.onSubmit = reply(200, { id: 'video_2' });
    release();
    await untilSent(app, 4);
    // The last two are sent together, because the account takes orders again.
    expect(new Set(promptsSent(app).slice(2))).toEqual(new Set(['second', 'third']));
  });

  test('a client that places 30 orders at once does not hold up the three of another', async () => {
    const grants = { ann: { client: 'ann' }, bob: { client: 'bob' } };
    const app = await createWaitingApp({ provider, grants });
    const { onSubmit } = app.upstream;
    app.upstream.onSubmit = busyFor(60);
    await order(app.callers.ann, orderNamed('ann first'));
    await together(app.callers.ann, names('ann', 29));
    for (const prompt of names('bob', 3)) await order(app.callers.bob, orderNamed(prompt));
    app.upstream.onSubmit = onSubmit;
    app.advance(minuteMs);
    await untilSent(app, 34);
    const order33 = clientsIn(promptsSent(app).slice(1));
    expect(order33.slice(0, 7).filter((client) => client === 'bob')).toHaveLength(3);
    expect(order33.filter((client) => client === 'ann')).toHaveLength(30);
  });
});

test('orders that wait for their clients hold up no order of others, however many clients there are', async () => {
  const clients = names('client', 41);
  const limited = Object.fromEntries(clients.map((client) => [client, { client, limits: { maxOpen: 1 } }]));
  const app = await createWaitingApp({ grants: { ...limited, ann: { client: 'ann' } } });
  const { onSubmit } = app.upstream;
  const { ann, ...others } = app.callers;
  for (let time = 0; time < 2; time++)
    await Promise.all(Object.values<Speaker>(others).map((caller) => order(caller, orderNamed('other'))));
  await untilSent(app, 41);
  // Ann's order is behind those of 41 clients, of which none may be sent.
  app.upstream.onSubmit = busyFor(1);
  await order(ann, orderNamed('first'));
  const { task } = await order(ann, orderNamed('second'));
  app.upstream.onSubmit = onSubmit;
  app.advance(minuteMs);
  await expect.poll(async () => (await readTask(ann, task.id)).status, background).toBe('QUEUED');
  // Once that is known, her orders do not even wait.
  await expect.poll(async () => (await order(ann)).task.status, background).toBe('QUEUED');
  expect(promptsSent(app).filter((prompt) => prompt === 'other')).toHaveLength(41);
});

test('orders that would rather fail do not hold up those that wait', async () => {
  const app = await createWaitingApp();
  const { onSubmit } = app.upstream;
  app.upstream.onSubmit = busyFor(60);
  const { task } = await order(app);
  for (let round = 0; round < 3; round++) {
    app.advance(19_000);
    const { task: failed } = await order(app, { options: { whenBusy: 'FAIL' } });
    expect(failed).toMatchObject({ status: 'FAILED', failure: { code: 'UPSTREAM_RATE_LIMITED' } });
  }
  app.upstream.onSubmit = onSubmit;
  app.advance(3_000);
  await expect.poll(async () => (await readTask(app, task.id)).status, background).toBe('QUEUED');
});

describe.each(databaseProviders)('over a restart, on %s', (provider) => {
  test('orders that wait are sent by the instance that starts next, with their options', async () => {
    const databaseUrl = await freshDatabase(provider);
    const upstream = await startUpstream();
    const { onSubmit } = upstream;
    upstream.onSubmit = busyFor(60);
    const first = await createWaitingApp({ databaseUrl, upstream });
    const { task } = await order(first, { key: 'boat-1' });
    const { task: short } = await order(first, { options: { startBefore: '2026-11-22T12:00:30.000Z' } });
    await first.app.stop();
    upstream.onSubmit = onSubmit;
    const clock = { now: new Date(begin.getTime() + minuteMs) };
    const second = await createWaitingApp({ databaseUrl, upstream, clock });
    await expect.poll(async () => (await readTask(second, task.id)).status, background).toBe('QUEUED');
    expect(await readTask(second, short.id)).toMatchObject({ status: 'FAILED', failure: { code: 'WAIT_EXPIRED' } });
    expect(await order(second, { key: 'boat-1' })).toMatchObject({ replayed: true, task: { id: task.id } });
    expect(upstream.submits).toHaveLength(2);
  });
});

test('an upstream that answers no order takes one waiting order at a time, and not all of them', async () => {
  const app = await createWaitingApp();
  app.upstream.onSubmit = busyFor(60);
  await together(app, names('boat', 20));
  await someLooks();
  app.upstream.onSubmit = reply(500);
  for (let refusals = 0; refusals < 4; refusals++) {
    const before = app.upstream.submits.length;
    app.advance(5 * minuteMs);
    await untilSent(app, before + 1);
    await someLooks();
    expect(app.upstream.submits).toHaveLength(before + 1);
  }
});
