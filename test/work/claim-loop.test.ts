import { expect, onTestFinished, test } from 'vitest';
import { type ClaimedWork, ClaimLoop } from '../../src/work/claim-loop.ts';

/** A queue in memory, and the work on its items, which the test ends one by one. */
function queueOf(items: readonly number[], own: Partial<ClaimedWork<number>> = {}) {
  const due = [...items];
  const claims: number[] = [];
  const failures: unknown[] = [];
  const underWay = new Map<number, PromiseWithResolvers<void>>();
  const done: number[] = [];
  const work: ClaimedWork<number> = {
    async claim(limit) {
      claims.push(limit);
      return due.splice(0, limit);
    },
    async work(item) {
      const ended = Promise.withResolvers<void>();
      underWay.set(item, ended);
      await ended.promise.finally(() => underWay.delete(item));
      done.push(item);
    },
    onFailed: (item, error) => void failures.push([item, error]),
    onClaimFailed: (error) => void failures.push(error),
    ...own,
  };
  return { due, claims, failures, underWay, done, work };
}

function started<Item>(work: ClaimedWork<Item>, concurrency: number): ClaimLoop<Item> {
  const loop = new ClaimLoop(work, { concurrency, pollMs: 5 });
  onTestFinished(() => loop.stop());
  loop.start();
  return loop;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('no more items are under way than the settings say, and each is claimed once', async () => {
  const { underWay, done, work } = queueOf(upTo(20));
  started(work, 4);
  let most = 0;
  while (done.length < 20) {
    await expect.poll(() => underWay.size).toBeGreaterThan(0);
    most = Math.max(most, underWay.size);
    for (const { resolve } of underWay.values()) resolve();
    await new Promise(setImmediate);
  }
  expect(most).toBe(4);
  expect(done.toSorted((one, other) => one - other)).toEqual(upTo(20));
});

test('a capability that is throttled has no more under way than it says, and nothing is claimed at zero', async () => {
  const allowed = { now: 0 };
  const { claims, underWay, work } = queueOf(upTo(3), { limit: () => allowed.now });
  started(work, 10);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(claims).toEqual([]);
  allowed.now = 2;
  await expect.poll(() => underWay.size).toBe(2);
  for (const { resolve } of underWay.values()) resolve();
  await expect.poll(() => underWay.size).toBe(1);
  for (const { resolve } of underWay.values()) resolve();
});

test('claims that fail are tried again, and are told once until one succeeds', async () => {
  const faults = new Set(['gone']);
  let attempts = 0;
  const queue = queueOf([1]);
  const { claim } = queue.work;
  const loop = started(
    {
      ...queue.work,
      async claim(limit) {
        attempts++;
        if (faults.size > 0) throw new Error('gone');
        return claim(limit);
      },
    },
    1,
  );
  await expect.poll(() => attempts).toBeGreaterThan(3);
  expect(loop.failing).toBe(true);
  expect(queue.failures).toEqual([new Error('gone')]);
  faults.clear();
  await expect.poll(() => queue.underWay.size).toBe(1);
  expect(loop.failing).toBe(false);
  for (const { resolve } of queue.underWay.values()) resolve();
});

test('work that fails is told with its item and ends nothing else', async () => {
  const { failures, underWay, done, work } = queueOf([1, 2]);
  started(work, 2);
  await expect.poll(() => underWay.size).toBe(2);
  underWay.get(1)?.reject(new Error('broken'));
  underWay.get(2)?.resolve();
  await expect.poll(() => done).toEqual([2]);
  expect(failures).toEqual([[1, new Error('broken')]]);
});

test('a stop claims no more, waits for what is under way, and then writes what was collected', async () => {
  const written: number[] = [];
  const queue = queueOf(upTo(4), { onIdle: async () => void written.push(queue.done.length) });
  const loop = started(queue.work, 2);
  await expect.poll(() => queue.underWay.size).toBe(2);
  const stopped = loop.stop();
  for (const { resolve } of queue.underWay.values()) resolve();
  await stopped;
  expect(queue.done).toHaveLength(2);
  expect(queue.due).toHaveLength(2);
  expect(written.at(-1)).toBe(2);
});
