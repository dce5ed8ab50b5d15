import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientOrder, OrderOptions } from './client.ts';
import { isResting, waitingTooLong } from './invariants.ts';
import { beginOutage } from './outages.ts';
import type { Plan, PlannedOptions, PlannedOrder, Step } from './plan.ts';
import type { Instance } from './service.ts';
import { mayBeBilled, nameIn, promptOf } from './upstream.ts';
import type { World } from './world.ts';

/** Executes one step after another, without waiting for the answers to orders. */
export async function execute(world: World, { steps, lastPatienceMs }: Plan): Promise<void> {
  const orders: ClientOrder[] = [];
  for (const { step, thenMs } of steps) {
    await executeStep(world, orders, step);
    await sleep(thenMs);
  }
  await world.client.settled(lastPatienceMs);
}

async function executeStep(world: World, orders: ClientOrder[], step: Step): Promise<void> {
  const { client, upstream } = world;
  switch (step.do) {
    case 'wait':
      return sleep(step.ms);
    case 'refuse the key':
      upstream.mode = step.from ? 'denied' : 'scripted';
      return;
    case 'start':
      return startMissing(world, step.longOutage);
    case 'kill':
      await sleep(step.afterMs);
      return choose(world, step.via)?.kill();
    case 'stop': {
      const instance = choose(world, step.via);
      return instance && world.stop(instance);
    }
    case 'submit': {
      const instance = await someInstance(world, step.via);
      const order = newOrder(world, orders, step.order, step.keyed);
      return unawaited(client.submit(instance, order));
    }
    case 'duplicates': {
      const instance = await someInstance(world, step.via);
      const order = earlier(orders, step.of);
      if (!order) return;
      const others = step.spread ? world.alive : [instance];
      for (let copy = 0; copy < step.copies; copy++) {
        unawaited(client.submit(others[copy % others.length] ?? instance, order));
      }
      return;
    }
    case 'other order': {
      const instance = await someInstance(world, step.via);
      const order = earlier(orders, step.of);
      if (!order) return;
      const other = { ...order, marker: `${nameIn(order.marker)}~${orders.length}` };
      unawaited(client.submit(instance, other));
      return unawaited(client.submit(instance, order));
    }
    case 'batch': {
      const instance = await someInstance(world, step.via);
      const batch = step.orders.map((order) => newOrder(world, orders, order, true));
      const duplicate = earlier(orders, step.of);
      return unawaited(client.submitBatch(instance, duplicate ? [...batch, duplicate] : batch));
    }
    case 'cancel':
      return unawaited(cancel(world, await someInstance(world, step.via), step.of));
    case 'outage':
      return beginOutage(upstream, step.by, step.ms);
    case 'pause':
      // Its first start makes the tables.
      if (world.instances.length === 0) await world.start();
      return world.pause(step.ms);
    case 'resolve':
      return resolveOne(world, await someInstance(world, step.via), step.of, step.confirm);
  }
}

/** The client remembers the answer, and the invariants are checked at the end. */
function unawaited(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

function newOrder(
  { upstream }: World,
  orders: ClientOrder[],
  { script, options }: PlannedOrder,
  keyed: boolean,
): ClientOrder {
  const name = `k${orders.length}`;
  const order = { key: keyed ? name : null, marker: `${name}~0`, options: optionsOf(options) };
  upstream.scripts.set(order.marker, script);
  orders.push(order);
  return order;
}

const optionsOf = ({ startWithinMs, ...options }: PlannedOptions): OrderOptions =>
  startWithinMs === undefined
    ? options
    : { ...options, startBefore: new Date(Date.now() + startWithinMs).toISOString() };

/** An order without a key has no duplicate. */
function earlier(orders: readonly ClientOrder[], of: number): ClientOrder | undefined {
  const keyed = orders.filter(({ key }) => key !== null);
  return keyed[of % keyed.length];
}

const choose = ({ alive }: World, via: number): Instance | undefined => alive[via % alive.length];

/** Orders go to a process that is up; where none is, one is started. */
async function someInstance(world: World, via: number): Promise<Instance> {
  return choose(world, via) ?? world.start();
}

async function startMissing(world: World, longOutage: boolean): Promise<void> {
  if (world.alive.length === 0 && world.instances.length > 0 && longOutage) await letTimePass(world);
  if (world.alive.length < 2) await world.start();
}

async function letTimePass({ database, problems }: World): Promise<void> {
  problems.push(...waitingTooLong(await database.rows()));
  await database.letTimePass();
}

/** Plays the operator who looks an unconfirmed task up with the vendor, and confirms it if it is there. */
async function resolveOne(world: World, instance: Instance, of: number, confirm: boolean): Promise<void> {
  const tasks = await world.client.tasksIn('UNCONFIRMED', instance);
  const task = tasks[of % tasks.length];
  if (!task) return;
  const post = world.upstream.posts.findLast((sent) => promptOf(sent.marker) === task.prompt && mayBeBilled(sent));
  const code = await world.client.resolve(instance, task.id, (confirm && post?.upstreamId) || null);
  // Another client may do the same, and a late answer may still arrive.
  if (code !== null && code !== 'TASK_STATE_CONFLICT') {
    world.problems.push(`resolving ${task.id} got the error ${code}`);
  }
}

async function cancel(world: World, instance: Instance, of: number | 'all'): Promise<void> {
  const { client } = world;
  const tasks = of === 'all' ? [] : await client.tasksIn('WAITING', instance);
  const task = tasks[Number(of) % tasks.length];
  if (!task && of !== 'all') return;
  const code = task ? await client.cancel(instance, task.id) : await client.cancelAll(instance);
  // The order may have been sent since it was read.
  const excused = code === null || (task !== undefined && code === 'TASK_STATE_CONFLICT');
  if (!excused) world.problems.push(`cancelling ${task?.id ?? 'all'} got the error ${code}`);
}

const settledWithinMs = 10_000;

/**
 * Kills all processes, lets time pass, and lets one process with a faultless upstream finish all tasks. Then every
 * client sends its orders once more, as clients do that never got an answer.
 */
export async function finishEverything(world: World): Promise<void> {
  const { client, upstream, database, problems } = world;
  await world.killAll();
  await client.settled(1_000);
  await world.resume();
  upstream.mode = 'healthy';
  await upstream.connect();
  if (world.instances.length > 0) await letTimePass(world);
  const instance = await world.start();
  const orders = new Map(
    client.sent.filter(({ order }) => order.key !== null).map((sent) => [sent.order.marker, sent]),
  );
  await Promise.all([...orders.values()].map(({ order }) => client.submit(instance, order)));

  const deadline = Date.now() + settledWithinMs;
  while (!(await database.rows()).every(isResting) && Date.now() < deadline) await sleep(50);
  problems.push(...waitingTooLong(await database.rows()));
  await world.stop(instance);
}
