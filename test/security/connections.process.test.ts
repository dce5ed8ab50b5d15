import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { status } from '../support/upstream.ts';
import {
  callUp,
  expectAlive,
  type Line,
  orderBody,
  postOf,
  startGuarded,
  statusesIn,
  submit,
  subscriptionTo,
  whoami,
} from './guarded.ts';

const stream = { accept: 'text/event-stream' };
const tracked = { TRACKER_FIRST_CHECK_MS: '20', TRACKER_INTERVAL_MS: '20' };
const patience = { timeout: 10_000, interval: 20 };

test('pipelined subscriptions whose answers are never read do not end the process', async () => {
  const limits = { STALLED_TIMEOUT_MS: '2400', MAX_ALIASES: '2000', MAX_TOKENS: '10000' };
  const service = await startGuarded({ ...tracked, ...limits });
  const id = await submit(service, 'x'.repeat(10_000));
  const prompts = Array.from({ length: 1_900 }, (_, index) => `p${index}: prompt`).join(' ');
  const { socket, closedWithin } = await callUp(service.url);
  socket.pause();
  for (const fields of [prompts, 'status', 'status']) socket.write(postOf(service, subscriptionTo(id, fields), stream));
  // As long as it takes for several pings, and until the connection is given up.
  await closedWithin(4_000);
  await expectAlive(service);
});

/** How a connection ends from the client's side. */
const ends: Record<string, (line: Line) => void> = {
  FIN: ({ socket }) => void socket.end(),
  RST: ({ socket }) => void socket.resetAndDestroy(),
};

test.each(Object.entries(ends))(
  'connections that end by %s at any point leave nothing behind',
  async (_, end) => {
    const service = await startGuarded({ ...tracked, MAX_SUBSCRIPTIONS: '3', STALLED_TIMEOUT_MS: '2000' });
    service.upstream.onCheck = status('processing');
    const id = await submit(service);
    const [order, read, watching] = [
      postOf(service, orderBody),
      postOf(service, whoami),
      postOf(service, subscriptionTo(id), stream),
    ];
    for (const _ of [1, 2]) await service.send(whoami);
    const heads = [order, read, watching].map((text) => text.split('\r\n\r\n')[0] ?? '');
    const cuts = [
      ...heads.flatMap((head) => [head.slice(0, 9), head, `${head}\r\n\r\n`, `${head}\r\n\r\n{"qu`]),
      read,
      read + read,
      watching,
      watching + watching,
      watching + read,
      `${heads[1]}\r\n\r\n{"qu`,
      'GET /graphql',
    ];
    for (const text of [...cuts, ...cuts]) {
      const line = await callUp(service.url, text);
      await delay(10);
      end(line);
    }
    const order1 = await callUp(service.url, order);
    await expect.poll(() => service.upstream.submits.length, patience).toBe(2);
    end(order1);
    // Each subscription has given back its place.
    const places = async () => {
      const lines = await Promise.all([1, 2, 3].map(() => callUp(service.url, watching)));
      await expect.poll(() => lines.every(({ heard }) => /event: (next|complete)/.test(heard())), patience).toBe(true);
      const admitted = lines.filter(({ heard }) => heard().includes('"status"')).length;
      for (const { socket } of lines) socket.destroy();
      return admitted;
    };
    await expect.poll(places, { ...patience, interval: 200 }).toBe(3);
    const tasks = await (
      await service.send({ query: '{ videoTasks(first: 9) { edges { node { status } } } }' })
    ).json();
    expect(tasks.data.videoTasks.edges).toHaveLength(2);
    await expectAlive(service);
  },
  60_000,
);

test('an instance has so many connections open at most, and takes new ones when others are closed', async () => {
  const service = await startGuarded({ MAX_CONNECTIONS: '20' });
  const lines = await Promise.all(Array.from({ length: 20 }, () => callUp(service.url)));
  for (const _ of [1, 2, 3]) {
    const beyond = await callUp(service.url, postOf(service, whoami));
    expect(await beyond.closedWithin(5_000)).toBe(true);
    expect(beyond.heard()).toBe('');
  }
  expect(service.log().match(/too many connections/g)).toHaveLength(1);
  lines[0]?.socket.write(postOf(service, whoami));
  await expect.poll(() => lines[0] && statusesIn(lines[0]), patience).toEqual(['200']);
  for (const { socket } of lines) socket.destroy();
  await expect.poll(async () => (await service.send(whoami).catch(() => null))?.status, patience).toBe(200);
});
