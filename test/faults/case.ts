import { expect, inject, onTestFinished } from 'vitest';
import type { Provider } from '../../src/database/database.ts';
import type { Sent } from './client.ts';
import { finishEverything } from './execution.ts';
import { brokenInvariants } from './invariants.ts';
import { flawless, type OrderScript } from './upstream.ts';
import { World } from './world.ts';

/** What the cases share. */

export async function createWorld(provider: Provider, settings: Record<string, string> = {}): Promise<World> {
  const world = await World.create(provider, inject('postgresUrl'), settings);
  onTestFinished(() => world.close());
  return world;
}

/** An order under the key `name`, which the upstream treats by `script`. */
export function orderOf({ upstream }: World, name: string, script: Partial<OrderScript> = {}) {
  const order = { key: name, marker: `${name}~0` };
  upstream.scripts.set(order.marker, { ...flawless, ...script });
  return order;
}

export function acknowledged({ outcome }: Sent) {
  if (typeof outcome === 'string' || 'code' in outcome) throw new Error(`no task: ${JSON.stringify(outcome)}`);
  return outcome;
}

export const soon = { timeout: 10_000, interval: 20 };

export async function expectNothingBroken(world: World): Promise<void> {
  await finishEverything(world);
  expect(brokenInvariants(world, await world.database.rows())).toEqual([]);
}
