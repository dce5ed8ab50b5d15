import { expect, inject, test } from 'vitest';
import { databaseProviders } from '../support/database.ts';
import { acknowledged, createWorld, expectNothingBroken, orderOf, soon } from './case.ts';
import { drillWaiting } from './waiting-drill.ts';

test('a relay that accepts an order and answers 429 is sent it once, and one that refuses an order gets it again', async () => {
  const world = await createWorld('sqlite');
  const processes = [await world.start(), await world.start()];
  const relayed = orderOf(world, 'relayed', { submit: '429 with the id' });
  const { task } = acknowledged(await world.client.submit(processes[0]!, relayed));
  expect(task).toMatchObject({ status: 'QUEUED', upstreamId: world.upstream.posts[0]?.upstreamId });

  const sentAgain = ['429 for 0.02 s', '429 for 0.02 s', '429 for 0.02 s', 'ok'] as const;
  const refused = orderOf(world, 'refused', { submit: '429 for 0.02 s', sentAgain });
  const { task: waiting } = acknowledged(await world.client.submit(processes[1]!, refused));
  expect(waiting.status).toBe('WAITING');
  const row = async () => (await world.database.rows()).find(({ id }) => id === waiting.id);
  await expect.poll(async () => (await row())?.status, { ...soon, timeout: 40_000 }).toBe('COMPLETED');
  expect(await row()).toMatchObject({ refusalCount: 4, sendAttempt: 5 });
  const sent = Map.groupBy(world.upstream.posts, ({ marker }) => marker);
  expect(sent.get(relayed.marker)).toHaveLength(1);
  expect(sent.get(refused.marker)).toHaveLength(5);
  await expectNothingBroken(world);
}, 60_000);

test.each(databaseProviders)(
  'more orders than the upstream takes are all accepted, one at a time, over kills and restarts (%s)',
  async (provider) => {
    const options = { provider, postgresUrl: inject('postgresUrl'), orders: 30, kills: 2, seed: 1 };
    const { refused, seconds, ...report } = await drillWaiting(options);
    expect(report).toMatchObject({ problems: [], accepted: 30, failed: 0, atOnce: 1, kills: 2 });
    expect(refused).toBeGreaterThan(0);
  },
  180_000,
);
