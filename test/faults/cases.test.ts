import { describe, expect, test } from 'vitest';
import { databaseProviders } from '../support/database.ts';
import { acknowledged, createWorld, expectNothingBroken, orderOf, soon } from './case.ts';
import { endGracefully, leaseMarginMs } from './service.ts';
import { subscribe } from './subscriber.ts';
import { flawless } from './upstream.ts';

describe.each(databaseProviders)('two processes on one database (%s)', (provider) => {
  test('50 parallel duplicates are one paid order and get the same task', async () => {
    const world = await createWorld(provider);
    const processes = [await world.start(), await world.start()];
    const order = orderOf(world, 'duplicate', { submit: 'late' });
    const sending = Array.from({ length: 50 }, (_, index) => {
      const instance = processes[index % 2];
      return instance ? world.client.submit(instance, order) : [];
    });
    const answers = (await Promise.all(sending)).flat().map(acknowledged);
    expect(answers).toHaveLength(50);
    expect(world.upstream.posts).toHaveLength(1);
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(answers.map(({ task }) => task.status)).not.toContain('SUBMITTING');
    await expectNothingBroken(world);
  }, 60_000);

  test('50 parallel duplicates of an order that was refused before are one paid order and get the same task', async () => {
    const world = await createWorld(provider);
    const processes = [await world.start(), await world.start()];
    const order = { ...orderOf(world, 'again', { submit: '429 for 1 s' }), options: { whenBusy: 'FAIL' as const } };
    const refused = acknowledged(await world.client.submit(processes[0]!, order));
    expect(refused.task).toMatchObject({ status: 'FAILED', failure: { code: 'UPSTREAM_RATE_LIMITED' } });
    orderOf(world, 'again', { submit: 'late' });
    const duplicates = Array.from({ length: 50 }, (_, index) => world.client.submit(processes[index % 2]!, order));
    const answers = (await Promise.all(duplicates)).map(acknowledged);
    expect(world.upstream.posts).toHaveLength(2);
    expect(new Set(answers.map(({ task }) => task.id)).size).toBe(1);
    expect(answers[0]!.task.id).not.toBe(refused.task.id);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    await expectNothingBroken(world);
  }, 60_000);

  test('a duplicate of an order that is under way in the other process waits for it', async () => {
    const world = await createWorld(provider);
    const [first, second] = [await world.start(), await world.start()];
    const order = orderOf(world, 'awaited', { submit: 'late', checks: Array(10_000).fill('queued') });
    const original = world.client.submit(first, order);
    await expect.poll(() => world.upstream.posts.length, soon).toBe(1);
    const duplicate = await world.client.submit(second, order);
    const answeredAt = Date.now();
    const [post] = world.upstream.posts;
    expect(answeredAt).toBeGreaterThanOrEqual(post?.deliveredAt ?? Number.POSITIVE_INFINITY);
    const { task, replayed } = acknowledged(await original);
    expect(replayed).toBe(false);
    expect(acknowledged(duplicate)).toMatchObject({ task: { id: task.id, status: 'QUEUED' }, replayed: true });
    expect(world.upstream.posts).toHaveLength(1);
  }, 60_000);

  test('one check per task and interval, over both', async () => {
    const intervalMs = 400;
    const world = await createWorld(provider, { TRACKER_INTERVAL_MS: String(intervalMs) });
    const processes = [await world.start(), await world.start()];
    const checking = () => new Set(world.upstream.checks.map(({ process }) => process)).size;
    // One process may take all that is due, as long as it looks first each time: so there are more orders until both do.
    for (let count = 0; count < 8 || (checking() < processes.length && count < 200); count++) {
      const instance = processes[count % processes.length];
      const order = orderOf(world, `often${count}`, { checks: ['queued', 'processing', 'processing'] });
      if (instance) await world.client.submit(instance, order);
    }
    const isPaidFor = () => world.upstream.ended.size === world.client.sent.length;
    await expect.poll(isPaidFor, soon).toBe(true);
    const checks = Map.groupBy(world.upstream.checks, ({ upstreamId }) => upstreamId);
    for (const [, ofTask] of checks) {
      expect(ofTask).toHaveLength(4);
      const pauses = ofTask.slice(1).map(({ at }, index) => at - (ofTask[index]?.at ?? 0));
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(intervalMs - 1);
    }
    expect(checking()).toBe(processes.length);
  }, 60_000);

  test('a process paused in a check past its lease changes nothing when it wakes up', async () => {
    const world = await createWorld(provider);
    const paused = await world.start();
    const moment = Promise.withResolvers<void>();
    world.upstream.onMoment = () => {
      paused.signal('SIGSTOP');
      moment.resolve();
    };
    // Before the answer leaves: afterwards it could be recorded before the signal comes.
    const order = orderOf(world, 'paused', { interruptAt: 'GET about to be answered' });
    const sent = await world.client.submit(paused, order);
    const { task } = acknowledged(sent);
    await moment.promise;
    const other = await world.start();
    const row = async () => (await world.database.rows()).find(({ id }) => id === task.id);
    const patience = { timeout: leaseMarginMs + 5_000, interval: 50 };
    await expect.poll(async () => (await row())?.status, patience).toBe('COMPLETED');
    expect(world.upstream.checks.map(({ process }) => process)).toEqual([paused.name, other.name]);

    const completed = await row();
    paused.signal('SIGCONT');
    await world.client.submit(paused, orderOf(world, 'after'));
    // It ends only when the check it was in has been recorded, or rather has not.
    expect(await endGracefully(paused)).toBe(null);
    expect(await row()).toEqual(completed);
    expect(completed?.history.filter(({ to }) => to === 'COMPLETED')).toHaveLength(1);
    await expectNothingBroken(world);
  }, 60_000);
});

/** The tasks whose checks have failed in a process, by these lines of the log. */
const failedChecks = (lines: readonly string[], pid: number): Set<string> =>
  new Set(
    lines
      .filter((line) => line.includes(`"pid":${pid},`) && line.includes('check failed'))
      .map((line) => JSON.parse(line).taskId),
  );

test('a subscriber sees within a second what the other process made of the task, on PostgreSQL', async () => {
  const world = await createWorld('postgresql');
  // After three refused tasks the first process checks nothing for five minutes, so all changes come from the second
  // one.
  const first = await world.start();
  world.upstream.mode = 'denied';
  for (const name of ['refused1', 'refused2', 'refused3']) await world.client.submit(first, orderOf(world, name));
  const before = world.log.length;
  await expect.poll(() => failedChecks(world.log.slice(before), first.pid).size, soon).toBe(3);
  world.upstream.mode = 'scripted';

  const second = await world.start();
  const order = orderOf(world, 'watched', { checks: Array(10_000).fill('queued') });
  const { task } = acknowledged(await world.client.submit(second, order));
  const subscriber = await subscribe(first, task.id);
  await expect.poll(() => subscriber.seen.map(({ status }) => status), soon).toEqual(['QUEUED']);

  const changedAt = Date.now();
  world.upstream.scripts.set(order.marker, flawless);
  expect(await subscriber.ended).toBe(true);
  const last = subscriber.seen.at(-1);
  expect(last?.status).toBe('COMPLETED');
  expect((last?.at ?? Number.POSITIVE_INFINITY) - changedAt).toBeLessThan(1_000);
  expect(world.upstream.checks.filter(({ at }) => at >= changedAt).map(({ process }) => process)).not.toContain(
    first.name,
  );
}, 60_000);

/** The short form; the promise is shown with 25. */
const kills = Number(process.env['FAULT_KILLS'] ?? 5);

describe.each(databaseProviders)('ends (%s)', (provider) => {
  test(
    `${kills} × SIGKILL under submit load lose no acknowledged task and pay nothing twice`,
    async () => {
      const world = await createWorld(provider);
      let unanswered: { key: string; marker: string }[] = [];
      for (let round = 0; round < kills; round++) {
        const instance = await world.start();
        const before = world.upstream.posts.length;
        const fresh = Array.from({ length: 15 }, (_, index) => orderOf(world, `r${round}o${index}`));
        const orders = [...unanswered, ...fresh];
        const sending = orders.map((order) => world.client.submit(instance, order));
        await expect.poll(() => world.upstream.posts.length, { ...soon, interval: 1 }).toBeGreaterThan(before);
        // From at once until after the first answers, which a process that has just started takes a while for.
        await new Promise((resolve) => setTimeout(resolve, (round * 40) % 200));
        await instance.kill();
        // Like clients, the test sends an order without an answer again, to the next process that is up.
        const sent = await Promise.all(sending);
        unanswered = orders.filter((_, index) => sent[index]?.outcome === 'lost');
      }
      expect(world.kills).toBe(kills);
      expect(world.client.seen.length).toBeGreaterThan(0);
      await expectNothingBroken(world);
    },
    60_000 + kills * 5_000,
  );

  test('SIGTERM under load ends with 0 within 10 s, and leaves every order in a true state', async () => {
    const world = await createWorld(provider, { GROK_SUBMIT_TIMEOUT_MS: '60000' });
    const instance = await world.start();
    const watched = orderOf(world, 'watched', { checks: Array(10_000).fill('queued') });
    const { task } = acknowledged(await world.client.submit(instance, watched));
    const subscribers = await Promise.all(Array.from({ length: 20 }, () => subscribe(instance, task.id)));
    await expect.poll(() => subscribers.every(({ seen }) => seen.length > 0), soon).toBe(true);

    const faults = ['hang', 'late', 'drip with id', 'drip without id', 'late'] as const;
    const sending = faults.map((submit, index) =>
      world.client.submit(instance, orderOf(world, `flight${index}`, { submit })),
    );
    await expect.poll(() => world.upstream.posts.length, soon).toBe(1 + faults.length);
    expect(await endGracefully(instance)).toBe(null);

    expect(await Promise.all(subscribers.map(({ ended }) => ended))).toEqual(Array(20).fill(true));
    const answers = (await Promise.all(sending)).map((sent) => acknowledged(sent).task.status);
    expect(answers).toEqual(['UNCONFIRMED', 'QUEUED', 'QUEUED', 'UNCONFIRMED', 'QUEUED']);
    const rows = await world.database.rows();
    expect(rows.map(({ status, leasedUntil }) => ({ status, leasedUntil }))).not.toContainEqual({
      status: 'SUBMITTING',
      leasedUntil: expect.anything(),
    });
    await expectNothingBroken(world);
  }, 60_000);
});
