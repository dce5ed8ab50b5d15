import { expect, test } from 'vitest';
import { soak } from './soak.ts';

/** The short form; `npm run drill:soak` is the whole one. */
const options = { seconds: 12, seed: 20_261_122, peers: 40 };

test('misbehaving connections harm no other connection', async () => {
  const { problems, connections, answered, paid } = await soak(options);
  expect(problems.slice(0, 20)).toEqual([]);
  // A soak in which nothing was sent or answered would prove nothing.
  expect(connections).toBeGreaterThan(options.peers);
  expect(answered.reads).toBeGreaterThan(10);
  expect(answered.orders).toBeGreaterThan(3);
  expect(paid).toBeGreaterThan(answered.orders);
});
